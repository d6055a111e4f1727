/* SPDX-License-Identifier: Apache-2.0 */
/* The flow in scenarios: time, retries, back pressure, the client leaving, money. A strategy of the test drives it. */
#include "flow/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct world w;
static struct script scripts[WORLD_BACKENDS][4];
static int asked[WORLD_BACKENDS];
static struct gate_script gates[WORLD_BACKENDS];

static void next_script(struct world *world, const struct backend *b, struct script *out)
{
    (void)world;
    *out = scripts[b->index][MIN(asked[b->index], 3)];
    asked[b->index]++;
}

static void next_gate(struct world *world, const struct backend *b, struct gate_script *out)
{
    (void)world;
    *out = gates[b->index];
}

static void scene(void)
{
    memset(scripts, 0, sizeof scripts);
    memset(asked, 0, sizeof asked);
    memset(gates, 0, sizeof gates);
    w = (struct world){.next_script = next_script, .next_gate = next_gate};
    world_open(&w);
    world_backend(&w, 0, TIER_DEVICE, 1);
    world_backend(&w, 1, TIER_CLOUD, 2);
    world_backend(&w, 2, TIER_CLOUD, 0);
}

static void say_at(int backend, int attempt, uint64_t delay_us, struct says_step step)
{
    struct script *s = &scripts[backend][attempt];
    step.delay_us = delay_us;
    s->steps[s->count++] = step;
}
#define TEXT ((struct says_step){.says = SAYS_TEXT})
#define END(...)                                                                                   \
    ((struct says_step){.says = SAYS_END,                                                          \
                        .end = {.usage = USAGE_UNKNOWN, .retry_after_ms = -1, __VA_ARGS__}})
#define WELL                                                                                       \
    ((struct says_step){                                                                           \
        .says = SAYS_END,                                                                          \
        .end = {.finish = FINISH_STOP, .usage = {1000, 500, 0, -1, false}, .retry_after_ms = -1}})

static void close_scene(void)
{
    world_close(&w);
    if (w.broken) {
        fail_msg("law %s: %s", w.broken, w.detail);
    }
}

static void play(const struct strategy *strategy)
{
    world_start(&w, strategy);
    assert_true(world_run(&w));
    close_scene();
}

/* ---- strategies of the test ---- */

static int open_first = 1; /* backend that the plain strategies open */

/* One leg, its text, its end. */
static void step_one(void *state, struct flow *f, const struct event *ev)
{
    (void)state;
    if (ev->kind == EV_BEGIN) {
        (void)flow_open(f, &w.backends[open_first], NULL);
    } else if (ev->kind == EV_DELTA) {
        flow_author(f, ev->leg);
        flow_emit(f, ev->u.delta);
    } else if (ev->kind == EV_END) {
        bool fine = ev->u.end->outcome == LEG_OK;
        if (fine) {
            flow_author(f, ev->leg);
        } else {
            flow_fail(f, ev->u.end->err, "%.*s", SPAN_ARG(ev->u.end->text));
        }
        flow_answer_done(f, fine ? OUTCOME_OK : flow_shown(f) ? OUTCOME_PARTIAL : OUTCOME_FAILED);
        flow_finish(f);
    }
}
static const struct strategy one = {.name = "one", .state_size = 0, .step = step_one};

/* ---- the happy path ---- */

static void nothing_happens_inside_start(void **state)
{
    (void)state;
    scene();
    say_at(1, 0, 500, TEXT);
    say_at(1, 0, 500, WELL);
    open_first = 1;
    world_start(&w, &one);
    assert_int_equal(w.attempts_count, 0);
    assert_true(world_run(&w));
    close_scene();
    assert_int_equal(w.outcome, OUTCOME_OK);
    assert_int_equal(w.receipt.ttft_us, 500);
    assert_int_equal(w.receipt.total_us, 1000);
    assert_int_equal(w.receipt.overhead_us, 0);
    assert_int_equal(w.receipt.legs[0].ttft_us, 500);
    assert_int_equal(w.receipt.legs[0].total_us, 1000);
    assert_int_equal(w.receipt.legs[0].attempts, 1);
    assert_int_equal(w.receipt.legs[0].left_device_bytes, 17);
    assert_int_equal(w.last_end.finish, FINISH_STOP);
}

