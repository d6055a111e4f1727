/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    struct fault fault = {0};
    enum err err = json_parse(span_c(text), &doc, &fault);
    if (err) {
        print_message("%s: %s\n", text, fault.text);
    }
    assert_int_equal(err, OK);
    return doc;
}

static void refuse(struct span bytes)
{
    struct json_doc *doc = NULL;
    struct fault fault = {0};
    assert_int_equal(json_parse(bytes, &doc, &fault), ERR_INVALID);
    assert_null(doc);
    assert_true(strlen(fault.text) > 0);
    assert_int_equal(json_parse(bytes, &doc, NULL), ERR_INVALID);
}

static void paths_are_followed_without_checks(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"choices\":[{\"text\":\"h\\u00e4\"}],\"n\":null,\"b\":true}");
    const struct json *body = json_root(doc);
    assert_true(span_is(json_str(json_get(json_at(json_get(body, "choices"), 0), "text")), "hä"));
    assert_false(span_given(json_str(json_get(json_at(json_get(body, "n"), 7), "text"))));
    assert_null(json_get(NULL, "x"));
    assert_int_equal(json_len(NULL), 0);
    assert_int_equal(json_type(json_get(body, "n")), JSON_NULL);
    assert_string_equal(json_type_name(json_get(body, "choices")), "an array");
    assert_string_equal(json_type_name(NULL), "nothing");
    bool b = false;
    assert_true(json_to_bool(json_get(body, "b"), &b) && b && json_true(json_get(body, "b")));
    assert_false(json_to_bool(json_get(body, "n"), &b));
    json_free(doc);
}

static void iteration(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"a\":[1,[2,3],{}],\"b\":{\"c\":4},\"d\":5}");
    char seen[8] = "";
    for (struct json_iter it = json_iter(json_root(doc)); json_next(&it);) {
        assert_int_equal(it.index, strlen(seen));
        strncat(seen, it.key.data, it.key.len);
    }
    assert_string_equal(seen, "abd");
    size_t rounds = 0;
    for (struct json_iter it = json_iter(json_get(json_root(doc), "a")); json_next(&it);) {
        assert_false(span_given(it.key));
        assert_ptr_equal(it.value, json_at(json_get(json_root(doc), "a"), it.index));
        rounds++;
    }
    assert_int_equal(rounds, 3);
    struct json_iter none = json_iter(json_get(json_root(doc), "d"));
    assert_false(json_next(&none));
    none = json_iter(NULL);
    assert_false(json_next(&none));
    json_free(doc);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole;
        int64_t n;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-0.0e9", true, 0},
        {"3.0", true, 3},
        {"3.5", false, 0},
        {"30e-1", true, 3},
        {"1e3", true, 1000},
        {"1.5E+1", true, 15},
        {"1e-1", false, 0},
        {"100.00", true, 100},
        {"1050", true, 1050},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"9007199254740993", true, 9007199254740993},
        {"1e18", true, 1000000000000000000},
        {"1e19", false, 0},
        {"1e400", false, 0},
        {"0e999999999999999999999", true, 0},
        {"1e99999999999999999999", false, 0},
        {"1e-99999999999999999999", false, 0},
        {"100000000000000000000000000000000e-30", true, 100},
        {"0.00000000000000000000000000000000000001e38", true, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_doc *doc = parse(cases[i].text);
        int64_t n = -77;
        bool whole = json_to_i64(json_root(doc), &n);
        if (whole != cases[i].whole || n != (whole ? cases[i].n : -77)) {
            fail_msg("%s gave %d %lld", cases[i].text, whole, (long long)n);
        }
        assert_true(span_is(json_raw_number(json_root(doc)), cases[i].text));
        json_free(doc);
    }
    struct json_doc *doc = parse("[1e400,0.25,\"1\"]");
    double x = 7;
    assert_false(json_to_f64(json_at(json_root(doc), 0), &x));
    assert_true(json_to_f64(json_at(json_root(doc), 1), &x) && x == 0.25);
    assert_int_equal(json_i64_or(json_at(json_root(doc), 2), -1), -1);
    assert_true(json_f64_or(json_at(json_root(doc), 2), 0.5) == 0.5);
    json_free(doc);
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "nul",
        "NaN",
        "Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "\"a",
        "'a'",
        "[1] x",
        "{} {}",
        "// c\n1",
        "\"\\x\"",
        "\"\t\"",
        "{a:1}",
        "\"\\ud800\"",
        "\xef\xbb\xbf{}",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "[\"\xe2\x82\"]",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        refuse(span_c(bad[i]));
    }
    refuse(SPAN_NONE);
    refuse(SPAN("[1]\0"));
    struct json_doc *doc = parse(" [ ] \n");
    json_free(doc);
}

