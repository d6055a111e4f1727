/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: connect; HELLO says what the model can do; encode() writes
 * the SUBMIT payload, start() sends it under a fresh number; DELTA and STATS
 * frames with that number become deltas and confidence of its leg; END ends it.
 *
 * What can go wrong:
 * - nobody listens yet, or the engine dies: open legs end with LEG_ERROR, a new
 *   connection is tried after 10 ms, 20 ms … 2 s, for ever;
 * - it breaks the frame format: hung up on, the same as dying;
 * - it is there without a model (bad file): HELLO says why, legs end at once;
 * - it is slower than we submit: bytes wait in `out`, up to OUT_MAX, then legs
 *   are refused as overloaded;
 * - frames of a cancelled leg are still on their way: their number is unknown by
 *   then, they are dropped.
 */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/frames.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IN_MAX (FRAME_PAYLOAD_MAX + 64 * KIB)
#define OUT_MAX (2 * FRAME_PAYLOAD_MAX)
#define READ_BYTES (64 * KIB)
#define RETRY_FIRST_US (10u * US_PER_MS)
#define RETRY_MAX_US (2u * US_PER_S)
enum { BUCKETS = 64 };

struct engine {
    struct loop *loop;
    const struct backend *backend;
    char socket_path[108];
    loop_fn *changed;
    void *user;
    struct engine_info info;
    struct loop_post changed_post;
    struct loop_timer retry;
    uint64_t retry_us;
    int fd; /* -1 = not connected */
    struct loop_watch watch;
    bool watching_writes;
    struct text in, out;
    uint32_t last_request;
    struct link attempts[BUCKETS]; /* by request number */
    char model[128];               /* of the answers: the file's name without .gguf */
};

struct attempt { /* the driver's state in a leg */
    struct link link;
    struct leg *leg;
    uint32_t request;
    bool first_byte;
};

/* ---- attempts ---- */

static struct attempt *find_attempt(struct engine *e, uint32_t request)
{
    LIST_EACH (it, &e->attempts[request % BUCKETS]) {
        struct attempt *a = CONTAINER_OF(it, struct attempt, link);
        if (a->request == request) {
            return a;
        }
    }
    return NULL;
}

static void fail_leg(struct leg *leg, enum err err, const char *text, bool retryable)
{
    struct leg_end end = {
        .outcome = LEG_ERROR,
        .err = err,
        .text = span_c(text),
        .usage = USAGE_UNKNOWN,
        .retryable = retryable,
        .retry_after_ms = -1,
    };
    leg_got_end(leg, &end);
}

static void fail_all(struct engine *e, const char *text)
{
    for (int i = 0; i < BUCKETS; i++) {
        LIST_EACH (it, &e->attempts[i]) {
            struct attempt *a = CONTAINER_OF(it, struct attempt, link);
            list_remove(&a->link);
            fail_leg(a->leg, ERR_UPSTREAM, text, !a->first_byte);
        }
    }
}

/* ---- what the engine says ---- */

static void first_byte(struct attempt *a)
{
    if (!a->first_byte) {
        a->first_byte = true;
        leg_got_first_byte(a->leg);
    }
}

static bool got_delta(struct engine *e, uint32_t request, struct span payload)
{
    struct frame_delta d;
    if (payload.len < sizeof d) {
        return false;
    }
    memcpy(&d, payload.data, sizeof d);
    uint64_t bytes = (uint64_t)d.text_bytes + d.id_bytes + d.name_bytes + d.logprobs_bytes;
    if (bytes != payload.len - sizeof d || d.kind > DELTA_REFUSAL) {
        return false;
    }
    struct attempt *a = find_attempt(e, request);
    if (!a) {
        return true;
    }
    const char *at = payload.data + sizeof d;
    struct delta delta = {.kind = d.kind, .choice = d.choice, .tool_index = d.tool_index};
    delta.text = span_of(at, d.text_bytes);
    at += d.text_bytes;
    delta.tool_id = d.id_bytes ? span_of(at, d.id_bytes) : SPAN_NONE;
    at += d.id_bytes;
    delta.tool_name = d.name_bytes ? span_of(at, d.name_bytes) : SPAN_NONE;
    at += d.name_bytes;
    delta.logprobs = d.logprobs_bytes ? span_of(at, d.logprobs_bytes) : SPAN_NONE;
    first_byte(a);
    leg_got_delta(a->leg, &delta);
    return true;
}

