/* SPDX-License-Identifier: Apache-2.0 */
/* A wire over our own HTTP client: http:// without a proxy, and Unix sockets. */
#include "base/clock.h"
#include "http/client.h"
#include "upstream/wire.h"

#define IDLE_CONNECTIONS 64    /* per address */
#define ANSWER_MAX (256 * MIB) /* the caller's own limits are lower */

struct plain {
    struct http_client *client;
    struct link live;
};

struct plain_wire {
    struct wire wire;
    struct link link;
    struct http_call *call;
    uint64_t start_us;
    uint32_t connect_ms;
    bool loopback;
};

struct plain *plain_new(struct loop *loop)
{
    struct plain *p = NEW(struct plain);
    p->client = http_client_new(loop, IDLE_CONNECTIONS);
    list_init(&p->live);
    return p;
}

static void free_wire(struct plain_wire *p)
{
    list_remove(&p->link);
    mem_free(p);
}

void plain_free(struct plain *p)
{
    if (!p) {
        return;
    }
    http_client_free(p->client); /* calls nobody any more */
    LIST_EACH (l, &p->live) {
        free_wire(CONTAINER_OF(l, struct plain_wire, link));
    }
    mem_free(p);
}

static void on_head(void *user, int status, const struct headers *headers)
{
    struct plain_wire *p = user;
    struct wire_head head = {.status = status};
    span_to_c(headers_get(headers, "content-type"), head.content_type, sizeof head.content_type);
    span_to_c(headers_get(headers, "retry-after"), head.retry_after, sizeof head.retry_after);
    span_to_c(headers_get(headers, "retry-after-ms"), head.retry_after_ms,
              sizeof head.retry_after_ms);
    head.rtt_us = p->loopback ? 0 : MAX(http_call_rtt_us(p->call), 0);
    p->wire.events->head(p->wire.user, &head);
}

static void on_body(void *user, struct span bytes)
{
    struct plain_wire *p = user;
    p->wire.events->body(p->wire.user, bytes);
}

static enum wire_end end_of(enum http_end end)
{
    switch (end) {
    case HTTP_END_OK:
        return WIRE_OK;
    case HTTP_END_OFFLINE:
        return WIRE_OFFLINE;
    case HTTP_END_CONNECT:
        return WIRE_CONNECT;
    case HTTP_END_STALE:
        return WIRE_STALE;
    case HTTP_END_BAD:
        return WIRE_BAD;
    case HTTP_END_CUT:
    case HTTP_END_FIRST_BYTE: /* not asked for: time is the caller's */
    case HTTP_END_IDLE:
    case HTTP_END_TOTAL:
        return WIRE_CUT;
    }
    return WIRE_CUT;
}

static void on_end(void *user, enum http_end end, const char *detail)
{
    struct plain_wire *p = user;
    const struct wire_events *events = p->wire.events;
    void *owner = p->wire.user;
    enum wire_end how = end_of(end);
    uint64_t waited_us = clock_now_us() - p->start_us;
    if (how == WIRE_CONNECT && waited_us + US_PER_MS >= (uint64_t)p->connect_ms * US_PER_MS) {
        how = WIRE_LATE;
    }
    free_wire(p);
    events->end(owner, how, detail ? detail : "");
}

static void cancel(struct wire *wire)
{
    struct plain_wire *p = CONTAINER_OF(wire, struct plain_wire, wire);
    http_call_cancel(p->call);
    free_wire(p);
}

static void pause_reading(struct wire *wire, bool pause)
{
    http_call_pause(CONTAINER_OF(wire, struct plain_wire, wire)->call, pause);
}

static const struct wire_type plain_type = {.cancel = cancel, .pause = pause_reading};

struct wire *plain_start(struct plain *p, const struct wire_request *request,
                         const struct wire_url *url, const struct wire_events *events, void *user)
{
    static const struct http_call_type type = {on_head, on_body, on_end};
    struct plain_wire *w = NEW(struct plain_wire);
    char path[2048];
    span_to_c(url->path.len ? url->path : SPAN("/"), path, sizeof path);
    list_append(&p->live, &w->link);
    w->start_us = clock_now_us();
    w->connect_ms = request->connect_ms;
    w->loopback = url->loopback;
    w->wire = (struct wire){.type = &plain_type, .events = events, .user = user};
    w->call = http_call_start(p->client,
                              &(struct http_call_options){
                                  .address = url->address,
                                  .method = request->method,
                                  .path = path,
                                  .headers = request->headers,
                                  .body = request->body,
                                  .body_max = ANSWER_MAX,
                                  .connect_ms = request->connect_ms,
                                  .fresh = request->fresh,
                              },
                              &type, w);
    return &w->wire;
}
