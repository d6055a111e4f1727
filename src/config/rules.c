/* SPDX-License-Identifier: Apache-2.0 */
#include "config/sections.h"

#include "core/decision.h"
#include "core/facts.h"

#include <ctype.h>
#include <stdio.h>

#define PATTERN_BYTES_MAX 1024

const char *const privacy_words[] = {"open", "redact", "local", NULL};
static const char *const network_words[] = {
    [NETWORK_OK] = "ok", [NETWORK_METERED] = "metered", [NETWORK_OFFLINE] = "offline", NULL};

#define WHEN(member) offsetof(struct rule, when.member)
#define THEN(member) offsetof(struct rule, then.member)

void read_strategy(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct span s = value_scalar(v);
    for (const char *const *later = strategies_later; span_given(s) && *later; later++) {
        if (span_is(s, *later)) {
            reader_wrong(
                r, v,
                "`%s` is not in this build yet; built: device, cloud, fallback, cascade, split",
                *later);
            return;
        }
    }
    struct field words = *f;
    words.words = strategies_built;
    read_word(r, v, &words, base);
}

bool is_type_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_') {
            return false;
        }
    }
    return s.len > 0 && s.len <= 48 && s.data[0] >= 'A';
}

/* ---- when ---- */

/* A list of words as bits. */
static uint32_t read_bits(struct reader *r, struct value v, const char *const *words)
{
    uint32_t bits = 0;
    size_t count = value_is_list(v) ? value_len(v) : 1;
    for (size_t i = 0; i < count; i++) {
        struct value item = value_is_list(v) ? value_at(r, v, i) : v;
        int index = -1;
        if (!reader_visit(r, item)) {
            break;
        }
        read_word_index(r, item, &(struct field){.words = words}, &index);
        bits |= index >= 0 ? 1u << index : 0;
    }
    if (count == 0) {
        reader_wrong(r, v, "an empty list never holds");
    }
    return bits;
}

static void read_tasks(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    const char *words[TASK_COUNT + 1] = {NULL};
    for (int i = 0; i < TASK_COUNT; i++) {
        words[i] = task_name((enum task)i);
    }
    ((struct rule *)base)->when.tasks = read_bits(r, v, words);
}

static void read_networks(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct rule *)base)->when.networks = read_bits(r, v, network_words);
}

static bool is_language(struct span s)
{
    return s.len == 2 && islower((unsigned char)s.data[0]) && islower((unsigned char)s.data[1]);
}

static void read_languages(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct rule *)base)->when.languages =
        reader_list(r, v, is_language, "a language as two small letters (en, de)");
}

static void read_pii(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct rule *rule = base;
    struct span s = value_scalar(v);
    if (span_given(s) && (span_is(s, "true") || span_is(s, "false"))) {
        read_flag(r, v, f, base);
        return;
    }
    rule->when.pii_types = reader_list(r, v, is_type_name, "true, false or " TYPE_NAME_HINT);
}

static void read_headers(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct rule *rule = base;
    if (!value_is_map(v)) {
        reader_wrong(r, v, "expected a mapping of header names to values, like { X-App: legal }");
        return;
    }
    const yaml_node_pair_t *first = v.node->data.mapping.pairs.start;
    size_t count = (size_t)(v.node->data.mapping.pairs.top - first);
    if (count == 0 || count > 16) {
        reader_wrong(r, v, "expected 1 to 16 headers");
        return;
    }
    const char **names = ARENA_ARRAY(r->arena, const char *, count + 1);
    const char **values = ARENA_ARRAY(r->arena, const char *, count + 1);
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        struct value name = {yaml_document_get_node(r->doc, first[i].key), v.path};
        struct value pattern = {yaml_document_get_node(r->doc, first[i].value), v.path};
        const char *n = reader_string(r, name);
        const char *p = reader_string(r, pattern);
        if (n && p) {
            char *lower = arena_c(r->arena, span_c(n));
            for (char *c = lower; *c; c++) {
                *c = (char)tolower((unsigned char)*c);
            }
            names[good] = lower;
            values[good++] = p;
        }
    }
    rule->when.header_names = names;
    rule->when.header_values = values;
}

