/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O thread.
 *
 * The happy path is: a worker connects and gets HELLO; its SUBMIT becomes a job
 * (template, tokens, parameters) and goes to the core; the core's news become
 * DELTA, STATS and END frames, all of one decode step in one write.
 *
 * What can go wrong:
 * - no model stands (bad file, still loading): HELLO says up:false and why, a
 *   SUBMIT ends at once;
 * - the request cannot be rendered or is too long: END with the reason;
 * - too many jobs: END with ERR_OVERLOADED, before any work was put into it;
 * - a worker goes away or breaks the format: its jobs are cancelled, they are
 *   freed when the core gives them back;
 * - a worker does not read: bytes wait up to OUT_MAX, then it is hung up on;
 * - SWITCH to a bad file: HELLO again, with `switch_error`, on the old model;
 * - SIGTERM: no new jobs, what runs may end within 5 s.
 */
#include "llama/llama_process.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/delta.h"
#include "core/types.h"
#include "llama/answer.h"
#include "llama/core.h"
#include "json/json.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX (FRAME_PAYLOAD_MAX + 64 * KIB)
#define OUT_MAX (64 * MIB)
#define READ_BYTES (64 * KIB)
#define LOAD_EVERY_US (250u * US_PER_MS)
#define DRAIN_US (5u * US_PER_S)
enum { CONNS_MAX = 256, CORES_MAX = 4, QUEUED_MAX = 256 };

struct conn {
    int fd; /* -1 = free */
    struct text in, out;
    struct link jobs;
};

struct process {
    const struct llama_process_options *o;
    struct mailbox mailbox;
    struct text news;
    struct conn conns[CONNS_MAX];
    struct core *current; /* takes new jobs; NULL = no model stands */
    struct core *loading; /* the next one */
    int cores;            /* all that live */
    int jobs;             /* all that live */
    struct wish {         /* the last SWITCH, when it came while something was loading */
        char *path, *adapter;
        int64_t context;
    } wish;
    struct fault why; /* no model stands */
    char switch_error[400];
    uint64_t load_sent_us, drain_until_us;
    bool was_busy;
};

static volatile sig_atomic_t told_to_end;

static void on_signal(int signal_number)
{
    (void)signal_number;
    told_to_end = 1;
}

/* ---- frames out ---- */

static void hang_up(struct process *p, struct conn *c)
{
    (void)p;
    LIST_EACH (it, &c->jobs) {
        struct job *job = CONTAINER_OF(it, struct job, io.link);
        list_remove(&job->io.link);
        job->io.conn = NULL;
        atomic_store(&job->shared.cancelled, true);
    }
    close(c->fd);
    c->fd = -1;
    text_done(&c->in);
    text_done(&c->out);
}

static void send_out(struct process *p, struct conn *c)
{
    size_t sent = 0;
    while (sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN && !c->out.overflow) {
            break;
        }
        if (n < 0) {
            hang_up(p, c);
            return;
        }
        sent += (size_t)n;
    }
    text_drop_front(&c->out, sent);
}

static void write_delta(struct conn *c, uint32_t request, const struct frame_delta *d,
                        const struct span parts[4])
{
    size_t bytes = sizeof *d;
    for (int i = 0; i < 4; i++) {
        bytes += parts[i].len;
    }
    struct frame_header h = {
        .length = (uint32_t)bytes,
        .version = FRAME_VERSION,
        .type = FRAME_DELTA,
        .request = request,
    };
    text_add(&c->out, span_of((const char *)&h, sizeof h));
    text_add(&c->out, span_of((const char *)d, sizeof *d));
    for (int i = 0; i < 4; i++) {
        text_add(&c->out, parts[i]);
    }
}

static void send_delta(struct job *job, enum delta_kind kind, int choice, int tool_index,
                       struct span text, struct span id, struct span name, struct span logprobs)
{
    struct frame_delta d = {
        .kind = (uint8_t)kind,
        .choice = (uint8_t)choice,
        .tool_index = (uint8_t)tool_index,
        .text_bytes = (uint32_t)text.len,
        .id_bytes = (uint32_t)id.len,
        .name_bytes = (uint32_t)name.len,
        .logprobs_bytes = (uint32_t)logprobs.len,
    };
    const struct span parts[4] = {text, id, name, logprobs};
    write_delta(job->io.conn, job->request, &d, parts);
}