static bool got_stats(struct engine *e, uint32_t request, struct span payload)
{
    struct frame_stats s;
    if (payload.len != sizeof s) {
        return false;
    }
    memcpy(&s, payload.data, sizeof s);
    struct attempt *a = find_attempt(e, request);
    if (a && leg_options(a->leg)->want_confidence) {
        struct confidence c = {
            .sum_logprob = s.sum_logprob,
            .min_logprob = s.min_logprob,
            .first_logprob = s.first_logprob,
            .min_margin = s.min_margin,
            .mean_entropy = s.mean_entropy,
            .tokens = (int)s.tokens,
            .final = s.final,
            .refusal = s.refusal,
            .bad_tool_call = s.bad_tool_call,
            .p = s.p,
            .calibrated = s.calibrated,
        };
        leg_got_confidence(a->leg, &c);
    }
    return true;
}

static bool got_end(struct engine *e, uint32_t request, struct span payload)
{
    struct frame_end f;
    if (payload.len < sizeof f) {
        return false;
    }
    memcpy(&f, payload.data, sizeof f);
    if (f.text_bytes != payload.len - sizeof f || f.err >= ERR_COUNT) {
        return false;
    }
    struct attempt *a = find_attempt(e, request);
    if (!a) {
        return true;
    }
    struct leg_end end = {
        .outcome = f.err == OK ? LEG_OK : LEG_ERROR,
        .err = f.err,
        .text = f.text_bytes ? span_of(payload.data + sizeof f, f.text_bytes) : SPAN_NONE,
        .usage = {f.input_tokens, f.output_tokens, f.cached_tokens, f.reasoning_tokens, false},
        .model = span_c(e->model),
        .retry_after_ms = f.err == ERR_OVERLOADED ? 1000 : -1,
    };
    for (size_t i = 0; i < ARRAY_LEN(end.finishes); i++) {
        end.finishes[i] = f.finish[i] < FINISH_COUNT ? f.finish[i] : FINISH_STOP;
    }
    end.finish = end.finishes[0];
    if (f.err == OK) {
        first_byte(a);
    }
    list_remove(&a->link);
    leg_got_end(a->leg, &end);
    return true;
}

static bool got_load(struct engine *e, struct span payload)
{
    struct frame_load l;
    if (payload.len != sizeof l) {
        return false;
    }
    memcpy(&l, payload.data, sizeof l);
    e->info.running = (int)l.running;
    e->info.queued = (int)l.queued;
    e->info.slots = (int)l.slots;
    if (l.tokens_per_s > 0) {
        e->info.tokens_per_s = (double)l.tokens_per_s;
    }
    if (l.prompt_tokens_per_s > 0) {
        e->info.prompt_tokens_per_s = (double)l.prompt_tokens_per_s;
    }
    e->info.memory_bytes = (int64_t)l.memory_bytes;
    return true;
}

static void copy_field(const struct json *root, const char *key, char *out, size_t room)
{
    struct span s = json_str(json_get(root, key));
    snprintf(out, room, "%.*s", SPAN_ARG(s));
}

static uint32_t task_bits(const struct json *tasks)
{
    uint32_t bits = 0;
    for (struct json_iter it = json_iter(tasks); json_next(&it);) {
        enum task task;
        if (task_from(json_str(it.value), &task)) {
            bits |= 1u << task;
        }
    }
    return bits;
}

static bool got_hello(struct engine *e, struct span payload)
{
    struct json_doc *doc;
    if (json_parse(payload, &doc, NULL) != OK) {
        return false;
    }
    const struct json *root = json_root(doc);
    struct engine_info *i = &e->info;
    i->up = json_true(json_get(root, "up"));
    i->starting = !i->up && json_true(json_get(root, "loading"));
    copy_field(root, "why", i->why, sizeof i->why);
    copy_field(root, "warning", i->warning, sizeof i->warning);
    copy_field(root, "switch_error", i->switch_error, sizeof i->switch_error);
    copy_field(root, "model", i->model, sizeof i->model);
    copy_field(root, "path", i->path, sizeof i->path);
    copy_field(root, "file", e->model, sizeof e->model);
    copy_field(root, "quantisation", i->quantisation, sizeof i->quantisation);
    copy_field(root, "devices", i->devices, sizeof i->devices);
    i->context = json_i64_or(json_get(root, "context"), 0);
    i->slots = (int)json_i64_or(json_get(root, "slots"), 0);
    i->tasks = task_bits(json_get(root, "tasks"));
    i->demo = json_true(json_get(root, "demo"));
    i->tools = json_true(json_get(root, "tools"));
    i->deterministic = json_true(json_get(root, "deterministic"));
    i->probe = json_true(json_get(root, "probe"));
    i->bytes = json_i64_or(json_get(root, "bytes"), 0);
    i->load_ms = json_f64_or(json_get(root, "load_ms"), 0);
    i->gpu_layers = (int)json_i64_or(json_get(root, "gpu_layers"), 0);
    json_free(doc);
    loop_post_send(&e->changed_post);
    return true;
}

