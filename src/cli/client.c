/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: find who serves (the ledger's lock file), call it over
 * http/client.h on a small loop, wait.
 *
 * What can go wrong: nobody serves and starting one of our own fails (its sentences
 * are already on standard error); the server goes away in the middle (the fault says
 * so); the answer is not what was asked for (its status and body are given).
 */
#include "cli/client.h"

#include "app/app.h"
#include "base/clock.h"
#include "http/client.h"
#include "json/json.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 30000
#define MODEL_WAIT_MS 300000
#define ANSWER_MAX (64 * MIB)
#define MOVES_MAX 10

struct client {
    struct client_options options;
    struct config *config;
    char url[200];
    char address[200]; /* for http/client.h */
    pid_t own;         /* the supervisor of our own; 0 = none */
    char folder[64];
    struct loop *loop;
    struct http_client *http;
    struct loop_wake interrupt;
    struct call_state *running;
};

struct call_state {
    struct client *client;
    int status;
    bool ended, cancelled;
    enum http_end end;
    char detail[200];
    bool streaming;
    struct sse sse;
    sse_event_fn *fn;
    void *user;
    struct text *body;
    char *request_id;
};

/* ---- one call ---- */

static void on_head(void *user, int status, const struct headers *headers)
{
    struct call_state *s = user;
    s->status = status;
    struct span id = headers_get(headers, "X-Request-Id");
    if (s->request_id && span_given(id)) {
        snprintf(s->request_id, 31, "%.*s", SPAN_ARG(id));
    }
}

static void on_body(void *user, struct span bytes)
{
    struct call_state *s = user;
    if (s->streaming && s->status == 200) {
        if (sse_feed(&s->sse, bytes, s->fn, s->user)) {
            snprintf(s->detail, sizeof s->detail, "the stream is not valid");
        }
    } else {
        text_add(s->body, bytes);
    }
}

static void on_end(void *user, enum http_end end, const char *detail)
{
    struct call_state *s = user;
    s->ended = true;
    s->end = end;
    if (detail && !s->detail[0]) {
        snprintf(s->detail, sizeof s->detail, "%s", detail);
    }
    loop_stop(s->client->loop);
}

static void on_interrupt(void *user)
{
    struct client *c = user;
    if (c->running) {
        c->running->cancelled = true;
        loop_stop(c->loop);
    }
}

static int call_once(struct client *c, struct call_state *s, const char *method, const char *path,
                     const char *const *headers, struct span body, struct fault *fault)
{
    static const struct http_call_type type = {
        .on_head = on_head, .on_body = on_body, .on_end = on_end};
    struct arena *arena = arena_new();
    struct headers h;
    headers_init(&h, arena);
    if (body.len) {
        headers_add(&h, SPAN("Content-Type"), SPAN("application/json"));
    }
    const char *key = getenv("WEIR_API_KEY");
    if (key && *key) {
        headers_addf(&h, "Authorization", "Bearer %s", key);
    }
    for (; headers && *headers; headers++) {
        struct span value = span_c(*headers);
        struct span name = span_cut(&value, ':');
        headers_add(&h, name, span_trim(value));
    }
    s->client = c;
    c->running = s;
    struct http_call *call = http_call_start(c->http,
                                             &(struct http_call_options){
                                                 .address = c->address,
                                                 .method = method,
                                                 .path = path,
                                                 .headers = &h,
                                                 .body = body,
                                                 .body_max = ANSWER_MAX,
                                             },
                                             &type, s);
    while (!s->ended && !s->cancelled) {
        loop_run(c->loop);
    }
    c->running = NULL;
    if (!s->ended) {
        http_call_cancel(call);
    }
    arena_free(arena);
    if (s->cancelled) {
        fault_set(fault, ERR_CANCELLED, "interrupted");
        return -1;
    }
    if (s->end != HTTP_END_OK) {
        fault_set(fault, ERR_IO, "%s: %s", c->url,
                  s->detail[0] ? s->detail : "the connection ended");
        return -1;
    }
    return s->status;
}

static enum err find_server(struct client *c, struct fault *fault);

/* The weir of another command goes away with that command: then the next one is asked. It had not answered a
 * byte, and while it drains it reads no new request, so nothing is asked twice. */
static int run_call(struct client *c, struct call_state *s, const char *method, const char *path,
                    const char *const *headers, struct span body, struct fault *fault)
{
    for (int moves = 0;; moves++) {
        int status = call_once(c, s, method, path, headers, body, fault);
        bool passing =
            !c->own && strstr(c->url, OWN_SERVER_MARK) && s->status == 0 && !s->cancelled;
        if (status >= 0 || !passing || moves == MOVES_MAX) {
            return status;
        }
        /* It may still be leaving. */
        nanosleep(&(struct timespec){.tv_nsec = (moves + 1) * 20000000}, NULL);
        if (find_server(c, fault)) {
            return status;
        }
        s->ended = false;
        s->detail[0] = '\0';
    }
}

int client_call(struct client *c, const char *method, const char *path, const char *const *headers,
                struct span body, struct text *out_body, struct fault *fault)
{
    struct call_state s = {.body = out_body};
    return run_call(c, &s, method, path, headers, body, fault);
}

int client_stream(struct client *c, const char *path, const char *const *headers, struct span body,
                  sse_event_fn *fn, void *user, struct text *out_error, char *out_request_id,
                  struct fault *fault)
{
    struct call_state s = {
        .streaming = true,
        .fn = fn,
        .user = user,
        .body = out_error,
        .request_id = out_request_id,
    };
    sse_init(&s.sse, 16 * MIB);
    int status = run_call(c, &s, "POST", path, headers, body, fault);
    sse_done(&s.sse);
    return status;
}

void client_interrupt(struct client *c)
{
    loop_wake_send(&c->interrupt);
}

/* ---- a server of our own ---- */

static void run_own(const struct client_options *o, const char *listen, int ready_fd)
{
    setpgid(0, 0); /* Ctrl-C is for the command, which then ends us in good order */
    _exit(supervisor_run(&(struct app_options){
        .config_path = o->config_path,
        .listen = listen,
        .workers = 1,
        .model = o->model,
        .ledger = o->ledger,
        .upstreams = o->upstreams,
        .log_level = o->verbose ? NULL : "error",
        .ready_fd = ready_fd,
    }));
}

static enum err wait_ready(int fd, struct fault *fault)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char line[256];
    int n;
    do {
        n = poll(&p, 1, START_MS);
    } while (n < 0 && errno == EINTR);
    if (n <= 0 || read(fd, line, sizeof line) <= 0) {
        return fault_set(fault, ERR_IO, "weir could not start (see above; `weir doctor` helps)");
    }
    return OK;
}

