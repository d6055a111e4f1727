/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calibrations as they are kept beside the ledger (LEDGER.calibration.json), one entry per pair of
 * a device model and a way up:
 *
 *   {"format":"weir-calibration-1","entries":[{
 *     "device":{"backend","model","sha256","bytes","mtime_us","quantisation"},
 *     "cloud":{"backend","model"}, "time","source",
 *     "cascade":{…}, "split":{…}}]}              null = nothing known of that value
 *
 * A threshold belongs to the file it was measured with: another file under the same name, or the
 * same model in another quantisation, makes the entry stale. Who loads the file says so
 * (app/calibrations.h); here it is only bytes and structs.
 */
#ifndef WEIR_ROUTER_CALIBRATION_FILE_H
#define WEIR_ROUTER_CALIBRATION_FILE_H

#include "router/calibration.h"
#include "json/json.h"

#define CALIBRATION_ENTRIES_MAX 64
#define CALIBRATION_FILE_MAX (4 * MIB)

struct calibration_entry {
    char device[65], model[129];
    char sha256[65]; /* of the model file; "" for a device behind an API */
    int64_t bytes, mtime_us;
    char quantisation[33];
    char cloud[65], cloud_model[129];
    char time[32];                     /* ISO 8601, of the calibration */
    char source[17];                   /* "pair", "file", "feedback" */
    struct calibration cascade, split; /* by confidence, by score */
    bool stale;                        /* not in the file: the model is another one now */
    char why[160];                     /* it is stale */
};

struct calibrations {
    int count;
    struct calibration_entry *entries; /* owned */
};

/* ERR_INVALID with what is wrong; `out` is empty then. */
enum err calibrations_read(struct span json, struct calibrations *out,
                           struct fault *fault) MUST_USE;
void calibrations_write(const struct calibrations *all, struct text *out);
void calibrations_done(struct calibrations *all);
/* Replaces the entry of the same pair, or adds one; when full, the oldest goes. Copies. */
void calibrations_put(struct calibrations *all, const struct calibration_entry *entry);
/* By backend names; NULL when that pair was never calibrated. Either name NULL = any. */
struct calibration_entry *calibrations_find(const struct calibrations *all, const char *device,
                                            const char *cloud);
/* {"n","assumed",…,"per_bin"} of one value, without the surrounding braces. */
void calibration_json(struct json_out *w, const struct calibration *c);

#endif
