/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/local.h"

#include "base/clock.h"
#include "json/json.h"

#include <stdio.h>

#define OLLAMA_PORT ":11434"
#define SHOW_MAX (8 * MIB) /* the answer holds licence and template */
#define GOOD_MAX 32

struct good {
    uint64_t hash; /* url and model */
    uint64_t until_us;
};

struct locals {
    struct loop *loop;
    struct wires *wires;
    struct good good[GOOD_MAX];
    struct link checks;
};

struct local_check {
    struct locals *locals;
    struct link link;
    const struct backend *backend;
    struct wire *wire;
    struct loop_post failed; /* for what goes wrong before a wire exists */
    struct arena *arena;
    struct text question, answer;
    int status;
    struct fault fault;
    local_checked_fn *fn;
    void *user;
};

static uint64_t key_of(const struct backend *b)
{
    return span_hash(span_c(b->url)) * 31 + span_hash(span_c(b->model));
}

bool locals_needs_check(const struct locals *l, const struct backend *b)
{
    bool may_be_ollama =
        b->api == API_OLLAMA || span_find(span_c(b->url), SPAN(OLLAMA_PORT), 0) != SIZE_MAX;
    if (b->tier != TIER_DEVICE || !may_be_ollama) {
        return false;
    }
    for (size_t i = 0; i < GOOD_MAX; i++) {
        if (l->good[i].hash == key_of(b) && clock_now_us() < l->good[i].until_us) {
            return false;
        }
    }
    return true;
}

static void remember(struct locals *l, const struct backend *b)
{
    struct good *oldest = &l->good[0];
    for (size_t i = 0; i < GOOD_MAX; i++) {
        if (l->good[i].hash == key_of(b)) {
            oldest = &l->good[i];
            break;
        }
        if (l->good[i].until_us < oldest->until_us) {
            oldest = &l->good[i];
        }
    }
    *oldest = (struct good){key_of(b), clock_now_us() + (uint64_t)LOCAL_GOOD_MS * US_PER_MS};
}

static void free_check(struct local_check *c)
{
    list_remove(&c->link);
    loop_post_cancel(&c->failed);
    text_done(&c->question);
    text_done(&c->answer);
    arena_free(c->arena);
    mem_free(c);
}

static void finish(struct local_check *c, enum err err, enum wire_end how, const char *text)
{
    local_checked_fn *fn = c->fn;
    void *user = c->user;
    if (c->wire) {
        wire_cancel(c->wire);
        c->wire = NULL;
    }
    char copy[sizeof c->fault.text];
    snprintf(copy, sizeof copy, "%s", text);
    free_check(c);
    fn(user, err, how, copy);
}

static void judge(struct local_check *c)
{
    const char *model = c->backend->model;
    if (c->status == 404 && c->backend->api != API_OLLAMA) {
        remember(c->locals, c->backend); /* some other server on Ollama's port */
        finish(c, OK, WIRE_OK, "");
        return;
    }
    if (c->status != 200) {
        fault_set(&c->fault, ERR_UPSTREAM,
                  "the local server does not know the model %s (status %d)", model, c->status);
        finish(c, ERR_UPSTREAM, WIRE_OK, c->fault.text);
        return;
    }
    const struct json *root = NULL;
    if (json_parse_in(c->arena, text_span(&c->answer), &root, NULL) ||
        json_type(root) != JSON_OBJECT) {
        finish(c, ERR_UPSTREAM, WIRE_OK,
               "the local server's description of its model cannot be read");
        return;
    }
    if (json_str(json_get(root, "remote_host")).len ||
        json_str(json_get(root, "remote_model")).len) {
        fault_set(&c->fault, ERR_POLICY,
                  "the model %s runs on a remote server behind Ollama, so it is no device", model);
        finish(c, ERR_POLICY, WIRE_OK, c->fault.text);
        return;
    }
    remember(c->locals, c->backend);
    finish(c, OK, WIRE_OK, "");
}

static void on_head(void *user, const struct wire_head *head)
{
    ((struct local_check *)user)->status = head->status;
}

static void on_body(void *user, struct span bytes)
{
    struct local_check *c = user;
    text_add(&c->answer, bytes);
    if (c->answer.overflow) {
        finish(c, ERR_UPSTREAM, WIRE_OK, "the local server's description of its model is too long");
    }
}

static void on_end(void *user, enum wire_end how, const char *detail)
{
    struct local_check *c = user;
    c->wire = NULL;
    if (how == WIRE_OK) {
        judge(c);
    } else {
        finish(c, ERR_UPSTREAM, how, detail);
    }
}

static void on_failed(void *user)
{
    struct local_check *c = user;
    finish(c, c->fault.code, WIRE_OK, c->fault.text);
}

/* The server's root: the configured url without /v1. */
static void write_url(const struct backend *b, char *out, size_t size)
{
    struct span url = span_c(b->url);
    if (span_ends(url, SPAN("/v1"))) {
        url = span_first(url, url.len - 3);
    }
    bool socket_only = span_starts(url, SPAN("unix:")) && span_find_char(url, ':', 5) == SIZE_MAX;
    snprintf(out, size, "%.*s%s/api/show", SPAN_ARG(url), socket_only ? ":" : "");
}

struct local_check *local_check_start(struct locals *l, const struct backend *b,
                                      local_checked_fn *fn, void *user)
{
    static const struct wire_events events = {on_head, on_body, on_end};
    struct local_check *c = NEW(struct local_check);
    *c = (struct local_check){
        .locals = l, .backend = b, .fn = fn, .user = user, .arena = arena_new()};
    list_append(&l->checks, &c->link);
    loop_post_init(&c->failed, l->loop, on_failed, c);
    text_init(&c->question, 64 * KIB);
    text_init(&c->answer, SHOW_MAX);
    struct json_out w = json_out(&c->question);
    json_begin_object(&w);
    json_put_c(&w, "model", b->model);
    json_end_object(&w);
    struct headers headers;
    headers_init(&headers, c->arena);
    headers_add(&headers, SPAN("Content-Type"), SPAN("application/json"));
    char url[2048];
    write_url(b, url, sizeof url);
    if (wires_prepare(l->wires, url, true, &c->fault)) {
        loop_post_send(&c->failed);
        return c;
    }
    c->wire = wire_start(l->wires,
                         &(struct wire_request){
                             .method = "POST",
                             .url = url,
                             .headers = &headers,
                             .body = text_span(&c->question),
                             .connect_ms = b->timeout.connect_ms,
                             .local = true,
                         },
                         &events, c);
    return c;
}

void local_check_cancel(struct local_check *c)
{
    if (c->wire) {
        wire_cancel(c->wire);
    }
    free_check(c);
}

struct locals *locals_new(struct loop *loop, struct wires *wires)
{
    struct locals *l = NEW(struct locals);
    l->loop = loop;
    l->wires = wires;
    list_init(&l->checks);
    return l;
}

void locals_free(struct locals *l)
{
    if (!l) {
        return;
    }
    LIST_EACH (link, &l->checks) {
        free_check(CONTAINER_OF(link, struct local_check, link));
    }
    mem_free(l);
}
