/* SPDX-License-Identifier: Apache-2.0 */
/* The fast passes over the vocabulary against the plain formulas. */
#include "llama/sample.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { VOCABULARY_MAX = 3000 };
static float logits[VOCABULARY_MAX];

static void fill(struct rng *rng, int32_t n, double spread)
{
    for (int32_t i = 0; i < n; i++) {
        logits[i] = (float)((rng_unit(rng) - 0.5) * spread);
    }
}

static void test_sums_and_entropy_are_right(void **state)
{
    (void)state;
    struct rng rng = {7};
    static const double spreads[] = {0, 1e-3, 5, 40, 400};
    for (int round = 0; round < 200; round++) {
        int32_t n = 1 + (int32_t)rng_below(&rng, VOCABULARY_MAX);
        fill(&rng, n, spreads[round % 5]);
        struct logit_facts f;
        logits_measure(logits, n, &f);
        int32_t best = 0;
        double second = -INFINITY;
        double sum = 0;
        double weighted = 0;
        for (int32_t i = 1; i < n; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        for (int32_t i = 0; i < n; i++) {
            second = i != best ? fmax(second, (double)logits[i]) : second;
            double x = (double)logits[i] - (double)logits[best];
            sum += exp(x);
            weighted += x * exp(x);
        }
        assert_int_equal(f.best, best);
        assert_true(f.max == logits[best]);
        assert_true(n == 1 || (double)f.second == second);
        assert_true(fabs(f.log_sum - ((double)logits[best] + log(sum))) < 2e-5);
        assert_true(fabs(f.entropy - (log(sum) - weighted / sum)) < 1e-4);
    }
}

static void test_the_largest_come_in_order(void **state)
{
    (void)state;
    struct rng rng = {8};
    for (int round = 0; round < 100; round++) {
        int32_t n = 1 + (int32_t)rng_below(&rng, VOCABULARY_MAX);
        fill(&rng, n, 10);
        int32_t top[TOP_LOGPROBS_MAX];
        int count = logits_top(logits, n, TOP_LOGPROBS_MAX, top);
        assert_int_equal(count, MIN(n, TOP_LOGPROBS_MAX));
        int larger = 0;
        for (int32_t i = 0; i < n; i++) {
            larger += logits[i] > logits[top[count - 1]];
        }
        assert_int_equal(larger, count - 1);
        for (int i = 1; i < count; i++) {
            assert_true(logits[top[i - 1]] >= logits[top[i]]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_and_entropy_are_right),
        cmocka_unit_test(test_the_largest_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
