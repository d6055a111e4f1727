/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decode thread: continuous batching over sequences.
 *
 * The happy path is (runs and sequences: sequences.h):
 *
 *   admit   a job gets n idle sequences; what the best one already holds of its
 *           prompt is kept (prefix reuse), the rest will be computed
 *   step    one batch: the next token of every generating run, and a chunk of
 *           each prompt, small enough that the others keep streaming
 *   take    each run whose logits came gets its next token; its text goes out
 *   end     stop string, end token, length, cancelled: the sequence stays filled
 *           for later prompts, and is taken over when it is the least recently used
 *
 * What can go wrong: llama_decode() fails: the runs of that batch end with an
 * error and their sequences are emptied; a grammar allows nothing more: the
 * answer ends there; everybody is paused: the thread waits instead of spinning.
 *
 * `deterministic` runs are decoded alone, in fixed chunks, from scratch: which
 * kernels compute a row depends on how many rows there are, so nobody else may
 * decide that.
 */
#include "llama/sequences.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/types.h"

#include <math.h>
#include <stdio.h>

enum {
    STATS_EVERY = 4, /* tokens */
    ROWS = 32,       /* of a batch; multiples are computed best */
    CHUNK_MAX = 512, /* n_batch */
    CHUNK_DETERMINISTIC = 128,
};
#define STEP_SHARED_S 0.1 /* a prompt may hold up others this long … */
#define STEP_ALONE_S 0.25 /* … and a cancellation that long */

/* ---- news ---- */

static void tell_text(struct decoder *d, struct run *r, struct span text)
{
    struct news n = {.kind = NEWS_TEXT, .choice = (uint8_t)r->choice, .job = r->job};
    news_write(&d->news, &n, text,
               r->job->params.logprobs ? text_span(&r->answer.logprobs) : SPAN_NONE);
    text_clear(&r->answer.logprobs);
}

static void tell_stats(struct decoder *d, struct job *job)
{
    struct news n = {.kind = NEWS_STATS, .job = job};
    news_write(&d->news, &n, span_of((const char *)&job->result.stats, sizeof job->result.stats),
               SPAN_NONE);
}

static void tell_end(struct decoder *d, struct job *job)
{
    struct news n = {.kind = NEWS_END, .job = job, .core = d->c};
    news_write(&d->news, &n, SPAN_NONE, SPAN_NONE);
}

/* ---- runs ---- */

static void end_job(struct decoder *d, struct job *job)
{
    if (job->wants_stats && job->result.end.err == OK) {
        tell_stats(d, job);
    }
    tell_end(d, job);
}

static bool is_refusal(const struct decoder *d, const struct run *r)
{
    struct span head = span_trim(span_of(r->head, r->head_len));
    struct span refusal = span_trim(span_c(d->c->facts.refusal));
    return (refusal.len && span_starts(head, refusal)) || span_is(head, "unknown") ||
           span_find(head, SPAN("\"intent\":\"unknown\""), 0) != SIZE_MAX ||
           span_find(head, SPAN("\"intent\": \"unknown\""), 0) != SIZE_MAX;
}

/* The job's statistics are those of its least sure choice. */
static void keep_stats(struct decoder *d, struct run *r, bool final)
{
    struct frame_stats stats = {.refusal = final && is_refusal(d, r)};
    judge_fill(d->c->judge, &r->sums, final, &stats);
    struct frame_stats *kept = &r->job->result.stats;
    bool first = kept->tokens == 0 && !kept->final;
    bool worse = stats.refusal > kept->refusal ||
                 (stats.refusal == kept->refusal && stats.sum_logprob <= kept->sum_logprob);
    if (first || worse) {
        *kept = stats;
    }
    kept->final = final && r->job->result.runs_open == 1;
}

static void free_run(struct decoder *d, struct run *r)
{
    if (r->seq) {
        r->seq->run = NULL;
        r->seq->used_at = d->step;
    }
    sampler_free(r->sampler);
    answer_done(&r->answer);
    mem_free(r);
    d->runs_count--;
    d->moved = true;
}

static void end_run(struct decoder *d, struct run *r, enum finish finish)
{
    struct job *job = r->job;
    if (finish != FINISH_NONE) {
        text_clear(&d->shown);
        answer_flush(&r->answer, &d->shown);
        if (d->shown.len) {
            tell_text(d, r, text_span(&d->shown));
        }
        if (job->wants_stats) {
            keep_stats(d, r, true);
        }
    }
    job->result.end.finish[r->choice] = (uint8_t)finish;
    free_run(d, r);
    if (--job->result.runs_open == 0) {
        end_job(d, job);
    }
}

