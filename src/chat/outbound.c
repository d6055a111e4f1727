/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/outbound.h"

#include "core/receipt.h"

#include <ctype.h>

/* Above this a count is a mistake of the provider, not a number of tokens. */
#define TOKENS_ABSURD 1000000000000ll
#define MAX_TOKENS_DEFAULT 4096

const struct outbound_type *outbound_for(enum api api)
{
    switch (api) {
    case API_OPENAI:
    case API_OLLAMA:
        return &outbound_openai;
    case API_ANTHROPIC:
        return &outbound_anthropic;
    case API_LOCAL:
        break;
    }
    return NULL;
}

int64_t outbound_max_tokens(const struct request *r, const struct backend *b)
{
    int64_t bound = b->max_output_tokens > 0 ? b->max_output_tokens : MAX_TOKENS_DEFAULT;
    return r->max_tokens > 0 ? MIN(r->max_tokens, bound) : bound;
}

void outbound_headers(struct headers *out)
{
    headers_add(out, SPAN("Content-Type"), SPAN("application/json"));
    headers_add(out, SPAN("Accept"), SPAN("text/event-stream"));
    headers_add(out, SPAN("User-Agent"), SPAN("weir/" WEIR_VERSION));
}

struct span outbound_model(const struct request *r, const struct backend *b)
{
    struct span configured = span_c(b->model);
    return configured.len ? configured : r->model;
}

void outbound_count(int64_t *count, const struct json *v)
{
    int64_t n = json_i64_or(v, -1);
    if (n >= 0 && n < TOKENS_ABSURD && n > *count) {
        *count = n;
    }
}

/* ---- error bodies ---- */

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

/* Longest run of characters that keys are made of, from the front. */
static size_t word_length(struct span s)
{
    size_t n = 0;
    while (n < s.len && is_word_char(s.data[n])) {
        n++;
    }
    return n;
}

/*
 * Does this word look like a credential? Known prefixes, anything with the stars of
 * a half-hidden key, and long runs that mix letters and digits (request ids fall to
 * it too, which costs nothing).
 */
static bool looks_secret(struct span word)
{
    static const char *const prefixes[] = {"sk-",  "pk-", "sk_", "gsk_", "xai-",
                                           "AIza", "hf_", "r8_", "key-"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct span prefix = span_c(prefixes[i]);
        if (span_starts(word, prefix) && word.len > prefix.len + 3) {
            return true;
        }
    }
    size_t digits = 0, letters = 0, stars = 0;
    for (size_t i = 0; i < word.len; i++) {
        digits += isdigit((unsigned char)word.data[i]) ? 1 : 0;
        letters += isalpha((unsigned char)word.data[i]) ? 1 : 0;
        stars += word.data[i] == '*' ? 1 : 0;
    }
    return (stars >= 3 && digits + letters > 0) || (word.len >= 24 && digits >= 4 && letters >= 4);
}

/* Length of "scheme://…" at the front, 0 if there is none. */
static size_t address_length(struct span s)
{
    size_t scheme = 0;
    while (scheme < s.len && isalpha((unsigned char)s.data[scheme])) {
        scheme++;
    }
    if (scheme == 0 || !span_starts(span_from(s, scheme), SPAN("://"))) {
        return 0;
    }
    size_t n = scheme + 3;
    while (n < s.len && !isspace((unsigned char)s.data[n]) && !strchr("\"'<>)", s.data[n])) {
        n++;
    }
    while (n > 0 && strchr(".,;:", s.data[n - 1])) {
        n--; /* the end of the sentence, not of the address */
    }
    return n;
}

void outbound_add_clean(struct text *out, struct span s)
{
    size_t start = out->len;
    size_t limit = start + OUTBOUND_ERROR_BYTES;
    bool space = true;
    size_t at = 0;
    while (at < s.len && out->len < limit) {
        struct span rest = span_from(s, at);
        bool word_begins = at == 0 || !is_word_char(s.data[at - 1]);
        size_t address = word_begins ? address_length(rest) : 0;
        size_t word = word_begins && !address ? word_length(rest) : 0;
        unsigned char c = (unsigned char)s.data[at];
        if (address) {
            text_add_c(out, "[address]");
            at += address;
        } else if (word && looks_secret(span_first(rest, word))) {
            text_add_c(out, "[key]");
            at += word;
        } else if (span_starts(rest, SPAN("\xe2\x80\x9c")) ||
                   span_starts(rest, SPAN("\xe2\x80\x9d"))) {
            text_add_char(out, '"'); /* the curly ones mark where quoting ends */
            at += 3;
        } else if (c <= ' ' || c == 0x7f) {
            if (!space) {
                text_add_char(out, ' ');
            }
            at++;
            space = true;
            continue;
        } else {
            text_add_char(out, (char)c);
            at++;
        }
        space = false;
    }
    if (out->len > limit) {
        text_truncate(out, limit);
    }
    text_truncate(out, start + span_utf8_whole(span_from(text_span(out), start)));
    while (out->len > start && out->data[out->len - 1] == ' ') {
        text_truncate(out, out->len - 1);
    }
}

