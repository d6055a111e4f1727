/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decision, made by narrowing down. The built-in rules stand in the order of
 * their strength; each leaves a verdict, and each takes candidates away or changes
 * their order. Nothing is ever put back:
 *
 *   privacy     local, never_leave, an unreadable prompt: only the device is left
 *   mode        only_on_device, only_in_cloud
 *   model       a backend's name or a tier word leaves only that
 *   strategy    the caller's: `device` and `cloud` leave only their side
 *   (rules of the config: every forbid and require counts, the first take wins)
 *   capability  context, images, tools, schema, logprobs, n
 *   health      offline, dead, breaker, busy
 *   budget      what is left today; what the caller will pay
 *   battery     low or hot: the cloud first, where the caller does not mind
 *   task        a model that says what it can do is not asked for anything else first
 *   score       P(device good enough), for split and cascade
 *   policy      the strategy and the order of those who are left
 */
#include "router/inside.h"

#include "core/receipt.h"

/* In a cascade the score is advisory: the answer itself is judged. Only this far below the threshold is asking
 * the device a waste. */
#define FAR_BELOW 0.35
/* P(device good enough) below which the cloud answers, while nothing has been calibrated: on the careful side. */
#define THRESHOLD_DEFAULT 0.60
#define QUALITY_DEFAULT 0.95
/* Verdicts are kept for this many rules of the config; all of them count. */
#define RULES_SHOWN 48
#define SIDE_MAX (LEGS_MAX / 2)

static const char *const strategies[] = {"device", "cloud", "fallback", "cascade", "split"};

/* ---- verdicts ---- */

void verdict_add(struct deciding *x, const char *rule, enum verdict v, struct span why)
{
    struct decision *d = x->d;
    if (d->rules_count < RULES_MAX) {
        d->rules[d->rules_count++] = (struct rule_verdict){.rule = rule, .verdict = v, .why = why};
    }
}

#define SAY(x, ...) arena_printf((x)->arena, __VA_ARGS__)

static void out_all(struct deciding *x, int local, enum why_out out, struct span why)
{
    for (int i = 0; i < x->count; i++) {
        if ((local > 0) == is_local(x->candidates[i].backend)) {
            candidate_out(&x->candidates[i], out, why);
        }
    }
}

/* Does `word` (a tier or a backend's name; the name is stronger) mean this backend? */
static bool means(const struct deciding *x, const char *word, const struct backend *b)
{
    enum tier tier = TIER_COUNT;
    if (config_backend(x->config, span_c(word))) {
        return strcmp(word, b->name) == 0;
    }
    return tier_from(span_c(word), &tier) && tier == b->tier;
}

static const char *known_strategy(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
        if (span_is(name, strategies[i])) {
            return strategies[i];
        }
    }
    return NULL;
}

static void fail(struct deciding *x, enum err err, struct span text)
{
    if (x->d->err == OK) {
        x->d->err = err;
        x->d->err_text = text;
    }
}

/* ---- the config's rules ---- */

struct rule_result {
    bool holds;
    struct span why;
};

/* All of them are looked at before anything else, because they may tighten privacy; they act later. */
static void read_rules(struct deciding *x, struct rule_result *results)
{
    x->d->privacy = x->config->privacy_default;
    for (int i = 0; i < x->config->rules_count; i++) {
        const struct rule *rule = &x->config->rules[i];
        results[i].holds = when_holds(x->router, i, x->facts, x->arena, &results[i].why);
        if (results[i].holds && rule->then.privacy > (int)x->d->privacy) {
            x->d->privacy = (enum privacy_level)rule->then.privacy;
            x->privacy_rule = rule->name;
        }
        if (results[i].holds && rule->then.take && !x->take) {
            x->take = rule;
        }
        if (results[i].holds && rule->then.strategy && !x->strategy) {
            x->strategy = rule->then.strategy;
        }
    }
}

static bool apply_forbid(struct deciding *x, const struct rule *rule)
{
    bool any = false;
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        if (means(x, rule->then.forbid, c->backend)) {
            any |= c->out == IN;
            candidate_out(c, OUT_RULE, SAY(x, "rule %s forbids it", rule->name));
        }
    }
    if (any && !x->must_stay && count_in(x, 0) == 0 && count_in(x, 1) > 0 && !x->d->kept_rule) {
        x->d->kept_rule = rule->name;
    }
    return any;
}

