/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in OpenAI's shape: a stream of chunks, or one object.
 *
 * A stream, one physical line an event (COMPAT 1 and 2):
 *
 *   data: {HEAD,"choices":[{"index":0,"delta":{"role":"assistant","content":""},…,"finish_reason":null}]}
 *   data: {HEAD,"choices":[{"index":0,"delta":{"content":"Hel"},…,"finish_reason":null}]}
 *   data: {HEAD,"choices":[{"index":0,"delta":{},…,"finish_reason":"stop"}],"weir":{…}}
 *   data: {HEAD,"choices":[],"usage":{…},"weir":{…}}     only if asked for; then `weir` is here
 *   data: [DONE]                                         only after a clean end
 *
 * HEAD (id, object, created, model) is the same on every chunk, as clients demand,
 * so it is rendered once; a delta then costs three copies and the escaping of its
 * text. What can go wrong: the answer breaks after its beginning. Then an `error`
 * event is the last thing, and neither a finish chunk nor [DONE] follows.
 *
 * A whole answer is collected as pieces (kind, choice, bytes of one buffer) and
 * written at the end. Completions are the same with other names.
 */
#include "chat/dialect.h"

#include "base/clock.h"

#include <stdio.h>

#define ANSWER_BYTES_MAX (8 * MIB)
#define PIECES_MAX (512 * KIB)
#define TOOLS_MAX 128 /* calls of one choice */
#define HEAD_BYTES_MAX 4096
#define NONE UINT32_MAX

enum piece_kind {
    PIECE_TEXT,
    PIECE_REASONING,
    PIECE_REFUSAL,
    PIECE_TOOL_ID,
    PIECE_TOOL_NAME,
    PIECE_TOOL_ARGUMENTS,
    PIECE_LOGPROBS, /* members of a JSON array, without its brackets */
};

struct openai_piece {
    uint8_t kind, tool;
    uint32_t start, len; /* in answer->body */
    uint32_t next;       /* of the same choice; NONE at the end */
};

struct openai_choice {
    uint32_t first, last;            /* pieces */
    uint64_t named[TOOLS_MAX / 64];  /* tool calls whose first delta is out, by index */
    uint64_t argued[TOOLS_MAX / 64]; /* … and that had arguments */
    int tools_count;                 /* highest index seen, plus one */
    int64_t text_offset;             /* characters so far, for the logprobs of completions */
};

