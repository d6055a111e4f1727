/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is read by libyaml into a tree (of at most 1 MiB of text), the tree by
 * the tables here and in backends.c and rules.c into the struct, and at last what
 * only makes sense together is checked: budgets need prices, open doors need keys.
 */
#include "config/config.h"

#include "config/sections.h"
#include "config/url.h"
#include "core/personal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_BYTES_MAX MIB
#define ALIASES_MAX 4096 /* anchors, aliases, %TAG: libyaml compares each with all before */
#define NESTING_MAX 64
#define DASHES_MAX 1000 /* in a row: a line drawn in a comment may have many */
#define LISTEN_MAX 16
#define CUSTOM_MAX 64
#define USD_MAX 1e6

#define IN(member) offsetof(struct config, member)

static const char *const level_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const exhausted_words[] = {"device", "refuse", NULL};
static const char *const disclose_words[] = {"model", NULL};

/* ---- sections ---- */

static const char *listen_resolved(struct reader *r, const char *s)
{
    if (strncmp(s, "unix:", 5) == 0 && s[5] && s[5] != '/') {
        return arena_printf(r->arena, "unix:%s", reader_resolve(r, s + 5)).data;
    }
    return s;
}

static void read_listen(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct config *c = base;
    const char *const *given = reader_list(r, v, NULL, NULL);
    size_t count = 0;
    while (given[count]) {
        count++;
    }
    if (count == 0 || count > LISTEN_MAX) {
        reader_wrong(r, v, "expected 1 to %d addresses", LISTEN_MAX);
        return;
    }
    const char **listen = ARENA_ARRAY(r->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct url parts;
        listen[i] = listen_resolved(r, given[i]);
        const char *wrong = listen_parse(span_c(listen[i]), &parts);
        if (wrong) {
            reader_wrong(r, v, "`%s`: %s", reader_shown(r, span_c(given[i])), wrong);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(listen[i], listen[k]) == 0 && !(parts.port == 0 && !parts.is_unix)) {
                reader_wrong(r, v, "`%s` appears twice", reader_shown(r, span_c(given[i])));
            }
        }
    }
    c->listen = listen;
}

static void read_threshold(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct config *c = base;
    struct span s = value_scalar(v);
    if (span_given(s) && span_is(s, "auto")) {
        c->threshold = -1;
    } else if (!reader_number(v, 0, 1, &c->threshold)) {
        reader_wrong(r, v, "expected auto or a number from 0 to 1%s%s%s",
                     span_given(s) ? ", got `" : "", span_given(s) ? reader_shown(r, s) : "",
                     span_given(s) ? "`" : "");
    }
    (void)f;
}

static void read_rules(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct config *c = base;
    c->rules = rules_read(r, v, &c->rules_count);
}

/* A key that is named is never made by itself: another one would leave old prompts unreadable. */
static void read_key_file(struct reader *r, struct value v, const struct field *f, void *base)
{
    read_path(r, v, f, base);
    struct config *c = base;
    if (c->ledger_key_file && access(c->ledger_key_file, R_OK) != 0) {
        reader_wrong(r, v,
                     "%s: %s; put the key there, or leave key_file out and one is made beside the "
                     "ledger",
                     reader_shown(r, span_c(c->ledger_key_file)), strerror(errno));
    }
}

static void read_caps(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct config *c = base;
    c->caps = caps_read(r, v, &c->caps_count);
}

static void read_types(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct config *c = base;
    struct span s = value_scalar(v);
    c->types_default = span_given(s) && span_is(s, "default");
    if (!c->types_default) {
        c->types = reader_list(r, v, is_type_name, "default or " TYPE_NAME_HINT);
    }
}

static void read_never_leave(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct config *)base)->never_leave = reader_list(r, v, is_type_name, TYPE_NAME_HINT);
}

static void read_consent(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct config *c = base;
    c->consent = consent_read(r, v, &c->consent_count);
}

