/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing what is written to disk and came from a prompt: AES-256-GCM under a key that
 * lies in a file of its own.
 *
 * A key file is one line of 64 hex digits, readable by its owner alone. seal_load()
 * makes it when it is missing and may be made: complete or not at all, also when several
 * processes do so at once. A missing key that may not be made, a damaged one and one that
 * others can read are errors that say what to do; nothing is ever written over.
 *
 * Sealed bytes: "WSL1" · id of the key (8) · nonce (12, random) · ciphertext · tag (16).
 * `context` (a receipt's id) is bound in: sealed bytes moved to another place do not open.
 * Random nonces are good for 2^32 pieces under one key (NIST SP 800-38D, 8.3).
 *
 * A struct seal is immutable after loading and may be used by several threads. The key's
 * memory is locked, left out of core dumps and wiped.
 */
#ifndef WEIR_CRYPTO_SEAL_H
#define WEIR_CRYPTO_SEAL_H

#include "base/err.h"
#include "base/text.h"

struct seal;

#define SEAL_OVERHEAD 40   /* bytes that sealing adds */
#define SEAL_NAME_BYTES 17 /* of a key's id in hex, with the NUL */

/* ERR_NOT_FOUND no file and not `may_make` · ERR_INVALID no key, or not private · ERR_IO. */
enum err seal_load(const char *path, bool may_make, struct seal **out,
                   struct fault *fault) MUST_USE;
void seal_free(struct seal *s); /* NULL is fine */
void seal_name(const struct seal *s, char out[SEAL_NAME_BYTES]);

/* Appends to `out`. ERR_TOO_LARGE when it does not fit. */
enum err seal_wrap(const struct seal *s, struct span plain, struct span context,
                   struct text *out) MUST_USE;
/* Appends the plain bytes; nothing on failure. ERR_INVALID: other key (the text names both), changed, moved or not
 * sealed at all. */
enum err seal_unwrap(const struct seal *s, struct span sealed, struct span context,
                     struct text *out, struct fault *fault) MUST_USE;
bool seal_is_sealed(struct span s);

#endif
