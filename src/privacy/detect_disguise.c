/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/detect_disguise.h"

#include "privacy/detect_parts.h"

/* ---- one character ---- */

/* Decodes UTF-8; gives its length, 1 with *out = the byte when it is broken. */
static size_t utf8_at(struct span t, size_t i, uint32_t *out)
{
    unsigned char c = (unsigned char)t.data[i];
    size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
    if (len == 1 || i + len > t.len) {
        *out = c;
        return 1;
    }
    uint32_t code = c & (0xffu >> (len + 1));
    for (size_t k = 1; k < len; k++) {
        unsigned char next = (unsigned char)t.data[i + k];
        if ((next & 0xc0) != 0x80) {
            *out = c;
            return 1;
        }
        code = code << 6 | (next & 0x3f);
    }
    *out = code;
    return len;
}

/* Characters that look like Latin letters (Unicode TR 39 confusables, the common ones). */
static char latin_for(uint32_t code)
{
    static const struct {
        uint16_t code;
        char latin;
    } alike[] = {
        {0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'},
        {0x445, 'x'}, {0x456, 'i'}, {0x458, 'j'}, {0x455, 's'}, {0x501, 'd'}, {0x4bb, 'h'},
        {0x51b, 'q'}, {0x51d, 'w'}, {0x410, 'A'}, {0x412, 'B'}, {0x415, 'E'}, {0x41a, 'K'},
        {0x41c, 'M'}, {0x41d, 'H'}, {0x41e, 'O'}, {0x420, 'P'}, {0x421, 'C'}, {0x422, 'T'},
        {0x425, 'X'}, {0x406, 'I'}, {0x408, 'J'}, {0x405, 'S'}, {0x3bf, 'o'}, {0x3b1, 'a'},
        {0x3b9, 'i'}, {0x3bd, 'v'}, {0x3c1, 'p'}, {0x3c5, 'u'}, {0x391, 'A'}, {0x392, 'B'},
        {0x395, 'E'}, {0x396, 'Z'}, {0x397, 'H'}, {0x399, 'I'}, {0x39a, 'K'}, {0x39c, 'M'},
        {0x39d, 'N'}, {0x39f, 'O'}, {0x3a1, 'P'}, {0x3a4, 'T'}, {0x3a5, 'Y'}, {0x3a7, 'X'},
    };
    for (size_t k = 0; k < ARRAY_LEN(alike); k++) {
        if (alike[k].code == code) {
            return alike[k].latin;
        }
    }
    return 0;
}

static bool has_no_width(uint32_t c)
{
    return (c >= 0x200b && c <= 0x200f) || c == 0xad || c == 0xfeff ||
           (c >= 0x2060 && c <= 0x2064) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0x180e;
}

/* The ASCII character that a character is another form of, or 0. */
static char ascii_for(uint32_t c)
{
    if (c >= 0xff01 && c <= 0xff5e) { /* full width */
        return (char)(c - 0xfee0);
    }
    if (c >= 0x1d7ce && c <= 0x1d7ff) { /* mathematical digits, then letters */
        return (char)('0' + (c - 0x1d7ce) % 10);
    }
    if (c >= 0x1d400 && c <= 0x1d6a3) {
        uint32_t k = (c - 0x1d400) % 52;
        return (char)(k < 26 ? 'A' + k : 'a' + k - 26);
    }
    if (c >= 0x2460 && c <= 0x2468) { /* circled */
        return (char)('1' + (c - 0x2460));
    }
    static const uint16_t zeros[] = {0x660, 0x6f0, 0x966, 0x9e6,
                                     0xe50}; /* Arabic, Persian, Devanagari, Bengali, Thai */
    for (size_t k = 0; k < ARRAY_LEN(zeros); k++) {
        if (c >= zeros[k] && c <= zeros[k] + 9u) {
            return (char)('0' + (c - zeros[k]));
        }
    }
    return c == 0x3000 ? ' ' : c == 0x3002 || c == 0xff61 ? '.' : 0;
}

/* Letters that look Latin fold only beside Latin ones: \xd0\xb0 in "j\xd0\xb0ne@", not in a Russian word. */
static bool among_latin(struct span t, size_t i, size_t len)
{
    if (i > 0 && (is(t.data[i - 1], ALNUM) || in_set(t.data[i - 1], "@._"))) {
        return true;
    }
    for (size_t k = i + len; k < t.len && k < i + 24;) {
        uint32_t code;
        if (is(t.data[k], ALNUM) || t.data[k] == '@') {
            return true;
        }
        size_t more = utf8_at(t, k, &code);
        if (more == 1 || !latin_for(code)) {
            return false;
        }
        k += more;
    }
    return false;
}

/* ---- escapes ---- */

static int hex_value(struct span t, size_t i, size_t n)
{
    int value = 0;
    if (i + n > t.len) {
        return -1;
    }
    for (size_t k = i; k < i + n; k++) {
        char c = lower(t.data[k]);
        if (!is(c, HEX)) {
            return -1;
        }
        value = value * 16 + (is(c, DIGIT) ? c - '0' : c - 'a' + 10);
    }
    return value;
}

/* %40, \u0040, \x40, \n, \", &#64;, &#x40;: the length of what stands for one character, which is *out; 0: no escape. */
static size_t escape_at(struct span t, size_t i, uint32_t *out)
{
    char c = t.data[i];
    if (c == '%') {
        int value = hex_value(t, i + 1, 2);
        *out = (uint32_t)value;
        return value >= 0x20 && value < 0x7f ? 3 : 0;
    }
    if (c == '&' && i + 3 < t.len && t.data[i + 1] == '#') {
        bool hex = (t.data[i + 2] | 0x20) == 'x';
        size_t from = i + 2 + hex;
        size_t end = run_of(span_first(t, from + 6), from, hex ? HEX : DIGIT);
        int value =
            hex ? hex_value(t, from, end - from) : number_of(t.data + from, (int)(end - from));
        *out = (uint32_t)value;
        return end > from && end < t.len && t.data[end] == ';' && value >= 0x20 ? end + 1 - i : 0;
    }
    size_t k = i;
    while (k < t.len && t.data[k] == '\\' && k - i < 8) { /* escaped once or more */
        k++;
    }
    if (c != '\\' || k >= t.len) {
        return 0;
    }
    if (t.data[k] == 'u' || t.data[k] == 'x') {
        size_t digits = t.data[k] == 'u' ? 4 : 2;
        int value = hex_value(t, k + 1, digits);
        *out = (uint32_t)value;
        return value >= 0x20 && (value < 0xd800 || value > 0xdfff) ? k + 1 + digits - i : 0;
    }
    *out = t.data[k] == 'n' || t.data[k] == 'r' ? '\n'
           : t.data[k] == 't'                   ? '\t'
                                                : (uint32_t)t.data[k];
    return in_set(t.data[k], "nrt\"/'") ? k + 1 - i : 0;
}

/* ---- folding ---- */

/* From here on, byte `folded` of the copy is byte `original` of the text. */
struct drift {
    size_t folded, original;
};

struct fold {
    char *data;
    size_t len;
    struct drift *drifts;
    size_t count, capacity;
};

static void note_drift(struct fold *f, size_t original)
{
    if (f->count == f->capacity) {
        size_t grown = MAX(f->capacity * 2, 32);
        f->drifts = mem_grow(f->drifts, sizeof *f->drifts * f->capacity, sizeof *f->drifts * grown);
        f->capacity = grown;
    }
    f->drifts[f->count++] = (struct drift){f->len, original};
}

static void put_code(struct fold *f, uint32_t c)
{
    if (c < 0x80) {
        f->data[f->len++] = (char)c;
    } else if (c < 0x800) {
        f->data[f->len++] = (char)(0xc0 | c >> 6);
        f->data[f->len++] = (char)(0x80 | (c & 0x3f));
    } else {
        f->data[f->len++] = (char)(0xe0 | c >> 12);
        f->data[f->len++] = (char)(0x80 | (c >> 6 & 0x3f));
        f->data[f->len++] = (char)(0x80 | (c & 0x3f));
    }
}

/* What stands at `i` in another form: its length, and the character meant (0 = nothing at all). 0: it stands for itself. */
static size_t disguised_at(struct span t, size_t i, uint32_t *out)
{
    unsigned char c = (unsigned char)t.data[i];
    if (c == '%' || c == '\\' || c == '&') {
        size_t len = escape_at(t, i, out);
        char plain = len && *out >= 0x80 ? ascii_for(*out) : 0;
        *out = plain ? (uint32_t)plain : len && has_no_width(*out) ? 0 : *out;
        return len;
    }
    if (c < 0xc2) {
        return 0;
    }
    uint32_t code;
    size_t len = utf8_at(t, i, &code);
    if (len == 1) {
        return 0;
    }
    char plain = ascii_for(code);
    if (plain || has_no_width(code)) {
        *out = (uint32_t)plain;
        return len;
    }
    plain = len == 2 ? latin_for(code) : 0;
    *out = (uint32_t)plain;
    return plain && among_latin(t, i, len) ? len : 0;
}

static void fold(struct span t, struct fold *f)
{
    *f = (struct fold){.data = mem_new(t.len + 1)};
    for (size_t i = 0; i < t.len;) {
        uint32_t code;
        size_t len = disguised_at(t, i, &code);
        if (!len) {
            f->data[f->len++] = t.data[i++];
            continue;
        }
        if (code) {
            note_drift(f, i);
            put_code(f, code);
        }
        i += len;
        note_drift(f, i);
    }
}

static void fold_done(struct fold *f)
{
    explicit_bzero(f->data, f->len);
    mem_free(f->data);
    mem_free(f->drifts);
}

/* The place in the original of a place in the copy. Where nothing of the copy stands for a stretch of the original, a
 * start comes after it, an end before. */
static size_t original_of(const struct fold *f, size_t at, bool end)
{
    size_t low = 0;
    size_t high = f->count; /* the first drift behind `at` (or, for an end, at it) */
    while (low < high) {
        size_t mid = (low + high) / 2;
        bool before = end ? f->drifts[mid].folded < at : f->drifts[mid].folded <= at;
        low = before ? mid + 1 : low;
        high = before ? high : mid;
    }
    struct drift from = low ? f->drifts[low - 1] : (struct drift){0, 0};
    size_t place = from.original + (at - from.folded);
    return low < f->count ? MIN(place, f->drifts[low].original) : place;
}

static void detect_folded(struct span t, struct span near, plain_fn *plain, struct findings *out)
{
    struct fold f;
    fold(t, &f);
    int first = out->count;
    plain(span_of(f.data, f.len), near, out);
    for (int i = first; i < out->count; i++) {
        struct finding *at = &out->items[i];
        size_t end = original_of(&f, at->end, true);
        at->start = original_of(&f, at->start, false);
        /* an end inside of a character that became several bytes */
        at->end = MIN(MAX(end, at->start + 1), t.len);
    }
    fold_done(&f);
}

/* ---- base64 ---- */

#define BASE64_LEAST 16 /* characters: twelve bytes */

/* What a byte may be part of; base64: its value. */
enum { PLAIN = -1, SUSPECT = -2 };
static int8_t kind_of[256];

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : PLAIN;
}

