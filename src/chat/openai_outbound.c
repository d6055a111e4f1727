/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's chat completions, spoken to a provider.
 *
 * The request. The canonical body is that dialect already, so every field the
 * client sent goes out as it came, but for:
 *
 *   weir                          left out
 *   model                         the backend's
 *   stream, stream_options        always true, include_usage always true (other options kept)
 *   max_tokens,                   one of them, bounded by the backend; max_completion_tokens where the
 *   max_completion_tokens         other is refused (OpenAI's own hosts, reasoning models)
 *   messages[].role "developer"   "system", unless the host is OpenAI's own
 *
 * The answer. Chunks `{choices:[{index, delta, finish_reason}], usage, model}`, ended
 * by `[DONE]`. Providers differ, and these forms are all taken: usage on any chunk,
 * cumulative or repeated; tool calls without index (Gemini) or with the same index
 * and a new id; arguments as an object; `reasoning` or `reasoning_content`; content as
 * an array of parts (Mistral); one whole `chat.completion` in place of a stream;
 * no `[DONE]` after the finish reasons. An answer is complete when each choice that
 * was seen has a finish reason; `[DONE]` without one is a cut that a proxy on the way
 * has hidden, and is reported as broken.
 */
#include "chat/outbound.h"

#include <stdio.h>

#define TOOL_ID_BYTES 128

/* ---- the request ---- */

static bool host_is_openai(struct span url)
{
    size_t scheme = span_find(url, SPAN("://"), 0);
    struct span rest = scheme == SIZE_MAX ? url : span_from(url, scheme + 3);
    struct span authority = span_cut(&rest, '/');
    struct span host = span_cut(&authority, ':');
    return span_eq_nocase(host, SPAN("api.openai.com")) ||
           span_ends(host, SPAN(".api.openai.com")) || span_ends(host, SPAN(".openai.azure.com"));
}

/* "o1", "o3-mini", "gpt-5", "openai/gpt-5-nano": they refuse `max_tokens`. */
static bool model_is_reasoning(struct span model)
{
    size_t slash = span_find_char(model, '/', 0);
    struct span name = slash == SIZE_MAX ? model : span_from(model, slash + 1);
    if (span_starts(name, SPAN("gpt-5"))) {
        return true;
    }
    return name.len >= 2 && name.data[0] == 'o' && name.data[1] >= '1' && name.data[1] <= '9' &&
           (name.len == 2 || name.data[2] == '-');
}

static bool has_developer_turn(const struct json *messages)
{
    for (struct json_iter it = json_iter(messages); json_next(&it);) {
        if (span_is(json_str(json_get(it.value, "role")), "developer")) {
            return true;
        }
    }
    return false;
}

static void write_message_as_system(struct json_out *w, const struct json *message)
{
    json_begin_object(w);
    json_put_c(w, "role", "system");
    for (struct json_iter it = json_iter(message); json_next(&it);) {
        if (!span_is(it.key, "role")) {
            json_key_span(w, it.key);
            json_value(w, it.value);
        }
    }
    json_end_object(w);
}

static void write_messages(struct json_out *w, const struct json *messages, bool keep_developer)
{
    json_key(w, "messages");
    if (keep_developer || !has_developer_turn(messages)) {
        json_value(w, messages);
        return;
    }
    json_begin_array(w);
    for (struct json_iter it = json_iter(messages); json_next(&it);) {
        if (span_is(json_str(json_get(it.value, "role")), "developer")) {
            write_message_as_system(w, it.value);
        } else {
            json_value(w, it.value);
        }
    }
    json_end_array(w);
}

static void write_stream_options(struct json_out *w, const struct json *given)
{
    json_key(w, "stream_options");
    json_begin_object(w);
    json_put_bool(w, "include_usage", true);
    for (struct json_iter it = json_iter(given); json_next(&it);) {
        if (json_type(given) == JSON_OBJECT && !span_is(it.key, "include_usage")) {
            json_key_span(w, it.key);
            json_value(w, it.value);
        }
    }
    json_end_object(w);
}

/* The fields that this file writes itself, so that a second one of the same name cannot slip past it. */
static bool is_ours(struct span key)
{
    static const char *const ours[] = {
        "weir",           "model", "messages", "stream", "max_tokens", "max_completion_tokens",
        "stream_options",
    };
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (span_is(key, ours[i])) {
            return true;
        }
    }
    return false;
}

