/* SPDX-License-Identifier: Apache-2.0 */
#include "router/calibration.h"

#include "base/rng.h"
#include "router/calibration_bounds.h"
#include "router/calibration_quantile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void near(double got, double wanted, double within)
{
    if (!(fabs(got - wanted) <= within)) {
        fail_msg("%.9f is not %.9f", got, wanted);
    }
}

/* ---- bounds ---- */

static double choose(int n, int k)
{
    double c = 1;
    for (int i = 0; i < k; i++) {
        c = c * (n - i) / (i + 1);
    }
    return c;
}

static void test_binomial_cdf_is_the_sum(void **state)
{
    (void)state;
    for (int n = 1; n <= 30; n += 7) {
        for (int k = 0; k < n; k++) {
            for (double p = 0.01; p < 1; p += 0.07) {
                double sum = 0;
                for (int i = 0; i <= k; i++) {
                    sum += choose(n, i) * pow(p, i) * pow(1 - p, n - i);
                }
                near(binomial_cdf(k, n, p), sum, 1e-9);
            }
        }
    }
}

static void test_clopper_pearson(void **state)
{
    (void)state;
    /* nothing in n tries: 1 - delta^(1/n) */
    near(binomial_upper(0, 10, 0.05), 1 - pow(0.05, 1.0 / 10), 1e-9);
    near(binomial_upper(0, 59, 0.05), 0.0495076, 1e-7);
    /* the tables of Clopper and Pearson, upper end of the 90 % interval (5 % on each side) */
    near(binomial_upper(1, 10, 0.05), 0.3942, 5e-5);
    near(binomial_upper(5, 10, 0.05), 0.7776, 5e-5);
    /* all: anything is possible */
    assert_true(binomial_upper(10, 10, 0.05) == 1);
    assert_true(binomial_upper(0, 0, 0.05) == 1);
    /* many */
    near(binomial_upper(500, 10000, 0.05), 0.05374, 5e-5);
}

static void test_mean_upper_is_wider(void **state)
{
    (void)state;
    /* 0 of 100: e (1 - p)^100 = 0.05 */
    near(mean_upper(0, 100, 0.05), 1 - pow(0.05 / exp(1), 1.0 / 100), 1e-9);
    assert_true(mean_upper(3.2, 100, 0.05) == mean_upper(4, 100, 0.05)); /* rounded up */
    assert_true(mean_upper(3, 100, 0.05) > binomial_upper(3, 100, 0.05));
}

/* ---- isotonic, reliability ---- */

static void test_isotonic_pools_violators(void **state)
{
    (void)state;
    /* 0.6 before 0.2 pools to 0.4, which the next 0.4 joins */
    struct labelled items[] = {{0.1, 0.1}, {0.2, 0.2}, {0.3, 0.6}, {0.4, 0.2}, {0.5, 0.4}};
    struct isotonic fit;
    isotonic_fit(items, 5, &fit);
    assert_int_equal(fit.count, 4);
    near(fit.p[0], 0.1, 1e-12);
    near(fit.p[1], 0.2, 1e-12);
    near(fit.p[2], 0.4, 1e-12);
    near(fit.p[3], 0.4, 1e-12);
    near(fit.value[2], 0.3, 1e-12);
    near(fit.value[3], 0.5, 1e-12);
    near(isotonic_at(&fit, 0.0), 0.1, 1e-12);
    near(isotonic_at(&fit, 0.25), 0.3, 1e-12); /* half-way between the steps */
    near(isotonic_at(&fit, 0.9), 0.4, 1e-12);
}

static void test_isotonic_keeps_ties_and_means(void **state)
{
    (void)state;
    struct labelled items[] = {{0.5, 1}, {0.5, 0}, {0.5, 1}, {0.7, 1}};
    struct isotonic fit;
    isotonic_fit(items, 4, &fit);
    assert_int_equal(fit.count, 2);
    near(fit.p[0], 2.0 / 3, 1e-12);
    isotonic_fit(items, 0, &fit);
    near(isotonic_at(&fit, 0.42), 0.42, 0); /* nothing known: the score itself */
}

