/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/names_tokens.h"

#define MAIL_LOCAL_MAX 64 /* RFC 5321, 4.5.3.1.1 */
#define FIELD_REACH 12    /* tokens after its `:` that a field still names */
#define SEGMENT_MAX 48    /* tokens over which the capitals of a long line are counted */
#define CAPITAL_REACH 64  /* tokens after a capital within which small letters are no habit */
#define SEGMENT_FULL 24   /* from here on the next sentence is a segment of its own */

/* ---- code points ---- */

/* Base letters of U+00C0 … U+024F and U+1E00 … U+1EFF, by Unicode's canonical decomposition; capitals stay capitals.
 * `x`/`X`: a letter with no plain one beneath, `.`: no letter. */
static const char latin_c0[] = "AAAAAAACEEEEIIIIDNOOOOO.OUUUUYTsaaaaaaaceeeeiiiidnooooo.ouuuuyty"
                               "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiXxJjKkkLlLlLlL"
                               "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs"
                               "bBBbXxOCcDDDdxEEEFfGXxXIKklxMNnOOoXxPpxXxXxtTtTUuXVYyZzXXxxxXxxx"
                               "xxxxXDxXLxXNxAaIiOoUuUuUuUuUueAaAaXxGgGgKkOoOoXxjXDxGgXXNnAaXxOo"
                               "AaAaEeEeIiIiOoOoRrRrUuUuSsTtXxHhNdXxZzAaEeOoOoOoOoYylntjxxACcLTs"
                               "zXxBUVEeJjQqRrYy";
static const char latin_1e00[] = "AaBbBbBbCcDdDdDdDdDdEeEeEeEeEeFfGgHhHhHhHhHhIiIiKkKkKkLlLlLlLlMm"
                                 "MmMmNnNnNnNnOoOoOoOoPpPpRrRrRrRrSsSsSsSsSsTtTtTtTtUuUuUuUuUuVvVv"
                                 "WwWwWwWwWwXxXxYyZzZzZzhtwyasssSxAaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEe"
                                 "EeEeEeEeIiIiOoOoOoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYyXxVvYy";
static_assert(sizeof latin_c0 == 0x250 - 0xC0 + 1, "one letter per code point");
static_assert(sizeof latin_1e00 == 0x100 + 1, "one letter per code point");

enum kind {
    BLANK,
    LINE_END,
    NOTHING,
    LETTER,
    DIGIT,
    UNDERSCORE,
    HAN,
    KATAKANA,
    HIRAGANA,
    HANGUL,
    MARK
};

struct letter {
    uint32_t code; /* folded */
    uint8_t kind;
    bool cased, upper, accented;
};

static struct letter letter_of(char base, bool accented)
{
    bool upper = base >= 'A' && base <= 'Z';
    return (struct letter){.code = (uint32_t)(upper ? base + 32 : base),
                           .kind = base == '.' ? MARK : LETTER,
                           .cased = true,
                           .upper = upper,
                           .accented = accented};
}

static struct letter ascii(uint32_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        return letter_of((char)c, false);
    }
    uint8_t kind = c >= '0' && c <= '9'   ? DIGIT
                   : c == '_'             ? UNDERSCORE
                   : c == '\n'            ? LINE_END
                   : c <= ' ' || c == 127 ? BLANK
                                          : MARK;
    return (struct letter){.code = c, .kind = kind};
}