static bool apply_require(struct deciding *x, const struct rule *rule)
{
    bool any = false;
    struct decision *d = x->d;
    if (d->require_count < (int)ARRAY_LEN(d->require)) {
        d->require[d->require_count++] = rule->then.require;
    }
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        if (!backend_has_label(c->backend, span_c(rule->then.require))) {
            any |= c->out == IN;
            candidate_out(c, OUT_LABEL, SAY(x, "rule %s requires the label %s", rule->name, rule->then.require));
        }
    }
    return any;
}

static void apply_rule(struct deciding *x, const struct rule *rule, struct span why)
{
    enum verdict verdict = VERDICT_PASS;
    struct span said = why;
    if (rule->then.forbid && apply_forbid(x, rule)) {
        verdict = VERDICT_FORBID;
        said = SAY(x, "%.*s: forbids %s", SPAN_ARG(why), rule->then.forbid);
    }
    if (rule->then.require && apply_require(x, rule)) {
        verdict = VERDICT_FORBID;
        said = SAY(x, "%.*s: requires %s", SPAN_ARG(why), rule->then.require);
    }
    if (rule == x->take) {
        verdict = VERDICT_TAKE;
        said = SAY(x, "%.*s: takes %s", SPAN_ARG(why), rule->then.take);
    } else if (rule->then.take) {
        said = SAY(x, "%.*s, but rule %s", SPAN_ARG(why), x->take ? x->take->name : "something stronger decides");
    } else if (verdict == VERDICT_PASS && rule->then.privacy >= 0) {
        said = SAY(x, "%.*s: privacy %s", SPAN_ARG(why), privacy_level_name((enum privacy_level)rule->then.privacy));
    }
    if (x->d->rules_count < RULES_SHOWN) {
        verdict_add(x, rule->name, verdict, said);
    }
}

/* A `take` moves its target to the front, if what is stronger lets it: its target must still be there, and a mode
 * that prefers one side keeps that side first. */
static void check_take(struct deciding *x)
{
    bool possible = false;
    for (int i = 0; x->take && i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        bool local = is_local(c->backend);
        possible |= c->out == IN && means(x, x->take->then.take, c->backend) &&
                    !(x->mode == MODE_PREFER_IN_CLOUD && local) && !(x->mode == MODE_PREFER_ON_DEVICE && !local);
    }
    if (!possible || x->forced || span_given(x->request->options.strategy)) {
        x->take = NULL;
    }
}

static void apply_rules(struct deciding *x, const struct rule_result *results)
{
    check_take(x);
    for (int i = 0; i < x->config->rules_count; i++) {
        const struct rule *rule = &x->config->rules[i];
        if (results[i].holds) {
            apply_rule(x, rule, results[i].why);
        } else if (x->d->rules_count < RULES_SHOWN) {
            verdict_add(x, rule->name, VERDICT_PASS, SAY(x, "does not apply: %.*s", SPAN_ARG(results[i].why)));
        }
    }
    check_take(x); /* its target may have been forbidden by a later rule */
}

/* ---- privacy ---- */

static const struct finding_count *never_leaving(const struct facts *f)
{
    for (int i = 0; i < f->findings_count; i++) {
        if (f->findings[i].never_leave) {
            return &f->findings[i];
        }
    }
    return NULL;
}

static struct span findings_text(struct deciding *x)
{
    struct span text = SPAN_NONE;
    for (int i = 0; i < x->facts->findings_count; i++) {
        const struct finding_count *c = &x->facts->findings[i];
        text = SAY(x, "%.*s%s%d %s", SPAN_ARG(text), text.len ? ", " : "", c->count, c->type);
    }
    return text.len ? text : SPAN("nothing found");
}

static void keep_home(struct deciding *x, const char *rule, const char *type, struct span why)
{
    bool kept = count_in(x, 0) > 0;
    x->must_stay = rule;
    x->d->privacy = PRIVACY_LOCAL;
    if (kept) {
        x->d->kept_rule = rule;
        x->d->kept_type = type;
    }
    out_all(x, 0, OUT_PRIVACY, why);
    verdict_add(x, "privacy", VERDICT_FORBID, why);
}