static bool bit(const uint64_t *set, int i)
{
    return set[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *set, int i)
{
    set[i / 64] |= (uint64_t)1 << (i % 64);
}

/* ---- what both forms share ---- */

#define CALL_ID_BYTES 48

/* For a call that the backend gave no id: clients need one to answer to. */
static struct span make_call_id(int tool, char out[CALL_ID_BYTES])
{
    int n = snprintf(out, CALL_ID_BYTES, "call_%llx%02x", (unsigned long long)clock_now_us(),
                     (unsigned)tool);
    return span_of(out, (size_t)n);
}

void openai_answer_init(struct openai_answer *a, const struct request *r)
{
    *a = (struct openai_answer){
        .request = r,
        .created = (int64_t)((r->wall_us ? r->wall_us : clock_wall_us()) / US_PER_S),
        .choices_count = r->n,
        .choices = ARENA_ARRAY(r->arena, struct openai_choice, r->n),
    };
    text_init(&a->head, HEAD_BYTES_MAX);
    text_init(&a->body, ANSWER_BYTES_MAX);
    for (int i = 0; i < r->n; i++) {
        a->choices[i].first = a->choices[i].last = NONE;
    }
}

void openai_answer_done(struct openai_answer *a)
{
    text_done(&a->head);
    text_done(&a->body);
    mem_free(a->pieces);
    a->pieces = NULL;
    a->pieces_count = a->pieces_capacity = 0;
}

static bool is_chat(const struct openai_answer *a)
{
    return a->request->endpoint == ENDPOINT_CHAT;
}

static struct openai_choice *choice_of(struct openai_answer *a, const struct delta *d)
{
    bool fits = d->choice >= 0 && d->choice < a->choices_count &&
                (d->kind != DELTA_TOOL_CALL || (d->tool_index >= 0 && d->tool_index < TOOLS_MAX));
    return fits ? &a->choices[d->choice] : NULL;
}

static const struct leg_receipt *author_of(const struct receipt *r)
{
    return r && r->author > 0 && r->author <= r->legs_count ? &r->legs[r->author - 1] : NULL;
}

/* The model that answered (or is about to); "weir-nano (offline)" for who wants to see that. */
static void write_model(struct json_out *w, const struct openai_answer *a, const struct receipt *r)
{
    const struct leg_receipt *leg = author_of(r);
    struct span model = leg && span_given(leg->model) ? leg->model
                        : leg && leg->backend         ? span_c(leg->backend->model)
                                                      : a->request->model;
    model = span_first(model, HEAD_BYTES_MAX / 16);
    bool offline = a->request->options.disclose_model && r && r->degraded == DEGRADED_OFFLINE;
    char shown[HEAD_BYTES_MAX / 16 + 16];
    memcpy(shown, model.data ? model.data : "", model.len);
    memcpy(shown + model.len, " (offline)", 10);
    json_put(w, "model", span_of(shown, model.len + (offline ? 10 : 0)));
}

/* id, object, created, model. */
static void write_head(struct json_out *w, const struct openai_answer *a, const struct receipt *r,
                       const char *object)
{
    json_put_c(w, "id", a->request->id);
    json_put_c(w, "object", object);
    json_put_int(w, "created", a->created);
    write_model(w, a, r);
    json_put_c(w, "system_fingerprint", "weir-" WEIR_VERSION);
}

static void write_usage(struct json_out *w, const struct receipt *r, const struct leg_end *end)
{
    const struct leg_receipt *leg = author_of(r);
    const struct usage *u = end && end->usage.output_tokens >= 0 ? &end->usage
                            : leg                                ? &leg->usage
                                                                 : NULL;
    json_key(w, "usage");
    if (!u || u->input_tokens < 0 || u->output_tokens < 0) {
        json_null(w); /* never 0 for what nobody counted */
        return;
    }
    json_begin_object(w);
    json_put_int(w, "prompt_tokens", u->input_tokens);
    json_put_int(w, "completion_tokens", u->output_tokens);
    json_put_int(w, "total_tokens", u->input_tokens + u->output_tokens);
    if (u->cached_tokens >= 0) {
        json_key(w, "prompt_tokens_details");
        json_begin_object(w);
        json_put_int(w, "cached_tokens", u->cached_tokens);
        json_end_object(w);
    }
    if (u->reasoning_tokens >= 0) {
        json_key(w, "completion_tokens_details");
        json_begin_object(w);
        json_put_int(w, "reasoning_tokens", u->reasoning_tokens);
        json_end_object(w);
    }
    if (u->estimated) {
        json_put_bool(w, "estimated", true);
    }
    json_end_object(w);
}

static void write_weir(struct json_out *w, const struct receipt *r)
{
    json_key(w, "weir");
    receipt_write(r, false, w->text);
    w->comma = true;
}

/* What clients test for: `tool_calls` exactly when there were some, unless it was cut. */
static const char *finish_of(const struct openai_answer *a, const struct leg_end *end, int choice)
{
    enum finish finish = !end ? FINISH_STOP
                         : a->request->n > 1 && choice < (int)ARRAY_LEN(end->finishes)
                             ? end->finishes[choice]
                             : end->finish;
    bool tools = a->choices[choice].tools_count > 0 && is_chat(a);
    if (finish == FINISH_NONE || finish == FINISH_STOP || finish == FINISH_TOOL_CALLS) {
        finish = tools ? FINISH_TOOL_CALLS : FINISH_STOP;
    }
    return finish_name(finish);
}

static void write_error(struct json_out *w, enum err err, const char *text, const char *param)
{
    int status = err_http_status(err);
    const char *type = status == 401   ? "authentication_error"
                       : status == 402 ? "insufficient_quota"
                       : status == 403 ? "permission_error"
                       : status == 429 ? "rate_limit_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    json_key(w, "error");
    json_begin_object(w);
    json_put_c(w, "message", text && text[0] ? text : err_sentence(err));
    json_put_c(w, "type", type);
    json_put_c(w, "param", param);
    json_put_c(w, "code", err_code(err));
    json_end_object(w);
}

void openai_error_body(enum err err, const char *text, const char *param, struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    write_error(&w, err, text, param);
    json_end_object(&w);
}

/* ---- logprobs ---- */

/* The members of a JSON array text, without brackets. Its line breaks, if any, would break the event. */
static struct span members_of(struct span array)
{
    struct span s = span_trim(array);
    bool brackets = s.len >= 2 && s.data[0] == '[' && s.data[s.len - 1] == ']';
    return brackets ? span_trim(span_of(s.data + 1, s.len - 2)) : SPAN("");
}

static void add_one_line(struct text *out, struct span s)
{
    size_t start = out->len;
    text_add(out, s);
    for (size_t i = start; i < out->len;
         i++) { /* inside strings JSON has no raw control characters */
        if (out->data[i] == '\n' || out->data[i] == '\r') {
            out->data[i] = ' ';
        }
    }
}

static int64_t count_characters(struct span s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((unsigned char)s.data[i] & 0xc0) != 0x80;
    }
    return n;
}

