/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, as issued and as tolerated when a model sends them back:
 *
 *   issued     <EMAIL_ADDRESS_1>
 *   tolerated  < Email Address 1 >, <email-address_1>, <PERSON_1's>, &lt;PERSON_1&gt;, \<PERSON\_1\>,
 *              [PERSON_1], {PERSON_1}, and in JSON text \u003cEMAIL_ADDRESS_1\u003e
 *
 *   angle  = open blank{0,3} name joint{0,2} number possessive? blank{0,3} close
 *   open   = "<" | "&lt;" and in JSON text "\u003c"; close likewise; or "\<" with "\>" ("\\<" in JSON text)
 *   name   = the type's letters in any case, each `_` of it being one joint
 *   joint  = " " | "_" | "-" | "\_" (in JSON text "\\_")        blank = space or tab
 *   number has no leading zero and at most 6 digits
 *   possessive = "'s" | "’s", which stays behind the value
 *
 *   square and curly brackets only around the very letters that were issued: "[Person 1]:" is how prose writes.
 *
 * A token cannot hold another one's beginning, so reading from left to right is
 * unambiguous: what was issued comes back as its value, all else stays as it is.
 * Without brackets nothing is a token. The input's own tokens, in any of these
 * forms, were reserved, so none of them was issued.
 *
 * In a stream, bytes are held back from a bracket on for as long as they are the
 * beginning of some issued token: never more than the longest tolerated form.
 */
#include "privacy/pseudonyms.h"

#include <stdio.h>

#define TYPES_MAX FINDING_TYPES_MAX
#define NUMBER_MAX 999999
#define BLANKS_MAX 3
#define ISSUED_MAX 100000
#define RESERVED_NAME_MAX 96 /* bytes: longer than any type's name and number */

struct issued {
    uint8_t type;
    uint32_t number;
    char *value;
    size_t value_len;
    char *token;
    uint64_t hash; /* of type and value */
};

struct used_type {
    const char *name;
    size_t len;
    uint32_t next;       /* the number to try next */
    uint32_t most;       /* the largest number issued */
    uint32_t *by_number; /* issued index + 1; 0 = not issued */
    uint32_t by_number_capacity;
};

struct reserved {
    uint64_t *keys; /* hash of type name and number; open addressing, 0 = free */
    size_t count, capacity;
};

struct pseudonyms {
    struct used_type types[TYPES_MAX];
    int types_count;
    struct issued *issued;
    uint32_t count, capacity;
    uint32_t *by_value; /* issued index + 1; open addressing */
    size_t by_value_capacity;
    struct reserved reserved;
};

struct pseudonyms *pseudonyms_new(void)
{
    return NEW(struct pseudonyms);
}

static void wipe_free(char *s, size_t len)
{
    if (s) {
        explicit_bzero(s, len);
        mem_free(s);
    }
}

void pseudonyms_free(struct pseudonyms *p)
{
    if (!p) {
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        wipe_free(p->issued[i].value, p->issued[i].value_len);
        mem_free(p->issued[i].token);
    }
    for (int i = 0; i < p->types_count; i++) {
        mem_free(p->types[i].by_number);
    }
    mem_free(p->issued);
    mem_free(p->by_value);
    mem_free(p->reserved.keys);
    mem_free(p);
}

bool pseudonyms_empty(const struct pseudonyms *p)
{
    return p->count == 0;
}

/* ---- reading a token ---- */

enum form { FORM_NONE, FORM_PART, FORM_WHOLE };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_joint(char c)
{
    return c == ' ' || c == '_' || c == '-';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* ESCAPED: Markdown's "\<" … "\>", which close each other only: a value may stand behind a backslash of its own. */
enum bracket { ANGLE, ESCAPED, SQUARE, CURLY };

/* Which bytes a token can begin with, in text and in JSON text alike. */
static bool begins_token(char c)
{
    return c == '<' || c == '[' || c == '{' || c == '&' || c == '\\';
}

static bool may_begin_token(struct span t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (begins_token(t.data[i])) {
            return true;
        }
    }
    return false;
}

/* Is `word` at t[i]? *out_len its length; PART when the text ends before it does. Lower-case letters in `word` match
 * either case. */