static enum err encode(const struct request *r, const struct backend *b,
                       const struct leg_options *o, struct text *out, struct fault *fault)
{
    (void)o; /* the continued prefix of a relay comes with that strategy */
    struct span model = outbound_model(r, b);
    bool openai = host_is_openai(span_c(b->url));
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put(&w, "model", model);
    write_messages(&w, r->messages, openai);
    for (struct json_iter it = json_iter(r->body); json_next(&it);) {
        if (!is_ours(it.key)) {
            json_key_span(&w, it.key);
            json_value(&w, it.value);
        }
    }
    json_put_int(&w, openai || model_is_reasoning(model) ? "max_completion_tokens" : "max_tokens",
                 outbound_max_tokens(r, b));
    json_put_bool(&w, "stream", true);
    write_stream_options(&w, json_get(r->body, "stream_options"));
    json_end_object(&w);
    return out->overflow
               ? fault_set(fault, ERR_TOO_LARGE, "the request is larger than %zu bytes", out->max)
               : OK;
}

static void headers(const struct backend *b, struct headers *out)
{
    outbound_headers(out);
    if (b->key && b->key[0]) {
        headers_addf(out, "Authorization", "Bearer %s", b->key);
    }
}

/* ---- the answer ---- */

struct call {
    int64_t index; /* the provider's; -1 = it gave none */
    uint64_t id_hash;
    bool has_arguments;
};

struct choice {
    bool seen, finished;
    enum finish finish;
    struct call *calls;
    int calls_count, calls_capacity;
};

struct decoder {
    const struct request *request;
    struct choice *choices;
    int choices_count;
    struct usage usage;
    struct text model, scratch;
    bool done; /* [DONE] came */
};

/* Where deltas go, and whose they are: passed down by value through the small functions below. */
struct reader {
    struct decoder *d;
    const struct decoder_events *to;
    void *user;
    struct fault *fault;
    int choice;
};

static struct decoder *decoder_new(const struct request *r, const struct backend *b)
{
    (void)b;
    struct decoder *d = NEW(struct decoder);
    d->request = r;
    d->choices_count = MAX(1, MIN(r->n, OUTBOUND_CHOICES_MAX));
    d->choices = NEW_ARRAY(struct choice, d->choices_count);
    d->usage = USAGE_UNKNOWN;
    text_init(&d->model, OUTBOUND_MODEL_BYTES);
    text_init(&d->scratch, 8 * MIB);
    return d;
}

static void decoder_free(struct decoder *d)
{
    if (!d) {
        return;
    }
    for (int i = 0; i < d->choices_count; i++) {
        mem_free(d->choices[i].calls);
    }
    mem_free(d->choices);
    text_done(&d->model);
    text_done(&d->scratch);
    mem_free(d);
}

static enum err broken(struct reader in, const char *what)
{
    return fault_set(in.fault, ERR_UPSTREAM, "%s", what);
}

static void give(struct reader in, enum delta_kind kind, struct span text, struct span logprobs)
{
    if (text.len || span_given(logprobs)) {
        struct delta d = {.kind = kind, .choice = in.choice, .text = text, .logprobs = logprobs};
        in.to->delta(in.user, &d);
    }
}

static struct span logprobs_of(struct reader in, const struct json *choice)
{
    const struct json *content = json_get(json_get(choice, "logprobs"), "content");
    if (!in.d->request->logprobs || json_len(content) == 0 || json_type(content) != JSON_ARRAY) {
        return SPAN_NONE;
    }
    text_clear(&in.d->scratch);
    struct json_out w = json_out(&in.d->scratch);
    json_value(&w, content);
    return in.d->scratch.overflow ? SPAN_NONE : text_span(&in.d->scratch);
}

/* Mistral: [{"type":"text","text":…}, {"type":"thinking","thinking":[{"type":"text","text":…}]}] */
static void read_parts(struct reader in, const struct json *parts)
{
    for (struct json_iter it = json_iter(parts); json_next(&it);) {
        give(in, DELTA_TEXT, json_str(json_get(it.value, "text")), SPAN_NONE);
        for (struct json_iter t = json_iter(json_get(it.value, "thinking")); json_next(&t);) {
            give(in, DELTA_REASONING, json_str(json_get(t.value, "text")), SPAN_NONE);
        }
    }
}