static void rule_privacy(struct deciding *x)
{
    const struct request_options *o = &x->request->options;
    struct decision *d = x->d;
    if (o->privacy_given && o->privacy < d->privacy) {
        struct span text = SAY(x, "privacy %s would loosen the policy's %s%s%s", privacy_level_name(o->privacy),
                               privacy_level_name(d->privacy), x->privacy_rule ? " of rule " : "",
                               x->privacy_rule ? x->privacy_rule : "");
        verdict_add(x, "privacy", VERDICT_FORBID, text);
        fail(x, ERR_POLICY, text);
        return;
    }
    bool by_caller = o->privacy_given && o->privacy > d->privacy;
    if (by_caller) {
        d->privacy = o->privacy;
    }
    const struct finding_count *never = never_leaving(x->facts);
    if (x->facts->scan_failed) {
        keep_home(x, "privacy", NULL,
                  SAY(x, "the prompt could not be scanned for personal data (%s), so it must stay on the device",
                      x->facts->scan_why ? x->facts->scan_why : "detector failed"));
    } else if (never) {
        keep_home(x, "never_leave", never->type, SAY(x, "never_leave: %s must not leave the device", never->type));
    } else if (d->privacy == PRIVACY_LOCAL) {
        const char *rule = x->privacy_rule && !by_caller ? x->privacy_rule : "privacy";
        keep_home(x, rule, NULL, SAY(x, "privacy local%s: nothing leaves the device", by_caller ? ", as asked" : ""));
    } else {
        verdict_add(x, "privacy", VERDICT_PASS,
                    SAY(x, "%s: %.*s", privacy_level_name(d->privacy), SPAN_ARG(findings_text(x))));
    }
}

/* ---- what the caller says ---- */

static void rule_mode(struct deciding *x)
{
    struct span why = x->mode == MODE_AUTO ? SPAN("mode auto") : SAY(x, "mode %s", mode_name(x->mode));
    if (x->mode == MODE_ONLY_ON_DEVICE || x->mode == MODE_ONLY_IN_CLOUD) {
        int forbidden = x->mode == MODE_ONLY_IN_CLOUD;
        out_all(x, forbidden, OUT_MODE, SAY(x, "mode %s does not allow it", mode_name(x->mode)));
        verdict_add(x, "mode", VERDICT_FORBID, why);
        return;
    }
    verdict_add(x, "mode", x->mode == MODE_AUTO ? VERDICT_PASS : VERDICT_TAKE, why);
}

static void keep_only(struct deciding *x, const char *word, enum why_out out, struct span why)
{
    for (int i = 0; i < x->count; i++) {
        if (!means(x, word, x->candidates[i].backend)) {
            candidate_out(&x->candidates[i], out, why);
        }
    }
    x->forced = true;
}

static bool has_alias(const struct backend *b, struct span model)
{
    for (const char *const *a = b->aliases; a && *a; a++) {
        if (span_matches(model, span_c(*a))) {
            return true;
        }
    }
    return false;
}

static const struct backend *alias_of(const struct config *c, struct span model)
{
    for (int i = 0; i < c->backends_count; i++) {
        if (has_alias(&c->backends[i], model)) {
            return &c->backends[i];
        }
    }
    return NULL;
}

static struct span model_names(struct deciding *x)
{
    struct span names = SPAN("auto");
    for (int i = 0; i < x->count; i++) {
        names = SAY(x, "%.*s, %s", SPAN_ARG(names), x->candidates[i].backend->name);
    }
    return names;
}

static bool tier_is_there(const struct deciding *x, enum tier tier)
{
    for (int i = 0; i < x->count; i++) {
        if (x->candidates[i].backend->tier == tier) {
            return true;
        }
    }
    return false;
}

