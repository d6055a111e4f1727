/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire over libcurl's multi interface, driven by our loop.
 *
 * The happy path is: curls_start() adds an easy handle → libcurl asks for watches
 * and a timer (on_socket, on_timer) → they fire and become
 * curl_multi_socket_action() → header lines, then bytes, come through callbacks
 * inside that call → the transfer shows up in curl_multi_info_read(), is removed
 * and its end is told.
 *
 * What can go wrong:
 * - A wire is cancelled inside one of its own callbacks. libcurl may not be
 *   re-entered, so it is put on `dying` and removed once the action is over; its
 *   callbacks answer "abort" until then.
 * - Removing a handle during a name look-up would block until the look-up ends:
 *   CURLOPT_QUICK_EXIT leaves the thread behind instead.
 * - A reused connection dies before the first answer byte. libcurl would send the
 *   POST again by itself, behind the gate. The body therefore comes from a read
 *   callback whose seek callback refuses: libcurl then ends the transfer with
 *   CURLE_SEND_FAIL_REWIND, which is WIRE_STALE. (Without body bytes sent it may
 *   connect again; then no provider has seen a request.)
 * - A cancelled HTTP/2 stream. libcurl 7.88 removes the handle and tells the
 *   provider nothing (tried: no RST_STREAM; the provider writes, and bills, on).
 *   So a connection carries one transfer at a time, and cancelling closes it.
 * - Pausing: curl_easy_pause() may deliver what it held back inside the call.
 */
#include "http/link.h"
#include "upstream/curl_library.h"
#include "upstream/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#define RECEIVE_BYTES 8192l /* libcurl's default of 16 KiB costs that much per stream */

struct curls {
    struct loop *loop;
    const char *ca_file;
    CURLM *multi;
    struct loop_timer timer;
    struct link live, dying;
    int depth; /* inside libcurl */
};

struct curl_wire {
    struct wire wire;
    struct link link; /* live or dying */
    struct curls *curls;
    CURL *easy;
    struct curl_slist *fields;
    struct span body;
    size_t sent;
    struct wire_head head;
    size_t head_bytes;
    bool head_told, cancelled, local, stale, paused;
    char error[CURL_ERROR_SIZE];
};

struct curl_socket {
    struct loop_watch watch;
    struct curls *curls;
};

static void reap(struct curls *c);

/* ---- sockets and time ---- */

static void act(struct curls *c, curl_socket_t socket, int events)
{
    int running = 0;
    c->depth++;
    lib.curl_multi_socket_action(c->multi, socket, events, &running);
    c->depth--;
    reap(c);
}

static void on_io(void *user, int fd, bool readable, bool writable)
{
    struct curl_socket *s = user;
    act(s->curls, fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_user)
{
    (void)easy;
    struct curls *c = user;
    struct curl_socket *s = socket_user;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            lib.curl_multi_assign(c->multi, socket, NULL);
            loop_watch_done(&s->watch);
            mem_free(s);
        }
        return 0;
    }
    if (!s) {
        s = NEW(struct curl_socket);
        s->curls = c;
        loop_watch_init(&s->watch, c->loop, socket, on_io, s);
        lib.curl_multi_assign(c->multi, socket, s);
    }
    loop_watch_set(&s->watch, what & CURL_POLL_IN, what & CURL_POLL_OUT);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct curls *c = user;
    if (timeout_ms < 0) {
        loop_timer_stop(&c->timer);
    } else {
        loop_timer_start(&c->timer, (uint64_t)timeout_ms * 1000);
    }
    return 0;
}

