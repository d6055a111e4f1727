/* SPDX-License-Identifier: Apache-2.0 */
/* What of the detector's findings counts, and the custom patterns beside it. Immutable once made. */
#ifndef WEIR_PRIVACY_POLICY_H
#define WEIR_PRIVACY_POLICY_H

#include "privacy/detect.h"

/* Text that one body may hold; beyond, nothing is promised and the gate closes. */
#define SCAN_BYTES_MAX (4 * MIB)
#define SCAN_FINDINGS_MAX 100000

struct names_memory; /* names.h: who was named in earlier texts of the request; may be NULL */

/* Adds the settled findings of one text. `policy` NULL: the default types. False when a pattern gave up. */
bool policy_scan(const struct privacy_policy *policy, struct span text, struct span near,
                 struct names_memory *names, struct findings *out) MUST_USE;
/* Different for every policy of a process; 0 for NULL. */
uint64_t policy_serial(const struct privacy_policy *policy);
bool policy_replaces(const struct privacy_policy *policy, const char *type);
bool policy_never_leaves(const struct privacy_policy *policy, const char *type);

#endif
