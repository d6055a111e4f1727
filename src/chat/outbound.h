/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the outbound dialects share: the bounds that every encoder applies, how
 * usage is gathered, and how a provider's error body becomes one line of text.
 *
 * Error lines go to receipts and clients, so they never hold an address, a key or
 * a line break, and never more than OUTBOUND_ERROR_BYTES bytes.
 * Private to chat/; upstream/ uses only the functions that dialect.h names.
 */
#ifndef WEIR_CHAT_OUTBOUND_H
#define WEIR_CHAT_OUTBOUND_H

#include "chat/dialect.h"

#define OUTBOUND_ERROR_BYTES 300
#define OUTBOUND_MODEL_BYTES 128
#define OUTBOUND_TOOLS_MAX 128 /* calls in one choice */
#define OUTBOUND_CHOICES_MAX 128

/* min(asked, backend's maximum); what the budget reserves is what is sent. */
int64_t outbound_max_tokens(const struct request *r, const struct backend *b);
/* Content-Type, Accept, User-Agent. */
void outbound_headers(struct headers *out);
/* The configured model, else the one the client asked for. */
struct span outbound_model(const struct request *r, const struct backend *b);

/* Counts arrive cumulative, repeated or in parts: the largest one stands. Nonsense is ignored. */
void outbound_count(int64_t *count, const struct json *v);

/* `v` is the `error` member (an object or a string) or a whole error body: fault gets its sentence, result its code. */
enum err outbound_in_band_error(const struct json *v, struct fault *fault);

#endif
