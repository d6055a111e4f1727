/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who answers first, by which strategy, and what to say about it: battery and heat,
 * the tasks a model is made for, the score; then the reason, and whether service is
 * degraded.
 */
#include "router/inside.h"

#include "core/receipt.h"
#include "router/sticky.h"

#include <math.h>

/* In a cascade the score is advisory: the answer itself is judged. Only this far below the threshold is asking
 * the device a waste. */
#define FAR_BELOW 0.35
/* Score below which the cloud answers, while nothing has been calibrated: on the careful side. */
#define THRESHOLD_DEFAULT 0.60
#define QUALITY_DEFAULT 0.95
#define SIDE_MAX (LEGS_MAX / 2)
/* Share of the last 10 s in which some task waited for memory (PSI, "some"). Android's lmkd acts at a tenth to a fifth
 * (psi_partial_stall_ms 70 … 200 of each second). */
#define MEMORY_PRESSURE_MOST 0.20
#define SLOWED_MOST 2.0
/* On a metered link the cloud has to be worth its bytes. Only while nothing is calibrated: a promised quality stays. */
#define METERED_LEAN 0.3 /* standard deviations of recent scores */

/* ---- battery, heat, task ---- */

static bool minds_the_machine(const struct deciding *x)
{
    return !x->forced && !x->take && (x->mode == MODE_AUTO || x->mode == MODE_PREFER_ON_DEVICE);
}

/* Heat that no sensor tells of, or another program: every local model writes at half its usual rate or less, and the
 * others would be done sooner. */
static struct span slowed(struct deciding *x)
{
    double least = INFINITY, local_us = INFINITY, others_us = INFINITY;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        const struct prediction *p = &c->state->predicted;
        if (c->out != IN) {
            continue;
        }
        if (is_local(c->backend)) {
            least = MIN(least, p->slowed);
            local_us = MIN(local_us, p->total_us);
        } else {
            others_us = MIN(others_us, p->total_us); /* unknown is 0: worth a try */
        }
    }
    return least >= SLOWED_MOST && least < INFINITY && local_us > others_us
               ? SAY(x, "the device writes at %.0f %% of its usual rate", 100 / least)
               : SPAN_NONE;
}

static struct span tired(struct deciding *x)
{
    const struct device_facts *device = &x->facts->device;
    const struct config *c = x->config;
    if (device->battery >= 0 && device->battery < c->battery_floor && device->charging != 1) {
        return SAY(x, "battery at %.0f %%, under the floor of %.0f %%", device->battery * 100,
                   c->battery_floor * 100);
    }
    if (device->temperature_c > c->temperature_ceiling_c) {
        return SAY(x,
                   "%.0f \xc2\xb0"
                   "C, over the ceiling of %.0f",
                   device->temperature_c, c->temperature_ceiling_c);
    }
    if (x->mode != MODE_AUTO ||
        c->threshold == 0) { /* only battery and heat go before what was asked for */
        return SPAN_NONE;
    }
    if (device->memory_pressure > MEMORY_PRESSURE_MOST) {
        return SAY(x, "short of memory: something waits for it %.0f %% of the time",
                   100 * device->memory_pressure);
    }
    return slowed(x);
}

static void put_last(struct deciding *x, struct candidate *c)
{
    (void)x;
    c->last = true;
}

/* Both put device backends behind the others; returns why, or SPAN_NONE. */
static struct span rule_battery(struct deciding *x)
{
    struct span why = tired(x);
    bool acts = why.len && minds_the_machine(x) && count_in(x, 0) > 0 && count_in(x, 1) > 0;
    for (int i = 0; acts && i < x->count; i++) {
        if (is_local(x->candidates[i].backend)) {
            put_last(x, &x->candidates[i]);
        }
    }
    verdict_add(x, "battery", acts ? VERDICT_TAKE : VERDICT_PASS,
                acts      ? SAY(x, "%.*s: the cloud first", SPAN_ARG(why))
                : why.len ? why
                          : SPAN("fine"));
    return acts ? why : SPAN_NONE;
}

