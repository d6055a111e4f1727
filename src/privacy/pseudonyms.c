/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, as issued and as tolerated when a model sends them back:
 *
 *   issued     <EMAIL_ADDRESS_1>
 *   tolerated  < Email Address 1 >, <email-address_1>, and in JSON text \u003cEMAIL_ADDRESS_1\u003e
 *
 *   token = "<" blank{0,3} name [ _-]{0,2} number blank{0,3} ">"      blank = space or tab
 *   name  = the type's letters in any case, each `_` of it being one of [ _-]
 *   number has no leading zero and at most 6 digits
 *
 * A token cannot hold another one's `<`, so reading from left to right is
 * unambiguous: what was issued comes back as its value, all else stays as it is.
 * The input's own tokens were reserved, so none of them was issued.
 *
 * In a stream, bytes are held back from a `<` on for as long as they are the
 * beginning of some issued token: never more than the longest tolerated form.
 */
#include "privacy/pseudonyms.h"

#include <stdio.h>

#define TYPES_MAX FINDING_TYPES_MAX
#define NUMBER_MAX 999999
#define BLANKS_MAX 3
#define ISSUED_MAX 100000

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

/* `<` or `>`; in JSON text also as an escape. Gives its length, 0 = none, SIZE_MAX = may become one. */
static size_t bracket_at(struct span t, size_t i, char which, bool json)
{
    if (i >= t.len) {
        return SIZE_MAX;
    }
    if (t.data[i] == which) {
        return 1;
    }
    const char *escape = which == '<' ? "\\u003c" : "\\u003e";
    size_t k = 0;
    while (json && k < 6 && i + k < t.len && (t.data[i + k] | (k == 5 ? 0x20 : 0)) == escape[k]) {
        k++;
    }
    return k == 6 ? 6 : json && i + k == t.len ? SIZE_MAX : 0;
}

static size_t skip_blanks(struct span t, size_t i)
{
    size_t end = i;
    while (end < t.len && end - i < BLANKS_MAX && is_blank(t.data[end])) {
        end++;
    }
    return end;
}

/* Reads `name` at `i`; `*io` moves behind it. */
static enum form read_name(struct span t, size_t *io, struct span name)
{
    size_t i = *io;
    for (size_t k = 0; k < name.len; k++, i++) {
        if (i >= t.len) {
            return FORM_PART;
        }
        if (name.data[k] == '_' ? !is_joint(t.data[i]) : upper(t.data[i]) != name.data[k]) {
            return FORM_NONE;
        }
    }
    *io = i;
    return FORM_WHOLE;
}

static enum form read_number(struct span t, size_t *io, uint32_t *out)
{
    size_t i = *io;
    for (int joints = 0; i < t.len && joints < 2 && is_joint(t.data[i]); joints++) {
        i++;
    }
    uint32_t n = 0;
    size_t from = i;
    while (i < t.len && is_digit(t.data[i]) && i - from < 6) {
        n = n * 10 + (uint32_t)(t.data[i++] - '0');
    }
    if (i == t.len) {
        return FORM_PART;
    }
    if (i == from || t.data[from] == '0' || is_digit(t.data[i])) {
        return FORM_NONE;
    }
    *io = i;
    *out = n;
    return FORM_WHOLE;
}

/* A token of one type that begins at t[at]. */
static enum form read_token(struct span t, size_t at, struct span name, bool json, size_t *out_end,
                            uint32_t *out_number)
{
    size_t open = bracket_at(t, at, '<', json);
    if (open == SIZE_MAX || open == 0) {
        return open ? FORM_PART : FORM_NONE;
    }
    size_t i = skip_blanks(t, at + open);
    enum form form = i == t.len ? FORM_PART : read_name(t, &i, name);
    form = form == FORM_WHOLE ? read_number(t, &i, out_number) : form;
    if (form != FORM_WHOLE) {
        return form;
    }
    i = skip_blanks(t, i);
    size_t close = bracket_at(t, i, '>', json);
    if (close == SIZE_MAX || close == 0) {
        return close ? FORM_PART : FORM_NONE;
    }
    *out_end = i + close;
    return FORM_WHOLE;
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

/* Any name counts, not only known types: `<` blanks letters… number. Every way to part name and number is noted. */
static void reserve_at(struct pseudonyms *p, struct span t, size_t at)
{
    size_t open = bracket_at(t, at, '<', true);
    if (open == 0 || open == SIZE_MAX) {
        return;
    }
    size_t from = skip_blanks(t, at + open);
    size_t end = from;
    while (end < t.len && end - from < 64 &&
           (is_joint(t.data[end]) || is_digit(t.data[end]) ||
            (upper(t.data[end]) >= 'A' && upper(t.data[end]) <= 'Z'))) {
        end++;
    }
    for (size_t digits = end; digits > from; digits--) {
        size_t i = digits - 1; /* where the number may begin */
        uint32_t number;
        if (!is_digit(t.data[i]) || (i > from && is_digit(t.data[i - 1]))) {
            continue;
        }
        if (read_number(t, &i, &number) != FORM_WHOLE) {
            continue;
        }
        size_t name_end = digits - 1;
        for (int joints = 0; joints <= 2; joints++) {
            reserved_add(&p->reserved,
                         reserved_key(span_of(t.data + from, name_end - from), number));
            if (name_end == from || !is_joint(t.data[name_end - 1])) {
                break;
            }
            name_end--;
        }
    }
}

void pseudonyms_reserve(struct pseudonyms *p, struct span t)
{
    for (size_t i = 0; i < t.len; i++) {
        const char *open = memchr(t.data + i, '<', t.len - i);
        if (!open) {
            break;
        }
        i = (size_t)(open - t.data);
        reserve_at(p, t, i);
    }
    for (size_t at = span_find(t, SPAN("\\u003"), 0); at != SIZE_MAX;
         at = span_find(t, SPAN("\\u003"), at + 1)) {
        reserve_at(p, t, at);
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

/* The issued token that begins at t[at]; PART when more bytes could make it one. */
static enum form find_issued(const struct pseudonyms *p, struct span t, size_t at, bool json,
                             size_t *out_end, const struct issued **out)
{
    enum form best = FORM_NONE;
    for (int k = 0; k < p->types_count; k++) {
        const struct used_type *type = &p->types[k];
        uint32_t number;
        enum form form = read_token(t, at, span_of(type->name, type->len), json, out_end, &number);
        if (form == FORM_WHOLE && number <= type->most && type->by_number[number]) {
            *out = &p->issued[type->by_number[number] - 1];
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
        if (t.data[i] != '<' && !(json && t.data[i] == '\\')) {
            continue;
        }
        size_t end = 0;
        const struct issued *it = NULL;
        enum form form = find_issued(p, t, i, json, &end, &it);
        if (form == FORM_PART && more) {
            text_add(out, span_of(t.data + done, i - done));
            return i;
        }
        if (form == FORM_WHOLE) {
            text_add(out, span_of(t.data + done, i - done));
            struct span value = span_of(it->value, it->value_len);
            json ? json_escape(out, value) : text_add(out, value);
            done = end;
            i = end - 1;
        } else if (t.data[i] == '\\') {
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
    struct text in, out; /* scratch */
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
    bool plain =
        !l || (l->held.len == 0 && !memchr(d->text.len ? d->text.data : "", '<', d->text.len) &&
               (d->kind != DELTA_TOOL_CALL ||
                !memchr(d->text.len ? d->text.data : "", '\\', d->text.len)));
    if (plain) {
        emit(user, d);
    } else {
        apply_piece(f, l, d, emit, user);
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
    return &f->base;
}
