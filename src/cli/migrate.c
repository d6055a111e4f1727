/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/migrate.h"

#include "cli/cli.h"
#include "router/calibration_bounds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum size { SIZE_TINY, SIZE_SHORT, SIZE_MEDIUM, SIZE_LONG, SIZE_COUNT };
enum need { NEED_TOOLS = 1, NEED_IMAGES = 2, NEED_SCHEMA = 4, NEEDS = 8 };

static const char *const size_names[] = {"tiny", "short", "medium", "long"};
static const int64_t size_below[] = {30, 150, 1000, INT64_MAX};
static const char *const need_names[] = {"tools", "images", "schema"};

#define PARETO_COST 0.8
#define PARETO_KINDS 0.2
#define ROWS_SHOWN 14

struct label_sum {
    int64_t n;
    double good;
};

struct kind {
    int task, size, needs;
    int64_t requests, from_cloud;
    int64_t cost_nano, cost_known; /* of what another tier answered */
    int64_t tokens, prompt_tokens, longest;
    struct label_sum device, cloud;
    int64_t scored, over; /* with a score; at or over the split threshold */
    double good_by_score; /* Σ P(good) by the calibration */
    /* made by judge() */
    const char *verdict, *evidence;
    double share, quality, quality_low; /* device share; of the cloud's, < 0 = unknown */
    int64_t labels_needed;
    char why[200];
};

struct migrate {
    struct migrate_options o;
    double threshold; /* of the split calibration; < 0 = none */
    struct kind kinds[TASK_COUNT][SIZE_COUNT][NEEDS];
    int64_t requests, from_cloud, cost_nano, cost_known, tokens, taught;
};

struct migrate *migrate_new(const struct migrate_options *o)
{
    struct migrate *m = NEW(struct migrate);
    m->o = *o;
    m->threshold = -1;
    if (o->split && o->split->n > 0) {
        struct calibration_choice choice;
        calibration_choose(o->split, o->quality, &choice);
        m->threshold = choice.point.threshold;
    }
    for (int t = 0; t < TASK_COUNT; t++) {
        for (int s = 0; s < SIZE_COUNT; s++) {
            for (int n = 0; n < NEEDS; n++) {
                m->kinds[t][s][n] = (struct kind){.task = t, .size = s, .needs = n};
            }
        }
    }
    return m;
}

void migrate_free(struct migrate *m)
{
    mem_free(m);
}

/* ---- adding up ---- */

static struct kind *kind_of(struct migrate *m, const struct json *r)
{
    enum task task = TASK_CHAT;
    (void)task_from(json_str(json_get(r, "task")), &task);
    int64_t tokens = json_i64_or(json_get(r, "prompt_tokens"), 1);
    const struct json *markers = json_get(r, "markers");
    int size = 0;
    int needs = 0;
    while (size < SIZE_COUNT - 1 && tokens >= size_below[size]) {
        size++;
    }
    for (size_t i = 0; i < ARRAY_LEN(need_names); i++) {
        needs |= json_f64_or(json_get(markers, need_names[i]), 0) > 0 ? 1 << i : 0;
    }
    return &m->kinds[task][size][needs];
}

static int64_t output_tokens(const struct json *r)
{
    int64_t sum = 0;
    for (struct json_iter it = json_iter(json_get(r, "legs")); json_next(&it);) {
        sum += MAX(json_i64_or(json_get(it.value, "output_tokens"), 0), 0);
    }
    return sum;
}

static void add_traffic(struct migrate *m, struct kind *k, const struct json *r, bool by_device)
{
    int64_t prompt = json_i64_or(json_get(r, "prompt_tokens"), 0);
    int64_t tokens = prompt + output_tokens(r);
    double score = json_f64_or(json_get(r, "score"), -1);
    double cost;
    k->requests++;
    m->requests++;
    if (by_device) {
        return;
    }
    k->from_cloud++;
    m->from_cloud++;
    k->tokens += tokens;
    m->tokens += tokens;
    k->prompt_tokens += prompt;
    k->longest = MAX(k->longest, tokens);
    if (json_to_f64(json_get(r, "cost_usd"), &cost) && cost >= 0) {
        int64_t nano = (int64_t)llround(cost * (double)USD_NANO);
        k->cost_nano += nano;
        m->cost_nano += nano;
        k->cost_known++;
        m->cost_known++;
    }
    if (score >= 0 && m->threshold >= 0) {
        k->scored++;
        k->over += score >= m->threshold;
        k->good_by_score += score >= m->threshold ? isotonic_at(&m->o.split->isotonic, score) : 0;
    }
}

