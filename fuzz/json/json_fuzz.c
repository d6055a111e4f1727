/* SPDX-License-Identifier: Apache-2.0 */
/* What parses is written, and what was written parses to the same text again. */
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_out(struct text *t, const struct json *v)
{
    struct json_out w = json_out(t);
    json_value(&w, v);
    ASSERT(!t->overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of((const char *)data, size);
    struct text escaped;
    text_init(&escaped, 8 * size + 16);
    json_escape(&escaped, bytes);
    ASSERT(!escaped.overflow && span_utf8_valid(text_span(&escaped)));
    text_done(&escaped);

    struct json_doc *doc = NULL;
    if (json_parse(bytes, &doc, NULL)) {
        return 0;
    }
    const struct json *root = json_root(doc);
    (void)json_has_duplicate_keys(root);
    int64_t n = 0;
    double x = 0;
    if (json_to_i64(root, &n) && json_to_f64(root, &x)) {
        ASSERT((double)n == x);
    }
    struct text once;
    struct text twice;
    text_init(&once, 8 * size + 16);
    text_init(&twice, 8 * size + 16);
    write_out(&once, root);
    struct json_doc *again = NULL;
    ASSERT(json_parse(text_span(&once), &again, NULL) == OK);
    write_out(&twice, json_root(again));
    ASSERT(span_eq(text_span(&once), text_span(&twice)));
    text_done(&once);
    text_done(&twice);
    json_free(again);
    json_free(doc);
    return 0;
}
