/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* libyaml keeps aliases as references, so a bomb costs nothing until it is walked. */
#define VISITS_MAX 100000
#define DEPTH_MAX 16
#define MISTAKES_MAX 100
#define SHOWN_BYTES 60

/* ---- reporting ---- */

int value_line(struct value v)
{
    return (int)v.node->start_mark.line + 1;
}

static void report(struct reader *r, const char *kind, int line, const char *format, va_list args)
{
    text_addf(r->errors, "%s%s:%d: ", kind, r->file, line);
    text_vaddf(r->errors, format, args);
    text_add_char(r->errors, '\n');
}

void reader_wrong_at(struct reader *r, int line, const char *format, ...)
{
    if (++r->mistakes > MISTAKES_MAX) {
        if (r->mistakes == MISTAKES_MAX + 1) {
            text_addf(r->errors, "%s:%d: and more; the first %d mistakes are above\n", r->file,
                      line, MISTAKES_MAX);
        }
        return;
    }
    va_list args;
    va_start(args, format);
    report(r, "", line, format, args);
    va_end(args);
}

void reader_wrong(struct reader *r, struct value v, const char *format, ...)
{
    char words[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    reader_wrong_at(r, value_line(v), "%s%s%s", v.path, v.path[0] ? ": " : "", words);
}

void reader_warn_at(struct reader *r, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(r, "warning: ", line, format, args);
    va_end(args);
}

const char *reader_shown(struct reader *r, struct span word)
{
    struct span start = span_first(word, SHOWN_BYTES);
    start = span_first(start, span_utf8_whole(start));
    char *shown = arena_alloc(r->arena, start.len + 4);
    for (size_t i = 0; i < start.len; i++) {
        unsigned char c = (unsigned char)start.data[i];
        shown[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (start.len < word.len) {
        memcpy(shown + start.len, "...", 3);
    }
    return shown;
}

/* Levenshtein's distance, letter case ignored; large for long words. */
static size_t distance(struct span a, struct span b)
{
    enum { LONGEST = 40 };
    if (a.len > LONGEST || b.len > LONGEST) {
        return SIZE_MAX;
    }
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same =
                tolower((unsigned char)a.data[i - 1]) == tolower((unsigned char)b.data[j - 1]);
            size_t changed = diagonal + !same;
            diagonal = row[j];
            row[j] = MIN(changed, 1 + MIN(row[j], row[j - 1]));
        }
    }
    return row[b.len];
}

const char *reader_near(struct reader *r, struct span word, const char *const *words)
{
    const char *best = NULL;
    size_t least = word.len <= 4 ? 2 : 4; /* more letters wrong than that is another word */
    for (; *words; words++) {
        size_t d = distance(word, span_c(*words));
        if (d < least) {
            least = d;
            best = *words;
        }
    }
    return best ? arena_printf(r->arena, " (did you mean `%s`?)", best).data : "";
}

/* ---- looking ---- */

struct span value_scalar(struct value v)
{
    return v.node->type == YAML_SCALAR_NODE
               ? span_of((const char *)v.node->data.scalar.value, v.node->data.scalar.length)
               : SPAN_NONE;
}

bool value_is_null(struct value v)
{
    struct span s = value_scalar(v);
    return span_given(s) && v.node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (s.len == 0 || span_is(s, "~") || span_eq_nocase(s, SPAN("null")));
}

bool value_is_map(struct value v)
{
    return v.node->type == YAML_MAPPING_NODE;
}

bool value_is_list(struct value v)
{
    return v.node->type == YAML_SEQUENCE_NODE;
}

size_t value_len(struct value v)
{
    return value_is_list(v)
               ? (size_t)(v.node->data.sequence.items.top - v.node->data.sequence.items.start)
               : 0;
}

struct value value_at(struct reader *r, struct value list, size_t index)
{
    return (struct value){
        .node = yaml_document_get_node(r->doc, list.node->data.sequence.items.start[index]),
        .path = arena_printf(r->arena, "%s[%zu]", list.path, index).data,
    };
}

bool reader_visit(struct reader *r, struct value v)
{
    if (++r->visits == VISITS_MAX) {
        reader_wrong(r, v, "the file unfolds to more than %d values (aliases?)", VISITS_MAX);
    }
    return r->visits < VISITS_MAX;
}

static bool has_control(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

const char *reader_string(struct reader *r, struct value v)
{
    struct span s = value_scalar(v);
    if (!span_given(s)) {
        reader_wrong(r, v, "expected a string");
    } else if (s.len == 0) {
        reader_wrong(r, v, "must not be empty");
    } else if (s.len > STRING_BYTES_MAX) {
        reader_wrong(r, v, "longer than %d bytes", STRING_BYTES_MAX);
    } else if (has_control(s)) {
        reader_wrong(r, v, "holds a control character");
    } else {
        return arena_c(r->arena, s);
    }
    return NULL;
}

const char *reader_resolve(struct reader *r, const char *path)
{
    const char *home = getenv("HOME");
    if (strncmp(path, "~/", 2) == 0 && home) {
        return arena_printf(r->arena, "%s/%s", home, path + 2).data;
    }
    return path[0] == '/' ? path : arena_printf(r->arena, "%s/%s", r->folder, path).data;
}

bool reader_number(struct value v, double min, double max, double *out)
{
    struct span s = value_scalar(v);
    double x = 0;
    if (!span_given(s) || !span_to_f64(s, &x) || !(x >= min && x <= max)) {
        return false;
    }
    *out = x;
    return true;
}

bool reader_whole(struct value v, double min, double max, int64_t *out)
{
    struct span s = value_scalar(v);
    int64_t n = 0;
    if (!span_given(s) || !span_to_i64(s, &n) || (double)n < min || (double)n > max) {
        return false;
    }
    *out = n;
    return true;
}

/* What stands there, for "got …". */
static const char *shown_value(struct reader *r, struct value v)
{
    if (value_is_map(v)) {
        return "a mapping";
    }
    if (value_is_list(v)) {
        return "a list";
    }
    return arena_printf(r->arena, "`%s`", reader_shown(r, value_scalar(v))).data;
}

/* ---- tables ---- */

static const struct field *find_field(const struct field *table, struct span key)
{
    for (; table->key; table++) {
        if (span_is(key, table->key)) {
            return table;
        }
    }
    return NULL;
}

static const char *const *keys_of(struct reader *r, const struct field *table)
{
    size_t count = 0;
    while (table[count].key) {
        count++;
    }
    const char **keys = ARENA_ARRAY(r->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        keys[i] = table[i].key;
    }
    return keys;
}

static const char *joined(struct reader *r, const char *const *words)
{
    struct text t;
    text_init(&t, 2048);
    for (const char *const *word = words; *word; word++) {
        text_addf(&t, "%s%s", word == words ? "" : ", ", *word);
    }
    const char *all = arena_c(r->arena, text_span(&t));
    text_done(&t);
    return all;
}

static void unknown_key(struct reader *r, struct value v, int line, struct span key,
                        const struct field *table)
{
    const char *const *keys = keys_of(r, table);
    const char *near = reader_near(r, key, keys);
    reader_wrong_at(r, line, "%s%sunknown key `%s`%s; allowed: %s", v.path, v.path[0] ? ": " : "",
                    reader_shown(r, key), near, joined(r, keys));
}

/* Keys are few (the tables bound the known ones, the visits the others): comparing with all before is fine. */
static const yaml_node_t *same_key_before(struct reader *r, const yaml_node_pair_t *first,
                                          const yaml_node_pair_t *pair, struct span key)
{
    for (const yaml_node_pair_t *p = first; p < pair && p - first < 256; p++) {
        struct value earlier = {.node = yaml_document_get_node(r->doc, p->key)};
        if (span_given(value_scalar(earlier)) && span_eq(value_scalar(earlier), key)) {
            return earlier.node;
        }
    }
    return NULL;
}

/* One `key: value`. */
static void read_pair(struct reader *r, struct value map, const yaml_node_pair_t *pair,
                      const struct field *table, void *base)
{
    struct value key = {.node = yaml_document_get_node(r->doc, pair->key), .path = map.path};
    struct value inner = {.node = yaml_document_get_node(r->doc, pair->value)};
    const char *dot = map.path[0] ? ": " : "";
    struct span word = value_scalar(key);
    if (!span_given(word)) {
        reader_wrong_at(r, value_line(key), "%s%sa key must be a plain word", map.path, dot);
        return;
    }
    const struct field *f = find_field(table, word);
    if (!f) {
        unknown_key(r, map, value_line(key), word, table);
        return;
    }
    const yaml_node_t *twin = same_key_before(r, map.node->data.mapping.pairs.start, pair, word);
    if (twin) {
        reader_wrong_at(r, value_line(key), "%s%s`%s` appears twice, first on line %d", map.path,
                        dot, f->key, (int)twin->start_mark.line + 1);
        return;
    }
    inner.path = map.path[0] ? arena_printf(r->arena, "%s.%s", map.path, f->key).data : f->key;
    if (!value_is_null(inner)) {
        f->read(r, inner, f, base);
    }
}

void reader_map(struct reader *r, struct value v, const struct field *table, void *base)
{
    if (!value_is_map(v)) {
        reader_wrong(r, v, "expected a mapping with the keys %s", joined(r, keys_of(r, table)));
        return;
    }
    if (++r->depth > DEPTH_MAX) {
        reader_wrong(r, v, "nested deeper than %d levels", DEPTH_MAX);
        r->depth--;
        return;
    }
    const yaml_node_pair_t *pair = v.node->data.mapping.pairs.start;
    for (; pair < v.node->data.mapping.pairs.top && reader_visit(r, v); pair++) {
        read_pair(r, v, pair, table, base);
    }
    r->depth--;
}

const char *const *reader_list(struct reader *r, struct value v, bool (*fits)(struct span item),
                               const char *hint)
{
    bool one = !value_is_list(v);
    size_t count = one ? 1 : value_len(v);
    if (count > LIST_LEN_MAX) {
        reader_wrong(r, v, "more than %d entries", LIST_LEN_MAX);
        return ARENA_NEW(r->arena, const char *);
    }
    const char **items = ARENA_ARRAY(r->arena, const char *, count + 1);
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        struct value item = one ? v : value_at(r, v, i);
        if (!reader_visit(r, item)) {
            break;
        }
        const char *s = reader_string(r, item);
        if (s && fits && !fits(span_c(s))) {
            reader_wrong(r, item, "expected %s, got `%s`", hint, reader_shown(r, span_c(s)));
        } else if (s) {
            items[good++] = s;
        }
    }
    return items;
}

/* ---- the readers ---- */

static void *target(const struct field *f, void *base)
{
    return (char *)base + f->offset;
}

void read_map(struct reader *r, struct value v, const struct field *f, void *base)
{
    reader_map(r, v, f->inner, base);
}

void read_text(struct reader *r, struct value v, const struct field *f, void *base)
{
    const char *s = reader_string(r, v);
    if (s) {
        *(const char **)target(f, base) = s;
    }
}

void read_path(struct reader *r, struct value v, const struct field *f, void *base)
{
    const char *s = reader_string(r, v);
    if (s) {
        *(const char **)target(f, base) = reader_resolve(r, s);
    }
}

static bool whole(struct reader *r, struct value v, const struct field *f, int64_t *out)
{
    if (reader_whole(v, f->min, f->max, out)) {
        return true;
    }
    reader_wrong(r, v, "expected a whole number from %.0f to %.0f, got %s", f->min, f->max,
                 shown_value(r, v));
    return false;
}

void read_int(struct reader *r, struct value v, const struct field *f, void *base)
{
    int64_t n = 0;
    if (whole(r, v, f, &n)) {
        *(int *)target(f, base) = (int)n;
    }
}

void read_u32(struct reader *r, struct value v, const struct field *f, void *base)
{
    int64_t n = 0;
    if (whole(r, v, f, &n)) {
        *(uint32_t *)target(f, base) = (uint32_t)n;
    }
}

void read_i64(struct reader *r, struct value v, const struct field *f, void *base)
{
    int64_t n = 0;
    if (whole(r, v, f, &n)) {
        *(int64_t *)target(f, base) = n;
    }
}

void read_double(struct reader *r, struct value v, const struct field *f, void *base)
{
    double x = 0;
    if (reader_number(v, f->min, f->max, &x)) {
        *(double *)target(f, base) = x;
    } else {
        reader_wrong(r, v, "expected a number from %g to %g, got %s", f->min, f->max,
                     shown_value(r, v));
    }
}

static bool truth(struct reader *r, struct value v, bool *out)
{
    struct span s = value_scalar(v);
    bool yes = span_given(s) && span_is(s, "true");
    if (!yes && !(span_given(s) && span_is(s, "false"))) {
        reader_wrong(r, v, "expected true or false, got %s", shown_value(r, v));
        return false;
    }
    *out = yes;
    return true;
}

void read_bool(struct reader *r, struct value v, const struct field *f, void *base)
{
    bool yes = false;
    if (truth(r, v, &yes)) {
        *(bool *)target(f, base) = yes;
    }
}

void read_flag(struct reader *r, struct value v, const struct field *f, void *base)
{
    bool yes = false;
    if (truth(r, v, &yes)) {
        *(int *)target(f, base) = yes;
    }
}

void read_usd(struct reader *r, struct value v, const struct field *f, void *base)
{
    double usd = 0;
    if (reader_number(v, 0, f->max, &usd)) {
        *(int64_t *)target(f, base) = llround(usd * 1e9);
    } else {
        reader_wrong(r, v, "expected US dollars from 0 to %g, got %s", f->max, shown_value(r, v));
    }
}

static int word_index(struct reader *r, struct value v, const struct field *f)
{
    struct span s = value_scalar(v);
    for (int i = 0; span_given(s) && f->words[i]; i++) {
        if (span_is(s, f->words[i])) {
            return i;
        }
    }
    reader_wrong(r, v, "expected one of %s, got %s%s", joined(r, f->words), shown_value(r, v),
                 span_given(s) ? reader_near(r, s, f->words) : "");
    return -1;
}

void read_word(struct reader *r, struct value v, const struct field *f, void *base)
{
    int i = word_index(r, v, f);
    if (i >= 0) {
        *(const char **)target(f, base) = f->words[i];
    }
}

void read_word_index(struct reader *r, struct value v, const struct field *f, void *base)
{
    int i = word_index(r, v, f);
    if (i >= 0) {
        *(int *)target(f, base) = i;
    }
}

void read_texts(struct reader *r, struct value v, const struct field *f, void *base)
{
    *(const char *const **)target(f, base) = reader_list(r, v, NULL, NULL);
}
