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
