/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and blocking sockets: a test server should be read at a glance. Each
 * script writes raw bytes, so that it can be wrong in every way a socket allows.
 */
#include "support/bad_upstream.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define REQUEST_MAX (40u << 20)
#define LOG_MAX 65536
#define CONNECTIONS_MAX 512

#define REQUIRE(x)                                                                                 \
    ((x) ? (void)0                                                                                 \
         : (fprintf(stderr, "bad_upstream: %s:%d: %s\n", __FILE__, __LINE__, #x), abort()))

struct record {
    char *script, *path, *head, *body;
    size_t body_len;
    long gone_ms;
};

struct bad_upstream {
    int plain_fd, tls_fd, h2_fd, port, tls_port, h2_port;
    SSL_CTX *tls, *h2; /* `h2` speaks nothing but HTTP/2 */
    pthread_t accepters[3];
    int accepters_count;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    bool stopping;
    int live;
    int sockets[CONNECTIONS_MAX]; /* of live connections, -1 = free */
    struct record *log[LOG_MAX];
    int log_first,
        log_count; /* what came before `log_first` was forgotten, but may still be in use */
};

struct peer {
    struct bad_upstream *server;
    int fd, slot;
    SSL *ssl;
    int served; /* requests on this connection */
    char *in;
    size_t in_len, in_size;
    struct record *record;
    int64_t arrived_ms;
    bool anthropic, close;
    uint32_t stream; /* HTTP/2: the one being answered; 0 = HTTP/1.1 */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- bytes ---- */

static bool send_bytes(struct peer *p, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        long n = p->ssl ? SSL_write(p->ssl, at, len > 1 << 20 ? 1 << 20 : (int)len)
                        : send(p->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_text(struct peer *p, const char *text)
{
    return send_bytes(p, text, strlen(text));
}

static long receive(struct peer *p, char *out, size_t size)
{
    return p->ssl ? SSL_read(p->ssl, out, (int)size) : recv(p->fd, out, size, 0);
}

/* Is the client still there, now that its socket is readable? */
static bool still_there(struct peer *p)
{
    char bytes[4096];
    long n;
    if (p->stream) { /* window updates and the like: thrown away, and the connection with them */
        p->close = true;
        n = receive(p, bytes, sizeof bytes);
    } else { /* pipelined bytes: none of our business */
        n = p->ssl ? SSL_peek(p->ssl, bytes, 1) : recv(p->fd, bytes, 1, MSG_PEEK);
        usleep(1000);
    }
    return n > 0;
}

/* Waits; false when the client left (or the server stops) in between. */
static bool wait_ms(struct peer *p, long ms)
{
    int64_t until = now_ms() + ms;
    for (int64_t left; (left = until - now_ms()) > 0;) {
        struct pollfd pfd = {.fd = p->fd, .events = POLLIN | POLLRDHUP};
        if (poll(&pfd, 1, (int)left) > 0 &&
            ((pfd.revents & (POLLHUP | POLLERR)) || !still_there(p))) {
            return false;
        }
    }
    return true;
}

static void note_gone(struct peer *p)
{
    pthread_mutex_lock(&p->server->lock);
    if (p->record && p->record->gone_ms < 0) {
        p->record->gone_ms = (long)(now_ms() - p->arrived_ms);
    }
    pthread_mutex_unlock(&p->server->lock);
}

static void hang(struct peer *p)
{
    while (wait_ms(p, 60000)) {
    }
    note_gone(p);
    p->close = true;
}

/* ---- pieces of answers ---- */

/* ---- HTTP/2, as little as one transfer at a time needs (RFC 9113) ---- */

enum { H2_DATA, H2_HEADERS, H2_SETTINGS = 4, H2_PING = 6, H2_GOAWAY = 7 };
#define H2_END_STREAM 1
#define H2_ACK 1
#define H2_END_HEADERS 4
#define H2_FRAME_MAX 16384u

static bool send_frame(struct peer *p, int type, int flags, uint32_t stream, const void *bytes,
                       size_t len)
{
    unsigned char frame[9 + H2_FRAME_MAX] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream,
    };
    REQUIRE(len <= H2_FRAME_MAX);
    if (len) {
        memcpy(frame + 9, bytes, len);
    }
    return send_bytes(p, frame, 9 + len);
}

/* A field that is not indexed and not compressed (RFC 7541, 6.2.2). */
static size_t put_field(unsigned char *out, const char *name, size_t name_len, const char *value,
                        size_t value_len)
{
    REQUIRE(name_len < 127 && value_len < 127);
    size_t n = 0;
    out[n++] = 0;
    out[n++] = (unsigned char)name_len;
    for (size_t i = 0; i < name_len; i++) {
        out[n++] = (unsigned char)tolower((unsigned char)name[i]);
    }
    out[n++] = (unsigned char)value_len;
    memcpy(out + n, value, value_len);
    return n + value_len;
}

static void send_h2_head(struct peer *p, int status, const char *type, const char *extra)
{
    unsigned char block[1024];
    char number[16];
    snprintf(number, sizeof number, "%d", status);
    size_t n = put_field(block, ":status", 7, number, strlen(number));
    n += put_field(block + n, "content-type", 12, type, strlen(type));
    for (const char *colon; (colon = strchr(extra, ':')); extra = strstr(extra, "\r\n") + 2) {
        n += put_field(block + n, extra, (size_t)(colon - extra), colon + 2,
                       strcspn(colon + 2, "\r"));
    }
    send_frame(p, H2_HEADERS, H2_END_HEADERS, p->stream, block, n);
}

/* Bytes of a body whose framing is the head's: Content-Length, or HTTP/2's own. */
static bool send_body(struct peer *p, const void *bytes, size_t len)
{
    if (!p->stream) {
        return send_bytes(p, bytes, len);
    }
    bool sent = true;
    for (size_t at = 0; sent && at < len; at += H2_FRAME_MAX) {
        size_t n = len - at < H2_FRAME_MAX ? len - at : H2_FRAME_MAX;
        sent = send_frame(p, H2_DATA, 0, p->stream, (const char *)bytes + at, n);
    }
    return sent;
}

static void end_body(struct peer *p)
{
    if (p->stream) {
        send_frame(p, H2_DATA, H2_END_STREAM, p->stream, NULL, 0);
    }
}

/* ---- heads and bodies ---- */

static void send_head(struct peer *p, int status, const char *type, const char *extra, long length)
{
    char head[1024];
    char framing[64];
    if (p->stream) {
        send_h2_head(p, status, type, extra);
        return;
    }
    if (length >= 0) {
        snprintf(framing, sizeof framing, "Content-Length: %ld\r\n", length);
    } else {
        snprintf(framing, sizeof framing, "Transfer-Encoding: chunked\r\n");
    }
    snprintf(head, sizeof head, "HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\n%s%s\r\n", status,
             type, extra, framing);
    send_text(p, head);
}

static void send_whole(struct peer *p, int status, const char *type, const char *extra,
                       const char *body)
{
    send_head(p, status, type, extra, (long)strlen(body));
    send_body(p, body, strlen(body));
    end_body(p);
}

static bool send_chunk(struct peer *p, const char *bytes, size_t len)
{
    if (p->stream) {
        return send_body(p, bytes, len);
    }
    char size[32];
    int n = snprintf(size, sizeof size, "%zx\r\n", len);
    char *joined = malloc((size_t)n + len + 2);
    memcpy(joined, size, (size_t)n);
    memcpy(joined + n, bytes, len);
    memcpy(joined + n + len, "\r\n", 2);
    bool sent = send_bytes(p, joined, (size_t)n + len + 2);
    free(joined);
    return sent;
}

static bool send_data(struct peer *p, const char *data)
{
    char event[2048];
    int n = snprintf(event, sizeof event, "data: %s\n\n", data);
    return send_chunk(p, event, (size_t)n);
}

static void begin_stream(struct peer *p)
{
    send_head(p, 200, "text/event-stream", "", -1);
    if (p->anthropic) {
        send_data(
            p,
            "{\"type\":\"message_start\",\"message\":{\"model\":\"m-answered\",\"usage\":{\"input_tokens\":11,"
            "\"output_tokens\":1}}}");
    }
}

static bool send_word(struct peer *p, const char *word)
{
    char data[512];
    if (p->anthropic) {
        snprintf(
            data, sizeof data,
            "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}",
            word);
    } else {
        snprintf(
            data, sizeof data,
            "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-answered\",\"choices\":[{\"index\":0,"
            "\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}",
            word);
    }
    return send_data(p, data);
}

static void send_words(struct peer *p)
{
    send_word(p, "one ");
    send_word(p, "two ");
    send_word(p, "three");
}

static void send_finish(struct peer *p)
{
    send_data(
        p, p->anthropic
               ? "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
                 "\"output_tokens\":7}}"
               : "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
}

static void send_usage(struct peer *p)
{
    if (!p->anthropic) {
        send_data(
            p,
            "{\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}");
    }
}

static void send_done(struct peer *p)
{
    send_data(p, p->anthropic ? "{\"type\":\"message_stop\"}" : "[DONE]");
}

static void end_stream(struct peer *p)
{
    if (p->stream) {
        end_body(p);
    } else {
        send_text(p, "0\r\n\r\n");
    }
}

static const char answer_json[] =
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"m-answered\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"one two three\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":11,"
    "\"completion_tokens\":7,\"total_tokens\":18}}";

/* ---- the scripts ---- */

static void ok(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_finish(p);
    send_usage(p);
    send_done(p);
    end_stream(p);
}

static void whole(struct peer *p)
{
    send_whole(p, 200, "application/json", "", answer_json);
}

/* Each piece after 20 ms, so that a client can leave in the middle. */
static void slow(struct peer *p)
{
    begin_stream(p);
    for (int i = 0; i < 500; i++) {
        if (!wait_ms(p, 20) || !send_word(p, "word ")) {
            note_gone(p);
            p->close = true;
            return;
        }
    }
    send_finish(p);
    send_done(p);
    end_stream(p);
}

/* The first event never gets complete: one byte every 30 ms. */
static void drip(struct peer *p)
{
    static const char event[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
    begin_stream(p);
    for (size_t i = 0;; i++) {
        if (!wait_ms(p, 30) || !send_chunk(p, i < sizeof event - 1 ? event + i : "x", 1)) {
            note_gone(p);
            p->close = true;
            return;
        }
    }
}

/* A word, and then one comment byte every 30 ms for ever: never idle, never done. */
static void drip_late(struct peer *p)
{
    begin_stream(p);
    send_word(p, "one ");
    while (wait_ms(p, 30) && send_chunk(p, ":\n", 2)) {
    }
    note_gone(p);
    p->close = true;
}

static void stall(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    hang(p);
}

static void stall_first(struct peer *p)
{
    begin_stream(p);
    hang(p);
}

static void endless(struct peer *p)
{
    begin_stream(p);
    while (send_word(
        p, "again and again and again and again and again and again and again and again ")) {
        if (!wait_ms(p, 1)) {
            break;
        }
    }
    note_gone(p);
    p->close = true;
}

static void comments_only(struct peer *p)
{
    send_head(p, 200, "text/event-stream", "", -1);
    while (wait_ms(p, 20) && send_chunk(p, ": PROCESSING\n\n", 14)) {
    }
    note_gone(p);
    p->close = true;
}

static void status_500(struct peer *p)
{
    send_whole(p, 500, "application/json", "",
               "{\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}");
}

static void status_503(struct peer *p)
{
    send_whole(p, 503, "application/json", "Retry-After: 3\r\n",
               "{\"error\":{\"message\":\"Overloaded\"}}");
}

static void status_429(struct peer *p)
{
    send_whole(p, 429, "application/json", "Retry-After: 7\r\n",
               "{\"error\":{\"message\":\"Rate limit reached\",\"type\":\"rate_limit_error\"}}");
}

static void status_429_ms(struct peer *p)
{
    send_whole(p, 429, "application/json", "retry-after-ms: 50\r\nRetry-After: 1\r\n",
               "{\"error\":{\"message\":\"Slow down\"}}");
}

static void status_401(struct peer *p)
{
    send_whole(
        p, 401, "application/json", "",
        "{\"error\":{\"message\":\"Incorrect API key provided: sk-test***key. See https://platform.example/keys.\","
        "\"code\":\"invalid_api_key\"}}");
}

static void status_403(struct peer *p)
{
    send_whole(p, 403, "text/plain", "", "forbidden");
}

static void status_400(struct peer *p)
{
    send_whole(p, 400, "application/json", "",
               "{\"error\":{\"message\":\"'temperature' is out of range\"}}");
}

static void status_404(struct peer *p)
{
    send_whole(p, 404, "application/json", "",
               "{\"error\":{\"message\":\"The model does not exist\"}}");
}

static void status_302(struct peer *p)
{
    send_whole(p, 302, "text/plain", "Location: http://127.0.0.1:1/elsewhere\r\n", "");
}

static void context(struct peer *p)
{
    send_whole(
        p, 400, "application/json", "",
        "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\",\"code\":"
        "\"context_length_exceeded\"}}");
}

static void html(struct peer *p)
{
    send_whole(p, 200, "text/html", "",
               "<!DOCTYPE html><html><body>Welcome to the hotel wifi</body></html>");
}

static void html_502(struct peer *p)
{
    send_whole(p, 502, "text/html", "", "<html><body><h1>502 Bad Gateway</h1></body></html>");
}

static void malformed(struct peer *p)
{
    send_whole(p, 200, "application/json", "",
               "{\"choices\":[{\"message\":{\"content\":one two}]}");
}

/* The framing is right, the JSON stops early. */
static void truncated(struct peer *p)
{
    send_head(p, 200, "application/json", "", 60);
    send_body(p, answer_json, 60);
    end_body(p);
}

/* The framing promises more than ever comes. */
static void short_body(struct peer *p)
{
    send_head(p, 200, "application/json", "", (long)sizeof answer_json - 1);
    send_body(p, answer_json, 60);
    p->close = true;
}

static void cut(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    p->close = true;
}

static void cut_first(struct peer *p)
{
    begin_stream(p);
    p->close = true;
}

/* The stream is closed politely, but the answer has no end. */
static void cut_clean(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    end_stream(p);
}

static void cut_done(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_data(p, "[DONE]");
    end_stream(p);
}

static void garbage(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_data(p, "{\"choices\":[{\"index\":0,\"del");
    send_finish(p);
    send_done(p);
    end_stream(p);
}

static void garbage_first(struct peer *p)
{
    send_head(p, 200, "text/event-stream", "", -1);
    send_data(p, "%%% not json %%%");
    send_words(p);
    send_finish(p);
    send_done(p);
    end_stream(p);
}

static void utf8(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_data(p, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xff\xfe\xc3\"}}]}");
    send_finish(p);
    send_done(p);
    end_stream(p);
}

static void no_done(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_finish(p);
    send_usage(p);
    end_stream(p);
}

/* [DONE], and then the connection just stays. */
static void done_open(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_finish(p);
    send_usage(p);
    send_done(p);
    hang(p);
}

static void no_usage(struct peer *p)
{
    send_head(p, 200, "text/event-stream", "", -1);
    send_words(p);
    send_finish(p);
    send_done(p);
    end_stream(p);
}

static void usage_twice(struct peer *p)
{
    begin_stream(p);
    for (int i = 1; i <= 3; i++) {
        char data[512];
        snprintf(
            data, sizeof data,
            "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w%d \"}}],\"usage\":{\"prompt_tokens\":11,"
            "\"completion_tokens\":%d}}",
            i, i * 2 + 1);
        send_data(p, data);
    }
    send_finish(p);
    send_usage(p);
    send_usage(p);
    send_done(p);
    end_stream(p);
}

static void error_late(struct peer *p)
{
    begin_stream(p);
    send_words(p);
    send_data(
        p,
        p->anthropic
            ? "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"
            : "{\"error\":{\"message\":\"The engine is gone\",\"type\":\"server_error\"}}");
    end_stream(p);
}

static void error_first(struct peer *p)
{
    begin_stream(p);
    send_data(
        p,
        "{\"type\":\"error\",\"error\":{\"message\":\"The engine is gone\",\"type\":\"server_error\"}}");
    end_stream(p);
}

static void big(struct peer *p)
{
    static char block[64 * 1024];
    memset(block, 'x', sizeof block);
    long total = 50l << 20;
    send_head(p, 200, "application/json", "", total);
    send_text(p, "{\"choices\":\"");
    for (long sent = 0; sent < total && send_bytes(p, block, sizeof block);
         sent += (long)sizeof block) {
    }
    note_gone(p);
    p->close = true;
}

static void big_error(struct peer *p)
{
    static char block[64 * 1024];
    memset(block, 'y', sizeof block);
    long total = 50l << 20;
    send_head(p, 500, "text/plain", "", total);
    for (long sent = 0; sent < total && send_bytes(p, block, sizeof block);
         sent += (long)sizeof block) {
    }
    p->close = true;
}

/* One event of 50 MB. */
static void big_event(struct peer *p)
{
    static char block[64 * 1024];
    memset(block, 'z', sizeof block);
    begin_stream(p);
    send_chunk(p, "data: \"", 7);
    for (int i = 0; i < 800 && send_chunk(p, block, sizeof block); i++) {
    }
    p->close = true;
}

static void close_at_once(struct peer *p)
{
    p->close = true;
}

static void reset(struct peer *p)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    p->close = true;
}

/* Fine once; the second request on the same connection gets a closed door. */
static void stale(struct peer *p)
{
    if (p->served > 1) {
        p->close = true;
    } else {
        ok(p);
    }
}

static void not_http(struct peer *p)
{
    send_text(p, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    p->close = true;
}

static void header_flood(struct peer *p)
{
    send_text(p, "HTTP/1.1 200 OK\r\n");
    for (int i = 0;
         i < 100000 &&
         send_text(p, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
         i++) {
    }
    p->close = true;
}

static void tools(struct peer *p)
{
    begin_stream(p);
    send_data(
        p,
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}");
    send_data(
        p,
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}]"
        "},\"finish_reason\":\"tool_calls\"}]}");
    send_usage(p);
    send_done(p);
    end_stream(p);
}

/* 100-continue first, as some servers do without being asked. */
static void interim(struct peer *p)
{
    send_text(p, "HTTP/1.1 100 Continue\r\n\r\n");
    ok(p);
}

static const struct {
    const char *name;
    void (*run)(struct peer *p);
} scripts[] = {
    {"ok", ok},
    {"whole", whole},
    {"slow", slow},
    {"hang", hang},
    {"drip", drip},
    {"drip-late", drip_late},
    {"stall", stall},
    {"stall-first", stall_first},
    {"endless", endless},
    {"comments", comments_only},
    {"500", status_500},
    {"503", status_503},
    {"429", status_429},
    {"429-ms", status_429_ms},
    {"401", status_401},
    {"403", status_403},
    {"400", status_400},
    {"404", status_404},
    {"302", status_302},
    {"context", context},
    {"html", html},
    {"html-502", html_502},
    {"malformed", malformed},
    {"truncated", truncated},
    {"short", short_body},
    {"cut", cut},
    {"cut-first", cut_first},
    {"cut-clean", cut_clean},
    {"cut-done", cut_done},
    {"garbage", garbage},
    {"garbage-first", garbage_first},
    {"utf8", utf8},
    {"no-done", no_done},
    {"done-open", done_open},
    {"no-usage", no_usage},
    {"usage-twice", usage_twice},
    {"error", error_late},
    {"error-first", error_first},
    {"big", big},
    {"big-error", big_error},
    {"big-event", big_event},
    {"close", close_at_once},
    {"reset", reset},
    {"stale", stale},
    {"not-http", not_http},
    {"header-flood", header_flood},
    {"tools", tools},
    {"interim", interim},
};

static void (*script_of(const char *name))(struct peer *p)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].name, name) == 0) {
            return scripts[i].run;
        }
    }
    return ok;
}

/* ---- what was received ---- */

static void free_record(struct record *r)
{
    free(r->script);
    free(r->path);
    free(r->head);
    free(r->body);
    free(r);
}

static void put_escaped(FILE *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 0x20) {
            fprintf(out, "\\u%04x", c);
        } else {
            fputc(c, out);
        }
    }
}

