/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's chat completions and completions, as clients send them.
 *
 * What is known is checked: type, range, shape. The first thing that does not
 * fit ends the request with a sentence and the field's name, because a gateway
 * that passes nonsense on lets five backends answer it in five ways. What is not
 * known is left alone and travels with the body. `null` means "not given".
 *
 * A completion becomes a chat of one user turn (so that every backend can answer
 * it), while its raw prompt is kept for local models.
 */
#include "chat/dialect.h"

#define BODY_BYTES_MAX (32 * MIB)
#define FIELDS_MAX 512
#define MODEL_BYTES_MAX 256
#define TOKENS_MAX 1e7
#define STOPS_MAX 16
#define STOP_BYTES_MAX 1024
#define TOOLS_MAX 128
#define BIASES_MAX 4096

/* One body being checked. */
struct check {
    struct arena *arena;
    struct request *out;
    const char **out_param;
    struct fault *fault;
};

static enum err wrong(struct check *c, const char *param, const char *format, ...)
    PRINTF_LIKE(3, 4);

static enum err wrong(struct check *c, const char *param, const char *format, ...)
{
    struct text t;
    va_list args;
    text_init(&t, sizeof c->fault->text);
    va_start(args, format);
    text_vaddf(&t, format, args);
    va_end(args);
    fault_set(c->fault, ERR_INVALID, "`%s` %s", param, text_span(&t).data);
    text_done(&t);
    *c->out_param = param;
    return ERR_INVALID;
}

/* "messages[3].content": the name of something inside a list. */
static const char *inside(struct check *c, const char *list, size_t index, const char *rest)
{
    return arena_printf(c->arena, "%s[%zu]%s", list, index, rest).data;
}

static bool absent(const struct json *v)
{
    return json_type(v) == JSON_NONE || json_type(v) == JSON_NULL;
}

static bool is_one_of(struct span s, const char *const *words)
{
    for (; *words; words++) {
        if (span_is(s, *words)) {
            return true;
        }
    }
    return false;
}

/* ---- messages ---- */

static const char *const part_text_types[] = {"text", "refusal", NULL};

static enum err check_part(struct check *c, const struct json *part, const char *name)
{
    struct span type = json_str(json_get(part, "type"));
    if (json_type(part) != JSON_OBJECT) {
        return wrong(c, name, "must be an object with a type, got %s", json_type_name(part));
    }
    if (type.len == 0) {
        return wrong(c, name, "needs a `type` such as \"text\" or \"image_url\"");
    }
    if (is_one_of(type, part_text_types)) {
        bool text =
            span_given(json_str(json_get(part, span_is(type, "text") ? "text" : "refusal")));
        return text ? OK : wrong(c, name, "needs its text as a string");
    }
    c->out->has_images = true;
    const struct json *image = json_get(part, "image_url");
    if (span_is(type, "image_url") && !span_given(json_str(image)) &&
        !span_given(json_str(json_get(image, "url")))) {
        return wrong(c, name, "needs image_url.url as a string");
    }
    return OK;
}

static enum err check_content(struct check *c, const struct json *content, const char *name)
{
    if (json_type(content) == JSON_STRING) {
        return OK;
    }
    if (json_type(content) != JSON_ARRAY || json_len(content) == 0) {
        return wrong(c, name, "must be a string or a list of parts, got %s",
                     json_type(content) == JSON_ARRAY ? "an empty list" : json_type_name(content));
    }
    enum err err = OK;
    for (struct json_iter it = json_iter(content); !err && json_next(&it);) {
        err = check_part(c, it.value, inside(c, name, it.index, ""));
    }
    return err;
}

static enum err check_call(struct check *c, const struct json *call, const char *name)
{
    const struct json *function = json_get(call, "function");
    if (json_type(call) != JSON_OBJECT) {
        return wrong(c, name, "must be an object, got %s", json_type_name(call));
    }
    if (!span_given(json_str(json_get(call, "id")))) {
        return wrong(c, name, "needs an `id` as a string");
    }
    if (!function && span_given(json_str(json_get(call, "type"))) &&
        !span_is(json_str(json_get(call, "type")), "function")) {
        return OK; /* custom tools */
    }
    if (json_str(json_get(function, "name")).len == 0 ||
        !span_given(json_str(json_get(function, "arguments")))) {
        return wrong(c, name, "needs function.name and function.arguments as strings");
    }
    return OK;
}

