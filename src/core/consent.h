/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person agreed to let go, once: pure data, made by egress/consent.h out of an
 * entry of `privacy.consent`, read by the router and the gate.
 */
#ifndef WEIR_CORE_CONSENT_H
#define WEIR_CORE_CONSENT_H

#include "core/backend.h"

#define CONSENT_ID_BYTES 37 /* "cns_", 32 hex digits, NUL */

struct consent {
    char id[CONSENT_ID_BYTES];
    const struct backend *to;
    enum privacy_level level;      /* redact: values leave as pseudonyms; open: as they are */
    const char *const *types;      /* of never_leave; NULL-terminated; NULL = none */
    const char *const *rules;      /* that keep home and are lifted; the same */
    unsigned char body_sha256[32]; /* of the very bytes that may leave; all else is refused */
    bool
        bound; /* false while it is only asked what would leave: then no bytes are checked and none sent */
};

#endif
