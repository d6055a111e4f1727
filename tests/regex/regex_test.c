/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "regex/regex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct regex *compile(const char *pattern, unsigned flags)
{
    struct regex *r = NULL;
    struct fault fault = {0};
    enum err err = regex_new(pattern, flags, &r, &fault);
    if (err) {
        fail_msg("%s: %s", pattern, fault.text);
    }
    return r;
}

static void finds_first_match_from_an_offset(void **state)
{
    (void)state;
    struct regex *r = compile("\\bE[0-9]{6}\\b", 0);
    struct span text = SPAN("ids E123456 and E654321.");
    size_t start = 99;
    size_t end = 99;
    assert_true(regex_find(r, text, 0, &start, &end));
    assert_int_equal(start, 4);
    assert_int_equal(end, 11);
    assert_true(regex_find(r, text, end, &start, &end));
    assert_int_equal(start, 16);
    assert_false(regex_find(r, text, end, &start, &end));
    assert_false(regex_find(r, text, text.len + 1, &start, &end));
    assert_false(regex_find(r, SPAN_NONE, 0, NULL, NULL));
    regex_free(r);
}

static void a_bad_pattern_says_where(void **state)
{
    (void)state;
    struct regex *r = NULL;
    struct fault fault = {0};
    assert_int_equal(regex_new("ab(c", 0, &r, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "byte 4"));
    assert_null(r);
    char *long_pattern = mem_new(REGEX_PATTERN_MAX + 2);
    memset(long_pattern, 'a', REGEX_PATTERN_MAX + 1);
    assert_int_equal(regex_new(long_pattern, 0, &r, &fault), ERR_INVALID);
    mem_free(long_pattern);
    assert_int_equal(regex_new("\\C", 0, &r, &fault), ERR_INVALID);
}

static void catastrophic_patterns_end_soon(void **state)
{
    (void)state;
    struct regex *r = compile("^(a|aa|b)+$", 0);
    char text[6001];
    memset(text, 'a', 3000);
    memset(text + 3000, 'b', 2999);
    text[5999] = 'c';
    size_t at = 0;
    assert_int_equal(regex_search(r, span_of(text, 6000), 0, &at, &at), REGEX_GAVE_UP);
    assert_false(regex_find(r, span_of(text, 6000), 0, &at, &at));
    regex_free(r);
}

static void unicode_and_broken_bytes(void **state)
{
    (void)state;
    struct regex *r = compile("stra\xc3\x9f"
                              "e \\d+",
                              REGEX_NOCASE);
    size_t start = 0;
    assert_true(regex_find(r,
                           SPAN("\xff\xfe STRA\xc3\x9f"
                                "E 12"),
                           0, &start, NULL));
    assert_int_equal(start, 3);
    regex_free(r);
    r = compile("^\\w+$", 0);
    assert_true(regex_find(r, SPAN("\xc3\xa9t\xc3\xa9"), 0, NULL, NULL));
    assert_false(regex_find(r, SPAN("\xc3"), 0, NULL, NULL));
    regex_free(r);
    r = compile("\\xff", REGEX_BYTES);
    assert_true(regex_find(r, SPAN("a\xff"), 0, &start, NULL));
    assert_int_equal(start, 1);
    regex_free(r);
}

static void anchored_and_empty_matches(void **state)
{
    (void)state;
    struct regex *r = compile("b", REGEX_ANCHORED);
    assert_false(regex_find(r, SPAN("ab"), 0, NULL, NULL));
    assert_true(regex_find(r, SPAN("ab"), 1, NULL, NULL));
    regex_free(r);
    r = compile("x*", 0);
    size_t start = 9;
    size_t end = 9;
    assert_true(regex_find(r, SPAN(""), 0, &start, &end));
    assert_int_equal(start, 0);
    assert_int_equal(end, 0);
    regex_free(r);
    regex_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_first_match_from_an_offset),
        cmocka_unit_test(a_bad_pattern_says_where),
        cmocka_unit_test(catastrophic_patterns_end_soon),
        cmocka_unit_test(unicode_and_broken_bytes),
        cmocka_unit_test(anchored_and_empty_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
