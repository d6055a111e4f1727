/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller may ask of Weir itself: `X-Weir-*` headers and the body's `weir`
 * object. One table describes both; the body is applied first, so the header wins.
 * An option that is misspelt is refused rather than ignored: whoever writes
 * `X-Weir-Privcy: local` must not find out from the bill.
 */
#include "chat/dialect.h"

#include <assert.h>
#include <math.h>

#define SESSION_BYTES_MAX 256
#define LATENCY_MS_MAX 86400000 /* a day */
#define COST_USD_MAX 1e6

enum kind { KIND_WORD, KIND_NUMBER, KIND_BOOL };

/* What is wrong with the value ("must be …"), or NULL. */
typedef const char *set_fn(struct request *r, struct span value);

static const char *set_mode(struct request *r, struct span value)
{
    r->options.mode_given = mode_from(value, &r->options.mode);
    return r->options.mode_given
               ? NULL
               : "must be one of auto, prefer_on_device, only_on_device, prefer_in_cloud, only_in_cloud";
}

static const char *set_privacy(struct request *r, struct span value)
{
    r->options.privacy_given = privacy_level_from(value, &r->options.privacy);
    return r->options.privacy_given ? NULL : "must be one of open, redact, local";
}

static const char *set_strategy(struct request *r, struct span value)
{
    for (const char *const *s = strategies_built; *s; s++) {
        if (span_is(value, *s)) {
            r->options.strategy = span_c(*s);
            return NULL;
        }
    }
    for (const char *const *s = strategies_later; *s; s++) {
        if (span_is(value, *s)) {
            return "names a strategy that is not in this build yet; built: device, cloud, fallback, cascade, split";
        }
    }
    return "must be one of device, cloud, fallback, cascade, split";
}

static const char *set_session(struct request *r, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f) {
            return "must not hold control characters";
        }
    }
    if (value.len == 0 || value.len > SESSION_BYTES_MAX || !span_utf8_valid(value)) {
        return "must be 1 to 256 bytes of UTF-8";
    }
    r->options.session = arena_copy(r->arena, value);
    return NULL;
}

static const char *set_consent(struct request *r, struct span value)
{
    if (!span_starts(value, SPAN("cns_")) || value.len >= CONSENT_ID_BYTES) {
        return "must be an id that POST /weir/v1/consent gave";
    }
    r->options.consent = arena_copy(r->arena, value);
    return NULL;
}

static const char *set_max_latency(struct request *r, struct span value)
{
    int64_t ms = 0;
    if (!span_to_i64(value, &ms) || ms < 1 || ms > LATENCY_MS_MAX) {
        return "must be a whole number of milliseconds from 1 to 86400000";
    }
    r->options.max_latency_ms = ms;
    return NULL;
}

static const char *set_max_cost(struct request *r, struct span value)
{
    double usd = 0;
    if (!span_to_f64(value, &usd) || !(usd >= 0 && usd <= COST_USD_MAX)) {
        return "must be a number of US dollars from 0 to 1000000";
    }
    r->options.max_cost_usd_nano = llround(usd * 1e9);
    return NULL;
}

static const char *set_quality(struct request *r, struct span value)
{
    double quality = 0;
    if (!span_to_f64(value, &quality) || !(quality >= 0 && quality <= 1)) {
        return "must be a number from 0 to 1";
    }
    r->options.quality = quality;
    return NULL;
}

static const char *set_disclose(struct request *r, struct span value)
{
    if (!span_is(value, "model") && !span_is(value, "none")) {
        return "must be one of model, none";
    }
    r->options.disclose_model = span_is(value, "model");
    return NULL;
}

static const char *set_deterministic(struct request *r, struct span value)
{
    if (!span_is(value, "true") && !span_is(value, "false")) {
        return "must be true or false";
    }
    r->options.deterministic = span_is(value, "true");
    return NULL;
}

