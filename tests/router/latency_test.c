/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "router/latency.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S 1000000u

struct place { /* a backend as it really is */
    double start_us, read_us, write_us;
};

/* Legs on prompts of 20 … 400 tokens, one a second. */
static void run(struct latency *l, const struct place *p, int legs, uint64_t *now_us)
{
    for (int i = 0; i < legs; i++) {
        int64_t prompt = 20 + (i * 137) % 381;
        int64_t out = 40;
        double ttft = p->start_us + p->read_us * (double)prompt;
        latency_note(l, &(struct latency_leg){
                            .now_us = *now_us,
                            .ok = true,
                            .alone = true,
                            .new_tokens = prompt,
                            .output_tokens = out,
                            .ttft_us = (int64_t)ttft,
                            .total_us = (int64_t)(ttft + p->write_us * (double)(out - 1)),
                            .task = TASK_CHAT,
                            .rtt_ms = 40,
                            .load = 0.5,
                        });
        *now_us += S;
    }
}

static struct prediction ask(const struct latency *l, struct latency_question q)
{
    struct prediction p;
    q.slots = MAX(q.slots, 1);
    q.rtt_ms = q.rtt_ms > 0 ? q.rtt_ms : -1;
    latency_predict(l, &q, &p);
    return p;
}

static void nothing_is_known_before_a_leg(void **state)
{
    (void)state;
    struct latency l = {0};
    struct prediction p = ask(&l, (struct latency_question){.now_us = S, .new_tokens = 100});
    assert_true(p.ttft_us == 0 && p.late_us == 0 && p.total_us == 0 && p.failing == 0);
}

static void reading_and_writing_are_told_apart(void **state)
{
    (void)state;
    struct latency l = {0};
    uint64_t now = S;
    struct place place = {5000, 300, 20000};
    run(&l, &place, 40, &now);
    struct prediction p = ask(&l, (struct latency_question){.now_us = now, .new_tokens = 1000});
    assert_float_equal(p.ttft_us, 305000, 3000); /* beyond what was ever seen */
    assert_float_equal(p.total_us, 305000 + 40 * 20000, 25000);
    assert_float_equal(p.read_tokens_s, 3333, 40);
    assert_true(p.late_us < p.ttft_us * 1.05); /* it never strayed */
    p = ask(&l, (struct latency_question){.now_us = now, .new_tokens = 1000, .max_tokens = 5});
    assert_float_equal(p.total_us, 305000 + 5 * 20000, 25000);
    p = ask(&l, (struct latency_question){
                    .now_us = now, .local = true, .new_tokens = 20, .queue = 4, .slots = 2});
    assert_true(p.ttft_us > 1.5e6); /* two whole answers first */
}

static void throttling_is_a_falling_rate(void **state)
{
    (void)state;
    struct latency l = {0};
    uint64_t now = S;
    struct place cool = {5000, 300, 20000};
    struct place hot = {5000, 900, 60000};
    run(&l, &cool, 60, &now);
    assert_float_equal(ask(&l, (struct latency_question){.now_us = now}).slowed, 1, 0.05);
    run(&l, &hot, 8, &now);
    struct prediction p = ask(&l, (struct latency_question){.now_us = now, .new_tokens = 100});
    assert_true(p.slowed > 1.5);
    assert_true(p.total_us > 40 * 50000);
    /* nobody asks it any more: a second try comes by itself */
    assert_true(ask(&l, (struct latency_question){.now_us = now + 900 * S}).slowed < 1.3);
    run(&l, &cool, 20, &now);
    assert_true(ask(&l, (struct latency_question){.now_us = now}).slowed < 1.2);
}

static void failures_count_and_are_forgotten(void **state)
{
    (void)state;
    struct latency l = {0};
    uint64_t now = S;
    struct place place = {200000, 100, 5000};
    run(&l, &place, 20, &now);
    assert_true(latency_failing(&l, now) < 0.01);
    for (int i = 0; i < 3; i++) {
        latency_note(&l, &(struct latency_leg){.now_us = now, .failed = true, .ttft_us = -1});
        now += S;
    }
    assert_true(latency_failing(&l, now) > 0.5);
    assert_true(latency_failing(&l, now + 240 * S) < 0.06);
    struct latency before = l; /* a cancelled leg says nothing */
    latency_note(&l, &(struct latency_leg){.now_us = now, .ttft_us = -1});
    assert_memory_equal(&before, &l, sizeof l);
}

static void a_slower_link_is_added(void **state)
{
    (void)state;
    struct latency l = {0};
    uint64_t now = S;
    struct place place = {200000, 0, 5000};
    run(&l, &place, 20, &now);
    double near = ask(&l, (struct latency_question){.now_us = now, .rtt_ms = 40}).ttft_us;
    double weak = ask(&l, (struct latency_question){.now_us = now, .rtt_ms = 640}).ttft_us;
    double cold =
        ask(&l, (struct latency_question){.now_us = now + 300 * S, .rtt_ms = 640}).ttft_us;
    assert_float_equal(weak - near, 600000, 1000);  /* one round trip on the kept connection */
    assert_float_equal(cold - near, 1800000, 1000); /* three on a new one */
    double local =
        ask(&l, (struct latency_question){.now_us = now, .rtt_ms = 640, .local = true}).ttft_us;
    assert_float_equal(local, near, 1);
}

static void other_load_slows_this_machine(void **state)
{
    (void)state;
    struct latency l = {0};
    uint64_t now = S;
    struct place place = {10000, 300, 20000};
    run(&l, &place, 20, &now);
    struct latency_question q = {.now_us = now, .local = true, .new_tokens = 100, .load = 0.5};
    double calm = ask(&l, q).total_us;
    q.load = 3;
    assert_float_equal(ask(&l, q).total_us / calm, 3, 0.01);
    q.local = false;
    assert_float_equal(ask(&l, q).total_us / calm, 1, 0.01);
}

/* Whatever is fed, a prediction is a finite number that is not negative. */
static void odd_samples_do_no_harm(void **state)
{
    (void)state;
    struct latency l = {0};
    uint32_t x = 1;
    for (int i = 0; i < 2000; i++) {
        x = x * 1664525u + 1013904223u;
        latency_note(&l, &(struct latency_leg){.now_us = x,
                                               .ok = x & 1024,
                                               .failed = x & 2048,
                                               .new_tokens = (int64_t)(x >> 7) - 9000000,
                                               .output_tokens = (int64_t)(x >> 20) - 100,
                                               .ttft_us = (int64_t)(x >> 5) - 1000,
                                               .total_us = (int64_t)(x >> 6) - 1000,
                                               .task = x % TASK_COUNT,
                                               .rtt_ms = (double)(x >> 22) - 10,
                                               .load = -1});
        struct prediction p = ask(&l, (struct latency_question){.now_us = x, .new_tokens = x >> 9});
        assert_true(p.ttft_us >= 0 && p.ttft_us < 1e18);
        assert_true(p.late_us >= p.ttft_us && p.total_us >= p.ttft_us);
        assert_true(p.failing >= 0 && p.failing <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_a_leg),
        cmocka_unit_test(reading_and_writing_are_told_apart),
        cmocka_unit_test(throttling_is_a_falling_rate),
        cmocka_unit_test(failures_count_and_are_forgotten),
        cmocka_unit_test(a_slower_link_is_added),
        cmocka_unit_test(other_load_slows_this_machine),
        cmocka_unit_test(odd_samples_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
