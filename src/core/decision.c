/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decision.h"

const char *verdict_name(enum verdict v)
{
    switch (v) {
    case VERDICT_PASS:
        return "pass";
    case VERDICT_TAKE:
        return "take";
    case VERDICT_FORBID:
        return "forbid";
    }
    assert_failed(__FILE__, __LINE__, "verdict_name: unknown verdict");
}

double score_raw(const struct score *s)
{
    return 1 - (s->p_cloud - s->p_device);
}

double score_of(const struct score *s)
{
    return MIN(MAX(score_raw(s), 0.0), 1.0);
}
