/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/wire.h"

#include <stdio.h>
#include <stdlib.h>

struct wires {
    struct loop *loop;
    char *ca_file; /* NULL = the system's */
    struct plain *plain;
    struct curls *curls; /* NULL until an address needs it */
};

/* ---- addresses ---- */

static bool host_is_loopback(struct span host)
{
    return span_eq_nocase(host, SPAN("localhost")) || span_is(host, "[::1]") ||
           (span_starts(host, SPAN("127.")) && span_find_char(host, ':', 0) == SIZE_MAX &&
            strspn(host.data, "0123456789.") >= host.len);
}

/* unix:/path/to.sock or unix:/path/to.sock:/v1 */
static bool parse_unix(struct span rest, struct wire_url *out)
{
    struct span socket = span_cut(&rest, ':');
    if (!span_starts(socket, SPAN("/")) || socket.len + 6 > sizeof out->address) {
        return false;
    }
    snprintf(out->address, sizeof out->address, "unix:%.*s", SPAN_ARG(socket));
    out->loopback = true;
    out->path = rest;
    return true;
}

/* Splits "host:port", "[::1]:port", "host" in place. */
static bool parse_host(struct span authority, bool tls, struct wire_url *out)
{
    size_t bracket = span_find_char(authority, ']', 0);
    size_t colon = span_find_char(authority, ':', bracket == SIZE_MAX ? 0 : bracket);
    struct span host = span_first(authority, colon == SIZE_MAX ? authority.len : colon);
    struct span port = colon == SIZE_MAX ? SPAN_NONE : span_from(authority, colon + 1);
    int64_t number = tls ? 443 : 80;
    if (span_given(port) && (!span_to_i64(port, &number) || number < 1 || number > 65535)) {
        return false;
    }
    if (host.len == 0 || host.len > 200 || span_find_char(host, '@', 0) != SIZE_MAX) {
        return false; /* user:password@ would end up in log lines */
    }
    out->loopback = host_is_loopback(host);
    snprintf(out->address, sizeof out->address, "%.*s:%d", SPAN_ARG(host), (int)number);
    return true;
}

bool wire_url_parse(const char *url, struct wire_url *out)
{
    struct span rest = span_c(url);
    *out = (struct wire_url){0};
    for (size_t i = 0; i < rest.len; i++) {
        if ((unsigned char)rest.data[i] <= ' ' || rest.data[i] == 0x7f) {
            return false;
        }
    }
    if (span_starts_nocase(rest, SPAN("https://"))) {
        out->tls = true;
        rest = span_from(rest, 8);
    } else if (span_starts_nocase(rest, SPAN("http://"))) {
        rest = span_from(rest, 7);
    } else if (!span_starts(rest, SPAN("unix:"))) {
        return false;
    }
    if (!out->tls && span_starts(rest, SPAN("unix:"))) {
        return parse_unix(span_from(rest, 5), out);
    }
    size_t slash = span_find_char(rest, '/', 0);
    out->path = slash == SIZE_MAX ? SPAN("") : span_from(rest, slash);
    return parse_host(span_first(rest, slash == SIZE_MAX ? rest.len : slash), out->tls, out);
}

/* libcurl reads these itself; here only whether it must be asked at all. */
static bool proxy_is_set(void)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0]) {
            return true;
        }
    }
    return false;
}

static bool needs_curl(const struct wire_url *url)
{
    return url->tls || (!url->loopback && proxy_is_set());
}

/* ---- the two transports behind one door ---- */

struct wires *wires_new(struct loop *loop, const char *ca_file)
{
    struct wires *w = NEW(struct wires);
    const char *file = ca_file ? ca_file : getenv("SSL_CERT_FILE");
    w->loop = loop;
    if (file && file[0]) {
        size_t bytes = strlen(file) + 1;
        w->ca_file = memcpy(mem_new(bytes), file, bytes);
    }
    w->plain = plain_new(loop);
    return w;
}

void wires_free(struct wires *w)
{
    if (w) {
        plain_free(w->plain);
        curls_free(w->curls);
        mem_free(w->ca_file);
        mem_free(w);
    }
}

enum err wires_prepare(struct wires *w, const char *url, bool local, struct fault *fault)
{
    struct wire_url parsed;
    if (!wire_url_parse(url, &parsed)) {
        return fault_set(fault, ERR_INVALID,
                         "the url must be http://HOST[:PORT]/…, https://… or unix:/PATH");
    }
    if (local && !parsed.loopback) {
        return fault_set(
            fault, ERR_INVALID,
            "a backend of tier device must be on this machine: 127.0.0.1, localhost or a Unix socket");
    }
    if (needs_curl(&parsed) && !w->curls) {
        return curls_new(w->loop, w->ca_file, &w->curls, fault);
    }
    return OK;
}

struct wire *wire_start(struct wires *w, const struct wire_request *request,
                        const struct wire_events *events, void *user)
{
    struct wire_url url;
    bool fine = wire_url_parse(request->url, &url);
    ASSERT(fine); /* wires_prepare() came first */
    if (needs_curl(&url)) {
        ASSERT(w->curls);
        return curls_start(w->curls, request, events, user);
    }
    return plain_start(w->plain, request, &url, events, user);
}

void wire_cancel(struct wire *wire)
{
    wire->type->cancel(wire);
}

void wire_pause(struct wire *wire, bool pause)
{
    wire->type->pause(wire, pause);
}
