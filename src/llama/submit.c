/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a SUBMIT payload to a job that can be decoded: parameters, the rendered
 * chat, its tokens, and the parsers its answer will need. On the I/O thread.
 */
#include "core/types.h"
#include "llama/core.h"

static enum err tokenise(struct job *job, struct span text, bool chat, struct fault *fault)
{
    struct core *core = job->core;
    int64_t most = core->context_tokens;
    /* A token has at most token_bytes_max bytes: what is surely too long is not even looked at. */
    if (text.len / (size_t)core->token_bytes_max > (size_t)most) {
        return fault_set(fault, ERR_CONTEXT_LENGTH,
                         "the prompt has more than %zu tokens, the model's context is %lld",
                         text.len / (size_t)core->token_bytes_max, (long long)most);
    }
    int32_t room = (int32_t)(text.len + 16);
    job->tokens = NEW_ARRAY(int32_t, room);
    int32_t n =
        llama_tokenize(core->vocab, text.data, (int32_t)text.len, job->tokens, room, true, chat);
    if (n < 0) {
        return fault_set(fault, ERR_INTERNAL, "the prompt cannot be tokenised");
    }
    if (n == 0) {
        return fault_set(fault, ERR_INVALID, "the prompt is empty");
    }
    if (n + 1 > most) {
        return fault_set(
            fault, ERR_CONTEXT_LENGTH,
            "the prompt has %d tokens; with at least one for the answer that is more than the model's "
            "context of %lld",
            n, (long long)most);
    }
    job->tokens_count = n;
    return OK;
}

static void show_preserved(struct job *job)
{
    const struct chat_strings *preserved = &job->prompt->preserved;
    if (preserved->count == 0) {
        return;
    }
    int32_t vocabulary = llama_vocab_n_tokens(job->core->vocab);
    job->show_special = NEW_ARRAY(bool, vocabulary);
    for (size_t i = 0; i < preserved->count; i++) {
        int32_t token[2];
        const char *text = preserved->items[i];
        if (llama_tokenize(job->core->vocab, text, (int32_t)strlen(text), token, 2, false, true) ==
            1) {
            job->show_special[token[0]] = true;
        }
    }
}

static enum err render_chat(struct job *job, const struct json *body, struct span prefix,
                            struct fault *fault)
{
    static const char *const fields[] = {
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "chat_template_kwargs",
    };
    if (!job->core->chat) {
        return fault_set(
            fault, ERR_INVALID,
            "the model's chat template does not work (%s): use completions or another model",
            job->core->chat_why);
    }
    struct text request;
    text_init(&request, FRAME_PAYLOAD_MAX);
    struct json_out w = json_out(&request);
    json_begin_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct json *v = json_get(body, fields[i]);
        if (json_type(v) != JSON_NONE && json_type(v) != JSON_NULL) {
            json_put_value(&w, fields[i], v);
        }
    }
    json_end_object(&w);
    char why[300];
    bool ok =
        chat_render(job->core->chat, request.data, request.len, &job->prompt, why, sizeof why);
    text_done(&request);
    if (!ok) {
        return fault_set(fault, ERR_INVALID, "the model cannot take this chat: %s", why);
    }
    for (size_t i = 0; i < job->prompt->stops.count; i++) {
        params_add_stop(&job->params, job->arena, span_c(job->prompt->stops.items[i]));
    }
    show_preserved(job);
    struct text text;
    text_init(&text, 2 * FRAME_PAYLOAD_MAX);
    text_add(&text, span_of(job->prompt->prompt, job->prompt->prompt_len));
    text_add(&text, prefix);
    enum err err = tokenise(job, text_span(&text), true, fault);
    text_done(&text);
    return err;
}

static void make_parsers(struct job *job)
{
    job->io.has_parsers = job->prompt && job->prompt->syntax;
    for (int i = 0; i < job->params.n && job->io.has_parsers; i++) {
        job->io.parsers[i] = chat_parser_new(job->prompt);
        job->io.has_parsers = job->io.parsers[i] != NULL;
    }
}

enum err job_read(struct job *job, const struct json *submit, struct fault *fault)
{
    const struct json *body = json_get(submit, "body");
    if (json_type(body) != JSON_OBJECT) {
        return fault_set(fault, ERR_INVALID, "the request has no body");
    }
    job->key = arena_copy(job->arena, json_str(json_get(submit, "key")));
    job->deterministic = json_true(json_get(submit, "deterministic"));
    job->wants_stats = json_true(json_get(submit, "confidence"));
    struct params_defaults defaults = {
        .greedy = job->core->greedy || job->deterministic,
        .slots = job->core->options.slots,
        .vocabulary = llama_vocab_n_tokens(job->core->vocab),
    };
    enum err err = params_read(body, &defaults, job->arena, &job->params, fault);
    if (err) {
        return err;
    }
    if (span_is(json_str(json_get(submit, "endpoint")), "completion")) {
        struct span prompt = json_str(json_get(submit, "prompt"));
        prompt = span_given(prompt) ? prompt : json_str(json_get(body, "prompt"));
        return span_given(prompt) ? tokenise(job, prompt, true, fault)
                                  : fault_set(fault, ERR_INVALID, "prompt must be a string");
    }
    struct span prefix = json_str(json_get(submit, "prefix"));
    err = render_chat(job, body, span_given(prefix) ? prefix : SPAN(""), fault);
    if (!err) {
        make_parsers(job);
    }
    return err;
}