static void write_top_logprobs(struct json_out *w, const struct json *tops)
{
    if (json_len(tops) == 0) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    for (struct json_iter it = json_iter(tops); json_next(&it);) {
        struct span token = json_str(json_get(it.value, "token"));
        if (span_given(token)) {
            json_key_span(w, token);
            json_value(w, json_get(it.value, "logprob"));
        }
    }
    json_end_object(w);
}

/* Completions have four parallel lists where chats have a list of objects. */
static void write_completion_logprobs(struct json_out *w, struct openai_choice *choice,
                                      struct span array)
{
    struct json_doc *doc = NULL;
    json_key(w, "logprobs");
    if (json_parse(array, &doc, NULL)) {
        json_null(w);
        return;
    }
    const struct json *root = json_root(doc);
    static const char *const lists[] = {"tokens", "token_logprobs", "top_logprobs", "text_offset"};
    json_begin_object(w);
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        int64_t offset = choice->text_offset;
        json_key(w, lists[l]);
        json_begin_array(w);
        for (struct json_iter it = json_iter(root); json_next(&it);) {
            struct span token = json_str(json_get(it.value, "token"));
            if (l == 0) {
                json_string(w, span_given(token) ? token : SPAN(""));
            } else if (l == 1) {
                json_value(w, json_get(it.value, "logprob"));
            } else if (l == 2) {
                write_top_logprobs(w, json_get(it.value, "top_logprobs"));
            } else {
                json_int(w, offset);
            }
            offset += count_characters(token);
        }
        json_end_array(w);
        if (l + 1 == ARRAY_LEN(lists)) {
            choice->text_offset = offset;
        }
    }
    json_end_object(w);
    json_free(doc);
}

/* ---- a stream ---- */

/* Renders HEAD for all chunks to come. */
static void begin_stream(struct openai_answer *a, const struct receipt *r)
{
    a->begun = true;
    text_add(&a->head, SPAN("data: "));
    struct json_out w = json_out(&a->head);
    json_begin_object(&w);
    write_head(&w, a, r, is_chat(a) ? "chat.completion.chunk" : "text_completion");
    json_key(&w, "choices");
    ASSERT(!a->head.overflow);
}

static void chunk_begin(struct openai_answer *a, int choice, struct text *out)
{
    text_add(out, text_span(&a->head));
    text_add(out, SPAN("[{\"index\":"));
    char digits[12];
    size_t at = sizeof digits;
    for (int n = choice; at == sizeof digits || n; n /= 10) {
        digits[--at] = (char)('0' + n % 10);
    }
    text_add(out, span_of(digits + at, sizeof digits - at));
    text_add(out, is_chat(a) ? SPAN(",\"delta\":{") : SPAN(",\"text\":"));
}