/* Ends all runs of a job: cancelled or failed. */
static void drop_job(struct decoder *d, struct job *job, enum err err, const char *why)
{
    job->result.end.err = (uint8_t)err;
    (void)fault_set(&job->result.fault, err, "%s", why);
    for (int i = 0; i < d->c->sequences; i++) {
        struct run *r = d->seqs[i].run;
        if (r && r->job == job) {
            end_run(d, r, FINISH_NONE);
        }
    }
}

static struct run *new_run(struct decoder *d, struct job *job, int choice)
{
    struct run *r = NEW(struct run);
    r->job = job;
    r->choice = choice;
    /* A memory that cannot be cut is not copied either: each choice computes the prompt. */
    r->phase = choice == 0 || !d->c->reuse ? PHASE_PROMPT : PHASE_WAITING;
    r->output = -1;
    r->sampler = sampler_new(d->c->model, &job->params, job->prompt, choice);
    answer_init(&r->answer, &job->params);
    token_sums_init(&r->sums);
    d->runs_count++;
    d->moved = true;
    return r;
}

static void admit(struct decoder *d, struct job *job)
{
    job->result.started_us = clock_now_us();
    job->result.runs_open = job->params.n;
    job->result.end.input_tokens = job->tokens_count;
    struct sequence *first = sequence_pick(d, job);
    bool grammar_ok = true;
    for (int i = 0; i < job->params.n; i++) {
        struct run *r = new_run(d, job, i);
        sequence_claim(d, i == 0 ? first : sequence_least_used(d, first), r);
        if (i > 0) {
            sequence_empty(d, r->seq);
        }
        grammar_ok = grammar_ok && r->sampler;
    }
    job->result.end.cached_tokens = first->count;
    if (!grammar_ok) {
        drop_job(d, job, ERR_INVALID, "the schema cannot be turned into a grammar");
    }
}

static void drop_pending(struct decoder *d, int i, enum err err)
{
    struct job *job = d->pending[i];
    memmove(&d->pending[i], &d->pending[i + 1],
            sizeof(struct job *) * (size_t)(d->pending_count - i - 1));
    d->pending_count--;
    if (err) {
        job->result.end.err = (uint8_t)err;
        tell_end(d, job);
    }
}

static void reap_cancelled(struct decoder *d)
{
    for (int i = 0; i < d->c->sequences; i++) {
        struct run *r = d->seqs[i].run;
        if (r && atomic_load_explicit(&r->job->shared.cancelled, memory_order_relaxed)) {
            drop_job(d, r->job, ERR_CANCELLED, "cancelled");
        }
    }
    for (int i = d->pending_count - 1; i >= 0; i--) {
        if (atomic_load_explicit(&d->pending[i]->shared.cancelled, memory_order_relaxed)) {
            drop_pending(d, i, ERR_CANCELLED);
        }
    }
}

static void take_jobs(struct decoder *d)
{
    struct job *job;
    while (d->pending_count < PENDING_MAX && (job = queue_try_take(&d->c->queue))) {
        d->pending[d->pending_count++] = job;
    }
    /* First come, first served: a job with many choices is not overtaken for ever. */
    while (d->pending_count && d->runs_count + d->pending[0]->params.n <= d->c->options.slots) {
        job = d->pending[0];
        drop_pending(d, 0, OK);
        admit(d, job);
    }
}

/* ---- tokens ---- */

static void add_logprob_token(struct decoder *d, struct json_out *w, int32_t token,
                              const float *logits, const struct logit_facts *facts)
{
    char piece[256];
    int32_t n = llama_token_to_piece(d->c->vocab, token, piece, sizeof piece, 0, true);
    struct span bytes = span_of(piece, n > 0 ? (size_t)n : 0);
    json_begin_object(w);
    json_put(w, "token", bytes);
    json_put_number(w, "logprob", (double)logits[token] - facts->log_sum);
    json_key(w, "bytes");
    json_begin_array(w);
    for (size_t i = 0; i < bytes.len; i++) {
        json_int(w, (unsigned char)bytes.data[i]);
    }
    json_end_array(w);
}