static void own_time_is_overhead(void **state)
{
    (void)state;
    scene();
    gates[1].delay_us = 40; /* a long prompt is scanned */
    say_at(1, 0, 500, WELL);
    play(&one);
    assert_int_equal(w.receipt.overhead_us, 40);
    assert_int_equal(w.receipt.legs[0].start_us, 40);
}

/* ---- time ---- */

static void headers_go_out_after_ten_seconds_of_silence(void **state)
{
    (void)state;
    scene();
    say_at(1, 0, 12 * US_PER_S, TEXT);
    say_at(1, 0, 0, WELL);
    world_start(&w, &one);
    assert_true(world_run_until(&w, w.now_us + 9999999));
    assert_int_equal(w.begins, 0);
    assert_true(world_run_until(&w, 1000000 + 10 * US_PER_S));
    assert_int_equal(w.begins, 1);
    assert_int_equal(w.deltas, 0);
    assert_true(world_run(&w));
    close_scene();
    assert_int_equal(w.outcome, OUTCOME_OK);
}

static void a_missed_deadline_ends_the_leg(void **state)
{
    (void)state;
    scene();
    w.decision->deadline_us = 200000;
    w.backends[1].retries = 2;
    say_at(1, 0, 5 * US_PER_S, TEXT);
    play(&one);
    assert_int_equal(w.outcome, OUTCOME_FAILED);
    assert_int_equal(w.fault.code, ERR_DEADLINE);
    assert_string_equal(w.fault.text, "no token within 200 ms");
    assert_int_equal(w.receipt.legs[0].outcome, LEG_TIMEOUT);
    assert_int_equal(w.receipt.total_us, 200000);
    assert_int_equal(w.receipt.legs[0].attempts, 1); /* never after a time-out */
}

static void a_token_in_time_stops_the_deadline(void **state)
{
    (void)state;
    scene();
    w.decision->deadline_us = 200000;
    say_at(1, 0, 199999, TEXT);
    say_at(1, 0, 5 * US_PER_S, WELL);
    play(&one);
    assert_int_equal(w.outcome, OUTCOME_OK);
}

static void a_hanging_gate_is_forgotten_at_the_deadline(void **state)
{
    (void)state;
    scene();
    w.decision->deadline_us = 200000;
    gates[1].says = GATE_HANGS;
    play(&one);
    assert_int_equal(w.fault.code, ERR_DEADLINE);
    assert_int_equal(w.receipt.legs[0].left_device_bytes, 0);
}

static int ticks;
static void step_timers(void *state, struct flow *f, const struct event *ev)
{
    (void)state;
    if (ev->kind == EV_BEGIN) {
        flow_arm(f, 0, 10);
        flow_arm(f, 0, 30); /* moved */
        flow_arm(f, 1, 20);
        flow_arm(f, 2, 20); /* taken back below, when both have fired */
    } else if (ev->kind == EV_TIMER && ev->u.timer == 1) {
        assert_int_equal(w.now_us, 1020000);
        flow_disarm(f, 2);
        ticks++;
    } else if (ev->kind == EV_TIMER) {
        assert_int_equal(ev->u.timer, 0);
        assert_int_equal(w.now_us, 1030000);
        ticks++;
        flow_fail(f, ERR_UPSTREAM, "enough");
        flow_finish(f);
    }
}

static void timers_move_and_can_be_taken_back(void **state)
{
    (void)state;
    scene();
    ticks = 0;
    play(&(const struct strategy){.name = "timers", .step = step_timers});
    assert_int_equal(ticks, 2);
    assert_int_equal(w.outcome, OUTCOME_FAILED);
}

/* ---- retries ---- */

