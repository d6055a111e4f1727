/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/teacher_score.h"

#include "json/json.h"

#include <math.h>
#include <string.h>

bool match_from(struct span name, enum match *out)
{
    static const char *const names[] = {"auto", "exact", "numeric", "json"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_is(name, names[i])) {
            *out = (enum match)i;
            return true;
        }
    }
    return false;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One number from `at` on, "1,234.5" too; gives its end, or `at` when there is none. */
static size_t take_number(struct span s, size_t at, double *out)
{
    char digits[64];
    size_t n = 0;
    size_t i = at;
    size_t end = at;
    if (i < s.len && s.data[i] == '-') {
        digits[n++] = s.data[i++];
    }
    bool point = false;
    for (; i < s.len && n < sizeof digits - 1; i++) {
        char c = s.data[i];
        bool digit_follows = i + 1 < s.len && is_digit(s.data[i + 1]);
        if (is_digit(c)) {
            digits[n++] = c;
            end = i + 1;
        } else if (c == '.' && !point && digit_follows) {
            digits[n++] = c;
            point = true;
        } else if (!(c == ',' && digit_follows && end > at)) {
            break;
        }
    }
    return end > at && span_to_f64(span_of(digits, n), out) ? end : at;
}

/* A minus belongs to a number unless something stands right before it: 7-2 are 7 and 2. */
static bool last_number(struct span s, double *out)
{
    bool found = false;
    for (size_t i = 0; i < s.len;) {
        bool glued = i > 0 && (is_digit(s.data[i - 1]) || s.data[i - 1] == ')');
        size_t end = s.data[i] == '-' && glued ? i : take_number(s, i, out);
        found |= end > i;
        i = end > i ? end : i + 1;
    }
    return found;
}

/* "42", "$1,200.50", "18 %", and what stands behind GSM8K's last "####". */
static bool number_of_answer(struct span answer, double *out)
{
    size_t mark = SIZE_MAX;
    for (size_t at = 0; (at = span_find(answer, SPAN("####"), at)) != SIZE_MAX; at += 4) {
        mark = at;
    }
    struct span s = span_trim(mark == SIZE_MAX ? answer : span_from(answer, mark + 4));
    while (s.len && (s.data[0] == '$' || s.data[0] == '+')) {
        s = span_from(s, 1);
    }
    if (span_starts(s, SPAN("\xe2\x82\xac")) || span_starts(s, SPAN("\xc2\xa3"))) { /* € £ */
        s = span_from(s, s.data[0] == '\xc2' ? 2 : 3);
    }
    size_t end = s.len ? take_number(s, 0, out) : 0;
    struct span rest = span_trim(span_from(s, end));
    return end > 0 && (rest.len == 0 || span_is(rest, "%") || span_is(rest, "."));
}

static bool same_number(struct span reply, struct span answer)
{
    double a;
    double b;
    return number_of_answer(answer, &a) && last_number(reply, &b) &&
           fabs(a - b) <= 1e-6 * MAX(1.0, fabs(a));
}

/* ---- JSON ---- */