__attribute__((constructor)) static void fill_kinds(void)
{
    for (int c = 0; c < 256; c++) {
        bool suspect = c >= 0xc2 || c == '%' || c == '\\' || c == '&';
        kind_of[c] = suspect ? SUSPECT : (int8_t)base64_value((char)c);
    }
}

static int sextet(char c)
{
    return kind_of[(unsigned char)c];
}

/* Decodes as much as there is; gives the bytes written to `out` (three quarters of the length). */
static size_t decode(struct span v, char *out)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        bits = bits << 6 | (uint32_t)sextet(v.data[i]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have);
        }
    }
    return n;
}

static bool is_texty(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c < 9 || (c > 13 && c < 32) || c == 127) {
            return false;
        }
    }
    return span_utf8_valid(span_first(s, span_utf8_whole(s)));
}

static bool decodes_to_text(struct span v)
{
    char start[12];
    return v.len >= BASE64_LEAST && is_texty(span_of(start, decode(span_first(v, 16), start)));
}

/* A run of base64 is one value: what is found inside of it is found as a whole. */
static void detect_base64(struct span v, size_t start, size_t end, struct span near,
                          plain_fn *plain, struct findings *out)
{
    char *data = mem_new(v.len);
    size_t len = decode(v, data);
    if (is_texty(span_of(data, len))) {
        int first = out->count;
        plain(span_of(data, len), near, out);
        int kept = first;
        for (int i = first; i < out->count; i++) {
            if (i == first || out->items[i].type != out->items[kept - 1].type) {
                out->items[kept] = out->items[i];
                out->items[kept].start = start;
                out->items[kept].end = end;
                kept++;
            }
        }
        out->count = kept;
    }
    explicit_bzero(data, len);
    mem_free(data);
}

