/* SPDX-License-Identifier: Apache-2.0 */
#include "core/receipt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct redaction_count one_person = {"PERSON", 1};

static void every_name_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < TIER_COUNT; i++) {
        enum tier t = TIER_COUNT;
        assert_true(tier_from(span_c(tier_name((enum tier)i)), &t) && (int)t == i);
    }
    for (int i = 0; i < MODE_COUNT; i++) {
        enum mode m = MODE_COUNT;
        assert_true(mode_from(span_c(mode_name((enum mode)i)), &m) && (int)m == i);
    }
    for (int i = 0; i < PRIVACY_COUNT; i++) {
        enum privacy_level p = PRIVACY_COUNT;
        assert_true(privacy_level_from(span_c(privacy_level_name((enum privacy_level)i)), &p) &&
                    (int)p == i);
    }
    for (int i = 0; i < TASK_COUNT; i++) {
        enum task t = TASK_COUNT;
        assert_true(task_from(span_c(task_name((enum task)i)), &t) && (int)t == i);
    }
    for (int i = 1; i < FINISH_COUNT; i++) {
        enum finish f = FINISH_NONE;
        assert_true(finish_from(span_c(finish_name((enum finish)i)), &f) && (int)f == i);
    }
    for (int i = 0; i < LEG_OUTCOME_COUNT; i++) {
        assert_non_null(leg_outcome_name((enum leg_outcome)i));
    }
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        assert_non_null(outcome_name((enum outcome)i));
    }
    assert_null(degraded_name(DEGRADED_NO));
    assert_string_equal(degraded_name(DEGRADED_CLOUD_FAILED), "cloud_failed");
    assert_null(finish_name(FINISH_NONE));
    assert_string_equal(verdict_name(VERDICT_FORBID), "forbid");
}

static void unknown_names_touch_nothing(void **state)
{
    (void)state;
    enum tier t = TIER_EDGE;
    assert_false(tier_from(SPAN("Device"), &t));
    assert_false(tier_from(SPAN(""), &t));
    assert_false(tier_from(SPAN_NONE, &t));
    assert_int_equal(t, TIER_EDGE);
    enum finish f = FINISH_LENGTH;
    assert_false(finish_from(SPAN(""), &f));
    assert_false(finish_from(SPAN("tool_call"), &f));
    assert_int_equal(f, FINISH_LENGTH);
    enum mode m = MODE_AUTO;
    assert_false(mode_from(SPAN("prefer_on_devic"), &m));
}

static void other_providers_finish_words(void **state)
{
    (void)state;
    enum finish f = FINISH_NONE;
    assert_true(finish_from(SPAN("end_turn"), &f) && f == FINISH_STOP);
    assert_true(finish_from(SPAN("stop_sequence"), &f) && f == FINISH_STOP);
    assert_true(finish_from(SPAN("max_tokens"), &f) && f == FINISH_LENGTH);
    assert_true(finish_from(SPAN("tool_use"), &f) && f == FINISH_TOOL_CALLS);
    assert_true(finish_from(SPAN("refusal"), &f) && f == FINISH_CONTENT_FILTER);
}

static void cost_counts_cached_tokens_at_their_price(void **state)
{
    (void)state;
    struct price p = {1000000000, 2000000000, 500000000}; /* 1.00, 2.00, 0.50 dollars */
    assert_int_equal(price_cost_nano(&p, &(struct usage){40, 60, 0, -1, false}), 160000);
    assert_int_equal(price_cost_nano(&p, &(struct usage){40, 60, -1, -1, false}), 160000);
    assert_int_equal(price_cost_nano(&p, &(struct usage){40, 60, 30, -1, false}), 145000);
    assert_int_equal(price_cost_nano(&p, &(struct usage){40, 60, 99, -1, false}),
                     140000); /* a provider's slip */
    p.cached_input_nano_per_mtok = -1;
    assert_int_equal(price_cost_nano(&p, &(struct usage){40, 60, 30, -1, false}), 160000);
}