static const struct option {
    const char *header, *key, *param; /* X-Weir-Mode; mode; weir.mode */
    enum kind kind;
    set_fn *set;
} options[] = {
    {"X-Weir-Mode", "mode", "weir.mode", KIND_WORD, set_mode},
    {"X-Weir-Privacy", "privacy", "weir.privacy", KIND_WORD, set_privacy},
    {"X-Weir-Strategy", "strategy", "weir.strategy", KIND_WORD, set_strategy},
    {"X-Weir-Session", "session", "weir.session", KIND_WORD, set_session},
    {"X-Weir-Consent", "consent", "weir.consent", KIND_WORD, set_consent},
    {"X-Weir-Max-Latency-Ms", "max_latency_ms", "weir.max_latency_ms", KIND_NUMBER,
     set_max_latency},
    {"X-Weir-Max-Cost-Usd", "max_cost_usd", "weir.max_cost_usd", KIND_NUMBER, set_max_cost},
    {"X-Weir-Quality", "quality", "weir.quality", KIND_NUMBER, set_quality},
    {"X-Weir-Disclose", "disclose", "weir.disclose", KIND_WORD, set_disclose},
    {"X-Weir-Deterministic", "deterministic", "weir.deterministic", KIND_BOOL, set_deterministic},
};
static_assert(ARRAY_LEN(options) <= 32, "one bit each");

static enum err refuse(const char *param, const char *why, const char **out_param,
                       struct fault *fault)
{
    *out_param = param;
    return fault_set(fault, ERR_INVALID, "`%s` %s", param, why);
}

static enum err refuse_unknown(struct request *r, struct span name, bool header,
                               const char **out_param, struct fault *fault)
{
    struct text known;
    text_init(&known, 400);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        text_addf(&known, "%s%s", i ? ", " : "", header ? options[i].header : options[i].key);
    }
    struct span shown = span_first(name, span_utf8_whole(span_first(name, 40)));
    const char *param =
        arena_printf(r->arena, "%s%.*s", header ? "" : "weir.", SPAN_ARG(shown)).data;
    *out_param = param;
    fault_set(fault, ERR_INVALID, "`%s` is not known; there are %s", param, text_span(&known).data);
    text_done(&known);
    return ERR_INVALID;
}

/* ---- the body's object ---- */

static bool value_text(const struct json *v, enum kind kind, struct span *out)
{
    bool yes = false;
    *out = kind == KIND_NUMBER ? json_raw_number(v) : json_str(v);
    if (kind == KIND_BOOL && json_to_bool(v, &yes)) {
        *out = yes ? SPAN("true") : SPAN("false");
    }
    return span_given(*out);
}

static enum err apply_member(struct request *r, struct span key, const struct json *v,
                             const char **out_param, struct fault *fault)
{
    static const char *const wanted[] = {
        [KIND_WORD] = "must be a string",
        [KIND_NUMBER] = "must be a number",
        [KIND_BOOL] = "must be true or false",
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        struct span text = SPAN_NONE;
        if (!span_is(key, o->key)) {
            continue;
        }
        if (json_type(v) == JSON_NULL) {
            return OK;
        }
        const char *why = value_text(v, o->kind, &text) ? o->set(r, text) : wanted[o->kind];
        return why ? refuse(o->param, why, out_param, fault) : OK;
    }
    return refuse_unknown(r, key, false, out_param, fault);
}

static enum err apply_object(struct request *r, const struct json *object, const char **out_param,
                             struct fault *fault)
{
    if (json_has_duplicate_keys(object)) {
        return refuse("weir", "holds the same key twice", out_param, fault);
    }
    enum err err = OK;
    for (struct json_iter it = json_iter(object); !err && json_next(&it);) {
        err = apply_member(r, it.key, it.value, out_param, fault);
    }
    return err;
}

/* ---- the headers ---- */

static enum err apply_header(struct request *r, const struct header *h, uint32_t *seen,
                             const char **out_param, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (!span_eq_nocase(h->name, span_c(options[i].header))) {
            continue;
        }
        if (*seen & 1u << i) {
            return refuse(options[i].header, "is there twice", out_param, fault);
        }
        *seen |= 1u << i;
        const char *why = options[i].set(r, span_trim(h->value));
        return why ? refuse(options[i].header, why, out_param, fault) : OK;
    }
    return refuse_unknown(r, h->name, true, out_param, fault);
}

enum err options_decode(struct request *r, const struct headers *headers, const char **out_param,
                        struct fault *fault)
{
    *out_param = NULL;
    r->options = (struct request_options){
        .mode = MODE_AUTO,
        .privacy = PRIVACY_OPEN,
        .max_cost_usd_nano = -1,
        .quality = -1,
    };
    enum err err = apply_object(r, json_get(r->body, "weir"), out_param, fault);
    uint32_t seen = 0;
    for (size_t i = 0; headers && !err && i < headers->count; i++) {
        if (span_starts_nocase(headers->items[i].name, SPAN("X-Weir-"))) {
            err = apply_header(r, &headers->items[i], &seen, out_param, fault);
        }
    }
    return err;
}