static enum form word_at(struct span t, size_t i, const char *word, size_t *out_len)
{
    size_t k = 0;
    for (; word[k]; k++) {
        if (i + k >= t.len) {
            return FORM_PART;
        }
        char c = t.data[i + k];
        bool letter = word[k] >= 'a' && word[k] <= 'z';
        if (c != word[k] && !(letter && upper(c) == upper(word[k]))) {
            return FORM_NONE;
        }
    }
    *out_len = k;
    return FORM_WHOLE;
}

static enum form any_word_at(struct span t, size_t i, const char *const *words, size_t *out_len)
{
    enum form best = FORM_NONE;
    for (; *words; words++) {
        enum form form = word_at(t, i, *words, out_len);
        if (form == FORM_WHOLE) {
            return form;
        }
        best = form == FORM_PART ? form : best;
    }
    return best;
}

static const char *const opens[] = {"<", "&lt;", NULL};
static const char *const opens_json[] = {"<", "&lt;", "\\u003c", NULL};
static const char *const closes[] = {">", "&gt;", NULL};
static const char *const closes_json[] = {">", "&gt;", "\\u003e", NULL};
static const char *const escaped_opens[] = {"\\<", NULL};
static const char *const escaped_opens_json[] = {"\\\\<", NULL};
static const char *const escaped_closes[] = {"\\>", NULL};
static const char *const escaped_closes_json[] = {"\\\\>", NULL};
static const char *const joints[] = {"_", " ", "-", "\\_", NULL};
static const char *const joints_json[] = {"_", " ", "-", "\\\\_", NULL};
static const char *const possessives[] = {"'s", "\xe2\x80\x99s", NULL};

static size_t skip_blanks(struct span t, size_t i)
{
    size_t end = i;
    while (end < t.len && end - i < BLANKS_MAX && is_blank(t.data[end])) {
        end++;
    }
    return end;
}

/* What is being read, and how. */
struct reading {
    struct span t;
    size_t at;
    bool json;
    enum bracket bracket;
};

static bool is_strict(const struct reading *r)
{
    return r->bracket == SQUARE || r->bracket == CURLY;
}

static enum form read_joint(struct reading *r)
{
    size_t len = 1;
    if (is_strict(r)) {
        enum form form = word_at(r->t, r->at, "_", &len);
        r->at += form == FORM_WHOLE;
        return form;
    }
    enum form form = any_word_at(r->t, r->at, r->json ? joints_json : joints, &len);
    r->at += form == FORM_WHOLE ? len : 0;
    return form;
}

static enum form read_name(struct reading *r, struct span name)
{
    for (size_t k = 0; k < name.len; k++) {
        if (r->at >= r->t.len) {
            return FORM_PART;
        }
        if (name.data[k] == '_') {
            enum form form = read_joint(r);
            if (form != FORM_WHOLE) {
                return form;
            }
            continue;
        }
        char c = r->t.data[r->at++];
        if ((is_strict(r) ? c : upper(c)) != name.data[k]) {
            return FORM_NONE;
        }
    }
    return FORM_WHOLE;
}

static enum form read_number(struct reading *r, uint32_t *out)
{
    enum form form = FORM_WHOLE;
    int most = is_strict(r) ? 1 : 2;
    int count = 0;
    while (count < most && (form = read_joint(r)) == FORM_WHOLE) {
        count++;
    }
    if (form == FORM_PART) {
        return FORM_PART;
    }
    struct span t = r->t;
    uint32_t n = 0;
    size_t from = r->at;
    while (r->at < t.len && is_digit(t.data[r->at]) && r->at - from < 6) {
        n = n * 10 + (uint32_t)(t.data[r->at++] - '0');
    }
    if (r->at == t.len) {
        return FORM_PART;
    }
    if (r->at == from || t.data[from] == '0' || is_digit(t.data[r->at]) ||
        (is_strict(r) && count != 1)) {
        return FORM_NONE;
    }
    *out = n;
    return FORM_WHOLE;
}

