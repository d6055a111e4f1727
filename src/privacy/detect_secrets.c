/* SPDX-License-Identifier: Apache-2.0 */
/* What opens doors: keys by their makers' shapes, JWTs, private keys, authorization headers, passwords and
 * random-looking values that are assigned to something. */
#include "privacy/detect_kinds.h"

#include <assert.h>
#include <math.h>

/* ---- keys by shape ---- */

/* What vendors publish about their keys: how they begin, and how many characters follow at least. */
static const struct key_shape {
    const char *prefix;
    uint8_t least; /* characters after the prefix */
    bool digit;    /* at least one of them is a digit: prose and identifiers mostly have none */
    bool dotted;   /* dots may be inside */
} key_shapes[] = {
    {"sk-ant-", 16, false, false},
    {"sk-proj-", 16, false, false},
    {"sk-or-v1-", 16, false, false},
    {"sk-", 16, true, false},
    {"sk_live_", 12, false, false},
    {"sk_test_", 12, false, false},
    {"rk_live_", 12, false, false},
    {"rk_test_", 12, false, false},
    {"whsec_", 16, false, false},
    {"pk_live_", 12, false, false},
    {"AKIA", 16, false, false},
    {"ASIA", 16, false, false},
    {"ghp_", 20, false, false},
    {"gho_", 20, false, false},
    {"ghu_", 20, false, false},
    {"ghs_", 20, false, false},
    {"ghr_", 20, false, false},
    {"github_pat_", 20, false, false},
    {"glpat-", 16, false, false},
    {"xoxb-", 10, true, false},
    {"xoxa-", 10, true, false},
    {"xoxp-", 10, true, false},
    {"xoxr-", 10, true, false},
    {"xoxs-", 10, true, false},
    {"xapp-", 10, true, false},
    {"AIza", 30, false, false},
    {"ya29.", 20, false, true},
    {"hf_", 20, false, false},
    {"npm_", 30, false, false},
    {"pypi-", 30, false, false},
    {"SG.", 30, true, true},
    {"dop_v1_", 30, true, false},
    {"shpat_", 24, true, false},
    {"gsk_", 20, true, false},
    {"xai-", 20, true, false},
    {"r8_", 20, true, false},
    {"nvapi-", 20, true, false},
    {"pplx-", 20, true, false},
    {"AccountKey=", 40, true, false},
    {"glsa_", 20, true, false},
    {"sq0csp-", 20, false, false},
    {"sq0atp-", 20, false, false},
    {"EAACEdEose0cBA", 10, false, false},
    {"GOCSPX-", 20, false, false},
    {"ATATT3", 40, true, false},
    {"dckr_pat_", 20, false, false},
    {"dapi", 32, true, false},
    {"lin_api_", 20, false, false},
    {"ntn_", 30, true, false},
    {"figd_", 30, false, false},
    {"shpss_", 24, true, false},
    {"shpca_", 24, true, false},
    {"xkeysib-", 40, true, false},
    {"hvs.", 24, false, false},
    {"hvb.", 24, false, false},
    {"pul-", 40, true, false},
    {"NRAK-", 20, false, false},
    {"PMAK-", 20, true, false},
    {"dt0c01.", 24, true, true},
    {"sntrys_", 20, false, true},
    {"sgp_", 40, true, false},
    {"tvly-", 20, false, false},
    {"glptt-", 16, false, false},
    {"gldt-", 16, false, false},
    {"glrt-", 16, false, false},
    {"AGE-SECRET-KEY-1", 50, true, false},
    {"ops_eyJ", 40, true, false},
    {"ABIA", 16, false, false},
    {"ACCA", 16, false, false},
    {"key-", 32, true, false},
    {"SK", 32, true, false},
    {"rpa_", 30, true, false},
    {"sbp_", 36, true, false},
    {"vercel_", 20, true, false},
    {"doo_v1_", 30, true, false},
    {"dor_v1_", 30, true, false},
    {"EZAK", 50, true, false},
    {"secret_", 40, true, false},
    {"pat-na1-", 30, true, false},
    {"rubygems_", 40, true, false},
    {"sl.", 60, true, false},
    {"phc_", 40, true, false},
};

/* How far a validator looks before it is sure. What it is sure of it then takes to the end, and the pass goes on
 * behind that, so hostile text cannot make this quadratic. */
#define LOOK_MAX 256

static bool in_key(const struct key_shape *s, struct span t, size_t i)
{
    if (i >= t.len) {
        return false;
    }
    char c = t.data[i];
    return is(c, TOKEN) || (s->dotted && c == '.') ||
           (s->least == 40 && (c == '+' || c == '/' || c == '='));
}

