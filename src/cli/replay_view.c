/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replay_view.h"

#include "cli/cli.h"
#include "config/config.h"
#include "router/calibration.h"
#include "json/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUP_PROMPTS 30 /* below that an APGR says nothing */
#define GROUPS_SHOWN 12

/* ---- measuring ---- */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure_time(struct replay_set *s)
{
    uint32_t *ns = NEW_ARRAY(uint32_t, s->n);
    for (size_t i = 0; i < s->n; i++) {
        ns[i] = s->results[i].ns;
    }
    qsort(ns, s->n, sizeof *ns, compare_u32);
    size_t p50 = (s->n - 1) / 2;
    size_t p99 = (s->n - 1) * 99 / 100;
    s->us_p50 = ns[p50] / 1000.0;
    s->us_p99 = ns[p99] / 1000.0;
    mem_free(ns);
}

static struct routed routed_by(const struct replay_item *it, double gain)
{
    return (struct routed){.gain = gain, .device = it->device, .cloud = it->cloud};
}

static void measure_baselines(struct replay_set *s, struct routed *r)
{
    for (size_t i = 0; i < s->n; i++) {
        r[i] = routed_by(&s->items[i], (double)s->items[i].bytes);
    }
    metrics_sort(r, s->n);
    metrics_of(r, NULL, s->n, &s->length);
    for (size_t i = 0; i < s->n; i++) {
        r[i] = routed_by(&s->items[i], s->items[i].cloud - s->items[i].device);
    }
    metrics_sort(r, s->n);
    for (size_t i = 0; i < s->n; i++) {
        r[i].gain = (double)i; /* equal differences are taken one after the other */
    }
    metrics_of(r, NULL, s->n, &s->oracle);
}

static void measure_group(struct replay_set *s, int group, double threshold, struct routed *room)
{
    struct replay_group *g = &s->group[group];
    struct metrics m;
    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i].group == group) {
            bool up = s->results[i].gain >= threshold;
            g->share += up;
            g->score += up ? s->items[i].cloud : s->items[i].device;
            room[g->n++] = routed_by(&s->items[i], s->results[i].gain);
        }
    }
    metrics_sort(room, g->n);
    metrics_of(room, NULL, g->n, &m);
    g->share /= (double)g->n;
    g->score /= (double)g->n;
    g->device = m.device;
    g->cloud = m.cloud;
    g->apgr = g->n >= GROUP_PROMPTS ? m.apgr : NAN;
}

static void measure_policy(struct replay_set *s, double threshold)
{
    size_t up = 0;
    double score = 0;
    for (size_t i = 0; i < s->n; i++) {
        bool cloud = threshold >= 1 || s->results[i].score < threshold;
        up += cloud;
        score += cloud ? s->items[i].cloud : s->items[i].device;
    }
    s->policy_share = (double)up / (double)s->n;
    s->policy_score = score / (double)s->n;
}

void replay_measure(struct replay_set *s, double threshold, int bootstraps)
{
    struct routed *r = NEW_ARRAY(struct routed, s->n);
    struct rng rng = {1};
    measure_time(s);
    measure_baselines(s, r);
    bool warm = s->replay.protocol == PROTOCOL_ONLINE && s->n >= 2 * ONLINE_WARM;
    if (warm) {
        for (size_t i = ONLINE_WARM; i < s->n; i++) {
            r[i - ONLINE_WARM] = routed_by(&s->items[i], s->results[i].gain);
        }
        metrics_sort(r, s->n - ONLINE_WARM);
        metrics_of(r, NULL, s->n - ONLINE_WARM, &s->warm);
    }
    for (size_t i = 0; i < s->n; i++) {
        r[i] = routed_by(&s->items[i], s->results[i].gain);
    }
    metrics_sort(r, s->n);
    metrics_of(r, NULL, s->n, &s->router);
    metrics_interval(r, s->n, bootstraps, &rng, s->interval);
    double middle = r[s->n / 2].gain;
    s->group = NEW_ARRAY(struct replay_group, s->groups);
    for (int g = 0; g < s->groups; g++) {
        measure_group(s, g, middle, r);
    }
    measure_policy(s, threshold);
    mem_free(r);
}

/* ---- the policy ---- */

