/* SPDX-License-Identifier: Apache-2.0 */
#include "config/prices.h"
#include "config/sections.h"
#include "config/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES_MAX 4096
#define TOKENS_MAX 1e8
#define USD_PER_MTOK_MAX 10000

/* A backend while it is being read. */
struct draft {
    struct backend b;
    struct value here;
    const char *api; /* as given; NULL = not given */
    const char *key_env, *key_file, *url;
    int key_line, url_line, price_line, aliases_line, name_line;
    bool has_price;
    const char *engine_key; /* the last key that only the embedded engine knows; NULL = none */
    int engine_line;
    int capability[5]; /* tools, images, json_schema, logprobs, multiple_choices; -1 = not given */
};

#define AT(member) offsetof(struct draft, member)

const char *const tier_words[] = {"device", "edge", "cloud", "human", NULL};
static const char *const api_words[] = {"openai", "anthropic", "ollama", NULL};

/* ---- single keys ---- */

static bool name_fits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("._:/@+-", c)) {
            return false;
        }
    }
    return s.len <= 64;
}

static void read_name(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct draft *d = base;
    const char *s = reader_string(r, v);
    if (s && !name_fits(span_c(s))) {
        reader_wrong(r, v, "expected at most 64 letters, digits or . _ : / @ + -");
    } else if (s && strcmp(s, "auto") == 0) {
        reader_wrong(r, v, "`auto` means the routed model; choose another name");
    } else if (s) {
        d->b.name = s;
        d->name_line = value_line(v);
    }
}

static void read_url(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct draft *d = base;
    const char *s = reader_string(r, v);
    struct url parts;
    const char *wrong = s ? url_parse(span_c(s), &parts) : NULL;
    if (wrong) {
        reader_wrong(r, v, "%s", wrong);
    } else if (s) {
        d->url = s;
        d->url_line = value_line(v);
    }
}

static void engine_only(struct draft *d, struct value v, const struct field *f)
{
    d->engine_key = f->key;
    d->engine_line = value_line(v);
}

static void read_slots(struct reader *r, struct value v, const struct field *f, void *base)
{
    engine_only(base, v, f);
    read_int(r, v, f, base);
}

static void read_adapter(struct reader *r, struct value v, const struct field *f, void *base)
{
    engine_only(base, v, f);
    read_path(r, v, f, base);
}

/* `auto` or a number; `off` where 0 has that name. */
static bool read_or_word(struct reader *r, struct value v, const struct field *f,
                         const char *const *words, const int64_t *meanings, int64_t *out)
{
    struct span s = value_scalar(v);
    for (size_t i = 0; span_given(s) && words[i]; i++) {
        if (span_is(s, words[i])) {
            *out = meanings[i];
            return true;
        }
    }
    if (reader_whole(v, f->min, f->max, out)) {
        return true;
    }
    reader_wrong(r, v, "expected auto%s or a whole number from %.0f to %.0f%s%s%s",
                 words[1] ? ", off" : "", f->min, f->max, span_given(s) ? ", got `" : "",
                 span_given(s) ? reader_shown(r, s) : "", span_given(s) ? "`" : "");
    return false;
}

static const char *const only_auto[] = {"auto", NULL};

static void read_context(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct draft *d = base;
    int64_t n = 0;
    if (read_or_word(r, v, f, only_auto, (const int64_t[]){0}, &n)) {
        d->b.context = n;
    }
}

static void read_threads(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct draft *d = base;
    int64_t n = 0;
    engine_only(d, v, f);
    if (read_or_word(r, v, f, only_auto, (const int64_t[]){0}, &n)) {
        d->b.threads = (int)n;
    }
}

static void read_gpu(struct reader *r, struct value v, const struct field *f, void *base)
{
    static const char *const words[] = {"auto", "off", NULL};
    struct draft *d = base;
    int64_t n = 0;
    engine_only(d, v, f);
    if (read_or_word(r, v, f, words, (const int64_t[]){GPU_AUTO, GPU_OFF}, &n)) {
        d->b.gpu_layers = (int)n;
    }
}

