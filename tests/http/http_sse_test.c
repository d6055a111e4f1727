/* SPDX-License-Identifier: Apache-2.0 */
#include "http/sse.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Everything that was reported, as "event=data;" with LF shown as |. */
static bool note(void *user, struct span event, struct span data)
{
    struct text *seen = user;
    text_add(seen, event);
    text_add_char(seen, '=');
    for (size_t i = 0; i < data.len; i++) {
        text_add_char(seen, data.data[i] == '\n' ? '|' : data.data[i]);
    }
    text_add_char(seen, ';');
    return !span_is(data, "[DONE]");
}

static void feed_in_steps(const char *stream, size_t step, const char *expected, bool pending)
{
    struct text seen;
    text_init(&seen, 4096);
    text_add_c(&seen, "");
    struct sse s;
    sse_init(&s, 256);
    struct span rest = span_c(stream);
    while (rest.len) {
        struct span portion = span_first(rest, step);
        char *exact = mem_new(portion.len); /* so that ASan sees a read past it */
        memcpy(exact, portion.data, portion.len);
        assert_int_equal(sse_feed(&s, span_of(exact, portion.len), note, &seen), OK);
        mem_free(exact);
        rest = span_from(rest, portion.len);
    }
    if (strcmp(seen.data, expected) != 0) {
        fail_msg("step %zu: %s\ngave     %s\nexpected %s", step, stream, seen.data, expected);
    }
    assert_int_equal(sse_pending(&s), pending);
    sse_done(&s);
    text_done(&seen);
}

static void feed(const char *stream, const char *expected, bool pending)
{
    for (size_t step = 1; step <= strlen(stream); step++) {
        feed_in_steps(stream, step, expected, pending);
    }
}

static void events_of_any_line_ending_in_any_portions(void **state)
{
    (void)state;
    feed("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n",
         "message=a;message=b;message=c;message=d;", false);
    feed("data: a\r\n\r\n\r\n\ndata:b\n\n", "message=a;message=b;", false);
    feed("\xef\xbb\xbf"
         "data: bom\n\n",
         "message=bom;", false);
    feed("data: x\xef\xbb\xbf\n\n\xef\xbb\xbf"
         "data: not a field\n\n",
         "message=x\xef\xbb\xbf;", false);
}

static void fields(void **state)
{
    (void)state;
    feed("event: delta\ndata: {\"a\":1}\n\n", "delta={\"a\":1};", false);
    feed("data: one\ndata:two\ndata:  three\n\n", "message=one|two| three;", false);
    feed(": keepalive\n\n:\n\nid: 7\nretry: 5\ndata: x\nunknown: y\n\n", "message=x;", false);
    feed("event: lonely\n\ndata: x\n\n", "message=x;", false);
    feed("data\n\n", "message=;", false);
    feed("data:\ndata:\n\n", "message=|;", false);
    feed("event: e\r\ndata: one\r\ndata: two\r\n\r\n", "e=one|two;", false);
    feed("event: a\nevent: b\ndata: c:d\n\n", "b=c:d;", false);
    feed("datax: no\n data: no\n\n", "", false);
    feed_in_steps("data: [DONE]\n\ndata: after\n\n", 100, "message=[DONE];", false); /* stopped */
}

static void an_unfinished_event_is_pending(void **state)
{
    (void)state;
    feed("data: a\n\ndata: b", "message=a;", true);
    feed("data: a\n", "", true);
    feed("event: e\n", "", true);
    feed("data: a\r\n\r", "message=a;", false);
    feed("\n\n", "", false);
}

static void too_large(const char *piece, size_t times)
{
    for (size_t step = 1; step < 1000; step += 499) {
        struct text stream;
        text_init(&stream, MIB);
        for (size_t i = 0; i < times; i++) {
            text_add_c(&stream, piece);
        }
        struct text seen;
        text_init(&seen, MIB);
        struct sse s;
        sse_init(&s, 100);
        enum err err = OK;
        for (struct span rest = text_span(&stream); rest.len && !err;
             rest = span_from(rest, step)) {
            err = sse_feed(&s, span_first(rest, step), note, &seen);
        }
        assert_int_equal(err, ERR_TOO_LARGE);
        assert_int_equal(sse_feed(&s, SPAN("\n\ndata: x\n\n"), note, &seen), ERR_TOO_LARGE);
        assert_int_equal(seen.len, 0);
        sse_done(&s);
        text_done(&seen);
        text_done(&stream);
    }
}

static void an_event_over_the_limit_ends_the_trust(void **state)
{
    (void)state;
    too_large("x", 101);
    too_large("data: 123456789012345\n", 7); /* many short lines */
    too_large(": comments count too, they are a line of over a hundred bytes, which is the limit "
              "that this test has set for one event\n",
              1);
    char exact[128] = "data: ";
    memset(exact + 6, 'x', 94);
    feed_in_steps(strcat(exact, "\n\n"), 1,
                  "message="
                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;",
                  false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_any_line_ending_in_any_portions),
        cmocka_unit_test(fields),
        cmocka_unit_test(an_unfinished_event_is_pending),
        cmocka_unit_test(an_event_over_the_limit_ends_the_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
