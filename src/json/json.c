/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yyjson lays a document out as one flat array of 16-byte values in document
 * order: a container is followed by its members and knows where the value after
 * it stands, so walking needs no stack and a step is O(1). A `struct json *` is
 * such a value; a `struct json_doc *` is yyjson's document. This is the only
 * file that knows.
 */
#include "json/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <yyjson.h>

static yyjson_val *val(const struct json *v)
{
    return (yyjson_val *)(uintptr_t)v; /* yyjson's getters take non-const and do not write */
}

static const struct json *node(const void *v)
{
    return v;
}

/* ---- reading ---- */

/* Longer texts mostly have so many brackets that counting them decides nothing. */
#define FEW_BYTES (16 * KIB)

/* The position just after the string whose opening quote stands before `i`. */
static size_t skip_string(struct span s, size_t i)
{
    for (;;) {
        const char *quote = i < s.len ? memchr(s.data + i, '"', s.len - i) : NULL;
        if (!quote) {
            return s.len;
        }
        size_t at = (size_t)(quote - s.data);
        size_t slashes = 0;
        while (at - slashes > i && s.data[at - slashes - 1] == '\\') {
            slashes++;
        }
        i = at + 1;
        if (slashes % 2 == 0) {
            return i;
        }
    }
}

/* Opening brackets, of which one of each kind differs from the other by this bit alone; strings count too. */
static size_t count_openings(struct span s)
{
    static_assert(('[' | 0x20) == '{', "one comparison finds both");
    size_t count = 0;
    size_t i = 0;
    for (; i + 16 <= s.len;
         i += 16) { /* a fixed number of rounds: the compiler makes vectors of it */
        uint8_t here = 0;
        for (size_t k = 0; k < 16; k++) {
            here = (uint8_t)(here + ((s.data[i + k] | 0x20) == '{'));
        }
        count += here;
    }
    for (; i < s.len; i++) {
        count += (s.data[i] | 0x20) == '{';
    }
    return count;
}

/*
 * Runs before the parser, so that hostile nesting costs one pass and no tree
 * (yyjson itself does not recurse, but would make 16 bytes of every bracket).
 * Text that is not JSON may be misjudged either way; the parser has the last word.
 */
static bool too_deep(struct span s, size_t *out_at)
{
    size_t depth = 0;
    if (s.len <= FEW_BYTES && count_openings(s) <= JSON_DEPTH_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.len;) {
        switch (s.data[i++]) {
        case '"':
            i = skip_string(s, i);
            break;
        case '[':
        case '{':
            if (++depth > JSON_DEPTH_MAX) {
                *out_at = i - 1;
                return true;
            }
            break;
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        default:
            break;
        }
    }
    return false;
}

enum err json_parse(struct span bytes, struct json_doc **out_doc, struct fault *fault)
{
    size_t at = 0;
    if (too_deep(bytes, &at)) {
        return fault_set(fault, ERR_INVALID, "JSON is nested deeper than %d levels at byte %zu",
                         JSON_DEPTH_MAX, at);
    }
    yyjson_read_err why = {0};
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)(bytes.data ? bytes.data : ""), bytes.len,
                                       YYJSON_READ_NUMBER_AS_RAW, NULL, &why);
    if (doc) {
        *out_doc = (struct json_doc *)doc;
        return OK;
    }
    if (why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return fault_set(fault, ERR_NO_MEMORY, "no memory for JSON of %zu bytes", bytes.len);
    }
    return fault_set(fault, ERR_INVALID, "not valid JSON at byte %zu: %s", why.pos,
                     why.msg ? why.msg : "unknown");
}

void json_free(struct json_doc *doc)
{
    yyjson_doc_free((yyjson_doc *)doc);
}

static void free_doc(void *user)
{
    json_free(user);
}

enum err json_parse_in(struct arena *a, struct span bytes, const struct json **out_root,
                       struct fault *fault)
{
    struct json_doc *doc = NULL;
    enum err err = json_parse(bytes, &doc, fault);
    if (err) {
        return err;
    }
    arena_on_free(a, free_doc, doc);
    *out_root = json_root(doc);
    return OK;
}