static enum err read_content(struct reader in, const struct json *choice,
                             const struct json *content)
{
    switch (json_type(content)) {
    case JSON_STRING:
        give(in, DELTA_TEXT, json_str(content), logprobs_of(in, choice));
        return OK;
    case JSON_ARRAY:
        read_parts(in, content);
        return OK;
    case JSON_NONE:
    case JSON_NULL:
        give(in, DELTA_TEXT, SPAN(""), logprobs_of(in, choice));
        return OK;
    default:
        return fault_set(in.fault, ERR_UPSTREAM, "the provider's content is %s instead of a string",
                         json_type_name(content));
    }
}

/* The call that this piece continues; NULL when it begins a new one. */
static struct call *find_call(struct choice *c, int64_t index, struct span id, bool named)
{
    uint64_t hash = id.len ? span_hash(id) : 0;
    for (int i = c->calls_count - 1; i >= 0; i--) {
        struct call *call = &c->calls[i];
        bool same_place = index < 0 ? !id.len || call->id_hash == hash : call->index == index;
        if (same_place) {
            bool other_id = hash && call->id_hash && call->id_hash != hash;
            return other_id && named ? NULL : call;
        }
    }
    return NULL;
}

static struct call *new_call(struct choice *c, int64_t index, struct span id)
{
    if (c->calls_count == c->calls_capacity) {
        int grown = MAX(4, 2 * c->calls_capacity);
        c->calls = mem_grow(c->calls, sizeof *c->calls * (size_t)c->calls_capacity,
                            sizeof *c->calls * (size_t)grown);
        c->calls_capacity = grown;
    }
    struct call *call = &c->calls[c->calls_count++];
    *call = (struct call){.index = index, .id_hash = id.len ? span_hash(id) : 0};
    return call;
}

static enum err begin_call(struct reader in, int64_t index, struct span id, struct span name,
                           struct call **out)
{
    struct choice *c = &in.d->choices[in.choice];
    if (!name.len) {
        return broken(in, "a tool call of the provider has no name");
    }
    if (c->calls_count >= OUTBOUND_TOOLS_MAX) {
        return broken(in, "the provider's answer has too many tool calls");
    }
    *out = new_call(c, index, id);
    char made_up[TOOL_ID_BYTES];
    if (!id.len || id.len >= sizeof made_up) { /* absent or absurd: clients need one to answer to */
        struct span request = span_c(in.d->request->id);
        request = span_from(request, request.len > 12 ? request.len - 12 : 0);
        int n = snprintf(made_up, sizeof made_up, "call_%.*s_%d_%d", SPAN_ARG(request), in.choice,
                         c->calls_count);
        id = span_of(made_up, (size_t)n);
    }
    struct delta d = {
        .kind = DELTA_TOOL_CALL,
        .choice = in.choice,
        .text = SPAN(""),
        .tool_index = c->calls_count - 1,
        .tool_id = id,
        .tool_name = name,
        .logprobs = SPAN_NONE,
    };
    in.to->delta(in.user, &d);
    return OK;
}

static enum err give_arguments(struct reader in, struct call *call, const struct json *arguments)
{
    struct span text = json_str(arguments);
    if (json_type(arguments) == JSON_OBJECT) {
        text_clear(&in.d->scratch);
        struct json_out w = json_out(&in.d->scratch);
        json_value(&w, arguments);
        text = text_span(&in.d->scratch);
    } else if (!span_given(text) && arguments && json_type(arguments) != JSON_NULL) {
        return broken(in, "the arguments of a tool call of the provider are not text");
    }
    if (text.len) {
        struct delta d = {
            .kind = DELTA_TOOL_CALL,
            .choice = in.choice,
            .text = text,
            .tool_index = (int)(call - in.d->choices[in.choice].calls),
        };
        in.to->delta(in.user, &d);
        call->has_arguments = true;
    }
    return OK;
}

