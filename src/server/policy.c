/* SPDX-License-Identifier: Apache-2.0 */
#include "server/policy.h"

enum err policy_compile(const struct config *c, bool every_type, struct privacy_policy **out,
                        struct fault *fault)
{
    const char **types = NEW_ARRAY(const char *, c->custom_count + 1);
    const char **patterns = NEW_ARRAY(const char *, c->custom_count + 1);
    for (int i = 0; i < c->custom_count; i++) {
        types[i] = c->custom[i].type;
        patterns[i] = c->custom[i].pattern;
    }
    enum err err = privacy_policy_new(
        &(struct privacy_policy_options){
            .types_default = c->types_default,
            .types_all = every_type,
            .types = c->types,
            .never_leave = c->never_leave,
            .allow = every_type ? NULL : c->allow,
            .custom_types = types,
            .custom_patterns = patterns,
        },
        out, fault);
    mem_free(types);
    mem_free(patterns);
    return err;
}
