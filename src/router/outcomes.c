/* SPDX-License-Identifier: Apache-2.0 */
#include "router/outcomes.h"

static enum err read_outcome(const struct json *v, struct backend_score *out, struct fault *fault)
{
    *out = (struct backend_score){.backend = json_str(json_get(v, "backend")),
                                  .model = json_str(json_get(v, "model"))};
    if (!out->backend.len) {
        return fault_set(fault, ERR_INVALID, "`outcomes[].backend` must be a name");
    }
    if (!json_to_f64(json_get(v, "score"), &out->score) || !(out->score >= 0 && out->score <= 1)) {
        return fault_set(fault, ERR_INVALID, "`score` of %.*s must be a number from 0 to 1",
                         (int)MIN(out->backend.len, 40u), out->backend.data);
    }
    return OK;
}

enum err outcome_parse(struct arena *arena, struct span line, struct outcome_line *out,
                       struct fault *fault)
{
    const struct json *root;
    if (line.len > OUTCOMES_LINE_MAX) {
        return fault_set(fault, ERR_TOO_LARGE, "the line is longer than 4 MiB");
    }
    enum err err = json_parse_in(arena, line, &root, fault);
    if (err) {
        return err;
    }
    if (json_type(root) != JSON_OBJECT) {
        return fault_set(fault, ERR_INVALID, "an object is expected, this is %s",
                         json_type_name(root));
    }
    struct outcome_line l = {.id = json_str(json_get(root, "id")),
                             .set = json_str(json_get(root, "set")),
                             .group = json_str(json_get(root, "group")),
                             .prompt = json_str(json_get(root, "prompt"))};
    l.set = l.set.len ? l.set : SPAN("all");
    if (!l.prompt.len) {
        return fault_set(fault, ERR_INVALID, "`prompt` must be a text that is not empty");
    }
    for (struct json_iter it = json_iter(json_get(root, "outcomes")); json_next(&it);) {
        if (l.count == OUTCOMES_MAX) {
            return fault_set(fault, ERR_INVALID, "more than %d outcomes", OUTCOMES_MAX);
        }
        err = read_outcome(it.value, &l.outcomes[l.count], fault);
        if (err) {
            return err;
        }
        if (outcome_of(&l, l.outcomes[l.count].backend)) {
            return fault_set(fault, ERR_INVALID, "two outcomes of backend %.*s",
                             (int)MIN(l.outcomes[l.count].backend.len, 40u),
                             l.outcomes[l.count].backend.data);
        }
        l.count++;
    }
    if (l.count < 2) {
        return fault_set(fault, ERR_INVALID,
                         "`outcomes` must be a list with the scores of at least two backends");
    }
    *out = l;
    return OK;
}

const struct backend_score *outcome_of(const struct outcome_line *l, struct span backend)
{
    for (int i = 0; i < l->count; i++) {
        if (span_eq(l->outcomes[i].backend, backend)) {
            return &l->outcomes[i];
        }
    }
    return NULL;
}

static bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

uint64_t outcome_prompt_hash(struct span prompt)
{
    uint64_t h = 14695981039346656037ull; /* FNV-1a, 64 bits */
    bool gap = false;
    while (prompt.len && !is_word_byte((unsigned char)prompt.data[0])) {
        prompt = span_from(prompt, 1);
    }
    while (prompt.len && !is_word_byte((unsigned char)prompt.data[prompt.len - 1])) {
        prompt = span_first(prompt, prompt.len - 1);
    }
    for (size_t i = 0; i < prompt.len; i++) {
        unsigned char c = (unsigned char)prompt.data[i];
        bool space = c == ' ' || (c >= '\t' && c <= '\r');
        if (space && gap) {
            continue;
        }
        gap = space;
        c = space ? ' ' : c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
        h = (h ^ c) * 1099511628211ull;
    }
    h ^= h >> 32; /* FNV's low bits depend on the last bytes most */
    return h * 0x9e3779b97f4a7c15ull >> 8;
}
