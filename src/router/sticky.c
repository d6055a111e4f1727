/* SPDX-License-Identifier: Apache-2.0 */
#include "router/sticky.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>

#define HOUR_US 3600000000ull
#define WARM_US                                                                                    \
    300000000ull /* providers keep prompts 5 minutes at least (OpenAI, Anthropic: prompt caching) */
#define LEADING_BYTES KIB /* of each leading turn that tell conversations apart */

/* Margins are in standard deviations of recent scores: scorers differ in how far they spread. */
#define HABIT_MARGIN 0.3 /* a score this much over the threshold is evidence … */
#define CACHE_MARGIN 0.6 /* … and this much more when CACHE_TOKENS are warm on the other side */
#define CACHE_TOKENS 4096.0
#define SPREAD_DEFAULT                                                                             \
    0.05 /* until SPREAD_LEAST scores are known: little, so that nobody gets stuck */
#define SPREAD_LEAST 20
#define SPREAD_MEMORY 500
#define EASY_TURNS 1      /* before the one that goes down */
#define AGAIN_BAND 0.6    /* scores so near the threshold follow the earlier question */
#define AGAIN_SIMILAR 0.6 /* share of words in common that makes it "the same question" */
#define TOPIC_SIMILAR 0.1 /* below it, and with another task, the topic is new */
#define BINS_LEAST 3      /* fewer words than that say nothing */

/* ---- two tables of entries that check themselves ---- */

#define TALK_WORDS 8 /* check, time, state, tokens, last question (2), all questions (2) */
#define TALK_WAYS 8
#define TALK_SETS 512
#define ASKED_WORDS 4 /* check, time and side, question (2) */
#define ASKED_WAYS 16
#define ASKED_SETS 512

typedef _Atomic uint64_t word;

struct sticky {
    word *talks, *asked;
    void *own;
    int scores; /* of this process: mean and variance of the last ones */
    double mean, variance;
};

static_assert((TALK_SETS * TALK_WAYS * TALK_WORDS + ASKED_SETS * ASKED_WAYS * ASKED_WORDS) *
                      sizeof(word) ==
                  STICKY_BYTES,
              "both tables fill the memory");

struct sticky *sticky_new(void *memory)
{
    struct sticky *s = NEW(struct sticky);
    s->own = memory ? NULL : mem_new(STICKY_BYTES);
    s->talks = memory ? memory : s->own;
    s->asked = s->talks + TALK_SETS * TALK_WAYS * TALK_WORDS;
    return s;
}

void sticky_free(struct sticky *s)
{
    if (s) {
        mem_free(s->own);
        mem_free(s);
    }
}

/* False when the entry is another's, empty, half written or over an hour old. Word 1 is the time. */
static bool load(word *at, int words, uint64_t key, uint64_t now_us, uint64_t out[])
{
    uint64_t check = 0;
    for (int i = 0; i < words; i++) {
        out[i] = atomic_load_explicit(&at[i], memory_order_relaxed);
        check ^= out[i];
    }
    uint64_t age = now_us - (out[1] >> 1);
    return check == key && out[1] != 0 && (age < HOUR_US || (out[1] >> 1) > now_us);
}

static void store(word *at, int words, uint64_t key, uint64_t in[])
{
    in[0] = key;
    for (int i = 1; i < words; i++) {
        in[0] ^= in[i];
        atomic_store_explicit(&at[i], in[i], memory_order_relaxed);
    }
    atomic_store_explicit(&at[0], in[0], memory_order_relaxed);
}

/* The entry of `key`, else the one to write over: the oldest of its set. */
static word *place(word *set, int ways, int words, uint64_t key, uint64_t now_us, uint64_t out[])
{
    word *oldest = set;
    for (int w = 0; w < ways; w++) {
        word *at = set + (ptrdiff_t)w * words;
        if (load(at, words, key, now_us, out)) {
            return at;
        }
        if (atomic_load_explicit(&at[1], memory_order_relaxed) >> 1 <
            atomic_load_explicit(&oldest[1], memory_order_relaxed) >> 1) {
            oldest = at;
        }
    }
    memset(out, 0, sizeof *out * (size_t)words);
    return oldest;
}

/* ---- sketches ---- */

struct bins {
    int a, b, either, same;
};

static struct bins compared(const struct sketch *a, const struct sketch *b)
{
    struct bins n = {0};
    for (int i = 0; i < SKETCH_BINS; i++) {
        n.a += a->bin[i] != 0;
        n.b += b->bin[i] != 0;
        n.either += (a->bin[i] | b->bin[i]) != 0;
        n.same += a->bin[i] != 0 && a->bin[i] == b->bin[i];
    }
    return n;
}