static size_t base64_run(struct span t, size_t i)
{
    while (i < t.len && sextet(t.data[i]) >= 0) {
        i++;
    }
    return i;
}

static void all_base64(struct span t, struct span near, plain_fn *plain, struct findings *out)
{
    for (size_t i = 0; i < t.len;) {
        size_t end = base64_run(t, i);
        struct span v = span_of(t.data + i, end - i);
        if (decodes_to_text(v)) {
            size_t close = end;
            while (close < t.len && t.data[close] == '=' && close - end < 2) {
                close++;
            }
            detect_base64(v, i, close, near, plain, out);
        }
        i = MAX(end, i + 1);
    }
}

/* ---- both ---- */

static bool is_folded(struct span t)
{
    for (size_t i = 0; i < t.len; i++) {
        uint32_t ignored;
        if (sextet(t.data[i]) == SUSPECT && disguised_at(t, i, &ignored)) {
            return true;
        }
    }
    return false;
}

bool disguise_worn(struct span t)
{
    size_t run = 0;
    for (size_t i = 0; i < t.len; i++) {
        uint32_t ignored;
        int kind = sextet(t.data[i]);
        run = kind >= 0 ? run + 1 : 0;
        if (run == BASE64_LEAST && decodes_to_text(span_of(t.data + i + 1 - run, run))) {
            return true;
        }
        if (kind == SUSPECT && disguised_at(t, i, &ignored)) {
            return true;
        }
    }
    return false;
}

void disguise_detect(struct span t, struct span near, plain_fn *plain, struct findings *out)
{
    if (is_folded(t)) {
        detect_folded(t, near, plain, out);
    } else {
        plain(t, near, out);
    }
    all_base64(t, near, plain, out);
}