static void answer_control(struct peer *p, const char *path)
{
    struct bad_upstream *b = p->server;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    pthread_mutex_lock(&b->lock);
    if (strcmp(path, "/_reset") == 0) {
        b->log_first = b->log_count;
    } else if (strcmp(path, "/_count") == 0) {
        fprintf(out, "{\"requests\":%d}", b->log_count - b->log_first);
    } else {
        for (int i = b->log_first; i < b->log_count; i++) {
            struct record *r = b->log[i];
            fprintf(out, "{\"n\":%d,\"script\":\"", i - b->log_first);
            put_escaped(out, r->script, strlen(r->script));
            fprintf(out, "\",\"path\":\"");
            put_escaped(out, r->path, strlen(r->path));
            fprintf(out, "\",\"head\":\"");
            put_escaped(out, r->head, strlen(r->head));
            fprintf(out, "\",\"body\":\"");
            put_escaped(out, r->body, r->body_len);
            fprintf(out, "\",\"bytes\":%zu,\"gone_ms\":%ld}\n", r->body_len, r->gone_ms);
        }
    }
    pthread_mutex_unlock(&b->lock);
    fclose(out);
    send_whole(p, 200, "application/json", "", text);
    p->close = true;
    free(text);
}

/* ---- one connection ---- */