static void on_time(void *user)
{
    act(user, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- one wire's callbacks, inside libcurl ---- */

static size_t give_body(char *out, size_t size, size_t count, void *user)
{
    struct curl_wire *w = user;
    if (w->cancelled) {
        return CURL_READFUNC_ABORT;
    }
    size_t n = MIN(size * count, w->body.len - w->sent);
    if (n) {
        memcpy(out, w->body.data + w->sent, n);
    }
    w->sent += n;
    return n;
}

/* libcurl wants to send the body again: see the head of this file. */
static int refuse_rewind(void *user, curl_off_t offset, int origin)
{
    struct curl_wire *w = user;
    (void)offset;
    (void)origin;
    w->stale = true;
    return CURL_SEEKFUNC_FAIL;
}

static void keep(char *out, size_t size, struct span value)
{
    snprintf(out, size, "%.*s", SPAN_ARG(value));
}

/* "HTTP/2 200 " → 200 */
static int status_of(struct span line)
{
    size_t space = span_find_char(line, ' ', 0);
    int64_t status = 0;
    return space != SIZE_MAX && span_to_i64(span_first(span_from(line, space + 1), 3), &status)
               ? (int)status
               : 0;
}

static void take_field(struct wire_head *head, struct span line)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');
    value = span_trim(value);
    if (span_eq_nocase(name, SPAN("content-type"))) {
        keep(head->content_type, sizeof head->content_type, value);
    } else if (span_eq_nocase(name, SPAN("retry-after"))) {
        keep(head->retry_after, sizeof head->retry_after, value);
    } else if (span_eq_nocase(name, SPAN("retry-after-ms"))) {
        keep(head->retry_after_ms, sizeof head->retry_after_ms, value);
    }
}

static int64_t rtt_of(struct curl_wire *w)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    bool known = lib.curl_easy_getinfo(w->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
                 fd != CURL_SOCKET_BAD;
    return known ? MAX(link_rtt_us((int)fd), 0) : 0;
}

static size_t on_header_line(char *bytes, size_t size, size_t count, void *user)
{
    struct curl_wire *w = user;
    struct span line = span_trim(span_of(bytes, size * count));
    w->head_bytes += size * count; /* libcurl 7.88 has no limit of its own, and keeps them all */
    if (w->cancelled || w->head_bytes > HEADER_BYTES_MAX) {
        return 0;
    }
    if (span_starts(line, SPAN("HTTP/"))) {
        w->head = (struct wire_head){.status = status_of(line)};
    } else if (line.len) {
        take_field(&w->head, line);
    } else if (w->head.status >= 200 && !w->head_told) { /* not an interim 1xx, not a trailer */
        w->head_told = true;
        w->head.rtt_us = rtt_of(w);
        w->wire.events->head(w->wire.user, &w->head);
        if (w->cancelled) {
            return 0;
        }
    }
    return size * count;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct curl_wire *w = user;
    if (w->cancelled) {
        return 0;
    }
    if (w->paused) {
        return CURL_WRITEFUNC_PAUSE;
    }
    w->wire.events->body(w->wire.user, span_of(bytes, size * count));
    return w->cancelled ? 0 : size * count;
}

static bool socket_address_is_loopback(const struct curl_sockaddr *a)
{
    if (a->family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&a->addr;
        return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    }
    if (a->family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&a->addr;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return false;
}

/* A local backend must not be reached anywhere else, whatever a name resolves to. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct curl_wire *w = user;
    (void)purpose;
    if (w->local && !socket_address_is_loopback(a)) {
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- the end of a wire ---- */

static void free_wire(struct curl_wire *w)
{
    lib.curl_multi_remove_handle(w->curls->multi, w->easy);
    lib.curl_easy_cleanup(w->easy);
    lib.curl_slist_free_all(w->fields);
    list_remove(&w->link);
    mem_free(w);
}

static bool errno_means_offline(long code)
{
    return code == ENETUNREACH || code == EHOSTUNREACH || code == ENETDOWN || code == EADDRNOTAVAIL;
}

/* A kept connection that ended before the first answer byte, in ways that libcurl would not repeat. */
static bool died_unused(struct curl_wire *w)
{
    long connects = 1;
    lib.curl_easy_getinfo(w->easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && w->head_bytes == 0;
}

static enum wire_end end_of(struct curl_wire *w, CURLcode code)
{
    long os_errno = 0;
    switch (code) {
    case CURLE_OK:
        return WIRE_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return WIRE_OFFLINE;
    case CURLE_COULDNT_CONNECT:
        lib.curl_easy_getinfo(w->easy, CURLINFO_OS_ERRNO, &os_errno);
        return errno_means_offline(os_errno) ? WIRE_OFFLINE : WIRE_CONNECT;
    case CURLE_PROXY:
        return WIRE_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: /* only connecting has a limit in libcurl */
        return WIRE_LATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return WIRE_TLS;
    case CURLE_SEND_FAIL_REWIND:
        return WIRE_STALE;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
    case CURLE_BAD_CONTENT_ENCODING:
        return WIRE_BAD;
    default:
        return w->stale || died_unused(w)         ? WIRE_STALE
               : w->head_bytes > HEADER_BYTES_MAX ? WIRE_BAD
                                                  : WIRE_CUT;
    }
}

static void finish(struct curl_wire *w, CURLcode code)
{
    const struct wire_events *events = w->wire.events;
    void *user = w->wire.user;
    enum wire_end end = end_of(w, code);
    char detail[CURL_ERROR_SIZE];
    snprintf(detail, sizeof detail, "%s", w->error[0] ? w->error : lib.curl_easy_strerror(code));
    bool tell = !w->cancelled;
    free_wire(w);
    if (tell) {
        events->end(user, end, detail);
    }
}

/* After each visit to libcurl: what is complete, and what was cancelled meanwhile. */
static void reap(struct curls *c)
{
    if (c->depth > 0) {
        return;
    }
    int left = 0;
    for (CURLMsg *m; (m = lib.curl_multi_info_read(c->multi, &left));) {
        if (m->msg == CURLMSG_DONE) {
            struct curl_wire *w = NULL;
            lib.curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&w);
            finish(w, m->data.result);
        }
    }
    LIST_EACH (l, &c->dying) {
        free_wire(CONTAINER_OF(l, struct curl_wire, link));
    }
}

static void cancel(struct wire *wire)
{
    struct curl_wire *w = CONTAINER_OF(wire, struct curl_wire, wire);
    w->cancelled = true;
    lib.curl_easy_setopt(w->easy, CURLOPT_FORBID_REUSE, 1l); /* HTTP/2: see the head */
    if (w->curls->depth > 0) {
        list_remove(&w->link);
        list_append(&w->curls->dying, &w->link);
    } else {
        free_wire(w);
    }
}

static void pause_reading(struct wire *wire, bool pause)
{
    struct curl_wire *w = CONTAINER_OF(wire, struct curl_wire, wire);
    struct curls *c = w->curls;
    if (w->paused == pause) {
        return;
    }
    w->paused = pause;
    if (!pause) { /* pausing itself happens at the next bytes, by the answer of on_bytes() */
        c->depth++;
        lib.curl_easy_pause(w->easy, CURLPAUSE_CONT);
        c->depth--;
        reap(c);
    }
}

static const struct wire_type curl_type = {.cancel = cancel, .pause = pause_reading};

/* ---- the start of a wire ---- */

static void add_fields(struct curl_wire *w, const struct headers *headers)
{
    char line[8 * 1024];
    for (size_t i = 0; headers && i < headers->count; i++) {
        const struct header *h = &headers->items[i];
        int n = snprintf(line, sizeof line, "%.*s: %.*s", SPAN_ARG(h->name), SPAN_ARG(h->value));
        if (n > 0 && (size_t)n < sizeof line) {
            w->fields = lib.curl_slist_append(w->fields, line);
        }
    }
    w->fields =
        lib.curl_slist_append(w->fields, "Expect:"); /* no 100-continue: it costs a round trip */
}

static void set_transport(struct curl_wire *w, const struct wire_request *request)
{
    CURL *e = w->easy;
    lib.curl_easy_setopt(e, CURLOPT_URL, request->url);
    lib.curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    lib.curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    lib.curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, request->fresh ? 1l : 0l);
    lib.curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    lib.curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
    lib.curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1l);
    lib.curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1l);
    lib.curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1l);
    lib.curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    lib.curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, w);
    lib.curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    lib.curl_easy_setopt(e, CURLOPT_ERRORBUFFER, w->error);
    if (w->curls->ca_file) {
        lib.curl_easy_setopt(e, CURLOPT_CAINFO, w->curls->ca_file);
    }
    struct wire_url url;
    if (w->local || (wire_url_parse(request->url, &url) && url.loopback)) {
        lib.curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the environment says */
    }
}