static enum err read_call(struct reader in, const struct json *piece)
{
    struct choice *c = &in.d->choices[in.choice];
    const struct json *function = json_get(piece, "function");
    if (json_type(piece) != JSON_OBJECT) {
        return broken(in, "a tool call of the provider is not an object");
    }
    struct span id = json_str(json_get(piece, "id"));
    struct span name = json_str(json_get(function, "name"));
    int64_t index = json_i64_or(json_get(piece, "index"), -1);
    struct call *call = find_call(c, index, id, name.len > 0);
    if (!call) {
        enum err err = begin_call(in, index, id, name, &call);
        if (err) {
            return err;
        }
    }
    return give_arguments(in, call, json_get(function, "arguments"));
}

/* The older `function_call`: one call, no id. */
static enum err read_function_call(struct reader in, const struct json *function)
{
    struct choice *c = &in.d->choices[in.choice];
    struct call *call = c->calls_count ? &c->calls[0] : NULL;
    if (!call) {
        enum err err = begin_call(in, 0, SPAN_NONE, json_str(json_get(function, "name")), &call);
        if (err) {
            return err;
        }
    }
    return give_arguments(in, call, json_get(function, "arguments"));
}

static enum err read_delta(struct reader in, const struct json *choice, const struct json *delta)
{
    struct span reasoning = json_str(json_get(delta, "reasoning_content"));
    give(in, DELTA_REASONING, reasoning.len ? reasoning : json_str(json_get(delta, "reasoning")),
         SPAN_NONE);
    enum err err = read_content(in, choice, json_get(delta, "content"));
    give(in, DELTA_REFUSAL, json_str(json_get(delta, "refusal")), SPAN_NONE);
    for (struct json_iter it = json_iter(json_get(delta, "tool_calls")); !err && json_next(&it);) {
        err = read_call(in, it.value);
    }
    const struct json *function = json_get(delta, "function_call");
    if (!err && json_type(function) == JSON_OBJECT) {
        err = read_function_call(in, function);
    }
    return err;
}

static enum finish finish_of(struct span word)
{
    if (span_is(word, "length") || span_is(word, "max_tokens") || span_is(word, "model_length")) {
        return FINISH_LENGTH;
    }
    if (span_is(word, "tool_calls") || span_is(word, "function_call") ||
        span_is(word, "tool_use")) {
        return FINISH_TOOL_CALLS;
    }
    if (span_is(word, "content_filter") || span_is(word, "safety")) {
        return FINISH_CONTENT_FILTER;
    }
    return FINISH_STOP; /* "stop", "eos", "end_turn" and whatever comes next */
}

static enum err read_finish(struct reader in, struct span word)
{
    struct choice *c = &in.d->choices[in.choice];
    if (!word.len) {
        return OK;
    }
    if (span_is(word, "error")) {
        return broken(in, "the provider ended its answer with an error");
    }
    for (int i = 0; i < c->calls_count; i++) {
        if (!c->calls[i].has_arguments) {
            struct delta d = {
                .kind = DELTA_TOOL_CALL,
                .choice = in.choice,
                .text = SPAN("{}"),
                .tool_index = i,
            };
            in.to->delta(in.user, &d);
            c->calls[i].has_arguments = true;
        }
    }
    c->finished = true;
    c->finish = finish_of(word);
    if (c->finish == FINISH_STOP && c->calls_count) {
        c->finish = FINISH_TOOL_CALLS; /* clients act on it */
    }
    return OK;
}

static enum err read_choice(struct reader in, const struct json *choice)
{
    if (json_type(choice) != JSON_OBJECT) {
        return broken(in, "a choice in the provider's answer is not an object");
    }
    int64_t index = json_i64_or(json_get(choice, "index"), 0);
    if (index < 0 || index >= in.d->choices_count) {
        return fault_set(in.fault, ERR_UPSTREAM,
                         "the provider sent choice %lld, which nobody asked for", (long long)index);
    }
    in.choice = (int)index;
    in.d->choices[index].seen = true;
    const struct json *delta = json_get(choice, "delta");
    const struct json *message = json_get(choice, "message");
    enum err err = read_delta(in, choice, json_type(delta) == JSON_OBJECT ? delta : message);
    if (!err && !delta && !message) { /* the older text completions */
        err = read_content(in, choice, json_get(choice, "text"));
    }
    return err ? err : read_finish(in, json_str(json_get(choice, "finish_reason")));
}