static void retries_wait_as_asked(void **state)
{
    (void)state;
    static const struct {
        int64_t retry_after_ms;
        int http_status;
        int attempts;
        int64_t total_us;
    } rows[] = {
        {1500, 429, 2, 1500000}, {2000, 429, 2, 2000000}, {2001, 429, 1, 0},
        {-1, 503, 2, 200000},    {-1, 0, 2, 20000},       {0, 503, 2, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        scene();
        say_at(1, 0, 0,
               END(.outcome = LEG_ERROR, .err = ERR_RATE_LIMITED, .retryable = true,
                   .http_status = rows[i].http_status));
        scripts[1][0].steps[0].end.retry_after_ms = rows[i].retry_after_ms;
        say_at(1, 1, 0, TEXT);
        say_at(1, 1, 0, WELL);
        play(&one);
        assert_int_equal(w.receipt.legs[0].attempts, rows[i].attempts);
        assert_int_equal(w.outcome, rows[i].attempts == 2 ? OUTCOME_OK : OUTCOME_FAILED);
        assert_int_equal(w.receipt.total_us, rows[i].total_us);
    }
}

static void what_may_not_be_repeated_is_not(void **state)
{
    (void)state;
    const struct says_step ends[] = {
        END(.outcome = LEG_ERROR, .err = ERR_UPSTREAM, .retryable = false),
        END(.outcome = LEG_TIMEOUT, .err = ERR_DEADLINE, .retryable = true),
        END(.outcome = LEG_LOST, .err = ERR_UPSTREAM, .retryable = true),
    };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        scene();
        say_at(1, 0, 0, ends[i]);
        play(&one);
        assert_int_equal(w.receipt.legs[0].attempts, 1);
    }
    scene(); /* text came, although the strategy may not have shown it */
    say_at(1, 0, 0, TEXT);
    say_at(1, 0, 0, END(.outcome = LEG_ERROR, .err = ERR_UPSTREAM, .retryable = true));
    play(&one);
    assert_int_equal(w.receipt.legs[0].attempts, 1);
    assert_int_equal(w.outcome, OUTCOME_PARTIAL);
    scene(); /* refused by the gate */
    gates[1] = (struct gate_script){.says = GATE_REFUSES, .err = ERR_BUDGET};
    play(&one);
    assert_int_equal(w.receipt.legs[0].attempts, 1);
    assert_int_equal(w.receipt.legs[0].outcome, LEG_REFUSED);
}

static void retries_end(void **state)
{
    (void)state;
    scene();
    for (int i = 0; i < 4; i++) {
        say_at(1, i, 0,
               END(.outcome = LEG_ERROR, .err = ERR_UPSTREAM, .retryable = true, .http_status = 500,
                   .may_be_billed = i == 1));
    }
    play(&one);
    assert_int_equal(w.receipt.legs[0].attempts, 3);
    assert_int_equal(w.attempts_count, 3); /* each through the gate */
    assert_int_equal(w.receipt.legs[0].left_device_bytes, 3 * 17);
    assert_true(
        w.receipt.legs[0].cost_estimated); /* the second may have been billed for its input */
    assert_int_equal(w.receipt.cost_usd_nano, 17 / 3 * 1000);
}

/* ---- the client ---- */

static void gone_cancels_at_once(void **state)
{
    (void)state;
    scene();
    say_at(1, 0, 0, TEXT);
    world_start(&w, &one);
    assert_true(world_run_until(&w, w.now_us + 5000));
    w.now_us += 2000;
    w.gone = true;
    flow_client_gone(w.flow);
    assert_true(w.attempts[0].cancelled); /* inside the call */
    assert_int_equal(w.receipts, 0);
    flow_client_gone(w.flow); /* twice is fine */
    w.now_us += 7000;
    assert_true(world_run(&w));
    close_scene();
    assert_int_equal(w.receipt.outcome, OUTCOME_CANCELLED);
    assert_int_equal(w.receipt.fault.code, ERR_CANCELLED);
    assert_int_equal(w.receipt.total_us, 2000);
    assert_int_equal(w.receipt.legs[0].outcome, LEG_CANCELLED);
    assert_true(w.receipt.legs[0].usage.estimated); /* partial usage is recorded */
    assert_int_equal(w.receipt.legs[0].usage.output_tokens, 1);
    assert_true(w.receipt.cost_usd_nano > 0);
}

static void gone_before_anything(void **state)
{
    (void)state;
    scene();
    world_start(&w, &one);
    w.gone = true;
    flow_client_gone(w.flow);
    assert_true(world_run(&w));
    close_scene();
    assert_int_equal(w.receipt.legs_count, 0);
    assert_int_equal(w.attempts_count, 0);
}

/* Leg 1 answers; leg 2 in the background is watched to its end. */
static int background_ends;
static void step_background(void *state, struct flow *f, const struct event *ev)
{
    (void)state;
    if (ev->kind == EV_BEGIN) {
        (void)flow_open(f, &w.backends[0], NULL);
        (void)flow_open(f, &w.backends[1], &(struct leg_options){.background = true});
    } else if (ev->kind == EV_DELTA && ev->leg == 1) {
        flow_author(f, 1);
        flow_emit(f, ev->u.delta);
    } else if (ev->kind == EV_END && ev->leg == 1) {
        flow_answer_done(f, OUTCOME_OK);
    } else if (ev->kind == EV_END) {
        background_ends++;
        flow_finish(f);
    }
}
static const struct strategy background = {.name = "background", .step = step_background};