void migrate_add(struct migrate *m, struct span json, double feedback)
{
    struct json_doc *doc;
    if (json_parse(json, &doc, NULL)) {
        return;
    }
    const struct json *r = json_root(doc);
    struct span tier = json_str(json_get(r, "tier"));
    if (span_given(tier)) { /* somebody answered */
        struct kind *k = kind_of(m, r);
        bool by_device = span_is(tier, "device");
        bool taught = span_starts(json_str(json_get(r, "session")), SPAN("weir-calibrate-"));
        if (taught) {
            m->taught++;
        } else {
            add_traffic(m, k, r, by_device);
        }
        if (feedback >= 0) {
            struct label_sum *s = by_device ? &k->device : &k->cloud;
            s->n++;
            s->good += feedback;
        }
    }
    json_free(doc);
}

/* ---- judging a kind ---- */

static int64_t labels_for(double quality)
{
    struct calibration nothing = {.n = 0};
    struct calibration_choice choice;
    calibration_choose(&nothing, quality, &choice);
    return choice.more_labels;
}

/* NULL, or what the device's model lacks. */
static const char *lacks(const struct migrate *m, const struct kind *k)
{
    if (k->needs & NEED_IMAGES) {
        return "the device sees no images";
    }
    if ((k->needs & NEED_TOOLS) && !m->o.tools) {
        return "the device's model has no tools in its template";
    }
    if (m->o.context > 0 && k->from_cloud && k->tokens / k->from_cloud > m->o.context) {
        return "longer than the device's context";
    }
    return NULL;
}

static void by_labels(const struct migrate *m, struct kind *k)
{
    double cloud = k->cloud.n ? k->cloud.good / (double)k->cloud.n : 1;
    double bad = (double)k->device.n - k->device.good;
    bool graded = fabs(bad - round(bad)) > 1e-9;
    double bad_most = graded ? mean_upper(bad, k->device.n, CALIBRATION_DELTA)
                             : binomial_upper((int64_t)round(bad), k->device.n, CALIBRATION_DELTA);
    k->evidence = "labels";
    k->quality = cloud > 0 ? k->device.good / (double)k->device.n / cloud : 1;
    k->quality_low =
        1 - bad_most; /* the cloud's own mistakes are not counted in the device's favour */
    k->share = 1;
    if (k->quality_low >= m->o.quality) {
        k->verdict = "move";
        snprintf(k->why, sizeof k->why,
                 "%lld device answers judged: at least %.1f %% of the cloud's quality",
                 (long long)k->device.n, 100 * k->quality_low);
    } else if (k->quality >= m->o.quality) {
        k->verdict = "likely";
        k->labels_needed = MAX(labels_for(m->o.quality) - k->device.n, 1);
        snprintf(
            k->why, sizeof k->why,
            "%lld device answers judged, %.1f %% of the cloud's quality; %lld more labels needed to be sure",
            (long long)k->device.n, 100 * k->quality, (long long)k->labels_needed);
    } else {
        k->verdict = "keep";
        k->share = 0;
        snprintf(k->why, sizeof k->why,
                 "%lld device answers judged: %.1f %% of the cloud's quality",
                 (long long)k->device.n, 100 * k->quality);
    }
}

static void by_calibration(struct kind *k)
{
    k->evidence = "calibration";
    k->share = (double)k->over / (double)k->scored;
    k->verdict = k->over ? "part" : "keep";
    k->quality = k->over ? k->good_by_score / (double)k->over : -1;
    if (k->over) {
        snprintf(
            k->why, sizeof k->why,
            "%.0f %% score over the calibrated threshold, %.0f %% of these are good on the device",
            100 * k->share, 100 * k->quality);
    } else {
        snprintf(k->why, sizeof k->why, "none scores over the calibrated threshold");
    }
}

