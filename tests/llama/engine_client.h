/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's end of an engine process, for tests: the process is forked from the
 * test and serves a generated model; requests are sent as frames and their
 * answers collected.
 */
#ifndef WEIR_TESTS_ENGINE_CLIENT_H
#define WEIR_TESTS_ENGINE_CLIENT_H

#include "base/clock.h"
#include "core/delta.h"
#include "engine/frames.h"
#include "llama/llama_process.h"
#include "testmodel.h"
#include "json/json.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ENGINE_WAIT_US (20 * US_PER_S)

struct engine_process {
    char folder[64], socket[96], model[96];
    struct backend backend;
    int listener;
    pid_t pid;
};

static inline void engine_process_start(struct engine_process *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", e->socket);
    e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(e->listener >= 0);
    unlink(e->socket);
    assert_int_equal(bind(e->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(e->listener, 16), 0);
    pid_t parent = getpid();
    e->pid = fork();
    assert_true(e->pid >= 0);
    if (e->pid == 0) {
        struct llama_process_options o = {&e->backend, e->listener, parent};
        exit(llama_process_run(&o));
    }
    close(e->listener);
}

/* `m` NULL: no file is written. */
static inline void engine_process_make(struct engine_process *e, const struct testmodel *m,
                                       int slots)
{
    snprintf(e->folder, sizeof e->folder, "/tmp/weir-engine-XXXXXX");
    assert_non_null(mkdtemp(e->folder));
    snprintf(e->socket, sizeof e->socket, "%s/engine", e->folder);
    snprintf(e->model, sizeof e->model, "%s/model.gguf", e->folder);
    if (m) {
        assert_int_equal(testmodel_write(m, e->model), 0);
    }
    e->backend = (struct backend){.name = "device",
                                  .model = "model",
                                  .model_path = e->model,
                                  .slots = slots,
                                  .threads = 1,
                                  .gpu_layers = GPU_OFF,
                                  .context = m ? m->context : 0};
    engine_process_start(e);
}

static inline void engine_process_stop(struct engine_process *e)
{
    kill(e->pid, SIGKILL);
    waitpid(e->pid, NULL, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", e->folder);
    assert_int_equal(system(command), 0);
}

struct answer_got {
    uint32_t request;
    struct text text[8], reasoning, arguments, logprobs;
    char tool_name[64], tool_id[64];
    int deltas, tool_calls;
    bool ended, has_stats;
    uint64_t first_us, last_us, ended_us, widest_gap_us;
    struct frame_stats stats;
    struct frame_end end;
    char end_text[400];
};

struct client {
    int fd;
    struct text in;
    struct text hello;
    int hellos;
    uint32_t last_request;
    struct answer_got *answers[64];
    int answers_count;
};

static inline void client_connect(struct client *c, const struct engine_process *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", e->socket);
    *c = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
    text_init(&c->in, 64 * MIB);
    text_init(&c->hello, MIB);
}

static inline void answer_got_free(struct answer_got *a)
{
    for (int i = 0; i < 8; i++) {
        text_done(&a->text[i]);
    }
    text_done(&a->reasoning);
    text_done(&a->arguments);
    text_done(&a->logprobs);
    mem_free(a);
}

static inline void client_close(struct client *c)
{
    close(c->fd);
    for (int i = 0; i < c->answers_count; i++) {
        answer_got_free(c->answers[i]);
    }
    text_done(&c->in);
    text_done(&c->hello);
}

static inline void client_frame(struct client *c, enum frame_type type, uint32_t request,
                                struct span payload)
{
    struct text out;
    text_init(&out, 64 * MIB);
    frame_write(&out, type, request, payload);
    assert_int_equal(send(c->fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    text_done(&out);
}

static inline struct answer_got *client_submit(struct client *c, const char *json)
{
    struct answer_got *a = NEW(struct answer_got);
    a->request = ++c->last_request;
    for (int i = 0; i < 8; i++) {
        text_init(&a->text[i], MIB);
    }
    text_init(&a->reasoning, MIB);
    text_init(&a->arguments, MIB);
    text_init(&a->logprobs, MIB);
    assert_true(c->answers_count < 64);
    c->answers[c->answers_count++] = a;
    client_frame(c, FRAME_SUBMIT, a->request, span_c(json));
    return a;
}

static inline struct answer_got *client_find(struct client *c, uint32_t request)
{
    for (int i = 0; i < c->answers_count; i++) {
        if (c->answers[i]->request == request) {
            return c->answers[i];
        }
    }
    fail_msg("frame for request %u, which nobody made", request);
    return NULL;
}

static inline void client_delta(struct answer_got *a, struct span payload)
{
    struct frame_delta d;
    memcpy(&d, payload.data, sizeof d);
    const char *at = payload.data + sizeof d;
    struct span text = span_of(at, d.text_bytes);
    assert_true(span_utf8_valid(text));
    uint64_t now = clock_now_us();
    a->widest_gap_us = a->deltas ? MAX(a->widest_gap_us, now - a->last_us) : 0;
    a->first_us = a->deltas++ ? a->first_us : now;
    a->last_us = now;
    struct text *to = d.kind == DELTA_TEXT        ? &a->text[d.choice]
                      : d.kind == DELTA_REASONING ? &a->reasoning
                                                  : &a->arguments;
    text_add(to, text);
    at += d.text_bytes;
    if (d.id_bytes) {
        a->tool_calls++;
        snprintf(a->tool_id, sizeof a->tool_id, "%.*s", (int)d.id_bytes, at);
        snprintf(a->tool_name, sizeof a->tool_name, "%.*s", (int)d.name_bytes, at + d.id_bytes);
    }
    at += d.id_bytes + d.name_bytes;
    text_add(&a->logprobs, span_of(at, d.logprobs_bytes));
}

static inline void client_handle(struct client *c, const struct frame_header *h,
                                 struct span payload)
{
    if (h->type == FRAME_HELLO) {
        c->hellos++;
        text_clear(&c->hello);
        text_add(&c->hello, payload);
        return;
    }
    if (h->type == FRAME_LOAD) {
        return;
    }
    struct answer_got *a = client_find(c, h->request);
    if (h->type == FRAME_DELTA) {
        client_delta(a, payload);
    } else if (h->type == FRAME_STATS) {
        struct frame_stats s;
        memcpy(&s, payload.data, sizeof s);
        assert_true(!a->has_stats ||
                    s.p <= a->stats.p + 1e-9); /* what ran before was an upper bound */
        a->stats = s;
        a->has_stats = true;
    } else {
        assert_int_equal(h->type, FRAME_END);
        assert_false(a->ended);
        memcpy(&a->end, payload.data, sizeof a->end);
        snprintf(a->end_text, sizeof a->end_text, "%.*s", (int)a->end.text_bytes,
                 payload.data + sizeof a->end);
        a->ended = true;
        a->ended_us = clock_now_us();
    }
}

/* One read; false at the end of the stream. */
static inline bool client_read(struct client *c, int wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0) {
        return true;
    }
    char *room = text_reserve(&c->in, 65536);
    ssize_t n = recv(c->fd, room, 65536, 0);
    if (n <= 0) {
        return false;
    }
    c->in.len += (size_t)n;
    struct frame_header h;
    struct span payload;
    size_t size;
    enum err err;
    while ((err = frame_peek(text_span(&c->in), &h, &payload, &size)) == OK) {
        client_handle(c, &h, payload);
        text_drop_front(&c->in, size);
    }
    assert_int_equal(err, ERR_CANCELLED);
    return true;
}

static inline void client_wait(struct client *c, struct answer_got *a)
{
    uint64_t until = clock_now_us() + ENGINE_WAIT_US;
    while (!a->ended && clock_now_us() < until) {
        assert_true(client_read(c, 100));
    }
    assert_true(a->ended);
}

/* Until a HELLO says `word`. */
static inline void client_wait_hello(struct client *c, const char *word)
{
    uint64_t until = clock_now_us() + ENGINE_WAIT_US;
    while (clock_now_us() < until) {
        if (c->hello.len && strstr(c->hello.data, word)) {
            return;
        }
        assert_true(client_read(c, 100));
    }
    fail_msg("no HELLO with %s, only %s", word, c->hello.data ? c->hello.data : "none");
}

static inline struct answer_got *client_ask(struct client *c, const char *json)
{
    struct answer_got *a = client_submit(c, json);
    client_wait(c, a);
    return a;
}

#endif
