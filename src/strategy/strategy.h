/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strategies: state machines that turn leg events into one answer. One file
 * each, no I/O; see flow/flow.h for the contract and docs/internals/strategy.md
 * for how to add one.
 *
 *   device, cloud   one leg
 *   fallback        ordered backends, next on failure before the first shown byte
 *   split           one tier picked at ingestion, fallback behind it
 *   cascade         the device answers in full, unsure answers are escalated
 */
#ifndef WEIR_STRATEGY_STRATEGY_H
#define WEIR_STRATEGY_STRATEGY_H

#include "flow/flow.h"

extern const struct strategy strategy_device, strategy_cloud, strategy_fallback, strategy_split,
    strategy_cascade;

const struct strategy *strategy_find(struct span name); /* NULL = unknown or not built yet */
const char *const *strategy_names(void);                /* NULL-terminated */

#endif