static void add_logprob_entry(struct decoder *d, struct run *r, int32_t token, const float *logits,
                              const struct logit_facts *facts)
{
    struct text *out = &r->answer.logprobs;
    if (out->len) {
        text_add_char(out, ',');
    }
    struct json_out w = json_out(out);
    add_logprob_token(d, &w, token, logits, facts);
    json_key(&w, "top_logprobs");
    json_begin_array(&w);
    int32_t top[TOP_LOGPROBS_MAX];
    int count = r->job->params.top_logprobs
                    ? logits_top(logits, d->vocabulary, r->job->params.top_logprobs, top)
                    : 0;
    for (int i = 0; i < count; i++) {
        add_logprob_token(d, &w, top[i], logits, facts);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

/* The token's text goes out as far as it may. True when a stop string is complete. */
static bool show_token(struct decoder *d, struct run *r, int32_t token)
{
    char piece[512];
    bool special = r->job->show_special && r->job->show_special[token];
    int32_t n = llama_token_to_piece(d->c->vocab, token, piece, sizeof piece, 0, special);
    struct span text = span_of(piece, n > 0 ? (size_t)n : 0);
    if (r->job->wants_stats && r->head_len < HEAD_BYTES) {
        size_t part = MIN(text.len, HEAD_BYTES - r->head_len);
        memcpy(r->head + r->head_len, text.data, part);
        r->head_len += part;
    }
    text_clear(&d->shown);
    bool stop = answer_add(&r->answer, text, &d->shown);
    if (d->shown.len) {
        tell_text(d, r, text_span(&d->shown));
    }
    return stop;
}

static void count_token(struct decoder *d, struct run *r, int32_t token, const float *logits,
                        const struct logit_facts *facts)
{
    struct job *job = r->job;
    r->generated++;
    job->result.end.output_tokens++;
    d->speed_tokens++;
    if (!job->wants_stats) {
        return;
    }
    token_sums_add(&r->sums, (double)logits[token] - facts->log_sum,
                   (double)facts->max - (double)facts->second, facts->entropy);
    if (r->generated % STATS_EVERY == 1 && !llama_vocab_is_eog(d->c->vocab, token)) {
        keep_stats(d, r, false);
        tell_stats(d, job);
    }
}

static void take_token(struct decoder *d, struct run *r, const float *logits,
                       const struct logit_facts *facts)
{
    struct job *job = r->job;
    int32_t token = sampler_take(r->sampler, logits, facts, d->scratch);
    if (token < 0) { /* the grammar allows nothing more */
        end_run(d, r, FINISH_STOP);
        return;
    }
    count_token(d, r, token, logits, facts);
    if (llama_vocab_is_eog(d->c->vocab, token) && !job->params.ignore_eos) {
        end_run(d, r, FINISH_STOP);
        return;
    }
    if (job->params.logprobs) {
        add_logprob_entry(d, r, token, logits, facts);
    }
    if (show_token(d, r, token)) {
        end_run(d, r, FINISH_STOP);
        return;
    }
    bool full = r->seq->count >= d->c->context_tokens;
    if (full || (job->params.max_tokens && r->generated >= job->params.max_tokens)) {
        end_run(d, r, FINISH_LENGTH);
        return;
    }
    r->next = token;
    r->phase = PHASE_GENERATING;
}

/* The prompt is computed once; the other choices get a copy and go on from the same logits. */
static void start_choices(struct decoder *d, struct run *first, const float *logits,
                          const struct logit_facts *facts)
{
    for (int i = 0; i < d->c->sequences; i++) {
        struct run *r = d->seqs[i].run;
        if (r && r->job == first->job && r->phase == PHASE_WAITING) {
            sequence_copy(d, first->seq, r->seq);
            take_token(d, r, logits, facts);
        }
    }
}

/* No more of the passes over the vocabulary than this job needs. */
static void measure(const struct decoder *d, const struct run *r, const float *logits,
                    struct logit_facts *out)
{
    if (r->job->wants_stats || r->job->params.logprobs) {
        logits_measure(logits, d->vocabulary, out);
    } else if (sampler_needs_best(r->sampler)) {
        logits_best(logits, d->vocabulary, out);
    }
}

static void take_all(struct decoder *d)
{
    for (int i = 0; i < d->c->sequences; i++) {
        struct run *r = d->seqs[i].run;
        if (!r || r->output < 0) {
            continue;
        }
        const float *logits = llama_get_logits_ith(d->ctx, r->output);
        r->output = -1;
        if (!logits) {
            drop_job(d, r->job, ERR_INTERNAL, "the model gives no probabilities");
            continue;
        }
        struct logit_facts facts = {0};
        measure(d, r, logits, &facts);
        if (r->phase == PHASE_PROMPT && r->job->params.n > 1) {
            r->phase = PHASE_GENERATING;
            start_choices(d, r, logits, &facts);
        }
        take_token(d, r, logits, &facts);
    }
}

/* ---- batches ---- */

static void batch_add(struct decoder *d, struct sequence *s, int32_t token, bool output)
{
    struct llama_batch *b = &d->batch;
    int at = b->n_tokens++;
    b->token[at] = token;
    b->pos[at] = s->count;
    b->n_seq_id[at] = 1;
    b->seq_id[at][0] = s->id;
    b->logits[at] = output;
    s->tokens[s->count++] = token;
    if (output) {
        s->run->output = at;
    }
}

/* `alone`: only this run; otherwise all that are not deterministic. */
static bool takes_part(const struct run *r, const struct run *alone)
{
    return r && (alone ? r == alone : !r->job->deterministic) && r->phase != PHASE_WAITING &&
           !atomic_load_explicit(&r->job->shared.paused, memory_order_relaxed);
}

/*
 * Tokens of each prompt in this step. 64 rows cost as much as 52 of a batch of 72 (weir-nano and a 75M Q4_K_M
 * alike), so all prompts together have a multiple of ROWS. Beside generating runs llama.cpp first computes one row of
 * everybody and then the rest of the prompts, hence the one more.
 */
static int chunk_size(const struct decoder *d, int generating, int prompts, const struct run *alone)
{
    if (alone) {
        return CHUNK_DETERMINISTIC;
    }
    double speed = d->prompt_speed > 0 ? d->prompt_speed : 1000;
    double budget = speed * (generating ? STEP_SHARED_S : STEP_ALONE_S);
    int most = (CHUNK_MAX - generating) / prompts - 1;
    int rows = (int)fmin(fmax(budget, generating ? ROWS : 2 * ROWS), CHUNK_MAX) / ROWS * ROWS;
    int each = MAX(rows / prompts, 1);
    while (each < most && each * prompts % ROWS != 0) {
        each++;
    }
    return MAX(MIN(each, most), 1) + (generating > 0);
}

/* Returns how many prompt tokens are in the batch. */
static int build_batch(struct decoder *d, const struct run *alone)
{
    int generating = 0;
    int prompts = 0;
    for (int i = 0; i < d->c->sequences; i++) {
        const struct run *r = d->seqs[i].run;
        if (takes_part(r, alone)) {
            *(r->phase == PHASE_PROMPT ? &prompts : &generating) += 1;
        }
    }
    d->batch.n_tokens = 0;
    int chunk = prompts ? chunk_size(d, generating, prompts, alone) : 0;
    int prompt_tokens = 0;
    for (int i = 0; i < d->c->sequences; i++) { /* by id: neighbours share a graph */
        struct sequence *s = &d->seqs[i];
        if (!takes_part(s->run, alone)) {
            continue;
        }
        if (s->run->phase == PHASE_GENERATING) {
            batch_add(d, s, s->run->next, true);
            continue;
        }
        const struct job *job = s->run->job;
        for (int k = 0; k < chunk && s->count < job->tokens_count; k++, prompt_tokens++) {
            batch_add(d, s, job->tokens[s->count], s->count + 1 == job->tokens_count);
        }
    }
    return prompt_tokens;
}

static void fail_batch(struct decoder *d, const struct run *alone, int code)
{
    LOG(LOG_ERROR, "engine", "llama_decode failed with %d", code);
    for (int i = 0; i < d->c->sequences; i++) {
        struct sequence *s = &d->seqs[i];
        if (takes_part(s->run, alone)) {
            drop_job(d, s->run->job, ERR_INTERNAL, "the model failed on this prompt");
        }
        if (!s->run) {
            sequence_empty(d, s); /* what its cells hold is no longer sure */
        }
    }
}

static void mean_in(double *mean, double value)
{
    *mean = *mean > 0 ? 0.8 * *mean + 0.2 * value : value;
}

static void measure_speed(struct decoder *d, int prompt_tokens, int tokens, double seconds)
{
    if (prompt_tokens == 0) {
        mean_in(&d->graph_s, seconds / MAX(sequences_groups(d), 1));
    }
    if (prompt_tokens >= ROWS && seconds > 0) {
        mean_in(&d->prompt_speed, (double)tokens / seconds);
        atomic_store_explicit(&d->c->shared.prompt_tokens_per_s, (float)d->prompt_speed,
                              memory_order_relaxed);
    }
    uint64_t now = clock_now_us();
    if (now - d->speed_since_us > US_PER_S / 5) {
        double span_s = (double)(now - d->speed_since_us) / US_PER_S;
        if (d->speed_tokens && span_s < 1) {
            mean_in(&d->speed, (double)d->speed_tokens / span_s);
            atomic_store_explicit(&d->c->shared.tokens_per_s, (float)d->speed,
                                  memory_order_relaxed);
        }
        d->speed_tokens = 0;
        d->speed_since_us = now;
    }
}

/* One llama_decode(). False when there was nothing to do. */
static bool decode_batch(struct decoder *d, const struct run *alone)
{
    int prompt_tokens = build_batch(d, alone);
    if (d->batch.n_tokens == 0) {
        return false;
    }
    uint64_t start = clock_now_us();
    int code = llama_decode(d->ctx, d->batch);
    if (code != 0) {
        fail_batch(d, alone, code);
        return true;
    }
    llama_synchronize(d->ctx);
    measure_speed(d, prompt_tokens, d->batch.n_tokens, (double)(clock_now_us() - start) / US_PER_S);
    take_all(d);
    return true;
}

/* A run that is decoded alone ends inside the step, so the ids are looked at, not pointers kept. */
static bool step(struct decoder *d)
{
    d->step++;
    sequences_gather(d);
    bool worked = decode_batch(d, NULL);
    for (int i = 0; i < d->c->sequences; i++) {
        struct run *r = d->seqs[i].run;
        if (r && r->job->deterministic && r->phase != PHASE_WAITING) {
            worked = decode_batch(d, r) || worked;
        }
    }
    return worked;
}

/* ---- the thread ---- */

static void post_news(struct decoder *d)
{
    atomic_store_explicit(&d->c->shared.running, (unsigned)d->runs_count, memory_order_relaxed);
    atomic_store_explicit(&d->c->shared.waiting, (unsigned)d->pending_count, memory_order_relaxed);
    mailbox_post(d->c->options.mailbox, &d->news);
}

/* Waits for a job; returns false when no more will come. With paused runs it looks around every 10 ms. */
static bool wait_for_job(struct decoder *d)
{
    bool busy = d->runs_count || d->pending_count;
    if (d->pending_count == PENDING_MAX) {
        struct timespec wait = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&wait, NULL);
        return true;
    }
    struct job *job = queue_take(&d->c->queue, busy ? 10u * US_PER_MS : 60u * US_PER_S);
    if (job) {
        d->pending[d->pending_count++] = job;
    }
    return job || busy || !atomic_load(&d->c->shared.closing);
}

static void decoder_init(struct decoder *d, struct core *c)
{
    *d = (struct decoder){.c = c, .ctx = c->context, .memory = llama_get_memory(c->context)};
    d->vocabulary = llama_vocab_n_tokens(c->vocab);
    d->scratch = NEW_ARRAY(llama_token_data, d->vocabulary);
    d->batch = llama_batch_init(CHUNK_MAX + SLOTS_MAX, 0, 1);
    d->seqs = NEW_ARRAY(struct sequence, c->sequences);
    for (int i = 0; i < c->sequences; i++) {
        d->seqs[i].id = i;
        d->seqs[i].tokens = NEW_ARRAY(int32_t, c->context_tokens + 1);
        text_init(&d->seqs[i].key, KIB);
    }
    text_init(&d->news, 64 * MIB);
    text_init(&d->shown, MIB);
}

static void decoder_done(struct decoder *d)
{
    for (int i = 0; i < d->c->sequences; i++) {
        mem_free(d->seqs[i].tokens);
        text_done(&d->seqs[i].key);
    }
    mem_free(d->seqs);
    mem_free(d->scratch);
    llama_batch_free(d->batch);
    text_done(&d->news);
    text_done(&d->shown);
}

void decode_run(struct core *c)
{
    struct decoder d;
    decoder_init(&d, c);
    for (bool more = true; more;) {
        reap_cancelled(&d);
        take_jobs(&d);
        bool worked = step(&d);
        post_news(&d);
        if (!worked) {
            more = wait_for_job(&d);
        }
    }
    decoder_done(&d);
}
