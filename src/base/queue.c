/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include <time.h>

void queue_init(struct queue *q, size_t capacity)
{
    *q = (struct queue){.capacity = capacity, .shared.enough = 1};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->shared.lock, NULL);
    pthread_cond_init(&q->shared.filled, &attr);
    pthread_condattr_destroy(&attr);
    q->shared.items = NEW_ARRAY(void *, capacity);
}

void queue_done(struct queue *q)
{
    ASSERT(q->shared.count == 0);
    pthread_mutex_destroy(&q->shared.lock);
    pthread_cond_destroy(&q->shared.filled);
    mem_free(q->shared.items);
}

bool queue_put(struct queue *q, void *item)
{
    PRE(item);
    pthread_mutex_lock(&q->shared.lock);
    bool room = !q->shared.closed && q->shared.count < q->capacity;
    if (room) {
        q->shared.items[(q->shared.head + q->shared.count++) % q->capacity] = item;
        if (q->shared.count >= q->shared.enough) {
            pthread_cond_signal(&q->shared.filled);
        }
    }
    pthread_mutex_unlock(&q->shared.lock);
    return room;
}

static void *take_locked(struct queue *q)
{
    if (q->shared.count == 0) {
        return NULL;
    }
    void *item = q->shared.items[q->shared.head];
    q->shared.head = (q->shared.head + 1) % q->capacity;
    q->shared.count--;
    return item;
}

void *queue_try_take(struct queue *q)
{
    return queue_take(q, 0);
}

static struct timespec after(uint64_t wait_us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + wait_us % 1000000 * 1000;
    until.tv_sec += (time_t)(wait_us / 1000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return until;
}

void *queue_take(struct queue *q, uint64_t wait_us)
{
    struct timespec until = {0};
    if (wait_us) {
        until = after(wait_us);
    }
    pthread_mutex_lock(&q->shared.lock);
    while (wait_us && q->shared.count == 0 && !q->shared.closed) {
        if (pthread_cond_timedwait(&q->shared.filled, &q->shared.lock, &until)) {
            break;
        }
    }
    void *item = take_locked(q);
    pthread_mutex_unlock(&q->shared.lock);
    return item;
}

void queue_wait_many(struct queue *q, size_t enough, uint64_t wait_us)
{
    PRE(enough > 0);
    struct timespec until = after(wait_us);
    pthread_mutex_lock(&q->shared.lock);
    q->shared.enough = MIN(enough, q->capacity);
    while (q->shared.count < q->shared.enough && !q->shared.closed && !q->shared.hurried) {
        if (pthread_cond_timedwait(&q->shared.filled, &q->shared.lock, &until)) {
            break;
        }
    }
    q->shared.enough = 1;
    q->shared.hurried = false;
    pthread_mutex_unlock(&q->shared.lock);
}

void queue_hurry(struct queue *q)
{
    pthread_mutex_lock(&q->shared.lock);
    q->shared.hurried = true;
    pthread_cond_broadcast(&q->shared.filled);
    pthread_mutex_unlock(&q->shared.lock);
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->shared.lock);
    q->shared.closed = true;
    pthread_cond_broadcast(&q->shared.filled);
    pthread_mutex_unlock(&q->shared.lock);
}

size_t queue_count(struct queue *q)
{
    pthread_mutex_lock(&q->shared.lock);
    size_t n = q->shared.count;
    pthread_mutex_unlock(&q->shared.lock);
    return n;
}