/* By the first two bytes: 1 + the first row that begins with them, and the next such row; NO_ROW: something else may. */
#define KEY_SLOTS 1024
#define NO_ROW 255
static uint8_t key_first[KEY_SLOTS];
static uint8_t key_next[ARRAY_LEN(key_shapes)];
static uint8_t key_prefix_len[ARRAY_LEN(key_shapes)];
static_assert(ARRAY_LEN(key_shapes) < NO_ROW, "a byte counts them");

static size_t key_slot(const char *c)
{
    return ((size_t)(unsigned char)c[0] << 4 ^ (unsigned char)c[1]) & (KEY_SLOTS - 1);
}

__attribute__((constructor)) static void fill_keys(void)
{
    static const char *const others[] = {"ey", "be", "Be", "BE", "ba",
                                         "Ba", "BA", "ww", "WW", NULL};
    for (const char *const *o = others; *o; o++) {
        key_first[key_slot(*o)] = NO_ROW;
    }
    for (size_t k = ARRAY_LEN(key_shapes); k-- > 0;) {
        size_t slot = key_slot(key_shapes[k].prefix);
        key_next[k] = key_first[slot];
        key_first[slot] = (uint8_t)(k + 1);
        key_prefix_len[k] = (uint8_t)strlen(key_shapes[k].prefix);
    }
}

bool may_be_key(struct span t, size_t i)
{
    return i + 1 < t.len && key_first[key_slot(t.data + i)];
}

static bool has_prefix(struct span t, size_t at, size_t k)
{
    size_t len = key_prefix_len[k];
    const char *prefix = key_shapes[k].prefix; /* its last byte is the one that words seldom have */
    return len <= t.len - at && t.data[at + len - 1] == prefix[len - 1] &&
           memcmp(t.data + at, prefix, len) == 0;
}

static size_t vendor_key(struct span t, size_t at)
{
    for (size_t next = key_first[key_slot(t.data + at)]; next && next != NO_ROW;
         next = key_next[next - 1]) {
        size_t k = next - 1;
        if (!has_prefix(t, at, k)) {
            continue;
        }
        const struct key_shape *s = &key_shapes[k];
        size_t from = at + key_prefix_len[k];
        size_t end = from;
        bool digit = false;
        while (in_key(s, t, end)) {
            digit |= is(t.data[end], DIGIT);
            end++;
            bool enough = end - from >= s->least && (digit || !s->digit);
            if (!enough && end - from == LOOK_MAX) {
                break;
            }
        }
        if (end - from >= s->least && (digit || !s->digit)) {
            return end;
        }
    }
    return 0;
}

/* Three base64url parts, the first of which begins with {" */
static size_t jwt(struct span t, size_t at)
{
    size_t i = at;
    if (t.len - at < 3 || memcmp(t.data + at, "eyJ", 3) != 0) {
        return 0;
    }
    for (int part = 0; part < 3; part++) {
        size_t end = run_of(part == 0 ? span_first(t, i + 2 * LOOK_MAX) : t, i, TOKEN);
        if (end - i < (part == 2 ? 0 : 8)) {
            return 0;
        }
        if (part == 2) {
            return end;
        }
        if (end >= t.len || t.data[end] != '.') {
            return 0;
        }
        i = end + 1;
    }
    return 0;
}

/* "Bearer …" and "Basic …" of an Authorization header; the word itself stays. */
static size_t bearer(struct span t, size_t at, size_t *out_start)
{
    if ((t.data[at] | 0x20) != 'b') {
        return 0;
    }
    bool bearer = starts_at(t, at, SPAN("bearer "));
    if (!bearer && !starts_at(t, at, SPAN("basic "))) {
        return 0;
    }
    size_t from = at + (bearer ? 7 : 6);
    size_t end = from;
    int digits = 0;
    int capitals = 0;
    while (end < t.len && (is(t.data[end], TOKEN) || in_set(t.data[end], "._~+/="))) {
        digits += is(t.data[end], DIGIT);
        capitals += is(t.data[end], UPPER);
        end++;
    }
    while (end > from && t.data[end - 1] == '.') {
        end--;
    }
    *out_start = from;
    bool random = digits > 0 || (!bearer && capitals > 0 && t.data[end - 1] == '=');
    return end - from >= (bearer ? 12u : 8u) && random ? end : 0;
}

/* A PEM block up to its END line, or to the end of the text. */
static size_t private_key(struct span t, size_t at)
{
    if (!span_starts(span_from(t, at), SPAN("-----BEGIN "))) {
        return 0;
    }
    struct span line = span_first(span_from(t, at), 80);
    size_t title = span_find(line, SPAN("PRIVATE KEY"), 0);
    if (title == SIZE_MAX) {
        return 0;
    }
    size_t end = span_find(t, SPAN("-----END"), at + title);
    if (end == SIZE_MAX) {
        return t.len;
    }
    size_t close = span_find(span_first(t, end + 100), SPAN("KEY-----"), end);
    return close == SIZE_MAX ? t.len : close + 8;
}