/* A provider may repeat the prompt: its words stand in curly quotes, and the receipt leaves those out. */
static void add_quoted(struct text *out, struct span s)
{
    size_t before = out->len;
    text_add_c(out, RECEIPT_QUOTE_BEGIN);
    size_t begin = out->len;
    outbound_add_clean(out, s);
    if (out->len == begin) {
        text_truncate(out, before);
        return;
    }
    size_t room = OUTBOUND_ERROR_BYTES - 2 * strlen(RECEIPT_QUOTE_END);
    struct span words = span_first(span_from(text_span(out), begin), room);
    text_truncate(out, begin + span_utf8_whole(words));
    text_add_c(out, RECEIPT_QUOTE_END);
}

/* The human sentence of an error body, wherever this provider keeps it. */
static struct span sentence_of(const struct json *body)
{
    const struct json *error = json_get(body, "error");
    const struct json *const places[] = {
        json_get(error, "message"),
        error,
        json_get(body, "message"),
        json_get(body, "detail"),
        json_get(json_at(json_get(body, "detail"), 0), "msg"),
        json_get(json_get(body, "detail"), "message"),
        json_get(json_get(json_at(body, 0), "error"), "message"), /* Gemini wraps it in an array */
        body,
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct span text = span_trim(json_str(places[i]));
        if (text.len) {
            return text;
        }
    }
    return SPAN_NONE;
}

static bool contains_nocase(struct span s, const char *needle)
{
    struct span n = span_c(needle);
    for (size_t at = 0; at + n.len <= s.len; at++) {
        if (span_starts_nocase(span_from(s, at), n)) {
            return true;
        }
    }
    return false;
}

static bool speaks_of_context(struct span text)
{
    static const char *const signs[] = {
        "context_length_exceeded",
        "exceed_context_size",
        "maximum context length",
        "context length",
        "context window",
        "prompt is too long",
        "context size",
        "too many tokens",
    };
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (contains_nocase(text, signs[i])) {
            return true;
        }
    }
    return false;
}

/* What kind of failure an error object states; ERR_UPSTREAM when it does not say. */
static enum err kind_of(const struct json *body)
{
    const struct json *error = json_get(body, "error");
    if (!error) {
        error = body;
    }
    struct span type = json_str(json_get(error, "type"));
    struct span code = json_str(json_get(error, "code"));
    int64_t number = json_i64_or(json_get(error, "code"), 0);
    if (speaks_of_context(code) || speaks_of_context(type) ||
        speaks_of_context(span_first(sentence_of(body), 2000))) {
        return ERR_CONTEXT_LENGTH;
    }
    if (number == 429 || contains_nocase(type, "rate_limit") ||
        contains_nocase(code, "rate_limit")) {
        return ERR_RATE_LIMITED;
    }
    return ERR_UPSTREAM;
}

enum err outbound_in_band_error(const struct json *v, struct fault *fault)
{
    struct text line;
    text_init(&line, 4 * OUTBOUND_ERROR_BYTES);
    add_quoted(&line, sentence_of(v));
    enum err kind = kind_of(v);
    fault_set(fault, kind, "the provider reported an error%s%s",
              line.len ? ": " : " without saying which", line.len ? line.data : "");
    text_done(&line);
    return kind;
}

static bool looks_like_html(struct span body)
{
    body = span_trim(body);
    return span_starts_nocase(body, SPAN("<!doctype")) || span_starts_nocase(body, SPAN("<html")) ||
           span_starts(body, SPAN("<?xml"));
}

void outbound_error_text(struct span body, struct text *out)
{
    if (looks_like_html(body)) {
        text_add_c(out, "an HTML page instead of JSON");
        return;
    }
    struct json_doc *doc = NULL;
    if (json_parse(body, &doc, NULL) == OK) {
        add_quoted(out, sentence_of(json_root(doc)));
        json_free(doc);
    } else if (span_utf8_valid(span_first(body, span_utf8_whole(body)))) {
        add_quoted(out, span_first(body, 4 * OUTBOUND_ERROR_BYTES));
    } else {
        text_add_c(out, "bytes that are not text");
    }
}

enum err outbound_error_kind(struct span body)
{
    struct json_doc *doc = NULL;
    if (json_parse(body, &doc, NULL)) {
        return ERR_UPSTREAM;
    }
    enum err kind = kind_of(json_root(doc));
    json_free(doc);
    return kind;
}
