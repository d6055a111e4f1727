/* SPDX-License-Identifier: Apache-2.0 */
/* The threshold in force, what it promises, and the file that it comes from. */
#include "router/scene.h"

#include <math.h>
#include <string.h>

#define CASCADE "policy: { strategy: cascade }\n"
#define SPLIT "policy: { strategy: split }\n"

/* A device that is right where `value` is over `from`, and a cloud that is always right. */
static void labels_from(double from, int n, struct calibration *out)
{
    struct calibration_label *labels = NEW_ARRAY(struct calibration_label, n);
    for (int i = 0; i < n; i++) {
        double value = (i + 0.5) / n;
        labels[i] = (struct calibration_label){value, value > from, 1};
    }
    calibration_make(labels, n, out);
    mem_free(labels);
}

static struct calibrations one_entry(const char *device, const char *cloud, int n)
{
    struct calibrations all = {0};
    struct calibration_entry *e = NEW(struct calibration_entry);
    *e = (struct calibration_entry){.bytes = 12, .mtime_us = 34};
    span_to_c(span_c(device), e->device, sizeof e->device);
    span_to_c(SPAN("nano"), e->model, sizeof e->model);
    span_to_c(SPAN("Q8_0"), e->quantisation, sizeof e->quantisation);
    span_to_c(span_c(cloud), e->cloud, sizeof e->cloud);
    span_to_c(SPAN("m-fast"), e->cloud_model, sizeof e->cloud_model);
    span_to_c(SPAN("2026-11-21T00:00:00.000000Z"), e->time, sizeof e->time);
    span_to_c(SPAN("pair"), e->source, sizeof e->source);
    labels_from(0.3, n, &e->cascade);
    labels_from(0.7, n, &e->split);
    calibrations_put(&all, e);
    mem_free(e);
    return all;
}

static bool notes(const struct decision *d, const char *words)
{
    return span_find(d->quality_note, span_c(words), 0) != SIZE_MAX;
}

static void by_default_it_is_careful_and_says_so(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH CASCADE);
    scene_decide(&s);
    assert_true(s.decision->threshold == 0.6);
    assert_string_equal(s.decision->threshold_from, "default");
    assert_false(s.decision->quality_supported);
    assert_true(s.decision->quality == 0.95);
    assert_true(
        notes(s.decision, "quality target not yet supported: device and cloud are not calibrated"));
    scene_close(&s);
}

static void labels_move_it_by_strategy(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 1000);
    const struct {
        const char *yaml;
        double from, to;
    } cases[] = {{BOTH CASCADE, 0.22, 0.3}, {BOTH SPLIT, 0.62, 0.7}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s;
        scene_open(&s, cases[i].yaml);
        router_use_calibrations(s.router, &all);
        scene_decide(&s);
        assert_true(s.decision->threshold > cases[i].from && s.decision->threshold < cases[i].to);
        assert_string_equal(s.decision->threshold_from, "calibration");
        assert_true(s.decision->threshold_calibrated && s.decision->quality_supported);
        assert_true(notes(s.decision, "95 % of always-cloud quality, at 95 % confidence"));
        scene_close(&s);
    }
    calibrations_done(&all);
}

static void the_caller_may_ask_for_another_quality(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 1000);
    struct scene s;
    scene_open(&s, BOTH CASCADE);
    router_use_calibrations(s.router, &all);
    double last = 0;
    const double wishes[] = {0.5, 0.8, 0.95, 0.99};
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        s.request->options.quality = wishes[i];
        scene_decide(&s);
        assert_true(s.decision->threshold >= last);
        assert_true(s.decision->quality == wishes[i]);
        last = s.decision->threshold;
    }
    assert_true(last > 0.25);
    s.request->options.quality = 0.999; /* 0.999^1000 > 0.04, and 0.999^3218 is not */
    scene_decide(&s);
    assert_false(s.decision->quality_supported);
    assert_true(notes(s.decision, "not enough evidence yet, 2218 more labels needed"));
    scene_close(&s);
    calibrations_done(&all);
}

static void a_changed_model_falls_back(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 1000);
    all.entries[0].stale = true;
    span_to_c(SPAN("nano is another file now"), all.entries[0].why, sizeof all.entries[0].why);
    struct scene s;
    scene_open(&s, BOTH CASCADE);
    router_use_calibrations(s.router, &all);
    scene_decide(&s);
    assert_true(s.decision->threshold == 0.6);
    assert_false(s.decision->threshold_calibrated);
    assert_true(notes(s.decision, "quality target not yet supported: nano is another file now"));
    scene_close(&s);
    calibrations_done(&all);
}

static void a_tired_device_keeps_its_threshold(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 1000);
    struct scene s;
    scene_open(&s, BOTH CASCADE);
    s.facts->device.battery = 0.05; /* the cloud first, the device behind it */
    router_use_calibrations(s.router, &all);
    scene_decide(&s);
    assert_string_equal(s.decision->threshold_from, "calibration");
    scene_close(&s);
    calibrations_done(&all);
}

static void another_pair_is_another_matter(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "europe", 1000);
    struct scene s;
    scene_open(&s, BOTH CASCADE);
    router_use_calibrations(s.router, &all);
    scene_decide(&s);
    assert_string_equal(s.decision->threshold_from, "default");
    scene_close(&s);
    calibrations_done(&all);
}

