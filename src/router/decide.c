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
 *   score       what the device is expected to do as well, for split and cascade
 *   policy      the strategy and the order of those who are left
 */
#include "router/inside.h"

/* ---- verdicts ---- */

void verdict_add(struct deciding *x, const char *rule, enum verdict v, struct span why)
{
    struct decision *d = x->d;
    if (d->rules_count == d->rules_room && d->rules_room < RULES_MAX) {
        int room = MIN(MAX(2 * d->rules_room, 8), RULES_MAX);
        struct rule_verdict *rules = ARENA_ARRAY(x->arena, struct rule_verdict, room);
        if (d->rules_count) {
            memcpy(rules, d->rules, sizeof *rules * (size_t)d->rules_count);
        }
        d->rules = rules;
        d->rules_room = room;
    }
    if (d->rules_count < d->rules_room) {
        d->rules[d->rules_count++] = (struct rule_verdict){.rule = rule, .verdict = v, .why = why};
    }
}

void out_all(struct deciding *x, int local, enum why_out out, struct span why)
{
    for (int i = 0; i < x->count; i++) {
        if ((local > 0) == is_local(x->candidates[i].backend)) {
            candidate_out(&x->candidates[i], out, why);
        }
    }
}

/* Does `word` (a tier or a backend's name; the name is stronger) mean this backend? */
bool means(const struct deciding *x, const char *word, const struct backend *b)
{
    enum tier tier = TIER_COUNT;
    if (config_backend(x->config, span_c(word))) {
        return strcmp(word, b->name) == 0;
    }
    return tier_from(span_c(word), &tier) && tier == b->tier;
}

const char *known_strategy(struct span name)
{
    for (const char *const *s = strategies_built; *s; s++) {
        if (span_is(name, *s)) {
            return *s;
        }
    }
    return NULL;
}

void decision_fail(struct deciding *x, enum err err, struct span text)
{
    if (x->d->err == OK) {
        x->d->err = err;
        x->d->err_text = text;
    }
}

/* ---- nobody is left ---- */

/* Bytes of a message that reach the client (struct fault): what can be done about it matters more than all reasons. */
#define FAULT_ROOM 380

bool any_out(const struct deciding *x, enum why_out from, enum why_out to)
{
    for (int i = 0; i < x->count; i++) {
        if (x->candidates[i].out >= from && x->candidates[i].out <= to) {
            return true;
        }
    }
    return false;
}

struct span everybodys_reason(struct deciding *x)
{
    struct span text = SPAN_NONE;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        text = SAY(x, "%.*s%s%s: %.*s", SPAN_ARG(text), text.len ? "; " : "", c->backend->name,
                   SPAN_ARG(c->why));
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
    struct span options = err == ERR_POLICY ? x->d->hint : SPAN_NONE;
    size_t room = MAX(FAULT_ROOM - MIN(strlen(head) + options.len, (size_t)FAULT_ROOM), (size_t)80);
    decision_fail(x, err,
                  SAY(x, "%s: %.*s%s%.*s", head, SPAN_ARG(span_first(reasons, room)),
                      options.len ? ". " : "", SPAN_ARG(options)));
}

/* ---- all together ---- */

struct span one_line(struct arena *arena, struct span s)
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
                           .propensity = 1,
                           .threshold = -1,
                           .score_threshold = -1,
                           .quality = -1,
                           .max_cost_usd_nano = f->request->options.max_cost_usd_nano,
                           .deadline_us =
                               (uint64_t)MAX(f->request->options.max_latency_ms, 0) * 1000,
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
    struct rule_result *results =
        ARENA_ARRAY(x->arena, struct rule_result, MAX(x->config->rules_count, 1));
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
    return fault_set(fault, ERR_INVALID,
                     "%s: strategy %s is not built in yet; there are device, cloud, fallback, "
                     "cascade and split",
                     where, name);
}

enum err router_new(struct config *c, const struct scorer_type *scorer, void *scorer_self,
                    struct router **out, struct fault *fault)
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

void router_use_calibrations(struct router *r, const struct calibrations *all)
{
    r->calibrations = all;
    r->memo = (struct threshold_memo){.of = NULL};
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
