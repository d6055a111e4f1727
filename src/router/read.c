/* SPDX-License-Identifier: Apache-2.0 */
/* A request's features: last user turn, sizes, turns, task, language. */
#include "router/features.h"
#include "router/router.h"
#include "router/words.h"

/* English text in current tokenizers has about 4 bytes a token, other languages and JSON less: 3.5 errs upwards. */
static int64_t tokens_of(size_t bytes)
{
    return MAX((int64_t)(bytes * 2 / 7), 1);
}

static struct span part_text(const struct json *part)
{
    return json_str(json_get(part, "text"));
}

/* Bytes of text in a message's content: a string, or an array of parts. */
static size_t content_bytes(const struct json *content)
{
    size_t bytes = json_str(content).len;
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        bytes += part_text(it.value).len;
    }
    return bytes;
}

/* The text of a content; several parts are joined by line ends. */
static struct span content_text(struct arena *arena, const struct json *content)
{
    if (json_type(content) != JSON_ARRAY) {
        return json_str(content);
    }
    struct span only = SPAN_NONE;
    int parts = 0;
    size_t bytes = 0;
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        struct span text = part_text(it.value);
        if (span_given(text)) {
            only = text;
            bytes += text.len + 1;
            parts++;
        }
    }
    if (parts <= 1) {
        return only;
    }
    char *joined = arena_alloc(arena, bytes);
    char *at = joined;
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        struct span text = part_text(it.value);
        if (span_given(text)) {
            memcpy(at, text.data, text.len);
            at += text.len;
            *at++ = '\n';
        }
    }
    return span_of(joined, bytes - 1);
}

static size_t tool_call_bytes(const struct json *message)
{
    size_t bytes = 0;
    for (struct json_iter it = json_iter(json_get(message, "tool_calls")); json_next(&it);) {
        const struct json *function = json_get(it.value, "function");
        bytes += json_str(json_get(function, "name")).len +
                 json_str(json_get(function, "arguments")).len;
    }
    return bytes;
}

void router_read_request(const struct request *request, struct facts *out)
{
    out->request = request;
    out->turns = 0;
    out->last_user = SPAN_NONE;
    struct span system = SPAN_NONE;
    const struct json *last = NULL;
    size_t bytes = request->prompt.len;
    for (struct json_iter it = json_iter(request->messages); json_next(&it);) {
        const struct json *content = json_get(it.value, "content");
        struct span role = json_str(json_get(it.value, "role"));
        bytes += content_bytes(content) + tool_call_bytes(it.value);
        if (span_is(role, "user")) {
            last = content;
            out->turns++;
        } else if (!span_given(system) && (span_is(role, "system") || span_is(role, "developer"))) {
            system = json_str(content);
        }
    }
    if (last) {
        out->last_user = content_text(request->arena, last);
    } else if (span_given(request->prompt)) {
        out->last_user = request->prompt;
        out->turns = 1;
    }
    out->prompt_tokens = tokens_of(bytes);
    out->last_user_tokens = tokens_of(out->last_user.len);
    struct words words;
    words_read(out->last_user, system, &words);
    out->task = words.task;
    out->task_plain = words.task_plain;
    out->claims = words.claims;
    out->language = words.language;
    out->sketch = words.sketch;
    out->has_system = span_given(system);
    struct features *features = ARENA_NEW(request->arena, struct features);
    features_read(out->last_user, out, features);
    out->features = features;
}
