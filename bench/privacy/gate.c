/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_gate    one JSON object: what the gap between two tokens grows by while ten kinds of pseudonyms are live (text and
 *               tool arguments, median and p99 of single deltas of 4 bytes), and what the gate's rewriting of a 16 KB
 *               conversation costs with and without the findings of the facts' scan.
 */
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

static const char values[] =
    "jane.roe@acme-labs.io +1 415 555 0132 212-45-6789 4111 1111 1111 1111 DE89370400440532013000 8.8.8.8 "
    "my key is sk-proj-a1B2c3D4e5a1B2c3D4e5a1B2c3D4e5a1B2c3D4e5 00:1a:2b:3c:4d:5e bitcoin "
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa born 12 March 1984, passport no. 533380006. ";

static void drop(void *user, const struct delta *d)
{
    *(size_t *)user += d->text.len;
}

/* Every line of an answer that is full of what could begin a token. */
static void measure_gap(enum delta_kind kind, const char *name)
{
    enum { DELTAS = 20000 };
    static double took[DELTAS];
    struct text out, answer;
    text_init(&out, MIB);
    text_init(&answer, MIB);
    struct pseudonyms *p = pseudonyms_new();
    ASSERT(privacy_redact_text(NULL, p, span_c(values), &out, NULL, NULL, NULL) == OK);
    while (answer.len < 4 * DELTAS) {
        text_add_c(
            &answer,
            "if (a[i] < b && {x}) say \"<EMAIL_ADDRESS_1>, < phone number 1 > & [US_SSN_1]\\n\" ");
    }
    struct delta_filter *f = pseudonyms_restore_filter(p);
    size_t total = 0;
    for (size_t i = 0; i < DELTAS; i++) {
        struct delta d = {.kind = kind, .text = span_of(answer.data + 4 * i, 4)};
        double begin = now_us();
        f->type->apply(f, &d, drop, &total);
        took[i] = now_us() - begin;
    }
    f->type->free(f);
    pseudonyms_free(p);
    text_done(&out);
    text_done(&answer);
    qsort(took, DELTAS, sizeof *took, compare);
    printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f}", name, took[DELTAS / 2],
           took[DELTAS * 99 / 100], took[DELTAS * 999 / 1000]);
}

static void write_body(struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_key(&w, "messages");
    json_begin_array(&w);
    while (out->len < 16000) {
        json_begin_object(&w);
        json_put_c(&w, "role", "user");
        json_put_c(
            &w, "content",
            "The committee met on Tuesday to discuss how the harbour should be rebuilt after the storm, and "
            "why 12 of the 30 warehouses had not been insured. Write to jane.roe@acme-labs.io about it.");
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

static void measure_rewrite(struct scan_memo *memo, const struct privacy_policy *policy,
                            struct span body, const char *name)
{
    enum { ROUNDS = 100 };
    double took[ROUNDS];
    struct redaction_count counts[FINDING_TYPES_MAX];
    struct privacy_leaving how = {.policy = policy, .memo = memo};
    for (int i = 0; i < ROUNDS; i++) {
        struct text out;
        int n;
        text_init(&out, MIB);
        struct pseudonyms *p = pseudonyms_new();
        double begin = now_us();
        ASSERT(privacy_rewrite(&how, p, body, &out, counts, &n, NULL) == OK && n > 0);
        took[i] = now_us() - begin;
        pseudonyms_free(p);
        text_done(&out);
    }
    qsort(took, ROUNDS, sizeof *took, compare);
    printf("\"%s\":%.1f", name, took[ROUNDS / 2] / ((double)body.len / 1000));
}

int main(void)
{
    struct privacy_policy *policy = NULL;
    struct text body;
    struct arena *a = arena_new();
    struct request r = {.arena = a};
    struct facts facts = {0};
    text_init(&body, MIB);
    write_body(&body);
    struct privacy_policy_options o = {.types_default = true};
    ASSERT(privacy_policy_new(&o, &policy, NULL) == OK);
    ASSERT(json_parse_in(a, text_span(&body), &r.body, NULL) == OK);
    privacy_scan_request(policy, 0, &r, &facts);
    printf("{\"gap_us\":{");
    measure_gap(DELTA_TEXT, "text");
    printf(",");
    measure_gap(DELTA_TOOL_CALL, "tool_arguments");
    printf("},\"gate_us_per_kb\":{");
    measure_rewrite(NULL, policy, text_span(&body), "scanning");
    printf(",");
    measure_rewrite(r.scans, policy, text_span(&body), "scanned_once");
    printf("}}\n");
    arena_free(a);
    privacy_policy_free(policy);
    text_done(&body);
    return 0;
}