double sketch_similarity(const struct sketch *a, const struct sketch *b)
{
    struct bins n = compared(a, b);
    return MIN(n.a, n.b) < BINS_LEAST ? -1 : (double)n.same / n.either;
}

/* Share of the question's words that stand in the topic: a short question after long ones is about the same. */
static double within_topic(const struct sketch *question, const struct sketch *topic)
{
    struct bins n = compared(question, topic);
    return MIN(n.a, n.b) < BINS_LEAST ? -1 : (double)n.same / MIN(n.a, n.b);
}

/* The smaller of each bin, as if the words of both had been one text. */
static struct sketch merged(const struct sketch *a, const struct sketch *b)
{
    struct sketch m;
    for (int i = 0; i < SKETCH_BINS; i++) {
        m.bin[i] = !a->bin[i] ? b->bin[i] : !b->bin[i] ? a->bin[i] : MIN(a->bin[i], b->bin[i]);
    }
    return m;
}

/* ---- keys ---- */

static uint64_t mixed(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
    return x ^ (x >> 29);
}

static uint64_t hash_content(const struct json *content)
{
    struct span text = json_str(content);
    uint64_t h = mixed(span_hash(span_first(text, LEADING_BYTES)), text.len);
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        text = json_str(json_get(it.value, "text"));
        h = mixed(h, mixed(span_hash(span_first(text, LEADING_BYTES)), text.len));
    }
    return h;
}

/* A key, or a user whom the caller names in the body. */
static uint64_t client_key(const struct request *r)
{
    struct span user = json_str(json_get(r->body, "user"));
    uint64_t h = span_given(r->client) ? span_hash(r->client) : 1;
    return span_given(user) ? mixed(h, span_hash(user)) : h;
}

static uint64_t talk_key(const struct request *r)
{
    uint64_t h = client_key(r);
    if (span_given(r->options.session)) {
        return mixed(h + 1, span_hash(r->options.session));
    }
    for (struct json_iter it = json_iter(r->messages); json_next(&it);) {
        h = mixed(h, hash_content(json_get(it.value, "content")));
        if (span_is(json_str(json_get(it.value, "role")), "user")) {
            break;
        }
    }
    return h;
}

static word *talk_set(const struct sticky *s, uint64_t key)
{
    return s->talks + (key >> 7) % TALK_SETS * (TALK_WAYS * TALK_WORDS);
}

static word *asked_set(const struct sticky *s, uint64_t client)
{
    return s->asked + (client >> 7) % ASKED_SETS * (ASKED_WAYS * ASKED_WORDS);
}

/* ---- recall ---- */

#define STATE_UP 1u
#define STATE_TASK_SHIFT 8
#define STATE_EASY_SHIFT 16

static bool awaits_tools(const struct request *r)
{
    struct span role = SPAN_NONE;
    for (struct json_iter it = json_iter(r->messages); json_next(&it);) {
        role = json_str(json_get(it.value, "role"));
    }
    return span_is(role, "tool") || span_is(role, "function");
}

static void recall_talk(const struct sticky *s, uint64_t now_us, struct facts *f)
{
    uint64_t key = talk_key(f->request);
    word *set = talk_set(s, key);
    uint64_t e[TALK_WORDS];
    for (int w = 0; w < TALK_WAYS; w++) {
        if (!load(set + (ptrdiff_t)w * TALK_WORDS, TALK_WORDS, key, now_us, e)) {
            continue;
        }
        struct session_facts *out = &f->session;
        struct sketch last;
        struct sketch all;
        memcpy(&last, &e[4], sizeof last);
        memcpy(&all, &e[6], sizeof all);
        out->known = true;
        out->up = e[2] & STATE_UP;
        out->easy_turns = (int)(e[2] >> STATE_EASY_SHIFT & 0xff);
        out->similarity = MAX(within_topic(&f->sketch, &last), within_topic(&f->sketch, &all));
        out->other_task = (e[2] >> STATE_TASK_SHIFT & 0xff) != (uint64_t)f->task_plain;
        out->cached_tokens = now_us - (e[1] >> 1) < WARM_US ? (int64_t)e[3] : 0;
        return;
    }
}

static void recall_asked(const struct sticky *s, uint64_t now_us, struct facts *f)
{
    uint64_t key = client_key(f->request);
    word *set = asked_set(s, key);
    uint64_t e[ASKED_WORDS];
    double best = AGAIN_SIMILAR;
    for (int w = 0; w < ASKED_WAYS; w++) {
        /* the way is part of the key: a client has several */
        if (!load(set + (ptrdiff_t)w * ASKED_WORDS, ASKED_WORDS, key + (unsigned)w, now_us, e)) {
            continue;
        }
        struct sketch asked;
        memcpy(&asked, &e[2], sizeof asked);
        double similar = sketch_similarity(&f->sketch, &asked);
        if (similar >= best) {
            best = similar;
            f->session.repeats = true;
            f->session.up = e[1] & 1;
            f->session.similarity = similar;
        }
    }
}

