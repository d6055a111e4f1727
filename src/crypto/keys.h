/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys, and the digests they are kept as.
 *
 * A keys file has one key a line: `name sha256hex [admin]`, `#` starts a comment.
 * It never holds a key itself: `weir keys add NAME` shows the key once and writes
 * its digest. Keys are 256 random bits, so a plain SHA-256 is enough; a slow
 * password hash would only cost every request.
 *
 * A struct keys is immutable after loading. keys_check() takes the same time
 * whether a key is known or not and whichever line it stands on.
 */
#ifndef WEIR_CRYPTO_KEYS_H
#define WEIR_CRYPTO_KEYS_H

#include "base/err.h"
#include "base/span.h"
#include "base/text.h"

struct keys;

#define SHA256_BYTES 32
#define SHA256_HEX_BYTES 65 /* with the NUL */
#define KEY_BYTES 64        /* room for a key and its NUL */
#define KEYS_MAX 4096

/* ERR_IO or ERR_INVALID; the fault lists "FILE:LINE: message" of the first mistake. */
enum err keys_load(const char *path, struct keys **out, struct fault *fault) MUST_USE;
enum err keys_parse(struct span text, const char *path, struct keys **out,
                    struct fault *fault) MUST_USE;
void keys_free(struct keys *keys); /* NULL is fine */
size_t keys_count(const struct keys *keys);
/* `*out_name` lives as long as `keys`; both outputs may be NULL. */
bool keys_check(const struct keys *keys, struct span presented, const char **out_name,
                bool *out_admin) MUST_USE;
/* 1..64 of A-Z a-z 0-9 . _ - @ */
bool key_name_valid(struct span name);
/* "weir_" and 43 characters of base64url: 256 bits from the kernel. */
void key_generate(char out[KEY_BYTES]);
/* The line that `weir keys add` appends, with its line break. */
void key_line(struct span name, struct span key, bool admin, struct text *out);

void sha256(struct span s, unsigned char out[SHA256_BYTES]);
void sha256_to_hex(const unsigned char digest[SHA256_BYTES], char out[SHA256_HEX_BYTES]);
void sha256_hex(struct span s, char out[SHA256_HEX_BYTES]);
enum err sha256_file_hex(const char *path, char out[SHA256_HEX_BYTES],
                         struct fault *fault) MUST_USE;
/* Same time for any content; lengths may leak. */
bool secret_eq(struct span a, struct span b);

#endif
