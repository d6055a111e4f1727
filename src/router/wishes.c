/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may answer: the rules of the config, privacy, and what the caller says (mode,
 * model, strategy), in the order of decide.c. Each takes candidates away.
 */
#include "router/inside.h"

/* Verdicts are kept for this many rules of the config; all of them count. */
#define RULES_SHOWN 48

/* ---- consent ---- */

static bool is_listed(const char *const *list, const char *word)
{
    for (; list && *list; list++) {
        if (strcmp(*list, word) == 0) {
            return true;
        }
    }
    return false;
}

/* A rule's level, or `default`'s, less what a person agreed to lift. */
static enum privacy_level level_of(struct deciding *x, const char *rule, enum privacy_level level)
{
    const struct consent *c = x->facts->consent;
    if (level != PRIVACY_LOCAL || !c || !is_listed(c->rules, rule)) {
        return level;
    }
    x->lifted = true;
    return c->level;
}

/* ---- the config's rules ---- */

void read_rules(struct deciding *x, struct rule_result *results)
{
    x->d->privacy = level_of(x, "default", x->config->privacy_default);
    for (int i = 0; i < x->config->rules_count; i++) {
        const struct rule *rule = &x->config->rules[i];
        results[i].holds = when_holds(x->router, i, x->facts, x->arena, &results[i].why);
        if (results[i].holds && rule->then.privacy > (int)x->d->privacy) {
            enum privacy_level level =
                level_of(x, rule->name, (enum privacy_level)rule->then.privacy);
            x->privacy_rule = level > x->d->privacy ? rule->name : x->privacy_rule;
            x->d->privacy = MAX(x->d->privacy, level);
        }
        x->d->media_may_leave |= results[i].holds && rule->then.allow_media == 1;
        if (results[i].holds && rule->then.take && !x->take) {
            x->take = rule;
        }
        if (results[i].holds && rule->then.strategy && !x->strategy) {
            x->strategy = rule->then.strategy;
        }
    }
}

/* Forbidding is generous: a word that is both a backend's name and a tier forbids both. */
static bool forbids(const struct rule *rule, const struct backend *b)
{
    return strcmp(rule->then.forbid, b->name) == 0 ||
           strcmp(rule->then.forbid, tier_name(b->tier)) == 0;
}

static bool apply_forbid(struct deciding *x, const struct rule *rule)
{
    bool any = false;
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        if (forbids(rule, c->backend)) {
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
            candidate_out(c, OUT_LABEL,
                          SAY(x, "rule %s requires the label %s", rule->name, rule->then.require));
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
        said = SAY(x, "%.*s, but rule %s", SPAN_ARG(why),
                   x->take ? x->take->name : "something stronger decides");
    } else if (verdict == VERDICT_PASS && rule->then.privacy >= 0) {
        said = SAY(x, "%.*s: privacy %s", SPAN_ARG(why),
                   privacy_level_name((enum privacy_level)rule->then.privacy));
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
                    !(x->mode == MODE_PREFER_IN_CLOUD && local) &&
                    !(x->mode == MODE_PREFER_ON_DEVICE && !local);
    }
    if (!possible || x->forced || span_given(x->request->options.strategy)) {
        x->take = NULL;
    }
}

/* policy.caps: this key has had its share of other tiers for now. */
static void apply_cap(struct deciding *x)
{
    const struct guard_facts *g = &x->facts->guard;
    if (!g->capped) {
        return;
    }
    bool any = count_in(x, 0) > 0;
    struct span why = SAY(x, "this key has used up its share of %.4g of other tiers", g->cap);
    out_all(x, 0, OUT_RULE, why);
    verdict_add(x, "cap", VERDICT_FORBID, why);
    if (any && count_in(x, 1) > 0 && !x->d->kept_rule) {
        x->d->kept_rule = "cap";
    }
}

void apply_rules(struct deciding *x, const struct rule_result *results)
{
    apply_cap(x);
    check_take(x);
    for (int i = 0; i < x->config->rules_count; i++) {
        const struct rule *rule = &x->config->rules[i];
        if (results[i].holds) {
            apply_rule(x, rule, results[i].why);
        } else if (x->d->rules_count < RULES_SHOWN) {
            verdict_add(x, rule->name, VERDICT_PASS,
                        SAY(x, "does not apply: %.*s", SPAN_ARG(results[i].why)));
        }
    }
    check_take(x); /* its target may have been forbidden by a later rule */
}

/* ---- privacy ---- */