static bool within(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

static struct letter greek(uint32_t c)
{
    static const uint16_t accents[][2] = {{0x3AC, 0x3B1}, {0x3AD, 0x3B5}, {0x3AE, 0x3B7},
                                          {0x3AF, 0x3B9}, {0x3CC, 0x3BF}, {0x3CD, 0x3C5},
                                          {0x3CE, 0x3C9}, {0x3CA, 0x3B9}, {0x3CB, 0x3C5},
                                          {0x3C2, 0x3C3}, {0x390, 0x3B9}, {0x3B0, 0x3C5}};
    static const uint16_t capitals[] = {0x3AC, 0, 0x3AD, 0x3AE, 0x3AF, 0, 0x3CC, 0, 0x3CD, 0x3CE};
    bool upper = within(c, 0x391, 0x3AB);
    uint32_t low = upper ? c + 32 : c;
    if (within(c, 0x386, 0x38F)) {
        low = capitals[c - 0x386];
        upper = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(accents); i++) {
        low = low == accents[i][0] ? accents[i][1] : low;
    }
    return (struct letter){.code = low, .kind = LETTER, .cased = true, .upper = upper};
}

static struct letter cyrillic(uint32_t c)
{
    bool upper = within(c, 0x400, 0x42F);
    uint32_t low = upper ? c + (c < 0x410 ? 80 : 32) : c;
    if (within(c, 0x460, 0x4BF) || within(c, 0x4D0, 0x52F)) {
        upper = c % 2 == 0;
        low = c | 1;
    }
    low = low == 0x451 ? 0x435 : low; /* ё is written е as often as not */
    return (struct letter){.code = low, .kind = LETTER, .cased = true, .upper = upper};
}

static bool is_mark(uint32_t c)
{
    static const uint16_t ranges[][2] = {
        {0xA1, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},     {0xBB, 0xBF},     {0x55A, 0x55F},
        {0x589, 0x58A},   {0x5BE, 0x5BE},   {0x5C0, 0x5C0},   {0x5C3, 0x5C3},   {0x5F3, 0x5F4},
        {0x600, 0x60F},   {0x61B, 0x61F},   {0x66A, 0x66D},   {0x6D4, 0x6D4},   {0x964, 0x965},
        {0x2010, 0x2064}, {0x20A0, 0x20CF}, {0x2100, 0x2BFF}, {0x3001, 0x3004}, {0x3008, 0x3030},
        {0x30FB, 0x30FB}, {0xE000, 0xF8FF}, {0xFE10, 0xFE6F}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},
        {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges) && c >= ranges[i][0]; i++) {
        if (c <= ranges[i][1]) {
            return true;
        }
    }
    return within(c, 0x1F000, 0x1FFFF) || c >= 0xE0000;
}