/* Reads until the buffer holds `need` bytes, or the end of the head when `need` is 0. */
static bool read_more(struct peer *p)
{
    if (p->in_size - p->in_len < 64 * 1024) {
        p->in_size = p->in_size ? p->in_size * 2 : 128 * 1024;
        p->in = realloc(p->in, p->in_size);
    }
    long n =
        p->in_size > REQUEST_MAX ? -1 : receive(p, p->in + p->in_len, p->in_size - p->in_len - 1);
    if (n <= 0) {
        return false;
    }
    p->in_len += (size_t)n;
    p->in[p->in_len] = '\0';
    return true;
}

static size_t content_length(const char *head)
{
    for (const char *line = head; (line = strstr(line, "\r\n"));) {
        line += 2;
        if (strncasecmp(line, "content-length:", 15) == 0) {
            return strtoul(line + 15, NULL, 10);
        }
    }
    return 0;
}

static char *script_name(const char *path, const char *body)
{
    const char *at = strstr(path, "/script/");
    const char *end = NULL;
    if (at) {
        at += 8;
        end = at + strcspn(at, "/");
    } else if ((at = strstr(body, "[[")) && (end = strstr(at, "]]"))) {
        at += 2;
    } else if ((at = strstr(body, "\"model\":\""))) {
        at += 9;
        end = at + strcspn(at, "\"");
    }
    return at ? strndup(at, (size_t)(end - at)) : strdup("ok");
}