static void rule_model(struct deciding *x)
{
    struct span model = x->request->model;
    enum tier tier = TIER_COUNT;
    if (model.len == 0 || span_is(model, "auto")) {
        verdict_add(x, "model", VERDICT_PASS, SPAN("auto"));
        return;
    }
    const struct backend *b = config_backend(x->config, model);
    bool is_tier = !b && tier_from(model, &tier) && tier != TIER_HUMAN && tier_is_there(x, tier);
    if (b || is_tier) {
        const char *word = b ? b->name : tier_name(tier);
        keep_only(x, word, OUT_MODEL, SAY(x, "the model %s was asked for", word));
        verdict_add(x, "model", VERDICT_TAKE, SAY(x, "%s %s was asked for", b ? "backend" : "tier", word));
        return;
    }
    b = alias_of(x->config, model);
    if (b && b->pin_aliases) {
        keep_only(x, b->name, OUT_MODEL, SAY(x, "an alias pinned to %s was asked for", b->name));
        verdict_add(x, "model", VERDICT_TAKE, SAY(x, "an alias pinned to %s", b->name));
        return;
    }
    if (b) {
        verdict_add(x, "model", VERDICT_PASS, SAY(x, "an alias of %s, routed like auto", b->name));
        return;
    }
    struct span text = SAY(x, "there is no model \"%.*s\" here; there are: %.*s",
                           SPAN_ARG(span_first(model, span_utf8_whole(span_first(model, 80)))),
                           SPAN_ARG(model_names(x)));
    verdict_add(x, "model", VERDICT_FORBID, SPAN("unknown model"));
    fail(x, ERR_MODEL_NOT_FOUND, text);
}

static void rule_strategy(struct deciding *x)
{
    struct span asked = x->request->options.strategy;
    if (!span_given(asked)) {
        return;
    }
    const char *name = known_strategy(asked);
    if (!name) {
        fail(x, ERR_INVALID, SPAN("X-Weir-Strategy must be device, cloud, fallback, cascade or split"));
        verdict_add(x, "strategy", VERDICT_FORBID, SPAN("unknown strategy"));
        return;
    }
    x->strategy = name;
    if (!x->forced && (name == strategies[0] || name == strategies[1])) {
        out_all(x, name == strategies[1], OUT_STRATEGY, SAY(x, "strategy %s was asked for", name));
        x->forced = true;
    }
    verdict_add(x, "strategy", VERDICT_TAKE, SAY(x, "strategy %s was asked for", name));
}

/* ---- battery, heat, task ---- */

static bool minds_the_machine(const struct deciding *x)
{
    return !x->forced && !x->take && (x->mode == MODE_AUTO || x->mode == MODE_PREFER_ON_DEVICE);
}

static struct span tired(struct deciding *x)
{
    const struct device_facts *device = &x->facts->device;
    const struct config *c = x->config;
    if (device->battery >= 0 && device->battery < c->battery_floor && device->charging != 1) {
        return SAY(x, "battery at %.0f %%, under the floor of %.0f %%", device->battery * 100, c->battery_floor * 100);
    }
    if (device->temperature_c > c->temperature_ceiling_c) {
        return SAY(x, "%.0f \xc2\xb0""C, over the ceiling of %.0f", device->temperature_c, c->temperature_ceiling_c);
    }
    return SPAN_NONE;
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
                acts ? SAY(x, "%.*s: the cloud first", SPAN_ARG(why)) : why.len ? why : SPAN("fine"));
    return acts ? why : SPAN_NONE;
}

static struct span rule_task(struct deciding *x)
{
    struct span why = SPAN_NONE;
    bool acts = !x->forced && !x->take && x->mode == MODE_AUTO && count_in(x, -1) > 1;
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        uint32_t tasks = c->state->tasks;
        if (c->out != IN || !is_local(c->backend) || tasks == 0 || (tasks & (1u << x->facts->task))) {
            continue;
        }
        why = SAY(x, "%s is not made for %s", c->backend->model ? c->backend->model : c->backend->name,
                  task_name(x->facts->task));
        if (acts) {
            put_last(x, c);
        }
    }
    verdict_add(x, "task", why.len && acts ? VERDICT_TAKE : VERDICT_PASS,
                why.len ? why : span_c(task_name(x->facts->task)));
    return acts ? why : SPAN_NONE;
}

/* ---- order and strategy ---- */

struct order {
    const struct backend *first_local[BACKENDS_MAX], *remote[BACKENDS_MAX], *last_local[BACKENDS_MAX];
    int first_local_count, remote_count, last_local_count;
};

static bool taken(const struct deciding *x, const struct candidate *c)
{
    return x->take && means(x, x->take->then.take, c->backend);
}

