/* SPDX-License-Identifier: Apache-2.0 */
/* Inside config/: the lists of a config, each in its own file. */
#ifndef WEIR_CONFIG_SECTIONS_H
#define WEIR_CONFIG_SECTIONS_H

#include "config/config.h"
#include "config/reader.h"

/* Reads `backends` into a new array of at most BACKENDS_MAX, index filled. `lines` gets the line of each. */
const struct backend *backends_read(struct reader *r, struct value v, int *out_count,
                                    const int **out_lines);
/* The defaults of an embedded model; `path` absolute. */
struct backend backend_embedded(struct arena *a, const char *name, const char *path);
/* Reads `policy.rules`; names are checked by rules_check() once all backends are known. */
const struct rule *rules_read(struct reader *r, struct value v, int *out_count);
void rules_check(struct reader *r, const struct config *c);

/* Reads `privacy.consent`; the names in it are checked once all backends and rules are known. */
const struct consent_entry *consent_read(struct reader *r, struct value v, int *out_count);
void consent_check(struct reader *r, const struct config *c);

/* Reads `policy.caps`. */
const struct share_cap *caps_read(struct reader *r, struct value v, int *out_count);
void caps_check(struct reader *r, const struct config *c);

read_fn read_strategy;
extern const char *const tier_words[];
extern const char *const privacy_words[];
bool is_type_name(struct span s); /* "US_SSN" */
#define TYPE_NAME_HINT "a type like US_SSN (capitals, digits, _)"

#endif