bool replay_threshold(const char *config_path, double *out)
{
    struct config *c = NULL;
    struct text errors;
    text_init(&errors, 64 * KIB);
    if (config_load(config_path, &c, &errors)) {
        fputs(errors.data ? errors.data : "the config cannot be read\n", stderr);
        text_done(&errors);
        return false;
    }
    *out = c->threshold >= 0 ? c->threshold : calibration_default(c->quality);
    config_unref(c);
    text_done(&errors);
    return true;
}

/* ---- JSON ---- */

static double round4(double x)
{
    return isfinite(x) ? round(x * 1e4) / 1e4 : NAN;
}

static void put_measures(struct json_out *w, const struct metrics *m)
{
    json_put_number(w, "apgr", round4(m->apgr));
    json_put_number(w, "cpt50", round4(m->cpt50));
    json_put_number(w, "cpt80", round4(m->cpt80));
}

static void put_baseline(struct json_out *w, const char *name, const struct metrics *m)
{
    json_key(w, name);
    json_begin_object(w);
    put_measures(w, m);
    json_end_object(w);
}

/* Chance, as it is on average: the straight line between device and cloud. */
static struct metrics chance(const struct metrics *like)
{
    bool known = isfinite(like->apgr);
    return (struct metrics){
        .apgr = known ? 0.5 : NAN, .cpt50 = known ? 0.5 : NAN, .cpt80 = known ? 0.8 : NAN};
}

static void put_point(struct json_out *w, double share, double score)
{
    json_begin_array(w);
    json_number(w, round4(share));
    json_number(w, round4(score));
    json_end_array(w);
}

static void put_curve(struct json_out *w, const struct metrics *m)
{
    json_key(w, "curve");
    json_begin_array(w);
    for (int i = 0; i < m->points; i++) {
        put_point(w, m->share[i], m->score[i]);
        /* many equal gains make few points: the straight line between two is told as more of them */
        int more = i + 1 < m->points ? (METRICS_POINTS - 2) / (m->points - 1) : 0;
        for (int k = 1; m->points < METRICS_POINTS && k <= more; k++) {
            double share = m->share[i] + (m->share[i + 1] - m->share[i]) * k / (more + 1);
            put_point(w, share, metrics_score_at(m, share));
        }
    }
    json_end_array(w);
}

