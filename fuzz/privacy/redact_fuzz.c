/* SPDX-License-Identifier: Apache-2.0 */
/* restore(pseudonymise(x)) = x for any bytes; a body that is let through is JSON with none of its values in it. */
#include "privacy/privacy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct privacy_policy *policy, struct span x)
{
    struct pseudonyms *p = pseudonyms_new();
    struct text out;
    struct text back;
    text_init(&out, 64 * MIB);
    text_init(&back, 64 * MIB);
    struct redaction_count counts[FINDING_TYPES_MAX];
    int n = 0;
    if (privacy_redact_text(policy, p, x, &out, counts, &n, NULL) == OK) {
        pseudonyms_restore(p, text_span(&out), &back);
        ASSERT(span_eq(text_span(&back), x));
    }
    text_done(&out);
    text_done(&back);
    pseudonyms_free(p);
}

static void check_body(const struct privacy_policy *policy, struct span body)
{
    struct pseudonyms *p = pseudonyms_new();
    struct text out;
    text_init(&out, 64 * MIB);
    struct redaction_count counts[FINDING_TYPES_MAX];
    int n = 0;
    if (privacy_redact_json(policy, p, body, &out, counts, &n, NULL) == OK) {
        struct json_doc *doc = NULL;
        ASSERT(json_parse(text_span(&out), &doc, NULL) == OK);
        json_free(doc);
        ASSERT(privacy_check_json(policy, text_span(&out), NULL) == OK);
    }
    text_done(&out);
    pseudonyms_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct privacy_policy *policy;
    if (!policy) {
        static const char *const never[] = {"US_SSN", NULL};
        static const char *const types[] = {"EMPLOYEE_ID", NULL};
        static const char *const patterns[] = {"\\bE[0-9]{6}\\b", NULL};
        struct privacy_policy_options o = {.types_default = true,
                                           .never_leave = never,
                                           .custom_types = types,
                                           .custom_patterns = patterns};
        ASSERT(privacy_policy_new(&o, &policy, NULL) == OK);
    }
    struct span x = span_of((const char *)data, size);
    check_text(policy, x);
    check_body(policy, x);
    return 0;
}
