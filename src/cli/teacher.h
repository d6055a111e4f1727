/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The teacher: asks a device and a cloud the user's own prompts and says how good each answer
 * was. Every question goes through the gateway like any other (privacy, budget, receipts), so what
 * must not leave does not, and each score is also given as feedback on its receipt.
 *
 * Scored by the given answer (teacher_score.h), else by a judge that compares both answers in both
 * orders; then the cloud's counts as 1 and the device's as 1 (as good), 0.5 (the orders disagree) or
 * 0 (worse). One line per prompt is appended to `out`, in the format of `weir replay`, with the score
 * and the confidence that thresholds are compared with; a prompt that has its line is not asked again.
 *
 * Money: before each paid question its highest price is added to what was spent (earlier runs with
 * this `out` count); over --max-usd it is not asked, and the run ends with what it has.
 */
#ifndef WEIR_CLI_TEACHER_H
#define WEIR_CLI_TEACHER_H

#include "cli/teacher_score.h"
#include "core/backend.h"

struct teacher_wish {
    const char *config_path;
    const struct backend *device, *cloud, *judge; /* outlive the run */
    const char *prompts, *out;                    /* files */
    int64_t max_usd_nano;                         /* -1 = not said */
    int64_t max_tokens;
    enum match match;
    bool yes;
};

/* An exit code; what went wrong is told. CLI_OK also when money or patience ran out after some lines. */
int teacher_run(const struct teacher_wish *wish);

#endif
