/* SPDX-License-Identifier: Apache-2.0 */
/* Numbering, seen by redact.c. */
#ifndef WEIR_PRIVACY_PSEUDONYMS_H
#define WEIR_PRIVACY_PSEUDONYMS_H

#include "privacy/privacy.h"

/* Notes the numbers that `text` already holds in any tolerated form; they are never issued. All texts of a body come
 * here before the first pseudonyms_token(). */
void pseudonyms_reserve(struct pseudonyms *p, struct span text);
/* The token of a value, new or known. SPAN_NONE when there are too many kinds or numbers. */
struct span pseudonyms_token(struct pseudonyms *p, const char *type, struct span value,
                             bool *out_new);

#endif
