/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream is lines, ended by LF, CRLF or CR:
 *
 *   : comment
 *   event: name            the value starts after the colon and one space
 *   data: text             several are joined with LF
 *   id: … / retry: …       ignored here: we never reconnect
 *                          an empty line dispatches, if there was any data
 *
 * A CR ends its line at once; an LF right after it, even in the next portion,
 * belongs to it (last_cr). A line that lies whole in the fed bytes is used where
 * it is; only the last, unfinished one is kept in `line`.
 */
#include "http/sse.h"

void sse_init(struct sse *s, size_t event_max)
{
    *s = (struct sse){0};
    text_init(&s->line, event_max);
    text_init(&s->data, event_max);
    text_init(&s->event, event_max);
}

void sse_done(struct sse *s)
{
    text_done(&s->line);
    text_done(&s->data);
    text_done(&s->event);
}

static bool dispatch(struct sse *s, sse_event_fn *fn, void *user)
{
    bool go_on = true;
    if (s->have_data) {
        struct span event = s->event.len ? text_span(&s->event) : SPAN("message");
        go_on = fn(user, event, text_span(&s->data));
    }
    text_clear(&s->data);
    text_clear(&s->event);
    s->have_data = false;
    return go_on;
}

static void take_field(struct sse *s, struct span line)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');
    if (value.len && value.data[0] == ' ') {
        value = span_from(value, 1);
    }
    if (span_eq(name, SPAN("data"))) {
        if (s->have_data) {
            text_add(&s->data, SPAN("\n"));
        }
        text_add(&s->data, value);
        s->have_data = true;
    } else if (span_eq(name, SPAN("event"))) {
        text_clear(&s->event);
        text_add(&s->event, value);
    }
}

static bool take_line(struct sse *s, struct span line, sse_event_fn *fn, void *user)
{
    if (!s->started) {
        s->started = true;
        if (span_starts(line, SPAN("\xef\xbb\xbf"))) {
            line = span_from(line, 3);
        }
    }
    if (line.len == 0) {
        return dispatch(s, fn, user);
    }
    take_field(s, line); /* a comment is a field without a name */
    return true;
}

/*
 * Offset of the first CR or LF, or the length. Looked for in stretches, because
 * a search for one kind of end alone would run past many ends of the other.
 */
static size_t line_length(struct span bytes)
{
    for (size_t at = 0; at < bytes.len; at += 256) {
        struct span stretch = span_first(bytes, at + 256);
        stretch = span_first(stretch, span_find_char(stretch, '\n', at));
        size_t cr = span_find_char(stretch, '\r', at);
        if (cr != SIZE_MAX) {
            return cr;
        }
        if (stretch.len < bytes.len && stretch.len < at + 256) {
            return stretch.len;
        }
    }
    return bytes.len;
}

enum err sse_feed(struct sse *s, struct span bytes, sse_event_fn *fn, void *user)
{
    while (bytes.len) {
        if (s->last_cr) {
            s->last_cr = false;
            if (bytes.data[0] == '\n') {
                bytes = span_from(bytes, 1);
                continue;
            }
        }
        size_t len = line_length(bytes);
        struct span line = span_first(bytes, len);
        bool whole = len < bytes.len;
        if (s->line.len || !whole || len > s->line.max) {
            text_add(&s->line, line);
            line = text_span(&s->line);
        }
        bool go_on = true;
        if (whole && !s->line.overflow) {
            s->last_cr = bytes.data[len] == '\r';
            go_on = take_line(s, line, fn, user);
            text_clear(&s->line);
        }
        if (s->line.overflow || s->data.overflow || s->event.overflow) {
            s->line.overflow = true; /* stays: the stream cannot be trusted any more */
            return ERR_TOO_LARGE;
        }
        if (!go_on) {
            return OK;
        }
        bytes = span_from(bytes, len + whole);
    }
    return s->line.overflow ? ERR_TOO_LARGE : OK;
}

bool sse_pending(const struct sse *s)
{
    return s->line.len > 0 || s->have_data || s->event.len > 0;
}