static struct span rule_task(struct deciding *x)
{
    struct span why = SPAN_NONE;
    enum task task = task_in_force(x->facts);
    bool acts = !x->forced && !x->take && x->mode == MODE_AUTO && count_in(x, -1) > 1;
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        uint32_t tasks = c->state->tasks;
        if (c->out != IN || !is_local(c->backend) || tasks == 0 || (tasks & (1u << task))) {
            continue;
        }
        why = SAY(x, "%s is not made for %s",
                  c->backend->model ? c->backend->model : c->backend->name, task_name(task));
        if (acts) {
            put_last(x, c);
        }
    }
    verdict_add(x, "task", why.len && acts ? VERDICT_TAKE : VERDICT_PASS,
                why.len ? why : span_c(task_name(task)));
    return acts ? why : SPAN_NONE;
}

/* ---- order and strategy ---- */

struct order {
    const struct backend *first_local[BACKENDS_MAX], *remote[BACKENDS_MAX],
        *last_local[BACKENDS_MAX];
    int first_local_count, remote_count, last_local_count;
};

static bool taken(const struct deciding *x, const struct candidate *c)
{
    return x->take && means(x, x->take->then.take, c->backend);
}

static void collect_those(const struct deciding *x, struct order *o, bool wanted_taken, bool late)
{
    for (int tier = TIER_DEVICE; tier <= TIER_CLOUD; tier++) {
        for (int i = 0; i < x->count; i++) {
            const struct candidate *c = &x->candidates[i];
            if (c->out != IN || (int)c->backend->tier != tier || taken(x, c) != wanted_taken ||
                c->late != late) {
                continue;
            }
            if (!is_local(c->backend)) {
                o->remote[o->remote_count++] = c->backend;
            } else if (c->last) {
                o->last_local[o->last_local_count++] = c->backend;
            } else {
                o->first_local[o->first_local_count++] = c->backend;
            }
        }
    }
}

/* On each side: what a rule took, before the rest; who is in time, before who is late. */
static void collect(const struct deciding *x, struct order *o)
{
    *o = (struct order){.remote_count = 0};
    for (int taken_ones = x->take != NULL; taken_ones >= 0; taken_ones--) {
        collect_those(x, o, taken_ones, false);
        collect_those(x, o, taken_ones, true);
    }
}

static void append(struct decision *d, const struct backend *const *list, int count)
{
    for (int i = 0; i < MIN(count, SIDE_MAX) && d->backends_count < LEGS_MAX; i++) {
        d->backends[d->backends_count++] = list[i];
    }
}

static void put_in_order(struct decision *d, const struct order *o, bool remote_first)
{
    if (remote_first) {
        append(d, o->remote, o->remote_count);
        append(d, o->first_local, o->first_local_count);
        append(d, o->last_local, o->last_local_count);
        d->local_count = o->remote_count ? 0 : d->backends_count;
        return;
    }
    append(d, o->first_local, o->first_local_count);
    d->local_count = d->backends_count;
    append(d, o->remote, o->remote_count);
    append(d, o->last_local, o->last_local_count);
    if (o->remote_count == 0) {
        d->local_count = d->backends_count;
    }
}

/* One side only, and so asked for: its own name when there is one backend, else in order. */
static const char *strategy_of_side(const struct order *o)
{
    int local = o->first_local_count + o->last_local_count;
    return local + o->remote_count > 1 ? "fallback" : local ? "device" : "cloud";
}

