/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one HTTP/1.1 message, request or answer, from bytes in any portions:
 * llhttp with its strict defaults, our limits, and nothing of sockets. Internal
 * to http/; both sides and the fuzz targets use it.
 *
 * message_feed() goes as far as it can and stops at three places: when the head
 * is complete (take it with message_take_head(), then go on with the rest of the
 * bytes), when the message is complete (what is left belongs to the next one),
 * and at the first thing that is wrong. Body bytes go to `on_body` de-chunked.
 * After anything but MESSAGE_MORE and MESSAGE_HEAD the message is over:
 * message_start() begins the next.
 *
 * While a head is being read its text lies in a `head_store` (up to 64 KiB). One
 * spare is shared by all messages of a loop, because a head nearly always comes
 * in one piece: an idle connection keeps none.
 *
 * Stricter than llhttp: HTTP/1.0 and 1.1 only, `Transfer-Encoding` is exactly
 * one `chunked` or absent, and never in 1.0; chunk extensions and trailers are
 * dropped and may not outweigh the body (overhead bound in message.c).
 */
#ifndef WEIR_HTTP_MESSAGE_H
#define WEIR_HTTP_MESSAGE_H

#include "base/text.h"
#include "http/headers.h"

#include <llhttp.h>

enum message_result {
    MESSAGE_MORE,      /* all bytes are used; feed the next ones */
    MESSAGE_HEAD,      /* the head is complete */
    MESSAGE_DONE,      /* the message is complete */
    MESSAGE_BAD,       /* syntax or framing; message_why() says what */
    MESSAGE_HEAD_SIZE, /* HEADER_BYTES_MAX or HEADERS_MAX is passed */
    MESSAGE_STOPPED,   /* on_body said no */
};

#define MESSAGE_LENGTH_UNKNOWN UINT64_MAX

typedef bool message_body_fn(void *user, struct span bytes); /* false ends the reading */

struct head_store;
struct head_spare { /* one per loop side; zeroed to begin with */
    struct head_store *store;
};

struct message {
    llhttp_t parser;
    struct head_spare *spare;
    struct head_store *head; /* NULL once taken */
    message_body_fn *on_body;
    void *user;
    size_t head_bytes;                /* as on the wire, white space and all */
    uint64_t body_bytes, frame_bytes; /* decoded, and as on the wire */
    const char *why;
    bool head_done, done, too_big, keep_alive, chunked, skip_body;
    uint64_t length; /* announced body; MESSAGE_LENGTH_UNKNOWN when chunked or until close */
};

void message_start(struct message *m, bool is_request, struct head_spare *spare,
                   message_body_fn *on_body, void *user);
void message_end(struct message *m); /* gives buffers back; again is fine */
void head_spare_done(struct head_spare *spare);

enum message_result message_feed(struct message *m, struct span *bytes) MUST_USE;
/* The peer closed: MESSAGE_DONE when that is how this answer ends, else MESSAGE_BAD. */
enum message_result message_feed_eof(struct message *m) MUST_USE;
const char *message_why(const struct message *m);

/* After MESSAGE_HEAD. Copies into the arena; method and target are SPAN_NONE for an answer. */
void message_take_head(struct message *m, struct headers *out, struct span *out_method,
                       struct span *out_target);
static inline int message_status(const struct message *m)
{
    return m->parser.status_code;
}
static inline bool message_is_http10(const struct message *m)
{
    return m->parser.http_minor == 0;
}

/*
 * Origin-form, absolute-form and `*` → decoded path (in the arena) and raw query
 * (SPAN_NONE without `?`). False for anything else, bad escapes and %00.
 */
bool target_split(struct arena *a, struct span target, struct span *out_path,
                  struct span *out_query);

#endif
