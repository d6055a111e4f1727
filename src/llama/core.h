/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core: one model with its context and the one thread that decodes on it.
 *
 * core_start() loads in the core's own thread and posts NEWS_LOADED or
 * NEWS_FAILED; what stands under "after NEWS_LOADED" is immutable from then on.
 * Jobs go in through core_submit(). core_close() lets it finish what it has and
 * then post NEWS_GONE, after which core_free() is due.
 *
 * Switching models is two cores side by side for a while: the old one closed,
 * the new one taking all new jobs.
 */
#ifndef WEIR_LLAMA_CORE_H
#define WEIR_LLAMA_CORE_H

#include "base/queue.h"
#include "engine/gguf.h"
#include "llama/job.h"
#include "llama/judge.h"

#include "llama.h"

#define SLOTS_MAX 64

struct core_options {
    const char *model_path;   /* copied */
    const char *adapter_path; /* copied; NULL = none */
    int64_t context;          /* per request; 0 = what the model declares, made to fit */
    int slots;                /* 4 */
    int threads;              /* 0 = physical cores within the cgroup's quota, less one */
    int gpu_layers;           /* GPU_AUTO, GPU_OFF or a count */
    struct mailbox *mailbox;  /* borrowed, outlives the core */
};

struct core {
    struct core_options options;
    struct queue queue; /* of struct job */
    pthread_t thread;
    /* after NEWS_LOADED */
    struct gguf_facts facts;
    struct llama_model *model;
    const struct llama_vocab *vocab;
    struct llama_context *context;
    struct llama_adapter_lora *adapter;
    struct ggml_threadpool *threadpool;
    struct chat *chat; /* the I/O thread's */
    struct judge *judge;
    int sequences;          /* slots and spares */
    int64_t context_tokens; /* of one request */
    int threads;
    bool reuse;          /* tails of sequences can be removed */
    bool greedy;         /* by default */
    int token_bytes_max; /* longest token text */
    double load_ms;
    int gpu_layers;
    char devices[128];
    char warning[200];
    char chat_why[200]; /* when chat is NULL */
    struct fault fault; /* after NEWS_FAILED */
    struct {
        atomic_bool closing;
        atomic_uint running, waiting;
        _Atomic float tokens_per_s, prompt_tokens_per_s;
    } shared;
    /* the I/O thread's */
    struct {
        int jobs; /* not yet given back */
        bool loaded, closed;
    } io;
};

void core_process_init(void); /* once, before any core */
struct core *core_start(const struct core_options *options);
/* Takes the job; false when its queue is full (the caller keeps it). */
bool core_submit(struct core *c, struct job *job) MUST_USE;
void core_close(struct core *c);
void core_free(struct core *c); /* joins its thread */

/* decode.c: runs jobs until the queue is closed and empty. */
void decode_run(struct core *c);

#endif