static void refuse_key(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    (void)base;
    reader_wrong(
        r, v,
        "a key must not stand in the file; put it into an environment variable or a file of its own "
        "and write key_env: NAME or key_file: PATH");
}

static void read_key_env(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct draft *d = base;
    const char *s = reader_string(r, v);
    bool fits = s && !(s[0] >= '0' && s[0] <= '9');
    for (const char *c = s; c && *c; c++) {
        fits &= ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';
    }
    if (s && !fits) { /* not quoted: it may be the key itself */
        reader_wrong(
            r, v,
            "expected the name of an environment variable (letters, digits, _), not the key itself");
    } else if (s) {
        d->key_env = s;
        d->key_line = value_line(v);
    }
}

static void read_key_file(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct draft *d = base;
    read_path(r, v, f, base);
    d->key_line = value_line(v);
}

static void read_price(struct reader *r, struct value v, const struct field *f, void *base)
{
    struct draft *d = base;
    d->has_price = true;
    d->price_line = value_line(v);
    read_map(r, v, f, base);
    const struct price *p = &d->b.price;
    if (value_is_map(v) && (p->input_nano_per_mtok < 0 || p->output_nano_per_mtok < 0)) {
        reader_wrong(r, v, "needs both input_usd_per_mtok and output_usd_per_mtok");
    }
}

static bool alias_fits(struct span s)
{
    return s.len <= 200 && !span_is(s, "auto") && span_find_char(s, ' ', 0) == SIZE_MAX;
}

static void read_aliases(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    struct draft *d = base;
    d->aliases_line = value_line(v);
    d->b.aliases = reader_list(
        r, v, alias_fits, "a model id of at most 200 bytes (`*` stands for anything), not `auto`");
}

static bool label_fits(struct span s)
{
    return name_fits(s);
}

static void read_labels(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct draft *)base)->b.labels =
        reader_list(r, v, label_fits, "a word of at most 64 letters, digits or . _ : / @ + -");
}

static const struct field price_fields[] = {
    {.key = "input_usd_per_mtok",
     .read = read_usd,
     .offset = AT(b.price.input_nano_per_mtok),
     .max = USD_PER_MTOK_MAX},
    {.key = "output_usd_per_mtok",
     .read = read_usd,
     .offset = AT(b.price.output_nano_per_mtok),
     .max = USD_PER_MTOK_MAX},
    {.key = "cached_input_usd_per_mtok",
     .read = read_usd,
     .offset = AT(b.price.cached_input_nano_per_mtok),
     .max = USD_PER_MTOK_MAX},
    {.key = NULL},
};

#define MS_PER_HOUR 3.6e6

static const struct field timeout_fields[] = {
    {.key = "connect_ms",
     .read = read_u32,
     .offset = AT(b.timeout.connect_ms),
     .min = 1,
     .max = MS_PER_HOUR},
    {.key = "first_token_ms",
     .read = read_u32,
     .offset = AT(b.timeout.first_token_ms),
     .min = 1,
     .max = MS_PER_HOUR},
    {.key = "idle_ms",
     .read = read_u32,
     .offset = AT(b.timeout.idle_ms),
     .min = 1,
     .max = MS_PER_HOUR},
    {.key = "total_ms",
     .read = read_u32,
     .offset = AT(b.timeout.total_ms),
     .min = 1,
     .max = 24 * MS_PER_HOUR},
    {.key = NULL},
};

