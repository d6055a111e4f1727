/* SPDX-License-Identifier: Apache-2.0 */
/* Each strategy in scenarios with a known end: reasons, degraded service, whose text. */
#include "flow/world.h"
#include "strategy/held.h"
#include "strategy/strategy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct world w;
/* Scripts by backend: what it says at its first, second … attempt. */
static struct script scripts[WORLD_BACKENDS][3];
static int asked[WORLD_BACKENDS];
static struct gate_script gates[WORLD_BACKENDS];

static void next_script(struct world *world, const struct backend *b, struct script *out)
{
    (void)world;
    *out = scripts[b->index][MIN(asked[b->index], 2)];
    asked[b->index]++;
}

static void next_gate(struct world *world, const struct backend *b, struct gate_script *out)
{
    (void)world;
    *out = gates[b->index];
}

/* backends: "dc" = a device and a cloud, in that order; the devices in front are local. */
static void scene(const struct strategy *strategy, const char *backends)
{
    memset(scripts, 0, sizeof scripts);
    memset(asked, 0, sizeof asked);
    memset(gates, 0, sizeof gates);
    w = (struct world){.next_script = next_script, .next_gate = next_gate};
    world_open(&w);
    for (int i = 0; backends[i]; i++) {
        world_backend(&w, i, backends[i] == 'd' ? TIER_DEVICE : TIER_CLOUD, 1);
        w.decision->backends[i] = &w.backends[i];
        w.decision->backends_count = i + 1;
        w.decision->local_count += backends[i] == 'd' && w.decision->local_count == i;
    }
    w.decision->strategy = strategy->name;
    w.decision->threshold = 0.6;
    w.decision->score = 0.5;
}

static struct script *script_of(int backend)
{
    for (int i = 0; i < 3; i++) {
        if (scripts[backend][i].count == 0) {
            return &scripts[backend][i];
        }
    }
    return NULL;
}

static void add(struct script *s, struct says_step step)
{
    step.delay_us = 1000;
    s->steps[s->count++] = step;
}

static struct leg_end well(void)
{
    return (struct leg_end){.outcome = LEG_OK,
                            .finish = FINISH_STOP,
                            .usage = {10, 20, 0, -1, false},
                            .retry_after_ms = -1};
}

static struct leg_end badly(enum err err, const char *text)
{
    return (struct leg_end){.outcome = LEG_ERROR,
                            .err = err,
                            .text = span_c(text),
                            .usage = USAGE_UNKNOWN,
                            .retry_after_ms = -1};
}

/* A whole answer of the device with this confidence (< 0: gives none). */
static void device_answers(int backend, double p)
{
    struct script *s = script_of(backend);
    add(s, (struct says_step){.says = SAYS_TEXT});
    if (p >= 0) {
        add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = p, .final = true});
    }
    add(s, (struct says_step){.says = SAYS_END, .end = well()});
}

static void cloud_answers(int backend)
{
    struct script *s = script_of(backend);
    add(s, (struct says_step){.says = SAYS_FIRST_BYTE});
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_END, .end = well()});
}

static void fails(int backend, struct leg_end end)
{
    add(script_of(backend), (struct says_step){.says = SAYS_END, .end = end});
}

static const struct strategy *current;
static void play(void)
{
    world_start(&w, current);
    assert_true(world_run(&w));
    world_close(&w);
    if (w.broken) {
        fail_msg("law %s: %s", w.broken, w.detail);
    }
}

#define SCENE(strategy, backends)                                                                  \
    current = &strategy;                                                                           \
    scene(&strategy, backends)

static void ended(enum outcome outcome, int author, enum degraded degraded, const char *reason)
{
    assert_int_equal(w.outcome, outcome);
    assert_int_equal(w.receipt.author, author);
    assert_int_equal(w.receipt.degraded, degraded);
    if (reason && !strstr(w.reason, reason)) {
        fail_msg("reason \"%s\" does not say \"%s\"", w.reason, reason);
    }
}

