/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calibration file beside the ledger (router/calibration_file.h): where it lies, whether its
 * models are still the ones that were measured, and when it has changed.
 *
 * A model is the same when its file has the size and time it had, or, with another time, still the
 * same SHA-256. Reading a large file for that takes seconds, so it happens only when size fits and
 * time does not.
 */
#ifndef WEIR_APP_CALIBRATIONS_H
#define WEIR_APP_CALIBRATIONS_H

#include "config/config.h"
#include "router/calibration_file.h"

/* LEDGER.calibration.json */
void calibrations_path(const char *ledger_path, struct text *out);
/* What the file of this config holds, stale entries marked; an empty list when there is none. */
enum err calibrations_load(const struct config *c, struct calibrations *out,
                           struct fault *fault) MUST_USE;
/* Written beside it, then moved over it: a reader sees the old or the new file, never half of one. */
enum err calibrations_save(const struct config *c, const struct calibrations *all,
                           struct fault *fault) MUST_USE;
/* Fills what tells this pair of models from another; hashes the model's file. */
enum err calibrations_identify(const struct backend *device, const struct backend *cloud,
                               struct calibration_entry *out, struct fault *fault) MUST_USE;

/* ---- a server's view of it ---- */
struct calibrations_watch {
    struct calibrations all;
    int64_t bytes, mtime_us; /* of the file that was read; 0 = there was none */
};
/* Looks (one stat) and reads when the file changed, or `anyway` (another config); logs what is stale or wrong. True
 * when `all` was read anew. */
bool calibrations_look(struct calibrations_watch *w, const struct config *c, bool anyway);

#endif