void sticky_recall(const struct sticky *s, uint64_t now_us, struct facts *f)
{
    f->session = (struct session_facts){
        .similarity = -1,
        .mid_turn = awaits_tools(f->request),
        .spread = s->scores >= SPREAD_LEAST ? sqrt(s->variance) : 0,
    };
    /* one turn and no name for it: a conversation that begins, though others may have begun with the same words */
    if (f->turns > 1 || f->session.mid_turn || span_given(f->request->options.session)) {
        recall_talk(s, now_us, f);
    }
    if (!f->session.known) {
        recall_asked(s, now_us, f);
    }
}

/* ---- note ---- */

static void note_asked(struct sticky *s, uint64_t now_us, const struct facts *f, bool up)
{
    uint64_t key = client_key(f->request);
    word *set = asked_set(s, key);
    uint64_t e[ASKED_WORDS];
    int oldest = 0;
    uint64_t oldest_us = UINT64_MAX;
    for (int w = 0; w < ASKED_WAYS; w++) {
        word *at = set + (ptrdiff_t)w * ASKED_WORDS;
        bool found = load(at, ASKED_WORDS, key + (unsigned)w, now_us, e);
        if (found && memcmp(&e[2], &f->sketch, sizeof f->sketch) == 0) {
            oldest = w;
            break;
        }
        uint64_t then = atomic_load_explicit(&at[1], memory_order_relaxed) >> 1;
        if (then < oldest_us) {
            oldest_us = then;
            oldest = w;
        }
    }
    e[1] = now_us << 1 | up;
    memcpy(&e[2], &f->sketch, sizeof f->sketch);
    store(set + (ptrdiff_t)oldest * ASKED_WORDS, ASKED_WORDS, key + (unsigned)oldest, e);
}

static void note_score(struct sticky *s, double score)
{
    s->scores = MIN(s->scores + 1, SPREAD_MEMORY);
    double off = score - s->mean;
    s->mean += off / s->scores;
    s->variance += (off * (score - s->mean) - s->variance) / s->scores;
}

void sticky_note(struct sticky *s, uint64_t now_us, const struct facts *f,
                 const struct sticky_turn *t)
{
    if (t->score >= 0) {
        note_score(s, t->score);
    }
    uint64_t key = talk_key(f->request);
    uint64_t e[TALK_WORDS];
    word *at = place(talk_set(s, key), TALK_WAYS, TALK_WORDS, key, now_us, e);
    struct sketch all;
    memcpy(&all, &e[6], sizeof all);
    bool same_topic = f->session.known && !(f->session.other_task && f->session.similarity >= 0 &&
                                            f->session.similarity < TOPIC_SIMILAR);
    all = same_topic ? merged(&all, &f->sketch) : f->sketch;
    uint64_t easy = t->up && t->easy ? MIN((e[2] >> STATE_EASY_SHIFT & 0xff) + 1, 0xff) : 0;
    e[1] = now_us << 1 | 1;
    e[2] = (t->up ? STATE_UP : 0) | (uint64_t)f->task_plain << STATE_TASK_SHIFT |
           easy << STATE_EASY_SHIFT;
    e[3] = (uint64_t)MAX(t->tokens, 0);
    memcpy(&e[4], &f->sketch, sizeof f->sketch);
    memcpy(&e[6], &all, sizeof all);
    store(at, TALK_WORDS, key, e);
    if (t->by_score) {
        note_asked(s, now_us, f, t->up);
    }
}

/* ---- what follows from it ---- */

static bool new_topic(const struct session_facts *s)
{
    return s->other_task && s->similarity >= 0 && s->similarity < TOPIC_SIMILAR;
}

double sticky_spread(const struct session_facts *s)
{
    return s->spread > 0 ? s->spread : SPREAD_DEFAULT;
}

double sticky_easy_margin(const struct session_facts *s)
{
    double warm = MIN((double)s->cached_tokens / CACHE_TOKENS, 1);
    return (HABIT_MARGIN + CACHE_MARGIN * warm) * sticky_spread(s);
}

double sticky_margin(const struct session_facts *s)
{
    if (s->known) {
        return !s->up                                        ? (s->mid_turn ? -INFINITY : 0)
               : s->mid_turn                                 ? INFINITY
               : s->easy_turns < EASY_TURNS && !new_topic(s) ? INFINITY
                                                             : sticky_easy_margin(s);
    }
    double band = AGAIN_BAND * sticky_spread(s);
    return s->repeats ? (s->up ? band : -band) : 0;
}
