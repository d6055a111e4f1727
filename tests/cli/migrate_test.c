/* SPDX-License-Identifier: Apache-2.0 */
/* A month of the cloud alone, generated: what could the device take of it? */
#include "cli/migrate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct migrate *m, const char *tier, const char *task, int tokens, const char *more,
                double usd, double score, double feedback)
{
    char json[600];
    snprintf(
        json, sizeof json,
        "{\"id\":\"req_1\",\"session\":%s,\"tier\":\"%s\",\"task\":\"%s\",\"prompt_tokens\":%d,"
        "\"markers\":{\"length\":3%s},\"score\":%g,\"cost_usd\":%.9f,"
        "\"legs\":[{\"backend\":\"x\",\"output_tokens\":20}]}",
        feedback >= 0 && tier[0] == 'd' ? "\"weir-calibrate-1\"" : "null", tier, task, tokens, more,
        score, usd);
    migrate_add(m, span_c(json), feedback);
}

static const struct json *kind(const struct json *report, const char *name)
{
    for (struct json_iter it = json_iter(json_get(report, "kinds")); json_next(&it);) {
        if (span_is(json_str(json_get(it.value, "kind")), name)) {
            return it.value;
        }
    }
    fail_msg("no kind %s", name);
    return NULL;
}

static bool verdict_is(const struct json *report, const char *name, const char *verdict)
{
    return span_is(json_str(json_get(kind(report, name), "verdict")), verdict);
}

static double number(const struct json *object, const char *key)
{
    return json_f64_or(json_get(object, key), -99);
}

static struct json_doc *written(struct migrate *m)
{
    struct text out;
    struct json_doc *doc;
    text_init(&out, MIB);
    migrate_write(m, &out);
    assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
    text_done(&out);
    return doc;
}

static void a_cloud_only_month(void **state)
{
    (void)state;
    struct migrate *m = migrate_new(
        &(struct migrate_options){.quality = 0.95, .context = 2000, .pair = "device,gpt"});
    for (int i = 0; i < 600; i++) {
        add(m, "cloud", "command", 12, "", 0.0001, 0.9, -1);
        add(m, "cloud", "code", 400, "", 0.0080, 0.4, -1);
        if (i % 2) {
            add(m, "cloud", "summarise", 3000, "", 0.0010, 0.5, -1);
            add(m, "cloud", "extract", 100, ",\"tools\":1", 0.0002, 0.5, -1);
            add(m, "cloud", "chat", 20, "", 0.0001, 0.8, 1);
        }
    }
    for (int i = 0; i < 80;
         i++) { /* what a teacher asked: 80 commands well, half of 30 pieces of code */
        add(m, "device", "command", 12, "", 0, 0.9, 1);
        if (i < 30) {
            add(m, "device", "code", 400, "", 0, 0.4, i % 2);
        }
        if (i < 10) {
            add(m, "device", "chat", 20, "", 0, 0.8, 1);
        }
    }
    migrate_add(m, SPAN("{\"tier\":null}"), -1);
    migrate_add(m, SPAN("not json"), -1);
    struct json_doc *doc = written(m);
    const struct json *r = json_root(doc);
    assert_int_equal(json_i64_or(json_get(r, "cloud_requests"), 0), 2100);
    assert_int_equal(json_i64_or(json_get(r, "taught"), 0), 120);
    assert_true(verdict_is(r, "command, tiny", "move"));
    assert_true(verdict_is(r, "code, medium", "keep"));
    assert_true(verdict_is(r, "summarise, long", "cannot"));
    assert_true(verdict_is(r, "extract, short, tools", "cannot"));
    assert_true(verdict_is(r, "chat, tiny", "likely"));
    /* money: 600 · 0.0001 moves for certain */
    const struct json *command = kind(r, "command, tiny");
    assert_true(fabs(number(command, "saving_usd") - 0.06) < 1e-9);
    assert_true(fabs(number(command, "quality_low") - pow(0.05, 1.0 / 80)) < 1e-3);
    assert_true(fabs(number(json_get(command, "risk"), "worse_at_most") -
                     600 * (1 - pow(0.05, 1.0 / 80))) < 0.1);
    assert_true(fabs(number(json_get(r, "movable"), "proven_saving_usd") - 0.06) < 1e-9);
    assert_true(fabs(number(json_get(r, "movable"), "likely_share") - 300.0 / 2100) < 1e-3);
    assert_int_equal(json_i64_or(json_get(json_get(kind(r, "chat, tiny"), "labels"), "needed"), 0),
                     49);
    /* one kind of five, code, costs 4.80 of 5.25 USD */
    const struct json *pareto = json_get(r, "pareto");
    assert_int_equal(json_i64_or(json_get(pareto, "kinds"), 0), 5);
    assert_int_equal(json_i64_or(json_get(pareto, "top_fifth"), 0), 1);
    assert_true(fabs(number(pareto, "top_fifth_share") - 4.8 / 5.25) < 1e-3);
    assert_int_equal(json_i64_or(json_get(pareto, "kinds_for_80_percent"), 0), 1);
    assert_true(span_is(json_str(json_at(json_get(pareto, "top"), 0)), "code, medium"));
    assert_true(
        span_is(json_str(json_get(json_at(json_get(r, "kinds"), 0), "kind")), "code, medium"));
    assert_true(span_find(json_str(json_get(r, "advice")), SPAN("--pair device,gpt"), 0) !=
                SIZE_MAX);
    json_free(doc);
    migrate_free(m);
}

