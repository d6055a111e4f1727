/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker: one event loop with everything a request needs.
 *
 * The happy path is: worker_run() builds the parts in the order of their layers,
 * introduces them to each other, tells the supervisor "ready", and runs until told
 * to drain; then it stops accepting, lets what runs finish (at most DRAIN_US), writes
 * the ledger and returns.
 *
 * What can go wrong: an engine is away (its backend is not usable, engine/ reconnects);
 * a new config does not compile here (the old one stays, the supervisor is told); the
 * supervisor dies (the kernel kills us); draining takes too long (flows are abandoned,
 * their receipts say cancelled).
 */
#include "admin/admin.h"
#include "app/app.h"
#include "app/calibrations.h"
#include "app/control.h"
#include "app/learner.h"
#include "app/load.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "server/inference.h"
#include "strategy/strategy.h"
#include "upstream/upstream.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_US (6 * US_PER_S)
#define LOST_CHECK_US US_PER_S
#define CONTROL_MAX (2 * MIB)

/* A local model's connection; kept for the worker's life, so that running flows never lose it. */
struct engine_slot {
    char name[64];
    struct engine *engine;
    struct config *config; /* whose backend the engine refers to */
    struct driver driver;
};

struct worker {
    struct worker_parts parts;
    struct loop *loop;
    struct ledger *ledger;
    struct upstream *upstream;
    struct driver upstream_driver;
    struct engine_slot engines[BACKENDS_MAX];
    int engines_count;
    struct gateway *gateway;
    struct calibrations_watch calibrations;
    struct learner learner;
    struct server *server;
    struct inference *inference;
    struct admin *admin;
    struct loop_watch control;
    struct text control_in;
    struct loop_timer lost, drain;
    bool draining;
};

/* ---- what the gateway asks of us ---- */

static struct engine_slot *find_engine(struct worker *w, const char *name)
{
    for (int i = 0; i < w->engines_count; i++) {
        if (strcmp(w->engines[i].name, name) == 0) {
            return &w->engines[i];
        }
    }
    return NULL;
}

static const struct driver *driver_of(void *user, const struct backend *b)
{
    struct worker *w = user;
    if (b->api != API_LOCAL) {
        return &w->upstream_driver;
    }
    struct engine_slot *slot = find_engine(w, b->name);
    return slot ? &slot->driver : NULL;
}

static void engine_state(const struct engine_info *info, const struct backend *b,
                         struct backend_state *io)
{
    io->switching = info->up && info->path[0] && strcmp(info->path, b->model_path) != 0;
    if (!info->up) {
        io->usable = false;
        io->dead = !info->starting;
        snprintf(io->why, sizeof io->why, "%.150s", info->why);
    }
    io->context = info->context;
    io->tasks = info->tasks;
    io->demo = info->demo;
    io->tools = info->tools;
    io->json_schema = io->logprobs = true;
    io->images = false;
    io->multiple_choices = info->slots > 1;
    io->tokens_per_s = info->tokens_per_s;
    io->queue = info->queued;
}

static void backend_state_of(void *user, const struct backend *b, struct backend_state *io)
{
    struct worker *w = user;
    if (b->tier == TIER_HUMAN) {
        io->usable = false;
        snprintf(io->why, sizeof io->why, "the human tier is not in this build yet");
        return;
    }
    if (b->api != API_LOCAL) {
        return;
    }
    struct engine_slot *slot = find_engine(w, b->name);
    if (slot) {
        engine_state(engine_info(slot->engine), b, io);
    } else {
        io->usable = false;
        io->dead = true;
        snprintf(io->why, sizeof io->why, "no engine runs for it");
    }
}

/* ---- configs ---- */

