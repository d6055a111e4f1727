/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: llhttp calls back with pieces of method, target, names and
 * values, which are appended to the head store; at each piece's end its end
 * offset is noted. At the end of the head llhttp is paused, so that the caller
 * decides about the body outside of any callback; the same at the message's end.
 *
 * What can go wrong, and is an error here: too many or too long header fields
 * (white space counts, though it is not stored); more than one transfer coding,
 * or another than chunked; a chunked body that is mostly framing.
 */
#include "http/message.h"

#include <string.h>

/*
 * `1;ext=…` may make every body byte arbitrarily dear (CVE-2023-39326 in Go's
 * net/http). The tightest honest framing, one byte a chunk, costs 6 for 1.
 */
#define FRAMING_FREE (16 * KIB)
#define FRAMING_RATIO 8

struct head_store {
    struct text bytes;
    size_t count;                       /* pieces that are complete */
    uint32_t ends[2 + 2 * HEADERS_MAX]; /* where each ends in `bytes` */
};

static struct message *of(llhttp_t *parser)
{
    return CONTAINER_OF(parser, struct message, parser);
}

/* ---- head ---- */

/* Pieces before the first header's name. */
static size_t first_name(const struct message *m)
{
    return m->parser.type == HTTP_REQUEST ? 2 : 0;
}

static int too_big(struct message *m)
{
    m->too_big = true;
    return -1;
}

static int refuse(struct message *m, const char *why)
{
    m->why = why;
    return -1;
}

static int on_piece(llhttp_t *parser, const char *at, size_t len)
{
    struct message *m = of(parser);
    if (m->head_done) {
        return 0; /* a trailer */
    }
    text_add(&m->head->bytes, span_of(at, len));
    return m->head->bytes.overflow ? too_big(m) : 0;
}

static int on_piece_end(llhttp_t *parser)
{
    struct message *m = of(parser);
    if (m->head_done) {
        return 0;
    }
    struct head_store *head = m->head;
    if (head->count == first_name(m) + 2 * HEADERS_MAX) {
        return too_big(m);
    }
    head->ends[head->count++] = (uint32_t)head->bytes.len;
    return 0;
}

static int on_protocol(llhttp_t *parser, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) { /* llhttp also takes RTSP and ICE: both have other letters */
        if (!memchr("HTP", at[i], 3)) {
            return refuse(of(parser), "not HTTP");
        }
    }
    return 0;
}

static struct span piece(const struct head_store *head, size_t i)
{
    size_t start = i ? head->ends[i - 1] : 0;
    return span_of(head->bytes.data + start, head->ends[i] - start);
}

