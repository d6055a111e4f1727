/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BASE                                                                                       \
    "auth: { keys_file: keys }\n"                                                                  \
    "backends:\n  - { name: device, tier: device, model: nano.gguf }\n"

static enum err parse(const char *yaml, struct config **out, struct text *errors)
{
    text_init(errors, 16 * KIB);
    return config_parse(span_c(yaml), "weir.yaml", "/nowhere", out, errors);
}

static void caps_are_read_by_key(void **state)
{
    (void)state;
    struct config *c = NULL;
    struct text errors;
    assert_int_equal(parse(BASE "policy:\n  caps:\n    - { key: batch, cloud_share: 0.3 }\n"
                                "    - { key: night, cloud_share: 0 }\n",
                           &c, &errors),
                     OK);
    assert_true(config_cap(c, SPAN("batch")) == 0.3);
    assert_true(config_cap(c, SPAN("night")) == 0);
    assert_true(config_cap(c, SPAN("ann")) < 0);
    assert_true(config_cap(c, SPAN_NONE) < 0);
    config_unref(c);
    text_done(&errors);
}

static void mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {BASE "policy:\n  caps:\n    - { cloud_share: 0.3 }\n", "weir.yaml:6: "},
        {BASE "policy:\n  caps:\n    - { cloud_share: 0.3 }\n", "needs key"},
        {BASE "policy:\n  caps:\n    - { key: batch }\n", "needs cloud_share"},
        {BASE "policy:\n  caps:\n    - { key: batch, cloud_share: 3 }\n", "cloud_share: expected"},
        {BASE "policy:\n  caps:\n    - { key: batch, share: 0.3 }\n", "unknown key `share`"},
        {BASE "policy:\n  caps: { key: batch }\n", "expected a list of at most 256 caps"},
        {BASE
         "policy:\n  caps:\n    - { key: a, cloud_share: 1 }\n    - { key: a, cloud_share: 0 }\n",
         "weir.yaml:7: "},
        {"backends:\n  - { name: device, tier: device, model: nano.gguf }\n"
         "policy:\n  caps:\n    - { key: batch, cloud_share: 0.3 }\n",
         "callers have none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *c = NULL;
        struct text errors;
        assert_int_not_equal(parse(cases[i].yaml, &c, &errors), OK);
        if (!strstr(errors.data, cases[i].expected)) {
            fail_msg("case %zu: wanted \"%s\" in \"%s\"", i, cases[i].expected, errors.data);
        }
        text_done(&errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_are_read_by_key),
        cmocka_unit_test(mistakes_are_told_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