static void send_end(struct conn *c, uint32_t request, struct frame_end *end, const char *text)
{
    char payload[sizeof *end + sizeof(((struct fault *)0)->text)];
    end->text_bytes = (uint32_t)strlen(text);
    memcpy(payload, end, sizeof *end);
    memcpy(payload + sizeof *end, text, end->text_bytes);
    frame_write(&c->out, FRAME_END, request, span_of(payload, sizeof *end + end->text_bytes));
}

static void refuse(struct conn *c, uint32_t request, enum err err, const char *text)
{
    struct frame_end end = {.err = (uint8_t)err,
                            .input_tokens = -1,
                            .output_tokens = 0,
                            .cached_tokens = -1,
                            .reasoning_tokens = -1};
    send_end(c, request, &end, text);
}

/* ---- HELLO and LOAD ---- */

static void put_tasks(struct json_out *w, const char *tasks)
{
    json_key(w, "tasks");
    json_begin_array(w);
    struct span rest = span_c(tasks);
    while (rest.len) {
        struct span name = span_trim(span_cut(&rest, ','));
        enum task task;
        if (task_from(name, &task)) {
            json_string(w, name);
        }
    }
    json_end_array(w);
}

static struct span file_of(const char *path)
{
    struct span name = span_c(strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    name.len -= span_ends(name, SPAN(".gguf")) ? 5 : 0;
    return name;
}

static void put_model(struct json_out *w, const struct core *core)
{
    const struct gguf_facts *f = &core->facts;
    json_put_c(w, "model", f->name);
    json_put_c(w, "path", core->options.model_path);
    json_put(w, "file", file_of(core->options.model_path));
    json_put_c(w, "quantisation", f->quantisation);
    json_put_int(w, "context", core->context_tokens);
    json_put_int(w, "slots", core->options.slots);
    put_tasks(w, f->tasks);
    json_put_bool(w, "demo", f->demo);
    json_put_bool(w, "tools", core->chat && chat_can_tools(core->chat));
    json_put_bool(w, "template_tools", core->chat && chat_has_tools(core->chat));
    json_put_bool(w, "deterministic", true);
    json_put_bool(w, "probe", judge_calibrated(core->judge));
    json_put_int(w, "bytes", f->file_bytes);
    json_put_number(w, "load_ms", core->load_ms);
    json_put_c(w, "devices", core->devices);
    json_put_int(w, "gpu_layers", core->gpu_layers);
    json_put_int(w, "threads", core->threads);
    json_put_c(w, "warning",
               core->chat ? core->warning
                          : "the model's chat template does not work: completions only");
}

static void send_hello(struct process *p, struct conn *c)
{
    struct text json;
    text_init(&json, 64 * KIB);
    struct json_out w = json_out(&json);
    json_begin_object(&w);
    json_put_bool(&w, "up", p->current != NULL);
    json_put_bool(&w, "loading", !p->current && p->loading);
    json_put_c(&w, "why", p->current ? "" : p->why.text);
    json_put_c(&w, "switch_error", p->switch_error);
    if (p->current) {
        put_model(&w, p->current);
    }
    json_end_object(&w);
    frame_write(&c->out, FRAME_HELLO, 0, text_span(&json));
    text_done(&json);
}

static void hello_all(struct process *p)
{
    for (int i = 0; i < CONNS_MAX; i++) {
        if (p->conns[i].fd >= 0) {
            send_hello(p, &p->conns[i]);
        }
    }
}

static uint64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long long size = 0;
    unsigned long long resident = 0;
    if (f) {
        int n = fscanf(f, "%llu %llu", &size, &resident);
        (void)n;
        fclose(f);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A few times a second while something runs, and once when it has become quiet. */
static void send_load(struct process *p, uint64_t now)
{
    bool busy = p->jobs > 0;
    if (!p->current || (!busy && !p->was_busy) || (busy && now - p->load_sent_us < LOAD_EVERY_US)) {
        return;
    }
    p->load_sent_us = now;
    p->was_busy = busy;
    struct core *core = p->current;
    unsigned running = atomic_load(&core->shared.running);
    struct frame_load l = {
        .running = busy ? running : 0,
        .queued = (uint32_t)queue_count(&core->queue) + atomic_load(&core->shared.waiting),
        .slots = (uint32_t)core->options.slots,
        .tokens_per_s = atomic_load(&core->shared.tokens_per_s),
        .prompt_tokens_per_s = atomic_load(&core->shared.prompt_tokens_per_s),
        .memory_bytes = resident_bytes(),
    };
    for (int i = 0; i < CONNS_MAX; i++) {
        if (p->conns[i].fd >= 0) {
            frame_write(&p->conns[i].out, FRAME_LOAD, 0, span_of((const char *)&l, sizeof l));
        }
    }
}

/* ---- SUBMIT ---- */

static void submit(struct process *p, struct conn *c, uint32_t request, struct span payload)
{
    struct core *core = p->current;
    if (!core || told_to_end) {
        refuse(c, request, ERR_NO_BACKEND, core ? "the engine is going down" : p->why.text);
        return;
    }
    if (queue_count(&core->queue) >= QUEUED_MAX) {
        refuse(c, request, ERR_OVERLOADED, "too many requests wait for the local model");
        return;
    }
    struct arena *arena = arena_new();
    struct job *job = ARENA_NEW(arena, struct job);
    job->arena = arena;
    job->core = core;
    job->request = request;
    const struct json *root;
    struct fault fault = {0};
    enum err err = json_parse_in(arena, payload, &root, &fault);
    err = err ? err : job_read(job, root, &fault);
    if (!err && !core_submit(core, job)) {
        err = fault_set(&fault, ERR_OVERLOADED, "too many requests wait for the local model");
    }
    if (err) {
        refuse(c, request, err, fault.text);
        job_free(job);
        return;
    }
    job->io.conn = c;
    list_append(&c->jobs, &job->io.link);
    core->io.jobs++;
    p->jobs++;
}

/* ---- news from the cores ---- */

struct piece_target {
    struct job *job;
    int choice;
    struct span logprobs; /* go with the first piece */
    bool reasoning;       /* set by a piece of it */
};

static void on_piece(void *user, const struct chat_piece *piece)
{
    struct piece_target *t = user;
    static const enum delta_kind kinds[] = {
        [CHAT_TEXT] = DELTA_TEXT,
        [CHAT_REASONING] = DELTA_REASONING,
        [CHAT_TOOL] = DELTA_TOOL_CALL,
    };
    struct text
        clean; /* what a parser made of valid text is valid, but for cuts inside characters */
    text_init(&clean, 64 * MIB);
    utf8_clean(&clean, span_of(piece->text, piece->text_len));
    send_delta(t->job, kinds[piece->kind], t->choice, piece->tool_index, text_span(&clean),
               piece->tool_id ? span_c(piece->tool_id) : SPAN(""),
               piece->tool_name ? span_c(piece->tool_name) : SPAN(""),
               piece->kind == CHAT_TEXT ? t->logprobs : SPAN(""));
    t->reasoning = t->reasoning || piece->kind == CHAT_REASONING;
    if (piece->kind == CHAT_TEXT) {
        t->logprobs = SPAN("");
    }
    text_done(&clean);
}

static void on_text(struct news *n, struct span text, struct span entries)
{
    struct job *job = n->job;
    if (!job->io.conn) {
        return;
    }
    struct text logprobs;
    text_init(&logprobs, 64 * MIB);
    if (entries.len) {
        text_add_char(&logprobs, '[');
        text_add(&logprobs, entries);
        text_add_char(&logprobs, ']');
    }
    if (job->io.has_parsers) {
        struct piece_target t = {job, n->choice, text_span(&logprobs), false};
        chat_parser_feed(job->io.parsers[n->choice], text.data, text.len, on_piece, &t);
        job->io.reasoning_tokens += t.reasoning; /* a text is a token, but for those held back */
    } else {
        send_delta(job, DELTA_TEXT, n->choice, 0, text, SPAN(""), SPAN(""), text_span(&logprobs));
    }
    text_done(&logprobs);
}

/* The parsers' last pieces, and what the calls mean for the finish reason. */
static void end_parsers(struct job *job)
{
    for (int i = 0; i < job->params.n; i++) {
        struct piece_target t = {job, i, SPAN(""), false};
        bool complete = chat_parser_end(job->io.parsers[i], on_piece, &t);
        uint8_t *finish = &job->result.end.finish[i];
        int calls = chat_parser_tool_calls(job->io.parsers[i]);
        job->io.bad_tool_call = job->io.bad_tool_call || !complete;
        if (calls > 0 && *finish == FINISH_STOP) {
            *finish = FINISH_TOOL_CALLS;
        }
    }
}

static void on_stats(struct job *job, struct span payload)
{
    struct frame_stats s;
    memcpy(&s, payload.data, sizeof s);
    if (s.final && job->io.has_parsers && job->io.conn) {
        end_parsers(job); /* before the statistics, which must know whether a call parsed */
        if (job->io.bad_tool_call) {
            s.bad_tool_call = 1;
            s.p = 0;
        }
    }
    if (job->io.conn) {
        frame_write(&job->io.conn->out, FRAME_STATS, job->request,
                    span_of((const char *)&s, sizeof s));
    }
}

static void on_end(struct process *p, struct job *job)
{
    struct conn *c = job->io.conn;
    if (c) {
        if (job->io.has_parsers && !job->wants_stats && job->result.end.err == OK) {
            end_parsers(job);
        }
        job->result.end.reasoning_tokens = job->io.reasoning_tokens;
        send_end(c, job->request, &job->result.end,
                 job->result.end.err ? job->result.fault.text : "");
        list_remove(&job->io.link);
    }
    job->core->io.jobs--;
    p->jobs--;
    job_free(job);
}

static void on_loaded(struct process *p, struct core *core)
{
    core->io.loaded = true;
    p->loading = NULL;
    p->switch_error[0] = 0;
    if (p->current) {
        core_close(p->current); /* ends what it has, then NEWS_GONE */
    }
    p->current = core;
    if (core->warning[0]) {
        LOG(LOG_WARN, "engine", "%s", core->warning);
    }
    LOG(LOG_INFO, "engine", "%s (%s) loaded in %.0f ms, context %lld, %d slots, %d threads",
        core->facts.name, core->facts.quantisation, core->load_ms, (long long)core->context_tokens,
        core->options.slots, core->threads);
    hello_all(p);
}

static void on_failed(struct process *p, struct core *core)
{
    LOG(LOG_ERROR, "engine", "%s", core->fault.text);
    if (p->current) {
        snprintf(p->switch_error, sizeof p->switch_error, "%s", core->fault.text);
    } else {
        p->why = core->fault;
    }
    p->loading = NULL;
    p->cores--;
    core_free(core);
    hello_all(p);
}

static void on_news(struct process *p, struct news *n, struct span text, struct span logprobs)
{
    switch ((enum news_kind)n->kind) {
    case NEWS_TEXT:
        on_text(n, text, logprobs);
        break;
    case NEWS_STATS:
        on_stats(n->job, text);
        break;
    case NEWS_END:
        on_end(p, n->job);
        break;
    case NEWS_LOADED:
        on_loaded(p, n->core);
        break;
    case NEWS_FAILED:
        on_failed(p, n->core);
        break;
    case NEWS_GONE:
        p->cores--;
        core_free(n->core);
        break;
    }
}

static void take_news(struct process *p)
{
    mailbox_take(&p->mailbox, &p->news);
    struct span rest = text_span(&p->news);
    while (rest.len) {
        struct news n;
        memcpy(&n, rest.data, sizeof n);
        rest = span_from(rest, sizeof n);
        struct span text = span_first(rest, n.text_bytes);
        rest = span_from(rest, n.text_bytes);
        struct span logprobs = span_first(rest, n.logprobs_bytes);
        rest = span_from(rest, n.logprobs_bytes);
        on_news(p, &n, text, logprobs);
    }
    text_clear(&p->news);
}

/* ---- frames in ---- */

static struct job *find_job(struct conn *c, uint32_t request)
{
    LIST_EACH (it, &c->jobs) {
        struct job *job = CONTAINER_OF(it, struct job, io.link);
        if (job->request == request) {
            return job;
        }
    }
    return NULL;
}

static void start_core(struct process *p, const char *model, const char *adapter, int64_t context)
{
    const struct backend *b = p->o->backend;
    struct core_options o = {
        .model_path = model,
        .adapter_path = adapter,
        .context = context,
        .slots = b->slots,
        .threads = b->threads,
        .gpu_layers = b->gpu_layers,
        .mailbox = &p->mailbox,
    };
    p->loading = core_start(&o);
    p->cores++;
}

static char *copy_c(const char *s)
{
    return s ? memcpy(mem_new(strlen(s) + 1), s, strlen(s)) : NULL;
}

static void drop_wish(struct process *p)
{
    mem_free(p->wish.path);
    mem_free(p->wish.adapter);
    p->wish = (struct wish){0};
}

static bool is_same(const struct core *core, const char *path, const char *adapter, int64_t context)
{
    const char *has = core->options.adapter_path;
    return strcmp(core->options.model_path, path) == 0 && core->options.context == context &&
           (adapter && has ? strcmp(adapter, has) == 0 : adapter == has);
}

/* Several workers may wish for the same; while one model is loading the last wish waits. */
static void switch_to(struct process *p, const char *path, const char *adapter, int64_t context)
{
    struct core *newest = p->loading ? p->loading : p->current;
    if (newest && is_same(newest, path, adapter, context)) {
        drop_wish(p);
    } else if (p->loading || p->cores >= CORES_MAX) {
        drop_wish(p);
        p->wish = (struct wish){copy_c(path), copy_c(adapter), context};
    } else {
        start_core(p, path, adapter, context);
    }
}

static void switch_model(struct process *p, struct span payload)
{
    struct arena *arena = arena_new();
    const struct json *root;
    const char *path = NULL;
    if (json_parse_in(arena, payload, &root, NULL) == OK) {
        path = arena_c(arena, json_str(json_get(root, "path")));
    }
    if (path) {
        switch_to(p, path, arena_c(arena, json_str(json_get(root, "adapter"))),
                  json_i64_or(json_get(root, "context"), 0));
    } else {
        snprintf(p->switch_error, sizeof p->switch_error, "no path given");
        hello_all(p);
    }
    arena_free(arena);
}

static void grant_wish(struct process *p)
{
    if (p->wish.path && !p->loading && p->cores < CORES_MAX) {
        struct wish wish = p->wish;
        p->wish = (struct wish){0};
        switch_to(p, wish.path, wish.adapter, wish.context);
        mem_free(wish.path);
        mem_free(wish.adapter);
    }
}

static bool handle_frame(struct process *p, struct conn *c, const struct frame_header *h,
                         struct span payload)
{
    struct job *job = find_job(c, h->request);
    switch (h->type) {
    case FRAME_SUBMIT:
        if (job) {
            return false; /* the number is in use */
        }
        submit(p, c, h->request, payload);
        return true;
    case FRAME_CANCEL:
        if (job) { /* the worker has forgotten it: no END */
            atomic_store(&job->shared.cancelled, true);
            list_remove(&job->io.link);
            job->io.conn = NULL;
        }
        return true;
    case FRAME_PAUSE:
    case FRAME_RESUME:
        if (job) {
            atomic_store(&job->shared.paused, h->type == FRAME_PAUSE);
        }
        return true;
    case FRAME_SWITCH:
        switch_model(p, payload);
        return true;
    default:
        return false;
    }
}

static void read_in(struct process *p, struct conn *c)
{
    char *room = text_reserve(&c->in, READ_BYTES);
    ssize_t n = room ? recv(c->fd, room, READ_BYTES, MSG_DONTWAIT) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        hang_up(p, c);
        return;
    }
    c->in.len += (size_t)n;
    size_t used = 0;
    struct frame_header h;
    struct span payload;
    size_t size;
    enum err err;
    while ((err = frame_peek(span_from(text_span(&c->in), used), &h, &payload, &size)) == OK) {
        if (!handle_frame(p, c, &h, payload)) {
            err = ERR_INVALID;
            break;
        }
        used += size;
    }
    if (err != ERR_CANCELLED) {
        LOG(LOG_WARN, "engine", "a worker broke the frame format: hung up");
        hang_up(p, c);
        return;
    }
    text_drop_front(&c->in, used);
}

static void accept_all(struct process *p)
{
    for (;;) {
        int fd = accept4(p->o->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        struct conn *c = NULL;
        for (int i = 0; i < CONNS_MAX && !c; i++) {
            c = p->conns[i].fd < 0 ? &p->conns[i] : NULL;
        }
        if (!c) {
            close(fd);
            continue;
        }
        c->fd = fd;
        text_init(&c->in, IN_MAX);
        text_init(&c->out, OUT_MAX);
        list_init(&c->jobs);
        send_hello(p, c);
    }
}

/* ---- the loop ---- */

static bool must_end(struct process *p, uint64_t now)
{
    if (getppid() != p->o->parent_pid && p->o->parent_pid) {
        return true;
    }
    if (!told_to_end) {
        return false;
    }
    p->drain_until_us = p->drain_until_us ? p->drain_until_us : now + DRAIN_US;
    return p->jobs == 0 || now >= p->drain_until_us;
}

static void poll_once(struct process *p)
{
    struct pollfd fds[CONNS_MAX + 2];
    int who[CONNS_MAX + 2];
    nfds_t count = 0;
    fds[count++] = (struct pollfd){.fd = p->o->listener_fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = p->mailbox.wake_fd, .events = POLLIN};
    for (int i = 0; i < CONNS_MAX; i++) {
        struct conn *c = &p->conns[i];
        if (c->fd >= 0) {
            who[count] = i;
            fds[count++] = (struct pollfd){.fd = c->fd,
                                           .events = (short)(POLLIN | (c->out.len ? POLLOUT : 0))};
        }
    }
    if (poll(fds, count, p->jobs ? 100 : 500) <= 0) {
        return;
    }
    if (fds[1].revents) {
        take_news(p);
    }
    for (nfds_t i = 2; i < count; i++) {
        struct conn *c = &p->conns[who[i]];
        if (c->fd == fds[i].fd && (fds[i].revents & ~POLLOUT)) {
            read_in(p, c);
        }
    }
    if (fds[0].revents) {
        accept_all(p);
    }
}

static void set_signals(const struct llama_process_options *o)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the supervisor's business */
    signal(SIGHUP, SIG_IGN);
    if (o->parent_pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
}

int llama_process_run(const struct llama_process_options *options)
{
    PRE(options->backend->model_path);
    struct process *p = NEW(struct process);
    p->o = options;
    set_signals(options);
    mailbox_init(&p->mailbox);
    text_init(&p->news, 256 * MIB);
    for (int i = 0; i < CONNS_MAX; i++) {
        p->conns[i].fd = -1;
    }
    (void)fault_set(&p->why, ERR_NO_BACKEND, "the model is being loaded");
    core_process_init();
    start_core(p, options->backend->model_path, options->backend->adapter_path,
               options->backend->context);
    for (uint64_t now = clock_now_us(); !must_end(p, now); now = clock_now_us()) {
        poll_once(p);
        grant_wish(p);
        send_load(p, now);
        for (int i = 0; i < CONNS_MAX; i++) {
            if (p->conns[i].fd >= 0 && p->conns[i].out.len) {
                send_out(p, &p->conns[i]);
            }
        }
    }
    _exit(
        0); /* the decode thread may be in the middle of a step; the kernel frees all of it at once */
}