static const struct field custom_fields[] = {
    {.key = "type", .read = read_text, .offset = offsetof(struct custom_type, type)},
    {.key = "pattern", .read = read_text, .offset = offsetof(struct custom_type, pattern)},
    {.key = NULL},
};

static void read_custom(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct config *c = base;
    size_t count = value_len(v);
    if (!value_is_list(v) || count > CUSTOM_MAX) {
        reader_wrong(r, v, "expected a list of at most %d `{ type: …, pattern: … }`", CUSTOM_MAX);
        return;
    }
    struct custom_type *custom = ARENA_ARRAY(r->arena, struct custom_type, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct value here = value_at(r, v, i);
        reader_map(r, here, custom_fields, &custom[i]);
        if (!value_is_map(here)) {
            continue;
        }
        if (!custom[i].type || !custom[i].pattern) {
            reader_wrong(r, here, "needs type and pattern");
        } else if (!is_type_name(span_c(custom[i].type))) {
            reader_wrong(r, here, "expected %s, got `%s`", TYPE_NAME_HINT,
                         reader_shown(r, span_c(custom[i].type)));
        } else if (strlen(custom[i].pattern) > 1024) {
            reader_wrong(r, here, "a pattern has at most 1024 bytes");
        }
    }
    c->custom = custom;
    c->custom_count = (int)count;
}

static void read_exhausted(struct reader *r, struct value v, const struct field *f, void *base)
{
    int refuses = -1;
    (void)f;
    read_word_index(r, v, &(struct field){.words = exhausted_words}, &refuses);
    if (refuses >= 0) {
        ((struct config *)base)->budget_refuses = refuses;
    }
}

/* "example.com", "example.com:8080". */
static bool host_fits(struct span s)
{
    struct url parts;
    return !span_starts(s, SPAN("unix:")) &&
           (!listen_parse(s, &parts) ||
            (span_find_char(s, ':', 0) == SIZE_MAX && s.len <= 253 &&
             span_find_char(s, '/', 0) == SIZE_MAX && span_find_char(s, ' ', 0) == SIZE_MAX));
}

static void read_hosts(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct config *)base)->allow_hosts =
        reader_list(r, v, host_fits, "a host like gateway.example or gateway.example:8080");
}

static bool origin_fits(struct span s)
{
    struct url parts;
    return !span_starts(s, SPAN("unix:")) && !url_parse(s, &parts) && parts.path.len == 0 &&
           !span_ends(s, SPAN("/"));
}

static void read_origins(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct config *)base)->allow_origins =
        reader_list(r, v, origin_fits, "an origin like https://app.example (no path, no wildcard)");
}

static const struct field auth_fields[] = {
    {.key = "keys_file", .read = read_path, .offset = IN(keys_file)}, {.key = NULL}};

static const struct field policy_fields[] = {
    {.key = "strategy", .read = read_strategy, .offset = IN(strategy)},
    {.key = "quality", .read = read_double, .offset = IN(quality), .min = 0, .max = 1},
    {.key = "threshold", .read = read_threshold},
    {.key = "explore", .read = read_double, .offset = IN(explore), .min = 0, .max = 0.5},
    {.key = "cloud_share", .read = read_double, .offset = IN(cloud_share), .min = 0, .max = 1},
    {.key = "rules", .read = read_rules},
    {.key = "caps", .read = read_caps},
    {.key = NULL},
};

static const struct field privacy_fields[] = {
    {.key = "default",
     .read = read_word_index,
     .offset = IN(privacy_default),
     .words = privacy_words},
    {.key = "never_leave", .read = read_never_leave},
    {.key = "types", .read = read_types},
    {.key = "custom", .read = read_custom},
    {.key = "allow", .read = read_texts, .offset = IN(allow)},
    {.key = "consent", .read = read_consent},
    {.key = "scan_budget_ms",
     .read = read_int,
     .offset = IN(scan_budget_ms),
     .min = 1,
     .max = 600000},
    {.key = NULL},
};