static void cost_is_unknown_rather_than_zero(void **state)
{
    (void)state;
    struct price none = {-1, -1, -1};
    struct price half = {5, -1, -1};
    struct price full = {1, 1, -1};
    struct usage u = {1, 1, -1, -1, false};
    assert_int_equal(price_cost_nano(&none, &u), USD_UNKNOWN);
    assert_int_equal(price_cost_nano(&half, &u), USD_UNKNOWN);
    assert_int_equal(price_cost_nano(&full, &USAGE_UNKNOWN), USD_UNKNOWN);
    assert_int_equal(price_cost_nano(&full, &u), 1); /* rounded up: never cheaper than it was */
    struct price huge = {INT64_MAX, INT64_MAX, -1};
    u.input_tokens = u.output_tokens = INT64_MAX;
    assert_int_equal(price_cost_nano(&huge, &u), INT64_MAX);
}

/* ---- receipts ---- */

static const struct backend device = {.name = "device", .tier = TIER_DEVICE, .model = "weir-nano"};
static const struct backend cloud = {.name = "cloud", .tier = TIER_CLOUD, .model = "m-fast"};

/* The example of INTERFACE.md, as the flow would have filled it. */
struct example {
    struct request request;
    struct decision decision;
    struct facts facts;
    struct receipt receipt;
    struct rule_verdict rules[1];
};

static struct example *example(void)
{
    struct example *e = NEW(struct example);
    memcpy(e->request.id, "req_01J00000000000000000000000", 31);
    e->request.wall_us = 1795389507123456ull; /* 2026-11-22T23:18:27.123456Z */
    e->decision.privacy = PRIVACY_REDACT;
    e->decision.strategy = "cascade";
    e->decision.score = 0.37;
    e->decision.threshold = 0.62;
    e->decision.rules = e->rules;
    e->rules[0] = (struct rule_verdict){"privacy", VERDICT_PASS, SPAN("1 PERSON, redactable")};
    e->decision.rules_count = 1;
    e->facts.prompt_tokens = 31;
    struct receipt *r = &e->receipt;
    r->request = &e->request;
    r->decision = &e->decision;
    r->facts = &e->facts;
    r->legs[0] = (struct leg_receipt){
        .leg = 1,
        .backend = &device,
        .outcome = LEG_OK,
        .start_us = 0,
        .ttft_us = 2100,
        .total_us = 9000,
        .usage = {31, 12, 0, -1, false},
        .cost_usd_nano = 0,
        .attempts = 1,
    };
    r->legs[1] = (struct leg_receipt){
        .leg = 2,
        .backend = &cloud,
        .outcome = LEG_OK,
        .start_us = 9100,
        .ttft_us = 52000,
        .total_us = 80000,
        .usage = {40, 60, 0, -1, false},
        .cost_usd_nano = 160000,
        .attempts = 1,
        .left_device_bytes = 412,
        .redactions = &one_person,
        .redactions_count = 1,
    };
    r->legs_count = 2;
    r->author = 2;
    r->reason = SPAN("confidence 0.41 below 0.62");
    r->confidence = 0.41;
    r->ttft_us = 61000;
    r->total_us = 89000;
    r->overhead_us = 140;
    r->cost_usd_nano = r->always_cloud_cost_usd_nano = 160000;
    return e;
}