/* ---- one leg, and lists ---- */

static void one_leg_is_one_leg(void **state)
{
    (void)state;
    SCENE(strategy_device, "dd");
    fails(0, badly(ERR_UPSTREAM, "engine ended"));
    play();
    ended(OUTCOME_FAILED, 0, DEGRADED_NO, NULL);
    assert_int_equal(w.receipt.legs_count, 1);
    assert_int_equal(w.fault.code, ERR_UPSTREAM);
    assert_string_equal(w.fault.text, "device0: engine ended");
}

static void the_next_answers_when_the_first_fails(void **state)
{
    (void)state;
    SCENE(strategy_fallback, "dc");
    fails(0, badly(ERR_UPSTREAM, "engine ended"));
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "device0: engine ended");
    SCENE(strategy_fallback, "dc");
    w.request->options.mode = MODE_PREFER_ON_DEVICE;
    fails(0, badly(ERR_UPSTREAM, "engine ended"));
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_DEVICE_FAILED, "device0: engine ended");
}

static void the_device_stands_in_for_the_cloud(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        bool offline, refused;
        enum degraded degraded;
    } rows[] = {
        {ERR_UPSTREAM, false, false, DEGRADED_CLOUD_FAILED},
        {ERR_DEADLINE, false, false, DEGRADED_CLOUD_FAILED},
        {ERR_UPSTREAM, true, false, DEGRADED_OFFLINE},
        {ERR_UPSTREAM, false, true, DEGRADED_CLOUD_FAILED},
        {ERR_BUDGET, false, true, DEGRADED_BUDGET},
        {ERR_NO_BACKEND, true, true, DEGRADED_OFFLINE},
        {ERR_POLICY, false, true, DEGRADED_NO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCENE(strategy_fallback, "cd");
        w.decision->local_count = 0;
        if (rows[i].refused) {
            gates[0] = (struct gate_script){
                .says = GATE_REFUSES, .err = rows[i].err, .offline = rows[i].offline};
        } else {
            struct leg_end end = badly(rows[i].err, "no");
            end.offline = rows[i].offline;
            fails(0, end);
        }
        device_answers(1, 0.1);
        play();
        ended(OUTCOME_OK, 2, rows[i].degraded, "cloud0: ");
        assert_true(w.receipt.confidence == 0.1);
    }
}

static void another_cloud_is_no_degraded_service(void **state)
{
    (void)state;
    SCENE(strategy_fallback, "cc");
    fails(0, badly(ERR_UPSTREAM, "503"));
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "cloud0: 503");
}

static void all_failures_are_told(void **state)
{
    (void)state;
    SCENE(strategy_fallback, "dcc");
    fails(0, badly(ERR_OVERLOADED, "queue full"));
    fails(1, badly(ERR_UPSTREAM, "503"));
    gates[2] = (struct gate_script){.says = GATE_REFUSES, .err = ERR_BUDGET};
    play();
    ended(OUTCOME_FAILED, 0, DEGRADED_NO, NULL);
    assert_int_equal(w.fault.code, ERR_UPSTREAM); /* of the last that was tried */
    assert_string_equal(w.fault.text, "device0: queue full; cloud1: 503; cloud2: the gate says no");
}

static void a_broken_stream_is_partial_and_nobody_goes_on(void **state)
{
    (void)state;
    SCENE(strategy_split, "cd");
    w.decision->local_count = 0;
    struct script *s = script_of(0);
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_END, .end = badly(ERR_UPSTREAM, "cut in the middle")});
    device_answers(1, 0.9);
    play();
    ended(OUTCOME_PARTIAL, 1, DEGRADED_NO, NULL);
    assert_int_equal(w.receipt.legs_count, 1);
    assert_int_equal(w.fault.code, ERR_UPSTREAM);
    assert_non_null(strstr(w.fault.text, "broke off: cut in the middle"));
}