static void background_legs_live_on(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        scene();
        background_ends = 0;
        say_at(0, 0, 1000, TEXT);
        say_at(0, 0, 1000, gone ? (struct says_step){.says = SAYS_FIRST_BYTE} : WELL);
        say_at(1, 0, 900000, TEXT);
        say_at(1, 0, 100000, WELL);
        world_start(&w, &background);
        assert_true(world_run_until(&w, w.now_us + 5000));
        assert_int_equal(w.ends, gone ? 0 : 1);
        if (gone) {
            w.gone = true;
            flow_client_gone(w.flow);
        }
        assert_true(world_run_until(&w, w.now_us + 5000));
        assert_int_equal(w.receipts, 0);
        assert_true(world_run(&w));
        close_scene();
        assert_int_equal(background_ends, 1);
        assert_int_equal(w.receipt.legs[1].outcome, LEG_OK);
        assert_int_equal(w.receipt.total_us, gone ? 2000 : 2000);
    }
}

static void going_down_ends_it_now(void **state)
{
    (void)state;
    scene();
    say_at(1, 0, 0, TEXT);
    world_start(&w, &one);
    assert_true(world_run_until(&w, w.now_us + 5000));
    w.abandoned = true;
    flow_abandon(w.flow);
    assert_null(w.flow);
    close_scene();
    assert_int_equal(w.outcome, OUTCOME_PARTIAL);
    assert_int_equal(w.fault.code, ERR_OVERLOADED);
    assert_int_equal(w.receipt.legs[0].outcome, LEG_CANCELLED);
}

static void only_the_author_is_paused(void **state)
{
    (void)state;
    scene();
    say_at(0, 0, 1000, TEXT);
    say_at(0, 0, 5000, TEXT);
    say_at(0, 0, 5000, WELL);
    say_at(1, 0, 20000, WELL);
    world_start(&w, &background);
    assert_true(world_run_until(&w, w.now_us + 500));
    flow_pause(w.flow, true);
    assert_int_equal(w.pauses, 0); /* nobody is shown yet */
    assert_true(world_run_until(&w, w.now_us + 2000));
    assert_int_equal(w.pauses, 1);
    flow_pause(w.flow, true);
    assert_int_equal(w.pauses, 1);
    flow_pause(w.flow, false);
    assert_true(world_run(&w));
    close_scene();
}

/* ---- strategies that forget ---- */

static void step_forgets(void *state, struct flow *f, const struct event *ev)
{
    (void)state;
    if (ev->kind == EV_BEGIN) {
        (void)flow_open(f, &w.backends[0], NULL);
    }
}

static void a_strategy_that_forgets_to_finish_is_ended(void **state)
{
    (void)state;
    scene();
    say_at(0, 0, 0, WELL);
    play(&(const struct strategy){.name = "forgets", .step = step_forgets});
    assert_int_equal(w.outcome, OUTCOME_FAILED);
    assert_int_equal(w.fault.code, ERR_INTERNAL);
    assert_non_null(strstr(w.fault.text, "forgets"));
}

/* ---- money ---- */

static void answer_by(int backend, struct says_step end, bool refusal)
{
    open_first = backend;
    say_at(backend, 0, 1000, TEXT);
    if (refusal) {
        say_at(
            backend, 0, 0,
            (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.2, .final = true, .refusal = true});
    }
    say_at(backend, 0, 1000, end);
    play(&one);
    open_first = 1;
}

static void a_cloud_answer_costs_what_it_costs(void **state)
{
    (void)state;
    scene();
    answer_by(1, WELL, false);
    assert_int_equal(w.receipt.cost_usd_nano, 1000 * 1000 + 500 * 2000);
    assert_int_equal(w.receipt.always_cloud_cost_usd_nano, w.receipt.cost_usd_nano);
    assert_false(w.receipt.always_cloud_estimated);
}

static void without_a_price_it_is_unknown(void **state)
{
    (void)state;
    scene();
    w.backends[1].price = (struct price){-1, -1, -1};
    answer_by(1, WELL, false);
    assert_int_equal(w.receipt.cost_usd_nano, USD_UNKNOWN);
    assert_int_equal(w.receipt.always_cloud_cost_usd_nano, USD_UNKNOWN);
}

