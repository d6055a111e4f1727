/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Feeds `in` in pieces of `step` bytes; each piece that comes out is valid. `out` has room for 256. */
static bool feed(const struct params *p, struct span in, size_t step, char *out)
{
    struct answer a;
    struct text all, piece;
    bool stop = false;
    answer_init(&a, p);
    text_init(&all, KIB);
    text_init(&piece, KIB);
    while (in.len && !stop) {
        text_clear(&piece);
        stop = answer_add(&a, span_first(in, step), &piece);
        in = span_from(in, step);
        assert_true(span_utf8_valid(text_span(&piece)));
        text_add(&all, text_span(&piece));
    }
    if (!stop) {
        answer_flush(&a, &all);
    }
    assert_true(all.len < 256);
    memcpy(out, all.len ? all.data : "", all.len + 1);
    text_done(&all);
    text_done(&piece);
    answer_done(&a);
    return stop;
}

static void test_stops_are_found_however_the_text_is_cut(void **state)
{
    (void)state;
    struct params p = {.stops = {SPAN("\n\nUser:"), SPAN("END"), SPAN("\xe2\x82\xac!")},
                       .stops_count = 3};
    for (size_t step = 1; step < 12; step++) {
        char out[256];
        assert_true(feed(&p, SPAN("one\n\nUse it\n\n\nUser: two"), step, out));
        assert_string_equal(out, "one\n\nUse it\n");
        assert_true(feed(&p, SPAN("EEEND of it"), step, out));
        assert_string_equal(out, "EE");
        assert_false(feed(&p, SPAN("EN"), step, out));
        assert_string_equal(out, "EN");
        assert_true(feed(&p, SPAN("5 \xe2\x82\xac, 6 \xe2\x82\xac! 7"), step, out));
        assert_string_equal(out, "5 \xe2\x82\xac, 6 ");
    }
}

static void test_characters_stay_whole_and_broken_ones_are_replaced(void **state)
{
    (void)state;
    struct params p = {0};
    for (size_t step = 1; step < 9; step++) {
        char out[256];
        feed(&p, SPAN("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"), step, out);
        assert_string_equal(out, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
        feed(&p, SPAN("x\xff\xc3y\xe2\x82"), step, out); /* never, cut, cut at the end */
        assert_true(span_utf8_valid(span_c(out)));
        assert_non_null(strchr(out, 'x'));
        assert_non_null(strchr(out, 'y'));
        assert_non_null(strstr(out, "\xef\xbf\xbd"));
    }
}

static void test_only_what_may_be_a_stop_is_held_back(void **state)
{
    (void)state;
    struct params p = {.stops = {SPAN("STOP")}, .stops_count = 1};
    struct answer a;
    struct text out;
    answer_init(&a, &p);
    text_init(&out, KIB);
    assert_false(answer_add(&a, SPAN("go S"), &out));
    assert_string_equal(out.data, "go ");
    assert_false(answer_add(&a, SPAN("T"), &out));
    assert_string_equal(out.data, "go ");
    assert_false(answer_add(&a, SPAN("ART"), &out));
    assert_string_equal(out.data, "go START");
    text_done(&out);
    answer_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stops_are_found_however_the_text_is_cut),
        cmocka_unit_test(test_characters_stay_whole_and_broken_ones_are_replaced),
        cmocka_unit_test(test_only_what_may_be_a_stop_is_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