static const struct field budget_fields[] = {
    {.key = "usd_per_day", .read = read_usd, .offset = IN(usd_nano_per_day), .max = USD_MAX},
    {.key = "usd_per_month", .read = read_usd, .offset = IN(usd_nano_per_month), .max = USD_MAX},
    {.key = "per_key_usd_per_day",
     .read = read_usd,
     .offset = IN(usd_nano_per_key_per_day),
     .max = USD_MAX},
    {.key = "on_exhausted", .read = read_exhausted},
    {.key = NULL},
};

static const struct field ledger_fields[] = {
    {.key = "path", .read = read_path, .offset = IN(ledger_path)},
    {.key = "store_prompts", .read = read_bool, .offset = IN(store_prompts)},
    {.key = "key_file", .read = read_key_file, .offset = IN(ledger_key_file)},
    {.key = "keep_days", .read = read_int, .offset = IN(keep_days), .min = 1, .max = 36500},
    {.key = NULL},
};

static const struct field device_fields[] = {
    {.key = "battery_floor", .read = read_double, .offset = IN(battery_floor), .min = 0, .max = 1},
    {.key = "temperature_ceiling_c",
     .read = read_double,
     .offset = IN(temperature_ceiling_c),
     .min = 0,
     .max = 150},
    {.key = NULL},
};

static const struct field http_fields[] = {{.key = "allow_hosts", .read = read_hosts},
                                           {.key = "allow_origins", .read = read_origins},
                                           {.key = NULL}};

static const struct field facts_fields[] = {
    {.key = "override", .read = read_path, .offset = IN(facts_override)}, {.key = NULL}};

static const struct field log_fields[] = {
    {.key = "level", .read = read_word, .offset = IN(log_level), .words = level_words},
    {.key = "json", .read = read_bool, .offset = IN(log_json)},
    {.key = NULL},
};

/* `backends` is read by read_root(), after all others; here it is only known. */
static void read_later(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)r;
    (void)v;
    (void)f;
    (void)base;
}

static const struct field top_fields[] = {
    {.key = "listen", .read = read_listen},
    {.key = "workers", .read = read_int, .offset = IN(workers), .min = 1, .max = 64},
    {.key = "auth", .read = read_map, .inner = auth_fields},
    {.key = "backends", .read = read_later},
    {.key = "policy", .read = read_map, .inner = policy_fields},
    {.key = "privacy", .read = read_map, .inner = privacy_fields},
    {.key = "budget", .read = read_map, .inner = budget_fields},
    {.key = "ledger", .read = read_map, .inner = ledger_fields},
    {.key = "device", .read = read_map, .inner = device_fields},
    {.key = "http", .read = read_map, .inner = http_fields},
    {.key = "facts", .read = read_map, .inner = facts_fields},
    {.key = "log", .read = read_map, .inner = log_fields},
    {.key = "disclose", .read = read_word, .offset = IN(disclose), .words = disclose_words},
    {.key = "deterministic", .read = read_bool, .offset = IN(deterministic)},
    {.key = NULL},
};

/* ---- what must hold together ---- */

enum err config_check_listen(struct span listen, bool has_keys, struct fault *fault)
{
    struct url parts;
    const char *wrong = listen_parse(listen, &parts);
    if (wrong) {
        return fault_set(fault, ERR_INVALID, "`%.*s`: %s", SPAN_ARG(span_first(listen, 200)),
                         wrong);
    }
    if (!has_keys && !parts.is_unix && !host_is_loopback(parts.host)) {
        return fault_set(
            fault, ERR_INVALID,
            "`%.*s` is open to other machines, and there are no API keys: set auth.keys_file (`weir keys "
            "add NAME` makes one) or listen on 127.0.0.1",
            SPAN_ARG(listen));
    }
    return OK;
}