static uint8_t kind_beyond_latin(uint32_t c)
{
    if (c == 0xA0 || within(c, 0x2000, 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000 ||
        c == 0x1680) {
        return BLANK;
    }
    if (c == 0x85 || c == 0x2028 || c == 0x2029) {
        return LINE_END;
    }
    if (c == 0xAD || within(c, 0x200B, 0x200F) || within(c, 0x202A, 0x202E) ||
        within(c, 0x2060, 0x2064) || within(c, 0x300, 0x36F) || within(c, 0xFE00, 0xFE0F) ||
        c == 0xFEFF) {
        return NOTHING; /* joiners, directions, loose accents: a word goes on through them */
    }
    if (within(c, 0x660, 0x669) || within(c, 0x6F0, 0x6F9) || within(c, 0x966, 0x96F)) {
        return DIGIT;
    }
    if (is_mark(c)) {
        return MARK;
    }
    if (within(c, 0x3400, 0x9FFF) || within(c, 0xF900, 0xFAFF) || within(c, 0x20000, 0x3FFFF) ||
        within(c, 0x3005, 0x3007)) {
        return HAN;
    }
    if (within(c, 0x3041, 0x309F)) {
        return HIRAGANA;
    }
    if (within(c, 0x30A0, 0x31FF) || within(c, 0xFF66, 0xFF9F)) {
        return KATAKANA;
    }
    return within(c, 0xAC00, 0xD7A3) || within(c, 0x1100, 0x11FF) ? HANGUL : LETTER;
}

static struct letter letter_at(uint32_t c)
{
    if (c < 0x80) {
        return ascii(c);
    }
    if (within(c, 0xC0, 0x24F)) {
        return letter_of(latin_c0[c - 0xC0], true);
    }
    if (within(c, 0x1E00, 0x1EFF)) {
        return letter_of(latin_1e00[c - 0x1E00], true);
    }
    if (within(c, 0x386, 0x3CE) && c != 0x387) {
        return greek(c);
    }
    if (within(c, 0x400, 0x52F)) {
        return cyrillic(c);
    }
    if (within(c, 0x531, 0x586)) {
        bool upper = c <= 0x556;
        return (struct letter){
            .code = upper ? c + 48 : c, .kind = LETTER, .cased = true, .upper = upper};
    }
    if (within(c, 0xFF10, 0xFF19) || within(c, 0xFF21, 0xFF3A) || within(c, 0xFF41, 0xFF5A)) {
        return ascii(c - 0xFEE0);
    }
    return (struct letter){.code = c, .kind = kind_beyond_latin(c)};
}

/* The code point at `i`, its bytes in `out_len`. Bytes that are no UTF-8: themselves, as private marks. */
static uint32_t decode(struct span t, size_t i, size_t *out_len)
{
    const unsigned char *s = (const unsigned char *)t.data + i;
    size_t left = t.len - i;
    uint32_t c = s[0];
    *out_len = 1;
    if (c < 0x80) {
        return c;
    }
    size_t len = c >= 0xF0 && c < 0xF5   ? 4
                 : c >= 0xE0 && c < 0xF0 ? 3
                 : c >= 0xC2 && c < 0xE0 ? 2
                                         : 0;
    if (len == 0 || len > left) {
        return 0xE000 + c;
    }
    uint32_t code = c & (0x7Fu >> len);
    for (size_t k = 1; k < len; k++) {
        if ((s[k] & 0xC0) != 0x80) {
            return 0xE000 + c;
        }
        code = code << 6 | (s[k] & 0x3Fu);
    }
    *out_len = len;
    return code;
}

/* ---- tokens ---- */

static uint64_t hash_step(uint64_t h, uint32_t code)
{
    h = (h ^ code) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio, as in Fibonacci hashing */
    return h ^ h >> 29;
}

struct word {
    struct name_token *token;
    int uppers, cased, digits, letters;
    bool first_upper, other; /* other: digit or underscore inside */
};

static void take_letter(struct word *w, const struct letter *l)
{
    struct name_token *t = w->token;
    uint64_t before = t->length ? t->word : 0;
    if (t->length < 4) {
        t->head = t->head << 16 | (l->code & 0xFFFF);
    }
    t->tail = t->tail << 16 | (l->code & 0xFFFF);
    t->stems[2] = t->stems[1];
    t->stems[1] = t->stems[0];
    t->stems[0] = t->length >= 3 ? before : 0; /* what stays has at least three letters */
    t->word = hash_step(t->word, l->code);
    w->first_upper |= t->length == 0 && l->upper;
    t->length += t->length < 255;
    t->accented |= l->accented;
    w->letters += l->kind == LETTER;
    w->cased += l->cased;
    w->uppers += l->upper;
    w->digits += l->kind == DIGIT;
    w->other |= l->kind == DIGIT || l->kind == UNDERSCORE;
}

static uint8_t shape_of(const struct word *w)
{
    if (w->letters == 0 && w->digits > 0) {
        return SHAPE_NUMBER;
    }
    if (w->other) {
        return SHAPE_CODE;
    }
    if (w->cased == 0) {
        return SHAPE_UNCASED;
    }
    if (w->uppers == 0) {
        return SHAPE_LOWER;
    }
    if (w->uppers == w->cased) {
        return w->cased == 1 ? SHAPE_INITIAL : SHAPE_UPPER;
    }
    if (!w->first_upper) {
        return SHAPE_CAMEL;
    }
    return w->uppers == 1 ? SHAPE_CAPITAL : SHAPE_MIXED;
}

static bool ends_url(char c)
{
    return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' ||
           c == ')' || c == ']' || c == '}' || c == '?';
}

/* The end of a URL whose scheme ends at `at`, else 0. */
static size_t url_end(struct span t, size_t at)
{
    if (at + 3 > t.len || memcmp(t.data + at, "://", 3) != 0) {
        return 0;
    }
    size_t end = at + 3;
    while (end < t.len && !ends_url(t.data[end])) {
        end++;
    }
    return end;
}

static bool is_host(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
}

static bool is_local(char c)
{
    return is_host(c) || c == '_' || c == '+';
}

/* The end of a mail address that begins at `i`, else 0. `run_end`: where the run of its letters ends, looked for once per
 * run. */
static size_t mail_end(struct span t, size_t i, size_t *run_end)
{
    *run_end = MAX(*run_end, i);
    while (*run_end < t.len && *run_end - i <= MAIL_LOCAL_MAX && is_local(t.data[*run_end])) {
        (*run_end)++; /* no further than an address may be long, so that every byte is read once */
    }
    size_t at = *run_end;
    if (at == i || at - i > MAIL_LOCAL_MAX || at + 1 >= t.len || t.data[at] != '@') {
        return 0;
    }
    size_t end = at + 1;
    bool dot = false;
    while (end < t.len && is_host(t.data[end])) {
        dot |= t.data[end] == '.';
        end++;
    }
    return dot ? end : 0;
}

/* One word, number or run from `i` on, whose first letter is `l`. */
static size_t read_word(struct span t, size_t i, struct letter l, size_t len, size_t *run_end,
                        struct name_token *out)
{
    struct word w = {.token = out};
    uint8_t first = l.kind;
    bool run = first == LETTER || first == DIGIT || first == UNDERSCORE;
    take_letter(&w, &l);
    i += len;
    while (i < t.len && (run || first == KATAKANA)) {
        l = letter_at(decode(t, i, &len));
        bool on =
            run ? l.kind == LETTER || l.kind == DIGIT || l.kind == UNDERSCORE : l.kind == KATAKANA;
        if (!on && l.kind != NOTHING) {
            break;
        }
        if (on) {
            take_letter(&w, &l);
        }
        i += len;
    }
    static const uint8_t shapes[] = {[HAN] = SHAPE_HAN,
                                     [KATAKANA] = SHAPE_KANA,
                                     [HIRAGANA] = SHAPE_KANA,
                                     [HANGUL] = SHAPE_HANGUL};
    out->shape = run ? shape_of(&w) : shapes[first];
    size_t link = run ? url_end(t, i) : 0;
    if (run && !link) {
        link = mail_end(t, out->start, run_end);
    }
    if (link) {
        out->shape = SHAPE_LINK;
        out->word = 0;
        return link;
    }
    return i;
}

size_t names_tokens(struct span t, size_t from, struct name_token *out, int max, int *count)
{
    int n = 0;
    size_t i = from;
    size_t run_end = 0;
    bool line_end = from == 0;
    bool glued = from > 0 && (unsigned char)t.data[from - 1] > ' ';
    for (size_t k = from; k > 0 && from - k < 8 && (unsigned char)t.data[k - 1] <= ' '; k--) {
        line_end |= t.data[k - 1] == '\n';
    }
    while (i < t.len && n < max) {
        size_t len;
        struct letter l = letter_at(decode(t, i, &len));
        if (l.kind <= NOTHING) {
            line_end |= l.kind == LINE_END;
            glued &= l.kind == NOTHING;
            i += len;
            continue;
        }
        struct name_token *token = &out[n++];
        *token =
            (struct name_token){.start = (uint32_t)i, .glued = glued, .first_in_line = line_end};
        if (l.kind == MARK) {
            token->shape = SHAPE_MARK;
            token->word = l.code;
            i += len;
        } else {
            i = read_word(t, i, l, len, &run_end, token);
        }
        token->end = (uint32_t)i;
        line_end = false;
        glued = true;
    }
    *count = n;
    return i;
}

/* ---- context ---- */

static bool is_stop(const struct name_token *t)
{
    return t->shape == SHAPE_MARK && (t->word == '.' || t->word == '!' || t->word == '?' ||
                                      t->word == ':' || t->word == 0x3002 || t->word == 0x2026);
}

static bool is_quote(const struct name_token *t)
{
    return t->shape == SHAPE_MARK &&
           (t->word == '"' || t->word == '\'' || t->word == '(' || t->word == '[' ||
            t->word == '-' || t->word == '*' || t->word == '#' || t->word == '>' ||
            within((uint32_t)t->word, 0x2010, 0x2022) || t->word == 0xAB);
}

static bool is_word(const struct name_token *t)
{
    return t->shape != SHAPE_MARK && t->shape != SHAPE_NUMBER && t->shape != SHAPE_LINK;
}

static uint8_t mode_of(const struct name_token *t, int count)
{
    int words = 0;
    int long_words = 0;
    int capitals = 0;
    int uppers = 0;
    for (int i = 0; i < count; i++) {
        bool cased = t[i].shape >= SHAPE_LOWER && t[i].shape <= SHAPE_CAMEL && t[i].length >= 2;
        words += cased;
        uppers += cased && t[i].shape == SHAPE_UPPER;
        long_words += cased && t[i].length >= 4;
        capitals +=
            cased && t[i].length >= 4 && t[i].shape != SHAPE_LOWER && t[i].shape != SHAPE_CAMEL;
        if (cased && t[i].length < 4 && t[i].shape != SHAPE_LOWER && t[i].shape != SHAPE_CAMEL) {
            capitals += long_words == 0; /* "Jo" alone is no line in lower case */
        }
    }
    if (words >= 2 && uppers * 5 >= words * 4) {
        return MODE_UPPER;
    }
    if (capitals == 0 && uppers == 0) {
        return MODE_LOWER;
    }
    return long_words >= 4 && capitals * 10 >= long_words * 7 ? MODE_TITLE : MODE_PLAIN;
}

/* A stretch of small letters soon after capitals (a wrapped line, a long sentence) is plain text. */
static uint8_t settled_mode(uint8_t mode, int length, struct name_flow *f)
{
    if (mode != MODE_LOWER) {
        f->capitals = true;
        f->capital_age = 0;
        return mode;
    }
    f->capital_age += length;
    return f->capitals && f->capital_age - length < CAPITAL_REACH ? MODE_PLAIN : MODE_LOWER;
}

static void set_modes(struct name_token *t, int count, struct name_flow *f)
{
    for (int from = 0; from < count;) {
        int to = from + 1;
        while (to < count && !t[to].first_in_line && to - from < SEGMENT_MAX &&
               !(to - from >= SEGMENT_FULL && t[to].first_in_sentence)) {
            to++;
        }
        uint8_t mode = settled_mode(mode_of(t + from, to - from), to - from, f);
        for (int i = from; i < to; i++) {
            t[i].mode = mode;
        }
        from = to;
    }
}

void names_context(struct name_token *t, int count, struct name_flow *f)
{
    for (int i = 0; i < count; i++) {
        if (t[i].first_in_line) {
            f->after_stop = true;
            if (f->field_age > 1) {
                f->field = 0;
            }
            f->last_word = 0;
        }
        f->field = f->field_age++ > FIELD_REACH ? 0 : f->field;
        t[i].field = f->field;
        t[i].first_in_sentence = f->after_stop;
        if (is_stop(&t[i])) {
            f->after_stop = !f->after_initial;
        } else if (!is_quote(&t[i])) {
            f->after_stop = false;
        }
        f->after_initial = t[i].shape == SHAPE_INITIAL;
        if (t[i].shape == SHAPE_MARK &&
            (t[i].word == ':' || t[i].word == '=' || t[i].word == 0xFF1A) && f->last_word) {
            f->field = f->last_word;
            f->field_age = 0;
        }
        if (is_word(&t[i])) {
            f->last_word = t[i].word;
        }
    }
    set_modes(t, count, f);
}
