/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a round waits in epoll, runs the callbacks of what is
 * ready, then the posts. Posts that posts sent run in further passes of the same
 * round, up to PASSES_MAX, so that a hand-over chain costs no system call; what
 * is left then waits for the next round, which does not block.
 *
 * What can go wrong: a chain of posts that never ends would starve descriptors
 * (hence PASSES_MAX); a base without events would return at once and spin (hence
 * EVLOOP_NO_EXIT_ON_EMPTY); time is CLOCK_MONOTONIC_COARSE, so a timer may fire
 * up to a tick (4 ms at HZ=250) early or late. The precise clock would cost a
 * timerfd_settime() in every round.
 */
#include "loop/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#define PASSES_MAX 16

struct loop {
    struct event_base *base;
    struct event *limit; /* ends the wait of loop_run_once() */
    struct link posts;
    bool stop;
};

static struct timeval to_timeval(uint64_t us)
{
    return (struct timeval){.tv_sec = (time_t)(us / 1000000),
                            .tv_usec = (suseconds_t)(us % 1000000)};
}

/* ---- rounds ---- */

static void run_pass(struct loop *loop)
{
    struct link pass; /* a post sent from here on belongs to the next pass */
    list_init(&pass);
    pass.next = loop->posts.next;
    pass.prev = loop->posts.prev;
    pass.next->prev = &pass;
    pass.prev->next = &pass;
    list_init(&loop->posts);
    while (!list_empty(&pass)) {
        struct loop_post *p = CONTAINER_OF(pass.next, struct loop_post, link);
        list_remove(&p->link);
        p->fn(p->user); /* may free p, and cancel any other */
    }
}

static void run_posts(struct loop *loop)
{
    for (int pass = 0; pass < PASSES_MAX && !list_empty(&loop->posts); pass++) {
        run_pass(loop);
    }
}

static void run_round(struct loop *loop, bool may_wait)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (!may_wait || !list_empty(&loop->posts)) {
        flags |= EVLOOP_NONBLOCK;
    }
    int rc = event_base_loop(loop->base, flags);
    ASSERT(rc >= 0);
    run_posts(loop);
}

static void on_limit(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

struct loop *loop_new(void)
{
    struct loop *loop = NEW(struct loop);
    list_init(&loop->posts);
    struct event_config *config = event_config_new();
    ASSERT(config);
    int rc = event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    ASSERT(rc == 0);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    ASSERT(loop->base);
    loop->limit = event_new(loop->base, -1, 0, on_limit, NULL);
    ASSERT(loop->limit);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    while (!list_empty(&loop->posts)) { /* never run; their owners may be gone before or after */
        list_remove(loop->posts.next);
    }
    event_free(loop->limit);
    event_base_free(loop->base);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    loop->stop = false;
    run_posts(loop);
    while (!loop->stop) {
        run_round(loop, true);
    }
}

void loop_run_once(struct loop *loop, uint64_t wait_us)
{
    if (wait_us) {
        struct timeval wait = to_timeval(wait_us);
        event_add(loop->limit, &wait);
    }
    run_round(loop, wait_us > 0);
    event_del(loop->limit);
}

void loop_stop(struct loop *loop)
{
    loop->stop = true;
    event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

/* ---- timers ---- */

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct loop_timer *t = user;
    t->fn(t->user);
}

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn *fn, void *user)
{
    *t = (struct loop_timer){.fn = fn, .user = user};
    t->event = event_new(loop->base, -1, 0, on_timer, t);
    ASSERT(t->event);
}

void loop_timer_done(struct loop_timer *t)
{
    if (t->event) {
        event_free(t->event);
        t->event = NULL;
    }
}

void loop_timer_start(struct loop_timer *t, uint64_t delay_us)
{
    struct timeval delay = to_timeval(delay_us);
    int rc = event_add(t->event, &delay);
    ASSERT(rc == 0);
}

void loop_timer_stop(struct loop_timer *t)
{
    event_del(t->event);
}

/* ---- posts ---- */

void loop_post_init(struct loop_post *p, struct loop *loop, loop_fn *fn, void *user)
{
    *p = (struct loop_post){.loop = loop, .fn = fn, .user = user};
}

void loop_post_send(struct loop_post *p)
{
    if (list_empty(&p->link)) {
        list_append(&p->loop->posts, &p->link);
    }
}

void loop_post_cancel(struct loop_post *p)
{
    list_remove(&p->link);
}

/* ---- descriptors ---- */

static void on_ready(evutil_socket_t fd, short what, void *user)
{
    struct loop_watch *w = user;
    w->fn(w->user, (int)fd, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

void loop_watch_init(struct loop_watch *w, struct loop *loop, int fd, loop_io_fn *fn, void *user)
{
    *w = (struct loop_watch){.loop = loop, .fn = fn, .user = user, .fd = fd};
}

void loop_watch_done(struct loop_watch *w)
{
    if (w->event) {
        event_free(w->event);
        w->event = NULL;
    }
}

void loop_watch_set(struct loop_watch *w, bool readable, bool writable)
{
    short want = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    short have = w->event ? (short)(event_get_events(w->event) & (EV_READ | EV_WRITE)) : 0;
    if (want == have) {
        return;
    }
    if (!want) {
        loop_watch_done(w);
        return;
    }
    int rc;
    if (w->event) {
        event_del(w->event);
        rc = event_assign(w->event, w->loop->base, w->fd, (short)(want | EV_PERSIST), on_ready, w);
        ASSERT(rc == 0);
    } else {
        w->event = event_new(w->loop->base, w->fd, (short)(want | EV_PERSIST), on_ready, w);
        ASSERT(w->event);
    }
    rc = event_add(w->event, NULL);
    ASSERT(rc == 0); /* fails only on a descriptor that is not open or cannot be polled */
}

/* ---- wake-ups ---- */

static void on_wake(void *user, int fd, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct loop_wake *w = user;
    uint64_t count;
    if (read(fd, &count, sizeof count) == (ssize_t)sizeof count) {
        w->fn(w->user);
    }
}

void loop_wake_init(struct loop_wake *w, struct loop *loop, loop_fn *fn, void *user)
{
    *w = (struct loop_wake){.fn = fn, .user = user};
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ASSERT(w->fd >= 0);
    loop_watch_init(&w->watch, loop, w->fd, on_wake, w);
    loop_watch_set(&w->watch, true, false);
}

void loop_wake_done(struct loop_wake *w)
{
    loop_watch_done(&w->watch);
    if (w->fd >= 0) {
        close(w->fd);
        w->fd = -1;
    }
}

void loop_wake_send(struct loop_wake *w)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t n =
        write(w->fd, &one, sizeof one); /* full = 2^64-1 sends unread: a call is due anyway */
    (void)n;
    errno = saved;
}