static bool handle_frame(struct engine *e, const struct frame_header *h, struct span payload)
{
    switch (h->type) {
    case FRAME_HELLO:
        return got_hello(e, payload);
    case FRAME_DELTA:
        return got_delta(e, h->request, payload);
    case FRAME_STATS:
        return got_stats(e, h->request, payload);
    case FRAME_END:
        return got_end(e, h->request, payload);
    case FRAME_LOAD:
        return got_load(e, payload);
    default:
        return false;
    }
}

/* ---- the connection ---- */

static void disconnect(struct engine *e, const char *why)
{
    loop_watch_done(&e->watch);
    close(e->fd);
    e->fd = -1;
    text_clear(&e->in);
    text_clear(&e->out);
    e->out.overflow = false;
    e->info.up = false;
    e->info.starting = true; /* the supervisor starts it again */
    e->info.running = e->info.queued = 0;
    snprintf(e->info.why, sizeof e->info.why, "%s", why);
    fail_all(e, why);
    loop_timer_start(&e->retry, e->retry_us);
    loop_post_send(&e->changed_post);
}

static bool send_out(struct engine *e)
{
    size_t sent = 0;
    while (sent < e->out.len) {
        ssize_t n = send(e->fd, e->out.data + sent, e->out.len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        if (n < 0) {
            break;
        }
        sent += (size_t)n;
    }
    text_drop_front(&e->out, sent);
    bool want = e->out.len > 0;
    if (want != e->watching_writes) {
        e->watching_writes = want;
        loop_watch_set(&e->watch, true, want);
    }
    return true;
}

/* False at the end of the stream, on an error, and when the peer breaks the format. */
static bool read_in(struct engine *e)
{
    char *room = text_reserve(&e->in, READ_BYTES);
    if (!room) {
        return false;
    }
    ssize_t n = recv(e->fd, room, READ_BYTES, 0);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (n == 0) {
        return false;
    }
    e->in.len += (size_t)n;
    size_t used = 0;
    struct frame_header h;
    struct span payload;
    size_t size;
    enum err err;
    while ((err = frame_peek(span_from(text_span(&e->in), used), &h, &payload, &size)) == OK) {
        if (!handle_frame(e, &h, payload)) {
            return false;
        }
        used += size;
    }
    text_drop_front(&e->in, used);
    return err == ERR_CANCELLED;
}

static void on_io(void *user, int fd, bool readable, bool writable)
{
    struct engine *e = user;
    (void)fd;
    if ((readable && !read_in(e)) || (writable && !send_out(e))) {
        disconnect(e, "engine ended");
    }
}

static void try_connect(void *user)
{
    struct engine *e = user;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", e->socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        e->retry_us = MIN(e->retry_us * 2, RETRY_MAX_US);
        loop_timer_start(&e->retry, e->retry_us);
        return;
    }
    e->fd = fd;
    e->retry_us = RETRY_FIRST_US;
    e->watching_writes = false;
    loop_watch_init(&e->watch, e->loop, fd, on_io, e);
    loop_watch_set(&e->watch, true, false);
}

static void tell_changed(void *user)
{
    struct engine *e = user;
    if (e->changed) {
        e->changed(e->user);
    }
}

static void send_frame(struct engine *e, enum frame_type type, uint32_t request,
                       struct span payload)
{
    frame_write(&e->out, type, request, payload);
    if (!send_out(e)) {
        shutdown(
            e->fd,
            SHUT_RDWR); /* on_io() then ends it: nobody is called back from inside a driver call */
    }
}

/* ---- the driver ---- */

static enum err encode(void *driver, struct leg *leg, struct text *out_body, struct fault *fault)
{
    (void)driver;
    const struct request *r = leg_request(leg);
    const struct leg_options *o = leg_options(leg);
    struct json_out w = json_out(out_body);
    json_begin_object(&w);
    json_put_c(&w, "endpoint", r->endpoint == ENDPOINT_COMPLETION ? "completion" : "chat");
    json_put(&w, "key", r->client); /* requests of one key may share computed prefixes */
    json_put_bool(&w, "deterministic", r->options.deterministic);
    json_put_bool(&w, "confidence", o->want_confidence);
    if (r->endpoint == ENDPOINT_COMPLETION) {
        json_put(&w, "prompt", r->prompt);
    }
    if (span_given(o->prefix)) {
        json_put(&w, "prefix", o->prefix);
    }
    json_put_value(&w, "body", r->body);
    json_end_object(&w);
    if (out_body->overflow || out_body->len > FRAME_PAYLOAD_MAX) {
        return fault_set(fault, ERR_TOO_LARGE, "the request is too large for the local engine");
    }
    return OK;
}