static const char *strategy_for(const struct deciding *x, const struct order *o)
{
    bool one_side = o->remote_count == 0 || o->first_local_count + o->last_local_count == 0;
    bool asked = span_given(x->request->options.strategy);
    if (x->mode == MODE_ONLY_ON_DEVICE || x->mode == MODE_ONLY_IN_CLOUD || (x->forced && !asked)) {
        return strategy_of_side(o);
    }
    if (x->mode == MODE_PREFER_IN_CLOUD) {
        return asked && x->forced ? x->strategy : "fallback";
    }
    if (x->mode == MODE_PREFER_ON_DEVICE) {
        return asked ? x->strategy : "fallback";
    }
    if (x->strategy) {
        return x->strategy;
    }
    if (x->take) {
        return "fallback";
    }
    return x->must_stay && one_side ? strategy_of_side(o) : x->config->strategy;
}

struct plan {
    bool remote_first;
    struct span why;
};

/* When the device has to go first, it does so whatever put it last; a model that is not made for the task does not. */
static struct timing settle_timing(struct deciding *x, struct span task)
{
    struct timing t = rule_latency(x);
    if (t.say == TIMING_DEVICE && task.len) {
        t.say = TIMING_ANY;
    }
    for (int i = 0; t.say == TIMING_DEVICE && i < x->count; i++) {
        x->candidates[i].last = false;
    }
    if (t.say == TIMING_NOW) {
        x->d->strategy = "split";
    }
    return t;
}

static bool metered(const struct deciding *x)
{
    return x->facts->device.network == NETWORK_METERED && !x->d->threshold_calibrated &&
           x->config->threshold < 0 && x->request->options.quality < 0;
}

/* What the score must reach for the device to answer: the threshold, moved by what is remembered of the conversation
 * and by a metered link. `why` tells of it. */
static double bar_of(struct deciding *x, struct span *out_why)
{
    struct decision *d = x->d;
    const struct session_facts *session = &x->facts->session;
    double margin = x->mode == MODE_AUTO ? sticky_margin(session) : 0;
    if (session->repeats && x->facts->guard.discount > 0) {
        margin = 0; /* earlier questions were dressed up too */
    }
    *out_why = SPAN_NONE;
    d->by_score = true;
    d->easy = d->score >= d->score_threshold + sticky_easy_margin(session);
    if (margin != 0) {
        *out_why = session->repeats    ? SPAN("a question like a recent one goes the same way")
                   : session->mid_turn ? SPAN("no change in the middle of a turn")
                   : isinf(margin)     ? SPAN("the conversation stays where it is")
                                       : SPAN("the conversation moves down only with a margin");
        verdict_add(x, "session", VERDICT_PASS, *out_why);
    } else if (metered(x)) {
        margin = -METERED_LEAN * sticky_spread(session);
        *out_why = SPAN("metered link");
    }
    return d->score_threshold + margin;
}

/* The words that only claim difficulty would have tipped the scales, if they were heard. */
static void note_claims(struct decision *d, bool heard)
{
    double with = heard ? d->score : d->score - d->claims_gain;
    d->claims_won = d->claims_gain > 0 && with < d->score_threshold &&
                    with + d->claims_gain >= d->score_threshold;
}

