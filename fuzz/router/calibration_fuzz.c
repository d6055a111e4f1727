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
    struct text first;
    struct text second;
    text_init(&first, CALIBRATION_FILE_MAX);
    text_init(&second, CALIBRATION_FILE_MAX);
    for (int round = 0; round < 3; round++) { /* numbers of over 15 digits are rounded once */
        int count = all.count;
        text_clear(&second);
        calibrations_write(&all, &second);
        calibrations_done(&all);
        if (second.overflow) {
            break;
        }
        ASSERT(round < 2 || span_eq(text_span(&first), text_span(&second)));
        ASSERT(calibrations_read(text_span(&second), &all, NULL) == OK && all.count == count);
        text_clear(&first);
        text_add(&first, text_span(&second));
    }
    calibrations_done(&all);
    text_done(&first);
    text_done(&second);
    return 0;
}