/* After the delta's members (chat) or the text (completion). */
static void chunk_end(struct openai_answer *a, struct openai_choice *choice, struct span logprobs,
                      struct text *out)
{
    if (is_chat(a)) {
        text_add(out, SPAN("}"));
    }
    if (!span_given(logprobs) || !a->request->logprobs) {
        text_add(out, SPAN(",\"logprobs\":null"));
    } else if (is_chat(a)) {
        text_add(out, SPAN(",\"logprobs\":{\"content\":["));
        add_one_line(out, members_of(logprobs));
        text_add(out, SPAN("],\"refusal\":null}"));
    } else {
        struct json_out w = json_out(out);
        w.comma = true;
        write_completion_logprobs(&w, choice, logprobs);
    }
    text_add(out, SPAN(",\"finish_reason\":null}]"));
    text_add(out, a->request->include_usage ? SPAN(",\"usage\":null}\n\n") : SPAN("}\n\n"));
}

static void add_quoted(struct text *out, struct span s)
{
    text_add(out, SPAN("\""));
    json_escape(out, s);
    text_add(out, SPAN("\""));
}

void openai_stream_begin(struct openai_answer *a, const struct receipt *r, struct text *out)
{
    if (a->begun) {
        return;
    }
    begin_stream(a, r);
    for (int i = 0; is_chat(a) && i < a->choices_count; i++) {
        chunk_begin(a, i, out);
        text_add(out, SPAN("\"role\":\"assistant\",\"content\":\"\""));
        chunk_end(a, &a->choices[i], SPAN_NONE, out);
    }
}

/*
 * Identity (id, type, name) only in a call's first delta: clients add repeated
 * strings up (openai-python makes `call_1call_1`).
 */
static void add_tool_delta(struct openai_choice *choice, const struct delta *d, struct text *out)
{
    struct json_out w = json_out(out);
    bool first = !bit(choice->named, d->tool_index);
    json_key(&w, "tool_calls");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_int(&w, "index", d->tool_index);
    if (first) {
        char made[CALL_ID_BYTES];
        json_put(&w, "id", d->tool_id.len ? d->tool_id : make_call_id(d->tool_index, made));
        json_put_c(&w, "type", "function");
    }
    json_key(&w, "function");
    json_begin_object(&w);
    if (first) {
        json_put(&w, "name", span_given(d->tool_name) ? d->tool_name : SPAN(""));
    }
    json_put(&w, "arguments", span_given(d->text) ? d->text : SPAN(""));
    json_end_object(&w);
    json_end_object(&w);
    json_end_array(&w);
    set_bit(choice->named, d->tool_index);
    if (d->text.len) {
        set_bit(choice->argued, d->tool_index);
    }
    choice->tools_count = MAX(choice->tools_count, d->tool_index + 1);
}

/* Nothing that a client would see. */
static bool is_empty(const struct openai_answer *a, const struct openai_choice *choice,
                     const struct delta *d)
{
    if (d->kind == DELTA_TOOL_CALL) {
        return !is_chat(a) || (d->text.len == 0 && bit(choice->named, d->tool_index));
    }
    if (d->kind == DELTA_REASONING && !is_chat(a)) {
        return true;
    }
    return d->text.len == 0 && !(span_given(d->logprobs) && a->request->logprobs);
}

void openai_stream_delta(struct openai_answer *a, const struct receipt *r, const struct delta *d,
                         struct text *out)
{
    openai_stream_begin(a, r, out);
    struct openai_choice *choice = choice_of(a, d);
    if (!choice || is_empty(a, choice, d)) {
        return;
    }
    chunk_begin(a, d->choice, out);
    if (!is_chat(a)) {
        add_quoted(out, d->text);
    } else if (d->kind == DELTA_TOOL_CALL) {
        add_tool_delta(choice, d, out);
    } else {
        text_add(out, d->kind == DELTA_TEXT        ? SPAN("\"content\":")
                      : d->kind == DELTA_REASONING ? SPAN("\"reasoning_content\":")
                                                   : SPAN("\"refusal\":"));
        add_quoted(out, d->text);
    }
    chunk_end(a, choice, d->kind == DELTA_TEXT ? d->logprobs : SPAN_NONE, out);
}

