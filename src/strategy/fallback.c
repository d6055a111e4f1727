/* SPDX-License-Identifier: Apache-2.0 */
/* The decision's backends in order; the next one on a failure before the first shown byte. */
#include "strategy/plain.h"
#include "strategy/strategy.h"

static void step(void *state, struct flow *f, const struct event *ev)
{
    struct plain *p = state;
    p->stop = BACKENDS_MAX;
    plain_step(p, f, ev);
}

const struct strategy strategy_fallback = {
    .name = "fallback",
    .state_size = sizeof(struct plain),
    .step = step,
};