static void judge(const struct migrate *m, struct kind *k)
{
    const char *lack = lacks(m, k);
    k->quality = k->quality_low = -1;
    k->share = 0;
    k->labels_needed = 0;
    if (lack) {
        k->verdict = "cannot";
        k->evidence = "model";
        snprintf(k->why, sizeof k->why, "%s", lack);
    } else if (k->device.n) {
        by_labels(m, k);
    } else if (k->scored) {
        by_calibration(k);
    } else {
        k->verdict = "unknown";
        k->evidence = "none";
        k->labels_needed = labels_for(m->o.quality);
        snprintf(k->why, sizeof k->why,
                 "no device answer of this kind was judged; %lld labels needed",
                 (long long)k->labels_needed);
    }
    bool made_for = m->o.tasks == 0 || (m->o.tasks & (1u << k->task));
    if (!made_for && strcmp(k->evidence, "labels") != 0 && strcmp(k->verdict, "cannot") != 0) {
        k->verdict = "keep";
        k->share = 0;
        snprintf(k->why, sizeof k->why, "the device's model says that it is not made for %s",
                 task_name((enum task)k->task));
    }
}

/* ---- kinds by cost ---- */

/* Without prices, tokens stand in for money. */
static double weight(const struct migrate *m, const struct kind *k)
{
    return m->cost_nano > 0 ? (double)k->cost_nano : (double)k->tokens;
}

static double whole_weight(const struct migrate *m)
{
    return MAX(m->cost_nano > 0 ? (double)m->cost_nano : (double)m->tokens, 1);
}

struct ranked {
    struct kind *kind;
    double weight;
};

static int by_weight(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->weight;
    double y = ((const struct ranked *)b)->weight;
    return (x < y) - (x > y);
}

static int rank(struct migrate *m, struct ranked *out)
{
    int n = 0;
    for (int t = 0; t < TASK_COUNT; t++) {
        for (int s = 0; s < SIZE_COUNT; s++) {
            for (int needs = 0; needs < NEEDS; needs++) {
                struct kind *k = &m->kinds[t][s][needs];
                if (k->from_cloud) {
                    judge(m, k);
                    out[n++] = (struct ranked){k, weight(m, k)};
                }
            }
        }
    }
    qsort(out, (size_t)n, sizeof *out, by_weight);
    return n;
}

/* ---- JSON ---- */

static void put_known(struct json_out *w, const char *key, double x)
{
    json_put_number(w, key, x < 0 ? NAN : round(x * 1e4) / 1e4);
}

static void kind_name(const struct kind *k, char out[80])
{
    int n = snprintf(out, 80, "%s, %s", task_name((enum task)k->task), size_names[k->size]);
    for (size_t i = 0; i < ARRAY_LEN(need_names); i++) {
        if (k->needs & (1 << i)) {
            n += snprintf(out + n, 80 - (size_t)n, ", %s", need_names[i]);
        }
    }
}

static int64_t saving(const struct kind *k)
{
    return (int64_t)((double)k->cost_nano * k->share);
}

static void put_labels(struct json_out *w, const struct kind *k)
{
    json_key(w, "labels");
    json_begin_object(w);
    json_put_int(w, "device", k->device.n);
    json_put_int(w, "cloud", k->cloud.n);
    put_known(w, "device_good", k->device.n ? k->device.good / (double)k->device.n : -1);
    put_known(w, "cloud_good", k->cloud.n ? k->cloud.good / (double)k->cloud.n : -1);
    json_put_int(w, "needed", k->labels_needed);
    json_end_object(w);
}

static void put_kind(struct json_out *w, const struct migrate *m, const struct kind *k)
{
    char name[80];
    double moved = k->share * (double)k->from_cloud;
    kind_name(k, name);
    json_begin_object(w);
    json_put_c(w, "kind", name);
    json_put_c(w, "task", task_name((enum task)k->task));
    json_put_c(w, "size", size_names[k->size]);
    json_key(w, "needs");
    json_begin_array(w);
    for (size_t i = 0; i < ARRAY_LEN(need_names); i++) {
        if (k->needs & (1 << i)) {
            json_c(w, need_names[i]);
        }
    }
    json_end_array(w);
    json_put_int(w, "requests", k->from_cloud);
    put_known(w, "request_share", (double)k->from_cloud / (double)m->from_cloud);
    json_put_int(w, "mean_prompt_tokens", k->prompt_tokens / k->from_cloud);
    json_put_usd(w, "cost_usd", k->cost_known ? k->cost_nano : USD_UNKNOWN);
    put_known(w, "cost_share", weight(m, k) / whole_weight(m));
    json_put_c(w, "verdict", k->verdict);
    json_put_c(w, "evidence", k->evidence);
    json_put_c(w, "why", k->why);
    put_labels(w, k);
    put_known(w, "device_share", k->share);
    put_known(w, "quality", k->quality);
    put_known(w, "quality_low", k->quality_low);
    json_put_usd(w, "saving_usd", k->cost_known ? saving(k) : USD_UNKNOWN);
    json_key(w, "risk");
    json_begin_object(w);
    put_known(w, "worse_expected", k->quality < 0 ? -1 : MAX(1 - k->quality, 0) * moved);
    put_known(w, "worse_at_most", k->quality_low < 0 ? -1 : MAX(1 - k->quality_low, 0) * moved);
    json_end_object(w);
    json_end_object(w);
}