static void record_request(struct peer *p, const char *path, const char *head, const char *body,
                           size_t len)
{
    struct record *r = calloc(1, sizeof *r);
    r->script = script_name(path, body);
    r->path = strdup(path);
    r->head = strdup(head);
    r->body = malloc(len + 1);
    memcpy(r->body, body, len);
    r->body[len] = '\0';
    r->body_len = len;
    r->gone_ms = -1;
    pthread_mutex_lock(&p->server->lock);
    REQUIRE(p->server->log_count < LOG_MAX);
    p->server->log[p->server->log_count++] = r;
    pthread_mutex_unlock(&p->server->lock);
    p->record = r;
    p->arrived_ms = now_ms();
}

/* As a proxy it always leads to itself: what was asked for is in the log. */
static void begin_tunnel(struct peer *p)
{
    send_text(p, "HTTP/1.1 200 Tunnel\r\n\r\n");
    p->ssl = SSL_new(p->server->tls);
    SSL_set_fd(p->ssl, p->fd);
    p->close = SSL_accept(p->ssl) != 1;
}

/* One request and what its script makes of it. False when the connection is over. */
static bool serve_one(struct peer *p)
{
    char *end_of_head;
    p->in_len = 0; /* no pipelining here */
    do {
        if (!read_more(p)) {
            return false;
        }
    } while (!(end_of_head = strstr(p->in, "\r\n\r\n")));
    size_t head_len = (size_t)(end_of_head - p->in) + 4;
    size_t length = content_length(p->in);
    while (p->in_len < head_len + length) {
        if (!read_more(p)) {
            return false;
        }
    }
    char *head = strndup(p->in, head_len);
    char path[1024] = "/";
    sscanf(head, "%*s %1023s", path);
    p->served++;
    if (strncmp(head, "CONNECT ", 8) == 0) {
        record_request(p, path, head, "", 0);
        begin_tunnel(p);
    } else if (path[1] == '_') {
        answer_control(p, path);
    } else if (strncmp(head, "GET", 3) == 0) {
        send_whole(p, 200, "application/json", "",
                   "{\"object\":\"list\",\"data\":[{\"id\":\"ok\",\"object\":\"model\"}]}");
    } else if (strstr(path, "/api/show")) {
        bool remote = strstr(p->in + head_len, "-cloud");
        send_whole(p, 200, "application/json", "",
                   remote ? "{\"remote_host\":\"https://ollama.com:443\",\"remote_model\":\"m\"}"
                          : "{\"details\":{}}");
    } else {
        p->anthropic = strstr(path, "/messages") != NULL;
        record_request(p, path, head, p->in + head_len, length);
        script_of(p->record->script)(p);
    }
    free(head);
    return !p->close;
}

