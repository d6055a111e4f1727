/* SPDX-License-Identifier: Apache-2.0 */
/* RouteLLM's measures against cases worked out by hand. */
#include "router/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

/*
 * Eleven prompts with gains 0..10, so that the edges of ten bins are the gains themselves. The device is
 * right on the five of lowest gain and the cloud on the six of highest, so that at edge i (i < 10) the prompts i..10 go to
 * the cloud: share (11 − i) / 11, score (min(i, 5) + min(11 − i, 6)) / 11; after the last edge nobody does.
 */
static void eleven_prompts_by_hand(void **state)
{
    (void)state;
    struct routed r[11];
    struct metrics m;
    for (int i = 0; i < 11; i++) {
        r[i] = (struct routed){.gain = i, .device = i < 5, .cloud = i >= 5};
    }
    metrics_of(r, NULL, 11, &m);
    assert_int_equal(m.points, 11);
    NEAR(m.device, 5.0 / 11);
    NEAR(m.cloud, 6.0 / 11);
    /* points by rising share: 0/11 → 5, 2/11 → 7, 3 → 8, 4 → 9, 5 → 10, 6 → 11, 7 → 10, … 11 → 6 (elevenths).
     * Above the last edge (gain > 10) nobody is left; at the ninth edge (gain >= 9) two are. */
    NEAR(m.share[0], 0);
    NEAR(m.score[0], 5.0 / 11);
    NEAR(m.share[1], 2.0 / 11);
    NEAR(m.score[1], 7.0 / 11);
    NEAR(m.share[5], 6.0 / 11);
    NEAR(m.score[5], 1);
    NEAR(m.share[10], 1);
    NEAR(m.score[10], 6.0 / 11);
    /* trapezoids in 1/121: 2·6 + 7.5 + 8.5 + 9.5 + 10.5 + 10.5 + 9.5 + 8.5 + 7.5 + 6.5 = 90.5 */
    NEAR(m.apgr, (90.5 / 121 - 5.0 / 11) / (1.0 / 11));
}

/* np.interp(0.5 of the way) on a curve that rises straight: the share itself. */
static void chance_is_one_half(void **state)
{
    (void)state;
    struct routed r[1000];
    struct metrics m;
    for (int i = 0; i < 1000; i++) {
        r[i] = (struct routed){.gain = i, .device = 0.25, .cloud = 0.75};
    }
    metrics_of(r, NULL, 1000, &m);
    NEAR(m.apgr, 0.5);
    NEAR(m.cpt50, 0.5);
    NEAR(m.cpt80, 0.8);
    NEAR(metrics_score_at(&m, 0.3), 0.25 + 0.5 * 0.3);
}

/* Four gains only: qcut's edges at positions 0, 0.3, 0.6 … 3 of (1, 2, 3, 4): 1, 1.3, 1.6, 1.9, 2.2, 2.5, 2.8, 3.1, 3.4, 3.7, 4. */
static void edges_are_interpolated(void **state)
{
    (void)state;
    const struct routed r[] = {{1, 1, 1}, {2, 0, 1}, {3, 0, 1}, {4, 0, 1}};
    struct metrics m;
    metrics_of(r, NULL, 4, &m);
    assert_int_equal(m.points, 11);
    NEAR(m.share[0], 0);
    NEAR(m.share[1], 0.25); /* >= 3.7 */
    NEAR(m.share[3], 0.25); /* >= 3.1 */
    NEAR(m.share[4], 0.5);  /* >= 2.8 */
    NEAR(m.share[9], 0.75); /* >= 1.3 */
    NEAR(m.share[10], 1);
    /* 1/4 · (0.25 + 0.5)/2 + 1/4 · (0.5 + 0.75)/2 + 1/4 · (0.75 + 1)/2 + 1/4 · 1 = 0.71875; of 0.25 … 1 */
    NEAR(m.apgr, (0.71875 - 0.25) / 0.75);
    NEAR(m.cpt50, 0.375); /* score 0.625, half-way between 0.5 and 0.75 */
    NEAR(m.cpt80, 0.6);   /* score 0.85 between 0.75 (share 0.5) and 1 (share 0.75) */
}

