/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the thread fills `found`, marks `done` and wakes the loop,
 * all under the lock; the loop's callback takes the lock once (so the thread has
 * left), frees the lookup and tells the caller.
 *
 * What can go wrong: the caller cancels first. Then the wake-up is closed, which
 * the thread must not touch any more: it sees `cancelled` and frees the memory.
 * No thread can be made: reported like an unknown host.
 */
#include "http/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#define STACK_BYTES (256 * KIB)

struct lookup {
    struct {
        struct loop_wake wake;
        lookup_fn *fn;
        void *user;
    } loop;
    struct {
        pthread_mutex_t lock;
        bool done, cancelled;
        struct address_list found;
        const char *why;
    } shared;
};

static void lookup_free(struct lookup *l)
{
    pthread_mutex_destroy(&l->shared.lock);
    mem_free(l);
}

/* ---- on the thread ---- */

static void ask(struct address_list *list, const char **why)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(list->host, list->port, &hints, &found);
    *why = rc ? gai_strerror(rc) : "no address";
    for (struct addrinfo *it = found; it && list->count < ADDRESSES_MAX; it = it->ai_next) {
        struct address *a = &list->items[list->count++];
        memcpy(&a->sock, it->ai_addr, it->ai_addrlen);
        a->len = it->ai_addrlen;
    }
    if (found) {
        freeaddrinfo(found);
    }
}

static void *run(void *user)
{
    struct lookup *l = user;
    struct address_list list = l->shared.found; /* written before the thread began */
    const char *why = NULL;
    ask(&list, &why);
    pthread_mutex_lock(&l->shared.lock);
    bool cancelled = l->shared.cancelled;
    if (!cancelled) {
        l->shared.found = list;
        l->shared.why = why;
        l->shared.done = true;
        loop_wake_send(&l->loop.wake); /* under the lock: after it, `l` may be gone */
    }
    pthread_mutex_unlock(&l->shared.lock);
    if (cancelled) {
        lookup_free(l);
    }
    return NULL;
}

/* ---- on the loop ---- */

static void on_answer(void *user)
{
    struct lookup *l = user;
    pthread_mutex_lock(&l->shared.lock);
    ASSERT(l->shared.done);
    pthread_mutex_unlock(&l->shared.lock);
    struct address_list found = l->shared.found;
    const char *why = l->shared.why;
    lookup_fn *fn = l->loop.fn;
    void *fn_user = l->loop.user;
    loop_wake_done(&l->loop.wake);
    lookup_free(l);
    fn(fn_user, &found, why);
}

static bool start_thread(struct lookup *l)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigset_t all;
    sigset_t before;
    sigfillset(&all); /* signals are for the thread that has the loop */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    bool started = pthread_create(&thread, &attr, run, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return started;
}

struct lookup *lookup_start(struct loop *loop, const struct address_list *wanted, lookup_fn *fn,
                            void *user)
{
    struct lookup *l = NEW(struct lookup);
    l->loop.fn = fn;
    l->loop.user = user;
    pthread_mutex_init(&l->shared.lock, NULL);
    l->shared.found = *wanted;
    l->shared.found.count = 0;
    loop_wake_init(&l->loop.wake, loop, on_answer, l);
    if (!start_thread(l)) {
        l->shared.why = "no thread for the lookup";
        l->shared.done = true;
        loop_wake_send(&l->loop.wake);
    }
    return l;
}

void lookup_cancel(struct lookup *l)
{
    if (!l) {
        return;
    }
    pthread_mutex_lock(&l->shared.lock);
    bool done = l->shared.done;
    l->shared.cancelled = true;
    loop_wake_done(&l->loop.wake);
    pthread_mutex_unlock(&l->shared.lock);
    if (done) {
        lookup_free(l);
    }
}