static enum err check_calls(struct check *c, const struct json *calls, const char *name)
{
    if (json_type(calls) != JSON_ARRAY) {
        return wrong(c, name, "must be a list, got %s", json_type_name(calls));
    }
    enum err err = OK;
    for (struct json_iter it = json_iter(calls); !err && json_next(&it);) {
        err = check_call(c, it.value, inside(c, name, it.index, ""));
    }
    return err;
}

static const char *const roles[] = {"system", "developer", "user", "assistant",
                                    "tool",   "function",  NULL};

static enum err check_message(struct check *c, const struct json *m, size_t index)
{
    if (json_type(m) != JSON_OBJECT) {
        return wrong(c, inside(c, "messages", index, ""),
                     "must be an object with role and content, got %s", json_type_name(m));
    }
    struct span role = json_str(json_get(m, "role"));
    if (!span_given(role) || !is_one_of(role, roles)) {
        return wrong(c, inside(c, "messages", index, ".role"),
                     "must be one of system, developer, user, assistant, tool, function");
    }
    const struct json *content = json_get(m, "content");
    const struct json *calls = json_get(m, "tool_calls");
    bool may_lack = span_is(role, "function") ||
                    (span_is(role, "assistant") &&
                     (json_len(calls) || !absent(json_get(m, "function_call")) ||
                      !absent(json_get(m, "refusal")) || !absent(json_get(m, "audio"))));
    enum err err = OK;
    if (!absent(content) || !may_lack) {
        err = check_content(c, content, inside(c, "messages", index, ".content"));
    }
    if (!err && !absent(calls)) {
        err = check_calls(c, calls, inside(c, "messages", index, ".tool_calls"));
    }
    if (!err && span_is(role, "tool") && json_str(json_get(m, "tool_call_id")).len == 0) {
        err = wrong(c, inside(c, "messages", index, ".tool_call_id"),
                    "must be the id of the call that this answers");
    }
    const struct json *name = json_get(m, "name");
    if (!err && !absent(name) && !span_given(json_str(name))) {
        err = wrong(c, inside(c, "messages", index, ".name"), "must be a string, got %s",
                    json_type_name(name));
    }
    return err;
}

static enum err check_messages(struct check *c, const struct json *messages)
{
    if (json_type(messages) != JSON_ARRAY || json_len(messages) == 0) {
        return wrong(c, "messages", "must be a list of at least one message, got %s",
                     json_type(messages) == JSON_ARRAY ? "an empty list"
                                                       : json_type_name(messages));
    }
    enum err err = OK;
    for (struct json_iter it = json_iter(messages); !err && json_next(&it);) {
        err = check_message(c, it.value, it.index);
    }
    c->out->messages = messages;
    return err;
}

/* ---- single fields ---- */

static enum err check_model(struct check *c, const struct json *v)
{
    struct span model = json_str(v);
    if (model.len == 0 || model.len > MODEL_BYTES_MAX) {
        return wrong(c, "model",
                     "must be a string of 1 to %d bytes (GET /v1/models lists what there is)",
                     MODEL_BYTES_MAX);
    }
    c->out->model = model;
    return OK;
}

static enum err check_tools(struct check *c, const struct json *v, const char *key)
{
    bool legacy = key[0] == 'f'; /* functions: what is now `tools[].function` */
    if (json_type(v) != JSON_ARRAY || json_len(v) > TOOLS_MAX) {
        return wrong(c, key, "must be a list of at most %d, got %s", TOOLS_MAX,
                     json_type(v) == JSON_ARRAY ? "more" : json_type_name(v));
    }
    for (struct json_iter it = json_iter(v); json_next(&it);) {
        struct span type = json_str(json_get(it.value, "type"));
        const struct json *function = legacy ? it.value : json_get(it.value, "function");
        if (!legacy && type.len == 0) {
            return wrong(c, inside(c, key, it.index, ".type"), "must be \"function\"");
        }
        if (!legacy && !span_is(type, "function")) {
            continue; /* a provider's own tools */
        }
        if (json_str(json_get(function, "name")).len == 0) {
            return wrong(c, inside(c, key, it.index, legacy ? ".name" : ".function.name"),
                         "must be a name");
        }
        const struct json *parameters = json_get(function, "parameters");
        if (!absent(parameters) && json_type(parameters) != JSON_OBJECT) {
            return wrong(c,
                         inside(c, key, it.index, legacy ? ".parameters" : ".function.parameters"),
                         "must be a JSON schema, got %s", json_type_name(parameters));
        }
    }
    c->out->has_tools |= json_len(v) > 0;
    return OK;
}