static void a_number_in_the_config_is_stronger(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 1000);
    struct scene s;
    scene_open(&s, BOTH "policy: { strategy: cascade, threshold: 0.42 }\n");
    router_use_calibrations(s.router, &all);
    scene_decide(&s);
    assert_true(s.decision->threshold == 0.42);
    assert_string_equal(s.decision->threshold_from, "config");
    assert_false(span_given(s.decision->quality_note));
    s.request->options.quality = 0.9;
    scene_decide(&s);
    assert_true(notes(s.decision, "the config's threshold decides"));
    scene_close(&s);
    calibrations_done(&all);
}

static void a_share_of_the_cloud_is_a_bound(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH "policy: { strategy: cascade, cloud_share: 0.2 }\n");
    s.facts->share_confidence = 0.31;
    s.facts->share_score = -1;
    scene_decide(&s);
    assert_true(s.decision->threshold == 0.31);
    assert_string_equal(s.decision->threshold_from, "cloud_share");
    assert_true(notes(s.decision, "the policy lets 20 % of the answers go to the cloud"));
    s.facts->share_confidence = 0.9; /* the quality wants less than the bound allows */
    scene_decide(&s);
    assert_true(s.decision->threshold == 0.6);
    scene_close(&s);
}

static void the_receipt_tells_it(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH CASCADE);
    scene_decide(&s);
    struct text out;
    text_init(&out, 64 * KIB);
    router_explain(s.router, s.facts, s.decision, &out);
    struct json_doc *doc;
    assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
    const struct json *quality = json_get(json_root(doc), "quality");
    assert_true(span_is(json_str(json_get(quality, "threshold_from")), "default"));
    assert_true(
        span_starts(json_str(json_get(quality, "note")), SPAN("quality target not yet supported")));
    json_free(doc);
    text_done(&out);
    scene_close(&s);
}

/* ---- the file ---- */

static void a_file_is_read_back_the_same(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 300);
    all.entries[0].split.points[0].quality_low = 1.15; /* a device better than the cloud */
    struct calibrations back;
    struct text once;
    struct text twice;
    text_init(&once, MIB);
    text_init(&twice, MIB);
    calibrations_write(&all, &once);
    struct fault fault = {0};
    assert_int_equal(calibrations_read(text_span(&once), &back, &fault), OK);
    assert_int_equal(back.count, 1);
    text_clear(&once);
    calibrations_write(&back, &once);
    calibrations_done(&back);
    assert_int_equal(calibrations_read(text_span(&once), &back, &fault), OK);
    calibrations_write(&back, &twice);
    assert_string_equal(once.data, twice.data); /* 15 digits are stable once they were read */
    struct calibration_choice a;
    struct calibration_choice b;
    calibration_choose(&all.entries[0].cascade, 0.95, &a);
    calibration_choose(&back.entries[0].cascade, 0.95, &b);
    assert_true(fabs(a.point.threshold - b.point.threshold) < 1e-12 && b.supported);
    /* the same pair is replaced, another one added */
    calibrations_put(&back, &all.entries[0]);
    assert_int_equal(back.count, 1);
    all.entries[0].cloud[0] = 'x';
    calibrations_put(&back, &all.entries[0]);
    assert_int_equal(back.count, 2);
    calibrations_done(&all);
    calibrations_done(&back);
    text_done(&once);
    text_done(&twice);
}

static void a_broken_file_is_refused_whole(void **state)
{
    (void)state;
    struct calibrations all = one_entry("device", "cloud", 100);
    struct calibrations back;
    struct text good;
    text_init(&good, MIB);
    calibrations_write(&all, &good);
    calibrations_done(&all);
    struct fault fault = {0};
    for (size_t cut = 0; cut + 2 < good.len; cut += 97) {
        assert_int_equal(calibrations_read(span_first(text_span(&good), cut), &back, &fault),
                         ERR_INVALID);
        assert_int_equal(back.count, 0);
    }
    const struct {
        const char *was, *is;
    } wrong[] = {
        {"weir-calibration-1", "weir-calibration-9"},
        {"\"n\":100", "\"n\":-1"},
        {"\"points\":[[0,0", "\"points\":[[7,0"},
        {"\"backend\":\"device\"", "\"backend\":\"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct text bad;
        text_init(&bad, MIB);
        size_t at = span_find(text_span(&good), span_c(wrong[i].was), 0);
        assert_true(at != SIZE_MAX);
        text_add(&bad, span_first(text_span(&good), at));
        text_add_c(&bad, wrong[i].is);
        text_add(&bad, span_from(text_span(&good), at + strlen(wrong[i].was)));
        assert_int_equal(calibrations_read(text_span(&bad), &back, &fault), ERR_INVALID);
        text_done(&bad);
    }
    text_done(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_it_is_careful_and_says_so),
        cmocka_unit_test(labels_move_it_by_strategy),
        cmocka_unit_test(the_caller_may_ask_for_another_quality),
        cmocka_unit_test(a_changed_model_falls_back),
        cmocka_unit_test(a_tired_device_keeps_its_threshold),
        cmocka_unit_test(another_pair_is_another_matter),
        cmocka_unit_test(a_number_in_the_config_is_stronger),
        cmocka_unit_test(a_share_of_the_cloud_is_a_bound),
        cmocka_unit_test(the_receipt_tells_it),
        cmocka_unit_test(a_file_is_read_back_the_same),
        cmocka_unit_test(a_broken_file_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