static void test_isotonic_of_many_rises(void **state)
{
    (void)state;
    struct labelled items[2000];
    struct rng rng;
    rng.state = 7;
    for (int i = 0; i < 2000; i++) {
        items[i].value = i / 2000.0;
        items[i].quality = rng_unit(&rng) < items[i].value * items[i].value;
    }
    struct isotonic fit;
    isotonic_fit(items, 2000, &fit);
    assert_true(fit.count > 10 && fit.count <= ISOTONIC_MAX);
    for (int i = 1; i < fit.count; i++) {
        assert_true(fit.p[i] >= fit.p[i - 1] && fit.value[i] > fit.value[i - 1]);
    }
    near(isotonic_at(&fit, 0.7), 0.49, 0.1);
    /* the raw score is off by E|x - x²| = 1/6, the fitted one is not */
    struct reliability r;
    reliability_measure(items, 2000, &r);
    near(r.ece, 1.0 / 6, 0.03);
    assert_true(isotonic_ece(items, 2000) < 0.05);
}

static void test_reliability_by_hand(void **state)
{
    (void)state;
    struct labelled items[] = {{0.05, 0}, {0.95, 1}, {0.91, 0}, {1.0, 1}};
    struct reliability r;
    reliability_measure(items, 4, &r);
    assert_int_equal(r.bins[0].n, 1);
    assert_int_equal(r.bins[9].n, 3); /* 1.0 belongs to the last */
    near(r.bins[9].quality, 2.0 / 3, 1e-12);
    near(r.ece, 0.25 * 0.05 + 0.75 * fabs(2.86 / 3 - 2.0 / 3), 1e-12);
}

/* ---- the table and the choice ---- */

static void test_table_by_hand(void **state)
{
    (void)state;
    struct calibration_label labels[] = {
        {0.9, 1, 1}, /* kept well */
        {0.2, 0, 1}, /* spoilt */
        {0.6, 1, 0}, /* only the device knows */
        {0.4, 0, 0},
    };
    struct calibration c;
    calibration_make(labels, 4, &c);
    assert_int_equal(c.points_count, 5);
    const struct calibration_point *p = c.points;
    near(p[0].threshold, 0, 0);
    near(p[0].cloud_share, 0, 0);
    near(p[0].quality, 1, 1e-12); /* two right answers of the device, two of the cloud */
    near(p[1].threshold, 0.3, 1e-12);
    near(p[1].cloud_share, 0.25, 1e-12);
    near(p[1].quality, 1.5, 1e-12);
    near(p[3].threshold, 0.75, 1e-12);
    near(p[4].threshold, 1, 0);
    near(p[4].quality, 1, 1e-12);
    near(p[4].quality_low, 1, 0);
    /* of the cloud's two right answers none or one is spoilt */
    near(p[1].quality_low, 1 - binomial_upper(0, 2, 0.05), 1e-12);
    near(p[0].quality_low, 1 - binomial_upper(1, 2, 0.05), 1e-12);
    near(c.device, 0.5, 1e-12);
    near(c.cloud, 0.5, 1e-12);
    near(calibration_at(&c, 0.5).cloud_share, 0.5, 1e-12);
    near(calibration_at(&c, 0.55).cloud_share, 0.75, 1e-12); /* no label tells 0.55 from 0.6 */
}

static void test_59_labels_are_enough_for_95_percent(void **state)
{
    (void)state;
    struct calibration_label labels[59];
    for (int i = 0; i < 59; i++) {
        labels[i] = (struct calibration_label){0.5 + i / 200.0, 1, 1};
    }
    struct calibration c;
    struct calibration_choice choice;
    calibration_make(labels, 50, &c);
    calibration_choose(&c, 0.95, &choice);
    assert_false(choice.supported);
    assert_int_equal(choice.more_labels, 9);                /* 0.95^59 < 0.05 */
    near(choice.point.threshold, THRESHOLD_DEFAULT, 1e-12); /* never below the careful default */
    calibration_make(labels, 59, &c);
    calibration_choose(&c, 0.95, &choice);
    assert_true(choice.supported);
    assert_int_equal(choice.more_labels, 0);
    near(choice.point.threshold, 0, 0);
    near(choice.point.cloud_share, 0, 0);
    calibration_choose(&c, 1.0, &choice);
    assert_false(choice.supported);
    assert_int_equal(choice.more_labels, -1);
}

