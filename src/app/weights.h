/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The learned weights beside the ledger (LEDGER.weights): read before the first fork, shared by all workers,
 * saved every now and then by one of them. The file is a struct heads as it is, for this build and machine; one of
 * another build, or a damaged one, is set aside as LEDGER.weights.old and learning starts afresh.
 */
#ifndef WEIR_APP_WEIGHTS_H
#define WEIR_APP_WEIGHTS_H

#include "base/text.h"
#include "router/learning.h"

/* LEDGER.weights */
void weights_path(const char *ledger_path, struct text *out);
/* Shared with children that are forked later; NULL only without memory. Says in the log what it found. */
struct learning *weights_open(const char *ledger_path);
/* Written beside it, synced, then moved over it: a reader sees the old or the new file, never half of one. */
enum err weights_save(const char *ledger_path, const struct heads *heads,
                      struct fault *fault) MUST_USE;

#endif