static void equal_gains_make_one_edge(void **state)
{
    (void)state;
    struct routed r[20];
    struct metrics m;
    for (int i = 0; i < 20; i++) {
        r[i] = (struct routed){.gain = i < 15 ? 0 : 1, .device = 0, .cloud = i >= 15};
    }
    metrics_of(r, NULL, 20, &m);
    /* edges 0 (eight times), 1 (three times); the last one is "above", so >= 1 is no point of its own: all or none */
    assert_int_equal(m.points, 2);
    NEAR(m.apgr, 0.5);
    for (int i = 0; i < 20; i++) {
        r[i].gain = 3;
    }
    metrics_of(r, NULL, 20, &m);
    assert_int_equal(m.points, 2);
    NEAR(m.apgr, 0.5);
}

static void counting_twice_is_like_being_there_twice(void **state)
{
    (void)state;
    struct routed once[5];
    struct routed twice[8];
    const uint16_t times[5] = {1, 3, 0, 2, 2};
    struct metrics a;
    struct metrics b;
    int n = 0;
    for (int i = 0; i < 5; i++) {
        once[i] = (struct routed){.gain = i * i, .device = i % 2, .cloud = 0.2 * i};
        for (int k = 0; k < times[i]; k++) {
            twice[n++] = once[i];
        }
    }
    metrics_of(once, times, 5, &a);
    metrics_of(twice, NULL, (size_t)n, &b);
    assert_int_equal(a.points, b.points);
    NEAR(a.apgr, b.apgr);
    for (int i = 0; i < a.points; i++) {
        NEAR(a.share[i], b.share[i]);
        NEAR(a.score[i], b.score[i]);
    }
}

static void no_gap_means_no_figure(void **state)
{
    (void)state;
    const struct routed r[] = {{1, 0.5, 0.5}, {2, 0.5, 0.5}};
    struct metrics m;
    metrics_of(r, NULL, 2, &m);
    assert_true(isnan(m.apgr) && isnan(m.cpt50) && isnan(m.cpt80));
    metrics_of(r, NULL, 1, &m);
    assert_true(isnan(m.apgr));
}

static void sorting_keeps_equals_in_order(void **state)
{
    (void)state;
    struct routed r[] = {{3, 0, 0}, {1, 1, 0}, {1, 2, 0}, {2, 0, 0}, {1, 3, 0}};
    metrics_sort(r, 5);
    for (int i = 0; i < 3; i++) {
        assert_true(r[i].gain == 1 && r[i].device == i + 1);
    }
    assert_true(r[3].gain == 2 && r[4].gain == 3);
}

/* The interval holds the figure, and narrows with the number of prompts. */
static void the_interval_is_honest(void **state)
{
    (void)state;
    static struct routed r[2000];
    struct rng rng = {3};
    double narrow[2];
    double wide[2];
    struct metrics m;
    for (int i = 0; i < 2000; i++) {
        double gain = rng_unit(&rng);
        r[i] = (struct routed){
            .gain = gain, .device = rng_unit(&rng) > gain, .cloud = rng_unit(&rng) < 0.9};
    }
    metrics_interval(r, 200, 200, &rng,
                     wide); /* the first 200 are in no order: only the width counts */
    metrics_sort(r, 2000);
    metrics_of(r, NULL, 2000, &m);
    metrics_interval(r, 2000, 200, &rng, narrow);
    assert_true(narrow[0] < m.apgr && m.apgr < narrow[1]);
    assert_true(narrow[1] - narrow[0] < 0.15);
    assert_true(m.apgr > 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eleven_prompts_by_hand),
        cmocka_unit_test(chance_is_one_half),
        cmocka_unit_test(edges_are_interpolated),
        cmocka_unit_test(equal_gains_make_one_edge),
        cmocka_unit_test(counting_twice_is_like_being_there_twice),
        cmocka_unit_test(no_gap_means_no_figure),
        cmocka_unit_test(sorting_keeps_equals_in_order),
        cmocka_unit_test(the_interval_is_honest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