static void test_nothing_known_is_the_default(void **state)
{
    (void)state;
    struct calibration c;
    struct calibration_choice choice;
    calibration_make(NULL, 0, &c);
    calibration_choose(&c, 0.95, &choice);
    assert_false(choice.supported);
    assert_int_equal(choice.more_labels, 59);
    near(choice.point.threshold, 0.60, 1e-12);
    assert_true(choice.point.cloud_share < 0);
    calibration_choose(&c, 0.475, &choice);
    near(choice.point.threshold, 0.30, 1e-12);
}

static void test_what_is_unknown_counts_against_the_device(void **state)
{
    (void)state;
    struct calibration_label labels[200];
    for (int i = 0; i < 200;
         i++) { /* the cloud answered the lower half: nobody knows the device there */
        labels[i] = (struct calibration_label){i / 200.0, i < 100 ? -1 : 1, i < 100 ? 1 : -1};
    }
    struct calibration c;
    struct calibration_choice choice;
    calibration_make(labels, 200, &c);
    assert_int_equal(c.assumed, 200);
    calibration_choose(&c, 0.95, &choice);
    assert_true(choice.supported);
    assert_true(choice.point.threshold > 0.45 && choice.point.threshold < 0.5);
    near(c.device, 1, 0);
}

static void test_a_device_that_spoils_everything_leaves_the_cloud(void **state)
{
    (void)state;
    struct calibration_label labels[300];
    for (int i = 0; i < 300; i++) {
        labels[i] = (struct calibration_label){i / 300.0, 0, 1};
    }
    struct calibration c;
    struct calibration_choice choice;
    calibration_make(labels, 300, &c);
    calibration_choose(&c, 0.95, &choice);
    assert_true(choice.supported);
    assert_true(choice.point.cloud_share > 0.95);
    calibration_choose(&c, 0.99, &choice);
    assert_true(choice.point.cloud_share > 0.99);
}

static void test_one_value_for_all_is_all_or_nothing(void **state)
{
    (void)state;
    struct calibration_label labels[400];
    for (int i = 0; i < 400; i++) {
        labels[i] = (struct calibration_label){0.5, i % 2, 1};
    }
    struct calibration c;
    calibration_make(labels, 400, &c);
    assert_int_equal(c.points_count, 2);
    struct calibration_choice choice;
    calibration_choose(&c, 0.95, &choice);
    near(choice.point.threshold, 1, 0);
    calibration_choose(&c, 0.3, &choice);
    near(choice.point.threshold, 0, 0);
}

static void test_many_labels_fit_the_table(void **state)
{
    (void)state;
    for (int n = 190; n < 800; n += 7) {
        struct calibration_label *labels = NEW_ARRAY(struct calibration_label, n);
        for (int i = 0; i < n; i++) {
            labels[i] = (struct calibration_label){i / 1000.0, i % 3 > 0, 1};
        }
        struct calibration c;
        calibration_make(labels, n, &c);
        assert_in_range(c.points_count, 90, CALIBRATION_POINTS_MAX);
        for (int i = 1; i < c.points_count; i++) {
            assert_true(c.points[i].threshold > c.points[i - 1].threshold);
            assert_true(c.points[i].cloud_share > c.points[i - 1].cloud_share);
            assert_true(c.points[i].quality_low >= c.points[i - 1].quality_low);
        }
        mem_free(labels);
    }
}

/* The promise itself: of 400 users who calibrate, at most 5 % (and a little chance) get less than they asked for. */
static void promise_holds(bool graded, int n, double wish, double least_kept)
{
    struct rng rng = {.state = (uint64_t)n + graded};
    struct calibration_label *labels = NEW_ARRAY(struct calibration_label, n);
    int broken = 0;
    int runs = 400;
    double kept = 0;
    for (int run = 0; run < runs; run++) {
        for (int i = 0; i < n; i++) {
            double x = rng_unit(&rng);
            bool good = rng_unit(&rng) < pow(x, 0.15);
            bool cloud = rng_unit(&rng) < 0.9;
            labels[i] = (struct calibration_label){x, graded && !good ? 0.5 * rng_unit(&rng) : good,
                                                   graded && !cloud ? 0.6 : cloud};
        }
        struct calibration c;
        struct calibration_choice choice;
        calibration_make(labels, n, &c);
        calibration_choose(&c, wish, &choice);
        double t = choice.point.threshold;
        kept += 1 - choice.point.cloud_share;
        /* in truth, above t: E[cloud − device], with x in t..1 and P(good) = x^0.15 */
        double good = (1 - pow(t, 1.15)) / 1.15;
        double bad = 1 - t - good;
        double device = good + (graded ? 0.25 * bad : 0);
        double cloud = graded ? 0.96 : 0.9;
        broken += 1 - ((1 - t) * cloud - device) / cloud < wish;
    }
    mem_free(labels);
    assert_in_range(broken, 0, 29); /* 400 · 5 % = 20; 29 is two deviations more */
    assert_true(kept / runs > least_kept);
}