static enum form read_open(struct reading *r)
{
    size_t len = 1;
    if (r->at >= r->t.len) {
        return FORM_PART;
    }
    char c = r->t.data[r->at];
    r->bracket = c == '[' ? SQUARE : c == '{' ? CURLY : ANGLE;
    if (is_strict(r)) {
        r->at++;
        return r->at == r->t.len ? FORM_PART : FORM_WHOLE;
    }
    enum form form = any_word_at(r->t, r->at, r->json ? opens_json : opens, &len);
    if (form != FORM_WHOLE) {
        enum form escaped =
            any_word_at(r->t, r->at, r->json ? escaped_opens_json : escaped_opens, &len);
        r->bracket = escaped == FORM_WHOLE ? ESCAPED : ANGLE;
        form = escaped == FORM_NONE ? form : escaped;
    }
    if (form != FORM_WHOLE) {
        return form;
    }
    r->at = skip_blanks(r->t, r->at + len);
    return r->at == r->t.len ? FORM_PART : FORM_WHOLE;
}

static enum form read_close(struct reading *r, struct span *out_possessive)
{
    size_t len = 1;
    *out_possessive = SPAN_NONE;
    if (is_strict(r)) {
        enum form form = word_at(r->t, r->at, r->bracket == SQUARE ? "]" : "}", &len);
        r->at += form == FORM_WHOLE;
        return form;
    }
    enum form form = any_word_at(r->t, r->at, possessives, &len);
    if (form == FORM_WHOLE) {
        *out_possessive = span_of(r->t.data + r->at, len);
        r->at += len;
    } else if (form == FORM_PART) {
        return form;
    }
    r->at = skip_blanks(r->t, r->at);
    const char *const *marks = r->bracket == ESCAPED
                                   ? r->json ? escaped_closes_json : escaped_closes
                               : r->json ? closes_json
                                         : closes;
    form = any_word_at(r->t, r->at, marks, &len);
    r->at += form == FORM_WHOLE ? len : 0;
    return form;
}

/* ---- reserving ---- */

/* FNV-1a over the letters as they are compared. */
static uint64_t reserved_key(struct span name, uint32_t number)
{
    uint64_t h = 1469598103934665603ull;
    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ (uint64_t)(unsigned char)(is_joint(name.data[i]) ? '_' : upper(name.data[i]))) *
            1099511628211ull;
    }
    h = (h ^ number) * 1099511628211ull;
    return h ? h : 1;
}

static bool reserved_has(const struct reserved *r, uint64_t key)
{
    for (size_t i = key; r->capacity; i++) {
        uint64_t held = r->keys[i % r->capacity];
        if (held == key || held == 0) {
            return held == key;
        }
    }
    return false;
}

static void reserved_add(struct reserved *r, uint64_t key)
{
    if (r->count * 2 >= r->capacity) {
        struct reserved grown = {.capacity = MAX(r->capacity * 2, (size_t)64)};
        grown.keys = NEW_ARRAY(uint64_t, grown.capacity);
        for (size_t i = 0; i < r->capacity; i++) {
            if (r->keys[i]) {
                reserved_add(&grown, r->keys[i]);
            }
        }
        mem_free(r->keys);
        *r = grown;
    }
    size_t i = key % r->capacity;
    while (r->keys[i] && r->keys[i] != key) {
        i = (i + 1) % r->capacity;
    }
    r->count += r->keys[i] == 0;
    r->keys[i] = key;
}

/* Every way to part the letters and joints in `name` from a number at their end is noted. */
static void reserve_name(struct pseudonyms *p, struct span name)
{
    for (size_t from = 0; from < name.len; from++) {
        if (!is_digit(name.data[from]) || (from > 0 && is_digit(name.data[from - 1]))) {
            continue;
        }
        uint32_t number = 0;
        size_t end = from;
        while (end < name.len && is_digit(name.data[end]) && end - from < 7) {
            number = number * 10 + (uint32_t)(name.data[end++] - '0');
        }
        size_t name_end = from;
        for (int count = 0; count <= 2; count++) {
            reserved_add(&p->reserved, reserved_key(span_first(name, name_end), number));
            if (name_end == 0 || !is_joint(name.data[name_end - 1])) {
                break;
            }
            name_end--;
        }
    }
}