static enum err start_own(struct client *c, const struct client_options *o, struct fault *fault)
{
    int ready[2];
    snprintf(c->folder, sizeof c->folder, "/tmp" OWN_SERVER_MARK "XXXXXX");
    if (!mkdtemp(c->folder) || pipe(ready)) {
        return fault_set(fault, ERR_IO, "%s: %s", c->folder, strerror(errno));
    }
    snprintf(c->url, sizeof c->url, "unix:%s/weir.sock", c->folder);
    fflush(NULL);
    c->own = fork();
    if (c->own == 0) {
        close(ready[0]);
        run_own(o, c->url, ready[1]);
    }
    close(ready[1]);
    enum err err = c->own < 0 ? fault_set(fault, ERR_IO, "fork: %s", strerror(errno))
                              : wait_ready(ready[0], fault);
    close(ready[0]);
    return err;
}

/* A device that still loads its model is neither usable nor dead. */
static bool still_loading(const struct json *status)
{
    struct json_iter it = json_iter(json_get(status, "backends"));
    while (json_next(&it)) {
        bool device = span_is(json_str(json_get(it.value, "tier")), "device");
        if (device && !json_true(json_get(it.value, "usable")) &&
            !json_true(json_get(it.value, "dead"))) {
            return true;
        }
    }
    return false;
}