static void start(void *driver, struct leg *leg, struct span body)
{
    struct engine *e = driver;
    if (e->fd < 0 || !e->info.up) {
        fail_leg(leg, ERR_NO_BACKEND, e->info.why[0] ? e->info.why : "the engine is not there",
                 false);
        return;
    }
    if (body.len > FRAME_PAYLOAD_MAX ||
        body.len > e->out.max - e->out.len - sizeof(struct frame_header)) {
        fail_leg(leg, ERR_OVERLOADED, "the engine does not keep up", false);
        return;
    }
    struct attempt *a = leg_driver_state(leg);
    a->leg = leg;
    do {
        a->request = ++e->last_request;
    } while (a->request == 0 || find_attempt(e, a->request));
    list_append(&e->attempts[a->request % BUCKETS], &a->link);
    send_frame(e, FRAME_SUBMIT, a->request, body);
}

static void cancel(void *driver, struct leg *leg)
{
    struct engine *e = driver;
    struct attempt *a = leg_driver_state(leg);
    if (a->leg && a->link.next) {
        list_remove(&a->link);
        send_frame(e, FRAME_CANCEL, a->request, SPAN_NONE);
    }
}

static void pause_leg(void *driver, struct leg *leg, bool pause)
{
    struct engine *e = driver;
    struct attempt *a = leg_driver_state(leg);
    if (a->leg && a->link.next) {
        send_frame(e, pause ? FRAME_PAUSE : FRAME_RESUME, a->request, SPAN_NONE);
    }
}

const struct driver_type engine_driver = {
    .name = "engine",
    .state_size = sizeof(struct attempt),
    .encode = encode,
    .start = start,
    .cancel = cancel,
    .pause = pause_leg,
};

/* ---- life ---- */

struct engine *engine_new(struct loop *loop, const struct backend *backend, const char *socket_path,
                          loop_fn *changed, void *user)
{
    struct engine *e = NEW(struct engine);
    PRE(strlen(socket_path) < sizeof e->socket_path);
    e->loop = loop;
    e->backend = backend;
    snprintf(e->socket_path, sizeof e->socket_path, "%s", socket_path);
    e->changed = changed;
    e->user = user;
    e->fd = -1;
    e->retry_us = RETRY_FIRST_US;
    e->info.starting = true;
    snprintf(e->info.why, sizeof e->info.why, "the engine is starting");
    snprintf(e->model, sizeof e->model, "%s", backend->model ? backend->model : "");
    text_init(&e->in, IN_MAX);
    text_init(&e->out, OUT_MAX);
    for (int i = 0; i < BUCKETS; i++) {
        list_init(&e->attempts[i]);
    }
    loop_post_init(&e->changed_post, loop, tell_changed, e);
    loop_timer_init(&e->retry, loop, try_connect, e);
    loop_timer_start(&e->retry, 0);
    return e;
}

void engine_free(struct engine *e)
{
    if (!e) {
        return;
    }
    if (e->fd >= 0) {
        loop_watch_done(&e->watch);
        close(e->fd);
        fail_all(e, "the worker is going down");
    }
    loop_timer_done(&e->retry);
    loop_post_cancel(&e->changed_post);
    text_done(&e->in);
    text_done(&e->out);
    mem_free(e);
}

const struct engine_info *engine_info(const struct engine *e)
{
    return &e->info;
}

void engine_switch(struct engine *e, struct span options_json)
{
    if (e->fd >= 0) {
        send_frame(e, FRAME_SWITCH, 0, options_json);
    }
}

static void switch_if_other(struct engine *e)
{
    const char *path = e->backend->model_path;
    if (!path || (e->info.up && strcmp(path, e->info.path) == 0)) {
        return;
    }
    struct text options;
    text_init(&options, 16 * KIB);
    struct json_out w = json_out(&options);
    json_begin_object(&w);
    json_put_c(&w, "path", path);
    if (e->backend->adapter_path) {
        json_put_c(&w, "adapter", e->backend->adapter_path);
    }
    json_put_int(&w, "context", e->backend->context);
    json_end_object(&w);
    engine_switch(e, text_span(&options));
    text_done(&options);
}

void engine_use(struct engine *e, const struct backend *backend)
{
    e->backend = backend;
    snprintf(e->model, sizeof e->model, "%s", backend->model ? backend->model : "");
    switch_if_other(e);
}
