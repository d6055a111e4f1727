/* SPDX-License-Identifier: Apache-2.0 */
/* One leg at the first backend of the decision, which the router took from the cloud. */
#include "strategy/plain.h"
#include "strategy/strategy.h"

static void step(void *state, struct flow *f, const struct event *ev)
{
    struct plain *p = state;
    p->stop = 1;
    plain_step(p, f, ev);
}

const struct strategy strategy_cloud = {
    .name = "cloud",
    .state_size = sizeof(struct plain),
    .step = step,
};
