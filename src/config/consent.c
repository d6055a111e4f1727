/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `privacy.consent`: what a person may let go, in the config's words.
 *
 *   consent:
 *     - { types: [CREDIT_CARD], to: [cloud], keys: [ann], level: redact }
 *     - { rules: [legal-stays], to: [europe] }
 *
 * `to` is needed: whoever loosens says towards whom. `level` says how it leaves:
 * `redact` (the default) as pseudonyms, `open` as it is.
 */
#include "config/sections.h"

#define CONSENT_MAX 64
#define IN(member) offsetof(struct consent_entry, member)

static void read_types(struct reader *r, struct value v, const struct field *f, void *base)
{
    (void)f;
    ((struct consent_entry *)base)->types = reader_list(r, v, is_type_name, TYPE_NAME_HINT);
}

static const char *const level_words[] = {"open", "redact", NULL}; /* as enum privacy_level */

static const struct field consent_fields[] = {
    {.key = "types", .read = read_types},
    {.key = "rules", .read = read_texts, .offset = IN(rules)},
    {.key = "to", .read = read_texts, .offset = IN(to)},
    {.key = "keys", .read = read_texts, .offset = IN(keys)},
    {.key = "level", .read = read_word_index, .offset = IN(level), .words = level_words},
    {.key = NULL},
};

const struct consent_entry *consent_read(struct reader *r, struct value v, int *out_count)
{
    size_t count = value_len(v);
    if (!value_is_list(v) || count > CONSENT_MAX) {
        reader_wrong(
            r, v,
            "expected a list of at most %d entries, each `{ types: [CREDIT_CARD], to: [cloud] }`",
            CONSENT_MAX);
        return NULL;
    }
    struct consent_entry *entries = ARENA_ARRAY(r->arena, struct consent_entry, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct value here = value_at(r, v, i);
        entries[i] = (struct consent_entry){.level = PRIVACY_REDACT, .line = value_line(here)};
        reader_map(r, here, consent_fields, &entries[i]);
        bool what =
            (entries[i].types && entries[i].types[0]) || (entries[i].rules && entries[i].rules[0]);
        if (value_is_map(here) && !what) {
            reader_wrong(
                r, here,
                "needs types (of never_leave) or rules (with `privacy: local`): what may be loosened");
        }
        if (value_is_map(here) && !(entries[i].to && entries[i].to[0])) {
            reader_wrong(r, here,
                         "needs to: the backends or tiers that it may go to, like [cloud]");
        }
    }
    *out_count = (int)count;
    return entries;
}

/* A backend beyond the device, or the word for such a tier. */
static bool leads_out(const struct config *c, struct span name)
{
    const struct backend *b = config_backend(c, name);
    enum tier tier = b ? b->tier : TIER_DEVICE;
    return b ? tier != TIER_DEVICE : tier_from(name, &tier) && tier != TIER_DEVICE;
}

static bool rule_exists(const struct config *c, const char *name)
{
    bool found = strcmp(name, "default") == 0;
    for (int i = 0; i < c->rules_count && !found; i++) {
        found = c->rules[i].name && strcmp(c->rules[i].name, name) == 0;
    }
    return found;
}

void consent_check(struct reader *r, const struct config *c)
{
    for (int i = 0; i < c->consent_count; i++) {
        const struct consent_entry *e = &c->consent[i];
        for (const char *const *to = e->to; to && *to; to++) {
            if (!leads_out(c, span_c(*to))) {
                reader_wrong_at(
                    r, e->line,
                    "privacy.consent[%d].to: `%s` is neither edge, cloud nor a backend beyond the device",
                    i, reader_shown(r, span_c(*to)));
            }
        }
        for (const char *const *rule = e->rules; rule && *rule; rule++) {
            if (!rule_exists(c, *rule)) {
                reader_wrong_at(
                    r, e->line,
                    "privacy.consent[%d].rules: there is no rule `%s` under policy.rules "
                    "(`default` means privacy.default)",
                    i, reader_shown(r, span_c(*rule)));
            }
        }
        if (e->keys && !c->keys_file) {
            reader_wrong_at(
                r, e->line,
                "privacy.consent[%d].keys: without auth.keys_file nobody has a name, so nobody "
                "could consent",
                i);
        }
    }
}
