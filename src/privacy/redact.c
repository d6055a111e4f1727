/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From findings to texts without them.
 *
 * A body is walked twice: first every string is measured and the token forms in
 * it are reserved, then it is written anew, string by string, key by key. What is
 * sent is what was scanned, so a second reading of the same bytes (duplicate
 * keys, escapes) cannot show something else. Numbers of 7 or more digits are
 * scanned as text and become strings when something is found in them. The key
 * above a value counts as context ({"ssn": 123456789}).
 *
 * Everything that goes wrong closes: too much text, too many findings, a custom
 * pattern that gave up, numbers used up.
 */
#include "base/clock.h"
#include "privacy/memo.h"
#include "privacy/names.h"
#include "privacy/policy.h"
#include "privacy/pseudonyms.h"

#include <time.h>

#define NUMBER_LEAST 7         /* characters */
#define BLOB_LEAST 256         /* bytes of base64 under a key that carries media */
#define STRING_LEAST 2         /* bytes: a name may be as short */
#define KEY_READ 128           /* bytes of a key, from its end, that give its value a meaning */
#define CLOCK_EVERY (16 * KIB) /* bytes scanned between two looks at the clock */
#define NESTED_MAX 4           /* JSON in a string in JSON … */

const char privacy_media_refused[] =
    "pictures, sounds and files cannot be scanned, so they stay on the device; this line under policy.rules lets "
    "them go: - { name: media, when: { has_images: true }, then: { allow_media: true } }";

struct job {
    const struct privacy_policy *policy;
    struct pseudonyms *pseudonyms; /* NULL: only look */
    struct redaction_count *counts;
    int *counts_len;
    size_t bytes;
    bool may_stay;                /* nothing leaves: never_leave values are replaced too */
    const char *const *consented; /* never_leave types that may leave; NULL = none */
    bool consented_plain;         /* … as they are, not as pseudonyms */
    bool media_may_leave;
    struct span model; /* of the config, at the body's root: not the caller's word */
    bool media_seen;
    bool at_key;            /* the string at hand is an object's key */
    bool took_out;          /* something was replaced */
    int nested;             /* how deep in JSON inside strings */
    uint64_t stop_cpu_us;   /* 0 = no budget */
    size_t until_clock;     /* bytes */
    struct scan_memo *memo; /* NULL = none */
    struct arena *keep;  /* the memo is written: nested JSON must live as long; NULL = it is read */
    const char *refused; /* a never_leave type that was found */
    const char *failed;  /* why it could not be scanned */
    struct names_memory names; /* of the strings so far */
    struct findings found;     /* of the string at hand */
    struct text changed;       /* the string at hand without them */
    void (*note)(void *user, const struct findings *f);
    void *user;
};

static void job_init(struct job *j, const struct privacy_policy *policy, struct pseudonyms *p)
{
    *j = (struct job){.policy = policy, .pseudonyms = p};
    findings_init(&j->found, SCAN_FINDINGS_MAX);
    text_init(&j->changed, 16 * SCAN_BYTES_MAX);
}

static void job_done(struct job *j)
{
    findings_done(&j->found);
    if (j->changed.data) {
        explicit_bzero(j->changed.data, j->changed.len);
    }
    text_done(&j->changed);
}

static bool stopped(const struct job *j)
{
    return j->refused || j->failed;
}

/* ---- time ---- */

static uint64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

/* CPU time, so that a busy machine does not close the gate. */
static void set_budget(struct job *j, int budget_ms)
{
    j->stop_cpu_us = budget_ms > 0 ? cpu_us() + (uint64_t)budget_ms * US_PER_MS : 0;
    j->until_clock = CLOCK_EVERY;
}

static void spend(struct job *j, size_t bytes)
{
    if (j->stop_cpu_us && bytes >= j->until_clock) {
        j->until_clock = CLOCK_EVERY;
        if (cpu_us() > j->stop_cpu_us) {
            j->failed = "it took longer than privacy.scan_budget_ms";
        }
    } else {
        j->until_clock -= MIN(bytes, j->until_clock);
    }
}

/* ---- one string ---- */