static void check_doors(struct reader *r, const struct config *c, int line)
{
    for (const char *const *l = c->listen; *l; l++) {
        struct fault fault = {0};
        struct url parts;
        if (!listen_parse(span_c(*l), &parts) &&
            config_check_listen(span_c(*l), c->keys_file, &fault)) {
            reader_wrong_at(r, line, "listen: %s", fault.text);
        }
    }
}

static void check_budget(struct reader *r, const struct config *c, const int *lines,
                         int budget_line)
{
    bool budget =
        c->usd_nano_per_day >= 0 || c->usd_nano_per_month >= 0 || c->usd_nano_per_key_per_day >= 0;
    for (int i = 0; budget && i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        if (b->tier == TIER_CLOUD && !price_known(&b->price)) {
            reader_wrong_at(
                r, lines[i],
                "backends: `%s` has no price, so the budget on line %d could not hold; add price: { "
                "input_usd_per_mtok: …, output_usd_per_mtok: … } (0 when it is free)",
                b->name, budget_line);
        }
    }
    if (budget && c->usd_nano_per_key_per_day >= 0 && !c->keys_file) {
        reader_warn_at(
            r, budget_line,
            "budget.per_key_usd_per_day: without auth.keys_file all requests count as one key");
    }
}

/* The value of a top-level key; its node is NULL when it is not there or null. */
static struct value top_value(struct reader *r, yaml_node_t *root, const char *key)
{
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
         p++) {
        struct value k = {.node = yaml_document_get_node(r->doc, p->key)};
        struct value v = {.node = yaml_document_get_node(r->doc, p->value), .path = key};
        if (span_given(value_scalar(k)) && span_is(value_scalar(k), key) && !value_is_null(v)) {
            return v;
        }
    }
    return (struct value){.path = key};
}

/* Is it found by Weir, or by one of the config's own patterns? */
static bool is_detected(const struct config *c, struct span type)
{
    for (int i = 0; i < c->custom_count; i++) {
        if (c->custom[i].type && span_is(type, c->custom[i].type)) {
            return true;
        }
    }
    return personal_type_name(type) != NULL;
}

static void check_type(struct reader *r, const struct config *c, int line, const char *where,
                       struct span type)
{
    if (is_type_name(type) && !is_detected(c, type)) {
        reader_wrong_at(r, line, "%s: nothing detects `%s`%s; privacy.custom adds a pattern for it",
                        where, reader_shown(r, type), reader_near(r, type, personal_types));
    }
}

/* A type that is listed but never found would promise what nobody keeps. */
static void check_types(struct reader *r, const struct config *c, struct value privacy)
{
    static const char *const keys[] = {"types", "never_leave", NULL};
    for (const char *const *k = keys; *k && privacy.node && value_is_map(privacy); k++) {
        struct value list = top_value(r, privacy.node, *k);
        const char *where = strcmp(*k, "types") == 0 ? "privacy.types" : "privacy.never_leave";
        if (list.node && span_given(value_scalar(list)) &&
            !span_is(value_scalar(list), "default")) {
            check_type(r, c, value_line(list), where, value_scalar(list));
        }
        for (size_t i = 0; list.node && value_is_list(list) && i < value_len(list); i++) {
            struct value item = value_at(r, list, i);
            check_type(r, c, value_line(item), where, value_scalar(item));
        }
    }
    for (int i = 0; i < c->rules_count; i++) {
        const char *const *types = c->rules[i].when.pii_types;
        for (; types && *types; types++) {
            check_type(r, c, c->rules[i].line, "policy.rules: when.pii", span_c(*types));
        }
    }
}

