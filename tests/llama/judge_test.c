/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/judge.h"

#include "base/rng.h"
#include "crypto/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/weir-judge-XXXXXX";
static char model[64], probe[64], digest[SHA256_HEX_BYTES];

static int make_folder(void **state)
{
    (void)state;
    snprintf(model, sizeof model, "%s/m.gguf", mkdtemp(folder));
    snprintf(probe, sizeof probe, "%s/m.probe.json", folder);
    FILE *f = fopen(model, "w");
    fputs("a model", f);
    fclose(f);
    return sha256_file_hex(model, digest, NULL);
}
static int drop_folder(void **state)
{
    (void)state;
    unlink(model);
    unlink(probe);
    return rmdir(folder);
}

#define CURVE "{\"score\":[-9,-2,0],\"p\":[0.05,0.4,0.95]}"
#define PROBE                                                                                          \
    "\"statistics\":[\"sum_logprob\",\"min_margin\",\"is_refusal\"],\"hidden\":0,\"mean\":[-1,2,0.1]," \
    "\"scale\":[1,1,0.3],\"weights\":[1,0.5,0],\"bias\":0.5,\"calibration\":{\"score\":[-5,5],\"p\":[0,1]},"

static struct judge *judge_of(const char *format, const char *sha, const char *probe_fields,
                              char *note)
{
    FILE *f = fopen(probe, "w");
    fprintf(f,
            "{\"format\":\"%s\",\"model_sha256\":\"%s\",%s\"sum_logprob_calibration\":" CURVE "}",
            format, sha, probe_fields);
    fclose(f);
    return judge_new(model, note, 200);
}

static double p_of(const struct judge *j, const struct token_sums *s, bool final)
{
    struct frame_stats out = {0};
    judge_fill(j, s, final, &out);
    return out.p;
}

static void test_the_calibration_is_used(void **state)
{
    (void)state;
    char note[200];
    struct judge *j = judge_of("weir-probe-1", digest, "", note);
    assert_string_equal(note, "");
    assert_true(judge_calibrated(j));
    struct token_sums s;
    token_sums_init(&s);
    token_sums_add(&s, -1, 3, 0.1);
    assert_true(p_of(j, &s, true) > 0.674 &&
                p_of(j, &s, true) < 0.676); /* half-way between the knots */
    token_sums_add(&s, -100, 0, 0.1);
    assert_true(p_of(j, &s, true) == 0.05);
    judge_free(j);
}

static void test_a_probe_of_another_model_is_not_believed(void **state)
{
    (void)state;
    char note[200];
    struct judge *j = judge_of("weir-probe-1", "0000", "", note);
    assert_non_null(strstr(note, "another model"));
    assert_false(judge_calibrated(j));
    judge_free(j);
    j = judge_of("weir-probe-9", digest, "", note);
    assert_non_null(strstr(note, "weir-probe-1"));
    assert_false(judge_calibrated(j));
    judge_free(j);
}

/* Whatever follows, the final p is never above what was said while running. */
static void bound_holds(const struct judge *j)
{
    struct rng rng = {5};
    for (int round = 0; round < 300; round++) {
        struct token_sums s;
        token_sums_init(&s);
        double lowest = 1;
        int tokens = 1 + (int)rng_below(&rng, round % 2 ? 400 : 12);
        for (int i = 0; i < tokens; i++) {
            double x = rng_unit(&rng);
            token_sums_add(&s, -x * x * x * 2, rng_unit(&rng) * 10, rng_unit(&rng));
            double p = p_of(j, &s, false);
            assert_true(p <= lowest + 1e-12);
            lowest = p;
        }
        assert_true(p_of(j, &s, true) <= lowest + 1e-12);
    }
}

static void test_the_running_value_is_an_upper_bound(void **state)
{
    (void)state;
    char note[200];
    struct judge *j = judge_of("weir-probe-1", digest, "", note);
    bound_holds(j);
    judge_free(j);
    j = judge_of("weir-probe-1", digest, PROBE, note);
    assert_string_equal(note, "");
    bound_holds(j);
    judge_free(j);
    unlink(probe);
    j = judge_new(model, note, sizeof note);
    assert_false(judge_calibrated(j));
    bound_holds(j);
    judge_free(j);
}

static void test_refusals_and_broken_calls_are_worth_nothing(void **state)
{
    (void)state;
    char note[200];
    struct judge *j = judge_new("/nowhere/m.gguf", note, sizeof note);
    struct token_sums s;
    token_sums_init(&s);
    token_sums_add(&s, -0.01, 9, 0);
    struct frame_stats out = {.refusal = 1};
    judge_fill(j, &s, true, &out);
    assert_true(out.p == 0);
    out = (struct frame_stats){.bad_tool_call = 1};
    judge_fill(j, &s, true, &out);
    assert_true(out.p == 0);
    assert_true(p_of(j, &s, true) > 0.9);
    judge_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_calibration_is_used),
        cmocka_unit_test(test_a_probe_of_another_model_is_not_believed),
        cmocka_unit_test(test_the_running_value_is_an_upper_bound),
        cmocka_unit_test(test_refusals_and_broken_calls_are_worth_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