static void nest(struct text *t, size_t depth, const char *open, const char *close)
{
    for (size_t i = 0; i < depth; i++) {
        text_add_c(t, open);
    }
    for (size_t i = 0; i < depth; i++) {
        text_add_c(t, close);
    }
}

static void depth_is_limited(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, MIB);
    nest(&t, JSON_DEPTH_MAX, "[", "]");
    json_free(parse(t.data));
    text_clear(&t);
    nest(&t, JSON_DEPTH_MAX + 1, "[", "]");
    refuse(text_span(&t));
    text_clear(&t);
    nest(&t, 100000, "{\"a\":", "");
    refuse(text_span(&t));
    text_clear(&t);
    /* Brackets in strings do not count, escaped quotes do not end them. */
    text_add_c(&t, "[\"\\\\\",\"\\\"");
    nest(&t, 200, "[{", "");
    text_add_c(&t, "\\\\\\\"[[\", []]");
    json_free(parse(t.data));
    /* An even number of backslashes leaves the quote alone. */
    text_clear(&t);
    text_add_c(&t, "[\"\\\\\",");
    nest(&t, JSON_DEPTH_MAX, "[", "]");
    text_add_c(&t, "]");
    refuse(text_span(&t));
    text_done(&t);
}

static void duplicate_keys_are_found_at_any_depth(void **state)
{
    (void)state;
    struct json_doc *doc = parse("[{\"a\":1,\"b\":{\"c\":1}},[{\"x\":1,\"y\":2,\"\\u0078\":3}]]");
    assert_true(json_has_duplicate_keys(json_root(doc)));
    assert_false(json_has_duplicate_keys(json_at(json_root(doc), 0)));
    assert_int_equal(json_i64_or(json_get(json_at(json_at(json_root(doc), 1), 0), "x"), 0), 1);
    json_free(doc);

    struct text t;
    text_init(&t, MIB);
    for (int round = 0; round < 2; round++) {
        text_clear(&t);
        for (int i = 0; i < 5000; i++) {
            text_addf(&t, "%s\"k%d\":0", i ? "," : "{", i);
        }
        text_add_c(&t, round ? ",\"k77\":1}" : "}");
        doc = parse(t.data);
        assert_int_equal(json_has_duplicate_keys(json_root(doc)), round);
        json_free(doc);
    }
    text_done(&t);
}

static void a_copy_keeps_every_digit(void **state)
{
    (void)state;
    const char *text =
        "{\"id\":12345678901234567890,\"x\":1e400,\"y\":-0.10,\"s\":\"a\\u0000\\n\\\"ü/\","
        "\"l\":[true,false,null,[],{}]}";
    struct json_doc *doc = parse(text);
    struct text t;
    text_init(&t, MIB);
    struct json_out w = json_out(&t);
    json_value(&w, json_root(doc));
    assert_string_equal(t.data, text);
    text_done(&t);
    json_free(doc);
}