/* Looks at the fields themselves: llhttp does not count an empty Transfer-Encoding as one. */
static int check_coding(struct message *m)
{
    size_t seen = 0;
    for (size_t i = first_name(m); i + 1 < m->head->count; i += 2) {
        struct span name = piece(m->head, i);
        if (name.len != 17 || !span_eq_nocase(name, SPAN("transfer-encoding"))) {
            continue;
        }
        struct span coding = span_trim(piece(m->head, i + 1));
        if (++seen > 1 || !span_eq_nocase(coding, SPAN("chunked"))) {
            return refuse(m, "unknown Transfer-Encoding");
        }
    }
    bool chunked = (m->parser.flags & F_CHUNKED) != 0;
    if (chunked != (seen == 1)) {
        return refuse(m, "unknown Transfer-Encoding");
    }
    return chunked && m->parser.http_minor == 0 ? refuse(m, "Transfer-Encoding in HTTP/1.0") : 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct message *m = of(parser);
    if (parser->http_major != 1 || parser->http_minor > 1) {
        return refuse(m, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    }
    if (parser->type == HTTP_RESPONSE &&
        (parser->status_code < 100 || parser->status_code == 101)) {
        return refuse(m, parser->status_code < 100 ? "no such status"
                                                   : "protocol switch not asked for");
    }
    if (check_coding(m)) {
        return -1;
    }
    m->chunked = (parser->flags & F_CHUNKED) != 0;
    m->keep_alive = llhttp_should_keep_alive(parser);
    m->length = m->chunked                         ? MESSAGE_LENGTH_UNKNOWN
                : parser->flags & F_CONTENT_LENGTH ? parser->content_length
                : parser->type == HTTP_REQUEST     ? 0
                                                   : MESSAGE_LENGTH_UNKNOWN;
    parser->upgrade = 0; /* we never switch: the request is answered as if it had not asked */
    bool interim = parser->type == HTTP_RESPONSE && parser->status_code < 200;
    if (m->skip_body || interim) { /* whatever lengths they announce */
        parser->flags |= F_SKIPBODY;
        m->keep_alive = llhttp_should_keep_alive(parser);
    }
    m->head_done = true;
    return HPE_PAUSED;
}

/* ---- body ---- */

static int on_body_bytes(llhttp_t *parser, const char *at, size_t len)
{
    struct message *m = of(parser);
    m->body_bytes += len;
    return m->on_body(m->user, span_of(at, len)) ? 0 : -1;
}

static int on_message_complete(llhttp_t *parser)
{
    of(parser)->done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_protocol = on_protocol,
    .on_method = on_piece,
    .on_method_complete = on_piece_end,
    .on_url = on_piece,
    .on_url_complete = on_piece_end,
    .on_header_field = on_piece,
    .on_header_field_complete = on_piece_end,
    .on_header_value = on_piece,
    .on_header_value_complete = on_piece_end,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body_bytes,
    .on_message_complete = on_message_complete,
};

/* An answer has no method: only names and values are kept. */
static const llhttp_settings_t answer_settings = {
    .on_protocol = on_protocol,
    .on_header_field = on_piece,
    .on_header_field_complete = on_piece_end,
    .on_header_value = on_piece,
    .on_header_value_complete = on_piece_end,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body_bytes,
    .on_message_complete = on_message_complete,
};

/* ---- life ---- */

static void give_store(struct message *m)
{
    struct head_store *head = m->head;
    if (!head) {
        return;
    }
    m->head = NULL;
    if (m->spare->store || head->bytes.capacity > 8 * KIB) {
        text_done(&head->bytes);
        mem_free(head);
        return;
    }
    text_clear(&head->bytes);
    head->count = 0;
    m->spare->store = head;
}

void message_start(struct message *m, bool is_request, struct head_spare *spare,
                   message_body_fn *on_body, void *user)
{
    *m = (struct message){.spare = spare, .on_body = on_body, .user = user};
    llhttp_init(&m->parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE,
                is_request ? &settings : &answer_settings);
    m->head = spare->store;
    spare->store = NULL;
    if (!m->head) {
        m->head = NEW(struct head_store);
        text_init(&m->head->bytes, HEADER_BYTES_MAX);
    }
}

void message_end(struct message *m)
{
    if (m->spare) {
        give_store(m);
    }
}

void head_spare_done(struct head_spare *spare)
{
    if (spare->store) {
        text_done(&spare->store->bytes);
        mem_free(spare->store);
        spare->store = NULL;
    }
}

static enum message_result failure(struct message *m, llhttp_errno_t code)
{
    if (m->too_big) {
        return MESSAGE_HEAD_SIZE;
    }
    if (code == HPE_USER && !m->why) {
        return MESSAGE_STOPPED;
    }
    return MESSAGE_BAD;
}

enum message_result message_feed(struct message *m, struct span *bytes)
{
    PRE(m->head || m->head_done);
    bool in_head = !m->head_done;
    const char *data = bytes->data ? bytes->data : "";
    llhttp_resume(&m->parser);
    llhttp_errno_t code = llhttp_execute(&m->parser, data, bytes->len);
    size_t used = bytes->len;
    if (code != HPE_OK) {
        used = (size_t)(llhttp_get_error_pos(&m->parser) - data);
    }
    *bytes = span_from(span_of(data, bytes->len), used);
    if (in_head) {
        m->head_bytes += used;
        if (m->head_bytes >= HEADER_BYTES_MAX && (code == HPE_OK || code == HPE_PAUSED)) {
            return MESSAGE_HEAD_SIZE;
        }
    } else {
        m->frame_bytes += used;
        if (m->frame_bytes - m->body_bytes > FRAMING_FREE + FRAMING_RATIO * m->body_bytes) {
            m->why = "the body is mostly chunk framing";
            return MESSAGE_BAD;
        }
    }
    if (code == HPE_OK) {
        return MESSAGE_MORE;
    }
    if (code == HPE_PAUSED) {
        return m->done ? MESSAGE_DONE : MESSAGE_HEAD;
    }
    return failure(m, code);
}

enum message_result message_feed_eof(struct message *m)
{
    llhttp_resume(&m->parser);
    llhttp_errno_t code = llhttp_finish(&m->parser);
    if (m->head_done && (code == HPE_OK || code == HPE_PAUSED) && m->done) {
        return MESSAGE_DONE;
    }
    m->why = "closed in the middle";
    return MESSAGE_BAD;
}

const char *message_why(const struct message *m)
{
    const char *why = m->why ? m->why : llhttp_get_error_reason(&m->parser);
    return why && *why ? why : "bad syntax";
}

void message_take_head(struct message *m, struct headers *out, struct span *out_method,
                       struct span *out_target)
{
    PRE(m->head && m->head_done);
    struct head_store *head = m->head;
    struct span all = arena_copy(out->arena, text_span(&head->bytes));
    size_t at = first_name(m);
    ASSERT(head->count >= at && (head->count - at) % 2 == 0);
    *out_method = at ? span_first(all, head->ends[0]) : SPAN_NONE;
    *out_target = at ? span_of(all.data + head->ends[0], head->ends[1] - head->ends[0]) : SPAN_NONE;
    out->count = (head->count - at) / 2;
    out->capacity = out->count;
    out->items = out->count ? ARENA_ARRAY(out->arena, struct header, out->count) : NULL;
    size_t start = at ? head->ends[1] : 0;
    for (size_t i = 0; i < out->count; i++) {
        size_t name_end = head->ends[at + 2 * i];
        size_t value_end = head->ends[at + 2 * i + 1];
        out->items[i].name = span_of(all.data + start, name_end - start);
        out->items[i].value = span_trim(span_of(all.data + name_end, value_end - name_end));
        start = value_end;
    }
    give_store(m);
}

/* ---- targets ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static bool percent_decode(struct arena *a, struct span raw, struct span *out)
{
    if (!memchr(raw.data, '%', raw.len)) {
        *out = raw;
        return true;
    }
    char *path = arena_alloc(a, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.data[i] != '%') {
            path[len++] = raw.data[i];
            continue;
        }
        int high = i + 2 < raw.len ? hex_digit(raw.data[i + 1]) : -1;
        int low = i + 2 < raw.len ? hex_digit(raw.data[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        path[len++] = (char)(high << 4 | low);
        i += 2;
    }
    *out = span_of(path, len);
    return true;
}

bool target_split(struct arena *a, struct span target, struct span *out_path,
                  struct span *out_query)
{
    if (span_starts_nocase(target, SPAN("http://")) ||
        span_starts_nocase(target, SPAN("https://"))) {
        size_t authority = span_find(target, SPAN("://"), 0) + 3;
        size_t end = authority;
        while (end < target.len && !strchr("/?#", target.data[end])) {
            end++;
        }
        if (end == authority) {
            return false;
        }
        target = span_from(target, end);
        if (target.len == 0 ||
            target.data[0] != '/') { /* "http://host?x": the path is empty, so "/" */
            *out_path = SPAN("/");
            *out_query = target.len && target.data[0] == '?' ? span_from(target, 1) : SPAN_NONE;
            return target.len == 0 || target.data[0] == '?';
        }
    } else if (span_is(target, "*")) {
        *out_path = target;
        *out_query = SPAN_NONE;
        return true;
    }
    if (target.len == 0 || target.data[0] != '/' || memchr(target.data, '#', target.len)) {
        return false;
    }
    struct span path = span_cut(&target, '?');
    bool has_query = path.data + path.len < target.data;
    *out_query = has_query ? target : SPAN_NONE;
    return percent_decode(a, path, out_path);
}
