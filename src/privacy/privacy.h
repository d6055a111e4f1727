/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personal data: find it, replace it by pseudonyms, put it back.
 *
 * Findings are byte spans with a type (Presidio's names) and a score. A pseudonym
 * is `<TYPE_N>`, numbered by first appearance in the body; a number that already
 * occurs in the input in any tolerated form is skipped, so that
 * restore(pseudonymise(x)) = x. No map is stored: the same body gives the same
 * bytes on any worker.
 */
#ifndef WEIR_PRIVACY_PRIVACY_H
#define WEIR_PRIVACY_PRIVACY_H

#include "core/facts.h"
#include "flow/leg.h"
#include "json/json.h"

struct finding {
    const char *type;  /* static or the policy's */
    size_t start, end; /* bytes in the scanned text */
    double score;
};

struct privacy_policy; /* compiled: types to replace, never_leave, allow, custom patterns */

struct privacy_policy_options {
    bool types_default;
    bool types_all;                 /* whatever the lists say, everything found is replaced */
    const char *const *types;       /* NULL-terminated */
    const char *const *never_leave; /* NULL-terminated */
    const char *const *watched;     /* found though they may leave, for rules; NULL-terminated */
    const char *const *allow;
    const char *const *custom_types, *const *custom_patterns; /* parallel, NULL-terminated */
};
enum err privacy_policy_new(const struct privacy_policy_options *o, struct privacy_policy **out,
                            struct fault *fault) MUST_USE;
void privacy_policy_free(struct privacy_policy *p);

/* All findings of a text, sorted, not overlapping. `policy` NULL: the default types. Gives the count (≤ max). */
int privacy_scan(const struct privacy_policy *policy, struct span text, struct finding *out,
                 int max);

/* Scans every string of a JSON tree (keys too) at any depth, and numbers of 7 or more digits. Fills facts' finding
 * counts; a tree that cannot be scanned (over 4 MiB of text, too many findings, `budget_ms` of CPU time used up) sets
 * scan_failed. What was found in which string stays in r->scans, for the gate. */
void privacy_scan_request(const struct privacy_policy *policy, int budget_ms, struct request *r,
                          struct facts *facts);

/* What one body that wants to leave is measured by. */
struct privacy_leaving {
    const struct privacy_policy *policy;
    const char *const
        *consented; /* never_leave types that a person lets go; NULL-terminated; NULL = none */
    bool consented_plain; /* … as they are, not as pseudonyms */
    bool media;           /* pictures, sounds and files may leave, though nobody can scan them */
    struct span model;    /* what our own config put at the root; not looked at. SPAN_NONE = none */
    int budget_ms;        /* of CPU time; past it the gate closes; 0 = any */
    struct scan_memo *memo; /* of the request that the body was made from; NULL = none */
};
/* Why pictures stay, with the config line that lets them go. */
extern const char privacy_media_refused[];

/* The numbering and the restoring of one answer. */
struct pseudonyms;
struct pseudonyms *pseudonyms_new(void);
void pseudonyms_free(struct pseudonyms *p);
/* Rewrites `body` (JSON) with every replaceable value exchanged for its pseudonym; re-serialises, so duplicate
 * keys cannot smuggle. ERR_POLICY naming the type when a never_leave value is in it; ERR_POLICY when it cannot be
 * scanned or holds media that may not leave. `counts` gets values replaced by type. Values of consented types are
 * replaced like others, unless `consented_plain`. */
enum err privacy_rewrite(const struct privacy_leaving *l, struct pseudonyms *p, struct span body,
                         struct text *out, struct redaction_count *counts, int *out_counts,
                         struct fault *fault) MUST_USE;
/* Level `open`: only that no never_leave value is in it that nobody consented to. ERR_POLICY as above. */
enum err privacy_check(const struct privacy_leaving *l, struct span body,
                       struct fault *fault) MUST_USE;
/* The same two with a policy and nothing else. */
enum err privacy_redact_json(const struct privacy_policy *policy, struct pseudonyms *p,
                             struct span body, struct text *out, struct redaction_count *counts,
                             int *out_counts, struct fault *fault) MUST_USE;
/* The same where nothing leaves (`weir redact`): never_leave values are replaced like others. */
enum err privacy_redact_document(const struct privacy_policy *policy, struct pseudonyms *p,
                                 struct span body, struct text *out, struct redaction_count *counts,
                                 int *out_counts, struct fault *fault) MUST_USE;
enum err privacy_check_json(const struct privacy_policy *policy, struct span body,
                            struct fault *fault) MUST_USE;
/* Plain text, for `weir redact`: never_leave values are replaced like others, nothing leaves here. */
enum err privacy_redact_text(const struct privacy_policy *policy, struct pseudonyms *p,
                             struct span text, struct text *out, struct redaction_count *counts,
                             int *out_counts, struct fault *fault) MUST_USE;
/* INTERFACE `weir redact --json`: {"text","findings":[{"type","start","end","score","token"}]}. */
enum err privacy_redact_report(const struct privacy_policy *policy, struct pseudonyms *p,
                               struct span text, struct text *out, struct fault *fault) MUST_USE;
bool pseudonyms_empty(const struct pseudonyms *p);
/* Borrows `p`. Works per choice and kind (text, tool arguments: inside JSON escapes); holds back at most the longest
 * live token. */
struct delta_filter *pseudonyms_restore_filter(const struct pseudonyms *p);
/* One finished text. */
void pseudonyms_restore(const struct pseudonyms *p, struct span text, struct text *out);

#endif
