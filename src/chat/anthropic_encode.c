/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The neutral request (OpenAI's chat completions) as an Anthropic Messages request.
 *
 *   OpenAI                                Anthropic
 *   system, developer turns, anywhere     `system`, in order
 *   user / assistant turns                turns of text and image blocks; neighbours of one role are merged,
 *                                         because roles must alternate
 *   assistant tool_calls                  tool_use blocks; arguments become an object
 *   tool turns                            tool_result blocks in a user turn
 *   image_url: data: URL / https          base64 source / url source
 *   file with a data: URL                 document block
 *   tools, tool_choice                    tools with input_schema; auto, any, tool, none
 *   parallel_tool_calls: false            disable_parallel_tool_use
 *   max_(completion_)tokens               max_tokens (required there, so always sent)
 *   temperature 0..2, top_p               temperature bounded to 1, top_p
 *   stop                                  stop_sequences, empty ones dropped
 *   response_format json_*                a sentence at the end of `system` (no grammar on the far side)
 *   user                                  metadata.user_id
 *   thinking, top_k, service_tier         as they are (Anthropic's own)
 *
 * Accepted and not sent, because they only tune the sampler or the bookkeeping:
 * seed, frequency_penalty, presence_penalty, reasoning_effort, store, metadata,
 * stream_options, verbosity, and fields that Weir does not know (the far side refuses
 * unknown fields). Refused with ERR_INVALID, because the answer would not be what was
 * asked for: n > 1, logprobs, logit_bias, audio, the older `functions`, tools that are
 * not functions, tool_choice allowed_tools, content parts without a counterpart, tool
 * arguments that are not a JSON object.
 */
#include "chat/anthropic_outbound.h"
#include "chat/outbound.h"

struct writer {
    const struct request *r;
    struct json_out w;
    struct fault *fault;
    const char *role; /* of the turn that is open; NULL = none */
    size_t turn;      /* index in messages, for error texts */
};

static enum err refuse(struct writer *e, const char *what)
{
    return fault_set(e->fault, ERR_INVALID, "%s cannot be sent to an Anthropic backend", what);
}

static enum err refuse_turn(struct writer *e, const char *what)
{
    return fault_set(e->fault, ERR_INVALID,
                     "messages[%zu]: %s cannot be sent to an Anthropic backend", e->turn, what);
}

/* ---- blocks ---- */

/* Roles alternate on the far side: a block of the same role joins the open turn. */
static void open_turn(struct writer *e, const char *role)
{
    if (e->role && strcmp(e->role, role) == 0) {
        return;
    }
    if (e->role) {
        json_end_array(&e->w);
        json_end_object(&e->w);
    }
    e->role = role;
    json_begin_object(&e->w);
    json_put_c(&e->w, "role", role);
    json_key(&e->w, "content");
    json_begin_array(&e->w);
}

static void close_turn(struct writer *e)
{
    if (e->role) {
        json_end_array(&e->w);
        json_end_object(&e->w);
        e->role = NULL;
    }
}

static void write_text_block(struct writer *e, struct span text, const struct json *cache_control)
{
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", "text");
    json_put(&e->w, "text", text);
    if (json_type(cache_control) == JSON_OBJECT) {
        json_put_value(&e->w, "cache_control", cache_control);
    }
    json_end_object(&e->w);
}

/* "data:image/png;base64,AAAA" → media type and data. */
static bool cut_data_url(struct span url, struct span *out_media, struct span *out_data)
{
    if (!span_starts_nocase(url, SPAN("data:"))) {
        return false;
    }
    struct span rest = span_from(url, 5);
    size_t comma = span_find_char(rest, ',', 0);
    if (comma == SIZE_MAX || !span_ends(span_first(rest, comma), SPAN(";base64"))) {
        return false;
    }
    *out_media = span_first(rest, comma - strlen(";base64"));
    *out_data = span_from(rest, comma + 1);
    return out_media->len > 0;
}

static void write_base64_block(struct writer *e, const char *type, struct span media,
                               struct span data)
{
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", type);
    json_key(&e->w, "source");
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", "base64");
    json_put(&e->w, "media_type", media);
    json_put(&e->w, "data", data);
    json_end_object(&e->w);
    json_end_object(&e->w);
}

static enum err write_image(struct writer *e, const struct json *image_url)
{
    struct span url = json_str(image_url);
    if (!span_given(url)) {
        url = json_str(json_get(image_url, "url"));
    }
    struct span media, data;
    if (cut_data_url(url, &media, &data)) {
        write_base64_block(e, "image", media, data);
        return OK;
    }
    if (!span_starts_nocase(url, SPAN("https://")) && !span_starts_nocase(url, SPAN("http://"))) {
        return refuse_turn(e, "an image that is neither a base64 data URL nor a web address");
    }
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", "image");
    json_key(&e->w, "source");
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", "url");
    json_put(&e->w, "url", url);
    json_end_object(&e->w);
    json_end_object(&e->w);
    return OK;
}

/* One content part, as a block of the turn or tool result that is open. */
static enum err write_part(struct writer *e, const struct json *part)
{
    struct span type = json_str(json_get(part, "type"));
    struct span text = json_str(json_get(part, "text"));
    if (span_is(type, "refusal")) {
        text = json_str(json_get(part, "refusal"));
    }
    if (span_is(type, "text") || span_is(type, "refusal")) {
        if (text.len) { /* empty blocks are refused there */
            write_text_block(e, text, json_get(part, "cache_control"));
        }
        return OK;
    }
    if (span_is(type, "image_url")) {
        return write_image(e, json_get(part, "image_url"));
    }
    struct span media, data;
    if (span_is(type, "file") &&
        cut_data_url(json_str(json_get(json_get(part, "file"), "file_data")), &media, &data)) {
        write_base64_block(e, "document", media, data);
        return OK;
    }
    return refuse_turn(e, "this kind of content part");
}

static bool part_is_empty_text(const struct json *part)
{
    return span_is(json_str(json_get(part, "type")), "text") &&
           !json_str(json_get(part, "text")).len;
}

static enum err write_content(struct writer *e, const char *role, const struct json *content)
{
    struct span text = json_str(content);
    if (text.len) {
        open_turn(e, role);
        write_text_block(e, text, NULL);
    }
    for (struct json_iter it = json_iter(content);
         json_type(content) == JSON_ARRAY && json_next(&it);) {
        if (part_is_empty_text(it.value)) {
            continue;
        }
        open_turn(e, role);
        enum err err = write_part(e, it.value);
        if (err) {
            return err;
        }
    }
    return OK;
}

/* ---- turns ---- */

static enum err write_tool_use(struct writer *e, const struct json *call)
{
    const struct json *function = json_get(call, "function");
    struct span name = json_str(json_get(function, "name"));
    struct span arguments = span_trim(json_str(json_get(function, "arguments")));
    if (!name.len) {
        return refuse_turn(e, "a tool call that is not a function");
    }
    const struct json *input = NULL;
    if (arguments.len &&
        (json_parse_in(e->r->arena, arguments, &input, NULL) || json_type(input) != JSON_OBJECT)) {
        return refuse_turn(e, "a tool call whose arguments are not a JSON object");
    }
    open_turn(e, "assistant");
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", "tool_use");
    json_put(&e->w, "id", json_str(json_get(call, "id")));
    json_put(&e->w, "name", name);
    json_key(&e->w, "input");
    if (input) {
        json_value(&e->w, input);
    } else {
        json_begin_object(&e->w);
        json_end_object(&e->w);
    }
    json_end_object(&e->w);
    return OK;
}

static enum err write_assistant(struct writer *e, const struct json *message)
{
    enum err err = write_content(e, "assistant", json_get(message, "content"));
    for (struct json_iter it = json_iter(json_get(message, "tool_calls"));
         !err && json_next(&it);) {
        err = write_tool_use(e, it.value);
    }
    if (!err && json_type(json_get(message, "function_call")) == JSON_OBJECT) {
        return refuse_turn(e, "the older function_call");
    }
    return err;
}

static enum err write_tool_result(struct writer *e, const struct json *message)
{
    const struct json *content = json_get(message, "content");
    open_turn(e, "user");
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", "tool_result");
    json_put(&e->w, "tool_use_id", json_str(json_get(message, "tool_call_id")));
    enum err err = OK;
    if (json_type(content) == JSON_ARRAY) {
        json_key(&e->w, "content");
        json_begin_array(&e->w);
        for (struct json_iter it = json_iter(content); !err && json_next(&it);) {
            err = write_part(e, it.value);
        }
        json_end_array(&e->w);
    } else {
        struct span text = json_str(content);
        json_put(&e->w, "content", span_given(text) ? text : SPAN(""));
    }
    json_end_object(&e->w);
    return err;
}

static bool is_system(const struct json *message)
{
    struct span role = json_str(json_get(message, "role"));
    return span_is(role, "system") || span_is(role, "developer");
}

/* A request of system turns only is asked as the user: at least one turn is required there. */
static bool only_system_turns(const struct json *messages)
{
    for (struct json_iter it = json_iter(messages); json_next(&it);) {
        if (!is_system(it.value)) {
            return false;
        }
    }
    return true;
}

static enum err write_turn(struct writer *e, const struct json *message, bool system_as_user)
{
    struct span role = json_str(json_get(message, "role"));
    if (is_system(message)) {
        return system_as_user ? write_content(e, "user", json_get(message, "content")) : OK;
    }
    if (span_is(role, "user")) {
        return write_content(e, "user", json_get(message, "content"));
    }
    if (span_is(role, "assistant")) {
        return write_assistant(e, message);
    }
    if (span_is(role, "tool")) {
        return write_tool_result(e, message);
    }
    return refuse_turn(e, "a turn of this role");
}

static enum err write_messages(struct writer *e)
{
    bool system_as_user = only_system_turns(e->r->messages);
    json_key(&e->w, "messages");
    json_begin_array(&e->w);
    enum err err = OK;
    for (struct json_iter it = json_iter(e->r->messages); !err && json_next(&it);) {
        e->turn = it.index;
        err = write_turn(e, it.value, system_as_user);
    }
    bool none = e->role == NULL;
    close_turn(e);
    json_end_array(&e->w);
    return !err && none ? fault_set(e->fault, ERR_INVALID, "messages: there is no text in them")
                        : err;
}

/* ---- system ---- */

static enum err write_system_parts(struct writer *e, const struct json *content)
{
    for (struct json_iter it = json_iter(content);
         json_type(content) == JSON_ARRAY && json_next(&it);) {
        if (!span_is(json_str(json_get(it.value, "type")), "text")) {
            return refuse_turn(e, "a system turn that is not text");
        }
        enum err err = write_part(e, it.value);
        if (err) {
            return err;
        }
    }
    return OK;
}

/* What stands for response_format on the far side. */
static void write_format_sentence(struct writer *e)
{
    if (e->r->json_object) {
        write_text_block(
            e,
            SPAN(
                "Answer with one JSON object and nothing else: no words around it, no code fence."),
            NULL);
        return;
    }
    const struct json *format = json_get(json_get(e->r->body, "response_format"), "json_schema");
    struct text sentence;
    text_init(&sentence, e->w.text->max);
    text_add_c(&sentence,
               "Answer with one JSON value that is valid under this JSON Schema and nothing else, "
               "no words around it, no code fence: ");
    struct json_out w = json_out(&sentence);
    json_value(&w, json_get(format, "schema"));
    write_text_block(e, text_span(&sentence), NULL);
    text_done(&sentence);
}

static bool has_words(const struct json *content)
{
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        if (!part_is_empty_text(it.value)) {
            return true;
        }
    }
    return json_str(content).len > 0;
}

static enum err write_system(struct writer *e)
{
    bool turns = !only_system_turns(e->r->messages);
    bool format = e->r->json_object || e->r->json_schema;
    bool any = format;
    for (struct json_iter it = json_iter(e->r->messages); turns && !any && json_next(&it);) {
        any = is_system(it.value) && has_words(json_get(it.value, "content"));
    }
    if (!any) {
        return OK;
    }
    json_key(&e->w, "system");
    json_begin_array(&e->w);
    enum err err = OK;
    for (struct json_iter it = json_iter(e->r->messages); turns && !err && json_next(&it);) {
        if (!is_system(it.value)) {
            continue;
        }
        const struct json *content = json_get(it.value, "content");
        e->turn = it.index;
        if (json_str(content).len) {
            write_text_block(e, json_str(content), NULL);
        }
        err = write_system_parts(e, content);
    }
    if (format) {
        write_format_sentence(e);
    }
    json_end_array(&e->w);
    return err;
}

/* ---- tools ---- */

static enum err write_tools(struct writer *e, const struct json *tools)
{
    json_key(&e->w, "tools");
    json_begin_array(&e->w);
    for (struct json_iter it = json_iter(tools); json_next(&it);) {
        const struct json *function = json_get(it.value, "function");
        if (!span_is(json_str(json_get(it.value, "type")), "function") ||
            !json_str(json_get(function, "name")).len) {
            return refuse(e, "a tool that is not a function");
        }
        const struct json *description = json_get(function, "description");
        const struct json *parameters = json_get(function, "parameters");
        json_begin_object(&e->w);
        json_put(&e->w, "name", json_str(json_get(function, "name")));
        if (json_str(description).len) {
            json_put(&e->w, "description", json_str(description));
        }
        json_key(&e->w, "input_schema");
        if (json_type(parameters) == JSON_OBJECT && json_len(parameters)) {
            json_value(&e->w, parameters);
        } else {
            json_raw(&e->w, SPAN("{\"type\":\"object\",\"properties\":{}}"));
        }
        if (json_type(json_get(it.value, "cache_control")) == JSON_OBJECT) {
            json_put_value(&e->w, "cache_control", json_get(it.value, "cache_control"));
        }
        json_end_object(&e->w);
    }
    json_end_array(&e->w);
    return OK;
}

static enum err write_tool_choice(struct writer *e, const struct json *choice)
{
    bool parallel = true;
    json_to_bool(json_get(e->r->body, "parallel_tool_calls"), &parallel);
    struct span word = json_str(choice);
    struct span name = json_str(json_get(json_get(choice, "function"), "name"));
    const char *type = "auto";
    if (name.len) {
        type = "tool";
    } else if (span_is(word, "required")) {
        type = "any";
    } else if (span_is(word, "none")) {
        type = "none";
    } else if (json_type(choice) == JSON_OBJECT) {
        return refuse(e, "this tool_choice");
    } else if (parallel && !span_given(word)) {
        return OK;
    }
    json_key(&e->w, "tool_choice");
    json_begin_object(&e->w);
    json_put_c(&e->w, "type", type);
    if (name.len) {
        json_put(&e->w, "name", name);
    }
    if (!parallel && strcmp(type, "none") != 0) {
        json_put_bool(&e->w, "disable_parallel_tool_use", true);
    }
    json_end_object(&e->w);
    return OK;
}

/* ---- the rest ---- */

static void write_stop(struct writer *e, const struct json *stop)
{
    struct span one = json_str(stop);
    if (!one.len && json_type(stop) != JSON_ARRAY) {
        return;
    }
    json_key(&e->w, "stop_sequences");
    json_begin_array(&e->w);
    if (one.len) {
        json_string(&e->w, one);
    }
    for (struct json_iter it = json_iter(stop); json_next(&it);) {
        if (json_str(it.value).len) {
            json_string(&e->w, json_str(it.value));
        }
    }
    json_end_array(&e->w);
}

static void write_sampling(struct writer *e)
{
    const struct json *body = e->r->body;
    double temperature = json_f64_or(json_get(body, "temperature"), -1);
    if (temperature > 1) {
        json_put_int(&e->w, "temperature", 1);
    } else if (temperature >= 0) {
        json_put_value(&e->w, "temperature", json_get(body, "temperature"));
    }
    static const char *const same[] = {"top_p", "top_k"};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        if (json_type(json_get(body, same[i])) == JSON_NUMBER) {
            json_put_value(&e->w, same[i], json_get(body, same[i]));
        }
    }
    if (json_type(json_get(body, "thinking")) == JSON_OBJECT) {
        json_put_value(&e->w, "thinking", json_get(body, "thinking"));
    }
    struct span service_tier = json_str(json_get(body, "service_tier"));
    if (span_is(service_tier, "auto") || span_is(service_tier, "standard_only")) {
        json_put(&e->w, "service_tier", service_tier);
    }
    write_stop(e, json_get(body, "stop"));
    if (json_str(json_get(body, "user")).len) {
        json_key(&e->w, "metadata");
        json_begin_object(&e->w);
        json_put(&e->w, "user_id", json_str(json_get(body, "user")));
        json_end_object(&e->w);
    }
}

