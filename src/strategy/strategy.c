/* SPDX-License-Identifier: Apache-2.0 */
#include "strategy/strategy.h"

#include <assert.h>

static const struct strategy *const strategies[] = {
    &strategy_device, &strategy_cloud, &strategy_fallback, &strategy_cascade, &strategy_split,
};

const struct strategy *strategy_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
        if (span_is(name, strategies[i]->name)) {
            return strategies[i];
        }
    }
    return NULL;
}

const char *const *strategy_names(void)
{
    static const char *const names[] = {"device", "cloud", "fallback", "cascade", "split", NULL};
    static_assert(ARRAY_LEN(names) == ARRAY_LEN(strategies) + 1, "one name per strategy");
    return names;
}