/* Which side first, and why: the strongest reason that speaks. */
static struct plan plan_sides(struct deciding *x, const struct order *o, struct span battery,
                              struct span task, const struct timing *timing)
{
    struct decision *d = x->d;
    bool judged = strcmp(d->strategy, "cascade") == 0 || strcmp(d->strategy, "split") == 0;
    if (x->mode == MODE_PREFER_IN_CLOUD && timing->say != TIMING_DEVICE) {
        return (struct plan){true, SPAN("mode prefer_in_cloud")};
    }
    if (x->take) {
        const struct backend *first = o->first_local_count ? o->first_local[0] : NULL;
        return (struct plan){!(first && means(x, x->take->then.take, first)),
                             SAY(x, "rule %s", x->take->name)};
    }
    if (strcmp(d->strategy, "device") == 0 || strcmp(d->strategy, "cloud") == 0) {
        bool cloud = strcmp(d->strategy, "cloud") == 0;
        return (struct plan){cloud, cloud ? SPAN("policy cloud") : SPAN("policy device")};
    }
    if (timing->say == TIMING_DEVICE || timing->say == TIMING_OTHERS) {
        return (struct plan){timing->say == TIMING_OTHERS, timing->why};
    }
    if (battery.len) {
        return (struct plan){true, battery};
    }
    if (x->mode == MODE_PREFER_ON_DEVICE && !judged) {
        return (struct plan){false, SPAN("mode prefer_on_device")};
    }
    if (task.len && o->first_local_count == 0) {
        return (struct plan){true, task};
    }
    if (!judged) {
        return (struct plan){false, SAY(x, "policy %s", d->strategy)};
    }
    if (d->threshold >= 1) {
        return (struct plan){true, SPAN("a threshold of 1 lets the cloud answer")};
    }
    if (d->threshold <= 0) {
        return (struct plan){false, SPAN("a threshold of 0 keeps the device")};
    }
    struct span session;
    double bar = bar_of(x, &session);
    bool moved = (d->score < bar) != (d->score < d->score_threshold);
    if (strcmp(d->strategy, "split") == 0) {
        bool below = d->score < bar;
        return (struct plan){
            below, SAY(x, "score %.2f %s %.2f%s%.*s%s%.*s", d->score,
                       d->score < d->score_threshold ? "below" : "at least", d->score_threshold,
                       moved ? "; " : "", SPAN_ARG(moved ? session : SPAN("")),
                       timing->say == TIMING_NOW ? "; " : "",
                       SPAN_ARG(timing->say == TIMING_NOW ? timing->why : SPAN("")))};
    }
    if (x->facts->session.up && d->score < bar && bar > d->score_threshold) {
        return (struct plan){true, SAY(x, "score %.2f, threshold %.2f; %.*s", d->score,
                                       d->score_threshold, SPAN_ARG(session))};
    }
    if (d->score < d->score_threshold - FAR_BELOW) {
        return (struct plan){true,
                             SAY(x, "score %.2f far below %.2f", d->score, d->score_threshold)};
    }
    return (struct plan){false, SAY(x, "cascade: the device first, threshold %.2f", d->threshold)};
}

static bool over_budget(const struct deciding *x, const struct backend *b)
{
    int64_t left = x->facts->budget_left_usd_nano;
    return left >= 0 && !is_local(b) && cost_at_most(x->facts, b) > left;
}

/* Now and then the side is drawn (policy.explore), so that both sides' answers are seen on all kinds of prompts. Only
 * where the score alone would choose between sides that privacy, rules, budget and health all allow. */
static struct plan explore(struct deciding *x, const struct order *o, struct plan greedy)
{
    struct decision *d = x->d;
    double share = x->config->explore;
    bool open = share > 0 && d->by_score && x->config->threshold < 0 && x->mode == MODE_AUTO &&
                span_is(x->request->model, "auto") && !span_given(x->request->options.strategy) &&
                !x->must_stay && !x->facts->session.mid_turn && !x->facts->guard.capped &&
                o->first_local_count > 0 && o->remote_count > 0 && !over_budget(x, o->remote[0]);
    if (!open) {
        return greedy;
    }
    struct plan plan = greedy;
    d->explored = x->facts->chance < share;
    if (d->explored) {
        plan.remote_first = x->facts->chance < share / 2;
        plan.why = SAY(x, "exploring: the %s was drawn", plan.remote_first ? "cloud" : "device");
    }
    d->propensity = plan.remote_first == greedy.remote_first ? 1 - share / 2 : share / 2;
    return plan;
}

/* ---- why it is not better ---- */

static bool service_failed(enum why_out out)
{
    return out >= OUT_OFFLINE && out <= OUT_BUDGET;
}

static bool side_failed(const struct deciding *x, int local, enum why_out out)
{
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        if ((local > 0) == is_local(c->backend) &&
            (out == IN ? service_failed(c->out) : c->out == out)) {
            return true;
        }
    }
    return false;
}