static void the_short_receipt_is_the_documented_one(void **state)
{
    (void)state;
    struct example *e = example();
    struct text out;
    text_init(&out, 64 * KIB);
    receipt_write(&e->receipt, false, &out);
    assert_string_equal(
        out.data,
        "{\"id\":\"req_01J00000000000000000000000\",\"time\":\"2026-11-22T23:18:27.123456Z\",\"client\":null,"
        "\"session\":null,\"mode\":\"auto\",\"privacy\":\"redact\",\"strategy\":\"cascade\",\"tier\":\"cloud\","
        "\"backend\":\"cloud\",\"model\":\"m-fast\",\"reason\":\"confidence 0.41 below 0.62\",\"score\":0.37,"
        "\"confidence\":0.41,\"threshold\":0.62,\"legs\":["
        "{\"leg\":1,\"backend\":\"device\",\"tier\":\"device\",\"model\":\"weir-nano\",\"outcome\":\"ok\","
        "\"error\":null,\"start_us\":0,\"ttft_us\":2100,\"total_us\":9000,\"input_tokens\":31,"
        "\"output_tokens\":12,\"cached_tokens\":0,\"cost_usd\":0.0,\"left_device_bytes\":0,\"redactions\":{}},"
        "{\"leg\":2,\"backend\":\"cloud\",\"tier\":\"cloud\",\"model\":\"m-fast\",\"outcome\":\"ok\","
        "\"error\":null,\"start_us\":9100,\"ttft_us\":52000,\"total_us\":80000,\"input_tokens\":40,"
        "\"output_tokens\":60,\"cached_tokens\":0,\"cost_usd\":0.00016,\"left_device_bytes\":412,"
        "\"redactions\":{\"PERSON\":1}}],\"cost_usd\":0.00016,\"always_cloud_cost_usd\":0.00016,"
        "\"ttft_us\":61000,\"total_us\":89000,\"overhead_us\":140,\"degraded\":null,\"reduced\":[],"
        "\"kept\":null,\"hint\":null,\"redacted\":1,\"outcome\":\"ok\"}");
    text_done(&out);
    mem_free(e);
}

static const struct json *write_and_parse(const struct receipt *r, bool with_rules, struct arena *a)
{
    struct text out;
    text_init(&out, 256 * KIB);
    receipt_write(r, with_rules, &out);
    assert_false(out.overflow);
    const struct json *root = NULL;
    struct fault fault = {0};
    assert_int_equal(json_parse_in(a, text_span(&out), &root, &fault), OK);
    assert_false(json_has_duplicate_keys(root));
    text_done(&out);
    return root;
}

static void the_full_receipt_has_the_rules(void **state)
{
    (void)state;
    struct example *e = example();
    struct arena *a = arena_new();
    e->receipt.fault.code = ERR_UPSTREAM;
    e->receipt.outcome = OUTCOME_PARTIAL;
    const struct json *root = write_and_parse(&e->receipt, true, a);
    const struct json *rule = json_at(json_get(root, "rules"), 0);
    assert_true(span_is(json_str(json_get(rule, "rule")), "privacy"));
    assert_true(span_is(json_str(json_get(rule, "verdict")), "pass"));
    assert_true(span_is(json_str(json_get(rule, "why")), "1 PERSON, redactable"));
    assert_true(span_is(json_str(json_get(json_get(root, "error"), "code")), "upstream_failed"));
    assert_true(span_is(json_str(json_get(root, "outcome")), "partial"));
    arena_free(a);
    mem_free(e);
}

/* Every key that INTERFACE names is there whatever is missing, and is then null and not 0. */
static void what_is_not_known_is_null(void **state)
{
    (void)state;
    static const char *const null_keys[] = {
        "client",
        "session",
        "tier",
        "backend",
        "model",
        "reason",
        "score",
        "confidence",
        "threshold",
        "cost_usd",
        "always_cloud_cost_usd",
        "ttft_us",
        "total_us",
        "degraded",
        "kept",
        "hint",
    };
    struct example *e = example();
    struct arena *a = arena_new();
    e->decision = (struct decision){.score = -1, .threshold = -1};
    struct receipt bare = {
        .request = &e->request,
        .decision = &e->decision,
        .confidence = -1,
        .ttft_us = -1,
        .total_us = -1,
        .cost_usd_nano = USD_UNKNOWN,
        .always_cloud_cost_usd_nano = USD_UNKNOWN,
        .reason = SPAN(""),
    };
    const struct json *root = write_and_parse(&bare, true, a);
    for (size_t i = 0; i < ARRAY_LEN(null_keys); i++) {
        if (json_type(json_get(root, null_keys[i])) != JSON_NULL) {
            fail_msg("%s is %s", null_keys[i], json_type_name(json_get(root, null_keys[i])));
        }
    }
    assert_int_equal(json_len(json_get(root, "legs")), 0);

    bare.legs[0] = (struct leg_receipt){
        .leg = 1,
        .backend = &cloud,
        .outcome = LEG_TIMEOUT,
        .error = SPAN("no answer in 15 s"),
        .ttft_us = -1,
        .total_us = -1,
        .usage = USAGE_UNKNOWN,
        .cost_usd_nano = USD_UNKNOWN,
        .attempts = 2,
    };
    bare.legs_count = 1;
    bare.decision = NULL;
    const struct json *leg = json_at(json_get(write_and_parse(&bare, false, a), "legs"), 0);
    static const char *const leg_nulls[] = {
        "ttft_us", "total_us", "input_tokens", "output_tokens", "cached_tokens", "cost_usd",
    };
    for (size_t i = 0; i < ARRAY_LEN(leg_nulls); i++) {
        assert_int_equal(json_type(json_get(leg, leg_nulls[i])), JSON_NULL);
    }
    assert_int_equal(json_i64_or(json_get(leg, "attempts"), 0), 2);
    assert_true(span_is(json_str(json_get(leg, "error")), "no answer in 15 s"));
    arena_free(a);
    mem_free(e);
}