/* Presidio's names for our types become ours, so that whoever compares them compares like with like. */
static const char *const *our_names(struct reader *r, const struct config *c,
                                    const char *const *list)
{
    size_t n = 0;
    while (list && list[n]) {
        n++;
    }
    const char **names = ARENA_ARRAY(r->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        bool custom = false;
        for (int k = 0; k < c->custom_count && !custom; k++) {
            const char *type = c->custom[k].type; /* NULL: that entry was wrong */
            custom = type && strcmp(type, list[i]) == 0;
        }
        const char *ours = custom ? NULL : personal_type_name(span_c(list[i]));
        names[i] = ours ? ours : list[i];
    }
    return list ? names : NULL;
}

static void use_our_names(struct reader *r, struct config *c)
{
    c->never_leave = our_names(r, c, c->never_leave);
    c->types = our_names(r, c, c->types);
    struct consent_entry *consent = (void *)(uintptr_t)c->consent; /* still being made */
    struct rule *rules = (void *)(uintptr_t)c->rules;
    for (int i = 0; i < c->consent_count; i++) {
        consent[i].types = our_names(r, c, consent[i].types);
    }
    for (int i = 0; i < c->rules_count; i++) {
        rules[i].when.pii_types = our_names(r, c, rules[i].when.pii_types);
    }
}

static void read_root(struct reader *r, yaml_node_t *root, struct config *c)
{
    struct value all = {.node = root, .path = ""};
    const int *lines = NULL;
    reader_map(r, all, top_fields, c);
    if (!value_is_map(all)) {
        return;
    }
    struct value backends = top_value(r, root, "backends");
    struct value budget = top_value(r, root, "budget");
    struct value listen = top_value(r, root, "listen");
    if (backends.node) {
        c->backends = backends_read(r, backends, &c->backends_count, &lines);
    }
    if (c->backends_count == 0 && r->mistakes == 0) {
        reader_wrong_at(
            r, backends.node ? value_line(backends) : 1,
            "backends: at least one is needed, for example `- { name: device, tier: device, model: "
            "FILE.gguf }`");
    }
    rules_check(r, c);
    consent_check(r, c);
    caps_check(r, c);
    check_types(r, c, top_value(r, root, "privacy"));
    use_our_names(r, c);
    check_doors(r, c, listen.node ? value_line(listen) : 1);
    check_budget(r, c, lines, budget.node ? value_line(budget) : 1);
}

/* ---- bytes to tree ---- */

static size_t count_char(struct span s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += s.data[i] == c;
    }
    return n;
}

static void syntax_error(struct reader *r, const yaml_parser_t *p, struct span yaml)
{
    size_t line = p->problem_mark.line + 1;
    size_t at = p->problem_mark.index;
    if (p->error == YAML_READER_ERROR) {
        line = 1;
        at = p->problem_offset;
        for (size_t i = 0; i < MIN(at, yaml.len); i++) {
            line += yaml.data[i] == '\n';
        }
    }
    line = MIN(line, count_char(yaml, '\n') + 1); /* at its end libyaml counts one more */
    bool tab = at < yaml.len && yaml.data[at] == '\t';
    reader_wrong_at(r, (int)line, "not valid YAML: %s%s%s%s",
                    p->problem ? p->problem : "cannot be read", p->context ? ", " : "",
                    p->context ? p->context : "",
                    tab ? " (a tab? YAML is indented with spaces)" : "");
}

/* One document and nothing after it. */
static void read_document(struct reader *r, yaml_parser_t *parser, struct span yaml,
                          struct config *c)
{
    yaml_document_t doc;
    yaml_document_t more;
    if (!yaml_parser_load(parser, &doc)) {
        syntax_error(r, parser, yaml);
        return;
    }
    yaml_node_t *root = yaml_document_get_root_node(&doc);
    if (!root || value_is_null((struct value){.node = root})) {
        reader_wrong_at(r, 1, "the file is empty; `backends` is needed at least");
        yaml_document_delete(&doc);
        return;
    }
    if (!yaml_parser_load(parser, &more)) {
        syntax_error(r, parser, yaml);
    } else {
        yaml_node_t *second = yaml_document_get_root_node(&more);
        if (second) {
            reader_wrong_at(r, (int)second->start_mark.line + 1,
                            "a second YAML document; a config is one");
        }
        yaml_document_delete(&more);
    }
    r->doc = &doc;
    read_root(r, root, c);
    yaml_document_delete(&doc);
}