static void test_the_promise_holds(void **state)
{
    (void)state;
    promise_holds(false, 300, 0.9, 0.7);
    promise_holds(true, 300, 0.9, 0.6);
    promise_holds(false, 600, 0.97, 0.5); /* with what only the device gets right */
    promise_holds(true, 600, 0.97, 0.3);
}

static void test_gains_count_where_they_are_certain(void **state)
{
    (void)state;
    /* in every ten prompts the device spoils one and gains one */
    struct calibration_label labels[1000];
    struct calibration few;
    struct calibration many;
    for (int i = 0; i < 1000; i++) {
        labels[i] = (struct calibration_label){(i * 7 % 1000) / 1000.0, i % 10 != 0, i % 10 != 1};
    }
    calibration_make(labels, 300, &few);
    near(few.points[0].quality, 1, 1e-9);
    near(few.points[0].quality_low, 1 - binomial_upper(30, 270, 0.05), 1e-9);
    calibration_make(labels, 1000, &many);
    double spoilt = binomial_upper(100, 900, 0.04);
    double gained = (1 - binomial_upper(900, 1000, 0.005)) / binomial_upper(900, 1000, 0.005);
    near(many.points[0].quality_low, 1 - spoilt + gained, 1e-9);
    assert_true(many.points[0].quality_low > few.points[0].quality_low + 0.05);
}

/* ---- running quantile ---- */

static void test_quantile_follows_its_window(void **state)
{
    (void)state;
    struct quantile *q = NEW(struct quantile);
    for (int i = 0; i < QUANTILE_LEAST - 1; i++) {
        quantile_add(q, 0.5);
    }
    near(quantile_threshold(q, 0.3), -1, 0);
    struct rng rng;
    rng.state = 3;
    for (int i = 0; i < 3 * QUANTILE_WINDOW; i++) {
        quantile_add(q, rng_unit(&rng));
    }
    assert_int_equal(q->count, QUANTILE_WINDOW);
    near(quantile_threshold(q, 0.3), 0.3, 0.05);
    int below = 0;
    for (int i = 0; i < q->count; i++) {
        below += q->ring[i] < quantile_threshold(q, 0.3);
        assert_true(i == 0 || q->sorted[i] >= q->sorted[i - 1]);
    }
    assert_int_equal(below, (int)(0.3 * QUANTILE_WINDOW));
    near(quantile_threshold(q, 0), 0, 0);
    near(quantile_threshold(q, 1), 1, 0);
    for (int i = 0; i < QUANTILE_WINDOW; i++) { /* traffic changes */
        quantile_add(q, 0.9 + 0.1 * rng_unit(&rng));
        quantile_add(q, NAN);
    }
    assert_true(quantile_threshold(q, 0.3) > 0.9);
    mem_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binomial_cdf_is_the_sum),
        cmocka_unit_test(test_clopper_pearson),
        cmocka_unit_test(test_mean_upper_is_wider),
        cmocka_unit_test(test_isotonic_pools_violators),
        cmocka_unit_test(test_isotonic_keeps_ties_and_means),
        cmocka_unit_test(test_isotonic_of_many_rises),
        cmocka_unit_test(test_reliability_by_hand),
        cmocka_unit_test(test_table_by_hand),
        cmocka_unit_test(test_59_labels_are_enough_for_95_percent),
        cmocka_unit_test(test_nothing_known_is_the_default),
        cmocka_unit_test(test_what_is_unknown_counts_against_the_device),
        cmocka_unit_test(test_a_device_that_spoils_everything_leaves_the_cloud),
        cmocka_unit_test(test_one_value_for_all_is_all_or_nothing),
        cmocka_unit_test(test_many_labels_fit_the_table),
        cmocka_unit_test(test_the_promise_holds),
        cmocka_unit_test(test_gains_count_where_they_are_certain),
        cmocka_unit_test(test_quantile_follows_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