static bool is_set(const struct json *v)
{
    return json_len(v) > 0 || json_true(v) || json_type(v) == JSON_NUMBER || json_str(v).len > 0;
}

static enum err check_expressible(struct writer *e)
{
    const struct json *body = e->r->body;
    if (e->r->n > 1) {
        return refuse(e, "n > 1");
    }
    static const char *const never[] = {"logprobs", "logit_bias", "audio", "functions",
                                        "prediction"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        if (is_set(json_get(body, never[i]))) {
            return refuse(e, never[i]);
        }
    }
    return OK;
}

enum err anthropic_encode(const struct request *r, const struct backend *b,
                          const struct leg_options *o, struct text *out, struct fault *fault)
{
    (void)o;
    struct writer e = {.r = r, .w = json_out(out), .fault = fault};
    const struct json *tools = json_get(r->body, "tools");
    enum err err = check_expressible(&e);
    if (err) {
        return err;
    }
    json_begin_object(&e.w);
    json_put(&e.w, "model", outbound_model(r, b));
    json_put_int(&e.w, "max_tokens", outbound_max_tokens(r, b));
    json_put_bool(&e.w, "stream", true);
    err = write_system(&e);
    if (!err) {
        err = write_messages(&e);
    }
    if (!err && json_type(tools) == JSON_ARRAY && json_len(tools)) {
        err = write_tools(&e, tools);
        if (!err) {
            err = write_tool_choice(&e, json_get(r->body, "tool_choice"));
        }
    }
    if (err) {
        return err;
    }
    write_sampling(&e);
    json_end_object(&e.w);
    return out->overflow
               ? fault_set(fault, ERR_TOO_LARGE, "the request is larger than %zu bytes", out->max)
               : OK;
}