static bool receive_all(struct peer *p, void *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        long n = receive(p, (char *)out + at, len - at);
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static void serve_stream(struct peer *p, uint32_t stream, const char *body, size_t len)
{
    p->served++;
    p->stream = stream;
    record_request(p, "/h2", "HTTP/2", body, len); /* the head is compressed: not read here */
    script_of(p->record->script)(p);
}

/* HTTP/2: requests one after the other, each run when its last DATA frame is in. */
static void serve_h2(struct peer *p)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    char *body = malloc(REQUEST_MAX + 1);
    size_t body_len = 0;
    unsigned char head[9];
    bool open =
        receive_all(p, body, sizeof preface - 1) && memcmp(body, preface, sizeof preface - 1) == 0;
    send_frame(p, H2_SETTINGS, 0, 0, NULL, 0);
    while (open && !p->close && receive_all(p, head, sizeof head)) {
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        uint32_t stream =
            (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
        open = body_len + len <= REQUEST_MAX && receive_all(p, body + body_len, len);
        if (!open) {
            break;
        }
        body[body_len + len] = '\0';
        if (head[3] == H2_SETTINGS && !(head[4] & H2_ACK)) {
            send_frame(p, H2_SETTINGS, H2_ACK, 0, NULL, 0);
        } else if (head[3] == H2_PING && !(head[4] & H2_ACK)) {
            send_frame(p, H2_PING, H2_ACK, 0, body + body_len, len);
        } else if (head[3] == H2_DATA) {
            body_len += len;
        }
        if (head[3] == H2_DATA && head[4] & H2_END_STREAM) {
            serve_stream(p, stream, body, body_len);
            body_len = 0;
        }
        open = head[3] != H2_GOAWAY;
    }
    free(body);
}

static bool is_h2(const struct peer *p)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    if (p->ssl) {
        SSL_get0_alpn_selected(p->ssl, &name, &len);
    }
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

static void *serve_peer(void *arg)
{
    struct peer *p = arg;
    struct bad_upstream *b = p->server;
    int yes = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    bool open = !p->ssl || SSL_accept(p->ssl) == 1;
    if (open && is_h2(p)) {
        serve_h2(p);
        open = false;
    }
    while (open && serve_one(p)) {
    }
    pthread_mutex_lock(&b->lock);
    b->sockets[p->slot] = -1;
    pthread_mutex_unlock(&b->lock);
    SSL_free(p->ssl);
    close(p->fd);
    free(p->in);
    free(p);
    pthread_mutex_lock(&b->lock);
    b->live--;
    pthread_cond_signal(&b->idle);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void take_connection(struct bad_upstream *b, int fd, SSL_CTX *tls)
{
    struct peer *p = calloc(1, sizeof *p);
    pthread_mutex_lock(&b->lock);
    int slot = 0;
    while (slot < CONNECTIONS_MAX && b->sockets[slot] >= 0) {
        slot++;
    }
    REQUIRE(slot < CONNECTIONS_MAX);
    b->sockets[slot] = fd;
    b->live++;
    pthread_mutex_unlock(&b->lock);
    p->server = b;
    p->fd = fd;
    p->slot = slot;
    if (tls) {
        p->ssl = SSL_new(tls);
        SSL_set_fd(p->ssl, fd);
    }
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, serve_peer, p) == 0);
    pthread_detach(thread);
}

