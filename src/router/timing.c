/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who can be in time, from the predictions in the facts (router/latency.h).
 *
 * With a deadline (X-Weir-Max-Latency-Ms, to the first token) a side that 19 of 20 times keeps it
 * goes before one that does not; if none does, the faster one goes first. In a cascade the first
 * token of the device is shown when its answer has been judged, at its end; and if the way up
 * would then be late, the score decides at once instead, as in a split.
 *
 * Without a deadline only a link that is hardly there matters: when more than half of the tries
 * of every other backend fail, or their first token would come after their own time-out, the
 * device goes first.
 *
 * What is not known changes nothing.
 */
#include "router/inside.h"

#define FAILING_MOST 0.5
#define NEVER_US 1e12

/* When its first token would be shown, 19 of 20 times; 0 = unknown. */
static double shown_us(const struct deciding *x, const struct candidate *c)
{
    const struct prediction *p = &c->state->predicted;
    bool judged = is_local(c->backend) && strcmp(x->d->strategy, "cascade") == 0;
    return judged && p->total_us > 0 ? p->total_us + (p->late_us - p->ttft_us) : p->late_us;
}

/* The fastest of a side; 0 = none, or unknown; NEVER = all that are known fail more often than not. */
static double fastest_us(const struct deciding *x, bool local)
{
    double best = 0;
    bool failing = false;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        if (c->out != IN || is_local(c->backend) != local) {
            continue;
        }
        double us = shown_us(x, c);
        if (c->state->predicted.failing > FAILING_MOST) {
            failing = true;
        } else if (us > 0 && (best <= 0 || us < best)) {
            best = us;
        }
    }
    return best > 0 ? best : failing ? NEVER_US : 0;
}

static struct span seconds(struct deciding *x, double us)
{
    return us >= NEVER_US ? SPAN("fails") : us > 0 ? SAY(x, "%.2f s", us / 1e6) : SPAN("unknown");
}

static void mark_late(struct deciding *x, double limit_us)
{
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        c->late = limit_us > 0 && shown_us(x, c) > limit_us;
    }
}

static bool link_is_weak(const struct candidate *c)
{
    const struct prediction *p = &c->state->predicted;
    return p->failing > FAILING_MOST ||
           p->late_us > 1000.0 * (double)c->backend->timeout.first_token_ms;
}

static struct timing weak_link(struct deciding *x)
{
    int weak = 0;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        weak += c->out == IN && !is_local(c->backend) && link_is_weak(c);
    }
    bool acts = weak > 0 && weak == count_in(x, 0) && count_in(x, 1) > 0 && x->mode == MODE_AUTO &&
                x->config->threshold < 1; /* 1: always the cloud */
    struct span why = acts   ? SPAN("the way to other tiers hardly works: the device first")
                      : weak ? SPAN("the way to other tiers hardly works")
                             : SPAN("no deadline");
    verdict_add(x, "latency", acts ? VERDICT_TAKE : VERDICT_PASS, why);
    return (struct timing){.say = acts ? TIMING_DEVICE : TIMING_ANY, .weak = acts, .why = why};
}

static enum timing_say say(double device_us, double others_us, double limit_us, bool cascade)
{
    bool device_late = device_us > limit_us;
    bool others_late = others_us > limit_us;
    if (device_us <= 0 || others_us <= 0) { /* unknown: never preferred, never punished */
        return device_late ? TIMING_OTHERS : others_late ? TIMING_DEVICE : TIMING_ANY;
    }
    if (device_late || others_late) {
        return device_us < others_us ? TIMING_DEVICE : TIMING_OTHERS;
    }
    return cascade && device_us + others_us > limit_us ? TIMING_NOW : TIMING_ANY;
}

struct timing rule_latency(struct deciding *x)
{
    double limit_us = (double)x->d->deadline_us;
    bool both = count_in(x, 0) > 0 && count_in(x, 1) > 0;
    mark_late(x, limit_us);
    if (limit_us <= 0) {
        return weak_link(x);
    }
    double device_us = fastest_us(x, true);
    double others_us = fastest_us(x, false);
    bool cascade = strcmp(x->d->strategy, "cascade") == 0;
    struct timing t = {.say = both && !x->forced && !x->take
                                  ? say(device_us, others_us, limit_us, cascade)
                                  : TIMING_ANY};
    struct span device = seconds(x, device_us);
    struct span others = seconds(x, others_us);
    t.why = SAY(x, "deadline %.2f s: device %.*s, others %.*s", limit_us / 1e6, SPAN_ARG(device),
                SPAN_ARG(others));
    verdict_add(x, "latency", t.say == TIMING_ANY ? VERDICT_PASS : VERDICT_TAKE, t.why);
    return t;
}
