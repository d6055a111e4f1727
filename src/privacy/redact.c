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
#include "privacy/policy.h"
#include "privacy/pseudonyms.h"

#define NUMBER_LEAST 7 /* characters */

struct job {
    const struct privacy_policy *policy;
    struct pseudonyms *pseudonyms; /* NULL: only look */
    struct redaction_count *counts;
    int *counts_len;
    size_t bytes;
    bool may_stay;         /* nothing leaves: never_leave values are replaced too */
    const char *refused;   /* a never_leave type that was found */
    const char *failed;    /* why it could not be scanned */
    struct findings found; /* of the string at hand */
    struct text changed;   /* the string at hand without them */
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

/* ---- one string ---- */

static bool is_base64(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

/* An image or a sound inside the body: no text to scan, and it may be large. */
static bool is_media(struct span s)
{
    if (!span_starts(s, SPAN("data:image/")) && !span_starts(s, SPAN("data:audio/"))) {
        return false;
    }
    size_t comma = span_find(span_first(s, 64), SPAN(";base64,"), 0);
    for (size_t i = comma == SIZE_MAX ? 0 : comma + 8; i < s.len; i++) {
        if (!is_base64(s.data[i])) {
            return false;
        }
    }
    return true;
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

/* Finds in `s`; true when there is something. */
static bool look(struct job *j, struct span s, struct span near)
{
    j->found.count = 0;
    if (stopped(j) || is_media(s)) {
        return false;
    }
    if (!policy_scan(j->policy, s, near, &j->found)) {
        j->failed = j->found.overflow ? "it has too many findings"
                                      : "a custom pattern needs too many steps";
        return false;
    }
    for (int i = 0; i < j->found.count && !j->may_stay; i++) {
        if (policy_never_leaves(j->policy, j->found.items[i].type)) {
            j->refused = j->found.items[i].type;
            return false;
        }
    }
    if (j->note) {
        j->note(j->user, &j->found);
    }
    return j->found.count > 0;
}

/* Puts the text without its values into j->changed. */
static void replace(struct job *j, struct span s)
{
    size_t done = 0;
    text_clear(&j->changed);
    for (int i = 0; i < j->found.count && !stopped(j); i++) {
        const struct finding *f = &j->found.items[i];
        bool wanted = policy_replaces(j->policy, f->type) || j->may_stay;
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
        done = f->end;
    }
    text_add(&j->changed, span_of(s.data + done, s.len - done));
    if (j->changed.overflow) {
        j->failed = "it is too long";
    }
}

static struct span without(struct job *j, struct span s, struct span near)
{
    if (s.len < 6 || !look(j, s, near)) {
        return s;
    }
    replace(j, s);
    return text_span(&j->changed);
}

/* ---- a body ---- */

static void measure_string(struct job *j, struct span s)
{
    if (s.len == 0 || is_media(s)) {
        return;
    }
    j->bytes += s.len;
    if (j->pseudonyms) {
        pseudonyms_reserve(j->pseudonyms, s);
    }
}

static void measure(struct job *j, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_STRING:
        measure_string(j, json_str(v));
        break;
    case JSON_NUMBER:
        j->bytes += json_raw_number(v).len;
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        for (struct json_iter it = json_iter(v); json_next(&it);) {
            measure_string(j, it.key);
            measure(j, it.value);
        }
        break;
    default:
        break;
    }
}

static void write_number(struct job *j, const struct json *v, struct span near, struct json_out *w)
{
    struct span raw = json_raw_number(v);
    if (raw.len >= NUMBER_LEAST && look(j, raw, near)) {
        replace(j, raw);
        json_string(w, text_span(&j->changed));
    } else {
        json_value(w, v);
    }
}

static void write_without(struct job *j, const struct json *v, struct span near, struct json_out *w)
{
    switch (json_type(v)) {
    case JSON_STRING:
        json_string(w, without(j, json_str(v), near));
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
            json_key_span(w, without(j, it.key, SPAN_NONE));
            write_without(j, it.value, it.key, w);
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
    struct span s = json_type(v) == JSON_NUMBER ? json_raw_number(v) : json_str(v);
    if (span_given(s) && s.len >= 6) {
        look(j, s, near);
    }
    for (struct json_iter it = json_iter(v); !stopped(j) && json_next(&it);) {
        if (it.key.len >= 6) {
            look(j, it.key, SPAN_NONE);
        }
        look_through(j, it.value, it.key.len ? it.key : near);
    }
}

static enum err verdict(const struct job *j, struct fault *fault)
{
    if (j->refused) {
        return fault_set(fault, ERR_POLICY,
                         "privacy.never_leave: a %s is in the request, so it stays on the device",
                         j->refused);
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
    measure(j, root);
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

enum err privacy_redact_json(const struct privacy_policy *policy, struct pseudonyms *p,
                             struct span body, struct text *out, struct redaction_count *counts,
                             int *out_counts, struct fault *fault)
{
    struct job j;
    job_init(&j, policy, p);
    *out_counts = 0;
    j.counts = counts;
    j.counts_len = out_counts;
    return redact_json(&j, body, out, fault);
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

enum err privacy_check_json(const struct privacy_policy *policy, struct span body,
                            struct fault *fault)
{
    struct json_doc *doc = NULL;
    if (json_parse(body, &doc, fault) != OK) {
        fault_prefix(fault, "privacy: the request could not be scanned: ");
        return ERR_POLICY;
    }
    struct job j;
    job_init(&j, policy, NULL);
    measure_body(&j, json_root(doc));
    if (!stopped(&j)) {
        look_through(&j, json_root(doc), SPAN_NONE);
    }
    enum err err = verdict(&j, fault);
    job_done(&j);
    json_free(doc);
    return err;
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

void privacy_scan_request(const struct privacy_policy *policy, const struct request *r,
                          struct facts *facts)
{
    struct tally tally = {policy, facts};
    struct job j;
    job_init(&j, policy, NULL);
    j.may_stay = true;
    j.note = tally_findings;
    j.user = &tally;
    measure_body(&j, r->body);
    for (struct json_iter it = json_iter(r->body); !stopped(&j) && json_next(&it);) {
        if (span_is(it.key, "weir")) {
            continue; /* ours, never passed on */
        }
        if (it.key.len >= 6) {
            look(&j, it.key, SPAN_NONE);
        }
        look_through(&j, it.value, it.key);
    }
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