static void without_labels_it_says_what_is_missing(void **state)
{
    (void)state;
    struct migrate *m = migrate_new(&(struct migrate_options){.quality = 0.95});
    add(m, "cloud", "rewrite", 60, "", 0.001, 0.5, -1);
    struct json_doc *doc = written(m);
    const struct json *k = kind(json_root(doc), "rewrite, short");
    assert_true(verdict_is(json_root(doc), "rewrite, short", "unknown"));
    assert_int_equal(json_i64_or(json_get(json_get(k, "labels"), "needed"), 0), 59);
    assert_int_equal(json_type(json_get(k, "quality")), JSON_NULL);
    assert_true(number(k, "saving_usd") == 0);
    json_free(doc);
    migrate_free(m);
}

static void a_calibration_speaks_where_labels_of_the_kind_are_missing(void **state)
{
    (void)state;
    struct calibration_label labels[400];
    for (int i = 0; i < 400; i++) {
        labels[i] = (struct calibration_label){i / 400.0, i > 200, 1};
    }
    struct calibration *split = NEW(struct calibration);
    calibration_make(labels, 400, split);
    struct migrate *m = migrate_new(&(struct migrate_options){.quality = 0.95, .split = split});
    for (int i = 0; i < 100; i++) {
        add(m, "cloud", "rewrite", 60, "", 0.001, i < 30 ? 0.9 : 0.1, -1);
    }
    struct json_doc *doc = written(m);
    const struct json *k = kind(json_root(doc), "rewrite, short");
    assert_true(verdict_is(json_root(doc), "rewrite, short", "part"));
    assert_true(fabs(number(k, "device_share") - 0.3) < 1e-9);
    assert_true(fabs(number(k, "saving_usd") - 0.03) < 1e-9);
    assert_true(number(k, "quality") > 0.99);
    json_free(doc);
    migrate_free(m);
    mem_free(split);
}

static void without_prices_tokens_stand_in(void **state)
{
    (void)state;
    struct migrate *m = migrate_new(&(struct migrate_options){.quality = 0.95});
    migrate_add(m,
                SPAN("{\"tier\":\"cloud\",\"task\":\"chat\",\"prompt_tokens\":10,\"cost_usd\":null,"
                     "\"legs\":[{\"output_tokens\":90}]}"),
                -1);
    struct json_doc *doc = written(m);
    assert_true(span_is(json_str(json_get(json_get(json_root(doc), "pareto"), "by")), "tokens"));
    assert_int_equal(json_type(json_get(json_root(doc), "cost_usd")), JSON_NULL);
    assert_true(number(kind(json_root(doc), "chat, tiny"), "cost_share") == 1);
    json_free(doc);
    migrate_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cloud_only_month),
        cmocka_unit_test(without_labels_it_says_what_is_missing),
        cmocka_unit_test(a_calibration_speaks_where_labels_of_the_kind_are_missing),
        cmocka_unit_test(without_prices_tokens_stand_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