struct accepter {
    struct bad_upstream *b;
    int fd;
    SSL_CTX *tls; /* NULL = plain */
};

static void *accept_loop(void *arg)
{
    struct accepter a = *(struct accepter *)arg;
    free(arg);
    for (;;) {
        int fd = accept4(a.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (a.b->stopping) {
                return NULL;
            }
            usleep(1000);
            continue;
        }
        take_connection(a.b, fd, a.tls);
    }
}

/* ---- certificates ---- */

static X509 *make_cert(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *name, bool ca)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ca ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 24 * 3600);
    X509_set_pubkey(x, key);
    X509_NAME *subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer ? issuer : x, x, NULL, NULL, 0);
    const struct {
        int nid;
        const char *value;
    } extensions[] = {
        {NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE"},
        {NID_subject_alt_name, ca ? NULL : "DNS:localhost,DNS:provider.example,IP:127.0.0.1"},
        {NID_key_usage, ca ? "critical,keyCertSign" : NULL},
    };
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        if (extensions[i].value) {
            X509_EXTENSION *e =
                X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].nid, extensions[i].value);
            REQUIRE(e);
            X509_add_ext(x, e, -1);
            X509_EXTENSION_free(e);
        }
    }
    REQUIRE(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                     const unsigned char *in, unsigned in_len, void *user)
{
    (void)ssl;
    (void)user;
    static const unsigned char wanted[] = "\2h2";
    return SSL_select_next_proto((unsigned char **)out, out_len, wanted, 3, in, in_len) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *make_tls(X509 *cert, EVP_PKEY *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    REQUIRE(tls && SSL_CTX_use_certificate(tls, cert) == 1 &&
            SSL_CTX_use_PrivateKey(tls, key) == 1);
    return tls;
}

static void make_both_tls(struct bad_upstream *b, const char *ca_file)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    REQUIRE(ca_key && key);
    X509 *ca = make_cert(ca_key, NULL, ca_key, "Weir test CA", true);
    X509 *cert = make_cert(key, ca, ca_key, "localhost", false);
    FILE *file = fopen(ca_file, "w");
    REQUIRE(file && PEM_write_X509(file, ca) == 1);
    fclose(file);
    b->tls = make_tls(cert, key);
    b->h2 = make_tls(cert, key);
    SSL_CTX_set_alpn_select_cb(b->h2, choose_h2, NULL);
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

/* ---- life ---- */

static int listen_on(int port, int *out_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    REQUIRE(bind(fd, (struct sockaddr *)&in, len) == 0 && listen(fd, 256) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&in, &len) == 0);
    *out_port = ntohs(in.sin_port);
    return fd;
}