/* Calls without arguments get the empty object: clients parse what they have added up. */
static void add_missing_arguments(struct openai_answer *a, int index, struct text *out)
{
    struct openai_choice *choice = &a->choices[index];
    for (int t = 0; t < choice->tools_count; t++) {
        if (bit(choice->named, t) && !bit(choice->argued, t)) {
            struct delta d = {
                .kind = DELTA_TOOL_CALL, .choice = index, .tool_index = t, .text = SPAN("{}")};
            chunk_begin(a, index, out);
            add_tool_delta(choice, &d, out);
            chunk_end(a, choice, SPAN_NONE, out);
        }
    }
}

static void add_finish(struct openai_answer *a, int index, const struct receipt *r,
                       const struct leg_end *end, bool with_weir, struct text *out)
{
    chunk_begin(a, index, out);
    text_add(out, is_chat(a) ? SPAN("}") : SPAN("\"\""));
    text_add(out, SPAN(",\"logprobs\":null,\"finish_reason\":\""));
    text_add_c(out, finish_of(a, end, index));
    text_add(out, SPAN("\"}]"));
    struct json_out w = json_out(out);
    w.comma = true;
    if (a->request->include_usage) {
        json_put_null(&w, "usage");
    }
    if (with_weir) {
        write_weir(&w, r);
    }
    text_add(out, SPAN("}\n\n"));
}

static bool is_clean(const struct receipt *r, const struct leg_end *end)
{
    return end && r->fault.code == OK && r->outcome != OUTCOME_PARTIAL &&
           r->outcome != OUTCOME_FAILED;
}

static void add_broken_end(const struct receipt *r, struct text *out)
{
    struct json_out w = json_out(out);
    text_add(out, SPAN("data: "));
    json_begin_object(&w);
    write_error(&w, r->fault.code ? r->fault.code : ERR_UPSTREAM,
                r->fault.code ? r->fault.text : "the answer broke off", NULL);
    write_weir(&w, r);
    json_end_object(&w);
    text_add(out, SPAN("\n\n"));
}

void openai_stream_end(struct openai_answer *a, const struct receipt *r, const struct leg_end *end,
                       struct text *out)
{
    if (!is_clean(r, end)) {
        add_broken_end(r, out);
        return;
    }
    openai_stream_begin(a, r, out);
    bool usage = a->request->include_usage;
    for (int i = 0; i < a->choices_count; i++) {
        add_missing_arguments(a, i, out);
        add_finish(a, i, r, end, !usage && i + 1 == a->choices_count, out);
    }
    if (usage) {
        text_add(out, text_span(&a->head));
        text_add(out, SPAN("[]"));
        struct json_out w = json_out(out);
        w.comma = true;
        write_usage(&w, r, end);
        write_weir(&w, r);
        text_add(out, SPAN("}\n\n"));
    }
    text_add(out, SPAN("data: [DONE]\n\n"));
}

/* ---- a whole answer ---- */

/* Appends bytes to the choice; onto its last piece when that is of the same sort and at the buffer's end. */
static bool add_piece(struct openai_answer *a, struct openai_choice *choice, enum piece_kind kind,
                      int tool, struct span s)
{
    struct openai_piece *last = choice->last == NONE ? NULL : &a->pieces[choice->last];
    size_t start = a->body.len;
    text_add(&a->body, s);
    if (a->body.overflow) {
        return false;
    }
    if (last && last->kind == kind && last->tool == tool && last->start + last->len == start) {
        last->len += (uint32_t)s.len;
        return true;
    }
    if (a->pieces_count == PIECES_MAX) {
        return false;
    }
    if (a->pieces_count == a->pieces_capacity) {
        size_t grown = MAX(2 * a->pieces_capacity, (size_t)8);
        a->pieces =
            mem_grow(a->pieces, a->pieces_capacity * sizeof *a->pieces, grown * sizeof *a->pieces);
        a->pieces_capacity = grown;
    }
    uint32_t index = (uint32_t)a->pieces_count++;
    a->pieces[index] = (struct openai_piece){
        .kind = (uint8_t)kind,
        .tool = (uint8_t)tool,
        .start = (uint32_t)start,
        .len = (uint32_t)s.len,
        .next = NONE,
    };
    if (choice->last == NONE) {
        choice->first = index;
    } else {
        a->pieces[choice->last].next = index;
    }
    choice->last = index;
    return true;
}