static void set_exchange(struct curl_wire *w, const struct wire_request *request)
{
    CURL *e = w->easy;
    if (strcmp(request->method, "POST") == 0) {
        lib.curl_easy_setopt(e, CURLOPT_POST, 1l);
        lib.curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)w->body.len);
        lib.curl_easy_setopt(e, CURLOPT_READFUNCTION, give_body);
        lib.curl_easy_setopt(e, CURLOPT_READDATA, w);
        lib.curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, refuse_rewind);
        lib.curl_easy_setopt(e, CURLOPT_SEEKDATA, w);
    }
    lib.curl_easy_setopt(e, CURLOPT_HTTPHEADER, w->fields);
    lib.curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header_line);
    lib.curl_easy_setopt(e, CURLOPT_HEADERDATA, w);
    lib.curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    lib.curl_easy_setopt(e, CURLOPT_WRITEDATA, w);
    lib.curl_easy_setopt(e, CURLOPT_PRIVATE, (char *)w);
}

struct wire *curls_start(struct curls *c, const struct wire_request *request,
                         const struct wire_events *events, void *user)
{
    struct curl_wire *w = NEW(struct curl_wire);
    w->wire = (struct wire){.type = &curl_type, .events = events, .user = user};
    w->curls = c;
    w->body = request->body;
    w->local = request->local;
    w->easy = lib.curl_easy_init();
    ASSERT(w->easy);
    list_append(&c->live, &w->link);
    add_fields(w, request->headers);
    set_transport(w, request);
    set_exchange(w, request);
    lib.curl_multi_add_handle(c->multi,
                              w->easy); /* sets a timer of 0: nothing is called from here */
    return &w->wire;
}

enum err curls_new(struct loop *loop, const char *ca_file, struct curls **out, struct fault *fault)
{
    enum err err = curl_library_load(fault);
    if (err) {
        return err;
    }
    struct curls *c = NEW(struct curls);
    c->loop = loop;
    c->ca_file = ca_file;
    list_init(&c->live);
    list_init(&c->dying);
    loop_timer_init(&c->timer, loop, on_time, c);
    c->multi = lib.curl_multi_init();
    ASSERT(c->multi);
    lib.curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    lib.curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    lib.curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    lib.curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    lib.curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    *out = c;
    return OK;
}

void curls_free(struct curls *c)
{
    if (!c) {
        return;
    }
    LIST_EACH (l, &c->live) {
        free_wire(CONTAINER_OF(l, struct curl_wire, link));
    }
    lib.curl_multi_cleanup(c->multi);
    loop_timer_done(&c->timer);
    mem_free(c);
}