/* The first kind of finding that nobody let go. */
static const struct finding_count *never_leaving(struct deciding *x)
{
    const struct facts *f = x->facts;
    for (int i = 0; i < f->findings_count; i++) {
        bool agreed = f->consent && is_listed(f->consent->types, f->findings[i].type);
        x->lifted |= agreed && f->findings[i].never_leave;
        if (f->findings[i].never_leave && !agreed) {
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

/* Where an entry of privacy.consent lets this go to, or NULL. */
static const char *consent_target(const struct deciding *x, const char *rule, const char *type)
{
    const struct config *c = x->config;
    for (int i = 0; i < c->consent_count; i++) {
        const struct consent_entry *e = &c->consent[i];
        bool caller = !e->keys;
        for (const char *const *key = e->keys; key && *key && !caller; key++) {
            caller = span_is(x->request->client, *key);
        }
        if (caller && (type ? is_listed(e->types, type) : is_listed(e->rules, rule))) {
            return e->to[0];
        }
    }
    return NULL;
}

/* One sentence with what can be done about it. */
static struct span options_text(struct deciding *x, const char *rule, const char *type)
{
    const char *config_rule = strcmp(rule, "privacy") == 0 ? "default" : rule;
    const char *to = consent_target(x, config_rule, type);
    if (x->facts->scan_failed) {
        return SPAN("Shorten it, or ask the device (X-Weir-Mode: only_on_device).");
    }
    if (to) {
        return SAY(
            x,
            "POST /weir/v1/consent with the same body asks what would go to %s and gives a one-time id for "
            "X-Weir-Consent; weir ask and weir chat ask you on the terminal.",
            to);
    }
    if (type) {
        return SAY(
            x,
            "Leave the %s out, or let people decide with a line in the config: privacy: { consent: [ { types: "
            "[%s], to: [cloud] } ] }.",
            type, type);
    }
    return SAY(
        x,
        "Ask the device, or let people decide with a line in the config: privacy: { consent: [ { rules: [%s], "
        "to: [cloud] } ] }.",
        config_rule);
}

static void keep_home(struct deciding *x, const char *rule, const char *type, struct span why,
                      struct span options)
{
    bool kept = count_in(x, 0) > 0;
    x->must_stay = rule;
    x->d->privacy = PRIVACY_LOCAL;
    if (kept) {
        x->d->kept_rule = rule;
        x->d->kept_type = type;
        x->d->hint = options;
    }
    out_all(x, 0, OUT_PRIVACY, why);
    verdict_add(x, "privacy", VERDICT_FORBID, why);
}

static const char media_options[] =
    "Nobody can scan them; this line under policy.rules lets them leave: - { name: media, when: { has_images: true }, "
    "then: { allow_media: true } }";

static void keep_media(struct deciding *x)
{
    keep_home(x, "media", NULL, SPAN("`redact` keeps pictures, sounds and files on the device"),
              span_c(media_options));
}

/* A person agreed to one backend: it goes there or nowhere. */
static void follow_consent(struct deciding *x)
{
    const struct consent *c = x->facts->consent;
    struct span why = SAY(x, "consent was given for %s", c->to->name);
    for (int i = 0; i < x->count; i++) {
        if (strcmp(x->candidates[i].backend->name, c->to->name) != 0) {
            candidate_out(&x->candidates[i], OUT_PRIVACY, why);
        }
    }
    x->d->consent = c;
    x->forced = true;
    verdict_add(x, "consent", VERDICT_TAKE, why);
}

void rule_privacy(struct deciding *x)
{
    const struct request_options *o = &x->request->options;
    struct decision *d = x->d;
    if (o->privacy_given && o->privacy < d->privacy) {
        struct span text =
            SAY(x, "privacy %s would loosen the policy's %s%s%s", privacy_level_name(o->privacy),
                privacy_level_name(d->privacy), x->privacy_rule ? " of rule " : "",
                x->privacy_rule ? x->privacy_rule : "");
        verdict_add(x, "privacy", VERDICT_FORBID, text);
        decision_fail(x, ERR_POLICY, text);
        return;
    }
    bool by_caller = o->privacy_given && o->privacy > d->privacy;
    if (by_caller) {
        d->privacy = o->privacy;
    }
    const struct finding_count *never = never_leaving(x);
    if (x->facts->scan_failed) {
        keep_home(
            x, "privacy", NULL,
            SAY(x,
                "the prompt could not be scanned for personal data (%s), so it must stay on the device",
                x->facts->scan_why ? x->facts->scan_why : "detector failed"),
            options_text(x, "privacy", NULL));
    } else if (never) {
        keep_home(x, "never_leave", never->type,
                  SAY(x, "never_leave: %s must not leave the device%s", never->type,
                      never->count ? "" : ", and this session held one"),
                  options_text(x, "never_leave", never->type));
    } else if (d->privacy == PRIVACY_LOCAL) {
        const char *rule = x->privacy_rule && !by_caller ? x->privacy_rule : "privacy";
        keep_home(
            x, rule, NULL,
            SAY(x, "privacy local%s: nothing leaves the device", by_caller ? ", as asked" : ""),
            by_caller ? SPAN("It was asked to stay; ask without `local` to let the policy decide.")
                      : options_text(x, rule, NULL));
    } else if (d->privacy == PRIVACY_REDACT && x->facts->has_media && !d->media_may_leave) {
        keep_media(x);
    } else {
        verdict_add(x, "privacy", VERDICT_PASS,
                    SAY(x, "%s: %.*s", privacy_level_name(d->privacy), SPAN_ARG(findings_text(x))));
        if (x->facts->consent && x->lifted && !x->must_stay) {
            follow_consent(x);
        }
    }
}

/* ---- what the caller says ---- */

void rule_mode(struct deciding *x)
{
    struct span why =
        x->mode == MODE_AUTO ? SPAN("mode auto") : SAY(x, "mode %s", mode_name(x->mode));
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

void rule_model(struct deciding *x)
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
        verdict_add(x, "model", VERDICT_TAKE,
                    SAY(x, "%s %s was asked for", b ? "backend" : "tier", word));
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
    decision_fail(x, ERR_MODEL_NOT_FOUND, text);
}

void rule_strategy(struct deciding *x)
{
    struct span asked = x->request->options.strategy;
    if (!span_given(asked)) {
        return;
    }
    const char *name = known_strategy(asked);
    if (!name) {
        decision_fail(x, ERR_INVALID,
                      SPAN("X-Weir-Strategy must be device, cloud, fallback, cascade or split"));
        verdict_add(x, "strategy", VERDICT_FORBID, SPAN("unknown strategy"));
        return;
    }
    x->strategy = name;
    if (!x->forced && (strcmp(name, "device") == 0 || strcmp(name, "cloud") == 0)) {
        out_all(x, strcmp(name, "cloud") == 0, OUT_STRATEGY,
                SAY(x, "strategy %s was asked for", name));
        x->forced = true;
    }
    verdict_add(x, "strategy", VERDICT_TAKE, SAY(x, "strategy %s was asked for", name));
}
