/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, read strictly and written as text. A thin layer over yyjson.
 *
 * Reading gives an immutable tree of `const struct json *` nodes that live as
 * long as their document. Numbers stay raw text (so 1e400 or 20-digit ids pass
 * through unchanged) and are converted only when asked for. Every getter takes
 * NULL and a node of another type and then answers "not there", so paths are
 * followed without checks in between:
 *
 *   json_str(json_get(json_at(json_get(body, "choices"), 0), "text"))
 *
 * Writing appends to a struct text; json_value() copies a subtree, numbers digit
 * by digit and strings value by value (white space and the choice of escapes are
 * not kept), which is how bodies are passed on with single fields replaced.
 * Strings to be written may hold any bytes: what is not UTF-8 becomes U+FFFD.
 *
 * A tree costs up to 16 bytes per value, so `[1,1,…` costs eight times its
 * length beside the copy of the text: bodies are bounded before they come here.
 */
#ifndef WEIR_JSON_JSON_H
#define WEIR_JSON_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

struct json;     /* one node, borrowed from its document */
struct json_doc; /* the owner */

#define JSON_DEPTH_MAX 64

/* ERR_INVALID with position on anything that is not exactly one JSON value, is nested deeper than
 * JSON_DEPTH_MAX, or is not UTF-8. Copies `bytes`. */
enum err json_parse(struct span bytes, struct json_doc **out_doc, struct fault *fault) MUST_USE;
void json_free(struct json_doc *doc); /* NULL is fine */
/* The same, freed with the arena; gives the root. */
enum err json_parse_in(struct arena *a, struct span bytes, const struct json **out_root,
                       struct fault *fault) MUST_USE;
const struct json *json_root(const struct json_doc *doc);

enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};
enum json_type json_type(const struct json *v);   /* JSON_NONE for NULL */
const char *json_type_name(const struct json *v); /* "a string", "null", "nothing" */

const struct json *json_get_span(const struct json *object,
                                 struct span key);                  /* first of that name */
const struct json *json_at(const struct json *array, size_t index); /* linear */
size_t json_len(const struct json *v);              /* members or elements, else 0 */
bool json_has_duplicate_keys(const struct json *v); /* anywhere below */

struct span json_str(const struct json *v); /* SPAN_NONE when it is not a string */
struct span json_raw_number(const struct json *v);
bool json_true(const struct json *v); /* is literally true */
bool json_to_bool(const struct json *v, bool *out);
bool json_to_i64(const struct json *v, int64_t *out); /* also 3.0; not 3.5 or out of range */
bool json_to_f64(const struct json *v, double *out);  /* finite only */
int64_t json_i64_or(const struct json *v, int64_t otherwise);
double json_f64_or(const struct json *v, double otherwise);

/* for (struct json_iter it = json_iter(v); json_next(&it);) it.key (objects), it.value, it.index */
struct json_iter {
    const struct json *container, *value;
    struct span key;
    size_t index;
    const void *at; /* private */
};
struct json_iter json_iter(const struct json *v); /* no rounds unless an array or object */
bool json_next(struct json_iter *it);

/* ---- writing ---- */

struct json_out {
    struct text *text;
    bool comma; /* private: a separator is due */
};

struct json_out json_out(struct text *text);
void json_begin_object(struct json_out *w);
void json_end_object(struct json_out *w);
void json_begin_array(struct json_out *w);
void json_end_array(struct json_out *w);
void json_key_span(struct json_out *w, struct span key);
void json_string(struct json_out *w, struct span s); /* null for SPAN_NONE */
void json_bool(struct json_out *w, bool b);
void json_int(struct json_out *w, int64_t n);
void json_number(struct json_out *w,
                 double x); /* null unless finite; shortest that reads back, <= 15 digits */
void json_usd(struct json_out *w, int64_t usd_nano); /* null for a negative (= unknown) amount */
void json_null(struct json_out *w);
void json_value(struct json_out *w, const struct json *v); /* null for NULL */
void json_raw(struct json_out *w, struct span already_json);

/* Appends `s` escaped, without quotes. */
void json_escape(struct text *text, struct span s);

/* Names are mostly literals: inline, so that the compiler knows their length. */
static inline const struct json *json_get(const struct json *object, const char *key)
{
    return json_get_span(object, span_c(key));
}
static inline void json_key(struct json_out *w, const char *key)
{
    json_key_span(w, span_c(key));
}
static inline void json_c(struct json_out *w, const char *c_string)
{
    json_string(w, span_c(c_string));
}

/* Key and value in one call. */
static inline void json_put(struct json_out *w, const char *key, struct span s)
{
    json_key(w, key);
    json_string(w, s);
}
static inline void json_put_c(struct json_out *w, const char *key, const char *c_string)
{
    json_key(w, key);
    json_c(w, c_string);
}
static inline void json_put_int(struct json_out *w, const char *key, int64_t n)
{
    json_key(w, key);
    json_int(w, n);
}
static inline void json_put_number(struct json_out *w, const char *key, double x)
{
    json_key(w, key);
    json_number(w, x);
}
static inline void json_put_usd(struct json_out *w, const char *key, int64_t usd_nano)
{
    json_key(w, key);
    json_usd(w, usd_nano);
}
static inline void json_put_bool(struct json_out *w, const char *key, bool b)
{
    json_key(w, key);
    json_bool(w, b);
}
static inline void json_put_null(struct json_out *w, const char *key)
{
    json_key(w, key);
    json_null(w);
}
static inline void json_put_value(struct json_out *w, const char *key, const struct json *v)
{
    json_key(w, key);
    json_value(w, v);
}
/* The number, or null when it is negative: this code base's "unknown". */
static inline void json_put_known(struct json_out *w, const char *key, int64_t n)
{
    json_key(w, key);
    if (n < 0) {
        json_null(w);
    } else {
        json_int(w, n);
    }
}

#endif