static const struct field backend_fields[] = {
    {.key = "name", .read = read_name},
    {.key = "tier", .read = read_word_index, .offset = AT(b.tier), .words = tier_words},
    {.key = "api", .read = read_word, .offset = AT(api), .words = api_words},
    {.key = "url", .read = read_url},
    {.key = "model", .read = read_text, .offset = AT(b.model)},
    {.key = "adapter", .read = read_adapter, .offset = AT(b.adapter_path)},
    {.key = "context", .read = read_context, .min = 16, .max = TOKENS_MAX},
    {.key = "slots", .read = read_slots, .offset = AT(b.slots), .min = 1, .max = 64},
    {.key = "threads", .read = read_threads, .min = 1, .max = 256},
    {.key = "gpu", .read = read_gpu, .min = 0, .max = 10000},
    {.key = "key_env", .read = read_key_env},
    {.key = "key_file", .read = read_key_file, .offset = AT(key_file)},
    {.key = "key", .read = refuse_key},
    {.key = "api_key", .read = refuse_key},
    {.key = "price", .read = read_price, .inner = price_fields},
    {.key = "timeout", .read = read_map, .inner = timeout_fields},
    {.key = "max_in_flight",
     .read = read_int,
     .offset = AT(b.max_in_flight),
     .min = 1,
     .max = 100000},
    {.key = "retries", .read = read_int, .offset = AT(b.retries), .min = 0, .max = 5},
    {.key = "max_output_tokens",
     .read = read_i64,
     .offset = AT(b.max_output_tokens),
     .min = 1,
     .max = TOKENS_MAX},
    {.key = "labels", .read = read_labels},
    {.key = "aliases", .read = read_aliases},
    {.key = "pin_aliases", .read = read_bool, .offset = AT(b.pin_aliases)},
    {.key = "tools", .read = read_flag, .offset = AT(capability[0])},
    {.key = "images", .read = read_flag, .offset = AT(capability[1])},
    {.key = "json_schema", .read = read_flag, .offset = AT(capability[2])},
    {.key = "logprobs", .read = read_flag, .offset = AT(capability[3])},
    {.key = "multiple_choices", .read = read_flag, .offset = AT(capability[4])},
    {.key = NULL},
};

/* ---- what the keys mean together ---- */

static struct backend backend_defaults(void)
{
    return (struct backend){
        .tier = TIER_COUNT,
        .slots = 4,
        .gpu_layers = GPU_AUTO,
        .price = {-1, -1, -1},
        .timeout = {.connect_ms = 2000,
                    .first_token_ms = 15000,
                    .idle_ms = 10000,
                    .total_ms = 120000},
        .max_in_flight = 256,
        .retries = 1,
        .max_output_tokens = 4096,
    };
}

/* The file's name without folder and .gguf. */
static const char *model_name(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct span name = span_c(slash ? slash + 1 : path);
    if (span_ends(name, SPAN(".gguf")) && name.len > 5) {
        name.len -= 5;
    }
    return arena_c(a, name);
}

static void become_embedded(struct arena *a, struct backend *b, const char *path)
{
    b->api = API_LOCAL;
    b->model_path = path;
    b->model = model_name(a, path);
}

struct backend backend_embedded(struct arena *a, const char *name, const char *path)
{
    struct backend b = backend_defaults();
    b.name = name;
    b.tier = TIER_DEVICE;
    become_embedded(a, &b, path);
    b.tools = b.images = b.json_schema = b.logprobs = b.multiple_choices = true;
    return b;
}