static void writing(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 4096);
    struct json_out w = json_out(&t);
    json_begin_object(&w);
    json_put(&w, "s", SPAN("a\"b\\\x01\x1f\b"));
    json_put(&w, "none", SPAN_NONE);
    json_put_c(&w, "c", NULL);
    json_put_int(&w, "min", INT64_MIN);
    json_put_number(&w, "x", 0.1 + 0.2);
    json_put_number(&w, "whole", 3.0);
    json_put_number(&w, "nan", (double)NAN);
    json_put_number(&w, "big", 1e300);
    json_put_usd(&w, "usd", 1230000001);
    json_put_usd(&w, "cent", 10000000);
    json_put_usd(&w, "free", 0);
    json_put_usd(&w, "unknown", -1);
    json_put_bool(&w, "t", true);
    json_put_null(&w, "z");
    json_put_value(&w, "v", NULL);
    json_put_known(&w, "k", -1);
    json_put_known(&w, "k0", 0);
    json_key(&w, "list");
    json_begin_array(&w);
    json_int(&w, 1);
    json_begin_array(&w);
    json_end_array(&w);
    json_raw(&w, SPAN("{\"r\":1}"));
    json_end_array(&w);
    json_end_object(&w);
    assert_string_equal(
        t.data, "{\"s\":\"a\\\"b\\\\\\u0001\\u001f\\b\",\"none\":null,\"c\":null,"
                "\"min\":-9223372036854775808,\"x\":0.3,\"whole\":3,\"nan\":null,\"big\":1e+300,"
                "\"usd\":1.230000001,\"cent\":0.01,\"free\":0.0,\"unknown\":null,\"t\":true,"
                "\"z\":null,\"v\":null,\"k\":null,\"k0\":0,\"list\":[1,[],{\"r\":1}]}");
    json_free(parse(t.data));
    text_done(&t);
}

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
        {{"", 0}, ""},
        {{NULL, 0}, ""},
        {SPAN("ü€😀"), "ü€😀"},
        {SPAN("a\xff z"), "a\xef\xbf\xbd z"},
        {SPAN("\xe2\x82"), "\xef\xbf\xbd"},                  /* cut off */
        {SPAN("\xe2\x28\xa1"), "\xef\xbf\xbd(\xef\xbf\xbd"}, /* broken by ASCII */
        {SPAN("\xe0\x9f\xbf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {SPAN("\xf0\x8f\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {SPAN("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd"},                 /* too long a form */
        {SPAN("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {SPAN("\xf0\x9f\x98\"\xf0\x9f"), "\xef\xbf\xbd\\\"\xef\xbf\xbd"},
        {SPAN("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text t;
        text_init(&t, 256);
        json_escape(&t, cases[i].in);
        assert_string_equal(t.data, cases[i].out);
        assert_true(span_utf8_valid(text_span(&t)));
        text_done(&t);
    }
}

static void every_string_comes_back(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 0x80; byte++) {
        char in[3] = {'x', (char)byte, 'y'};
        struct text t;
        text_init(&t, 64);
        struct json_out w = json_out(&t);
        json_string(&w, span_of(in, 3));
        struct json_doc *doc = parse(t.data);
        assert_true(span_eq(json_str(json_root(doc)), span_of(in, 3)));
        json_free(doc);
        text_done(&t);
    }
}

static void a_tree_in_an_arena_goes_with_it(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct json *root = NULL;
    assert_int_equal(json_parse_in(a, SPAN("[1,2]"), &root, NULL), OK);
    assert_int_equal(json_len(root), 2);
    assert_int_equal(json_parse_in(a, SPAN("[1,2"), &root, NULL), ERR_INVALID);
    assert_int_equal(json_len(root), 2);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_followed_without_checks),
        cmocka_unit_test(iteration),
        cmocka_unit_test(numbers),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(duplicate_keys_are_found_at_any_depth),
        cmocka_unit_test(a_copy_keeps_every_digit),
        cmocka_unit_test(writing),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(every_string_comes_back),
        cmocka_unit_test(a_tree_in_an_arena_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