static void put_groups(struct json_out *w, const struct replay_set *s)
{
    json_key(w, "groups");
    json_begin_array(w);
    for (int i = 0; s->groups > 1 && i < s->groups; i++) {
        const struct replay_group *g = &s->group[i];
        json_begin_object(w);
        json_put_c(w, "group", s->group_names[i]);
        json_put_int(w, "n", (int64_t)g->n);
        json_put_number(w, "device_score", round4(g->device));
        json_put_number(w, "cloud_score", round4(g->cloud));
        json_put_number(w, "cloud_share", round4(g->share));
        json_put_number(w, "score", round4(g->score));
        json_put_number(w, "apgr", round4(g->apgr));
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_set(struct json_out *w, const struct replay_set *s, double threshold)
{
    json_begin_object(w);
    json_put_c(w, "set", s->name);
    json_put_int(w, "n", (int64_t)s->n);
    json_key(w, "pairs");
    json_begin_object(w);
    json_put_c(w, "device", s->device);
    json_put_c(w, "cloud", s->cloud);
    json_end_object(w);
    json_put_number(w, "device_score", round4(s->router.device));
    json_put_number(w, "cloud_score", round4(s->router.cloud));
    json_key(w, "router");
    json_begin_object(w);
    put_measures(w, &s->router);
    json_key(w, "apgr_ci");
    put_point(w, s->interval[0], s->interval[1]);
    json_end_object(w);
    if (s->warm.points) {
        put_baseline(w, "router_after_5000", &s->warm);
    }
    struct metrics random = chance(&s->router);
    json_key(w, "baselines");
    json_begin_object(w);
    put_baseline(w, "random", &random);
    put_baseline(w, "length", &s->length);
    put_baseline(w, "oracle", &s->oracle);
    json_end_object(w);
    put_curve(w, &s->router);
    put_groups(w, s);
    if (threshold >= 0) {
        json_key(w, "policy");
        json_begin_object(w);
        json_put_number(w, "threshold", round4(threshold));
        json_put_number(w, "cloud_share", round4(s->policy_share));
        json_put_number(w, "score", round4(s->policy_score));
        json_end_object(w);
    }
    json_put_number(w, "us_per_decision_p50", round4(s->us_p50));
    json_put_number(w, "us_per_decision_p99", round4(s->us_p99));
    json_end_object(w);
}

static void print_json(const struct replay_output *o, enum protocol protocol,
                       const struct replay_set *const *sets, int count)
{
    struct text t;
    text_init(&t, 64 * MIB);
    struct json_out w = json_out(&t);
    json_begin_object(&w);
    json_put_c(&w, "protocol", protocol_name(protocol));
    int folds = 0;
    for (int i = 0; i < count; i++) {
        folds = MAX(folds, replay_folds(&sets[i]->replay));
    }
    json_put_int(&w, "folds", folds);
    json_key(&w, "sets");
    json_begin_array(&w);
    for (int i = 0; i < count; i++) {
        put_set(&w, sets[i], o->threshold);
    }
    json_end_array(&w);
    json_end_object(&w);
    puts(t.data);
    text_done(&t);
}

/* ---- for people ---- */

static void print_row(const char *name, const struct metrics *m, const double *interval)
{
    struct text bar;
    text_init(&bar, 256);
    cli_bar(&bar, m->apgr, 24);
    printf("  %-14s %6.3f ", name, m->apgr);
    if (interval) {
        printf("%.3f–%.3f ", interval[0], interval[1]);
    } else {
        printf("%12s", "");
    }
    printf("%6.1f %% %6.1f %%  %s\n", m->cpt50 * 100, m->cpt80 * 100, bar.data ? bar.data : "");
    text_done(&bar);
}

static void print_groups(const struct replay_set *s)
{
    if (s->groups < 2) {
        return;
    }
    printf("\n  %-32s %6s %7s %7s %8s %7s %6s\n", "group, at half of all to the cloud", "n",
           "device", "cloud", "to cloud", "score", "APGR");
    for (int i = 0; i < MIN(s->groups, GROUPS_SHOWN); i++) {
        const struct replay_group *g = &s->group[i];
        char apgr[16] = "-";
        if (isfinite(g->apgr)) {
            (void)snprintf(apgr, sizeof apgr, "%.2f", g->apgr);
        }
        printf("  %-32.32s %6zu %7.3f %7.3f %6.0f %% %7.3f %6s\n", s->group_names[i], g->n,
               g->device, g->cloud, g->share * 100, g->score, apgr);
    }
    if (s->groups > GROUPS_SHOWN) {
        printf("  … and %d more (--json has all)\n", s->groups - GROUPS_SHOWN);
    }
}

static void print_set(const struct replay_set *s, enum protocol protocol, double threshold)
{
    printf("%s%s%s  %zu prompts, %s\n", cli_bold(STDOUT_FILENO), s->name, cli_reset(STDOUT_FILENO),
           s->n, protocol_name(protocol));
    printf("  device %s scores %.3f, cloud %s %.3f\n\n", s->device, s->router.device, s->cloud,
           s->router.cloud);
    printf("  %-14s %6s %12s %8s %8s\n", "", "APGR", "95 %", "CPT(50)", "CPT(80)");
    struct metrics random = chance(&s->router);
    print_row("router", &s->router, s->interval);
    if (s->warm.points) {
        print_row("  after 5000", &s->warm, NULL);
    }
    print_row("random", &random, NULL);
    print_row("prompt length", &s->length, NULL);
    print_row("oracle", &s->oracle, NULL);
    print_groups(s);
    if (threshold >= 0) {
        printf("\n  policy: threshold %.2f sends %.0f %% to the cloud and scores %.3f\n", threshold,
               s->policy_share * 100, s->policy_score);
    }
    printf("\n  a decision takes %.1f µs (p99 %.1f µs)\n\n", s->us_p50, s->us_p99);
}

static int write_svg(const char *path, enum protocol protocol, const struct replay_set *const *sets,
                     int count)
{
    struct text t;
    text_init(&t, 16 * MIB);
    replay_svg(protocol, sets, count, &t);
    FILE *f = fopen(path, "we");
    bool fine = f && !t.overflow && fwrite(t.data, 1, t.len, f) == t.len;
    fine = f && fclose(f) == 0 && fine;
    text_done(&t);
    return fine ? CLI_OK : cli_fail("%s: %s", path, strerror(errno));
}

int replay_show(const struct replay_output *o, enum protocol protocol,
                const struct replay_set *const *sets, int count)
{
    if (o->json) {
        print_json(o, protocol, sets, count);
    }
    for (int i = 0; !o->json && i < count; i++) {
        print_set(sets[i], protocol, o->threshold);
    }
    return o->svg ? write_svg(o->svg, protocol, sets, count) : CLI_OK;
}
