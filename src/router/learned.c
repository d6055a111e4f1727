/* SPDX-License-Identifier: Apache-2.0 */
#include "router/learned.h"

#include "router/prior.h"

#include <math.h>

static double familiar_share(double novelty)
{
    double past = (novelty - LEARNED_FAMILIAR) / (LEARNED_STRANGE - LEARNED_FAMILIAR);
    return 1 - fmin(fmax(past, 0), 1);
}

static double blend(double prior, double learned, double weight)
{
    return prior * (1 - weight) + learned * weight;
}

struct score learned_score(const struct heads *heads, const struct features *f)
{
    struct score s = {.learned_device = -1, .learned_cloud = -1, .source = "prior", .novelty = 1};
    prior_score(f, &s.prior_device, &s.prior_cloud);
    s.p_device = s.prior_device;
    s.p_cloud = s.prior_cloud;
    struct head_sums h = {.labels_device = 0};
    if (heads) {
        heads_read(heads, f, &h);
    }
    if (h.labels_device + h.labels_cloud <= 0) {
        return s;
    }
    double familiar = familiar_share(h.novelty);
    double of_device = familiar * h.labels_device / (h.labels_device + HEADS_N0);
    double of_cloud = familiar * h.labels_cloud / (h.labels_cloud + HEADS_N0);
    s.prior_device = h.prior_device;
    s.prior_cloud = h.prior_cloud;
    s.p_device = blend(s.prior_device, h.device, of_device);
    s.p_cloud = blend(s.prior_cloud, h.cloud, of_cloud);
    s.learned_device = h.labels_device > 0 ? h.device : -1;
    s.learned_cloud = h.labels_cloud > 0 ? h.cloud : -1;
    s.labels = fmax(h.labels_device, h.labels_cloud);
    s.novelty = h.novelty;
    s.weight = of_device;
    s.source = "blend";
    return s;
}

/* ---- as a scorer ---- */

static struct score score(void *self, const struct facts *f)
{
    return learned_score(self, f->features);
}

static void explain(void *self, const struct facts *f, struct text *out)
{
    struct score s = score(self, f);
    scorer_explain_facts(s.source, f, out);
}

const struct scorer_type scorer_learned = {
    .name = "learned",
    .score = score,
    .explain = explain,
};
