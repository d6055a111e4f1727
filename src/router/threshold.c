/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Below which value does the cloud answer, and what does that promise? The strongest that speaks:
 *
 *   config       `threshold: 0.7` in the policy, whatever quality is asked for
 *   cloud_share  what the policy lets go to the cloud at most, by a running quantile
 *   calibration  of this pair of models, for the quality asked for (X-Weir-Quality, else policy)
 *   default      nothing is calibrated: on the careful side, and said to be so
 */
#include "router/inside.h"

#define NOT_YET "quality target not yet supported"

static double wished_quality(const struct deciding *x)
{
    double asked = x->request->options.quality;
    double policy = x->config->quality >= 0 ? x->config->quality : QUALITY_DEFAULT;
    return asked >= 0 ? asked : policy;
}

/* A cascade is judged by the confidence of the answer; a device that tells none by its score. */
static const struct calibration *calibration_of(const struct deciding *x,
                                                const struct calibration_entry *e)
{
    bool confidence = strcmp(x->d->strategy, "cascade") == 0 && e->cascade.n > 0;
    return confidence ? &e->cascade : &e->split;
}

static struct span more_text(struct deciding *x, const struct calibration_choice *choice)
{
    if (choice->more_labels < 0) {
        return SPAN(NOT_YET ": no number of labels can prove it; ask for less than 1");
    }
    return SAY(x, NOT_YET ": not enough evidence yet, %lld more labels needed (`weir calibrate`)",
               (long long)choice->more_labels);
}

/* Choosing takes microseconds to a millisecond, and nearly every request wishes for the same. */
static struct calibration_choice choose(struct deciding *x, const struct calibration *c)
{
    struct threshold_memo *memo = &x->router->memo;
    if (memo->of != c || memo->quality != x->d->quality) {
        *memo = (struct threshold_memo){.of = c, .quality = x->d->quality};
        calibration_choose(c, memo->quality, &memo->choice);
    }
    return memo->choice;
}

static void by_calibration(struct deciding *x, const struct calibration *c)
{
    struct decision *d = x->d;
    struct calibration_choice choice = choose(x, c);
    d->threshold = choice.point.threshold;
    d->threshold_from = "calibration";
    d->threshold_calibrated = true;
    d->quality_supported = choice.supported;
    d->quality_note =
        choice.supported
            ? SAY(x,
                  "%.4g %% of always-cloud quality, at 95 %% confidence, on your traffic (%lld labels)",
                  100 * d->quality, (long long)c->n)
            : more_text(x, &choice);
}

static void by_default(struct deciding *x, struct span why)
{
    struct decision *d = x->d;
    d->threshold = calibration_default(d->quality);
    d->threshold_from = "default";
    d->quality_note = SAY(x, NOT_YET ": %.*s", SPAN_ARG(why));
}

static const struct calibration_entry *entry_of(const struct deciding *x,
                                                const struct backend *device,
                                                const struct backend *cloud)
{
    return device && cloud ? calibrations_find(x->router->calibrations, device->name, cloud->name)
                           : NULL;
}

static void by_labels(struct deciding *x, const struct backend *device, const struct backend *cloud)
{
    const struct calibration_entry *e = entry_of(x, device, cloud);
    if (!device || !cloud) {
        by_default(x, SPAN("only one side is left"));
    } else if (!e) {
        by_default(x, SAY(x, "%s and %s are not calibrated (`weir calibrate`)", device->name,
                          cloud->name));
    } else if (e->stale) {
        by_default(x, SAY(x, "%s; `weir calibrate` again", e->why));
    } else if (calibration_of(x, e)->n == 0) {
        by_default(x, SAY(x, "%s and %s are not calibrated for %s", device->name, cloud->name,
                          x->d->strategy));
    } else {
        by_calibration(x, calibration_of(x, e));
    }
}

/* No more than the policy's share goes to the cloud. */
static void cap_by_share(struct deciding *x)
{
    struct decision *d = x->d;
    bool confidence = strcmp(d->strategy, "cascade") == 0;
    bool judged = confidence && x->facts->share_confidence >= 0; /* else by its score */
    double cap = judged ? x->facts->share_confidence : x->facts->share_score;
    if (x->config->cloud_share < 0 || cap < 0 || cap >= d->threshold) {
        return;
    }
    d->threshold = cap;
    d->threshold_from = "cloud_share";
    d->quality_supported = false;
    d->quality_note = SAY(x, NOT_YET ": the policy lets %.4g %% of the answers go to the cloud",
                          100 * x->config->cloud_share);
}

void settle_threshold(struct deciding *x, const struct backend *device, const struct backend *cloud)
{
    struct decision *d = x->d;
    d->quality = wished_quality(x);
    if (x->config->threshold >= 0) {
        d->threshold = x->config->threshold;
        d->threshold_from = "config";
        d->quality_note = x->request->options.quality >= 0
                              ? SPAN(NOT_YET ": the config's threshold decides")
                              : SPAN_NONE;
    } else {
        by_labels(x, device, cloud);
        cap_by_share(x);
    }
    /* a threshold on confidence says nothing about the score, which has a scale of its own */
    bool same_scale = strcmp(d->threshold_from, "config") == 0 || strcmp(d->strategy, "split") == 0;
    d->score_threshold = same_scale ? d->threshold : calibration_default(d->quality);
}