static void policy_and_estimates_are_shown(void **state)
{
    (void)state;
    struct example *e = example();
    struct arena *a = arena_new();
    e->decision.kept_rule = "never_leave";
    e->decision.kept_type = "US_SSN";
    e->decision.reduced[0] = "long context";
    e->decision.reduced_count = 1;
    e->receipt.degraded = DEGRADED_OFFLINE;
    e->receipt.always_cloud_estimated = true;
    e->receipt.legs[1].usage.estimated = true;
    e->receipt.hint = SPAN("add a GGUF");
    const struct json *root = write_and_parse(&e->receipt, false, a);
    assert_true(span_is(json_str(json_get(json_get(root, "kept"), "type")), "US_SSN"));
    assert_true(span_is(json_str(json_at(json_get(root, "reduced"), 0)), "long context"));
    assert_true(span_is(json_str(json_get(root, "degraded")), "offline"));
    assert_true(span_is(json_str(json_get(root, "hint")), "add a GGUF"));
    assert_true(json_true(json_get(root, "always_cloud_estimated")));
    assert_true(json_true(json_get(json_at(json_get(root, "legs"), 1), "estimated")));
    assert_null(json_get(json_at(json_get(root, "legs"), 0), "estimated"));
    e->decision.kept_type = NULL;
    root = write_and_parse(&e->receipt, false, a);
    assert_int_equal(json_type(json_get(json_get(root, "kept"), "type")), JSON_NULL);
    arena_free(a);
    mem_free(e);
}

static void a_receipt_leaves_out_what_a_provider_said(void **state)
{
    (void)state;
    struct example *e = example();
    struct arena *a = arena_new();
    e->receipt.legs[1].error = SPAN("the provider failed (status 500): “your prompt: sesame”");
    e->receipt.reason = SPAN("a: no: “sesame”; b: gone");
    fault_set(&e->receipt.fault, ERR_UPSTREAM,
              "cloud: the provider refused: “sesame that was cut o");
    for (int full = 0; full < 2; full++) {
        const struct json *root = write_and_parse(&e->receipt, full, a);
        const struct json *leg = json_at(json_get(root, "legs"), 1);
        assert_true(span_is(json_str(json_get(leg, "error")), "the provider failed (status 500)"));
        assert_true(span_is(json_str(json_get(root, "reason")), "a: no; b: gone"));
    }
    const struct json *error = json_get(write_and_parse(&e->receipt, true, a), "error");
    assert_true(span_is(json_str(json_get(error, "message")), "cloud: the provider refused"));
    arena_free(a);
    mem_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_reads_back),
        cmocka_unit_test(unknown_names_touch_nothing),
        cmocka_unit_test(other_providers_finish_words),
        cmocka_unit_test(cost_counts_cached_tokens_at_their_price),
        cmocka_unit_test(cost_is_unknown_rather_than_zero),
        cmocka_unit_test(the_short_receipt_is_the_documented_one),
        cmocka_unit_test(the_full_receipt_has_the_rules),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(policy_and_estimates_are_shown),
        cmocka_unit_test(a_receipt_leaves_out_what_a_provider_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
