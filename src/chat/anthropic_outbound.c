/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic's Messages API, the answer's side. The request's is anthropic_encode.c.
 *
 * A stream is
 *
 *   message_start                  model, first usage
 *   ( content_block_start          text | tool_use (id, name) | thinking | …, with an index
 *     content_block_delta*         text_delta | input_json_delta | thinking_delta | …
 *     content_block_stop )*
 *   message_delta                  stop_reason, usage so far
 *   message_stop
 *
 * with `ping` anywhere and `error` in place of the rest. Kinds that have no place in
 * a neutral answer (signatures, citations, the provider's own tools) pass silently.
 * The answer is complete once a stop_reason came. input_tokens there does not count
 * what the cache held, so input = input + cache_read + cache_creation.
 */
#include "chat/anthropic_outbound.h"
#include "chat/outbound.h"

#define VERSION "2023-06-01"

struct tool_block {
    int64_t index; /* of the content block */
    bool open, has_arguments;
    struct text input; /* arguments that came whole with the start */
};

struct decoder {
    struct usage usage;
    int64_t input, cache_read, cache_creation; /* -1 = not said */
    struct text model, scratch;
    struct tool_block *tools;
    int tools_count, tools_capacity;
    bool started, finished, stopped;
    enum finish finish;
};

struct reader {
    struct decoder *d;
    const struct decoder_events *to;
    void *user;
    struct fault *fault;
};

static void headers(const struct backend *b, struct headers *out)
{
    outbound_headers(out);
    headers_add(out, SPAN("anthropic-version"), SPAN(VERSION));
    if (b->key && b->key[0]) {
        headers_add(out, SPAN("x-api-key"), span_c(b->key));
    }
}

static struct decoder *decoder_new(const struct request *r, const struct backend *b)
{
    (void)r;
    (void)b;
    struct decoder *d = NEW(struct decoder);
    d->usage = USAGE_UNKNOWN;
    d->input = d->cache_read = d->cache_creation = -1;
    text_init(&d->model, OUTBOUND_MODEL_BYTES);
    text_init(&d->scratch, 8 * MIB);
    return d;
}

static void decoder_free(struct decoder *d)
{
    if (!d) {
        return;
    }
    for (int i = 0; i < d->tools_count; i++) {
        text_done(&d->tools[i].input);
    }
    mem_free(d->tools);
    text_done(&d->model);
    text_done(&d->scratch);
    mem_free(d);
}

static enum err broken(struct reader in, const char *what)
{
    return fault_set(in.fault, ERR_UPSTREAM, "%s", what);
}

static void give(struct reader in, enum delta_kind kind, struct span text)
{
    if (text.len) {
        struct delta d = {.kind = kind, .text = text};
        in.to->delta(in.user, &d);
    }
}

static void read_model(struct decoder *d, const struct json *message)
{
    struct span model = json_str(json_get(message, "model"));
    if (!d->model.len && model.len <= OUTBOUND_MODEL_BYTES) {
        text_add(&d->model, model);
    }
}

static void read_usage(struct decoder *d, const struct json *usage)
{
    outbound_count(&d->input, json_get(usage, "input_tokens"));
    outbound_count(&d->cache_read, json_get(usage, "cache_read_input_tokens"));
    outbound_count(&d->cache_creation, json_get(usage, "cache_creation_input_tokens"));
    outbound_count(&d->usage.output_tokens, json_get(usage, "output_tokens"));
    if (d->input >= 0) {
        d->usage.input_tokens = d->input + MAX(d->cache_read, 0) + MAX(d->cache_creation, 0);
    }
    d->usage.cached_tokens = d->cache_read;
}

static void read_stop_reason(struct decoder *d, struct span word)
{
    if (!word.len) {
        return;
    }
    d->finished = true;
    if (span_is(word, "max_tokens") || span_is(word, "model_context_window_exceeded")) {
        d->finish = FINISH_LENGTH;
    } else if (span_is(word, "tool_use")) {
        d->finish = FINISH_TOOL_CALLS;
    } else if (span_is(word, "refusal")) {
        d->finish = FINISH_CONTENT_FILTER;
    } else {
        d->finish = d->tools_count ? FINISH_TOOL_CALLS
                                   : FINISH_STOP; /* end_turn, stop_sequence, pause_turn … */
    }
}

/* ---- tools ---- */

static void give_arguments(struct reader in, struct tool_block *tool, struct span text)
{
    if (text.len) {
        struct delta d = {
            .kind = DELTA_TOOL_CALL,
            .text = text,
            .tool_index = (int)(tool - in.d->tools),
        };
        in.to->delta(in.user, &d);
        tool->has_arguments = true;
    }
}

static enum err begin_tool(struct reader in, int64_t index, const struct json *block)
{
    struct decoder *d = in.d;
    struct span id = json_str(json_get(block, "id"));
    struct span name = json_str(json_get(block, "name"));
    if (!id.len || !name.len) {
        return broken(in, "a tool call of the provider has no id or name");
    }
    if (d->tools_count >= OUTBOUND_TOOLS_MAX) {
        return broken(in, "the provider's answer has too many tool calls");
    }
    if (d->tools_count == d->tools_capacity) {
        int grown = MAX(4, 2 * d->tools_capacity);
        d->tools = mem_grow(d->tools, sizeof *d->tools * (size_t)d->tools_capacity,
                            sizeof *d->tools * (size_t)grown);
        d->tools_capacity = grown;
    }
    struct tool_block *tool = &d->tools[d->tools_count++];
    *tool = (struct tool_block){.index = index, .open = true};
    text_init(&tool->input, 1 * MIB);
    const struct json *input = json_get(block, "input");
    if (json_type(input) == JSON_OBJECT && json_len(input)) {
        struct json_out w = json_out(&tool->input);
        json_value(&w, input);
        if (tool->input.overflow) {
            return broken(in, "the input of a tool call of the provider is too large");
        }
    }
    struct delta delta = {
        .kind = DELTA_TOOL_CALL,
        .text = SPAN(""),
        .tool_index = d->tools_count - 1,
        .tool_id = id,
        .tool_name = name,
    };
    in.to->delta(in.user, &delta);
    return OK;
}

static struct tool_block *open_tool(struct decoder *d, int64_t index)
{
    for (int i = d->tools_count - 1; i >= 0; i--) {
        if (d->tools[i].open && d->tools[i].index == index) {
            return &d->tools[i];
        }
    }
    return NULL;
}

static void end_tool(struct reader in, struct tool_block *tool)
{
    if (!tool->has_arguments) {
        give_arguments(in, tool, tool->input.len ? text_span(&tool->input) : SPAN("{}"));
    }
    tool->open = false;
}

/* ---- events ---- */

static enum err on_block_start(struct reader in, const struct json *root)
{
    const struct json *block = json_get(root, "content_block");
    struct span type = json_str(json_get(block, "type"));
    if (span_is(type, "tool_use")) {
        return begin_tool(in, json_i64_or(json_get(root, "index"), 0), block);
    }
    if (span_is(type, "text")) {
        give(in, DELTA_TEXT, json_str(json_get(block, "text")));
    } else if (span_is(type, "thinking")) {
        give(in, DELTA_REASONING, json_str(json_get(block, "thinking")));
    }
    return OK;
}

static enum err on_block_delta(struct reader in, const struct json *root)
{
    const struct json *delta = json_get(root, "delta");
    struct span type = json_str(json_get(delta, "type"));
    if (span_is(type, "text_delta")) {
        struct span text = json_str(json_get(delta, "text"));
        if (!span_given(text)) {
            return broken(in, "a piece of the provider's text is not a string");
        }
        give(in, DELTA_TEXT, text);
    } else if (span_is(type, "thinking_delta")) {
        give(in, DELTA_REASONING, json_str(json_get(delta, "thinking")));
    } else if (span_is(type, "input_json_delta")) {
        struct tool_block *tool = open_tool(in.d, json_i64_or(json_get(root, "index"), 0));
        if (tool) { /* else the input of a tool that the provider runs itself */
            give_arguments(in, tool, json_str(json_get(delta, "partial_json")));
        }
    }
    return OK;
}

static enum err on_event(struct reader in, const struct json *root)
{
    struct decoder *d = in.d;
    struct span type = json_str(json_get(root, "type"));
    if (span_is(type, "message_start")) {
        d->started = true;
        read_model(d, json_get(root, "message"));
        read_usage(d, json_get(json_get(root, "message"), "usage"));
    } else if (span_is(type, "content_block_start")) {
        return on_block_start(in, root);
    } else if (span_is(type, "content_block_delta")) {
        return on_block_delta(in, root);
    } else if (span_is(type, "content_block_stop")) {
        struct tool_block *tool = open_tool(d, json_i64_or(json_get(root, "index"), 0));
        if (tool) {
            end_tool(in, tool);
        }
    } else if (span_is(type, "message_delta")) {
        read_usage(d, json_get(root, "usage"));
        read_stop_reason(d, json_str(json_get(json_get(root, "delta"), "stop_reason")));
    } else if (span_is(type, "message_stop")) {
        d->stopped = true;
    } else if (span_is(type, "error") || json_type(json_get(root, "error")) == JSON_OBJECT) {
        return outbound_in_band_error(root, in.fault);
    }
    return OK; /* ping, and what is not known yet */
}

static enum err read_json(struct reader in, struct span bytes,
                          enum err (*fn)(struct reader in, const struct json *root))
{
    struct json_doc *doc = NULL;
    struct fault why = {0};
    if (json_parse(bytes, &doc, &why)) {
        return fault_set(in.fault, ERR_UPSTREAM, "the provider sent broken data: %s", why.text);
    }
    const struct json *root = json_root(doc);
    enum err err =
        json_type(root) == JSON_OBJECT
            ? fn(in, root)
            : fault_set(in.fault, ERR_UPSTREAM, "the provider sent %s instead of an object",
                        json_type_name(root));
    json_free(doc);
    return err;
}

static enum err event(struct decoder *d, struct span name, struct span data,
                      const struct decoder_events *to, void *user, struct fault *fault)
{
    (void)name; /* the data say it again */
    data = span_trim(data);
    if (!data.len || span_is(data, "[DONE]")) {
        return OK;
    }
    return read_json((struct reader){d, to, user, fault}, data, on_event);
}

/* A message that came whole: {"type":"message","content":[…],"stop_reason":…,"usage":{…}} */
static enum err on_message(struct reader in, const struct json *root)
{
    if (span_is(json_str(json_get(root, "type")), "error") ||
        json_type(json_get(root, "error")) == JSON_OBJECT) {
        return outbound_in_band_error(root, in.fault);
    }
    if (json_type(json_get(root, "content")) != JSON_ARRAY) {
        return broken(in, "the provider's answer has no content");
    }
    in.d->started = true;
    read_model(in.d, root);
    read_usage(in.d, json_get(root, "usage"));
    for (struct json_iter it = json_iter(json_get(root, "content")); json_next(&it);) {
        struct span type = json_str(json_get(it.value, "type"));
        if (span_is(type, "tool_use")) {
            enum err err = begin_tool(in, (int64_t)it.index, it.value);
            if (err) {
                return err;
            }
            end_tool(in, &in.d->tools[in.d->tools_count - 1]);
        } else if (span_is(type, "text")) {
            give(in, DELTA_TEXT, json_str(json_get(it.value, "text")));
        } else if (span_is(type, "thinking")) {
            give(in, DELTA_REASONING, json_str(json_get(it.value, "thinking")));
        }
    }
    read_stop_reason(in.d, json_str(json_get(root, "stop_reason")));
    return OK;
}

static enum err whole(struct decoder *d, struct span body, const struct decoder_events *to,
                      void *user, struct fault *fault)
{
    return read_json((struct reader){d, to, user, fault}, span_trim(body), on_message);
}

static bool done(const struct decoder *d)
{
    return d->stopped;
}

static enum err end(struct decoder *d, struct leg_end *out, struct fault *fault)
{
    out->usage = d->usage;
    out->model = d->model.len ? text_span(&d->model) : SPAN_NONE;
    out->finish = out->finishes[0] = d->finish;
    if (!d->finished) {
        return fault_set(fault, ERR_UPSTREAM,
                         d->started ? "the provider's answer broke off before its end"
                                    : "the provider's answer was empty");
    }
    return OK;
}

const struct outbound_type outbound_anthropic = {
    .name = "anthropic",
    .path = "/messages",
    .encode = anthropic_encode,
    .headers = headers,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .event = event,
    .whole = whole,
    .done = done,
    .end = end,
    .error_text = outbound_error_text,
};