static void an_empty_answer_is_one(void **state)
{
    (void)state;
    SCENE(strategy_cloud, "c");
    fails(0, well());
    play();
    ended(OUTCOME_OK, 1, DEGRADED_NO, "as scripted");
    assert_int_equal(w.deltas, 0);
}

static void refuse_means_refuse(void **state)
{
    (void)state;
    SCENE(strategy_fallback, "cd");
    w.decision->local_count = 0;
    w.decision->budget_refuses = true;
    gates[0] = (struct gate_script){.says = GATE_REFUSES, .err = ERR_BUDGET};
    device_answers(1, 0.9);
    play();
    ended(OUTCOME_REFUSED, 0, DEGRADED_NO, NULL);
    assert_int_equal(w.fault.code, ERR_BUDGET);
    assert_int_equal(w.receipt.legs_count, 1);
}

static void a_decision_that_says_no(void **state)
{
    (void)state;
    static const struct strategy *const all[] = {&strategy_device, &strategy_cascade,
                                                 &strategy_fallback};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        current = all[i];
        scene(all[i], "dc");
        w.decision->err = ERR_POLICY;
        w.decision->err_text = SPAN("never_leave: US_SSN");
        play();
        ended(OUTCOME_REFUSED, 0, DEGRADED_NO, NULL);
        assert_string_equal(w.fault.text, "never_leave: US_SSN");
        scene(all[i], "");
        play();
        ended(OUTCOME_FAILED, 0, DEGRADED_NO, NULL);
        assert_int_equal(w.fault.code, ERR_NO_BACKEND);
    }
}

/* ---- cascade ---- */

static void a_sure_answer_stays(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    device_answers(0, 0.81);
    play();
    ended(OUTCOME_OK, 1, DEGRADED_NO, "confidence 0.81 at least 0.60");
    assert_int_equal(w.receipt.legs_count, 1);
    assert_true(w.receipt.confidence == 0.81);
}

static void an_unsure_answer_goes_up(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    device_answers(0, 0.41);
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "confidence 0.41 below 0.60");
    assert_true(w.receipt.confidence == 0.41);
    assert_int_equal(w.receipt.legs[0].outcome, LEG_OK);
    assert_true(span_starts(text_span(&w.shown), SPAN_NONE));
}

static void it_goes_up_in_the_middle(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    struct script *s = script_of(0);
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.9});
    add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.5});
    /* … and hangs; the cloud's first delta closes it */
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "confidence 0.50 below 0.60");
    assert_int_equal(w.receipt.legs[0].outcome, LEG_CANCELLED);
    assert_true(w.receipt.legs[1].start_us < 4000);
}

static void numbers_that_look_equal_get_more_digits(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    device_answers(0, 0.5999);
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "confidence 0.5999 below 0.6000");
}

static void declining_and_broken_calls_go_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        SCENE(strategy_cascade, "dc");
        struct script *s = script_of(0);
        add(s, (struct says_step){.says = SAYS_TEXT});
        add(s, (struct says_step){.says = SAYS_CONFIDENCE,
                                  .p = 0.99,
                                  .final = true,
                                  .refusal = i == 0,
                                  .bad_call = i == 1});
        add(s, (struct says_step){.says = SAYS_END, .end = well()});
        cloud_answers(1);
        play();
        ended(OUTCOME_OK, 2, DEGRADED_NO,
              i == 0 ? "the device declined" : "tool call does not parse");
        assert_true(w.receipt.confidence == (i == 0 ? 0.99 : 0));
    }
}

static void without_confidence_the_score_decides(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    device_answers(0, -1);
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "score 0.50 below 0.60");
    assert_true(w.receipt.confidence < 0);
    SCENE(strategy_cascade, "dc");
    w.decision->score = 0.7;
    device_answers(0, -1);
    play();
    ended(OUTCOME_OK, 1, DEGRADED_NO, "as scripted");
}