static void set_capabilities(struct draft *d)
{
    bool *const where[] = {&d->b.tools, &d->b.images, &d->b.json_schema, &d->b.logprobs,
                           &d->b.multiple_choices};
    static const bool defaults[][5] = {
        [API_LOCAL] = {true, true, true, true, true}, /* the engine says what it can */
        [API_OPENAI] = {true, true, true, true, true},
        [API_ANTHROPIC] = {true, true, false, false, false},
        [API_OLLAMA] = {true, true, true, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        *where[i] = d->capability[i] < 0 ? defaults[d->b.api][i] : d->capability[i];
    }
}

/* Reads a key, trimmed; NULL and a report when there is none. */
static const char *key_from_file(struct reader *r, const struct draft *d)
{
    char bytes[KEY_BYTES_MAX + 1];
    struct stat st;
    int fd = open(d->key_file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || fstat(fd, &st) ? -1 : read(fd, bytes, sizeof bytes);
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        reader_wrong_at(r, d->key_line, "%s.key_file: %s: %s", d->here.path, d->key_file,
                        strerror(why));
        return NULL;
    }
    if (st.st_mode & (S_IRGRP | S_IROTH)) {
        reader_warn_at(r, d->key_line, "%s.key_file: others can read it; chmod 600 %s",
                       d->here.path, d->key_file);
    }
    struct span key = span_trim(span_of(bytes, (size_t)n));
    if (n > KEY_BYTES_MAX || key.len == 0) {
        reader_wrong_at(r, d->key_line, "%s.key_file: %s", d->here.path,
                        n > KEY_BYTES_MAX ? "longer than 4096 bytes; that is no key"
                                          : "the file is empty");
        return NULL;
    }
    return arena_c(r->arena, key);
}

static const char *key_from_env(struct reader *r, const struct draft *d, bool needed)
{
    const char *value = getenv(d->key_env);
    struct span key = value ? span_trim(span_c(value)) : SPAN_NONE;
    if (key.len > 0 && key.len <= KEY_BYTES_MAX) {
        return arena_c(r->arena, key);
    }
    if (needed) {
        reader_wrong_at(r, d->key_line, "%s.key_env: the environment variable %s is %s",
                        d->here.path, d->key_env, key.len ? "too long" : "not set");
    } else {
        reader_warn_at(r, d->key_line,
                       "%s.key_env: the environment variable %s is not set; asking without a key",
                       d->here.path, d->key_env);
    }
    return NULL;
}

/* A server on this machine mostly needs no key, so that a missing one is only worth a warning there. */
static void take_key(struct reader *r, struct draft *d, bool needed)
{
    if (d->key_env && d->key_file) {
        reader_wrong_at(r, d->key_line, "%s: key_env and key_file exclude each other",
                        d->here.path);
        return;
    }
    const char *key = d->key_file  ? key_from_file(r, d)
                      : d->key_env ? key_from_env(r, d, needed)
                                   : NULL;
    for (const char *c = key; c && *c; c++) {
        if (*c <= ' ' || *c > '~') {
            reader_wrong_at(r, d->key_line,
                            "%s: the key holds a space, a line break or another odd character",
                            d->here.path);
            return;
        }
    }
    d->b.key = key;
}

static void finish_embedded(struct reader *r, struct draft *d)
{
    if (d->key_env || d->key_file) {
        reader_wrong_at(r, d->key_line, "%s: an embedded model has no key; did you forget url?",
                        d->here.path);
    }
    if (!d->b.model) {
        reader_wrong(r, d->here,
                     "needs model, the path of a GGUF file (or api and url of a local server)");
        return;
    }
    become_embedded(r->arena, &d->b, reader_resolve(r, d->b.model));
    if (d->has_price) {
        reader_wrong_at(r, d->price_line,
                        "%s.price: an embedded model costs nothing; leave price out", d->here.path);
    }
    d->b.price = (struct price){-1, -1, -1};
}

static void finish_remote(struct reader *r, struct draft *d)
{
    struct url url = {0};
    ASSERT(!url_parse(span_c(d->url), &url));
    bool loopback = url.is_unix || host_is_loopback(url.host);
    if (d->b.tier == TIER_DEVICE && !loopback) {
        reader_wrong_at(
            r, d->url_line,
            "%s.url: tier device means this machine: a loopback address or unix:/PATH; for another "
            "machine say tier: edge or tier: cloud",
            d->here.path);
    }
    if (!url.is_unix && !url.https && !host_is_nearby(url.host)) {
        reader_warn_at(r, d->url_line,
                       "%s.url: http:// to another network: prompts and key travel unencrypted",
                       d->here.path);
    }
    if (d->engine_key) {
        reader_wrong_at(r, d->engine_line,
                        "%s.%s: only an embedded model has it; this backend has a url",
                        d->here.path, d->engine_key);
    }
    if (!d->b.model) {
        reader_wrong(r, d->here, "needs model, the id that the server at url knows");
    }
    d->b.api = !d->api || strcmp(d->api, "openai") == 0 ? API_OPENAI
               : strcmp(d->api, "anthropic") == 0       ? API_ANTHROPIC
                                                        : API_OLLAMA;
    struct span base = span_c(d->url);
    while (base.data[base.len - 1] == '/') {
        base.len--;
    }
    const char *v1 = d->b.api != API_OLLAMA || url.path.len ? "" : url.is_unix ? ":/v1" : "/v1";
    d->b.url = arena_printf(r->arena, "%.*s%s", SPAN_ARG(base), v1).data;
    take_key(r, d, !loopback);
    if (!d->has_price && d->b.model && d->b.tier != TIER_DEVICE) {
        d->b.price = price_of_model(url.host, span_c(d->b.model));
    }
}

static void finish(struct reader *r, struct draft *d)
{
    if (!d->b.name) {
        reader_wrong(r, d->here, "needs a name");
        d->b.name = "?";
    }
    enum tier named = TIER_COUNT;
    if (d->b.tier == TIER_COUNT) {
        reader_wrong(r, d->here, "needs a tier: device, edge, cloud, human");
    } else if (tier_from(span_c(d->b.name), &named) && named != d->b.tier) {
        reader_wrong_at(r, d->name_line, "%s.name: `%s` is the name of another tier", d->here.path,
                        d->b.name);
    } else if (d->b.tier == TIER_HUMAN) {
        reader_warn_at(r, value_line(d->here),
                       "%s: tier human is not in this build yet; the backend is left out",
                       d->here.path);
    } else if (d->url) {
        finish_remote(r, d);
    } else if (d->b.tier == TIER_DEVICE && !d->api) {
        finish_embedded(r, d);
    } else {
        reader_wrong(
            r, d->here,
            "needs url, for example \"http://127.0.0.1:11434\" or \"https://api.openai.com/v1\"");
    }
    set_capabilities(d);
}

/* ---- the list ---- */

static const char *const *append(struct arena *a, const char *const *list, size_t count,
                                 const char *item)
{
    const char **grown = ARENA_ARRAY(a, const char *, count + 2);
    for (size_t i = 0; i < count; i++) {
        grown[i] = list[i];
    }
    grown[count] = item;
    return grown;
}

/* Names are unique, and no alias hides a name or a tier. */
static void check_names(struct reader *r, const struct draft *drafts, int count)
{
    const char *const *names = NULL;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(drafts[i].b.name, drafts[k].b.name) == 0 && drafts[i].name_line) {
                reader_wrong_at(r, drafts[i].name_line, "%s.name: `%s` is taken by %s",
                                drafts[i].here.path, drafts[i].b.name, drafts[k].here.path);
                break;
            }
        }
        names = append(r->arena, names, (size_t)i, drafts[i].b.name);
    }
    for (int i = 0; i < count; i++) {
        for (const char *const *alias = drafts[i].b.aliases; alias && *alias; alias++) {
            enum tier t = TIER_COUNT;
            bool taken = tier_from(span_c(*alias), &t);
            for (int k = 0; k < count; k++) {
                taken |= strcmp(*alias, names[k]) == 0;
            }
            if (taken) {
                reader_wrong_at(r, drafts[i].aliases_line,
                                "%s.aliases: `%s` is the name of a backend or a tier",
                                drafts[i].here.path, *alias);
            }
        }
    }
}