/*
 * libyaml looks at every open bracket again for each token: 100 kB of `[` take it
 * 90 seconds (tried, 0.2.5). So brackets are counted first, those in strings too;
 * no config has this many more opened than closed. The same for `- - - -`.
 */
static bool too_deep(struct span s)
{
    int open = 0;
    int dashes = 0;
    for (size_t i = 0; i < s.len && open <= NESTING_MAX && dashes <= DASHES_MAX; i++) {
        char c = s.data[i];
        open += c == '[' || c == '{';
        open -= open > 0 && (c == ']' || c == '}');
        dashes = c == '-' || c == '?' ? dashes + 1 : c == ' ' || c == '\t' ? dashes : 0;
    }
    return open > NESTING_MAX || dashes > DASHES_MAX;
}

static void read_yaml(struct reader *r, struct span yaml, struct config *c)
{
    if (yaml.len > FILE_BYTES_MAX) {
        reader_wrong_at(r, 1, "larger than 1 MiB; that is not a Weir config");
        return;
    }
    if (count_char(yaml, '&') > ALIASES_MAX || count_char(yaml, '*') > ALIASES_MAX ||
        count_char(yaml, '%') > ALIASES_MAX) {
        reader_wrong_at(r, 1, "more than %d anchors, aliases or directives", ALIASES_MAX);
        return;
    }
    if (too_deep(yaml)) {
        reader_wrong_at(r, 1, "nested deeper than %d levels", NESTING_MAX);
        return;
    }
    yaml_parser_t parser;
    ASSERT(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)(yaml.data ? yaml.data : ""),
                                 yaml.len);
    read_document(r, &parser, yaml, c);
    yaml_parser_delete(&parser);
}

/* ---- making and sharing ---- */

static const char *const none[] = {NULL};
static const char *const default_listen[] = {"127.0.0.1:8080", NULL};
static const char *const default_never_leave[] = {"SECRET", NULL};

static struct config *config_new(const char *path, const char *folder, struct span bytes)
{
    struct arena *a = arena_new();
    struct config *c = ARENA_NEW(a, struct config);
    *c = (struct config){
        .arena = a,
        .refs = 1,
        .path = arena_c(a, span_c(path)),
        .folder = arena_c(a, span_c(folder)),
        .hash = span_hash(bytes),
        .listen = default_listen,
        .workers = 1,
        .strategy = "cascade",
        .quality = 0.95,
        .threshold = -1,
        .cloud_share = -1,
        .privacy_default = PRIVACY_REDACT,
        .never_leave = default_never_leave,
        .types_default = true,
        .types = none,
        .allow = none,
        .scan_budget_ms = 2000,
        .usd_nano_per_day = -1,
        .usd_nano_per_month = -1,
        .usd_nano_per_key_per_day = -1,
        .ledger_path = arena_printf(a, "%s/weir.db", folder).data,
        .keep_days = 90,
        .battery_floor = 0.20,
        .temperature_ceiling_c = 85,
        .allow_hosts = none,
        .allow_origins = none,
        .log_level = "info",
    };
    return c;
}

enum err config_parse(struct span yaml, const char *path, const char *folder, struct config **out,
                      struct text *errors)
{
    struct config *c = config_new(path, folder, yaml);
    struct reader r = {
        .file = path ? path : "config",
        .folder = c->folder,
        .arena = c->arena,
        .errors = errors,
    };
    read_yaml(&r, yaml, c);
    if (r.mistakes) {
        config_unref(c);
        return ERR_INVALID;
    }
    *out = c;
    return OK;
}