/* Any name counts, not only known types, and nothing has to close it. */
static void reserve_at(struct pseudonyms *p, struct span t, size_t at, bool json)
{
    struct reading r = {.t = t, .at = at, .json = json};
    char name[RESERVED_NAME_MAX];
    size_t len = 0;
    if (read_open(&r) != FORM_WHOLE) {
        return;
    }
    r.bracket = ANGLE; /* its joints are the widest */
    while (r.at < t.len && len < sizeof name) {
        char c = upper(t.data[r.at]);
        if ((c >= 'A' && c <= 'Z') || is_digit(c)) {
            name[len++] = c;
            r.at++;
        } else if (read_joint(&r) == FORM_WHOLE) {
            name[len++] = '_';
        } else {
            break;
        }
    }
    reserve_name(p, span_of(name, len));
}

/* Read as text and as JSON text: nobody knows as what a model gives it back. */
void pseudonyms_reserve(struct pseudonyms *p, struct span t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (begins_token(t.data[i])) {
            reserve_at(p, t, i, false);
            reserve_at(p, t, i, true);
        }
    }
}

/* ---- issuing ---- */

static int type_index(struct pseudonyms *p, const char *name)
{
    for (int i = 0; i < p->types_count; i++) {
        if (strcmp(p->types[i].name, name) == 0) {
            return i;
        }
    }
    if (p->types_count == TYPES_MAX) {
        return -1;
    }
    p->types[p->types_count] = (struct used_type){.name = name, .len = strlen(name), .next = 1};
    return p->types_count++;
}

static uint64_t value_hash(int type, struct span value)
{
    return (span_hash(value) ^ (uint64_t)type * 0x9e3779b97f4a7c15ull) | 1;
}

static struct issued *issued_of(const struct pseudonyms *p, int type, struct span value,
                                uint64_t hash)
{
    for (size_t i = hash; p->by_value_capacity; i++) {
        uint32_t at = p->by_value[i % p->by_value_capacity];
        if (at == 0) {
            break;
        }
        struct issued *it = &p->issued[at - 1];
        if (it->hash == hash && it->type == type &&
            span_eq(span_of(it->value, it->value_len), value)) {
            return it;
        }
    }
    return NULL;
}

static void index_value(struct pseudonyms *p, uint32_t at)
{
    size_t i = p->issued[at].hash % p->by_value_capacity;
    while (p->by_value[i]) {
        i = (i + 1) % p->by_value_capacity;
    }
    p->by_value[i] = at + 1;
}

static void grow(struct pseudonyms *p)
{
    if (p->count == p->capacity) {
        uint32_t grown = MAX(p->capacity * 2, 8u);
        p->issued = mem_grow(p->issued, sizeof *p->issued * p->capacity, sizeof *p->issued * grown);
        p->capacity = grown;
    }
    if (((size_t)p->count + 1) * 2 > p->by_value_capacity) {
        mem_free(p->by_value);
        p->by_value_capacity = MAX(p->by_value_capacity * 2, (size_t)32);
        p->by_value = NEW_ARRAY(uint32_t, p->by_value_capacity);
        for (uint32_t i = 0; i < p->count; i++) {
            index_value(p, i);
        }
    }
}

static uint32_t next_number(struct pseudonyms *p, struct used_type *type)
{
    struct span name = span_of(type->name, type->len);
    while (type->next <= NUMBER_MAX && reserved_has(&p->reserved, reserved_key(name, type->next))) {
        type->next++;
    }
    return type->next <= NUMBER_MAX ? type->next++ : 0;
}

static void index_number(struct used_type *type, uint32_t number, uint32_t at)
{
    if (number >= type->by_number_capacity) {
        uint32_t grown = MAX(number + 1, MAX(type->by_number_capacity * 2, 8u));
        type->by_number = mem_grow(type->by_number, sizeof(uint32_t) * type->by_number_capacity,
                                   sizeof(uint32_t) * grown);
        type->by_number_capacity = grown;
    }
    type->by_number[number] = at + 1;
    type->most = MAX(type->most, number);
}

