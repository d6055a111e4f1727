/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_scan                 time per KB of scanning, of rewriting a body, of restoring a stream; one JSON object
 * bench_scan spans FILE…     how much of the marked values in JSONL files ({"text","spans"}) is found; one JSON object
 *                            a file. Only labels that the structured detector knows count.
 */
#include "privacy/detect.h"
#include "privacy/privacy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
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

static double scan_once(struct span text)
{
    struct finding found[64];
    double begin = now_us();
    privacy_scan(NULL, text, found, 64);
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

static void measure(const struct kind *k, size_t bytes, bool last)
{
    enum { ROUNDS = 400 };
    struct text text;
    text_init(&text, 8 * MIB);
    fill(&text, k->text, bytes);
    double scan[ROUNDS];
    double rewrite[ROUNDS];
    double restore[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        scan[i] = scan_once(text_span(&text));
        rewrite[i] = rewrite_once(text_span(&text), bytes);
        restore[i] = restore_once(text_span(&text), bytes);
    }
    qsort(scan, ROUNDS, sizeof *scan, compare);
    qsort(rewrite, ROUNDS, sizeof *rewrite, compare);
    qsort(restore, ROUNDS, sizeof *restore, compare);
    double kb = (double)bytes / 1000;
    printf("{\"kind\":\"%s\",\"bytes\":%zu,\"scan_us_per_kb_p50\":%.2f,\"scan_us_per_kb_p99\":%.2f,"
           "\"rewrite_us_per_kb_p50\":%.2f,\"restore_us_per_delta_p50\":%.3f}%s",
           k->name, bytes, scan[ROUNDS / 2] / kb, scan[ROUNDS * 99 / 100] / kb,
           rewrite[ROUNDS / 2] / kb, restore[ROUNDS / 2], last ? "" : ",");
    text_done(&text);
}

/* ---- found and missed ---- */

struct score {
    const char *type;
    int gold, found;
};

static bool covered(const struct finding *f, int n, int64_t start, int64_t end)
{
    for (int i = 0; i < n; i++) {
        if ((int64_t)f[i].start <= start + 1 && (int64_t)f[i].end >= end - 1) {
            return true;
        }
    }
    return false;
}

static int score_line(struct span line, struct score *scores, int types, int *out_false)
{
    struct json_doc *doc = NULL;
    if (json_parse(line, &doc, NULL) != OK) {
        return 0;
    }
    const struct json *root = json_root(doc);
    struct finding found[256];
    int n = privacy_scan(NULL, json_str(json_get(root, "text")), found, 256);
    bool real[256] = {false};
    for (struct json_iter it = json_iter(json_get(root, "spans")); json_next(&it);) {
        int64_t start = json_i64_or(json_get(it.value, "start"), 0);
        int64_t end = json_i64_or(json_get(it.value, "end"), 0);
        for (int i = 0; i < n;
             i++) { /* any gold span excuses a finding: a date that looks like a phone does not */
            real[i] |= (int64_t)found[i].start < end && (int64_t)found[i].end > start;
        }
        for (int t = 0; t < types; t++) {
            if (span_is(json_str(json_get(it.value, "label")), scores[t].type)) {
                scores[t].gold++;
                scores[t].found += covered(found, n, start, end);
            }
        }
    }
    for (int i = 0; i < n; i++) {
        *out_false += !real[i];
    }
    json_free(doc);
    return 1;
}

static void score_file(const char *path, bool last)
{
    struct score scores[16];
    int types = 0;
    for (const char *const *t = detect_types; *t; t++) {
        scores[types++] = (struct score){.type = *t};
    }
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int lines = 0;
    int false_findings = 0;
    while (f && (len = getline(&line, &size, f)) > 0) {
        lines += score_line(span_of(line, (size_t)len), scores, types, &false_findings);
    }
    free(line); /* check-allow: getline's */
    if (f) {
        fclose(f);
    }
    const char *name = strrchr(path, '/');
    printf("{\"file\":\"%s\",\"lines\":%d,\"outside_of_any_marked_value\":%d,\"types\":{",
           name ? name + 1 : path, lines, false_findings);
    bool comma = false;
    for (int t = 0; t < types; t++) {
        if (scores[t].gold) {
            printf("%s\"%s\":{\"marked\":%d,\"found\":%d}", comma ? "," : "", scores[t].type,
                   scores[t].gold, scores[t].found);
            comma = true;
        }
    }
    printf("}}%s", last ? "" : ",");
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "spans") == 0) {
        printf("[");
        for (int i = 2; i < argc; i++) {
            score_file(argv[i], i == argc - 1);
        }
        printf("]\n");
        return 0;
    }
    printf("{\"rows\":[");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        measure(&kinds[k], 2000, false);
        measure(&kinds[k], 16000, k == ARRAY_LEN(kinds) - 1);
    }
    printf("]}\n");
    return 0;
}
