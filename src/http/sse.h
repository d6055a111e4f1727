/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events, the parsing side (WHATWG HTML, section 9.2.6): bytes in
 * any portions go in, whole events come out. Accepts LF, CRLF and CR, a leading
 * byte order mark, comments, several data lines. An event over `max` bytes is an
 * error: the stream cannot be trusted after it. An event that was not ended by a
 * blank line when the bytes ended is reported by sse_pending().
 */
#ifndef WEIR_HTTP_SSE_H
#define WEIR_HTTP_SSE_H

#include "base/err.h"
#include "base/text.h"

/* Borrowed; `event` is "message" when none was named. Return false to stop the feed. */
typedef bool sse_event_fn(void *user, struct span event, struct span data);

struct sse {
    struct text line, data, event;
    bool have_data, last_cr, started;
};

void sse_init(struct sse *s, size_t event_max);
void sse_done(struct sse *s);
enum err sse_feed(struct sse *s, struct span bytes, sse_event_fn *fn, void *user) MUST_USE;
bool sse_pending(const struct sse *s); /* bytes of an unfinished event are waiting */

#endif