static void start_accepting(struct bad_upstream *b, int fd, SSL_CTX *tls)
{
    struct accepter *a = malloc(sizeof *a);
    *a = (struct accepter){b, fd, tls};
    REQUIRE(pthread_create(&b->accepters[b->accepters_count++], NULL, accept_loop, a) == 0);
}

struct bad_upstream *bad_upstream_start(const struct bad_options *options)
{
    struct bad_upstream *b = calloc(1, sizeof *b);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->idle, NULL);
    memset(b->sockets, -1, sizeof b->sockets);
    b->tls_fd = b->h2_fd = -1;
    b->plain_fd = listen_on(options->port, &b->port);
    start_accepting(b, b->plain_fd, NULL);
    if (options->ca_file) {
        make_both_tls(b, options->ca_file);
        b->tls_fd = listen_on(options->tls_port, &b->tls_port);
        start_accepting(b, b->tls_fd, b->tls);
        b->h2_fd = listen_on(0, &b->h2_port);
        start_accepting(b, b->h2_fd, b->h2);
    }
    return b;
}

void bad_upstream_stop(struct bad_upstream *b)
{
    b->stopping = true;
    shutdown(b->plain_fd, SHUT_RDWR);
    if (b->tls_fd >= 0) {
        shutdown(b->tls_fd, SHUT_RDWR);
        shutdown(b->h2_fd, SHUT_RDWR);
    }
    for (int i = 0; i < b->accepters_count; i++) {
        pthread_join(b->accepters[i], NULL);
    }
    pthread_mutex_lock(&b->lock);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (b->sockets[i] >= 0) {
            shutdown(b->sockets[i], SHUT_RDWR);
        }
    }
    while (b->live > 0) {
        pthread_cond_wait(&b->idle, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    for (int i = 0; i < LOG_MAX && b->log[i]; i++) {
        free_record(b->log[i]);
    }
    close(b->plain_fd);
    if (b->tls_fd >= 0) {
        close(b->tls_fd);
        close(b->h2_fd);
    }
    SSL_CTX_free(b->tls);
    SSL_CTX_free(b->h2);
    free(b);
}

int bad_upstream_port(const struct bad_upstream *b)
{
    return b->port;
}

int bad_upstream_tls_port(const struct bad_upstream *b)
{
    return b->tls_port;
}

int bad_upstream_h2_port(const struct bad_upstream *b)
{
    return b->h2_port;
}

int bad_upstream_requests(struct bad_upstream *b)
{
    pthread_mutex_lock(&b->lock);
    int count = b->log_count - b->log_first;
    pthread_mutex_unlock(&b->lock);
    return count;
}

long bad_upstream_gone_ms(struct bad_upstream *b)
{
    pthread_mutex_lock(&b->lock);
    long ms = b->log_count > b->log_first ? b->log[b->log_count - 1]->gone_ms : -1;
    pthread_mutex_unlock(&b->lock);
    return ms;
}

bool bad_upstream_saw(struct bad_upstream *b, const char *bytes)
{
    bool saw = false;
    pthread_mutex_lock(&b->lock);
    for (int i = b->log_first; i < b->log_count; i++) {
        struct record *r = b->log[i];
        saw = saw || memmem(r->body, r->body_len, bytes, strlen(bytes)) || strstr(r->head, bytes);
    }
    pthread_mutex_unlock(&b->lock);
    return saw;
}

void bad_upstream_reset(struct bad_upstream *b)
{
    pthread_mutex_lock(&b->lock);
    b->log_first = b->log_count;
    pthread_mutex_unlock(&b->lock);
}
