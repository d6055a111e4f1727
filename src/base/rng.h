/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers: a seeded generator for tests and choices that must replay
 * (SplitMix64, Steele et al. 2014), the system's for secrets, and request ids.
 */
#ifndef WEIR_BASE_RNG_H
#define WEIR_BASE_RNG_H

#include "base/base.h"

struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound); /* 0 .. bound-1 */
double rng_unit(struct rng *r);                    /* 0 <= x < 1 */
void rng_secret(void *out, size_t len);            /* from the kernel; aborts when it has none */

/* "req_" and a ULID (26 characters, Crockford base 32, sorts by time); NUL-terminated. */
#define REQUEST_ID_BYTES 31
void rng_request_id(char out[REQUEST_ID_BYTES]);

#endif
