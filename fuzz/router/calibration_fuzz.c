/* SPDX-License-Identifier: Apache-2.0 */
/* A calibration file from outside: what is read is sound, and what is written is read back the same. */
#include "router/calibration_file.h"

#include <math.h>

static void check(const struct calibration *c)
{
    struct calibration_choice choice;
    for (double quality = 0; quality <= 1; quality += 0.24) {
        calibration_choose(c, quality, &choice);
        ASSERT(choice.point.threshold >= 0 && choice.point.threshold <= 1);
    }
    double p = isotonic_at(&c->isotonic, 0.5);
    ASSERT(p >= 0 && p <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct calibrations all;
    if (calibrations_read(span_of((const char *)data, size), &all, NULL)) {
        return 0;
    }
    for (int i = 0; i < MIN(all.count, 2); i++) {
        check(&all.entries[i].cascade);
        check(&all.entries[i].split);
    }
    struct text once;
    struct text twice;
    text_init(&once, CALIBRATION_FILE_MAX);
    text_init(&twice, CALIBRATION_FILE_MAX);
    calibrations_write(&all, &once);
    int count = all.count;
    calibrations_done(&all);
    ASSERT(once.overflow || calibrations_read(text_span(&once), &all, NULL) == OK);
    if (!once.overflow) {
        ASSERT(all.count == count);
        calibrations_write(&all, &twice);
        ASSERT(span_eq(text_span(&once), text_span(&twice)));
        calibrations_done(&all);
    }
    text_done(&once);
    text_done(&twice);
    return 0;
}