const struct backend *backends_read(struct reader *r, struct value v, int *out_count,
                                    const int **out_lines)
{
    struct draft *drafts = ARENA_ARRAY(r->arena, struct draft, BACKENDS_MAX);
    size_t count = value_len(v);
    *out_count = 0;
    if (!value_is_list(v)) {
        reader_wrong(r, v, "expected a list of backends, each `- { name: …, tier: …, model: … }`");
        return NULL;
    }
    if (count > BACKENDS_MAX) {
        reader_wrong(r, v, "more than %d backends", BACKENDS_MAX);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        drafts[i] = (struct draft){
            .b = backend_defaults(), .here = value_at(r, v, i), .capability = {-1, -1, -1, -1, -1}};
        reader_map(r, drafts[i].here, backend_fields, &drafts[i]);
        finish(r, &drafts[i]);
    }
    check_names(r, drafts, (int)count);
    struct backend *all = ARENA_ARRAY(r->arena, struct backend, count + 1);
    int *lines = ARENA_ARRAY(r->arena, int, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (drafts[i].b.tier != TIER_HUMAN) {
            all[*out_count] = drafts[i].b;
            all[*out_count].index = *out_count;
            lines[(*out_count)++] = value_line(drafts[i].here);
        }
    }
    *out_lines = lines;
    return all;
}
