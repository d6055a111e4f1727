/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/names.h"

#include "core/personal.h"
#include "privacy/names_known.h"

#define PIECE_TOKENS 256 /* tagged at once */
#define KEY_BYTES 48     /* of a JSON key, from its end */
#define SCORE_MOST 0.9
#define SURE 0.8             /* from here on a name's words are remembered */
#define REMEMBERED_SCORE 0.6 /* of a word found again */
#define JOIN_LEAST 0.1       /* a mark between two parts of a name belongs to it */
#define APART 8              /* two names that touch are two only when this is as much likelier */
#define NAME_WORDS_MAX 8     /* looked at for well-known names */

/* ---- memory ---- */

/* True when the word is new. */
static bool remember(struct names_memory *m, uint64_t word)
{
    uint64_t *set = m->words[word >> 58];
    for (int i = 0; i < 4; i++) {
        if (set[i] == word) {
            return false;
        }
    }
    set[m->next[word >> 58]++ % 4] = word;
    return m->any = true;
}

static bool remembers(const struct names_memory *m, uint64_t word)
{
    const uint64_t *set = m->words[word >> 58];
    return set[0] == word || set[1] == word || set[2] == word || set[3] == word;
}

/* A word that means somebody wherever it stands: no mark, no initial, no ordinary word that is in no list of names. */
static bool worth_remembering(const struct name_token *t)
{
    bool word = t->shape != SHAPE_MARK && t->shape != SHAPE_NUMBER && t->shape != SHAPE_LINK &&
                t->shape != SHAPE_INITIAL;
    bool alone = t->shape == SHAPE_HAN || t->shape == SHAPE_KANA || t->shape == SHAPE_HANGUL;
    bool named = t->lists & (LIST_GIVEN | LIST_FAMILY);
    return word && !alone && t->length >= 3 && !(t->lists & LIST_ORDINARY && !named);
}

static bool same_name(const struct name_token *t)
{
    if (t->shape == SHAPE_LOWER) {
        return t->length >= 4 && !(t->lists & LIST_ORDINARY);
    }
    return worth_remembering(t);
}

/* ---- one piece ---- */

struct piece {
    struct name_token padded[NAMES_REACH + PIECE_TOKENS + NAMES_REACH];
    float odds[PIECE_TOKENS][NAME_LABELS], forward[PIECE_TOKENS][NAME_LABELS];
    float backward[PIECE_TOKENS][NAME_LABELS], p[PIECE_TOKENS][NAME_LABELS];
    struct name_flow flow;
};

struct scan {
    const struct names_model *m;
    struct span text;
    struct names_memory *memory;
    struct findings *out;
    bool private_talk; /* other personal data stands in the same text */
    bool learnt;       /* the memory has grown: what stands before is to be looked at again */
};

/* What a token is to be reported as: a label's begin, LABEL_O for nothing. */
static int kind_of(const struct names_model *m, const float p[NAME_LABELS])
{
    if (p[LABEL_B_PER] + p[LABEL_I_PER] >= m->header->person_least) {
        return LABEL_B_PER;
    }
    if (p[LABEL_B_LOC] + p[LABEL_I_LOC] >= m->header->place_least) {
        return LABEL_B_LOC;
    }
    return p[LABEL_B_ORG] + p[LABEL_I_ORG] >= m->header->organisation_least ? LABEL_B_ORG : LABEL_O;
}

static float part(const float p[NAME_LABELS], int kind)
{
    return p[kind] + p[kind + 1];
}

static bool is_mark(const struct name_token *t)
{
    return t->shape == SHAPE_MARK;
}

/* A field ("patient: …") or a title in front says that a private person is meant. */
static bool well_known(const struct name_token *t, int from, int to)
{
    uint64_t words[NAME_WORDS_MAX];
    int n = 0;
    for (int i = from; i < to && n < NAME_WORDS_MAX; i++) {
        if (!is_mark(&t[i])) {
            words[n++] = t[i].word;
        }
    }
    const struct name_token *before = is_mark(&t[from - 1]) ? &t[from - 2] : &t[from - 1];
    bool titled = before->shape != SHAPE_NONE && names_is_title(before->word);
    return t[from].field == 0 && !titled && names_well_known(words, n);
}

static void report(struct scan *s, struct piece *q, int from, int to, int kind)
{
    const struct name_token *t = q->padded + NAMES_REACH;
    double score = 0;
    for (int i = from; i < to; i++) {
        score = MAX(score, (double)part(q->p[i], kind));
    }
    enum personal_type type = kind == LABEL_B_PER   ? TYPE_PERSON
                              : kind == LABEL_B_LOC ? TYPE_LOCATION
                                                    : TYPE_ORGANIZATION;
    if (kind == LABEL_B_PER && !s->private_talk && well_known(t, from, to)) {
        type = TYPE_WELL_KNOWN_PERSON;
    }
    for (int i = from; i < to && type == TYPE_PERSON && score >= SURE; i++) {
        if (worth_remembering(&t[i])) {
            s->learnt |= remember(s->memory, t[i].word);
        }
    }
    findings_add(s->out, personal_types[type], t[from].start, t[to - 1].end,
                 MIN(score, SCORE_MOST));
}

/* A name's end: a mark that the model is not sure of stays outside. */
static int without_last_marks(const struct piece *q, int from, int to, int kind)
{
    const struct name_token *t = q->padded + NAMES_REACH;
    while (to > from && is_mark(&t[to - 1]) && part(q->p[to - 1], kind) < 0.5F) {
        to--;
    }
    return to;
}

static bool is_known_name(const struct scan *s, const struct name_token *t)
{
    return remembers(s->memory, t->word) && same_name(t);
}

