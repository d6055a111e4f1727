/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as weir.yaml: a config that keeps its promises, or at least one line saying why not. */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct config *c)
{
    ASSERT(c->listen[0] && c->backends_count >= 1 && c->backends_count <= BACKENDS_MAX);
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        ASSERT(b->index == i && b->name && b->model && b->tier < TIER_HUMAN);
        ASSERT((b->api == API_LOCAL) == (b->model_path != NULL) &&
               (b->api == API_LOCAL) == (b->url == NULL));
        ASSERT(b->retries >= 0 && b->slots > 0 && b->max_in_flight > 0);
    }
    for (int i = 0; i < c->rules_count; i++) {
        ASSERT(c->rules[i].name && c->rules[i].line > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text errors;
    struct config *c = NULL;
    text_init(&errors, MIB);
    if (config_parse(span_of((const char *)data, size), "f", "/nowhere", &c, &errors) == OK) {
        check(c);
        struct text url;
        text_init(&url, 8192);
        config_base_url(c, &url);
        text_done(&url);
        config_unref(c);
    } else {
        ASSERT(errors.len > 2 && errors.data[errors.len - 1] == '\n');
    }
    text_done(&errors);
    return 0;
}