static void without_usage_it_is_estimated(void **state)
{
    (void)state;
    scene();
    answer_by(1, END(.outcome = LEG_OK), false);
    assert_true(w.receipt.legs[0].usage.estimated);
    assert_int_equal(w.receipt.legs[0].usage.input_tokens, 17 / 3);
    assert_int_equal(w.receipt.legs[0].usage.output_tokens, 1);
    assert_true(w.receipt.always_cloud_estimated);
}

static void a_device_answer_is_compared(void **state)
{
    (void)state;
    scene();
    w.decision->always_cloud = &w.backends[2];
    answer_by(0, WELL, false);
    assert_int_equal(w.receipt.cost_usd_nano, 0);
    assert_int_equal(w.receipt.always_cloud_cost_usd_nano, 1000 * 1000 + 500 * 2000);
    assert_true(w.receipt.always_cloud_estimated);
    assert_int_equal(w.receipt.legs[0].left_device_bytes, 0);
    scene();
    answer_by(0, WELL, false);
    assert_int_equal(w.receipt.always_cloud_cost_usd_nano, USD_UNKNOWN);
}

static void refusals_and_failures_save_nothing(void **state)
{
    (void)state;
    static struct backend_state states[WORLD_BACKENDS] = {{.demo = true}};
    static const struct facts demo = {.prompt_tokens = 10, .backends = states};
    scene();
    w.decision->always_cloud = &w.backends[2];
    w.facts = (struct facts *)(uintptr_t)&demo;
    answer_by(0, WELL, true);
    assert_int_equal(w.receipt.always_cloud_cost_usd_nano, 0);
    assert_non_null(strstr(w.hint, "weir models add"));
    scene();
    w.decision->always_cloud = &w.backends[2];
    say_at(0, 0, 0, END(.outcome = LEG_ERROR, .err = ERR_UPSTREAM));
    open_first = 0;
    play(&one);
    open_first = 1;
    assert_int_equal(w.receipt.always_cloud_cost_usd_nano, 0);
    assert_string_equal(w.hint, "");
}

static void what_never_left_left_nothing(void **state)
{
    (void)state;
    scene();
    gates[1].filter = true; /* one PERSON replaced in the body */
    say_at(1, 0, 0, END(.outcome = LEG_ERROR, .err = ERR_UPSTREAM, .offline = true));
    play(&one);
    assert_int_equal(w.receipt.legs[0].left_device_bytes, 0);
    assert_int_equal(w.redacted, 0);
    scene();
    gates[1].filter = true;
    say_at(1, 0, 0, TEXT);
    say_at(1, 0, 0, WELL);
    play(&one);
    assert_int_equal(w.redacted, 1);
}

static void retry_texts_are_bounded(void **state)
{
    (void)state;
    scene();
    char *text = mem_new(100000);
    memset(text, 'x', 99999);
    say_at(1, 0, 0, END(.outcome = LEG_ERROR, .err = ERR_UPSTREAM, .text = {text, 99999}));
    play(&one);
    assert_true(strlen(w.fault.text) < 400);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_inside_start),
        cmocka_unit_test(own_time_is_overhead),
        cmocka_unit_test(headers_go_out_after_ten_seconds_of_silence),
        cmocka_unit_test(a_missed_deadline_ends_the_leg),
        cmocka_unit_test(a_token_in_time_stops_the_deadline),
        cmocka_unit_test(a_hanging_gate_is_forgotten_at_the_deadline),
        cmocka_unit_test(timers_move_and_can_be_taken_back),
        cmocka_unit_test(retries_wait_as_asked),
        cmocka_unit_test(what_may_not_be_repeated_is_not),
        cmocka_unit_test(retries_end),
        cmocka_unit_test(gone_cancels_at_once),
        cmocka_unit_test(gone_before_anything),
        cmocka_unit_test(background_legs_live_on),
        cmocka_unit_test(going_down_ends_it_now),
        cmocka_unit_test(only_the_author_is_paused),
        cmocka_unit_test(a_strategy_that_forgets_to_finish_is_ended),
        cmocka_unit_test(a_cloud_answer_costs_what_it_costs),
        cmocka_unit_test(without_a_price_it_is_unknown),
        cmocka_unit_test(without_usage_it_is_estimated),
        cmocka_unit_test(a_device_answer_is_compared),
        cmocka_unit_test(refusals_and_failures_save_nothing),
        cmocka_unit_test(what_never_left_left_nothing),
        cmocka_unit_test(retry_texts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