static char *copy_of(struct span s)
{
    char *copy = mem_new(s.len + 1);
    memcpy(copy, s.data, s.len);
    return copy;
}

struct span pseudonyms_token(struct pseudonyms *p, const char *name, struct span value,
                             bool *out_new)
{
    int type = type_index(p, name);
    if (type < 0) {
        return SPAN_NONE;
    }
    uint64_t hash = value_hash(type, value);
    struct issued *known = issued_of(p, type, value, hash);
    *out_new = known == NULL;
    if (known) {
        return span_c(known->token);
    }
    uint32_t number = p->count < ISSUED_MAX ? next_number(p, &p->types[type]) : 0;
    if (number == 0) {
        return SPAN_NONE;
    }
    char token[96];
    int len = snprintf(token, sizeof token, "<%s_%u>", name, number);
    ASSERT(len > 0 && (size_t)len < sizeof token);
    grow(p);
    p->issued[p->count] = (struct issued){
        .type = (uint8_t)type,
        .number = number,
        .value = copy_of(value),
        .value_len = value.len,
        .token = copy_of(span_of(token, (size_t)len)),
        .hash = hash,
    };
    index_value(p, p->count);
    index_number(&p->types[type], number, p->count);
    return span_c(p->issued[p->count++].token);
}

/* ---- restoring ---- */

/* An issued token as it was found. */
struct met {
    const struct issued *issued;
    struct span possessive; /* SPAN_NONE mostly */
    size_t end;
};

/* The issued token that begins at t[at]; PART when more bytes could make it one. */
static enum form find_issued(const struct pseudonyms *p, struct span t, size_t at, bool json,
                             struct met *out)
{
    struct reading open = {.t = t, .at = at, .json = json};
    enum form best = read_open(&open);
    if (best != FORM_WHOLE) {
        return best;
    }
    best = FORM_NONE;
    for (int k = 0; k < p->types_count; k++) {
        const struct used_type *type = &p->types[k];
        struct reading r = open;
        uint32_t number = 0;
        enum form form = read_name(&r, span_of(type->name, type->len));
        form = form == FORM_WHOLE ? read_number(&r, &number) : form;
        if (form == FORM_WHOLE && (number > type->most || !type->by_number[number])) {
            continue;
        }
        form = form == FORM_WHOLE ? read_close(&r, &out->possessive) : form;
        if (form == FORM_WHOLE) {
            out->issued = &p->issued[type->by_number[number] - 1];
            out->end = r.at;
            return FORM_WHOLE;
        }
        best = form == FORM_PART ? FORM_PART : best;
    }
    return best;
}

/* Appends `t` with tokens restored. With `more` to come, gives where the held part begins (t.len = nothing held). */
static size_t restore(const struct pseudonyms *p, struct span t, bool json, bool more,
                      struct text *out)
{
    size_t done = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (!begins_token(t.data[i])) {
            continue;
        }
        struct met met;
        enum form form = find_issued(p, t, i, json, &met);
        if (form == FORM_PART && more) {
            text_add(out, span_of(t.data + done, i - done));
            return i;
        }
        if (form == FORM_WHOLE) {
            text_add(out, span_of(t.data + done, i - done));
            struct span value = span_of(met.issued->value, met.issued->value_len);
            json ? json_escape(out, value) : text_add(out, value);
            text_add(out, met.possessive);
            done = met.end;
            i = met.end - 1;
        } else if (json && t.data[i] == '\\') {
            i++; /* an escaped backslash begins nothing */
        }
    }
    text_add(out, span_of(t.data + done, t.len - done));
    return t.len;
}

void pseudonyms_restore(const struct pseudonyms *p, struct span text, struct text *out)
{
    restore(p, text, false, false, out);
}

/* ---- in a stream ---- */

/* What is held of one sequence of text: a choice's text, reasoning or refusal, or one tool call's arguments. */
struct lane {
    enum delta_kind kind;
    int choice, tool_index;
    struct text held;
};

struct restore_filter {
    struct delta_filter base;
    const struct pseudonyms *pseudonyms;
    struct lane *lanes;
    int count, capacity;
    struct text in, out, name; /* scratch */
};

#define LANES_MAX 4096
#define TEXT_MAX (64 * MIB)

