/* SPDX-License-Identifier: Apache-2.0 */
#include "server/policy.h"

/* Types that some rule asks for: found, though they may leave. NULL-terminated, owned; the names are the config's. */
static const char **watched_types(const struct config *c)
{
    size_t n = 0;
    for (int i = 0; i < c->rules_count; i++) {
        for (const char *const *t = c->rules[i].when.pii_types; t && *t; t++) {
            n++;
        }
    }
    const char **list = NEW_ARRAY(const char *, n + 1);
    n = 0;
    for (int i = 0; i < c->rules_count; i++) {
        for (const char *const *t = c->rules[i].when.pii_types; t && *t; t++) {
            list[n++] = *t;
        }
    }
    return list;
}

enum err policy_compile(const struct config *c, bool every_type, struct privacy_policy **out,
                        struct fault *fault)
{
    const char **types = NEW_ARRAY(const char *, c->custom_count + 1);
    const char **patterns = NEW_ARRAY(const char *, c->custom_count + 1);
    for (int i = 0; i < c->custom_count; i++) {
        types[i] = c->custom[i].type;
        patterns[i] = c->custom[i].pattern;
    }
    const char **watched = watched_types(c);
    enum err err = privacy_policy_new(
        &(struct privacy_policy_options){
            .types_default = c->types_default,
            .types_all = every_type,
            .types = c->types,
            .never_leave = c->never_leave,
            .watched = watched,
            .allow = every_type ? NULL : c->allow,
            .custom_types = types,
            .custom_patterns = patterns,
        },
        out, fault);
    mem_free(watched);
    mem_free(types);
    mem_free(patterns);
    return err;
}