static enum err check_tool_choice(struct check *c, const struct json *v)
{
    static const char *const words[] = {"none", "auto", "required", NULL};
    struct span type = json_str(json_get(v, "type"));
    bool names = json_str(json_get(json_get(v, "function"), "name")).len > 0;
    if (span_given(json_str(v)) ? is_one_of(json_str(v), words)
                                : type.len && (!span_is(type, "function") || names)) {
        return OK;
    }
    return wrong(
        c, "tool_choice",
        "must be none, auto, required or {\"type\":\"function\",\"function\":{\"name\":…}}");
}

static enum err check_stop(struct check *c, const struct json *v)
{
    if (json_type(v) != JSON_STRING && (json_type(v) != JSON_ARRAY || json_len(v) > STOPS_MAX)) {
        return wrong(c, "stop", "must be a string or a list of at most %d strings", STOPS_MAX);
    }
    size_t count = json_type(v) == JSON_STRING ? 1 : json_len(v);
    for (size_t i = 0; i < count; i++) {
        struct span s = json_str(json_type(v) == JSON_STRING ? v : json_at(v, i));
        if (s.len == 0 || s.len > STOP_BYTES_MAX) {
            return wrong(c, "stop", "must hold strings of 1 to %d bytes", STOP_BYTES_MAX);
        }
    }
    return OK;
}

static enum err check_response_format(struct check *c, const struct json *v)
{
    struct span type = json_str(json_get(v, "type"));
    if (!span_is(type, "text") && !span_is(type, "json_object") && !span_is(type, "json_schema")) {
        return wrong(c, "response_format",
                     "must be an object whose `type` is text, json_object or json_schema");
    }
    c->out->json_object = span_is(type, "json_object");
    c->out->json_schema = span_is(type, "json_schema");
    const struct json *schema = json_get(v, "json_schema");
    if (c->out->json_schema && json_type(json_get(schema, "schema")) != JSON_OBJECT) {
        return wrong(c, "response_format.json_schema.schema", "must be a JSON schema, got %s",
                     json_type_name(json_get(schema, "schema")));
    }
    return OK;
}

static enum err check_logit_bias(struct check *c, const struct json *v)
{
    if (json_type(v) != JSON_OBJECT || json_len(v) > BIASES_MAX) {
        return wrong(c, "logit_bias", "must be an object of at most %d token ids", BIASES_MAX);
    }
    for (struct json_iter it = json_iter(v); json_next(&it);) {
        double bias = 0;
        int64_t token = 0;
        if (!span_to_i64(it.key, &token) || token < 0 || !json_to_f64(it.value, &bias) ||
            bias < -100 || bias > 100) {
            return wrong(c, "logit_bias", "must map token ids to numbers from -100 to 100");
        }
    }
    return OK;
}

static enum err check_stream_options(struct check *c, const struct json *v)
{
    if (json_type(v) != JSON_OBJECT) {
        return wrong(c, "stream_options", "must be an object, got %s", json_type_name(v));
    }
    const struct json *usage = json_get(v, "include_usage");
    if (!absent(usage) && !json_to_bool(usage, &c->out->include_usage)) {
        return wrong(c, "stream_options.include_usage", "must be true or false, got %s",
                     json_type_name(usage));
    }
    return OK;
}

/* ---- the table of what is known ---- */

enum kind { KIND_NUMBER, KIND_WHOLE, KIND_BOOL, KIND_STRING, KIND_OBJECT, KIND_LIST, KIND_OWN };