static void report_again(struct scan *s, const struct name_token *t)
{
    findings_add(s->out, personal_types[TYPE_PERSON], t->start, t->end, REMEMBERED_SCORE);
}

/* Findings of the first `count` tokens. */
static void report_all(struct scan *s, struct piece *q, int count)
{
    const struct name_token *t = q->padded + NAMES_REACH;
    for (int i = 0; i < count && !s->out->overflow;) {
        int kind = kind_of(s->m, q->p[i]);
        if (kind != LABEL_B_PER && s->memory->any && is_known_name(s, &t[i])) {
            report_again(s, &t[i]);
            kind = LABEL_O;
        }
        if (kind == LABEL_O || (is_mark(&t[i]) && part(q->p[i], kind) < 0.5F)) {
            i++;
            continue;
        }
        int to = i + 1;
        while (to < count) {
            bool begins = q->p[to][kind] > APART * q->p[to][kind + 1] && !is_mark(&t[to]);
            bool on = kind_of(s->m, q->p[to]) == kind ||
                      (is_mark(&t[to]) && part(q->p[to], kind) >= JOIN_LEAST);
            if (!on || (begins && !is_mark(&t[to - 1])) || t[to].first_in_line) {
                break;
            }
            to++;
        }
        int end = without_last_marks(q, i, to, kind);
        if (end > i) {
            report(s, q, i, end, kind);
        }
        i = to;
    }
}

/* Where to end a piece that is followed by more: a name must not be cut in two. */
static int cut_of(const struct name_token *t, int count)
{
    for (int i = count - NAMES_REACH; i > count / 2; i--) {
        if (t[i].first_in_line || (t[i - 1].shape == SHAPE_LOWER && t[i].shape == SHAPE_LOWER)) {
            return i;
        }
    }
    return count - NAMES_REACH;
}

static struct name_token mark_token(char c)
{
    return (struct name_token){.word = (unsigned char)c, .shape = SHAPE_MARK, .glued = true};
}

/* A JSON value stands as it would in the JSON: `key": "value"`. */
static void dress_as_value(struct piece *q, struct span key)
{
    struct name_token t[16];
    int n;
    names_tokens(span_from(key, key.len > KEY_BYTES ? key.len - KEY_BYTES : 0), 0, t, ARRAY_LEN(t),
                 &n);
    for (int i = 0; i < n; i++) {
        q->flow.field = t[i].shape == SHAPE_MARK ? q->flow.field : t[i].word;
    }
    q->padded[0] = mark_token(':');
    q->padded[1] = mark_token('"');
}

static void scan_pieces(struct scan *s, struct span near)
{
    struct piece q = {.flow = {0}};
    struct name_token *t = q.padded + NAMES_REACH;
    if (near.len) {
        dress_as_value(&q, near);
    }
    for (size_t at = 0; at < s->text.len && !s->out->overflow;) {
        int count;
        size_t next = names_tokens(s->text, at, t, PIECE_TOKENS, &count);
        bool last = count < PIECE_TOKENS;
        memset(&t[count], 0, sizeof *t * NAMES_REACH);
        if (at == 0 && near.len && count > 0) {
            t[0].glued = true;
            t[0].first_in_line = false;
            t[count] = last ? mark_token('"') : t[count];
        }
        int used = last ? count : cut_of(t, count);
        struct name_flow flow = q.flow;
        names_context(t, count, &q.flow);
        names_look_up(s->m, t, count);
        for (int i = 0; i < used; i++) {
            names_odds(s->m, &t[i], q.odds[i]);
        }
        if (used > 0) {
            names_marginals(q.odds, used, s->m->moves, q.forward, q.backward, q.p);
            report_all(s, &q, used);
        }
        if (!last) { /* what was only looked at is read again, with its flow */
            q.flow = flow;
            names_context(t, used, &q.flow);
            next = t[used].start;
        }
        memmove(q.padded, t + used - NAMES_REACH,
                used >= NAMES_REACH ? sizeof *t * NAMES_REACH : 0);
        at = next;
    }
}

/* ---- once a name, always a name ---- */

static bool covered(const struct findings *f, int count, int *at, const struct name_token *t)
{
    while (*at < count && f->items[*at].end <= t->start) {
        (*at)++;
    }
    return *at < count && f->items[*at].start < t->end;
}

/* `first`: the findings of this scan, in order of place, stand from there on. */
static void find_again(struct scan *s, int first)
{
    struct name_token t[PIECE_TOKENS];
    int known = s->out->count;
    int walk = first;
    for (size_t at = 0; at < s->text.len && !s->out->overflow;) {
        int count;
        at = names_tokens(s->text, at, t, PIECE_TOKENS, &count);
        for (int i = 0; i < count; i++) {
            if (!remembers(s->memory, t[i].word) || covered(s->out, known, &walk, &t[i])) {
                continue;
            }
            t[i].lists = names_lists(s->m, t[i].word);
            if (same_name(&t[i])) {
                report_again(s, &t[i]);
            }
        }
    }
}

void names_scan_with(const struct names_model *m, struct span text, struct span near,
                     struct names_memory *memory, struct findings *out)
{
    struct names_memory own = {.any = false};
    struct scan s = {
        .m = m,
        .text = text,
        .memory = memory ? memory : &own,
        .out = out,
    };
    int first = out->count;
    for (int i = 0; i < first; i++) {
        s.private_talk |= personal_type_replaced(out->items[i].type);
    }
    scan_pieces(&s, near);
    if (s.learnt) {
        find_again(&s, first);
    }
}

void names_scan(struct span text, struct span near, struct names_memory *memory,
                struct findings *out)
{
    names_scan_with(names_model_built_in(), text, near, memory, out);
}