static void collect(const struct deciding *x, struct order *o, bool wanted_taken)
{
    for (int tier = TIER_DEVICE; tier <= TIER_CLOUD; tier++) {
        for (int i = 0; i < x->count; i++) {
            const struct candidate *c = &x->candidates[i];
            if (c->out != IN || (int)c->backend->tier != tier || taken(x, c) != wanted_taken) {
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

static double threshold_for(const struct deciding *x)
{
    double quality = x->request->options.quality;
    if (x->config->threshold >= 0) {
        return x->config->threshold;
    }
    if (quality < 0) {
        quality = x->config->quality >= 0 ? x->config->quality : QUALITY_DEFAULT;
    }
    /* without labels nobody knows what a quality costs: the default threshold, moved in proportion */
    double t = THRESHOLD_DEFAULT * quality / QUALITY_DEFAULT;
    return MIN(MAX(t, 0), 1);
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

/* Which side first, and why: the strongest reason that speaks. */
static struct plan plan_sides(struct deciding *x, const struct order *o, struct span battery, struct span task)
{
    struct decision *d = x->d;
    bool judged = strcmp(d->strategy, "cascade") == 0 || strcmp(d->strategy, "split") == 0;
    if (x->mode == MODE_PREFER_IN_CLOUD) {
        return (struct plan){true, SPAN("mode prefer_in_cloud")};
    }
    if (x->take) {
        const struct backend *first = o->first_local_count ? o->first_local[0] : NULL;
        return (struct plan){!(first && means(x, x->take->then.take, first)), SAY(x, "rule %s", x->take->name)};
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
    if (strcmp(d->strategy, "cloud") == 0) {
        return (struct plan){true, SPAN("policy cloud")};
    }
    if (!judged) {
        return (struct plan){false, SAY(x, "policy %s", d->strategy)};
    }
    if (d->threshold >= 1) {
        return (struct plan){true, SPAN("a threshold of 1 lets the cloud answer")};
    }
    if (strcmp(d->strategy, "split") == 0) {
        bool below = d->score < d->threshold;
        return (struct plan){below,
                             SAY(x, "score %.2f %s %.2f", d->score, below ? "below" : "at least", d->threshold)};
    }
    if (d->score < d->threshold - FAR_BELOW) {
        return (struct plan){true, SAY(x, "score %.2f far below %.2f", d->score, d->threshold)};
    }
    return (struct plan){false, SAY(x, "cascade: the device first, threshold %.2f", d->threshold)};
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
        if ((local > 0) == is_local(c->backend) && (out == IN ? service_failed(c->out) : c->out == out)) {
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

static bool lost_ability(const struct deciding *x, size_t offset_state, size_t offset_backend)
{
    bool here = false;
    bool there = false;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        bool can = *(const bool *)((const char *)c->state + offset_state) ||
                   (c->backend->api != API_LOCAL && *(const bool *)((const char *)c->backend + offset_backend));
        here |= can && c->out == IN;
        there |= can && service_failed(c->out);
    }
    return there && !here;
}

static int64_t widest_context(const struct deciding *x, bool here)
{
    int64_t widest = 0;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        if (here ? c->out == IN : service_failed(c->out)) {
            int64_t context = c->state->context > 0 ? c->state->context : c->backend->context;
            widest = MAX(widest, context);
        }
    }
    return widest;
}

#define LOST(x, what) lost_ability((x), offsetof(struct backend_state, what), offsetof(struct backend, what))

static void list_what_is_less(struct deciding *x)
{
    struct decision *d = x->d;
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

/* The other side was wanted and could not be had. Null while the caller's preference is honoured. */
static void judge_service(struct deciding *x, const struct order *o)
{
    struct decision *d = x->d;
    bool takes_device = x->take && o->first_local_count && means(x, x->take->then.take, o->first_local[0]);
    bool wants_cloud = (x->mode == MODE_AUTO || x->mode == MODE_PREFER_IN_CLOUD) && !x->forced && !x->must_stay &&
                       !takes_device && strcmp(d->strategy, "device") != 0;
    if (o->remote_count == 0 && wants_cloud && side_failed(x, 0, IN)) {
        d->degraded = side_failed(x, 0, OUT_OFFLINE)  ? DEGRADED_OFFLINE
                      : side_failed(x, 0, OUT_BUDGET) ? DEGRADED_BUDGET
                                                      : DEGRADED_CLOUD_FAILED;
        list_what_is_less(x);
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

/* ---- nobody is left ---- */

static bool any_out(const struct deciding *x, enum why_out from, enum why_out to)
{
    for (int i = 0; i < x->count; i++) {
        if (x->candidates[i].out >= from && x->candidates[i].out <= to) {
            return true;
        }
    }
    return false;
}

static struct span everybodys_reason(struct deciding *x)
{
    struct span text = SPAN_NONE;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        text = SAY(x, "%.*s%s%s: %.*s", SPAN_ARG(text), text.len ? "; " : "", c->backend->name, SPAN_ARG(c->why));
    }
    return text;
}

static void fail_for_all(struct deciding *x)
{
    struct span reasons = everybodys_reason(x);
    enum err err = ERR_NO_BACKEND;
    const char *head = "no backend can answer";
    if (any_out(x, OUT_PRIVACY, OUT_PRIVACY) || any_out(x, OUT_RULE, OUT_LABEL)) {
        err = ERR_POLICY;
        head = "policy forbids every backend that could answer";
    } else if (any_out(x, OUT_BUDGET, OUT_COST)) {
        err = ERR_BUDGET;
        head = "the budget does not allow an answer";
    } else if (any_out(x, OUT_CONTEXT, OUT_CONTEXT) && !any_out(x, OUT_OFFLINE, OUT_UNUSABLE) &&
               !any_out(x, OUT_CAPABILITY, OUT_CAPABILITY)) {
        err = ERR_CONTEXT_LENGTH;
        head = "the prompt is too long";
    } else if (any_out(x, OUT_BUSY, OUT_BUSY) && !any_out(x, OUT_CAPABILITY, OUT_BREAKER) &&
               !any_out(x, OUT_DEAD, OUT_DEAD)) {
        err = ERR_OVERLOADED;
        head = "every backend is busy";
    }
    fail(x, err, SAY(x, "%s: %.*s", head, SPAN_ARG(reasons)));
}

/* ---- all together ---- */

/* A decision's texts become header values. */
static struct span one_line(struct arena *arena, struct span s)
{
    struct span copy = arena_copy(arena, s);
    for (size_t i = 0; i < copy.len; i++) {
        char *c = (char *)(uintptr_t)copy.data + i;
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = ' ';
        }
    }
    return copy;
}

static const struct backend *first_priced_cloud(const struct config *c)
{
    for (int i = 0; i < c->backends_count; i++) {
        if (c->backends[i].tier == TIER_CLOUD && price_known(&c->backends[i].price)) {
            return &c->backends[i];
        }
    }
    return NULL;
}

static void begin(struct deciding *x, struct router *r, const struct facts *f, struct decision *d)
{
    *d = (struct decision){.score = -1,
                           .threshold = -1,
                           .max_cost_usd_nano = f->request->options.max_cost_usd_nano,
                           .deadline_us = (uint64_t)MAX(f->request->options.max_latency_ms, 0) * 1000,
                           .always_cloud = first_priced_cloud(r->config),
                           .budget_refuses = r->config->budget_refuses,
                           .strategy = r->config->strategy};
    *x = (struct deciding){.router = r,
                           .config = r->config,
                           .facts = f,
                           .request = f->request,
                           .arena = f->request->arena,
                           .d = d,
                           .mode = f->request->options.mode,
                           .count = MIN(r->config->backends_count, BACKENDS_MAX)};
    for (int i = 0; i < x->count; i++) {
        const struct backend *b = &r->config->backends[i];
        x->candidates[i] = (struct candidate){.backend = b, .state = &f->backends[b->index]};
        if (b->tier == TIER_HUMAN) {
            candidate_out(&x->candidates[i], OUT_TIER, SPAN("a review queue is not built in yet"));
        }
    }
}

static void narrow_down(struct deciding *x)
{
    struct rule_result *results = ARENA_ARRAY(x->arena, struct rule_result, MAX(x->config->rules_count, 1));
    read_rules(x, results);
    rule_privacy(x);
    rule_mode(x);
    rule_model(x);
    rule_strategy(x);
    apply_rules(x, results);
    filter_capability(x);
    filter_health(x);
    filter_cost(x);
}

static void score(struct deciding *x)
{
    struct score s = x->router->scorer->score(x->router->scorer_self, x->facts);
    x->d->score = s.p_device;
    verdict_add(x, "score", VERDICT_PASS, SAY(x, "P(device good enough) %.2f, %s", s.p_device, s.source));
}

/* `on_exhausted: refuse` and the first to be asked would cost more than is left. */
static void check_refusal(struct deciding *x)
{
    struct decision *d = x->d;
    int64_t left = x->facts->budget_left_usd_nano;
    if (left >= 0 && d->budget_refuses && d->err == OK && !is_local(d->backends[0]) &&
        cost_at_most(x->facts, d->backends[0]) > left) {
        fail(x, ERR_BUDGET, SPAN("the budget is used up"));
    }
}

static void settle_order(struct deciding *x)
{
    struct decision *d = x->d;
    struct span battery = rule_battery(x);
    struct span task = rule_task(x);
    struct order o = {.remote_count = 0};
    score(x);
    if (x->take) {
        collect(x, &o, true);
    }
    collect(x, &o, false);
    d->strategy = strategy_for(x, &o);
    if (strcmp(d->strategy, "cascade") == 0 || strcmp(d->strategy, "split") == 0) {
        d->threshold = threshold_for(x);
        d->threshold_calibrated = false;
    }
    struct plan plan = plan_sides(x, &o, battery, task);
    if (strcmp(d->strategy, "device") == 0) { /* one leg, whoever asked for it */
        o.remote_count = 0;
    } else if (strcmp(d->strategy, "cloud") == 0) {
        o.first_local_count = o.last_local_count = 0;
    }
    put_in_order(d, &o, plan.remote_first);
    if (d->backends_count == 0) {
        fail(x, ERR_NO_BACKEND, SAY(x, "no backend can answer: policy %s and %.*s", d->strategy,
                                    SPAN_ARG(everybodys_reason(x))));
        return;
    }
    judge_service(x, &o);
    struct span why = x->must_stay                                                  ? x->d->rules[0].why
                      : x->mode == MODE_ONLY_ON_DEVICE || x->mode == MODE_ONLY_IN_CLOUD ? SAY(x, "mode %s", mode_name(x->mode))
                      : x->forced && span_given(x->request->options.strategy)       ? SAY(x, "strategy %s was asked for", x->strategy)
                      : x->forced                                                   ? SAY(x, "%s was asked for", d->backends[0]->name)
                                                                                    : plan.why;
    struct span gap = missing(x);
    d->reason = one_line(x->arena, gap.len ? SAY(x, "%.*s%.*s", SPAN_ARG(why), SPAN_ARG(gap)) : why);
    verdict_add(x, "policy", VERDICT_TAKE, SAY(x, "%s: %s first", d->strategy, d->backends[0]->name));
    check_refusal(x);
}

void router_decide(struct router *r, const struct facts *f, struct decision *out)
{
    struct deciding x;
    begin(&x, r, f, out);
    narrow_down(&x);
    if (out->err == OK && count_in(&x, -1) == 0) {
        fail_for_all(&x);
    }
    if (out->err == OK) {
        settle_order(&x);
    }
    if (out->err != OK) {
        out->backends_count = out->local_count = 0;
        out->err_text = one_line(x.arena, out->err_text);
        out->reason = out->err_text;
    }
}

/* ---- making one ---- */

static enum err check_strategy(const char *name, const char *where, struct fault *fault)
{
    if (!name || known_strategy(span_c(name))) {
        return OK;
    }
    return fault_set(fault, ERR_INVALID, "%s: strategy %s is not built in yet; there are device, cloud, fallback, "
                     "cascade and split", where, name);
}

enum err router_new(struct config *c, const struct scorer_type *scorer, void *scorer_self, struct router **out,
                    struct fault *fault)
{
    enum err err = check_strategy(c->strategy, "policy", fault);
    struct router *r = NEW(struct router);
    r->config = config_ref(c);
    r->scorer = scorer;
    r->scorer_self = scorer_self;
    r->matches = NEW_ARRAY(struct regex *, MAX(c->rules_count, 1));
    for (int i = 0; !err && i < c->rules_count; i++) {
        const struct rule *rule = &c->rules[i];
        err = check_strategy(rule->then.strategy, rule->name, fault);
        if (!err && rule->when.matches) {
            err = regex_new(rule->when.matches, 0, &r->matches[i], fault);
            if (err) {
                fault_prefix(fault, "rule %s: matches: ", rule->name);
            }
        }
    }
    if (err) {
        router_free(r);
        return err;
    }
    *out = r;
    return OK;
}

void router_free(struct router *r)
{
    if (!r) {
        return;
    }
    for (int i = 0; i < r->config->rules_count; i++) {
        regex_free(r->matches[i]);
    }
    mem_free(r->matches);
    config_unref(r->config);
    mem_free(r);
}