static enum err read_file(const char *path, struct text *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    char part[16 * 1024];
    ssize_t n = 0;
    do {
        n = read(fd, part, sizeof part);
        if (n > 0) {
            text_add(out, span_of(part, (size_t)n));
        }
    } while ((n > 0 && !out->overflow) || (n < 0 && errno == EINTR));
    int why = errno;
    close(fd);
    errno = why;
    return n < 0 ? ERR_IO : out->overflow ? ERR_TOO_LARGE : OK;
}

/* The folder of `path`, links followed. */
static char *folder_of(const char *path)
{
    char *real = realpath(path, NULL);
    char *slash = real ? strrchr(real, '/') : NULL;
    if (slash) {
        slash[slash == real] = '\0';
    }
    return real;
}

/* Without a file nothing says where the ledger belongs: the place for a user's state. */
static const char *state_folder(struct arena *a)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state && state[0] == '/') {
        return arena_printf(a, "%s/weir", state).data;
    }
    return home && home[0] == '/' ? arena_printf(a, "%s/.local/state/weir", home).data
                                  : "/var/lib/weir";
}

static struct config *config_without_file(void)
{
    char *here = getcwd(NULL, 0);
    struct config *c = config_new(NULL, here ? here : "/", SPAN(""));
    free(here);
    c->ledger_path = arena_printf(c->arena, "%s/weir.db", state_folder(c->arena)).data;
    return c;
}

enum err config_load(const char *path, struct config **out, struct text *errors)
{
    if (!path) {
        *out = config_without_file();
        return OK;
    }
    struct text yaml;
    text_init(&yaml, FILE_BYTES_MAX);
    enum err err = read_file(path, &yaml);
    char *folder = err ? NULL : folder_of(path);
    if (err == ERR_TOO_LARGE) {
        text_addf(errors, "%s:1: larger than 1 MiB; that is not a Weir config\n", path);
    } else if (err || !folder) {
        text_addf(errors, "%s: %s\n", path, strerror(errno));
        err = ERR_IO;
    } else {
        err = config_parse(text_span(&yaml), path, folder, out, errors);
    }
    free(folder);
    text_done(&yaml);
    return err;
}

struct config *config_default(const char *model_path)
{
    struct config *c = config_without_file();
    const char *path = model_path[0] == '/'
                           ? arena_c(c->arena, span_c(model_path))
                           : arena_printf(c->arena, "%s/%s", c->folder, model_path).data;
    struct backend *b = ARENA_NEW(c->arena, struct backend);
    *b = backend_embedded(c->arena, "device", path);
    c->backends = b;
    c->backends_count = 1;
    return c;
}

struct config *config_ref(struct config *c)
{
    PRE(c->refs > 0);
    c->refs++;
    return c;
}

void config_unref(struct config *c)
{
    if (c && --c->refs == 0) {
        arena_free(c->arena); /* `c` lies in it */
    }
}

const struct backend *config_backend(const struct config *c, struct span name)
{
    for (int i = 0; i < c->backends_count; i++) {
        if (span_is(name, c->backends[i].name)) {
            return &c->backends[i];
        }
    }
    return NULL;
}

void config_base_url(const struct config *c, struct text *out)
{
    struct span s = span_c(c->listen[0]);
    if (span_starts(s, SPAN("unix:"))) {
        text_add(out, s);
    } else if (span_starts(s,
                           SPAN("0.0.0.0:"))) { /* "every address": this machine reaches it here */
        text_addf(out, "http://127.0.0.1:%.*s", SPAN_ARG(span_from(s, 8)));
    } else if (span_starts(s, SPAN("[::]:"))) {
        text_addf(out, "http://[::1]:%.*s", SPAN_ARG(span_from(s, 5)));
    } else {
        text_addf(out, "http://%.*s", SPAN_ARG(s));
    }
}
