/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the decode thread: runs, the sequences they run on, and what stays in
 * a sequence for later prompts.
 *
 * A run is one choice of one job. With kv_unified=false each sequence of the
 * context has its own cells; `tokens` says what they hold, also long after
 * its run ended. Everything here belongs to one decode thread.
 *
 * Copies move a whole sequence (part of one aborts the process) and are cut
 * afterwards; the bytes move at the next llama_decode().
 */
#ifndef WEIR_LLAMA_SEQUENCES_H
#define WEIR_LLAMA_SEQUENCES_H

#include "llama/answer.h"
#include "llama/core.h"
#include "llama/sample.h"

#define PENDING_MAX 64
#define HEAD_BYTES 512 /* of an answer, to recognise a refusal */

/* A choice whose prompt another one computes is WAITING for a copy. */
enum phase { PHASE_PROMPT, PHASE_WAITING, PHASE_GENERATING };

struct run {
    struct job *job;
    int choice;
    enum phase phase;
    struct sequence *seq;
    int32_t next; /* GENERATING: to be fed */
    int64_t generated;
    int output; /* index in the batch whose logits are its; -1 = none */
    struct sampler *sampler;
    struct answer answer;
    struct token_sums sums;
    char head[HEAD_BYTES];
    size_t head_len;
};

struct sequence {
    int id;
    int32_t *tokens; /* what its cells hold */
    int count;
    struct text key;  /* whose */
    uint64_t used_at; /* step number */
    struct run *run;  /* NULL = idle */
};

struct decoder {
    struct core *c;
    struct llama_context *ctx;
    llama_memory_t memory;
    int32_t vocabulary;
    struct sequence *seqs;
    int runs_count;
    struct job *pending[PENDING_MAX]; /* taken from the queue, waiting for sequences */
    int pending_count;
    struct llama_batch batch;
    llama_token_data *scratch;
    struct text news, shown;
    uint64_t step;
    bool moved;                 /* runs came or went since sequences_gather() looked */
    double graph_s;             /* one graph of generating rows, running mean */
    double prompt_speed, speed; /* tokens per second, running means */
    uint64_t speed_since_us;
    int64_t speed_tokens;
};

void sequence_empty(struct decoder *d, struct sequence *s);
/* Takes `s`, which is idle, for `r`. */
void sequence_claim(struct decoder *d, struct sequence *s, struct run *r);
void sequence_copy(struct decoder *d, const struct sequence *from, struct sequence *to);
/* The one not used for longest, idle and not `except`; NULL when there is none. */
struct sequence *sequence_least_used(struct decoder *d, const struct sequence *except);
/* The sequence for a job's first choice, already cut to what it shares with the prompt. */
struct sequence *sequence_pick(struct decoder *d, const struct job *job);
/* How many groups of consecutive ids the running sequences are in. */
int sequences_groups(const struct decoder *d);
/* Moves one run next to the others, if that pays. */
void sequences_gather(struct decoder *d);

#endif