const struct json *json_root(const struct json_doc *doc)
{
    return node(yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc));
}

enum json_type json_type(const struct json *v)
{
    switch (yyjson_get_type(val(v))) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_RAW:
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

const char *json_type_name(const struct json *v)
{
    static const char *const names[] = {
        [JSON_NONE] = "nothing",     [JSON_NULL] = "null",       [JSON_BOOL] = "true or false",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };
    return names[json_type(v)];
}

const struct json *json_get_span(const struct json *object, struct span key)
{
    return node(yyjson_obj_getn(val(object), key.data, key.len));
}

const struct json *json_at(const struct json *array, size_t index)
{
    return node(yyjson_arr_get(val(array), index));
}

size_t json_len(const struct json *v)
{
    return yyjson_is_ctn(val(v)) ? unsafe_yyjson_get_len(val(v)) : 0;
}

struct span json_str(const struct json *v)
{
    return yyjson_is_str(val(v))
               ? span_of(unsafe_yyjson_get_str(val(v)), unsafe_yyjson_get_len(val(v)))
               : SPAN_NONE;
}

struct span json_raw_number(const struct json *v)
{
    return yyjson_is_raw(val(v))
               ? span_of(unsafe_yyjson_get_raw(val(v)), unsafe_yyjson_get_len(val(v)))
               : SPAN_NONE;
}

bool json_true(const struct json *v)
{
    return yyjson_is_true(val(v));
}

bool json_to_bool(const struct json *v, bool *out)
{
    if (!yyjson_is_bool(val(v))) {
        return false;
    }
    *out = yyjson_is_true(val(v));
    return true;
}

/*
 * A JSON number is [-] digits [. digits] [e [+-] digits]; the parser has checked
 * that. It is read as D × 10^e with D free of zeros at both ends: whole exactly
 * when e >= 0. No detour over double, which would bend everything above 2^53.
 */
bool json_to_i64(const struct json *v, int64_t *out)
{
    struct span s = json_raw_number(v);
    if (!span_given(s)) {
        return false;
    }
    bool minus = s.data[0] == '-';
    int64_t exponent = 0;
    uint64_t digits = 0;
    size_t zeros = 0; /* seen, but not yet known to be followed by a digit that counts */
    bool point = false;
    size_t i = minus;
    for (; i < s.len && (s.data[i] | 0x20) != 'e'; i++) {
        if (s.data[i] == '.') {
            point = true;
            continue;
        }
        exponent -= point;
        if (s.data[i] == '0') {
            zeros += digits > 0;
            continue;
        }
        for (; zeros; zeros--) {
            if (__builtin_mul_overflow(digits, 10u, &digits)) {
                return false;
            }
        }
        if (__builtin_mul_overflow(digits, 10u, &digits) ||
            __builtin_add_overflow(digits, (uint64_t)(s.data[i] - '0'), &digits)) {
            return false;
        }
    }
    if (digits == 0) {
        *out = 0;
        return true;
    }
    if (i < s.len) {
        bool down = s.data[i + 1] == '-';
        int64_t e = 0;
        for (i += 1u + (s.data[i + 1] == '-' || s.data[i + 1] == '+'); i < s.len; i++) {
            e = MIN(e * 10 + (s.data[i] - '0'), INT64_C(1) << 40); /* longer than any body */
        }
        exponent += down ? -e : e;
    }
    exponent += (int64_t)zeros;
    if (exponent < 0 || exponent > 19) {
        return false;
    }
    for (; exponent; exponent--) {
        if (__builtin_mul_overflow(digits, 10u, &digits)) {
            return false;
        }
    }
    if (digits > (uint64_t)INT64_MAX + minus) {
        return false;
    }
    *out = minus ? (int64_t)(0 - digits) : (int64_t)digits;
    return true;
}

bool json_to_f64(const struct json *v, double *out)
{
    struct span s = json_raw_number(v);
    return span_given(s) && span_to_f64(s, out);
}

int64_t json_i64_or(const struct json *v, int64_t otherwise)
{
    int64_t n = otherwise;
    return json_to_i64(v, &n) ? n : otherwise;
}

double json_f64_or(const struct json *v, double otherwise)
{
    double x = otherwise;
    return json_to_f64(v, &x) ? x : otherwise;
}

struct json_iter json_iter(const struct json *v)
{
    struct json_iter it = {.container = v, .key = SPAN_NONE, .index = SIZE_MAX};
    if (json_len(v)) {
        it.at = unsafe_yyjson_get_first(val(v));
    }
    return it;
}

bool json_next(struct json_iter *it)
{
    if (!it->at || it->index + 1 >= unsafe_yyjson_get_len(val(it->container))) {
        it->value = NULL;
        return false;
    }
    it->index++;
    const struct json *first = it->at;
    if (yyjson_is_obj(val(it->container))) {
        it->key = json_str(first);
        first = node(val(first) + 1);
    }
    it->value = first;
    it->at = unsafe_yyjson_get_next(val(first));
    return true;
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    int order = memcmp(x->data, y->data, MIN(x->len, y->len));
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Sorted above a few members: quadratic comparing, or a hash a peer can foresee, invites an attack. */
static bool object_repeats_key(const struct json *object)
{
    struct span few[16];
    size_t count = json_len(object);
    struct span *keys = count <= ARRAY_LEN(few) ? few : NEW_ARRAY(struct span, count);
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        keys[it.index] = it.key;
    }
    bool repeats = false;
    if (keys == few) {
        for (size_t i = 1; i < count && !repeats; i++) {
            for (size_t j = 0; j < i && !repeats; j++) {
                repeats = span_eq(keys[i], keys[j]);
            }
        }
    } else {
        qsort(keys, count, sizeof *keys, compare_spans);
        for (size_t i = 1; i < count && !repeats; i++) {
            repeats = span_eq(keys[i - 1], keys[i]);
        }
        mem_free(keys);
    }
    return repeats;
}

bool json_has_duplicate_keys(const struct json *v)
{
    if (json_type(v) == JSON_OBJECT && object_repeats_key(v)) {
        return true;
    }
    for (struct json_iter it = json_iter(v); json_next(&it);) { /* at most JSON_DEPTH_MAX deep */
        if (json_len(it.value) && json_has_duplicate_keys(it.value)) {
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

struct json_out json_out(struct text *text)
{
    return (struct json_out){.text = text};
}

static void separate(struct json_out *w)
{
    if (w->comma) {
        text_add(w->text, SPAN(","));
    }
    w->comma = true;
}

static void begin(struct json_out *w, char bracket)
{
    char out[2] = {',', bracket};
    text_add(w->text, w->comma ? span_of(out, 2) : span_of(out + 1, 1));
    w->comma = false;
}

static void end(struct json_out *w, char bracket)
{
    text_add(w->text, span_of(&bracket, 1));
    w->comma = true;
}

void json_begin_object(struct json_out *w)
{
    begin(w, '{');
}
void json_end_object(struct json_out *w)
{
    end(w, '}');
}
void json_begin_array(struct json_out *w)
{
    begin(w, '[');
}
void json_end_array(struct json_out *w)
{
    end(w, ']');
}

/*
 * Bytes of a string by what must be done with them: 0 copy, a letter: escape with
 * it, 'u': \u00XX, 2..4: a UTF-8 sequence of that length starts, 1: never valid here.
 */
static const char byte_kinds[256] = {
    ['"'] = '"',         ['\\'] = '\\',       ['\b'] = 'b',        ['\f'] = 'f',
    ['\n'] = 'n',        ['\r'] = 'r',        ['\t'] = 't',        [0x00] = 'u',
    [0x01] = 'u',        [0x02] = 'u',        [0x03] = 'u',        [0x04] = 'u',
    [0x05] = 'u',        [0x06] = 'u',        [0x07] = 'u',        [0x0b] = 'u',
    [0x0e] = 'u',        [0x0f] = 'u',        [0x10] = 'u',        [0x11] = 'u',
    [0x12] = 'u',        [0x13] = 'u',        [0x14] = 'u',        [0x15] = 'u',
    [0x16] = 'u',        [0x17] = 'u',        [0x18] = 'u',        [0x19] = 'u',
    [0x1a] = 'u',        [0x1b] = 'u',        [0x1c] = 'u',        [0x1d] = 'u',
    [0x1e] = 'u',        [0x1f] = 'u',        [0x80 ... 0xc1] = 1, [0xc2 ... 0xdf] = 2,
    [0xe0 ... 0xef] = 3, [0xf0 ... 0xf4] = 4, [0xf5 ... 0xff] = 1,
};

/*
 * Length of the well-formed sequence at the front of `s` (at most `want`); when
 * there is none, *out_bad is the length of its "maximal subpart" (Unicode 15,
 * section 3.9, table 3-7), which one U+FFFD replaces.
 */
static size_t utf8_length(struct span s, size_t want, size_t *out_bad)
{
    const unsigned char *p = (const unsigned char *)s.data;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    switch (p[0]) {
    case 0xe0: /* shorter form exists */
        low = 0xa0;
        break;
    case 0xed: /* surrogates */
        high = 0x9f;
        break;
    case 0xf0:
        low = 0x90;
        break;
    case 0xf4: /* above U+10FFFF */
        high = 0x8f;
        break;
    default:
        break;
    }
    size_t n = 1;
    while (n < want && n < s.len && p[n] >= low && p[n] <= high) {
        n++;
        low = 0x80;
        high = 0xbf;
    }
    *out_bad = n;
    return n == want ? n : 0;
}

/* Are these eight bytes ASCII that is written as it is? Never yes too often: a byte's top bit is set when it is
 * below 0x20, a quote, a backslash, or above 0x7f. */
static inline bool eight_plain(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight;
    memcpy(&eight, bytes, 8);
    uint64_t quote = eight ^ ones * '"';
    uint64_t slash = eight ^ ones * '\\';
    return !(((eight - ones * 0x20) | (quote - ones) | (slash - ones) | eight) & ones * 0x80);
}

/* The bytes at the front of `s` that need no look, rounded down to eights. */
static size_t plain_eights(struct span s)
{
    size_t i = 0;
    while (i + 8 <= s.len && eight_plain(s.data + i)) {
        i += 8;
    }
    return i;
}

static bool is_plain(struct span s)
{
    if (s.len >= 8) { /* the last eight bytes may have been looked at in part before */
        return plain_eights(s) + 8 > s.len && eight_plain(s.data + s.len - 8);
    }
    size_t i = 0;
    while (i < s.len && byte_kinds[(unsigned char)s.data[i]] == 0) {
        i++;
    }
    return i == s.len;
}

void json_escape(struct text *text, struct span s)
{
    size_t done = 0; /* bytes before it are written */
    size_t i = plain_eights(s);
    while (i < s.len) {
        unsigned char byte = (unsigned char)s.data[i];
        char kind = byte_kinds[byte];
        if (kind == 0) {
            i++;
            continue;
        }
        size_t bad = 1;
        size_t whole =
            kind >= 2 && kind <= 4 ? utf8_length(span_from(s, i), (size_t)kind, &bad) : 0;
        if (whole) {
            i += whole;
            continue;
        }
        text_add(text, span_of(s.data + done, i - done));
        if (kind <= 4) {
            text_add(text, SPAN("\xef\xbf\xbd"));
        } else if (kind == 'u') {
            static const char hex[] = "0123456789abcdef";
            char out[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
            text_add(text, span_of(out, sizeof out));
        } else {
            char out[2] = {'\\', kind};
            text_add(text, span_of(out, sizeof out));
        }
        i += bad;
        done = i;
    }
    text_add(text, span_of(s.data ? s.data + done : "", s.len - done));
}

/* Most keys and values need no escapes: those go out in one piece. */
static bool write_plain(struct json_out *w, struct span s, bool is_key)
{
    char *room = is_plain(s) ? text_reserve(w->text, s.len + 2 + w->comma + is_key) : NULL;
    if (!room) {
        return false;
    }
    char *at = room;
    if (w->comma) {
        *at++ = ',';
    }
    *at++ = '"';
    memcpy(at, s.data, s.len);
    at += s.len;
    *at++ = '"';
    if (is_key) {
        *at++ = ':';
    }
    *at = '\0';
    w->text->len += (size_t)(at - room);
    w->comma = !is_key;
    return true;
}

static void quoted(struct json_out *w, struct span s)
{
    text_add(w->text, SPAN("\""));
    json_escape(w->text, s);
    text_add(w->text, SPAN("\""));
}

void json_key_span(struct json_out *w, struct span key)
{
    if (write_plain(w, key, true)) {
        return;
    }
    separate(w);
    quoted(w, key);
    text_add(w->text, SPAN(":"));
    w->comma = false;
}

void json_raw(struct json_out *w, struct span already_json)
{
    separate(w);
    text_add(w->text, already_json);
}

void json_null(struct json_out *w)
{
    json_raw(w, SPAN("null"));
}

void json_string(struct json_out *w, struct span s)
{
    if (!span_given(s)) {
        json_null(w);
        return;
    }
    if (write_plain(w, s, false)) {
        return;
    }
    separate(w);
    quoted(w, s);
}

void json_bool(struct json_out *w, bool b)
{
    json_raw(w, b ? SPAN("true") : SPAN("false"));
}

/* Writes at least `least` digits up to before `end` and gives where they begin; there are at most 20. */
static char *digits_before(char *end, uint64_t n, int least)
{
    for (; n || least > 0; n /= 10, least--) {
        *--end = (char)('0' + n % 10);
    }
    return end;
}

void json_int(struct json_out *w, int64_t n)
{
    char digits[24];
    char *end = digits + sizeof digits;
    char *at = digits_before(end, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 1);
    if (n < 0) {
        *--at = '-';
    }
    json_raw(w, span_of(at, (size_t)(end - at)));
}

/* n / 10^places without zeros at its end, but at least one digit after the point. */
static void write_decimal(struct json_out *w, uint64_t n, int places)
{
    uint64_t one = 1;
    for (int i = 0; i < places; i++) {
        one *= 10;
    }
    char digits[40];
    char *end = digits + sizeof digits;
    char *point = digits_before(end, n % one, places) - 1;
    char *at = digits_before(point, n / one, 1);
    *point = '.';
    while (end[-1] == '0' && end - 2 > point) {
        end--;
    }
    json_raw(w, span_of(at, (size_t)(end - at)));
}

void json_number(struct json_out *w, double x)
{
    if (!isfinite(x)) {
        json_null(w);
        return;
    }
    if (fabs(x) < 1e15 && x == (double)(int64_t)x) {
        json_int(w, (int64_t)x);
        return;
    }
    uint64_t scaled = x > 0 && x < 1e6 ? (uint64_t)(x * 1e4 + 0.5) : 0;
    if (scaled && (double)scaled / 1e4 == x) { /* shares and scores, which are most of what comes */
        write_decimal(w, scaled, 4);
        return;
    }
    char digits[32];
    int n =
        snprintf(digits, sizeof digits, "%.15g", x); /* the locale is never set: always a point */
    json_raw(w, span_of(digits, (size_t)n));
}

void json_usd(struct json_out *w, int64_t usd_nano)
{
    if (usd_nano < 0) {
        json_null(w);
        return;
    }
    write_decimal(w, (uint64_t)usd_nano, 9);
}

void json_value(struct json_out *w, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_NONE:
    case JSON_NULL:
        json_null(w);
        break;
    case JSON_BOOL:
        json_bool(w, json_true(v));
        break;
    case JSON_NUMBER:
        json_raw(w, json_raw_number(v));
        break;
    case JSON_STRING:
        json_string(w, json_str(v));
        break;
    case JSON_ARRAY: /* at most JSON_DEPTH_MAX deep */
        json_begin_array(w);
        for (struct json_iter it = json_iter(v); json_next(&it);) {
            json_value(w, it.value);
        }
        json_end_array(w);
        break;
    case JSON_OBJECT:
        json_begin_object(w);
        for (struct json_iter it = json_iter(v); json_next(&it);) {
            json_key_span(w, it.key);
            json_value(w, it.value);
        }
        json_end_object(w);
        break;
    }
}
