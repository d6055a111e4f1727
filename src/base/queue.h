/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to hand things from one thread to another: a bounded FIFO of
 * pointers under one lock. The item belongs to the queue between put and take.
 * Any number of putters and takers. After queue_close() puts are refused and
 * takers get what is left, then NULL.
 */
#ifndef WEIR_BASE_QUEUE_H
#define WEIR_BASE_QUEUE_H

#include "base/base.h"

#include <pthread.h>

struct queue {
    size_t capacity;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t filled;
        void **items;
        size_t head, count;
        bool closed;
    } shared;
};

void queue_init(struct queue *q, size_t capacity);
void queue_done(struct queue *q); /* must be empty */
/* False when full or closed; the caller keeps the item. Never waits. */
bool queue_put(struct queue *q, void *item) MUST_USE;
void *queue_try_take(struct queue *q); /* NULL when empty */
/* Waits up to `wait_us` (0: not at all); NULL when nothing came or it is closed and empty. */
void *queue_take(struct queue *q, uint64_t wait_us);
void queue_close(struct queue *q);
size_t queue_count(struct queue *q);

#endif
