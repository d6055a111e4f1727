/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of a config rule. All keys that are set must hold; the first that does not is the "why". */
#include "router/inside.h"

static bool any_matches(struct span s, const char *const *patterns)
{
    for (; *patterns; patterns++) {
        if (span_matches(s, span_c(*patterns))) {
            return true;
        }
    }
    return false;
}

static bool any_is(struct span s, const char *const *words)
{
    for (; *words; words++) {
        if (span_is(s, *words)) {
            return true;
        }
    }
    return false;
}

struct looking {
    const struct facts *f;
    struct arena *arena;
    struct span why;
};

#define NOT(l, ...) ((l)->why = arena_printf((l)->arena, __VA_ARGS__), false)

static bool sizes_hold(struct looking *l, const struct rule_when *w)
{
    int64_t tokens = l->f->prompt_tokens;
    if (w->max_prompt_tokens >= 0 && tokens > w->max_prompt_tokens) {
        return NOT(l, "%ld prompt tokens, over %ld", (long)tokens, (long)w->max_prompt_tokens);
    }
    if (w->min_prompt_tokens >= 0 && tokens < w->min_prompt_tokens) {
        return NOT(l, "%ld prompt tokens, under %ld", (long)tokens, (long)w->min_prompt_tokens);
    }
    return true;
}

static bool kind_holds(struct looking *l, const struct rule_when *w)
{
    if (w->tasks && !(w->tasks & (1u << task_in_force(l->f)))) {
        return NOT(l, "the task is %s", task_name(task_in_force(l->f)));
    }
    if (w->languages && !(l->f->language && any_is(span_c(l->f->language), w->languages))) {
        return NOT(l, "the language is %s", l->f->language ? l->f->language : "unknown");
    }
    return true;
}

static bool flag_holds(struct looking *l, int wanted, bool is, const char *what)
{
    return wanted < 0 || wanted == (int)is || NOT(l, "%s %s", is ? "has" : "has no", what);
}

static bool pii_holds(struct looking *l, const struct rule_when *w)
{
    bool found = l->f->findings_count > 0 || l->f->scan_failed;
    if (!flag_holds(l, w->pii, found, "personal data")) {
        return false;
    }
    if (!w->pii_types || l->f->scan_failed) { /* an unreadable prompt may hold anything */
        return true;
    }
    for (int i = 0; i < l->f->findings_count; i++) {
        if (any_is(span_c(l->f->findings[i].type), w->pii_types)) {
            return true;
        }
    }
    return NOT(l, "none of the types was found");
}

static bool device_holds(struct looking *l, const struct rule_when *w)
{
    const struct device_facts *d = &l->f->device;
    if (w->battery_below >= 0 && !(d->battery >= 0 && d->battery < w->battery_below)) {
        return d->battery < 0 ? NOT(l, "no battery is known")
                              : NOT(l, "the battery is at %.0f %%", d->battery * 100);
    }
    if (w->hotter_than_c >= 0 && !(d->temperature_c > w->hotter_than_c)) {
        return d->temperature_c < -273 ? NOT(l, "no temperature is known")
                                       : NOT(l,
                                             "the temperature is %.0f \xc2\xb0"
                                             "C",
                                             d->temperature_c);
    }
    if (w->networks && !(w->networks & (1u << d->network))) {
        return NOT(l, "the network is %s", network_name(d->network));
    }
    return true;
}

static bool headers_hold(struct looking *l, const struct rule_when *w)
{
    const char *const *value = w->header_values;
    for (const char *const *name = w->header_names; name && *name; name++, value++) {
        struct span given = json_str(json_get(l->f->request->headers, *name));
        if (!span_given(given) || !span_matches(given, span_c(*value))) {
            return NOT(l, "header %s %s", *name,
                       span_given(given) ? "says something else" : "is not there");
        }
    }
    return true;
}

static bool caller_holds(struct looking *l, const struct rule_when *w)
{
    struct span client = l->f->request->client;
    if (w->models && !any_matches(l->f->request->model, w->models)) {
        return NOT(l, "another model was asked for");
    }
    if (w->keys && !(span_given(client) && any_is(client, w->keys))) {
        return NOT(l, "another key");
    }
    return true;
}

static bool hour_holds(struct looking *l, const struct rule_when *w)
{
    if (w->hour_from < 0) {
        return true;
    }
    int h = l->f->hour;
    bool in = w->hour_from <= w->hour_to ? h >= w->hour_from && h < w->hour_to
                                         : h >= w->hour_from || h < w->hour_to;
    return in || NOT(l, "it is %d o'clock", h);
}

/* A pattern that ran out of steps may or may not match: a rule that protects then holds, one that only prefers
 * does not. */
static bool pattern_holds(struct looking *l, const struct rule *rule, const struct regex *regex)
{
    if (!regex) {
        return true;
    }
    switch (regex_search(regex, l->f->last_user, 0, NULL, NULL)) {
    case REGEX_MATCH:
        return true;
    case REGEX_NO_MATCH:
        return NOT(l, "the pattern does not match");
    case REGEX_GAVE_UP:
        break;
    }
    bool protects = rule->then.forbid || rule->then.require || rule->then.privacy >= 0;
    return protects || NOT(l, "the pattern took too long");
}

bool when_holds(const struct router *r, int index, const struct facts *f, struct arena *arena,
                struct span *out_why)
{
    const struct rule *rule = &r->config->rules[index];
    const struct rule_when *w = &rule->when;
    struct looking l = {.f = f, .arena = arena, .why = SPAN("all conditions hold")};
    bool holds = sizes_hold(&l, w) && kind_holds(&l, w) &&
                 flag_holds(&l, w->has_tools, f->request->has_tools, "tools") &&
                 flag_holds(&l, w->has_images, f->request->has_images, "images") &&
                 flag_holds(&l, w->json_schema, f->request->json_schema, "a JSON schema") &&
                 pii_holds(&l, w) && device_holds(&l, w) && headers_hold(&l, w) &&
                 caller_holds(&l, w) && hour_holds(&l, w) &&
                 pattern_holds(&l, rule, r->matches[index]);
    *out_why = l.why;
    return holds;
}
