/* SPDX-License-Identifier: Apache-2.0 */
/* What `weir calibrate` found, for people (the one curve that decides) and as JSON (INTERFACE). */
#ifndef WEIR_CLI_CALIBRATE_VIEW_H
#define WEIR_CLI_CALIBRATE_VIEW_H

#include "router/calibration_file.h"

struct calibrate_result {
    const struct calibration_entry *entry;
    bool cascade;            /* the strategy in force is judged by confidence; else by score */
    double quality;          /* wished */
    bool applied;            /* written to the calibration file */
    const char *not_applied; /* why not */
    const char *source;      /* "a.jsonl", "the ledger's feedback" */
};

/* The value that the strategy in force looks at. */
const struct calibration *calibrate_main(const struct calibrate_result *r);
void calibrate_json(const struct calibrate_result *r, struct text *out);
void calibrate_print(const struct calibrate_result *r);

#endif
