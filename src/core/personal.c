/* SPDX-License-Identifier: Apache-2.0 */
#include "core/personal.h"

#define X(name, replaced) #name,
const char *const personal_types[] = {PERSONAL_TYPES(X) NULL};
#undef X

#define X(name, replaced) replaced,
static const bool is_replaced[] = {PERSONAL_TYPES(X)};
#undef X

/* Presidio's names for what one type of ours holds. */
static const struct {
    const char *name;
    enum personal_type type;
} others[] = {
    {"US_PASSPORT", TYPE_PASSPORT},         {"US_DRIVER_LICENSE", TYPE_DRIVER_LICENSE},
    {"IT_PASSPORT", TYPE_PASSPORT},         {"IT_DRIVER_LICENSE", TYPE_DRIVER_LICENSE},
    {"IN_PASSPORT", TYPE_PASSPORT},         {"US_BANK_NUMBER", TYPE_BANK_ACCOUNT},
    {"US_NPI", TYPE_MEDICAL_LICENSE},       {"US_MBI", TYPE_MEDICAL_RECORD},
    {"IT_IDENTITY_CARD", TYPE_NATIONAL_ID}, {"IN_VEHICLE_REGISTRATION", TYPE_VEHICLE_PLATE},
};

static int index_of(struct span name)
{
    for (int i = 0; i < TYPES_COUNT; i++) {
        if (span_is(name, personal_types[i])) {
            return i;
        }
    }
    return -1;
}

const char *personal_type_name(struct span name)
{
    int i = index_of(name);
    for (size_t k = 0; i < 0 && k < ARRAY_LEN(others); k++) {
        i = span_is(name, others[k].name) ? (int)others[k].type : -1;
    }
    return i < 0 ? NULL : personal_types[i];
}

bool personal_type_replaced(const char *name)
{
    int i = index_of(span_c(name));
    return i < 0 || is_replaced[i];
}
