/* SPDX-License-Identifier: Apache-2.0 */
/* The router has picked a side by its score before anything ran and put it first; the
 * other side stands behind it as a fallback. Nothing is left to decide here. */
#include "strategy/plain.h"
#include "strategy/strategy.h"

static void step(void *state, struct flow *f, const struct event *ev)
{
    struct plain *p = state;
    p->stop = BACKENDS_MAX;
    plain_step(p, f, ev);
}

const struct strategy strategy_split = {
    .name = "split",
    .state_size = sizeof(struct plain),
    .step = step,
};