static const struct known {
    const char *key;
    enum kind kind;
    double min, max;
    enum err (*own)(struct check *c, const struct json *v);
} known_fields[] = {
    {"model", KIND_OWN, 0, 0, check_model},
    {"temperature", KIND_NUMBER, 0, 2, NULL},
    {"top_p", KIND_NUMBER, 0, 1, NULL},
    {"min_p", KIND_NUMBER, 0, 1, NULL},
    {"top_k", KIND_WHOLE, -1, 1e6, NULL},
    {"repeat_penalty", KIND_NUMBER, 0, 10, NULL},
    {"repetition_penalty", KIND_NUMBER, 0, 10, NULL},
    {"presence_penalty", KIND_NUMBER, -2, 2, NULL},
    {"frequency_penalty", KIND_NUMBER, -2, 2, NULL},
    {"max_tokens", KIND_WHOLE, 1, TOKENS_MAX, NULL},
    {"max_completion_tokens", KIND_WHOLE, 1, TOKENS_MAX, NULL},
    {"n", KIND_WHOLE, 1, 128, NULL},
    {"seed", KIND_WHOLE, -9.2e18, 9.2e18, NULL},
    {"stream", KIND_BOOL, 0, 0, NULL},
    {"stream_options", KIND_OWN, 0, 0, check_stream_options},
    {"stop", KIND_OWN, 0, 0, check_stop},
    {"logit_bias", KIND_OWN, 0, 0, check_logit_bias},
    {"user", KIND_STRING, 0, 0, NULL},
    {"metadata", KIND_OBJECT, 0, 0, NULL},
    {"store", KIND_BOOL, 0, 0, NULL},
    {"service_tier", KIND_STRING, 0, 0, NULL},
    {"weir", KIND_OBJECT, 0, 0, NULL},
    {NULL, KIND_OWN, 0, 0, NULL},
};

static enum err check_tools_field(struct check *c, const struct json *v)
{
    return check_tools(c, v, "tools");
}

static enum err check_functions_field(struct check *c, const struct json *v)
{
    return check_tools(c, v, "functions");
}

static const struct known chat_fields[] = {
    {"logprobs", KIND_BOOL, 0, 0, NULL},
    {"top_logprobs", KIND_WHOLE, 0, 20, NULL},
    {"tools", KIND_OWN, 0, 0, check_tools_field},
    {"functions", KIND_OWN, 0, 0, check_functions_field},
    {"tool_choice", KIND_OWN, 0, 0, check_tool_choice},
    {"parallel_tool_calls", KIND_BOOL, 0, 0, NULL},
    {"response_format", KIND_OWN, 0, 0, check_response_format},
    {"reasoning_effort", KIND_STRING, 0, 0, NULL},
    {"modalities", KIND_LIST, 0, 0, NULL},
    {NULL, KIND_OWN, 0, 0, NULL},
};

static const struct known completion_fields[] = {
    {"logprobs", KIND_WHOLE, 0, 5, NULL}, {"best_of", KIND_WHOLE, 1, 128, NULL},
    {"echo", KIND_BOOL, 0, 0, NULL},      {"suffix", KIND_STRING, 0, 0, NULL},
    {NULL, KIND_OWN, 0, 0, NULL},
};

static enum err check_known(struct check *c, const struct known *k, const struct json *v)
{
    static const enum json_type types[] = {
        [KIND_BOOL] = JSON_BOOL,
        [KIND_STRING] = JSON_STRING,
        [KIND_OBJECT] = JSON_OBJECT,
        [KIND_LIST] = JSON_ARRAY,
    };
    static const char *const names[] = {
        [KIND_BOOL] = "true or false",
        [KIND_STRING] = "a string",
        [KIND_OBJECT] = "an object",
        [KIND_LIST] = "a list",
    };
    double x = 0;
    int64_t n = 0;
    switch (k->kind) {
    case KIND_OWN:
        return k->own(c, v);
    case KIND_NUMBER:
    case KIND_WHOLE:
        if (json_to_f64(v, &x) && x >= k->min && x <= k->max &&
            (k->kind == KIND_NUMBER || json_to_i64(v, &n))) {
            return OK;
        }
        return wrong(
            c, k->key, "must be a %snumber from %.15g to %.15g, got %s",
            k->kind == KIND_WHOLE ? "whole " : "", k->min, k->max,
            json_type(v) == JSON_NUMBER
                ? arena_printf(c->arena, "%.*s", SPAN_ARG(span_first(json_raw_number(v), 40))).data
                : json_type_name(v));
    default:
        return json_type(v) == types[k->kind]
                   ? OK
                   : wrong(c, k->key, "must be %s, got %s", names[k->kind], json_type_name(v));
    }
}

