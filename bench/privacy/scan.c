/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_scan                    time per KB of scanning, of rewriting a body, of restoring a stream; one JSON object
 * bench_scan find WHICH FILE    the findings of each line of a JSONL file ({"text"}), a line each, then the time per KB;
 *                               WHICH: default | all | patterns
 */
#include "core/personal.h"
#include "privacy/privacy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID,
                  &t); /* what others run at the same time does not count */
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- policies ---- */

/* What a name tagger finds; everything else are patterns. */
static const char *const name_types[] = {"PERSON", "LOCATION", "ORGANIZATION", "WELL_KNOWN_PERSON",
                                         NULL};

/* "default": what a fresh config replaces; "all": every type; "patterns": every type but the names. */
static struct privacy_policy *policy_for(const char *which)
{
    static const char *types[128];
    int n = 0;
    for (const char *const *t = personal_types; *t; t++) {
        bool name = false;
        for (const char *const *k = name_types; *k; k++) {
            name |= strcmp(*t, *k) == 0;
        }
        if (!name || strcmp(which, "all") == 0) {
            types[n++] = *t;
        }
    }
    struct privacy_policy_options o = {.types_default = strcmp(which, "default") == 0};
    o.types = o.types_default ? NULL : types;
    struct privacy_policy *policy = NULL;
    struct fault fault;
    if (privacy_policy_new(&o, &policy, &fault) != OK) {
        fprintf(stderr, "%s\n", fault.text);
        exit(1);
    }
    return policy;
}

/* ---- time ---- */

static const struct kind {
    const char *name, *text;
} kinds[] = {
    {"prose",
     "The committee met on Tuesday to discuss how the harbour should be rebuilt after the storm, and why 12 of "
     "the 30 warehouses had not been insured. Nobody knew, at 10:45, what it would cost. "},
    {"code",
     "for (size_t i = 0; i < count; i++) {\n    struct item *it = list[i]; /* 0x7fff12ab */\n    total += it->price "
     "* 1.25;\n    if (it->id == 1024 && !strcmp(it->name, \"x_1\")) { return std::move(v2.3.1); }\n}\n"},
    {"json",
     "{\"id\":\"550e8400-e29b-41d4-a716-446655440000\",\"ts\":1732147200,\"sha\":"
     "\"3f786850e387550fdab836ed7e6dc881de23001b\",\"price\":12.50,\"tags\":[\"a-b\",\"c_d\"],\"n\":1234567} "},
    {"personal",
     "Jane (jane.doe@acme.io, +1 415 555 0132) pays with 4111 1111 1111 1111 from 203.0.113.7; her IBAN is "
     "DE89 3704 0044 0532 0130 00 and her SSN 123-45-6789, she says. "},
};

static void fill(struct text *out, const char *unit, size_t bytes)
{
    while (out->len < bytes) {
        text_add_c(out, unit);
    }
    text_truncate(out, bytes);
}

static double scan_once(const struct privacy_policy *policy, struct span text)
{
    struct finding found[64];
    double begin = now_us();
    privacy_scan(policy, text, found, 64);
    return now_us() - begin;
}

static double rewrite_once(struct span text, size_t bytes)
{
    struct text body;
    struct text out;
    text_init(&body, 8 * MIB);
    text_init(&out, 8 * MIB);
    struct json_out w = json_out(&body);
    json_begin_object(&w);
    json_put(&w, "content", text);
    json_end_object(&w);
    struct redaction_count counts[FINDING_TYPES_MAX];
    int n;
    struct pseudonyms *p = pseudonyms_new();
    double begin = now_us();
    enum err err = privacy_redact_json(NULL, p, text_span(&body), &out, counts, &n, NULL);
    double took = now_us() - begin;
    ASSERT(err == OK && bytes);
    pseudonyms_free(p);
    text_done(&body);
    text_done(&out);
    return took;
}

static void drop(void *user, const struct delta *d)
{
    *(size_t *)user += d->text.len;
}

