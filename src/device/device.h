/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Battery, heat, memory, load and network of this machine, from /sys and /proc,
 * or from the override file of the config (tests and simulations). Reading is
 * cheap and cached for a second; the override file is read at each decision.
 */
#ifndef WEIR_DEVICE_DEVICE_H
#define WEIR_DEVICE_DEVICE_H

#include "core/facts.h"
#include "base/err.h"

/* `override_path` may be NULL. A broken override file is reported in `fault` and ignored; `out` is always filled. */
enum err device_read(const char *override_path, struct device_facts *out, struct fault *fault);
void device_facts_write(const struct device_facts *d, struct text *out); /* as JSON */

#endif