static void use_engines(struct worker *w, struct config *c)
{
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        if (b->api != API_LOCAL) {
            continue;
        }
        struct engine_slot *slot = find_engine(w, b->name);
        if (slot) {
            engine_use(slot->engine, b);
            config_unref(slot->config);
            slot->config = config_ref(c);
            continue;
        }
        if (w->engines_count == BACKENDS_MAX) {
            LOG(LOG_ERROR, "engine", "no room for backend %s until a restart", b->name);
            continue;
        }
        slot = &w->engines[w->engines_count++];
        snprintf(slot->name, sizeof slot->name, "%s", b->name);
        struct text path;
        text_init(&path, 200);
        engine_socket_path(w->parts.run_folder, b->name, &path);
        slot->engine = engine_new(w->loop, b, path.data, NULL, NULL);
        slot->driver = (struct driver){&engine_driver, slot->engine};
        slot->config = config_ref(c);
        text_done(&path);
    }
}

static void prepare_upstreams(struct worker *w, const struct config *c)
{
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        struct fault fault;
        if (b->url && upstream_prepare(w->upstream, b, &fault)) {
            LOG(LOG_ERROR, "upstream", "%s: %s", b->name, fault.text);
        }
    }
}

/* `weir calibrate` may have written new thresholds, or another model may make the old ones worthless. */
static void look_at_calibrations(struct worker *w, bool anyway)
{
    gateway_use_calibrations(w->gateway, NULL); /* what it borrows may go */
    calibrations_look(&w->calibrations, gateway_config(w->gateway), anyway);
    gateway_use_calibrations(w->gateway, &w->calibrations.all);
}

static enum err use_config(struct worker *w, struct config *c, struct fault *fault)
{
    struct keys *keys = NULL;
    enum err err = c->keys_file ? keys_load(c->keys_file, &keys, fault) : OK;
    if (!err) {
        err = gateway_configure(w->gateway, c, fault);
    }
    if (err) {
        keys_free(keys);
        return err;
    }
    look_at_calibrations(w, true);
    server_configure(w->server, c, keys);
    use_engines(w, c);
    prepare_upstreams(w, c);
    return OK;
}

static void on_new_config(struct worker *w, struct span yaml)
{
    struct config *c;
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct fault fault = {0};
    enum err err = load_from_bytes(w->parts.options, yaml, &c, &errors);
    if (!err) {
        err = use_config(w, c, &fault);
        config_unref(c);
    }
    if (err) {
        LOG(LOG_ERROR, "config", "kept the old config: %s%s", fault.text, text_span(&errors).data);
        ssize_t ignored = write(w->parts.control_fd, (char[]){CONTROL_FAILED}, 1);
        (void)ignored;
    }
    text_done(&errors);
}

/* ---- draining ---- */

static void on_drained(void *user)
{
    loop_stop(((struct worker *)user)->loop);
}

static void on_drain_late(void *user)
{
    struct worker *w = user;
    LOG(LOG_WARN, "drain", "%d answers did not finish in time", gateway_running(w->gateway));
    loop_stop(w->loop);
}

static void drain(struct worker *w)
{
    if (w->draining) {
        return;
    }
    w->draining = true;
    loop_timer_start(&w->drain, DRAIN_US);
    server_drain(w->server, on_drained, w);
}

/* ---- the supervisor's line ---- */

/* One whole message off the front of the buffer; false when more bytes are needed. */
static bool take_message(struct worker *w)
{
    struct text *in = &w->control_in;
    if (in->len == 0) {
        return false;
    }
    if (in->data[0] == CONTROL_DRAIN) {
        text_drop_front(in, 1);
        drain(w);
        return true;
    }
    uint32_t len;
    if (in->data[0] != CONTROL_CONFIG || in->len < 1 + sizeof len) {
        return false;
    }
    memcpy(&len, in->data + 1, sizeof len);
    if (in->len < 1 + sizeof len + len) {
        return false;
    }
    on_new_config(w, span_of(in->data + 1 + sizeof len, len));
    text_drop_front(in, 1 + sizeof len + len);
    return true;
}

