/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_frames_survive_any_cut(void **state)
{
    (void)state;
    struct text wire;
    text_init(&wire, MIB);
    frame_write(&wire, FRAME_SUBMIT, 7, SPAN("{\"body\":{}}"));
    frame_write(&wire, FRAME_CANCEL, 8, SPAN_NONE);
    frame_write(&wire, FRAME_END, 9, SPAN("x"));
    int seen = 0;
    size_t start = 0;
    for (size_t have = 0; have <= wire.len; have++) { /* one byte at a time */
        struct frame_header h;
        struct span payload;
        size_t size;
        enum err err = frame_peek(span_of(wire.data + start, have - start), &h, &payload, &size);
        if (err == ERR_CANCELLED) {
            continue;
        }
        assert_int_equal(err, OK);
        assert_int_equal(h.request, 7 + seen);
        assert_int_equal(payload.len, seen == 0 ? 11 : seen == 1 ? 0 : 1);
        start += size;
        seen++;
    }
    assert_int_equal(seen, 3);
    assert_int_equal(start, wire.len);
    text_done(&wire);
}

static void refused(struct frame_header h)
{
    struct span payload;
    size_t size;
    assert_int_equal(frame_peek(span_of((const char *)&h, sizeof h), &h, &payload, &size),
                     ERR_INVALID);
}

static void test_a_peer_that_breaks_the_format_is_refused(void **state)
{
    (void)state;
    struct frame_header good = {.version = FRAME_VERSION, .type = FRAME_CANCEL, .request = 1};
    struct frame_header bad = good;
    bad.version++;
    refused(bad);
    bad = good;
    bad.type = 99;
    refused(bad);
    bad = good;
    bad.length = FRAME_PAYLOAD_MAX + 1;
    refused(bad); /* at once: nobody waits for 40 MiB that will not come */
    bad = good;
    bad.reserved = 1;
    refused(bad);
}

static void test_a_full_buffer_takes_whole_frames_or_none(void **state)
{
    (void)state;
    struct text wire;
    text_init(&wire, sizeof(struct frame_header) + 4);
    frame_write(&wire, FRAME_DELTA, 1, SPAN("12345"));
    assert_true(wire.overflow);
    assert_int_equal(wire.len, 0);
    text_done(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_survive_any_cut),
        cmocka_unit_test(test_a_peer_that_breaks_the_format_is_refused),
        cmocka_unit_test(test_a_full_buffer_takes_whole_frames_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
