/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/span.h"
#include "loop/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define SOON_US 1000
#define TICK_US 4000 /* the coarse clock's */

struct probe {
    struct loop *loop;
    struct loop_timer timer;
    struct loop_timer other;
    struct loop_post post[3];
    struct loop_watch watch;
    struct loop_wake wake;
    int calls;
    int depth; /* posts still to be sent from a post */
    char order[16];
};

static void count(void *user)
{
    struct probe *p = user;
    p->calls++;
}

static void count_and_stop(void *user)
{
    count(user);
    loop_stop(((struct probe *)user)->loop);
}

static void setup(struct probe *p)
{
    *p = (struct probe){.loop = loop_new()};
}

static void timers_fire_once_and_can_be_moved_and_stopped(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    loop_timer_init(&p.timer, p.loop, count_and_stop, &p);
    loop_timer_init(&p.other, p.loop, count, &p);
    uint64_t start = clock_now_us();
    loop_timer_start(&p.timer, 60 * US_PER_S);
    loop_timer_start(&p.timer, 10 * US_PER_MS); /* moved */
    loop_timer_start(&p.other, SOON_US);
    loop_timer_stop(&p.other);
    loop_run(p.loop);
    uint64_t took = clock_now_us() - start;
    assert_int_equal(p.calls, 1);
    assert_true(took + TICK_US >= 10 * US_PER_MS && took < US_PER_S);
    loop_run_once(p.loop, 2 * SOON_US);
    assert_int_equal(p.calls, 1);
    loop_timer_done(&p.timer);
    loop_timer_done(&p.other);
    loop_free(p.loop);
}

static void restart_itself(void *user)
{
    struct probe *p = user;
    if (++p->calls < 3) {
        loop_timer_start(&p->timer, 0);
        loop_timer_stop(&p->other);
    } else {
        loop_stop(p->loop);
    }
}

static void a_timer_may_start_itself_and_stop_another(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    loop_timer_init(&p.timer, p.loop, restart_itself, &p);
    loop_timer_init(&p.other, p.loop, restart_itself, &p);
    loop_timer_start(&p.timer, 0);
    loop_timer_start(&p.other, 0); /* due in the same round */
    loop_run(p.loop);
    assert_int_equal(p.calls, 3);
    loop_timer_done(&p.timer);
    loop_timer_done(&p.other);
    loop_free(p.loop);
}

static void first(void *user)
{
    struct probe *p = user;
    strcat(p->order, "a");
    loop_post_send(&p->post[0]); /* itself again: a later pass */
    loop_post_cancel(&p->post[2]);
    if (++p->calls == 3) {
        loop_post_cancel(&p->post[0]);
    }
}
static void second(void *user)
{
    strcat(((struct probe *)user)->order, "b");
}
static void third(void *user)
{
    strcat(((struct probe *)user)->order, "c");
}

static void posts_run_in_order_and_never_inside_send(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    loop_post_init(&p.post[0], p.loop, first, &p);
    loop_post_init(&p.post[1], p.loop, second, &p);
    loop_post_init(&p.post[2], p.loop, third, &p);
    loop_post_send(&p.post[0]);
    loop_post_send(&p.post[1]);
    loop_post_send(&p.post[2]);
    loop_post_send(&p.post[1]); /* pending already */
    assert_string_equal(p.order, "");
    uint64_t start = clock_now_us();
    loop_run_once(p.loop, US_PER_S); /* must not wait: posts are pending */
    assert_true(clock_now_us() - start < US_PER_S / 2);
    assert_string_equal(p.order, "abaa");
    loop_free(p.loop);
}

static void send_again(void *user)
{
    struct probe *p = user;
    p->calls++;
    if (p->depth-- > 0) {
        loop_post_send(&p->post[0]);
    }
}