static bool same_json(const struct json *a, const struct json *b)
{
    double x;
    double y;
    if (json_type(a) != json_type(b) || json_len(a) != json_len(b)) {
        return false;
    }
    switch (json_type(a)) {
    case JSON_NUMBER:
        return json_to_f64(a, &x) && json_to_f64(b, &y) && x == y;
    case JSON_STRING:
        return span_eq_nocase(span_trim(json_str(a)), span_trim(json_str(b)));
    case JSON_BOOL:
        return json_true(a) == json_true(b);
    case JSON_ARRAY:
    case JSON_OBJECT:
        for (struct json_iter it = json_iter(a); json_next(&it);) {
            const struct json *other =
                json_type(a) == JSON_ARRAY ? json_at(b, it.index) : json_get_span(b, it.key);
            if (!same_json(it.value, other)) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

/* From the opening bracket at `at` to the one that closes it, strings skipped. */
static struct span bracketed(struct span s, size_t at)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = at; i < s.len; i++) {
        char c = s.data[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return span_of(s.data + at, i + 1 - at);
        }
    }
    return SPAN_NONE;
}

static bool is_json_container(struct span s)
{
    struct json_doc *doc;
    if (s.len == 0 || (s.data[0] != '{' && s.data[0] != '[') || json_parse(s, &doc, NULL)) {
        return false;
    }
    json_free(doc);
    return true;
}

static bool same_as_json(struct span reply, struct span answer)
{
    struct json_doc *wanted;
    struct json_doc *got;
    if (json_parse(span_trim(answer), &wanted, NULL)) {
        return false;
    }
    bool same = false;
    bool read = false;
    for (size_t i = 0; i < reply.len && !read; i++) {
        struct span value =
            reply.data[i] == '{' || reply.data[i] == '[' ? bracketed(reply, i) : SPAN_NONE;
        if (span_given(value) && json_parse(value, &got, NULL) == OK) {
            same = same_json(json_root(wanted), json_root(got));
            json_free(got);
            read = true;
        }
    }
    json_free(wanted);
    return same;
}

/* ---- words ---- */

static bool is_sign(char c)
{
    return c && strchr(" \t\r\n.,;:!?\"'`*_()[]<>", c) != NULL;
}

static struct span without_signs(struct span s)
{
    while (s.len && is_sign(s.data[0])) {
        s = span_from(s, 1);
    }
    while (s.len && is_sign(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Runs of white space count as one. */
static bool same_words(struct span a, struct span b)
{
    a = without_signs(a);
    b = without_signs(b);
    size_t i = 0;
    size_t j = 0;
    while (i < a.len && j < b.len) {
        bool space_a = a.data[i] == ' ' || (a.data[i] >= '\t' && a.data[i] <= '\r');
        bool space_b = b.data[j] == ' ' || (b.data[j] >= '\t' && b.data[j] <= '\r');
        if (space_a && space_b) {
            while (i < a.len && (a.data[i] == ' ' || (a.data[i] >= '\t' && a.data[i] <= '\r'))) {
                i++;
            }
            while (j < b.len && (b.data[j] == ' ' || (b.data[j] >= '\t' && b.data[j] <= '\r'))) {
                j++;
            }
        } else if (lower(a.data[i]) == lower(b.data[j])) {
            i++;
            j++;
        } else {
            return false;
        }
    }
    return i == a.len && j == b.len;
}

static struct span behind_last(struct span s, struct span words)
{
    struct span found = SPAN_NONE;
    for (size_t i = 0; i + words.len <= s.len; i++) {
        if (span_eq_nocase(span_of(s.data + i, words.len), words)) {
            found = span_from(s, i + words.len);
        }
    }
    return found;
}

/* "B", "(b)", "B. because …", "B) …": the letter alone in front. */
static bool begins_with_letter(struct span reply, char letter)
{
    struct span s = without_signs(reply);
    return s.len && lower(s.data[0]) == lower(letter) &&
           (s.len == 1 || s.data[1] == '.' || s.data[1] == ')' || s.data[1] == ':' ||
            s.data[1] == '\n');
}

static bool same_text(struct span reply, struct span answer)
{
    struct span said[] = {reply, behind_last(reply, SPAN("answer is")),
                          behind_last(reply, SPAN("answer:"))};
    struct span wanted = without_signs(answer);
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (!span_given(said[i])) {
            continue;
        }
        if (same_words(said[i], answer) ||
            (wanted.len == 1 && begins_with_letter(said[i], wanted.data[0]))) {
            return true;
        }
    }
    return false;
}

/* ---- all together ---- */

enum match match_of(struct span answer, enum match wished)
{
    double number;
    if (wished != MATCH_AUTO) {
        return wished;
    }
    if (is_json_container(span_trim(answer))) {
        return MATCH_JSON;
    }
    return number_of_answer(answer, &number) ? MATCH_NUMERIC : MATCH_EXACT;
}

bool match_reply(struct span reply, struct span answer, enum match how)
{
    switch (match_of(answer, how)) {
    case MATCH_JSON:
        return same_as_json(reply, answer);
    case MATCH_NUMERIC:
        return same_number(reply, answer);
    default:
        return same_text(reply, answer);
    }
}

/* ---- judges ---- */

char verdict_read(struct span reply)
{
    struct span s = behind_last(reply, SPAN("verdict:"));
    s = without_signs(span_given(s) ? s : reply);
    if (span_eq_nocase(span_first(s, 3), SPAN("tie")) && (s.len == 3 || is_sign(s.data[3]))) {
        return 'T';
    }
    bool alone = s.len == 1 || (s.len > 1 && is_sign(s.data[1]));
    char first = alone ? lower(s.data[0]) : 0;
    return first == 'a' ? 'A' : first == 'b' ? 'B' : (char)0;
}

double verdict_score(char first, char second)
{
    if (!first || !second) {
        return -1;
    }
    bool worse_first = first == 'B';
    bool worse_second = second == 'A';
    return worse_first && worse_second ? 0 : worse_first || worse_second ? 0.5 : 1;
}