static const struct known *find_known(const struct known *table, struct span key)
{
    for (; table->key; table++) {
        if (span_is(key, table->key)) {
            return table;
        }
    }
    return NULL;
}

/* Every member of the body against both tables; a name may appear once. */
static enum err check_fields(struct check *c, const struct json *body, const struct known *more)
{
    struct span seen[FIELDS_MAX];
    if (json_len(body) > FIELDS_MAX) {
        return fault_set(c->fault, ERR_INVALID, "the body has more than %d fields", FIELDS_MAX);
    }
    enum err err = OK;
    for (struct json_iter it = json_iter(body); !err && json_next(&it);) {
        for (size_t i = 0; i < it.index; i++) {
            if (span_eq(seen[i], it.key)) {
                const char *name = arena_c(c->arena, span_first(it.key, 64));
                return wrong(c, name, "appears twice in the body");
            }
        }
        seen[it.index] = it.key;
        const struct known *k = find_known(known_fields, it.key);
        k = k ? k : find_known(more, it.key);
        if (k && !absent(it.value)) {
            err = check_known(c, k, it.value);
        }
    }
    return err;
}

/* ---- bodies ---- */

static enum err parse_body(struct check *c, struct span bytes, const struct json **out)
{
    if (bytes.len > BODY_BYTES_MAX) {
        return fault_set(c->fault, ERR_TOO_LARGE, "the body is larger than 32 MiB");
    }
    if (span_trim(bytes).len == 0) {
        return fault_set(c->fault, ERR_INVALID, "the body is empty; send a JSON object");
    }
    enum err err = json_parse_in(c->arena, bytes, out, c->fault);
    if (err) {
        fault_prefix(c->fault, "the body is ");
        return err;
    }
    if (json_type(*out) != JSON_OBJECT) {
        return fault_set(c->fault, ERR_INVALID, "the body must be a JSON object, got %s",
                         json_type_name(*out));
    }
    return OK;
}

static struct check check_start(struct arena *arena, struct request *out, enum endpoint endpoint,
                                size_t body_bytes, const char **out_param, struct fault *fault)
{
    static struct fault nowhere; /* for callers that want no words */
    *out_param = NULL;
    *out = (struct request){
        .arena = arena,
        .endpoint = endpoint,
        .client = SPAN_NONE,
        .model = SPAN("auto"),
        .n = 1,
        .body_bytes = body_bytes,
        .options = {.max_cost_usd_nano = -1, .quality = -1},
    };
    return (struct check){
        .arena = arena, .out = out, .out_param = out_param, .fault = fault ? fault : &nowhere};
}

/* What both endpoints mean by the same fields, once they are known to be right. */
static void take_common(struct request *out, const struct json *body)
{
    out->body = body;
    out->stream = json_true(json_get(body, "stream"));
    out->n = (int)json_i64_or(json_get(body, "n"), 1);
    out->max_tokens = json_i64_or(json_get(body, "max_completion_tokens"),
                                  json_i64_or(json_get(body, "max_tokens"), 0));
}

enum err openai_decode_chat(struct arena *arena, struct span bytes, struct request *out,
                            const char **out_param, struct fault *fault)
{
    struct check c = check_start(arena, out, ENDPOINT_CHAT, bytes.len, out_param, fault);
    const struct json *body = NULL;
    enum err err = parse_body(&c, bytes, &body);
    if (!err) {
        err = check_fields(&c, body, chat_fields);
    }
    if (!err) {
        err = check_messages(&c, json_get(body, "messages"));
    }
    if (err) {
        return err;
    }
    take_common(out, body);
    out->logprobs = json_true(json_get(body, "logprobs"));
    if (!absent(json_get(body, "top_logprobs")) && !out->logprobs) {
        return wrong(&c, "top_logprobs", "needs `logprobs` to be true");
    }
    return OK;
}

