/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The validators that the table in detect.c calls, by family.
 *
 * Each is called where a value of its kind may begin (`at`), with d->word set when
 * the lexicon has a word there and d->groups when a digit stands there; it fills
 * `hit` and gives true, or gives false. It reads d->text from `at` on, a bounded
 * stretch unless it is sure, and at most CONTEXT_BYTES before.
 */
#ifndef WEIR_PRIVACY_DETECT_KINDS_H
#define WEIR_PRIVACY_DETECT_KINDS_H

#include "core/personal.h"
#include "privacy/detect.h"

/* What a validator found. `start` is mostly where it was called. */
struct hit {
    size_t start, end;
    enum personal_type type;
    double score;
};
typedef bool find_fn(struct detection *d, size_t at, struct hit *hit);

/* How far a validator looks before it is sure. What it is sure of it then takes to the end, and the pass goes on
 * behind that, so hostile text cannot make this quadratic. */
#define LOOK_MAX 256

/* detect_contact.c */
find_fn find_email;         /* at @ */
find_fn find_spelled_email; /* at the word "at" */
find_fn find_phone, find_plus_phone, find_bracketed_phone;
/* detect_net.c */
find_fn find_ipv4, find_ipv6, find_mac, find_url /* at : */, find_www;
/* detect_money.c */
find_fn find_card, find_iban, find_crypto;
/* detect_ids.c: numbers known by the words before them, US numbers, VIN */
find_fn find_ssn, find_labelled, find_prefixed, find_vin, find_plate;
/* detect_national.c: the table of numbers with check digits */
find_fn find_national;
/* detect_dates.c */
find_fn find_date, find_month_date, find_weekday, find_age;
/* detect_places.c */
find_fn find_numbered_street, find_named_street, find_unit, find_postcode, find_coordinates;
/* detect_secrets.c */
find_fn find_key, find_private_key, find_bot_token, find_password;
find_fn find_assigned;  /* at = and : */
find_fn find_under_key; /* where a text begins */
bool may_be_key(struct span t,
                size_t i); /* by its first two bytes: a key, a JWT, "Bearer", "www." */

#endif