static void on_control(void *user, int fd, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct worker *w = user;
    char chunk[16 * KIB];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n <= 0) { /* the supervisor is gone; so shall we be */
        loop_watch_set(&w->control, false, false);
        drain(w);
        return;
    }
    text_add(&w->control_in, span_of(chunk, (size_t)n));
    while (take_message(w)) {
    }
}

/* Receipts of attempts whose process ended: any live worker writes them. The slot is this worker's until the receipt is
 * on disk, so that its own death in between loses nothing either. */
static void on_lost_check(void *user)
{
    struct worker *w = user;
    struct intent intent;
    int slot;
    while (page_intent_adopt_lost(w->parts.page, w->parts.number, &intent, &slot)) {
        ledger_put_lost_at(w->ledger, &intent, w->parts.page, slot);
        page_count(w->parts.page, w->parts.number, METRIC_LOST, 1);
    }
    look_at_calibrations(w, false);
    learner_tick(&w->learner);
    loop_timer_start(&w->lost, LOST_CHECK_US);
}

/* ---- life ---- */

static enum err build(struct worker *w, struct fault *fault)
{
    const struct config *c = w->parts.config;
    enum err err = ledger_open(
        &(struct ledger_options){
            .path = c->ledger_path,
            .keep_days = c->keep_days,
            .store_prompts = c->store_prompts,
            .key_file = c->ledger_key_file,
            .page = w->parts.page,
            .worker = w->parts.number,
        },
        &w->ledger, fault);
    if (err) {
        return err;
    }
    w->loop = loop_new();
    w->upstream = upstream_new(w->loop, NULL);
    w->upstream_driver = (struct driver){&upstream_driver, w->upstream};
    w->gateway = gateway_new(&(struct gateway_parts){
        .loop = w->loop,
        .page = w->parts.page,
        .ledger = w->ledger,
        .worker = w->parts.number,
        .learning = w->parts.learning,
        .sessions = w->parts.sessions,
        .user = w,
        .driver = driver_of,
        .backend_state = backend_state_of,
        .strategy = strategy_find,
    });
    learner_start(&w->learner, gateway_learning(w->gateway), c->ledger_path, w->parts.number);
    w->server = server_new(w->loop, w->parts.page, w->parts.number);
    w->inference = inference_new(w->server, w->gateway, w->loop);
    w->admin = admin_new(w->server, w->gateway);
    text_init(&w->control_in, CONTROL_MAX);
    loop_watch_init(&w->control, w->loop, w->parts.control_fd, on_control, w);
    loop_watch_set(&w->control, true, false);
    loop_timer_init(&w->lost, w->loop, on_lost_check, w);
    loop_timer_init(&w->drain, w->loop, on_drain_late, w);
    return use_config(w, w->parts.config, fault);
}

static void tear_down(struct worker *w)
{
    if (w->gateway) {
        gateway_abandon(w->gateway);
        for (int i = 0; i < 100 && gateway_running(w->gateway); i++) {
            loop_run_once(w->loop, US_PER_MS); /* flows free themselves in the next round */
        }
    }
    learner_stop(&w->learner);
    ledger_close(w->ledger);
    page_worker_end(w->parts.page, w->parts.number);
}

int worker_run(const struct worker_parts *parts)
{
    struct worker *w = NEW(struct worker);
    w->parts = *parts;
    page_worker_begin(parts->page, parts->number, getpid());
    struct fault fault = {0};
    if (build(w, &fault)) {
        LOG(LOG_ERROR, "worker", "%s", fault.text);
        return 1;
    }
    for (int i = 0; i < parts->listeners; i++) {
        server_listen(w->server, parts->listener_fds[i]);
    }
    on_lost_check(w);
    ssize_t ignored = write(parts->control_fd, (char[]){CONTROL_READY}, 1);
    (void)ignored;
    loop_run(w->loop);
    tear_down(w);
    return 0; /* the process ends here: the kernel frees the rest faster than we would */
}
