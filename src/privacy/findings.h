/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as they come, and what is left of them when two overlap. */
#ifndef WEIR_PRIVACY_FINDINGS_H
#define WEIR_PRIVACY_FINDINGS_H

#include "privacy/privacy.h"

/* Grows up to `max`, then `overflow`. */
struct findings {
    struct finding *items;
    int count, capacity, max;
    bool overflow;
};
#define FINDING_FRAME 0.45 /* a score up to which a finding is only a frame */

void findings_init(struct findings *f, int max);
void findings_done(struct findings *f);
void findings_add(struct findings *f, const char *type, size_t start, size_t end, double score);
/* Sorts by place. Two that overlap become one that covers both (half a value must not stay behind), named after the
 * better scored, then the longer one. A frame (a link) is cut into the pieces around what was found inside of it. */
void findings_settle(struct findings *f);

#endif
