/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event loop per process that serves: timers, deferred calls, descriptors
 * and wake-ups from other threads, over libevent.
 *
 * Everything runs on the thread that calls loop_run(); only loop_wake_send() may
 * be called from another one. Callbacks never run inside the call that starts
 * them. Timers, posts, wakes and watches are embedded in their owners; stopping
 * one is always allowed, also from inside its own callback, and after that it
 * does not fire.
 *
 * A round is: wait, callbacks of what is ready, posts. Timers go by a coarse
 * clock: up to 4 ms early or late, good for time-outs, not for measuring.
 * What is embedded here must be stopped (done, cancelled) before loop_free().
 */
#ifndef WEIR_LOOP_LOOP_H
#define WEIR_LOOP_LOOP_H

#include "base/base.h"
#include "base/list.h"

struct loop;
struct event_base; /* libevent's, for http/ only */
struct event;

typedef void loop_fn(void *user);
typedef void loop_io_fn(void *user, int fd, bool readable, bool writable);

struct loop *loop_new(void); /* after fork, never before */
void loop_free(struct loop *loop);
void loop_run(struct loop *loop);                        /* until loop_stop() */
void loop_run_once(struct loop *loop, uint64_t wait_us); /* for tests */
void loop_stop(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

struct loop_timer {
    struct event *event;
    loop_fn *fn;
    void *user;
};
void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn *fn, void *user);
void loop_timer_done(struct loop_timer *t);
void loop_timer_start(struct loop_timer *t, uint64_t delay_us); /* again = moved */
void loop_timer_stop(struct loop_timer *t);

/* Runs once, in the next round, in the order of posting; no system call. */
struct loop_post {
    struct link link;
    struct loop *loop;
    loop_fn *fn;
    void *user;
};
void loop_post_init(struct loop_post *p, struct loop *loop, loop_fn *fn, void *user);
void loop_post_send(struct loop_post *p); /* no-op while pending */
void loop_post_cancel(struct loop_post *p);

/* A descriptor that is not the http folder's: curl's sockets, the engine's socket. */
struct loop_watch {
    struct event *event;
    struct loop *loop;
    loop_io_fn *fn;
    void *user;
    int fd;
};
void loop_watch_init(struct loop_watch *w, struct loop *loop, int fd, loop_io_fn *fn, void *user);
void loop_watch_done(struct loop_watch *w); /* does not close fd */
void loop_watch_set(struct loop_watch *w, bool readable, bool writable);

/* Another thread asks for a call on the loop thread; several sends may become one call. */
struct loop_wake {
    struct loop_watch watch;
    int fd; /* eventfd */
    loop_fn *fn;
    void *user;
};
void loop_wake_init(struct loop_wake *w, struct loop *loop, loop_fn *fn, void *user);
void loop_wake_done(struct loop_wake *w);
void loop_wake_send(struct loop_wake *w); /* any thread; async-signal-safe */

#endif