static enum err read_prompt(struct check *c, const struct json *body)
{
    const struct json *v = json_get(body, "prompt");
    if (json_type(v) == JSON_ARRAY && json_len(v) == 1) {
        v = json_at(v, 0);
    }
    if (json_type(v) == JSON_ARRAY && json_type(json_at(v, 0)) == JSON_STRING) {
        return wrong(c, "prompt",
                     "may hold one prompt a request; send the others as requests of their own");
    }
    if (json_type(v) == JSON_ARRAY || json_type(v) == JSON_NUMBER) {
        return wrong(c, "prompt", "must be text; token ids differ from model to model");
    }
    if (json_str(v).len == 0) {
        return wrong(c, "prompt", "must be a string that is not empty, got %s",
                     json_type(v) == JSON_STRING ? "an empty one" : json_type_name(v));
    }
    c->out->prompt = json_str(v);
    return OK;
}

static enum err refuse_unsupported(struct check *c, const struct json *body)
{
    if (json_str(json_get(body, "suffix")).len) {
        return wrong(c, "suffix", "is not supported: there is no filling in between");
    }
    if (json_true(json_get(body, "echo"))) {
        return wrong(c, "echo", "is not supported: only new text is returned");
    }
    int64_t best_of = json_i64_or(json_get(body, "best_of"), 1);
    if (best_of > 1 && best_of != json_i64_or(json_get(body, "n"), 1)) {
        return wrong(c, "best_of",
                     "is not supported beyond `n`: nothing is generated to be thrown away");
    }
    if (!absent(json_get(body, "messages"))) {
        return wrong(c, "messages", "belongs to /v1/chat/completions; here it is `prompt`");
    }
    return OK;
}

/* The same request as a chat of one turn. */
static enum err as_chat(struct check *c, const struct json *body, const struct json **out)
{
    static const char *const not_for_chat[] = {"prompt",   "suffix",       "echo",     "best_of",
                                               "logprobs", "top_logprobs", "messages", NULL};
    struct text t;
    text_init(&t, 2 * BODY_BYTES_MAX); /* escapes may grow */
    struct json_out w = json_out(&t);
    json_begin_object(&w);
    json_key(&w, "messages");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_c(&w, "role", "user");
    json_put(&w, "content", c->out->prompt);
    json_end_object(&w);
    json_end_array(&w);
    for (struct json_iter it = json_iter(body); json_next(&it);) {
        if (!is_one_of(it.key, not_for_chat)) {
            json_key_span(&w, it.key);
            json_value(&w, it.value);
        }
    }
    if (c->out->logprobs) {
        json_put_bool(&w, "logprobs", true);
        json_put_int(&w, "top_logprobs", json_i64_or(json_get(body, "logprobs"), 0));
    }
    json_end_object(&w);
    enum err err = t.overflow ? fault_set(c->fault, ERR_TOO_LARGE, "the body is too large")
                              : json_parse_in(c->arena, text_span(&t), out, c->fault);
    text_done(&t);
    return err;
}

enum err openai_decode_completion(struct arena *arena, struct span bytes, struct request *out,
                                  const char **out_param, struct fault *fault)
{
    struct check c = check_start(arena, out, ENDPOINT_COMPLETION, bytes.len, out_param, fault);
    const struct json *body = NULL;
    enum err err = parse_body(&c, bytes, &body);
    if (!err) {
        err = check_fields(&c, body, completion_fields);
    }
    if (!err) {
        err = refuse_unsupported(&c, body);
    }
    if (!err) {
        err = read_prompt(&c, body);
    }
    if (err) {
        return err;
    }
    out->logprobs = !absent(json_get(body, "logprobs"));
    const struct json *chat = NULL;
    err = as_chat(&c, body, &chat);
    if (err) {
        return err;
    }
    take_common(out, chat);
    out->messages = json_get(chat, "messages");
    return OK;
}
