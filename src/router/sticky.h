/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who answered this conversation last, and who a question like this one.
 *
 * Users hate being tossed between models, and hate being stuck on a weak one. So the two
 * directions differ:
 *
 *   up     (device → other tiers) is easy: whenever the score or the device's own answer says so
 *   down   needs evidence: two turns in a row that would suit the device by a margin. The margin
 *          grows with the context that the other side keeps warm and that would have to be read
 *          again; and never in the middle of a turn, while tool results are on their way.
 *          A clear change of topic (another task, no words in common) needs no second turn.
 *   again  a question like a recent one of the same client goes where that one went, unless the
 *          score is clearly on the other side of the threshold.
 *
 * Margins are in standard deviations of recent scores, so that they mean the same to any scorer.
 *
 * A conversation is X-Weir-Session, else its leading turns (system and first user message), and
 * always the client. Topics are compared by a sketch of 16 bytes: one-permutation minhash (Li,
 * Owen, Zhang 2012) of the question's words, 8 bits kept of each minimum (Li, König 2010). The
 * share of equal bins estimates how many words two questions have in common. A sketch lives an
 * hour in memory and is never written anywhere.
 *
 * Memory: a table of fixed size, the oldest entry of a set makes room. All workers may share one
 * mapping without locks: an entry's first word is its key XORed with all others (Hyatt, Mann:
 * "A lockless transposition table", 2002), so one that is half written (by a process that was
 * killed, or that writes now) is simply not found. Nothing survives a restart; the next turn is
 * then decided afresh.
 */
#ifndef WEIR_ROUTER_STICKY_H
#define WEIR_ROUTER_STICKY_H

#include "core/facts.h"

struct sticky;

#define STICKY_BYTES (512 * KIB) /* 4096 conversations, 512 clients with 16 questions each */

/* `memory`: STICKY_BYTES, zeroed once, 64-byte aligned, borrowed; may be shared by processes. NULL = its own. */
struct sticky *sticky_new(void *memory);
void sticky_free(struct sticky *s);

/* Fills f->session; f->request and what router_read_request() found must be there. */
void sticky_recall(const struct sticky *s, uint64_t now_us, struct facts *f);

/* An answer was given. */
struct sticky_turn {
    bool up;        /* by another tier than the device */
    bool easy;      /* decision.easy */
    bool by_score;  /* decision.by_score: only then is it a pattern for questions like it */
    double score;   /* decision.score; < 0 = none */
    int64_t tokens; /* that its backend now has warm: prompt and answer; 0 = it caches nothing */
};
void sticky_note(struct sticky *s, uint64_t now_us, const struct facts *f,
                 const struct sticky_turn *t);

/* What a score must exceed the threshold by for the device to answer this turn; INFINITY: not this turn. 0 when
 * nothing is remembered; negative when the device did well on a question like this. */
double sticky_margin(const struct session_facts *s);
/* … by which a turn counts as evidence that the device would do. */
double sticky_easy_margin(const struct session_facts *s);
/* Standard deviation of recent scores, or a default: what margins are measured in. */
double sticky_spread(const struct session_facts *s);

/* Share of words that two questions have in common, 0..1; -1 = too few words to tell. */
double sketch_similarity(const struct sketch *a, const struct sketch *b);

#endif