/* Which fifth of the kinds costs how much, and how many kinds make four fifths of the cost. */
static void put_pareto(struct json_out *w, const struct migrate *m, const struct ranked *kinds,
                       int n)
{
    int fifth = (int)ceil(PARETO_KINDS * n);
    int needed = 0;
    double top = 0;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double share = kinds[i].weight / whole_weight(m);
        top += i < fifth ? share : 0;
        needed += sum < PARETO_COST - 1e-9;
        sum += share;
    }
    json_key(w, "pareto");
    json_begin_object(w);
    json_put_int(w, "kinds", n);
    json_put_c(w, "by", m->cost_nano > 0 ? "cost" : "tokens");
    json_put_int(w, "top_fifth", fifth);
    put_known(w, "top_fifth_share", top);
    json_put_int(w, "kinds_for_80_percent", needed);
    json_key(w, "top");
    json_begin_array(w);
    for (int i = 0; i < MIN(needed, n); i++) {
        char name[80];
        kind_name(kinds[i].kind, name);
        json_c(w, name);
    }
    json_end_array(w);
    json_end_object(w);
}

static bool is(const struct kind *k, const char *verdict)
{
    return strcmp(k->verdict, verdict) == 0;
}

static void put_movable(struct json_out *w, const struct migrate *m, const struct ranked *kinds,
                        int n)
{
    double proven = 0;
    double hoped = 0;
    int64_t proven_nano = 0;
    int64_t hoped_nano = 0;
    int64_t unknown = 0;
    for (int i = 0; i < n; i++) {
        const struct kind *k = kinds[i].kind;
        double moved = k->share * (double)k->from_cloud;
        bool sure = is(k, "move");
        proven += sure ? moved : 0;
        proven_nano += sure ? saving(k) : 0;
        hoped += sure ? 0 : moved;
        hoped_nano += sure ? 0 : saving(k);
        unknown += is(k, "unknown") ? k->from_cloud : 0;
    }
    bool money = m->cost_nano > 0;
    json_key(w, "movable");
    json_begin_object(w);
    put_known(w, "proven_share", proven / (double)MAX(m->from_cloud, 1));
    json_put_usd(w, "proven_saving_usd", money ? proven_nano : USD_UNKNOWN);
    put_known(w, "likely_share", hoped / (double)MAX(m->from_cloud, 1));
    json_put_usd(w, "likely_saving_usd", money ? hoped_nano : USD_UNKNOWN);
    put_known(w, "unknown_share", (double)unknown / (double)MAX(m->from_cloud, 1));
    json_end_object(w);
}

void migrate_write(struct migrate *m, struct text *out)
{
    struct ranked *kinds = NEW_ARRAY(struct ranked, TASK_COUNT * SIZE_COUNT * NEEDS);
    int n = rank(m, kinds);
    bool missing = false;
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_int(&w, "requests", m->requests);
    json_put_int(&w, "cloud_requests", m->from_cloud);
    json_put_int(&w, "taught", m->taught);
    json_put_usd(&w, "cost_usd", m->cost_known ? m->cost_nano : USD_UNKNOWN);
    json_put_number(&w, "quality", m->o.quality);
    json_key(&w, "kinds");
    json_begin_array(&w);
    for (int i = 0; i < n; i++) {
        put_kind(&w, m, kinds[i].kind);
        missing |= is(kinds[i].kind, "unknown") || is(kinds[i].kind, "likely");
    }
    json_end_array(&w);
    put_pareto(&w, m, kinds, n);
    put_movable(&w, m, kinds, n);
    struct text advice;
    text_init(&advice, KIB);
    if (n > 0 && missing) {
        text_addf(&advice,
                  "labels are missing: put prompts of these kinds in a file and run "
                  "`weir calibrate --pair %s --prompts FILE --max-usd X`",
                  m->o.pair ? m->o.pair : "device,cloud");
    }
    json_put(&w, "advice", advice.len ? text_span(&advice) : SPAN_NONE);
    json_end_object(&w);
    text_done(&advice);
    mem_free(kinds);
}

