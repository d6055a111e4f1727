/* SPDX-License-Identifier: Apache-2.0 */
#include "strategy/strategy.h"

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
    return strategies_built;
}