static void read_hour(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct rule *rule = base;
    struct span rest = value_scalar(v);
    int64_t from = -1;
    int64_t to = -1;
    bool fits = span_given(rest) && rest.len <= 5;
    if (fits) {
        struct span start = span_cut(&rest, '-');
        fits = start.len <= 2 && rest.len <= 2 && span_to_i64(start, &from) &&
               span_to_i64(rest, &to) && from >= 0 && from <= 23 && to >= 0 && to <= 24 &&
               from != to;
    }
    if (!fits) {
        reader_wrong(r, v,
                     "expected hours like \"09-17\" or \"22-06\" (from inclusive, to exclusive)");
        return;
    }
    rule->when.hour_from = (int)from;
    rule->when.hour_to = (int)to;
}

static void read_pattern(struct reader *r, struct value v, const struct field *f, void *base)
{
    read_text(r, v, f, base);
    const char *pattern = *(const char **)((char *)base + f->offset);
    if (pattern && strlen(pattern) > PATTERN_BYTES_MAX) {
        reader_wrong(r, v, "a pattern has at most %d bytes", PATTERN_BYTES_MAX);
    }
}

static const struct field when_fields[] = {
    {.key = "max_prompt_tokens",
     .read = read_i64,
     .offset = WHEN(max_prompt_tokens),
     .min = 0,
     .max = 1e8},
    {.key = "min_prompt_tokens",
     .read = read_i64,
     .offset = WHEN(min_prompt_tokens),
     .min = 0,
     .max = 1e8},
    {.key = "task", .read = read_tasks},
    {.key = "language", .read = read_languages},
    {.key = "has_tools", .read = read_flag, .offset = WHEN(has_tools)},
    {.key = "has_images", .read = read_flag, .offset = WHEN(has_images)},
    {.key = "json_schema", .read = read_flag, .offset = WHEN(json_schema)},
    {.key = "pii", .read = read_pii, .offset = WHEN(pii)},
    {.key = "battery_below",
     .read = read_double,
     .offset = WHEN(battery_below),
     .min = 0,
     .max = 1},
    {.key = "hotter_than_c",
     .read = read_double,
     .offset = WHEN(hotter_than_c),
     .min = 0,
     .max = 150},
    {.key = "network", .read = read_networks},
    {.key = "model", .read = read_texts, .offset = WHEN(models)},
    {.key = "header", .read = read_headers},
    {.key = "key", .read = read_texts, .offset = WHEN(keys)},
    {.key = "hour", .read = read_hour},
    {.key = "matches", .read = read_pattern, .offset = WHEN(matches)},
    {.key = NULL},
};

static const struct field then_fields[] = {
    {.key = "take", .read = read_text, .offset = THEN(take)},
    {.key = "forbid", .read = read_text, .offset = THEN(forbid)},
    {.key = "require", .read = read_text, .offset = THEN(require)},
    {.key = "privacy", .read = read_word_index, .offset = THEN(privacy), .words = privacy_words},
    {.key = "strategy", .read = read_strategy, .offset = THEN(strategy)},
    {.key = "allow_media", .read = read_flag, .offset = THEN(allow_media)},
    {.key = NULL},
};

static const struct field rule_fields[] = {
    {.key = "name", .read = read_text, .offset = offsetof(struct rule, name)},
    {.key = "when", .read = read_map, .inner = when_fields},
    {.key = "then", .read = read_map, .inner = then_fields},
    {.key = NULL},
};