static void the_rejected_answer_is_better_than_none(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dcc");
    device_answers(0, 0.41);
    fails(1, badly(ERR_UPSTREAM, "503"));
    struct leg_end offline = badly(ERR_UPSTREAM, "no route");
    offline.offline = true;
    fails(2, offline);
    play();
    ended(
        OUTCOME_OK, 1, DEGRADED_OFFLINE,
        "cloud1: 503; cloud2: no route; the device's answer is served although confidence 0.41 below 0.60");
    assert_true(w.deltas > 0);
    assert_int_equal(w.receipt.legs_count, 3);
}

static void a_rejected_answer_that_is_still_coming_is_shown_as_it_comes(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    struct script *s = script_of(0);
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.1});
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_END, .end = well()});
    gates[1] = (struct gate_script){.says = GATE_REFUSES, .err = ERR_UPSTREAM};
    play();
    ended(OUTCOME_OK, 1, DEGRADED_CLOUD_FAILED, "the gate says no");
    assert_int_equal(w.deltas, 4);
}

static void a_dead_device_leads_to_the_cloud(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "ddc");
    struct script *s = script_of(0);
    add(s, (struct says_step){.says = SAYS_TEXT});
    add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.9});
    add(s, (struct says_step){.says = SAYS_END, .end = badly(ERR_UPSTREAM, "engine ended")});
    fails(1, badly(ERR_OVERLOADED, "queue full"));
    cloud_answers(2);
    play();
    ended(OUTCOME_OK, 3, DEGRADED_NO, "device0: engine ended; device1: queue full");
    assert_true(w.receipt.confidence < 0);
}

static void a_second_device_is_judged_anew(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "ddc");
    fails(0, badly(ERR_UPSTREAM, "engine ended"));
    device_answers(1, 0.9);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "confidence 0.90 at least 0.60");
}

static void both_fail(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    fails(0, badly(ERR_UPSTREAM, "engine ended"));
    fails(1, badly(ERR_DEADLINE, "too slow"));
    play();
    ended(OUTCOME_FAILED, 0, DEGRADED_NO, NULL);
    assert_int_equal(w.fault.code, ERR_DEADLINE);
}

static void long_sure_answers_are_shown_from_where_they_cannot_be_held(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    struct script *s = script_of(0);
    add(s, (struct says_step){.says = SAYS_TEXT, .text_bytes = 200 * KIB});
    add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.9});
    add(s, (struct says_step){.says = SAYS_TEXT, .text_bytes = 200 * KIB});
    add(s, (struct says_step){.says = SAYS_CONFIDENCE, .p = 0.1, .final = true}); /* too late */
    add(s, (struct says_step){.says = SAYS_END, .end = well()});
    play();
    ended(OUTCOME_OK, 1, DEGRADED_NO, "long and sure");
    assert_int_equal(w.receipt.legs_count, 1);
}

static void thresholds_at_the_ends(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "dc");
    w.decision->threshold = 1;
    device_answers(0, 1.0);
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "threshold of 1");
    SCENE(strategy_cascade, "dc");
    w.decision->threshold = 0;
    device_answers(0, 0.0);
    play();
    ended(OUTCOME_OK, 1, DEGRADED_NO, NULL);
}

static void one_side_only_is_a_plain_list(void **state)
{
    (void)state;
    SCENE(strategy_cascade, "d");
    device_answers(0, 0.1);
    play();
    ended(OUTCOME_OK, 1, DEGRADED_NO, "as scripted");
    assert_true(w.receipt.confidence == 0.1);
    SCENE(strategy_cascade, "cc");
    fails(0, badly(ERR_UPSTREAM, "503"));
    cloud_answers(1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_NO, "cloud0: 503");
    SCENE(strategy_cascade,
          "cd"); /* the score was far too low: the cloud first, the device behind it */
    w.decision->local_count = 0;
    fails(0, badly(ERR_UPSTREAM, "503"));
    device_answers(1, 0.1);
    play();
    ended(OUTCOME_OK, 2, DEGRADED_CLOUD_FAILED, "cloud0: 503");
}

/* ---- held ---- */