static struct lane *lane_of(struct restore_filter *f, const struct delta *d)
{
    for (int i = 0; i < f->count; i++) {
        struct lane *l = &f->lanes[i];
        if (l->kind == d->kind && l->choice == d->choice &&
            (d->kind != DELTA_TOOL_CALL || l->tool_index == d->tool_index)) {
            return l;
        }
    }
    if (f->count == LANES_MAX) {
        return NULL;
    }
    if (f->count == f->capacity) {
        int grown = MAX(f->capacity * 2, 4);
        f->lanes = mem_grow(f->lanes, sizeof *f->lanes * (size_t)f->capacity,
                            sizeof *f->lanes * (size_t)grown);
        f->capacity = grown;
    }
    struct lane *l = &f->lanes[f->count++];
    *l = (struct lane){.kind = d->kind, .choice = d->choice, .tool_index = d->tool_index};
    text_init(&l->held, 4096);
    return l;
}

static void apply_piece(struct restore_filter *f, struct lane *l, const struct delta *d,
                        void (*emit)(void *user, const struct delta *d), void *user)
{
    struct span text = d->text;
    if (l->held.len) {
        text_clear(&f->in);
        text_add(&f->in, text_span(&l->held));
        text_add(&f->in, d->text);
        text = text_span(&f->in);
    }
    text_clear(&f->out);
    size_t kept = restore(f->pseudonyms, text, d->kind == DELTA_TOOL_CALL, true, &f->out);
    text_clear(&l->held);
    text_add(&l->held, span_from(text, kept));
    ASSERT(!l->held.overflow); /* a token's forms are bounded, far below the lane's maximum */
    if (f->out.len || span_given(d->tool_id) || span_given(d->tool_name) ||
        span_given(d->logprobs)) {
        struct delta changed = *d;
        changed.text = span_given(d->text) || f->out.len ? text_span(&f->out) : SPAN_NONE;
        emit(user, &changed);
    }
}

static void flush(struct restore_filter *f, void (*emit)(void *user, const struct delta *d),
                  void *user)
{
    for (int i = 0; i < f->count; i++) {
        struct lane *l = &f->lanes[i];
        if (l->held.len) {
            struct delta rest = {.kind = l->kind,
                                 .choice = l->choice,
                                 .tool_index = l->tool_index,
                                 .text = text_span(&l->held)};
            emit(user, &rest);
            text_clear(&l->held);
        }
    }
}

static void filter_apply(struct delta_filter *base, const struct delta *d,
                         void (*emit)(void *user, const struct delta *d), void *user)
{
    struct restore_filter *f = CONTAINER_OF(base, struct restore_filter, base);
    if (!d) {
        flush(f, emit, user);
        return;
    }
    struct lane *l = lane_of(f, d);
    struct delta named = *d;
    if (span_given(d->tool_name) &&
        may_begin_token(d->tool_name)) { /* replaced in the list of tools */
        text_clear(&f->name);
        restore(f->pseudonyms, d->tool_name, false, false, &f->name);
        named.tool_name = text_span(&f->name);
    }
    if (!l || (l->held.len == 0 && !may_begin_token(d->text))) {
        emit(user, &named);
    } else {
        apply_piece(f, l, &named, emit, user);
    }
}

static void filter_free(struct delta_filter *base)
{
    struct restore_filter *f = CONTAINER_OF(base, struct restore_filter, base);
    for (int i = 0; i < f->count; i++) {
        text_done(&f->lanes[i].held);
    }
    mem_free(f->lanes);
    text_done(&f->in);
    text_done(&f->out);
    text_done(&f->name);
    mem_free(f);
}

static const struct delta_filter_type restore_filter_type = {.apply = filter_apply,
                                                             .free = filter_free};

struct delta_filter *pseudonyms_restore_filter(const struct pseudonyms *p)
{
    struct restore_filter *f = NEW(struct restore_filter);
    f->base.type = &restore_filter_type;
    f->pseudonyms = p;
    text_init(&f->in, TEXT_MAX);
    text_init(&f->out, TEXT_MAX);
    text_init(&f->name, 4096);
    return &f->base;
}
