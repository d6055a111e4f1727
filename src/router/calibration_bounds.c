/* SPDX-License-Identifier: Apache-2.0 */
#include "router/calibration_bounds.h"

#include <math.h>

#define FRACTION_STEPS 2000
#define FRACTION_TINY 1e-300
#define FRACTION_DONE 1e-13
#define BISECTIONS 60

static double not_zero(double x)
{
    return fabs(x) < FRACTION_TINY ? FRACTION_TINY : x;
}

/* The continued fraction of the incomplete beta function (NIST DLMF 8.17.22), by Lentz's method; fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1;
    double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
    double fraction = d;
    for (int m = 1; m <= FRACTION_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / not_zero(1 + even * d);
        c = not_zero(1 + even / c);
        fraction *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / not_zero(1 + odd * d);
        c = not_zero(1 + odd / c);
        fraction *= d * c;
        if (fabs(d * c - 1) < FRACTION_DONE) {
            break;
        }
    }
    return fraction;
}

/* I_x(a, b), regularised. */
static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1) {
        return x > 0;
    }
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double binomial_cdf(int64_t k, int64_t n, double p)
{
    if (k < 0) {
        return 0;
    }
    if (k >= n) {
        return 1;
    }
    return incomplete_beta((double)(n - k), (double)k + 1, 1 - p); /* NIST DLMF 8.17.5 */
}

/* The p at which `factor` · P(Bin(n, p) <= k) falls to delta. */
static double upper(int64_t k, int64_t n, double factor, double delta)
{
    if (k >= n) {
        return 1;
    }
    if (k <= 0) { /* P = (1 - p)^n */
        return 1 - pow(delta / factor, 1 / (double)n);
    }
    double low = (double)k / (double)n;
    double high = 1;
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;
        if (factor * binomial_cdf(k, n, middle) > delta) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

double binomial_upper(int64_t k, int64_t n, double delta)
{
    return upper(k, n, 1, delta);
}

double mean_upper(double sum, int64_t n, double delta)
{
    return upper((int64_t)ceil(sum - 1e-9), n, exp(1), delta);
}
