/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Battery, heat, memory, load and network of this machine, from /sys and /proc,
 * or from the override file of the config (tests and simulations). Reading is
 * cheap and cached for a second; the override file is read at each decision.
 *
 * What the machine does not say stays unknown (negative), never a guess. Offline
 * means: no interface but loopback is up and no default route exists. Whether a
 * backend can be reached at all is judged elsewhere, per backend.
 *
 * The override is one JSON object; what it does not name stays as measured:
 *   {"battery":0.15,"charging":false,"temperature_c":91,"network":"offline","rtt_ms":300,"metered":true,
 *    "load":2.5,"memory_pressure":0.3}
 */
#ifndef WEIR_DEVICE_DEVICE_H
#define WEIR_DEVICE_DEVICE_H

#include "base/err.h"
#include "base/text.h"
#include "core/facts.h"

/* `override_path` may be NULL. A broken override file is reported in `fault` and ignored; `out` is always filled. */
enum err device_read(const char *override_path, struct device_facts *out, struct fault *fault);
/* The override alone, onto facts that are there. All of it holds or none. */
enum err device_apply_override(struct span json, struct device_facts *io, struct fault *fault);
void device_facts_write(const struct device_facts *d, struct text *out); /* as JSON */

/* For tests: other roots than "/sys" and "/proc" (borrowed; NULL = the real ones). Forgets what was cached. */
void device_set_roots(const char *sys, const char *proc);

#endif