static void reduce(struct decision *d, const char *what)
{
    if (d->reduced_count < (int)ARRAY_LEN(d->reduced)) {
        d->reduced[d->reduced_count++] = what;
    }
}

/* `here`: a device that may answer; else another tier that may, or might have. */
static bool counts_as(const struct candidate *c, bool here)
{
    bool local = is_local(c->backend);
    return here ? local && c->out == IN : !local && (c->out == IN || service_failed(c->out));
}

static bool lost_ability(const struct deciding *x, size_t offset_state, size_t offset_backend)
{
    bool here = false;
    bool there = false;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        bool can = *(const bool *)((const char *)c->state + offset_state) ||
                   (c->backend->api != API_LOCAL &&
                    *(const bool *)((const char *)c->backend + offset_backend));
        here |= can && counts_as(c, true);
        there |= can && counts_as(c, false);
    }
    return there && !here;
}

static int64_t widest_context(const struct deciding *x, bool here)
{
    int64_t widest = 0;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        if (counts_as(c, here)) {
            int64_t context = c->state->context > 0 ? c->state->context : c->backend->context;
            widest = MAX(widest, context);
        }
    }
    return widest;
}

#define LOST(x, what)                                                                              \
    lost_ability((x), offsetof(struct backend_state, what), offsetof(struct backend, what))

/* What the device lacks beside the other tiers. Noted also while these are well: one may fail later, and then the
 * receipt says it. */
static void list_what_is_less(struct deciding *x)
{
    struct decision *d = x->d;
    bool here_any = false;
    bool there_any = false;
    for (int i = 0; i < x->count; i++) {
        here_any |= counts_as(&x->candidates[i], true);
        there_any |= counts_as(&x->candidates[i], false);
    }
    if (!here_any || !there_any) {
        return;
    }
    int64_t here = widest_context(x, true);
    int64_t there = widest_context(x, false);
    /* a cloud whose context is not configured has a long one */
    if (here > 0 && (there == 0 || there > here)) {
        reduce(d, "long context");
    }
    if (LOST(x, tools)) {
        reduce(d, "tools");
    }
    if (LOST(x, images)) {
        reduce(d, "images");
    }
    if (LOST(x, json_schema)) {
        reduce(d, "json_schema");
    }
    if (LOST(x, multiple_choices)) {
        reduce(d, "multiple choices");
    }
}

/* Would another tier have come first, were the way there well? */
static bool wants_up(const struct decision *d, struct span battery)
{
    bool split = strcmp(d->strategy, "split") == 0;
    bool judged = split || strcmp(d->strategy, "cascade") == 0;
    double bar = split ? d->score_threshold : d->score_threshold - FAR_BELOW;
    return battery.len || (judged && (d->threshold >= 1 || (d->threshold > 0 && d->score < bar)));
}

/* The other side was wanted and could not be had, or was `passed_over` because it hardly works. Null while the caller's
 * preference is honoured. */
static void judge_service(struct deciding *x, const struct order *o, bool passed_over)
{
    struct decision *d = x->d;
    if (passed_over) {
        d->degraded = DEGRADED_CLOUD_FAILED;
    }
    bool takes_device =
        x->take && o->first_local_count && means(x, x->take->then.take, o->first_local[0]);
    bool wants_cloud = (x->mode == MODE_AUTO || x->mode == MODE_PREFER_IN_CLOUD) && !x->forced &&
                       !x->must_stay && !takes_device && strcmp(d->strategy, "device") != 0;
    if (o->remote_count == 0 && wants_cloud && side_failed(x, 0, IN)) {
        d->degraded = side_failed(x, 0, OUT_OFFLINE)  ? DEGRADED_OFFLINE
                      : side_failed(x, 0, OUT_BUDGET) ? DEGRADED_BUDGET
                                                      : DEGRADED_CLOUD_FAILED;
    }
    bool no_device = o->first_local_count + o->last_local_count == 0;
    if (no_device && x->mode == MODE_PREFER_ON_DEVICE && side_failed(x, 1, IN)) {
        d->degraded = DEGRADED_DEVICE_FAILED;
    }
}