static enum err wait_for_model(struct client *c, struct fault *fault)
{
    uint64_t give_up = clock_now_us() + MODEL_WAIT_MS * US_PER_MS;
    for (unsigned pause_us = 1000; clock_now_us() < give_up;
         pause_us = MIN(pause_us * 2, 200000u)) {
        struct text body;
        text_init(&body, MIB);
        int status = client_call(c, "GET", "/weir/v1/status", NULL, SPAN(""), &body, fault);
        struct json_doc *doc = NULL;
        bool loading = status == 200 && json_parse(text_span(&body), &doc, NULL) == OK &&
                       still_loading(json_root(doc));
        json_free(doc);
        text_done(&body);
        if (status < 0 || !loading) {
            return status < 0 ? fault->code : OK;
        }
        struct timespec ts = {.tv_nsec = (long)pause_us * 1000};
        nanosleep(&ts, NULL);
    }
    return OK; /* the request itself will say that the device is not there */
}

/* ---- life ---- */

static void set_address(struct client *c)
{
    const char *address = strncmp(c->url, "http://", 7) == 0 ? c->url + 7 : c->url;
    if (strncmp(address, "0.0.0.0:", 8) == 0) {
        snprintf(c->address, sizeof c->address, "127.0.0.1:%s", address + 8);
    } else {
        snprintf(c->address, sizeof c->address, "%s", address);
    }
}

/* Who serves this ledger, or, where that is allowed, a weir of our own. */
static enum err find_server(struct client *c, struct fault *fault)
{
    struct serving serving;
    enum err err = OK;
    if (app_find_serving(c->config->ledger_path, &serving)) {
        snprintf(c->url, sizeof c->url, "%s", serving.url);
    } else if (c->options.may_start) {
        err = start_own(c, &c->options, fault);
    } else {
        err = fault_set(fault, ERR_NOT_FOUND, "no weir is serving %s; start one with `weir serve`",
                        c->config->ledger_path);
    }
    set_address(c);
    return err;
}

enum err client_open(const struct client_options *o, struct client **out, struct fault *fault)
{
    struct client *c = NEW(struct client);
    c->options = *o;
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct app_options app = {.config_path = o->config_path,
                              .model = o->model,
                              .ledger = o->ledger,
                              .upstreams = o->upstreams,
                              .ready_fd = -1};
    enum err err = app_load_config(&app, &c->config, &errors);
    if (err) {
        struct span text = span_trim(text_span(&errors));
        fault_set(fault, ERR_INVALID, "the config has mistakes:\n%.*s", SPAN_ARG(text));
    }
    text_done(&errors);
    err = err ? err : find_server(c, fault);
    if (err) {
        client_close(c);
        return err;
    }
    c->loop = loop_new();
    c->http = http_client_new(c->loop, 2);
    loop_wake_init(&c->interrupt, c->loop, on_interrupt, c);
    err = o->may_start ? wait_for_model(c, fault) : OK;
    if (err) {
        client_close(c);
        return err;
    }
    *out = c;
    return OK;
}

void client_close(struct client *c)
{
    if (!c) {
        return;
    }
    if (c->loop) {
        loop_wake_done(&c->interrupt);
        http_client_free(c->http);
        loop_free(c->loop);
    }
    if (c->own > 0) {
        kill(c->own, SIGTERM);
        waitpid(c->own, NULL, 0);
    }
    if (c->folder[0]) {
        rmdir(c->folder);
    }
    config_unref(c->config);
    mem_free(c);
}

const struct config *client_config(const struct client *c)
{
    return c->config;
}

const char *client_url(const struct client *c)
{
    return c->url;
}

bool client_started_own(const struct client *c)
{
    return c->own > 0;
}
