/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long will an answer take, and will it come? Running estimates of one backend,
 * made from the legs that really ran: no clock, no I/O, the caller feeds it.
 *
 * The model, for the device and for providers alike:
 *
 *   first token = start + reading × new prompt tokens + queue × (typical answer / slots) + link
 *   end         = first token + writing × output tokens
 *
 * `start` and `reading` are the line of least squares through the last legs, each leg
 * counting 0.95 of the one after it (about the last 20). For a provider `start` holds the
 * round trips, its queue and its scheduler; for the engine its set-up. `writing` follows
 * the last few answers fast, because a phone that throttles shows it as a falling rate;
 * of the answers that ran alone a second average, which follows slowly, says what is usual,
 * and their ratio is `slowed`.
 * Without news it returns to 1, halving every five minutes: who is found slow is asked less, and
 * could otherwise never show that it recovered.
 *
 * link: what the way there is slower now than when the estimates were made, times the
 * round trips of a request: 1 on a kept connection, 3 on a new one (TCP; TLS 1.3, RFC 8446
 * section 2; the request).
 *
 * `late` is what about 19 of 20 stay under: the mean plus two mean deviations. (For a normal
 * distribution the mean deviation is 0.8 σ, so two are 1.6 σ. RFC 6298 keeps a mean
 * deviation for the same purpose.) Without news it halves every minute: one slow first call
 * must not shut a backend out for good. `failing` is the share of tries that ended without an
 * answer for the backend's or the link's own reasons; it halves with every minute without news,
 * so that a tunnel is forgotten within one.
 *
 * Nothing is guessed before a first leg: unknown is 0.
 */
#ifndef WEIR_ROUTER_LATENCY_H
#define WEIR_ROUTER_LATENCY_H

#include "core/facts.h"

struct latency {                                       /* zeroed = nothing known; about 250 bytes */
    double legs, tokens, us, tokens_tokens, tokens_us; /* sums of the line, with weights */
    double deviation_us;
    double token_us;                       /* per output token; 0 = unknown */
    double alone_token_us, usual_token_us; /* … with nothing beside it: lately, and usually */
    uint64_t alone_us;                     /* when that was last seen */
    double output_tokens[TASK_COUNT], any; /* of an answer, by task and over all; 0 = unknown */
    double total_us;                       /* a typical answer, to the end */
    double failing;
    uint64_t failing_us; /* when that share was right */
    double rtt_ms, load; /* when the line was measured; 0 = unknown */
    uint64_t answered_us;
};

/* A leg that ended. */
struct latency_leg {
    uint64_t now_us;
    bool ok;
    bool failed;           /* by its own fault: not cancelled, not refused by the gate */
    bool alone;            /* nothing else ran beside it: its rate tells of the machine */
    int64_t new_tokens;    /* of the prompt, less what was cached */
    int64_t output_tokens; /* < 0 = unknown */
    int64_t ttft_us;       /* after the leg's start; < 0 = no token came */
    int64_t total_us;      /* after the leg's start */
    enum task task;
    double rtt_ms; /* of the link, while it ran; < 0 = unknown */
    double load;   /* of the machine, per core; < 0 = unknown */
};
void latency_note(struct latency *l, const struct latency_leg *leg);

double latency_failing(const struct latency *l, uint64_t now_us); /* share of tries, 0..1 */

/* An answer that may be asked for. */
struct latency_question {
    uint64_t now_us;
    bool local; /* on this machine: its load counts, its link does not */
    int64_t new_tokens;
    int64_t max_tokens; /* 0 = not said */
    enum task task;
    int queue; /* requests in front that a slot must become free for */
    int slots; /* >= 1 */
    double rtt_ms, load;
};
void latency_predict(const struct latency *l, const struct latency_question *q,
                     struct prediction *out);

#endif