/* Words of the protocols that no detector may take for a name: a closed list, so nothing hides behind it. */
static bool is_protocol_word(struct span s)
{
    static const char *const words[] = {
        "user",
        "assistant",
        "system",
        "tool",
        "developer",
        "function",
        "text",
        "image_url",
        "input_audio",
        "auto",
        "none",
        "required",
        "json_object",
        "object",
        "json_schema",
        "string",
        "number",
        "integer",
        "boolean",
        "array",
        "null",
        "ephemeral",
        "tool_use",
        "tool_result",
        "low",
        "medium",
        "high",
        "default",
        "input_text",
        "output_text",
        "messages",
        "role",
        "content",
        "type",
        "name",
        "tools",
        "tool_calls",
        "arguments",
        "description",
        "enum",
        "parameters",
        "properties",
        "model",
        "stream",
        "temperature",
        "max_tokens",
        "stream_options",
        "include_usage",
        "any",
        "base64",
        "url",
        "message",
        "json",
        "wav",
        "mp3",
        "image/png",
        "image/jpeg",
        "stop",
        "input",
        "tool_use_id",
        "tool_call_id",
        "thinking",
        "enabled",
        "disabled",
        "source",
        "media_type",
        "id",
        "index",
        "user_id",
        "metadata",
        "input_schema",
        "items",
        "strict",
        "schema",
        "format",
        "title",
        "max_completion_tokens",
        "tool_choice",
        "response_format",
        "stop_sequences",
        "include",
        "date",
        "time",
        "date-time",
        "email",
        "uri",
    };
    for (size_t i = 0; s.len <= 21 && i < ARRAY_LEN(words); i++) {
        if (span_is(s, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_base64(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

static bool all_base64(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_base64(s.data[i])) {
            return false;
        }
    }
    return true;
}

/* A picture, a sound or a file inside the body: no text to scan, and it may be large. */
static bool is_media(struct span s, struct span near)
{
    static const char *const kinds[] = {"data:image/", "data:audio/", "data:video/",
                                        "data:application/pdf"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t comma = span_starts(s, span_c(kinds[i]))
                           ? span_find(span_first(s, 64), SPAN(";base64,"), 0)
                           : SIZE_MAX;
        if (comma != SIZE_MAX && all_base64(span_from(s, comma + 8))) {
            return true;
        }
    }
    bool blob = span_is(near, "data") || span_is(near, "file_data") || span_is(near, "b64_json");
    return blob && s.len >= BLOB_LEAST && all_base64(s);
}

static void count_new(struct job *j, const char *type)
{
    int i = 0;
    while (j->counts && i < *j->counts_len && strcmp(j->counts[i].type, type) != 0) {
        i++;
    }
    if (!j->counts || i == FINDING_TYPES_MAX) {
        return;
    }
    if (i == *j->counts_len) {
        j->counts[(*j->counts_len)++] = (struct redaction_count){type, 0};
    }
    j->counts[i].count++;
}

static bool is_consented(const struct job *j, const char *type)
{
    for (const char *const *t = j->consented; t && *t; t++) {
        if (strcmp(*t, type) == 0) {
            return true;
        }
    }
    return false;
}

/* Half a character must not stay behind: what is left would no longer be the text that came. */
static void whole_characters(struct span s, struct findings *f)
{
    size_t done = 0;
    int kept = 0;
    for (int i = 0; i < f->count; i++) {
        struct finding at = f->items[i];
        while (at.start > 0 && at.start < s.len && (s.data[at.start] & 0xC0) == 0x80) {
            at.start--;
        }
        while (at.end < s.len && (s.data[at.end] & 0xC0) == 0x80) {
            at.end++;
        }
        at.start = MAX(at.start, done); /* they do not overlap, and shall not now */
        if (at.end > at.start) {
            f->items[kept++] = at;
            done = at.end;
        }
    }
    f->count = kept;
}

/* Fills j->found. A string that was scanned before, byte for byte, is not scanned again. */
static void scan(struct job *j, struct span s, struct span near)
{
    if (near.len > KEY_READ) {
        near = span_from(near, near.len - KEY_READ);
    }
    if (j->memo && !j->keep && scan_memo_find(j->memo, s, near, &j->found)) {
        return;
    }
    spend(j, s.len + near.len);
    if (!j->failed && !policy_scan(j->policy, s, near, &j->names, &j->found)) {
        j->failed = j->found.overflow ? "it has too many findings"
                                      : "a custom pattern needs too many steps";
    }
    if (s.len > CLOCK_EVERY) {
        spend(j, s.len); /* one long string may have used it up */
    }
    whole_characters(s, &j->found);
    if (!j->failed && j->memo && j->keep) {
        scan_memo_add(j->memo, s, near, &j->found);
    }
}

/* `first_name`, `trace-id`: what a program calls something. */
static bool is_identifier(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return s.len <= 64;
}

static void drop_names(struct findings *f)
{
    int kept = 0;
    for (int i = 0; i < f->count; i++) {
        const char *type = f->items[i].type;
        bool name = strcmp(type, "PERSON") == 0 || strcmp(type, "LOCATION") == 0 ||
                    strcmp(type, "ORGANIZATION") == 0;
        if (!name) {
            f->items[kept++] = f->items[i];
        }
    }
    f->count = kept;
}

/* Finds in `s`; true when there is something. */
static bool look(struct job *j, struct span s, struct span near)
{
    j->found.count = 0;
    if (stopped(j) || s.len < STRING_LEAST || is_protocol_word(s)) {
        return false;
    }
    if (is_media(s, near)) {
        j->media_seen = true;
        return false;
    }
    scan(j, s, near);
    if (stopped(j)) {
        return false;
    }
    if (j->at_key && is_identifier(s)) { /* a schema's `trace` is nobody; { "Jane Doe": 5 } is */
        drop_names(&j->found);
    }
    for (int i = 0; i < j->found.count && !j->may_stay; i++) {
        const char *type = j->found.items[i].type;
        if (policy_never_leaves(j->policy, type) && !is_consented(j, type)) {
            j->refused = type;
            return false;
        }
    }
    if (j->note) {
        j->note(j->user, &j->found);
    }
    return j->found.count > 0;
}

static bool wants(const struct job *j, const char *type)
{
    if (j->may_stay) {
        return true;
    }
    return !(j->consented_plain && is_consented(j, type)) &&
           (policy_replaces(j->policy, type) || policy_never_leaves(j->policy, type));
}

/* Puts the text without its values into j->changed. */
static void replace(struct job *j, struct span s)
{
    size_t done = 0;
    text_clear(&j->changed);
    for (int i = 0; i < j->found.count && !stopped(j); i++) {
        const struct finding *f = &j->found.items[i];
        bool wanted = wants(j, f->type);
        bool fresh = false;
        struct span value = span_of(s.data + f->start, f->end - f->start);
        struct span token =
            wanted ? pseudonyms_token(j->pseudonyms, f->type, value, &fresh) : value;
        if (!span_given(token)) {
            j->failed = "it has too many values to replace";
            return;
        }
        if (fresh) {
            count_new(j, f->type);
        }
        text_add(&j->changed, span_of(s.data + done, f->start - done));
        text_add(&j->changed, token);
        j->took_out |= wanted;
        done = f->end;
    }
    text_add(&j->changed, span_of(s.data + done, s.len - done));
    if (j->changed.overflow) {
        j->failed = "it is too long";
    }
}

static struct span without(struct job *j, struct span s, struct span near)
{
    if (!look(j, s, near)) {
        return s;
    }
    replace(j, s);
    return text_span(&j->changed);
}

/*
 * A tool call's arguments are JSON inside a string. They are read as such: a key
 * gives its value a meaning, and an escape inside is not part of a value.
 */
struct nested {
    struct json_doc *doc; /* NULL when it lives in an arena */
    const struct json *root;
};

static bool open_nested(struct job *j, struct span s, struct span near, struct nested *out)
{
    *out = (struct nested){0};
    struct span t = span_trim(s);
    if (!span_is(near, "arguments") || j->nested == NESTED_MAX || t.len == 0 ||
        (t.data[0] != '{' && t.data[0] != '[')) {
        return false;
    }
    enum err err = OK;
    if (j->keep) {
        err = json_parse_in(j->keep, t, &out->root, NULL);
    } else {
        err = json_parse(t, &out->doc, NULL);
        out->root = json_root(out->doc);
    }
    j->nested += err == OK;
    return err == OK;
}

static void close_nested(struct job *j, struct nested *n)
{
    j->nested--;
    json_free(n->doc);
}

/* ---- a body ---- */

static struct span key_without(struct job *j, struct span key)
{
    j->at_key = true;
    struct span changed = without(j, key, SPAN_NONE);
    j->at_key = false;
    return changed;
}

static void look_at_key(struct job *j, struct span key)
{
    j->at_key = true;
    look(j, key, SPAN_NONE);
    j->at_key = false;
}

static void measure_string(struct job *j, struct span s, struct span near)
{
    if (s.len == 0 || is_media(s, near)) {
        return;
    }
    j->bytes += s.len;
    if (j->pseudonyms) {
        pseudonyms_reserve(j->pseudonyms, s);
    }
}

static void measure(struct job *j, const struct json *v, struct span near)
{
    struct nested inner;
    switch (json_type(v)) {
    case JSON_STRING:
        measure_string(j, json_str(v), near);
        if (j->pseudonyms && open_nested(j, json_str(v), near, &inner)) {
            measure(j, inner.root, near);
            close_nested(j, &inner);
        }
        break;
    case JSON_NUMBER:
        j->bytes += json_raw_number(v).len;
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        for (struct json_iter it = json_iter(v); json_next(&it);) {
            measure_string(j, it.key, SPAN_NONE);
            measure(j, it.value, it.key.len ? it.key : near);
        }
        break;
    default:
        break;
    }
}

static void write_without(struct job *j, const struct json *v, struct span near,
                          struct json_out *w);

/* Arguments without a finding go out as they came, byte for byte. */
static void write_string(struct job *j, struct span s, struct span near, struct json_out *w)
{
    struct nested inner;
    if (!open_nested(j, s, near, &inner)) {
        json_string(w, without(j, s, near));
        return;
    }
    struct text changed;
    text_init(&changed, 16 * SCAN_BYTES_MAX);
    struct json_out inside = json_out(&changed);
    bool before = j->took_out;
    j->took_out = false;
    write_without(j, inner.root, near, &inside);
    close_nested(j, &inner);
    json_string(w, j->took_out ? text_span(&changed) : s);
    if (changed.overflow) {
        j->failed = "it is too long";
    }
    j->took_out |= before;
    if (changed.data) {
        explicit_bzero(changed.data, changed.len);
    }
    text_done(&changed);
}

/* `near` SPAN_NONE: at the root. */
static bool is_own_model(const struct job *j, const struct json_iter *it, struct span near)
{
    return j->model.len && !span_given(near) && span_is(it->key, "model") &&
           span_eq(json_str(it->value), j->model);
}

static void write_number(struct job *j, const struct json *v, struct span near, struct json_out *w)
{
    struct span raw = json_raw_number(v);
    if (raw.len >= NUMBER_LEAST && look(j, raw, near)) {
        bool before = j->took_out;
        j->took_out = false;
        replace(j, raw);
        if (j->took_out) {
            json_string(w, text_span(&j->changed));
        } else { /* found, but allowed to leave as it is */
            json_value(w, v);
        }
        j->took_out |= before;
    } else {
        json_value(w, v);
    }
}

static void write_without(struct job *j, const struct json *v, struct span near, struct json_out *w)
{
    switch (json_type(v)) {
    case JSON_STRING:
        write_string(j, json_str(v), near, w);
        break;
    case JSON_NUMBER:
        write_number(j, v, near, w);
        break;
    case JSON_ARRAY:
        json_begin_array(w);
        for (struct json_iter it = json_iter(v); !stopped(j) && json_next(&it);) {
            write_without(j, it.value, near, w);
        }
        json_end_array(w);
        break;
    case JSON_OBJECT:
        json_begin_object(w);
        for (struct json_iter it = json_iter(v); !stopped(j) && json_next(&it);) {
            json_key_span(w, key_without(j, it.key));
            if (is_own_model(j, &it, near)) {
                json_value(w, it.value);
            } else {
                write_without(j, it.value, it.key, w);
            }
        }
        json_end_object(w);
        break;
    default:
        json_value(w, v);
        break;
    }
}

static void look_through(struct job *j, const struct json *v, struct span near)
{
    struct nested inner;
    if (json_type(v) == JSON_STRING && open_nested(j, json_str(v), near, &inner)) {
        look_through(j, inner.root, near);
        close_nested(j, &inner);
    } else if (json_type(v) == JSON_STRING) {
        look(j, json_str(v), near);
    } else if (json_type(v) == JSON_NUMBER && json_raw_number(v).len >= NUMBER_LEAST) {
        look(j, json_raw_number(v), near);
    }
    for (struct json_iter it = json_iter(v); !stopped(j) && json_next(&it);) {
        look_at_key(j, it.key);
        if (!is_own_model(j, &it, near)) {
            look_through(j, it.value, it.key.len ? it.key : near);
        }
    }
}

static enum err verdict(const struct job *j, struct fault *fault)
{
    if (j->refused) {
        return fault_set(fault, ERR_POLICY,
                         "privacy.never_leave: a %s is in the request, so it stays on the device",
                         j->refused);
    }
    if (j->media_seen && !j->media_may_leave && !j->may_stay) {
        return fault_set(fault, ERR_POLICY, "%s", privacy_media_refused);
    }
    if (j->failed && j->may_stay) {
        return fault_set(fault, ERR_INVALID, "it could not be redacted: %s", j->failed);
    }
    if (j->failed) {
        return fault_set(
            fault, ERR_POLICY,
            "privacy: the request could not be scanned (%s), so it stays on the device", j->failed);
    }
    return OK;
}

static void measure_body(struct job *j, const struct json *root)
{
    measure(j, root, SPAN_NONE);
    if (j->bytes > SCAN_BYTES_MAX) {
        j->failed = "it has more than 4 MiB of text";
    }
}

/* Consumes the job. */
static enum err redact_json(struct job *j, struct span body, struct text *out, struct fault *fault)
{
    struct json_doc *doc = NULL;
    enum err err = json_parse(body, &doc, fault);
    if (err != OK) {
        if (!j->may_stay) {
            fault_prefix(fault, "privacy: the request could not be scanned: ");
            err = ERR_POLICY;
        }
        job_done(j);
        return err;
    }
    measure_body(j, json_root(doc));
    if (!stopped(j)) {
        struct json_out w = json_out(out);
        write_without(j, json_root(doc), SPAN_NONE, &w);
    }
    if (!stopped(j) && out->overflow) {
        j->failed = "it is too long";
    }
    err = verdict(j, fault);
    job_done(j);
    json_free(doc);
    return err;
}

static void job_for(struct job *j, const struct privacy_leaving *l, struct pseudonyms *p)
{
    job_init(j, l->policy, p);
    j->consented = l->consented;
    j->consented_plain = l->consented_plain;
    j->media_may_leave = l->media;
    j->model = l->model;
    j->memo = scan_memo_fits(l->memo, l->policy) ? l->memo : NULL;
    if (j->memo) {
        j->names = *scan_memo_names(j->memo);
    }
    set_budget(j, l->budget_ms);
}

enum err privacy_rewrite(const struct privacy_leaving *l, struct pseudonyms *p, struct span body,
                         struct text *out, struct redaction_count *counts, int *out_counts,
                         struct fault *fault)
{
    struct job j;
    job_for(&j, l, p);
    *out_counts = 0;
    j.counts = counts;
    j.counts_len = out_counts;
    return redact_json(&j, body, out, fault);
}

enum err privacy_redact_json(const struct privacy_policy *policy, struct pseudonyms *p,
                             struct span body, struct text *out, struct redaction_count *counts,
                             int *out_counts, struct fault *fault)
{
    struct privacy_leaving plain = {.policy = policy};
    return privacy_rewrite(&plain, p, body, out, counts, out_counts, fault);
}

enum err privacy_redact_document(const struct privacy_policy *policy, struct pseudonyms *p,
                                 struct span body, struct text *out, struct redaction_count *counts,
                                 int *out_counts, struct fault *fault)
{
    struct job j;
    job_init(&j, policy, p);
    j.may_stay = true;
    *out_counts = 0;
    j.counts = counts;
    j.counts_len = out_counts;
    return redact_json(&j, body, out, fault);
}

enum err privacy_check(const struct privacy_leaving *l, struct span body, struct fault *fault)
{
    struct json_doc *doc = NULL;
    if (json_parse(body, &doc, fault) != OK) {
        fault_prefix(fault, "privacy: the request could not be scanned: ");
        return ERR_POLICY;
    }
    struct job j;
    job_for(&j, l, NULL);
    j.media_may_leave = true; /* `open`: only what never leaves is looked for */
    measure_body(&j, json_root(doc));
    if (!stopped(&j)) {
        look_through(&j, json_root(doc), SPAN_NONE);
    }
    enum err err = verdict(&j, fault);
    job_done(&j);
    json_free(doc);
    return err;
}

enum err privacy_check_json(const struct privacy_policy *policy, struct span body,
                            struct fault *fault)
{
    struct privacy_leaving plain = {.policy = policy};
    return privacy_check(&plain, body, fault);
}

/* ---- for the router ---- */

struct tally {
    const struct privacy_policy *policy;
    struct facts *facts;
};

static void tally_findings(void *user, const struct findings *found)
{
    struct tally *t = user;
    struct facts *f = t->facts;
    for (int i = 0; i < found->count; i++) {
        int k = 0;
        while (k < f->findings_count && strcmp(f->findings[k].type, found->items[i].type) != 0) {
            k++;
        }
        if (k == FINDING_TYPES_MAX) {
            f->scan_failed = true;
            f->scan_why = "it has too many kinds of findings";
            return;
        }
        if (k == f->findings_count) {
            const char *type = found->items[i].type;
            f->findings[f->findings_count++] = (struct finding_count){
                .type = type, .never_leave = policy_never_leaves(t->policy, type)};
        }
        f->findings[k].count++;
    }
}

void privacy_scan_request(const struct privacy_policy *policy, int budget_ms, struct request *r,
                          struct facts *facts)
{
    struct tally tally = {policy, facts};
    struct job j;
    job_init(&j, policy, NULL);
    j.may_stay = true;
    j.note = tally_findings;
    j.user = &tally;
    j.memo = r->scans = scan_memo_new(r->arena, policy);
    j.keep = r->arena;
    set_budget(&j, budget_ms);
    measure_body(&j, r->body);
    for (struct json_iter it = json_iter(r->body); !stopped(&j) && json_next(&it);) {
        if (span_is(it.key, "weir") || span_is(it.key, "model")) {
            continue; /* ours, never passed on; a backend without a model of its own: the gate looks */
        }
        look(&j, it.key, SPAN_NONE);
        look_through(&j, it.value, it.key);
    }
    *scan_memo_names(j.memo) = j.names;
    facts->has_media = r->has_images || j.media_seen;
    if (j.failed) {
        facts->scan_failed = true;
        facts->scan_why = j.failed;
    }
    job_done(&j);
}

/* ---- plain text ---- */

enum err privacy_redact_text(const struct privacy_policy *policy, struct pseudonyms *p,
                             struct span text, struct text *out, struct redaction_count *counts,
                             int *out_counts, struct fault *fault)
{
    struct job j;
    job_init(&j, policy, p);
    j.may_stay = true;
    if (counts) {
        *out_counts = 0;
        j.counts = counts;
        j.counts_len = out_counts;
    }
    j.failed = text.len > SCAN_BYTES_MAX ? "it has more than 4 MiB of text" : NULL;
    if (!stopped(&j)) {
        pseudonyms_reserve(p, text);
        text_add(out, without(&j, text, SPAN_NONE));
    }
    enum err err = verdict(&j, fault);
    job_done(&j);
    return err;
}

enum err privacy_redact_report(const struct privacy_policy *policy, struct pseudonyms *p,
                               struct span text, struct text *out, struct fault *fault)
{
    struct job j;
    job_init(&j, policy, p);
    j.may_stay = true;
    j.failed = text.len > SCAN_BYTES_MAX ? "it has more than 4 MiB of text" : NULL;
    if (!stopped(&j)) {
        pseudonyms_reserve(p, text);
        struct span redacted = without(&j, text, SPAN_NONE);
        struct json_out w = json_out(out);
        json_begin_object(&w);
        json_put(&w, "text", redacted);
        json_key(&w, "findings");
        json_begin_array(&w);
        for (int i = 0; i < j.found.count && !stopped(&j); i++) {
            const struct finding *f = &j.found.items[i];
            bool fresh;
            json_begin_object(&w);
            json_put_c(&w, "type", f->type);
            json_put_int(&w, "start", (int64_t)f->start);
            json_put_int(&w, "end", (int64_t)f->end);
            json_put_number(&w, "score", f->score);
            json_put(&w, "token",
                     pseudonyms_token(p, f->type, span_of(text.data + f->start, f->end - f->start),
                                      &fresh));
            json_end_object(&w);
        }
        json_end_array(&w);
        json_end_object(&w);
    }
    enum err err = verdict(&j, fault);
    job_done(&j);
    return err;
}