static void check_rule(struct reader *r, struct value here, const struct rule *rule)
{
    const struct rule_then *t = &rule->then;
    if (!rule->name) {
        reader_wrong(r, here, "needs a name (receipts and `explain` show it)");
    } else if (strlen(rule->name) > 64) {
        reader_wrong(r, here, "a rule's name has at most 64 bytes");
    }
    if (!t->take && !t->forbid && !t->require && t->privacy < 0 && !t->strategy &&
        t->allow_media < 0) {
        reader_wrong(r, here,
                     "needs then: { take | forbid | require | privacy | strategy | allow_media }");
    }
    if (rule->when.max_prompt_tokens >= 0 &&
        rule->when.min_prompt_tokens > rule->when.max_prompt_tokens) {
        reader_wrong(r, here, "never holds: min_prompt_tokens is above max_prompt_tokens");
    }
}

const struct rule *rules_read(struct reader *r, struct value v, int *out_count)
{
    size_t count = value_len(v);
    if (!value_is_list(v) || count > RULES_MAX) {
        reader_wrong(
            r, v, "expected a list of at most %d rules, each `- { name: …, when: {…}, then: {…} }`",
            RULES_MAX);
        return NULL;
    }
    struct rule *rules = ARENA_ARRAY(r->arena, struct rule, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct value here = value_at(r, v, i);
        rules[i] = (struct rule){
            .line = value_line(here),
            .then = {.privacy = -1, .allow_media = -1},
            .when = {.max_prompt_tokens = -1,
                     .min_prompt_tokens = -1,
                     .has_tools = -1,
                     .has_images = -1,
                     .json_schema = -1,
                     .pii = -1,
                     .battery_below = -1,
                     .hotter_than_c = -1,
                     .hour_from = -1,
                     .hour_to = -1},
        };
        reader_map(r, here, rule_fields, &rules[i]);
        check_rule(r, here, &rules[i]);
        for (size_t k = 0; k < i && rules[i].name; k++) {
            if (rules[k].name && strcmp(rules[k].name, rules[i].name) == 0) {
                reader_wrong(r, here, "the name `%s` is taken by the rule on line %d",
                             reader_shown(r, span_c(rules[i].name)), rules[k].line);
                break;
            }
        }
    }
    *out_count = (int)count;
    return rules;
}

/* ---- names that must exist ---- */

static void check_target(struct reader *r, const struct config *c, const struct rule *rule,
                         const char *verb, const char *target)
{
    enum tier t = TIER_COUNT;
    if (!target || tier_from(span_c(target), &t) || config_backend(c, span_c(target))) {
        return;
    }
    const char *words[BACKENDS_MAX + TIER_COUNT + 1] = {"device", "edge", "cloud"};
    struct text known;
    text_init(&known, 1024);
    for (int i = 0; i < c->backends_count; i++) {
        words[3 + i] = c->backends[i].name;
        text_addf(&known, ", %s", c->backends[i].name);
    }
    reader_wrong_at(
        r, rule->line,
        "rule `%s`: %s: `%s` is neither a tier nor a backend%s; known: device, edge, cloud%s",
        rule->name ? rule->name : "?", verb, reader_shown(r, span_c(target)),
        reader_near(r, span_c(target), words), text_span(&known).data);
    text_done(&known);
}

void rules_check(struct reader *r, const struct config *c)
{
    for (int i = 0; i < c->rules_count; i++) {
        const struct rule *rule = &c->rules[i];
        check_target(r, c, rule, "take", rule->then.take);
        check_target(r, c, rule, "forbid", rule->then.forbid);
        bool carried = !rule->then.require;
        for (int b = 0; b < c->backends_count && !carried; b++) {
            carried = backend_has_label(&c->backends[b], span_c(rule->then.require));
        }
        if (!carried) {
            reader_warn_at(
                r, rule->line,
                "rule `%s`: no backend has the label `%s`: what it matches can only be refused",
                rule->name ? rule->name : "?", reader_shown(r, span_c(rule->then.require)));
        }
    }
}