static void an_endless_chain_of_posts_does_not_starve_timers(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    p.depth = INT32_MAX;
    loop_post_init(&p.post[0], p.loop, send_again, &p);
    loop_timer_init(&p.timer, p.loop, count_and_stop, &p);
    loop_timer_start(&p.timer, SOON_US);
    loop_post_send(&p.post[0]);
    loop_run(p.loop);
    assert_true(p.calls > 1);
    loop_timer_done(&p.timer);
    loop_free(p.loop); /* with a post pending */
}

static void on_io(void *user, int fd, bool readable, bool writable)
{
    struct probe *p = user;
    if (readable) {
        char byte;
        assert_int_equal(read(fd, &byte, 1), 1);
        strncat(p->order, &byte, 1);
    }
    if (writable) {
        strcat(p->order, "w");
        loop_watch_set(&p->watch, true, false);
    }
}

static void watches_follow_what_is_set(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    loop_watch_init(&p.watch, p.loop, pair[0], on_io, &p);
    assert_int_equal(write(pair[1], "xyz", 3), 3);
    loop_run_once(p.loop, SOON_US);
    assert_string_equal(p.order, "");
    loop_watch_set(&p.watch, true, true);
    loop_run_once(p.loop, US_PER_S);
    loop_run_once(p.loop, US_PER_S);
    assert_string_equal(p.order, "xwy");
    loop_watch_set(&p.watch, false, false);
    loop_run_once(p.loop, SOON_US);
    assert_string_equal(p.order, "xwy");
    loop_watch_set(&p.watch, true, false);
    loop_run_once(p.loop, US_PER_S);
    assert_string_equal(p.order, "xwyz");
    loop_watch_done(&p.watch);
    loop_watch_done(&p.watch);
    close(pair[0]);
    close(pair[1]);
    loop_free(p.loop);
}

static void *send_wakes(void *user)
{
    struct probe *p = user;
    for (int i = 0; i < 100; i++) {
        loop_wake_send(&p->wake);
    }
    return NULL;
}

static void another_thread_wakes_the_loop(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    loop_wake_init(&p.wake, p.loop, count_and_stop, &p);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_wakes, &p), 0);
    loop_run(p.loop);
    pthread_join(thread, NULL);
    assert_true(p.calls >= 1 && p.calls <= 100);
    loop_wake_done(&p.wake);
    loop_free(p.loop);
}

static void an_empty_loop_waits_instead_of_spinning(void **state)
{
    (void)state;
    struct probe p;
    setup(&p);
    uint64_t start = clock_now_us();
    loop_run_once(p.loop, 20 * US_PER_MS);
    assert_true(clock_now_us() - start + TICK_US >= 20 * US_PER_MS);
    loop_free(p.loop);
}

static struct loop *alarmed;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    loop_stop(alarmed);
}

static void a_loop_without_any_event_sleeps(void **state)
{
    (void)state;
    alarmed = loop_new();
    signal(SIGALRM, on_alarm);
    struct itimerval soon = {.it_value.tv_usec = 50000};
    struct rusage before;
    struct rusage after;
    getrusage(RUSAGE_SELF, &before);
    setitimer(ITIMER_REAL, &soon, NULL);
    loop_run(alarmed);
    getrusage(RUSAGE_SELF, &after);
    signal(SIGALRM, SIG_DFL);
    long spent_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
                    after.ru_utime.tv_usec - before.ru_utime.tv_usec;
    assert_true(spent_us < 10000);
    loop_free(alarmed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_once_and_can_be_moved_and_stopped),
        cmocka_unit_test(a_timer_may_start_itself_and_stop_another),
        cmocka_unit_test(posts_run_in_order_and_never_inside_send),
        cmocka_unit_test(an_endless_chain_of_posts_does_not_starve_timers),
        cmocka_unit_test(watches_follow_what_is_set),
        cmocka_unit_test(another_thread_wakes_the_loop),
        cmocka_unit_test(an_empty_loop_waits_instead_of_spinning),
        cmocka_unit_test(a_loop_without_any_event_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