static bool collect_tool(struct openai_answer *a, struct openai_choice *choice,
                         const struct delta *d)
{
    bool first = !bit(choice->named, d->tool_index);
    set_bit(choice->named, d->tool_index);
    choice->tools_count = MAX(choice->tools_count, d->tool_index + 1);
    return (!first || (add_piece(a, choice, PIECE_TOOL_ID, d->tool_index, d->tool_id) &&
                       add_piece(a, choice, PIECE_TOOL_NAME, d->tool_index, d->tool_name))) &&
           (d->text.len == 0 || add_piece(a, choice, PIECE_TOOL_ARGUMENTS, d->tool_index, d->text));
}

enum err openai_collect(struct openai_answer *a, const struct delta *d)
{
    static const enum piece_kind kinds[] = {
        [DELTA_TEXT] = PIECE_TEXT,
        [DELTA_REASONING] = PIECE_REASONING,
        [DELTA_REFUSAL] = PIECE_REFUSAL,
    };
    struct openai_choice *choice = choice_of(a, d);
    if (!choice) {
        return OK;
    }
    if (d->kind == DELTA_TOOL_CALL) {
        return collect_tool(a, choice, d) ? OK : ERR_TOO_LARGE;
    }
    if (d->text.len && !add_piece(a, choice, kinds[d->kind], 0, d->text)) {
        return ERR_TOO_LARGE;
    }
    struct span members =
        a->request->logprobs && span_given(d->logprobs) ? members_of(d->logprobs) : SPAN("");
    return members.len == 0 || add_piece(a, choice, PIECE_LOGPROBS, 0, members) ? OK
                                                                                : ERR_TOO_LARGE;
}

static bool has_piece(const struct openai_answer *a, const struct openai_choice *choice,
                      enum piece_kind kind, int tool)
{
    for (uint32_t i = choice->first; i != NONE; i = a->pieces[i].next) {
        if (a->pieces[i].kind == kind && a->pieces[i].tool == tool && a->pieces[i].len) {
            return true;
        }
    }
    return false;
}

/* All pieces of one sort as one JSON string. */
static void write_joined(struct json_out *w, const struct openai_answer *a,
                         const struct openai_choice *choice, enum piece_kind kind, int tool)
{
    json_raw(w, SPAN("\""));
    for (uint32_t i = choice->first; i != NONE; i = a->pieces[i].next) {
        const struct openai_piece *p = &a->pieces[i];
        if (p->kind == kind && p->tool == tool) {
            json_escape(w->text, span_of(a->body.data + p->start, p->len));
        }
    }
    text_add(w->text, SPAN("\""));
}

static void put_joined(struct json_out *w, const char *key, const struct openai_answer *a,
                       const struct openai_choice *choice, enum piece_kind kind)
{
    json_key(w, key);
    if (has_piece(a, choice, kind, 0)) {
        write_joined(w, a, choice, kind, 0);
    } else {
        json_null(w);
    }
}