bool find_key(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    *hit = (struct hit){at, vendor_key(t, at), TYPE_SECRET, 0.95};
    hit->end = hit->end ? hit->end : jwt(t, at);
    hit->end = hit->end ? hit->end : bearer(t, at, &hit->start);
    return hit->end != 0;
}

bool find_private_key(struct detection *d, size_t at, struct hit *hit)
{
    *hit = (struct hit){at, private_key(d->text, at), TYPE_SECRET, 1};
    return hit->end != 0;
}

/* Telegram (core.telegram.org/bots/api): the bot's number, a colon, 35 characters. */
bool find_bot_token(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    size_t colon = run_of(span_first(t, at + 12), at, DIGIT);
    if (colon - at < 8 || colon >= t.len || t.data[colon] != ':') {
        return false;
    }
    size_t end = run_of(span_first(t, colon + 40), colon + 1, TOKEN);
    *hit = (struct hit){at, end, TYPE_SECRET, 0.95};
    return end - colon - 1 == 35;
}

/* ---- assignments ---- */

/* Names that say that their value is a secret. */
static const char *const secret_names[] = {
    "api key",      "apikey",     "secret",        "access key",  "accesskey",   "access token",
    "accesstoken",  "auth token", "authtoken",     "private key", "privatekey",  "client secret",
    "clientsecret", "token",      "credential",    "credentials", "signing key", "encryption key",
    "account key",  "accountkey", "bearer",        "session key", "sas",         "jwt",
    "master key",   "webhook",    "refresh token", "api token",   "dsn",         NULL};
/* Names of random-looking values that are public. */
static const char *const public_names[] = {
    "integrity", "checksum", "digest",    "hash",  "sha",    "sha1", "sha256",    "sha512",
    "md5",       "etag",     "commit",    "rev",   "uuid",   "guid", "signature", "nonce",
    "id",        "ids",      "cursor",    "cache", "file",   "path", "href",      "src",
    "url",       "data",     "publickey", "pub",   "import", "from", NULL};

/* Does one of the phrases stand in `name` at a word's border? Blanks of a row match `_`, `-` and nothing. */
static bool names_one(struct span name, const char *const *list)
{
    for (size_t i = 0; i < name.len; i++) {
        bool border = i == 0 || !is(name.data[i - 1], LETTER) ||
                      (is(name.data[i], UPPER) && is(name.data[i - 1], LOWER));
        for (const char *const *l = list; border && *l; l++) {
            size_t k = i;
            const char *c = *l;
            for (; *c; c++) {
                if (*c == ' ') {
                    k += k < name.len && in_set(name.data[k], "_- .") ? 1 : 0;
                } else if (k < name.len && lower(name.data[k]) == *c) {
                    k++;
                } else {
                    break;
                }
            }
            bool hump = k > 0 && at_is(name, k, UPPER) && is(name.data[k - 1], LOWER);
            if (!*c && (!at_is(name, k, LETTER) || hump)) {
                return true;
            }
        }
    }
    return false;
}

/* Letters and digits mixed as no word, number or date is. */
static bool looks_random(struct span v)
{
    int digits = 0;
    int letters = 0;
    int changes = 0;
    for (size_t i = 0; i < v.len; i++) {
        bool d = is(v.data[i], DIGIT);
        digits += d;
        letters += is(v.data[i], LETTER);
        changes += i > 0 && d != (bool)is(v.data[i - 1], DIGIT);
    }
    return digits >= 3 && letters >= 3 && changes >= 4;
}

#define ENTROPY_LEAST                                                                              \
    4.2 /* bits a character, over at least 32: random base64 has 4.7, English 3.9, hexadecimal 3.7 */

static bool has_high_entropy(struct span v)
{
    int count[128] = {0};
    int classes = 0;
    for (size_t i = 0; i < v.len; i++) {
        count[v.data[i] & 127]++;
        classes |= class_of[(unsigned char)v.data[i]];
    }
    double bits = 0;
    for (int c = 0; c < 128; c++) {
        double p = (double)count[c] / (double)v.len;
        bits -= count[c] ? p * log2(p) : 0;
    }
    return v.len >= 32 && (classes & DIGIT) && (classes & UPPER) && (classes & LOWER) &&
           bits >= ENTROPY_LEAST;
}

static bool in_assigned(char c)
{
    return is(c, TOKEN) || c == '+' || c == '/' || c == '.' || c == '~';
}