static void collect(void *user, const struct delta *d)
{
    text_addf(user, "%d%d[%.*s|%.*s|%.*s]", d->kind, d->choice, SPAN_ARG(d->text),
              SPAN_ARG(d->tool_id), SPAN_ARG(d->logprobs));
}

static void held_pieces_come_back_in_order(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct held *h = ARENA_NEW(arena, struct held);
    const struct delta deltas[] = {
        {.kind = DELTA_TEXT, .text = SPAN("a")},
        {.kind = DELTA_TEXT, .text = SPAN("b")},
        {.kind = DELTA_TEXT, .choice = 1, .text = SPAN("c")},
        {.kind = DELTA_TEXT, .choice = 1, .text = SPAN("d"), .logprobs = SPAN("[1]")},
        {.kind = DELTA_TOOL_CALL, .tool_id = SPAN("x"), .tool_name = SPAN("f"), .text = SPAN("")},
        {.kind = DELTA_TOOL_CALL, .text = SPAN("{")},
        {.kind = DELTA_TOOL_CALL, .text = SPAN("}")},
        {.kind = DELTA_TOOL_CALL, .tool_index = 1, .text = SPAN("?")},
    };
    for (size_t i = 0; i < ARRAY_LEN(deltas); i++) {
        assert_true(held_add(h, arena, &deltas[i]));
    }
    struct text t;
    text_init(&t, 1000);
    held_give(h, collect, &t);
    assert_string_equal(t.data, "00[ab||]01[c||]01[d||[1]]20[{}|x|]20[?||]");
    text_done(&t);
    char *big = mem_new(HELD_MAX);
    memset(big, 'x', HELD_MAX);
    assert_false(held_add(h, arena, &(struct delta){.text = span_of(big, HELD_MAX)}));
    held_drop(h);
    assert_true(held_add(h, arena, &(struct delta){.text = span_of(big, HELD_MAX)}));
    assert_false(held_add(h, arena, &(struct delta){.text = SPAN("x")}));
    mem_free(big);
    arena_free(arena); /* what is still held goes with it */
}

static void names_are_found(void **state)
{
    (void)state;
    for (const char *const *name = strategy_names(); *name; name++) {
        assert_string_equal(strategy_find(span_c(*name))->name, *name);
    }
    assert_null(strategy_find(SPAN("hedge")));
    assert_null(strategy_find(SPAN_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_leg_is_one_leg),
        cmocka_unit_test(the_next_answers_when_the_first_fails),
        cmocka_unit_test(the_device_stands_in_for_the_cloud),
        cmocka_unit_test(another_cloud_is_no_degraded_service),
        cmocka_unit_test(all_failures_are_told),
        cmocka_unit_test(a_broken_stream_is_partial_and_nobody_goes_on),
        cmocka_unit_test(an_empty_answer_is_one),
        cmocka_unit_test(refuse_means_refuse),
        cmocka_unit_test(a_decision_that_says_no),
        cmocka_unit_test(a_sure_answer_stays),
        cmocka_unit_test(an_unsure_answer_goes_up),
        cmocka_unit_test(it_goes_up_in_the_middle),
        cmocka_unit_test(numbers_that_look_equal_get_more_digits),
        cmocka_unit_test(declining_and_broken_calls_go_up),
        cmocka_unit_test(without_confidence_the_score_decides),
        cmocka_unit_test(the_rejected_answer_is_better_than_none),
        cmocka_unit_test(a_rejected_answer_that_is_still_coming_is_shown_as_it_comes),
        cmocka_unit_test(a_dead_device_leads_to_the_cloud),
        cmocka_unit_test(a_second_device_is_judged_anew),
        cmocka_unit_test(both_fail),
        cmocka_unit_test(long_sure_answers_are_shown_from_where_they_cannot_be_held),
        cmocka_unit_test(thresholds_at_the_ends),
        cmocka_unit_test(one_side_only_is_a_plain_list),
        cmocka_unit_test(held_pieces_come_back_in_order),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