/* Per delta of 4 bytes, with one token in 20 words: what the gap between tokens grows by. */
static double restore_once(struct span text, size_t bytes)
{
    struct text answer;
    struct text out;
    text_init(&answer, 8 * MIB);
    text_init(&out, MIB);
    struct pseudonyms *p = pseudonyms_new();
    ASSERT(privacy_redact_text(NULL, p, SPAN("jane@acme.io 8.8.8.8"), &out, NULL, NULL, NULL) ==
           OK);
    for (size_t at = 0; at < bytes; at += 100) {
        text_add(&answer, span_first(span_from(text, at), 100));
        text_add_c(&answer, "<EMAIL_ADDRESS_1>");
    }
    struct delta_filter *f = pseudonyms_restore_filter(p);
    size_t total = 0;
    double begin = now_us();
    for (size_t at = 0; at < answer.len; at += 4) {
        struct delta d = {.text = span_first(span_from(text_span(&answer), at), 4)};
        f->type->apply(f, &d, drop, &total);
    }
    double took = (now_us() - begin) / ((double)answer.len / 4);
    f->type->free(f);
    pseudonyms_free(p);
    text_done(&answer);
    text_done(&out);
    return took;
}

static void measure(const struct kind *k, size_t bytes, const struct privacy_policy *without_names,
                    bool last)
{
    enum { ROUNDS = 400 };
    struct text text;
    text_init(&text, 8 * MIB);
    fill(&text, k->text, bytes);
    double scan[ROUNDS];
    double patterns[ROUNDS];
    double rewrite[ROUNDS];
    double restore[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        scan[i] = scan_once(NULL, text_span(&text));
        patterns[i] = scan_once(without_names, text_span(&text));
        rewrite[i] = rewrite_once(text_span(&text), bytes);
        restore[i] = restore_once(text_span(&text), bytes);
    }
    qsort(scan, ROUNDS, sizeof *scan, compare);
    qsort(patterns, ROUNDS, sizeof *patterns, compare);
    qsort(rewrite, ROUNDS, sizeof *rewrite, compare);
    qsort(restore, ROUNDS, sizeof *restore, compare);
    double kb = (double)bytes / 1000;
    printf(
        "{\"kind\":\"%s\",\"bytes\":%zu,\"scan_us_per_kb_p50\":%.2f,\"scan_us_per_kb_p99\":%.2f,\"patterns_us_per_kb_p50\":%.2f,"
        "\"rewrite_us_per_kb_p50\":%.2f,\"restore_us_per_delta_p50\":%.3f}%s",
        k->name, bytes, scan[ROUNDS / 2] / kb, scan[ROUNDS * 99 / 100] / kb,
        patterns[ROUNDS / 2] / kb, rewrite[ROUNDS / 2] / kb, restore[ROUNDS / 2], last ? "" : ",");
    text_done(&text);
}

/* ---- findings of a file ---- */

/* One line of {"text"} in, one line of [[type, start, end], …] out; gives the time of the scan alone. */
static double find_in_line(const struct privacy_policy *policy, struct span line, size_t *bytes)
{
    enum { MOST = 4096 };
    static struct finding found[MOST];
    struct json_doc *doc = NULL;
    int n = 0;
    double took = 0;
    if (json_parse(line, &doc, NULL) == OK) {
        struct span text = json_str(json_get(json_root(doc), "text"));
        double begin = now_us();
        n = privacy_scan(policy, text, found, MOST);
        took = now_us() - begin;
        *bytes += text.len;
    }
    printf("[");
    for (int i = 0; i < n; i++) {
        printf("%s[\"%s\",%zu,%zu]", i ? "," : "", found[i].type, found[i].start, found[i].end);
    }
    printf("]\n");
    json_free(doc);
    return took;
}

static int find_in_file(const char *which, const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return 1;
    }
    struct privacy_policy *policy = policy_for(which);
    char *line = NULL;
    size_t size = 0;
    size_t bytes = 0;
    double took = 0;
    ssize_t len;
    while ((len = getline(&line, &size, f)) > 0) {
        took += find_in_line(policy, span_of(line, (size_t)len), &bytes);
    }
    printf("{\"us_per_kb\":%.2f}\n", bytes ? took / ((double)bytes / 1000) : 0);
    free(line); /* check-allow: getline's */
    fclose(f);
    privacy_policy_free(policy);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "find") == 0) {
        return find_in_file(argv[2], argv[3]);
    }
    printf("{\"rows\":[");
    struct privacy_policy *patterns = policy_for("patterns");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        measure(&kinds[k], 2000, patterns, false);
        measure(&kinds[k], 16000, patterns, k == ARRAY_LEN(kinds) - 1);
    }
    privacy_policy_free(patterns);
    printf("]}\n");
    return 0;
}