/* Passwords may hold anything but blanks, quotes and what code is made of. */
static bool in_password(char c)
{
    return (unsigned char)c > ' ' && !in_set(c, "\"'`()[]{}<>;,\\");
}

/* A word with a digit or a sign in it, long enough; not a variable, a path or a placeholder. */
static bool looks_like_password(struct span v)
{
    bool digit = false;
    bool sign = false;
    bool letter = false;
    for (size_t i = 0; i < v.len; i++) {
        digit |= is(v.data[i], DIGIT);
        letter |= is(v.data[i], LETTER) || (unsigned char)v.data[i] >= 0x80;
        sign |= in_set(v.data[i], "!@#$%^&*+=?~");
    }
    bool code = v.len == 0 || in_set(v.data[0], "$%*&<-/.") ||
                span_find(v, SPAN("."), 0) != SIZE_MAX || span_find(v, SPAN("->"), 0) != SIZE_MAX ||
                span_find(v, SPAN("::"), 0) != SIZE_MAX || span_find(v, SPAN("//"), 0) != SIZE_MAX;
    return v.len >= 6 && v.len <= 64 && letter && (digit || sign) && !code;
}

/* The name before `=` or `:` at `at`: back to the last byte that cannot belong to it. */
static struct span assigned_name(struct span t, size_t at)
{
    size_t from = at > 32 ? at - 32 : 0;
    size_t k = at;
    while (k > from && !in_set(t.data[k - 1], "\n;,{(&?")) {
        k--;
    }
    return span_of(t.data + k, at - k);
}

/* The value that begins at `i`, after quotes and the like, assigned to `name`. */
static bool assigned_value(struct span t, size_t i, struct span name, struct hit *hit)
{
    size_t end = i;
    while (end < t.len && end - i < LOOK_MAX && in_assigned(t.data[end])) {
        end++;
    }
    while (end > i && t.data[end - 1] == '.') {
        end--;
    }
    struct span value = span_of(t.data + i, end - i);
    if (value.len < 16 || !looks_random(value)) {
        return false;
    }
    bool named = names_one(name, secret_names);
    bool path =
        span_find_char(value, '/', 0) != SIZE_MAX || span_find_char(value, '.', 0) != SIZE_MAX;
    if (!named && (path || !has_high_entropy(value) || names_one(name, public_names))) {
        return false;
    }
    while (end < t.len && in_assigned(t.data[end])) {
        end++;
    }
    while (end < t.len && t.data[end] == '=') { /* base64 padding */
        end++;
    }
    *hit = (struct hit){i, end, TYPE_SECRET, named ? 0.8 : 0.6};
    return true;
}

static bool password_value(struct span t, size_t i, struct hit *hit)
{
    size_t end = i;
    while (end < t.len && end - i < 65 && in_password(t.data[end])) {
        end++;
    }
    bool call = end < t.len && in_set(t.data[end], "([");
    while (end > i && in_set(t.data[end - 1], ".!?") &&
           (end == t.len || (unsigned char)t.data[end] <= ' ')) {
        end--;
    }
    *hit = (struct hit){i, end, TYPE_SECRET, 0.7};
    return !call && looks_like_password(span_of(t.data + i, end - i));
}

/* Called at `=` and `:`. */
bool find_assigned(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct labels *l = &d->labels;
    size_t i = at + 1;
    while (i < t.len && i < at + 5 && in_set(t.data[i], " \"'=>")) {
        i++;
    }
    if (assigned_value(t, i, assigned_name(t, at), hit)) {
        return true;
    }
    size_t label = l->end[MEANS_PASSWORD];
    return label && at - (label - 1) <= 3 && password_value(t, i, hit);
}

/* Called where a text begins: the value of a key {"api_key": "…"}. */
bool find_under_key(struct detection *d, size_t at, struct hit *hit)
{
    return assigned_value(d->text, at, d->near, hit) ||
           ((d->labels.near >> MEANS_PASSWORD & 1) && password_value(d->text, at, hit));
}

/* "my password is Tr0ub4dor&3": called where a word begins. */
bool find_password(struct detection *d, size_t at, struct hit *hit)
{
    static const char *const verbs[] = {"is",  "is:", "is now", "ist", "es",
                                        "est", "was", "is \"",  NULL};
    struct span t = d->text;
    const struct labels *l = &d->labels;
    if (l->last != MEANS_PASSWORD || at - l->last_end > 12 || at < l->last_end + 4) {
        return false;
    }
    struct span gap = span_trim(span_of(t.data + l->last_end, at - l->last_end));
    return one_of(gap, verbs) && password_value(t, at, hit);
}