/* ---- the terminal ---- */

static const char *colour_of(struct span verdict)
{
    return span_is(verdict, "move")                                 ? cli_green(STDOUT_FILENO)
           : span_is(verdict, "keep") || span_is(verdict, "cannot") ? cli_red(STDOUT_FILENO)
                                                                    : cli_dim(STDOUT_FILENO);
}

static void print_kind(const struct json *k)
{
    double usd;
    char cost[40] = "-";
    char save[40] = "-";
    if (json_to_f64(json_get(k, "cost_usd"), &usd)) {
        snprintf(cost, sizeof cost, "%.4f", usd);
    }
    if (json_to_f64(json_get(k, "saving_usd"), &usd) && usd > 0) {
        snprintf(save, sizeof save, "%.4f", usd);
    }
    struct span verdict = json_str(json_get(k, "verdict"));
    printf("  %-26.*s %8lld %10s %5.1f %% %10s  %s%-8.*s%s %.*s\n",
           SPAN_ARG(json_str(json_get(k, "kind"))),
           (long long)json_i64_or(json_get(k, "requests"), 0), cost,
           100 * json_f64_or(json_get(k, "cost_share"), 0), save, colour_of(verdict),
           SPAN_ARG(verdict), cli_reset(STDOUT_FILENO), SPAN_ARG(json_str(json_get(k, "why"))));
}

static void print_movable(const struct json *m)
{
    double usd;
    printf("\n%.0f %% of it could move for certain",
           100 * json_f64_or(json_get(m, "proven_share"), 0));
    if (json_to_f64(json_get(m, "proven_saving_usd"), &usd)) {
        printf(", saving %.4f USD", usd);
    }
    printf("; %.0f %% more probably", 100 * json_f64_or(json_get(m, "likely_share"), 0));
    if (json_to_f64(json_get(m, "likely_saving_usd"), &usd)) {
        printf(", saving %.4f USD", usd);
    }
    printf("; of %.0f %% nothing is known\n", 100 * json_f64_or(json_get(m, "unknown_share"), 0));
}

void migrate_print(const struct json *report, const char *since)
{
    int64_t cloud = json_i64_or(json_get(report, "cloud_requests"), 0);
    const struct json *pareto = json_get(report, "pareto");
    printf("%s%lld of %lld requests in the last %s were answered beyond this device%s\n",
           cli_bold(STDOUT_FILENO), (long long)cloud,
           (long long)json_i64_or(json_get(report, "requests"), 0), since,
           cli_reset(STDOUT_FILENO));
    if (cloud == 0) {
        return;
    }
    printf(
        "%lld of %lld kinds make 80 %% of the %s; the first fifth of the kinds makes %.0f %%\n\n",
        (long long)json_i64_or(json_get(pareto, "kinds_for_80_percent"), 0),
        (long long)json_i64_or(json_get(pareto, "kinds"), 0),
        span_is(json_str(json_get(pareto, "by")), "cost") ? "cost" : "tokens (nothing has a price)",
        100 * json_f64_or(json_get(pareto, "top_fifth_share"), 0));
    printf("  %-26s %8s %10s %7s %10s  %s\n", "kind", "requests", "cost USD", "share", "saving",
           "could the device?");
    for (struct json_iter it = json_iter(json_get(report, "kinds")); json_next(&it);) {
        if (it.index < ROWS_SHOWN) {
            print_kind(it.value);
        }
    }
    size_t kinds = json_len(json_get(report, "kinds"));
    if (kinds > ROWS_SHOWN) {
        printf("  … and %zu smaller ones (--json has all)\n", kinds - ROWS_SHOWN);
    }
    print_movable(json_get(report, "movable"));
    struct span advice = json_str(json_get(report, "advice"));
    if (advice.len) {
        printf("%.*s\n", SPAN_ARG(advice));
    }
}
