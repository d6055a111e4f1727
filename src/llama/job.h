/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: one request inside the engine process, and the mailbox through which
 * the decode thread tells the I/O thread about it.
 *
 * Life: the I/O thread makes it (template, tokens, parameters) and puts it into
 * its core's queue; from then on the decode thread owns it, until NEWS_END gives
 * it back; the I/O thread then writes the END frame and frees it. In between the I/O
 * thread touches nothing but `io` and `shared`.
 */
#ifndef WEIR_LLAMA_JOB_H
#define WEIR_LLAMA_JOB_H

#include "base/arena.h"
#include "base/list.h"
#include "engine/frames.h"
#include "llama/chat_shim.h"
#include "llama/params.h"

#include <pthread.h>
#include <stdatomic.h>

struct core;
struct conn;

struct job {
    struct arena *arena; /* the job's, and all its strings */
    struct core *core;
    uint32_t request;
    struct params params;
    struct chat_prompt *prompt; /* grammar and parser; NULL for a raw completion */
    struct span key;            /* whose computed prefixes may be shared */
    int32_t *tokens;            /* the prompt */
    int tokens_count;
    bool deterministic;
    bool wants_stats;
    bool *show_special;    /* by token: its text matters to the parser; NULL = none does */
    struct {               /* the I/O thread's */
        struct link link;  /* in its connection */
        struct conn *conn; /* NULL: it left */
        struct chat_parser *parsers[CHOICES_MAX];
        bool has_parsers, bad_tool_call;
        int64_t reasoning_tokens;
    } io;
    struct {
        atomic_bool cancelled, paused;
    } shared;
    struct { /* the decode thread's; the I/O thread reads it after NEWS_END */
        struct frame_end end;
        struct frame_stats stats;
        struct fault fault;
        int runs_open;
        uint64_t started_us;
    } result;
};

/* Fills a job that has arena, core and request. `submit` is the payload's JSON: {endpoint, key, deterministic,
 * confidence, prompt, prefix, body}. ERR_INVALID or ERR_CONTEXT_LENGTH with a sentence for the client. */
enum err job_read(struct job *job, const struct json *submit, struct fault *fault) MUST_USE;
void job_free(struct job *job);

/* ---- news from decode threads ---- */

enum news_kind {
    NEWS_TEXT,   /* job: text (and logprobs) of a choice */
    NEWS_STATS,  /* job: payload is a struct frame_stats */
    NEWS_END,    /* job: it is the I/O thread's again */
    NEWS_LOADED, /* core: it serves */
    NEWS_FAILED, /* core: it cannot be loaded, core->fault says why */
    NEWS_GONE,   /* core: its thread ended */
};

struct news {
    uint8_t kind;
    uint8_t choice;
    uint32_t text_bytes, logprobs_bytes; /* follow */
    struct job *job;
    struct core *core;
};

struct mailbox {
    int wake_fd; /* eventfd: readable when there is news */
    struct {
        pthread_mutex_t lock;
        struct text news;
    } shared;
};

void mailbox_init(struct mailbox *m);
void mailbox_done(struct mailbox *m);
/* Appends what `batch` holds and empties it: one lock and one wake-up for a whole decode step. */
void mailbox_post(struct mailbox *m, struct text *batch);
/* Swaps all news into `into`, which must be empty. */
void mailbox_take(struct mailbox *m, struct text *into);
void news_write(struct text *batch, const struct news *n, struct span text, struct span logprobs);

#endif