static void read_usage(struct usage *u, const struct json *usage)
{
    if (!json_len(usage)) { /* most events have none */
        return;
    }
    outbound_count(&u->input_tokens, json_get(usage, "prompt_tokens"));
    outbound_count(&u->output_tokens, json_get(usage, "completion_tokens"));
    outbound_count(&u->cached_tokens,
                   json_get(json_get(usage, "prompt_tokens_details"), "cached_tokens"));
    outbound_count(&u->cached_tokens, json_get(usage, "prompt_cache_hit_tokens")); /* DeepSeek */
    outbound_count(&u->reasoning_tokens,
                   json_get(json_get(usage, "completion_tokens_details"), "reasoning_tokens"));
}

static enum err read_object(struct reader in, const struct json *root)
{
    struct decoder *d = in.d;
    if (json_type(root) != JSON_OBJECT) {
        return fault_set(in.fault, ERR_UPSTREAM, "the provider sent %s instead of an object",
                         json_type_name(root));
    }
    const struct json *error = json_get(root, "error");
    if (json_type(error) == JSON_OBJECT || json_str(error).len) {
        return outbound_in_band_error(root, in.fault);
    }
    struct span model = json_str(json_get(root, "model"));
    if (!d->model.len && model.len <= OUTBOUND_MODEL_BYTES) {
        text_add(&d->model, model);
    }
    read_usage(&d->usage, json_get(root, "usage"));
    const struct json *choices = json_get(root, "choices");
    if (choices && json_type(choices) != JSON_ARRAY && json_type(choices) != JSON_NULL) {
        return broken(in, "`choices` in the provider's answer is not an array");
    }
    enum err err = OK;
    for (struct json_iter it = json_iter(choices); !err && json_next(&it);) {
        err = read_choice(in, it.value);
    }
    return err;
}

static enum err read_json(struct reader in, struct span bytes)
{
    struct json_doc *doc = NULL;
    struct fault why = {0};
    if (json_parse(bytes, &doc, &why)) {
        return fault_set(in.fault, ERR_UPSTREAM, "the provider sent broken data: %s", why.text);
    }
    enum err err = read_object(in, json_root(doc));
    json_free(doc);
    return err;
}

static enum err event(struct decoder *d, struct span name, struct span data,
                      const struct decoder_events *to, void *user, struct fault *fault)
{
    struct reader in = {.d = d, .to = to, .user = user, .fault = fault};
    data = span_trim(data);
    if (d->done || !data.len) {
        return OK;
    }
    if (span_starts(data, SPAN("[DONE]"))) {
        d->done = true;
        return OK;
    }
    enum err err = read_json(in, data);
    if (!err && span_is(name, "error")) {
        return broken(in, "the provider reported an error without saying which");
    }
    return err;
}

static enum err whole(struct decoder *d, struct span body, const struct decoder_events *to,
                      void *user, struct fault *fault)
{
    struct reader in = {.d = d, .to = to, .user = user, .fault = fault};
    return read_json(in, span_trim(body));
}

static bool done(const struct decoder *d)
{
    return d->done;
}

static enum err end(struct decoder *d, struct leg_end *out, struct fault *fault)
{
    int seen = 0;
    out->usage = d->usage;
    out->model = d->model.len ? text_span(&d->model) : SPAN_NONE;
    for (int i = 0; i < d->choices_count; i++) {
        const struct choice *c = &d->choices[i];
        if (c->seen && !c->finished) {
            return fault_set(fault, ERR_UPSTREAM, "the provider's answer broke off before its end");
        }
        if (i < (int)ARRAY_LEN(out->finishes)) {
            out->finishes[i] = c->finish;
        }
        seen += c->seen ? 1 : 0;
    }
    out->finish = d->choices[0].finish;
    return seen ? OK : fault_set(fault, ERR_UPSTREAM, "the provider's answer was empty");
}

const struct outbound_type outbound_openai = {
    .name = "openai",
    .path = "/chat/completions",
    .encode = encode,
    .headers = headers,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .event = event,
    .whole = whole,
    .done = done,
    .end = end,
    .error_text = outbound_error_text,
};