/* Why a whole side is missing, in a few words; SPAN_NONE when it is not or nobody wants to know. */
static struct span missing(struct deciding *x)
{
    struct span text = SPAN_NONE;
    for (int local = 0; local < 2; local++) {
        for (int i = 0; count_in(x, local) == 0 && i < x->count; i++) {
            const struct candidate *c = &x->candidates[i];
            if ((local > 0) == is_local(c->backend) && c->out >= OUT_RULE) {
                text = SAY(x, "%.*s; %s: %.*s", SPAN_ARG(text), c->backend->name, SPAN_ARG(c->why));
            }
        }
    }
    return text;
}

static void score(struct deciding *x)
{
    struct score s = score_request(x);
    x->d->scored = s;
    x->d->score = score_of(&s);
    verdict_add(x, "score", VERDICT_PASS,
                SAY(x, "%.2f: P(device good) %.2f, P(cloud good) %.2f, %s", x->d->score, s.p_device,
                    s.p_cloud, s.source));
}

/* `on_exhausted: refuse` and the first to be asked would cost more than is left. */
static void check_refusal(struct deciding *x)
{
    struct decision *d = x->d;
    if (d->budget_refuses && d->err == OK && over_budget(x, d->backends[0])) {
        decision_fail(x, ERR_BUDGET, SPAN("the budget is used up"));
    }
}

void settle_order(struct deciding *x)
{
    struct decision *d = x->d;
    struct span battery = rule_battery(x);
    struct span task = rule_task(x);
    struct order o = {.remote_count = 0};
    score(x);
    collect(x, &o);
    d->strategy = strategy_for(x, &o);
    struct timing timing = settle_timing(x, task);
    collect(x, &o);
    if (strcmp(d->strategy, "cascade") == 0 || strcmp(d->strategy, "split") == 0) {
        settle_threshold(x,
                         o.first_local_count  ? o.first_local[0]
                         : o.last_local_count ? o.last_local[0]
                                              : NULL,
                         o.remote_count ? o.remote[0] : NULL);
    }
    note_claims(d, x->facts->guard.discount <= 0);
    struct plan plan = explore(x, &o, plan_sides(x, &o, battery, task, &timing));
    if (strcmp(d->strategy, "device") == 0) { /* one leg, whoever asked for it */
        o.remote_count = 0;
    } else if (strcmp(d->strategy, "cloud") == 0) {
        o.first_local_count = o.last_local_count = 0;
    }
    put_in_order(d, &o, plan.remote_first);
    if (d->backends_count == 0) {
        decision_fail(x, ERR_NO_BACKEND,
                      SAY(x, "no backend can answer: policy %s and %.*s", d->strategy,
                          SPAN_ARG(everybodys_reason(x))));
        return;
    }
    judge_service(x, &o, timing.weak && !plan.remote_first && wants_up(d, battery));
    list_what_is_less(x);
    struct span why = x->must_stay ? x->d->rules[0].why
                      : x->mode == MODE_ONLY_ON_DEVICE || x->mode == MODE_ONLY_IN_CLOUD
                          ? SAY(x, "mode %s", mode_name(x->mode))
                      : x->forced && span_given(x->request->options.strategy)
                          ? SAY(x, "strategy %s was asked for", x->strategy)
                      : x->forced ? SAY(x, "%s was asked for", d->backends[0]->name)
                                  : plan.why;
    struct span gap = missing(x);
    d->reason =
        one_line(x->arena, gap.len ? SAY(x, "%.*s%.*s", SPAN_ARG(why), SPAN_ARG(gap)) : why);
    verdict_add(x, "policy", VERDICT_TAKE,
                SAY(x, "%s: %s first", d->strategy, d->backends[0]->name));
    check_refusal(x);
}
