/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to hand things from one thread to another: a bounded FIFO of
 * pointers under one lock. The item belongs to the queue between put and take.
 * Any number of putters and takers. After queue_close() puts are refused and
 * takers get what is left, then NULL.
 *
 * A taker that works in batches says so with queue_wait_many(): while it waits,
 * putters wake it once for the lot and not for each item, which would cost
 * both threads a system call and a switch. It must then be the only taker.
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
        size_t enough; /* putters signal from this count on; 1 unless somebody waits for many */
        bool closed, hurried;
    } shared;
};

void queue_init(struct queue *q, size_t capacity);
void queue_done(struct queue *q); /* must be empty */
/* False when full or closed; the caller keeps the item. Never waits. */
bool queue_put(struct queue *q, void *item) MUST_USE;
void *queue_try_take(struct queue *q); /* NULL when empty */
/* Waits up to `wait_us` (0: not at all); NULL when nothing came or it is closed and empty. */
void *queue_take(struct queue *q, uint64_t wait_us);
/* Waits up to `wait_us` until `enough` items are there, it is closed or hurried. Takes nothing. */
void queue_wait_many(struct queue *q, size_t enough, uint64_t wait_us);
/* Ends a queue_wait_many() that is under way, or else the next one. */
void queue_hurry(struct queue *q);
void queue_close(struct queue *q);
size_t queue_count(struct queue *q);

#endif
