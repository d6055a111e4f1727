/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of personal data that Weir can find, by Presidio's names where it has one.
 *
 * One list for the detectors (privacy/), for what `redact` replaces unless a
 * config says otherwise, and for config/, which refuses a type that nothing
 * detects. What identifies somebody is replaced; what an answer mostly needs
 * (places, companies, dates, links, an age) passes unless listed.
 */
#ifndef WEIR_CORE_PERSONAL_H
#define WEIR_CORE_PERSONAL_H

#include "base/span.h"

#define PASSES false
#define REPLACED true
/* X(name, replaced by default) */
#define PERSONAL_TYPES(X)                                                                          \
    X(PERSON, REPLACED)                                                                            \
    X(WELL_KNOWN_PERSON, PASSES)                                                                   \
    X(LOCATION, PASSES)                                                                            \
    X(ORGANIZATION, PASSES)                                                                        \
    X(DATE_TIME, PASSES)                                                                           \
    X(URL, PASSES)                                                                                 \
    X(AGE, PASSES)                                                                                 \
    X(POSTCODE, PASSES)                                                                            \
    X(STREET_ADDRESS, REPLACED)                                                                    \
    X(DATE_OF_BIRTH, REPLACED)                                                                     \
    X(COORDINATES, REPLACED)                                                                       \
    X(EMAIL_ADDRESS, REPLACED)                                                                     \
    X(PHONE_NUMBER, REPLACED)                                                                      \
    X(IP_ADDRESS, REPLACED)                                                                        \
    X(MAC_ADDRESS, REPLACED)                                                                       \
    X(CREDIT_CARD, REPLACED)                                                                       \
    X(IBAN_CODE, REPLACED)                                                                         \
    X(BANK_ACCOUNT, REPLACED)                                                                      \
    X(CRYPTO, REPLACED)                                                                            \
    X(US_SSN, REPLACED)                                                                            \
    X(US_ITIN, REPLACED)                                                                           \
    X(NATIONAL_ID, REPLACED)                                                                       \
    X(PASSPORT, REPLACED)                                                                          \
    X(DRIVER_LICENSE, REPLACED)                                                                    \
    X(MEDICAL_RECORD, REPLACED)                                                                    \
    X(MEDICAL_LICENSE, REPLACED)                                                                   \
    X(ID_NUMBER, REPLACED)                                                                         \
    X(VEHICLE_PLATE, REPLACED)                                                                     \
    X(VIN, REPLACED)                                                                               \
    X(UK_NHS, REPLACED)                                                                            \
    X(UK_NINO, REPLACED)                                                                           \
    X(ES_NIF, REPLACED)                                                                            \
    X(ES_NIE, REPLACED)                                                                            \
    X(IT_FISCAL_CODE, REPLACED)                                                                    \
    X(PL_PESEL, REPLACED)                                                                          \
    X(FI_PERSONAL_IDENTITY_CODE, REPLACED)                                                         \
    X(AU_TFN, REPLACED)                                                                            \
    X(AU_MEDICARE, REPLACED)                                                                       \
    X(IN_PAN, REPLACED)                                                                            \
    X(IN_AADHAAR, REPLACED)                                                                        \
    X(SG_NRIC_FIN, REPLACED)                                                                       \
    X(KR_RRN, REPLACED)                                                                            \
    X(TH_TNIN, REPLACED)                                                                           \
    X(SECRET, REPLACED)

#define X(name, replaced) TYPE_##name,
enum personal_type { PERSONAL_TYPES(X) TYPES_COUNT };
#undef X

/* Names in the order of the enum, NULL-terminated. */
extern const char *const personal_types[];

/* The name as Weir uses it: one of personal_types[], also for Presidio's US_PASSPORT, US_DRIVER_LICENSE, US_BANK_NUMBER,
 * US_NPI, PHONE …, which are wider types here. NULL when nothing detects such a type. */
const char *personal_type_name(struct span name);
/* Of a name out of personal_types[]. */
bool personal_type_replaced(const char *name);

#endif
