/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `weir calibrate` has its labels from: a file of recorded outcomes (the lines of `weir
 * replay`, also those that the teacher writes), or the ledger's receipts that got feedback.
 *
 *   split     by the score before an answer: the line's `score`, else what the scorer says today
 *   cascade   by the confidence after it: the device outcome's `confidence`; without it no label
 *
 * A receipt tells of one side only, the one that answered. A device answer with feedback is a label
 * whose cloud quality is unknown (and counts as perfect); a cloud answer after a device's attempt is
 * one whose device quality is unknown (and counts as useless). Both err on the careful side.
 */
#ifndef WEIR_CLI_LABELS_H
#define WEIR_CLI_LABELS_H

#include "base/err.h"
#include "config/config.h"
#include "router/calibration.h"

struct label_list {
    struct calibration_label *items; /* owned */
    int64_t count, room;
};

struct labels {
    struct label_list cascade, split;
    char device_model[129], cloud_model[129]; /* as the lines tell; "" = they do not, or differ */
    int64_t lines, skipped; /* lines or receipts seen; those without both outcomes */
};

void labels_done(struct labels *l);

struct heads;

/* The two sides' names as outcomes may call them; `device` and `cloud` always fit too. NULL = only those. */
struct labels_pair {
    const char *device, *cloud;
};
/* `heads`: what the router has learned here, or NULL. */
enum err labels_from_file(const char *path, const struct labels_pair *pair, struct heads *heads,
                          struct labels *out, struct fault *fault) MUST_USE;
/* Of this pair of backends; an empty result when there is no ledger or no feedback. */
enum err labels_from_ledger(const struct config *c, const struct backend *device,
                            const struct backend *cloud, uint64_t since_wall_us, struct labels *out,
                            struct fault *fault) MUST_USE;

#endif