static void write_calls(struct json_out *w, const struct openai_answer *a,
                        const struct openai_choice *choice)
{
    json_key(w, "tool_calls");
    json_begin_array(w);
    for (int t = 0; t < choice->tools_count; t++) {
        if (!bit(choice->named, t)) {
            continue;
        }
        json_begin_object(w);
        json_key(w, "id");
        if (has_piece(a, choice, PIECE_TOOL_ID, t)) {
            write_joined(w, a, choice, PIECE_TOOL_ID, t);
        } else {
            char made[CALL_ID_BYTES];
            json_string(w, make_call_id(t, made));
        }
        json_put_c(w, "type", "function");
        json_key(w, "function");
        json_begin_object(w);
        json_key(w, "name");
        write_joined(w, a, choice, PIECE_TOOL_NAME, t);
        json_key(w, "arguments");
        if (has_piece(a, choice, PIECE_TOOL_ARGUMENTS, t)) {
            write_joined(w, a, choice, PIECE_TOOL_ARGUMENTS, t);
        } else {
            json_c(w, "{}");
        }
        json_end_object(w);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_message(struct json_out *w, const struct openai_answer *a,
                          const struct openai_choice *choice)
{
    bool tools = choice->tools_count > 0;
    bool refusal = has_piece(a, choice, PIECE_REFUSAL, 0);
    json_key(w, "message");
    json_begin_object(w);
    json_put_c(w, "role", "assistant");
    json_key(w, "content");
    if (has_piece(a, choice, PIECE_TEXT, 0) || (!tools && !refusal)) {
        write_joined(w, a, choice, PIECE_TEXT, 0);
    } else {
        json_null(w);
    }
    put_joined(w, "refusal", a, choice, PIECE_REFUSAL);
    if (has_piece(a, choice, PIECE_REASONING, 0)) {
        put_joined(w, "reasoning_content", a, choice, PIECE_REASONING);
    }
    if (tools) {
        write_calls(w, a, choice);
    }
    json_end_object(w);
}

/* "[…]" of all members that came; empty when none did. */
static void join_logprobs(const struct openai_answer *a, const struct openai_choice *choice,
                          struct text *out)
{
    for (uint32_t i = choice->first; i != NONE; i = a->pieces[i].next) {
        const struct openai_piece *p = &a->pieces[i];
        if (p->kind == PIECE_LOGPROBS) {
            text_add(out, out->len ? SPAN(",") : SPAN("["));
            text_add(out, span_of(a->body.data + p->start, p->len));
        }
    }
    if (out->len) {
        text_add(out, SPAN("]"));
    }
}

static void write_logprobs(struct json_out *w, const struct openai_answer *a,
                           struct openai_choice *choice)
{
    struct text all;
    text_init(&all, 2 * ANSWER_BYTES_MAX);
    join_logprobs(a, choice, &all);
    if (all.len == 0) {
        json_put_null(w, "logprobs");
    } else if (is_chat(a)) {
        json_key(w, "logprobs");
        json_begin_object(w);
        json_key(w, "content");
        json_raw(w, text_span(&all));
        json_put_null(w, "refusal");
        json_end_object(w);
    } else {
        choice->text_offset = 0;
        write_completion_logprobs(w, choice, text_span(&all));
    }
    text_done(&all);
}

static void write_choice(struct json_out *w, const struct openai_answer *a, int index,
                         const struct leg_end *end)
{
    struct openai_choice *choice = &a->choices[index];
    json_begin_object(w);
    json_put_int(w, "index", index);
    if (is_chat(a)) {
        write_message(w, a, choice);
    } else {
        json_key(w, "text");
        write_joined(w, a, choice, has_piece(a, choice, PIECE_TEXT, 0) ? PIECE_TEXT : PIECE_REFUSAL,
                     0);
    }
    write_logprobs(w, a, choice);
    json_put_c(w, "finish_reason", finish_of(a, end, index));
    json_end_object(w);
}

void openai_whole_end(struct openai_answer *a, const struct receipt *r, const struct leg_end *end,
                      struct text *out)
{
    struct json_out writer = json_out(out);
    struct json_out *w = &writer;
    json_begin_object(w);
    write_head(w, a, r, is_chat(a) ? "chat.completion" : "text_completion");
    json_key(w, "choices");
    json_begin_array(w);
    for (int i = 0; i < a->choices_count; i++) {
        write_choice(w, a, i, end);
    }
    json_end_array(w);
    write_usage(w, r, end);
    write_weir(w, r);
    json_end_object(w);
}
