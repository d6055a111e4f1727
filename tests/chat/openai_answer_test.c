/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/dialect.h"

#include "base/clock.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* A request with its receipt and its answer, as the server's sink holds them. */
struct fixture {
    struct request request;
    struct decision decision;
    struct receipt receipt;
    struct leg_end end;
    struct openai_answer answer;
    struct text out;
};

static const struct backend device = {.name = "device", .tier = TIER_DEVICE, .model = "weir-nano"};

static struct fixture *fixture(void)
{
    struct fixture *x = NEW(struct fixture);
    x->request.arena = arena_new();
    x->request.n = 1;
    memcpy(x->request.id, "req_01J00000000000000000000000", 31);
    x->request.model = SPAN("auto");
    x->request.wall_us = 1700000000ull * US_PER_S;
    x->decision = (struct decision){.strategy = "device", .score = -1, .threshold = -1};
    x->receipt = (struct receipt){
        .request = &x->request,
        .decision = &x->decision,
        .author = 1,
        .legs_count = 1,
        .confidence = -1,
        .cost_usd_nano = 0,
        .always_cloud_cost_usd_nano = -1,
        .reason = SPAN("device"),
    };
    x->receipt.legs[0] = (struct leg_receipt){.leg = 1, .backend = &device, .usage = USAGE_UNKNOWN};
    x->end =
        (struct leg_end){.outcome = LEG_OK, .finish = FINISH_STOP, .usage = {5, 2, -1, -1, false}};
    text_init(&x->out, 64 * MIB);
    return x;
}

static void start(struct fixture *x)
{
    openai_answer_init(&x->answer, &x->request);
}

static void drop(struct fixture *x)
{
    openai_answer_done(&x->answer);
    text_done(&x->out);
    arena_free(x->request.arena);
    mem_free(x);
}

static void give(struct fixture *x, struct delta d)
{
    openai_stream_delta(&x->answer, &x->receipt, &d, &x->out);
}

static void give_text(struct fixture *x, const char *s)
{
    give(x, (struct delta){.kind = DELTA_TEXT, .text = span_c(s)});
}

/* ---- reading a stream as a strict client does ---- */

#define EVENTS_MAX 4096

struct events {
    struct arena *arena;
    const struct json *items[EVENTS_MAX];
    struct span raw[EVENTS_MAX];
    int count;
    bool done; /* [DONE] came, as the last thing */
};

/* One `data:` line and one empty line an event, nothing else (COMPAT 1). */
static struct events read_events(struct span s)
{
    struct events e = {.arena = arena_new()};
    while (s.len) {
        struct span line = span_cut(&s, '\n');
        struct span empty = span_cut(&s, '\n');
        assert_int_equal(empty.len, 0);
        assert_true(span_starts(line, SPAN("data: ")));
        assert_false(e.done);
        struct span data = span_from(line, 6);
        if (span_is(data, "[DONE]")) {
            e.done = true;
            continue;
        }
        struct fault fault = {0};
        assert_true(e.count < EVENTS_MAX);
        if (json_parse_in(e.arena, data, &e.items[e.count], &fault)) {
            fail_msg("%s: %.*s", fault.text, SPAN_ARG(data));
        }
        e.raw[e.count++] = data;
    }
    return e;
}

static const struct json *choice_of(const struct json *chunk)
{
    return json_at(json_get(chunk, "choices"), 0);
}

static const struct json *delta_of(const struct json *chunk)
{
    return json_get(choice_of(chunk), "delta");
}

/* What holds on every chunk of every clean stream. */
static void check_shape(const struct events *e, bool include_usage)
{
    int with_weir = 0;
    for (int i = 0; i < e->count; i++) {
        const struct json *c = e->items[i];
        const struct json *choice = choice_of(c);
        assert_true(span_eq(json_str(json_get(c, "id")), json_str(json_get(e->items[0], "id"))));
        assert_true(
            span_eq(json_str(json_get(c, "model")), json_str(json_get(e->items[0], "model"))));
        assert_int_equal(json_i64_or(json_get(c, "created"), -1), 1700000000);
        assert_true(span_is(json_str(json_get(c, "object")), "chat.completion.chunk"));
        with_weir += json_get(c, "weir") != NULL;
        bool last = include_usage && i + 1 == e->count;
        if (last) {
            assert_int_equal(json_len(json_get(c, "choices")), 0);
            assert_non_null(json_get(c, "weir"));
            continue;
        }
        assert_int_equal(json_type(json_get(c, "usage")), include_usage ? JSON_NULL : JSON_NONE);
        assert_true(json_type(json_get(choice, "finish_reason")) == JSON_NULL ||
                    json_type(json_get(choice, "finish_reason")) == JSON_STRING);
        const struct json *d = json_get(choice, "delta");
        int kinds = (json_get(d, "content") != NULL) + (json_get(d, "tool_calls") != NULL) +
                    (json_get(d, "reasoning_content") != NULL) + (json_get(d, "refusal") != NULL);
        assert_true(kinds <= 1);
    }
    assert_int_equal(with_weir, 1);
    assert_true(e->done);
}

static void a_stream_looks_as_documented(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    start(x);
    openai_stream_begin(&x->answer, &x->receipt, &x->out);
    give_text(x, "Hel");
    give_text(x, "");
    give_text(x, "lo\n\"");
#define HEAD                                                                                                        \
    "data: {\"id\":\"req_01J00000000000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1700000000," \
    "\"model\":\"weir-nano\",\"system_fingerprint\":\"weir-" WEIR_VERSION "\",\"choices\":"
#define CHUNK(delta)                                                                               \
    HEAD "[{\"index\":0,\"delta\":" delta ",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
    assert_string_equal(x->out.data,
                        CHUNK("{\"role\":\"assistant\",\"content\":\"\"}")
                            CHUNK("{\"content\":\"Hel\"}") CHUNK("{\"content\":\"lo\\n\\\"\"}"));
    text_clear(&x->out);
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    const char *finish = HEAD
        "[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"weir\":{\"id\":";
    assert_memory_equal(x->out.data, finish, strlen(finish));
    assert_true(span_ends(text_span(&x->out), SPAN("}}\n\ndata: [DONE]\n\n")));
    drop(x);
}

static void usage_comes_when_asked_for_in_a_chunk_of_its_own(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    x->request.include_usage = true;
    x->end.usage = (struct usage){5, 2, 3, 1, true};
    start(x);
    give_text(x, "a");
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    struct events e = read_events(text_span(&x->out));
    check_shape(&e, true);
    assert_int_equal(e.count, 4);
    const struct json *u = json_get(e.items[3], "usage");
    assert_int_equal(json_i64_or(json_get(u, "prompt_tokens"), -1), 5);
    assert_int_equal(json_i64_or(json_get(u, "completion_tokens"), -1), 2);
    assert_int_equal(json_i64_or(json_get(u, "total_tokens"), -1), 7);
    assert_int_equal(
        json_i64_or(json_get(json_get(u, "prompt_tokens_details"), "cached_tokens"), -1), 3);
    assert_int_equal(
        json_i64_or(json_get(json_get(u, "completion_tokens_details"), "reasoning_tokens"), -1), 1);
    assert_true(json_true(json_get(u, "estimated")));
    arena_free(e.arena);

    text_clear(&x->out);
    x->end.usage = USAGE_UNKNOWN;
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    e = read_events(text_span(&x->out));
    assert_int_equal(json_type(json_get(e.items[e.count - 1], "usage")),
                     JSON_NULL); /* unknown is not 0 */
    arena_free(e.arena);
    drop(x);
}

static void tool_calls_say_who_they_are_once(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    start(x);
    give_text(x, "let me see");
    give(x, (struct delta){.kind = DELTA_TOOL_CALL,
                           .tool_id = SPAN("c1"),
                           .tool_name = SPAN("f"),
                           .text = SPAN("{\"a\"")});
    give(x, (struct delta){.kind = DELTA_TOOL_CALL,
                           .tool_id = SPAN("c1"),
                           .tool_name = SPAN("f"),
                           .text = SPAN(":1}")});
    give(x, (struct delta){.kind = DELTA_TOOL_CALL, .tool_index = 1, .tool_name = SPAN("g")});
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    struct events e = read_events(text_span(&x->out));
    check_shape(&e, false);
    const struct json *first = json_at(json_get(delta_of(e.items[2]), "tool_calls"), 0);
    assert_int_equal(json_i64_or(json_get(first, "index"), -1), 0);
    assert_true(span_is(json_str(json_get(first, "id")), "c1"));
    assert_true(span_is(json_str(json_get(first, "type")), "function"));
    assert_true(span_is(json_str(json_get(json_get(first, "function"), "name")), "f"));
    assert_true(span_is(json_str(json_get(json_get(first, "function"), "arguments")), "{\"a\""));
    const struct json *second = json_at(json_get(delta_of(e.items[3]), "tool_calls"), 0);
    assert_int_equal(json_i64_or(json_get(second, "index"), -1), 0);
    assert_null(json_get(second, "id"));
    assert_null(json_get(second, "type"));
    assert_null(json_get(json_get(second, "function"), "name"));
    const struct json *other = json_at(json_get(delta_of(e.items[4]), "tool_calls"), 0);
    assert_int_equal(json_i64_or(json_get(other, "index"), -1), 1);
    assert_true(json_str(json_get(other, "id")).len > 5); /* made, since the backend gave none */
    const struct json *filled = json_at(json_get(delta_of(e.items[5]), "tool_calls"), 0);
    assert_true(span_is(json_str(json_get(json_get(filled, "function"), "arguments")), "{}"));
    assert_true(span_is(json_str(json_get(choice_of(e.items[6]), "finish_reason")), "tool_calls"));
    arena_free(e.arena);
    drop(x);
}

static void finish_reasons_are_what_clients_test_for(void **state)
{
    (void)state;
    static const struct {
        enum finish finish;
        bool tools;
        const char *word;
    } cases[] = {
        {FINISH_STOP, false, "stop"},
        {FINISH_NONE, false, "stop"},
        {FINISH_TOOL_CALLS, false, "stop"},
        {FINISH_STOP, true, "tool_calls"},
        {FINISH_NONE, true, "tool_calls"},
        {FINISH_LENGTH, true, "length"},
        {FINISH_LENGTH, false, "length"},
        {FINISH_CONTENT_FILTER, false, "content_filter"},
        {FINISH_TOOL_CALLS, true, "tool_calls"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *x = fixture();
        start(x);
        if (cases[i].tools) {
            give(x, (struct delta){
                        .kind = DELTA_TOOL_CALL, .tool_id = SPAN("c"), .tool_name = SPAN("f")});
        }
        x->end.finish = cases[i].finish;
        openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
        struct events e = read_events(text_span(&x->out));
        check_shape(&e, false);
        assert_true(span_is(json_str(json_get(choice_of(e.items[e.count - 1]), "finish_reason")),
                            cases[i].word));
        arena_free(e.arena);
        drop(x);
    }
}

static void a_broken_stream_never_ends_cleanly(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    start(x);
    give_text(x, "half an ans");
    x->receipt.outcome = OUTCOME_PARTIAL;
    fault_set(&x->receipt.fault, ERR_UPSTREAM, "cut off");
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    assert_null(strstr(x->out.data, "[DONE]"));
    assert_null(strstr(x->out.data, "\"finish_reason\":\""));
    struct events e = read_events(text_span(&x->out));
    const struct json *error = json_get(e.items[e.count - 1], "error");
    assert_true(span_is(json_str(json_get(error, "message")), "cut off"));
    assert_true(span_is(json_str(json_get(error, "code")), "upstream_failed"));
    assert_int_equal(json_type(json_get(error, "param")), JSON_NULL);
    assert_non_null(json_get(e.items[e.count - 1], "weir"));
    arena_free(e.arena);

    text_clear(&x->out);
    x->receipt.fault.code =
        OK; /* whatever the outcome says, without an author's end it is broken */
    x->receipt.outcome = OUTCOME_OK;
    openai_stream_end(&x->answer, &x->receipt, NULL, &x->out);
    assert_null(strstr(x->out.data, "[DONE]"));
    drop(x);
}

static void several_choices_have_their_own_role_and_finish(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    x->request.n = 12;
    x->end.finish = FINISH_STOP;
    x->end.finishes[0] = FINISH_STOP;
    x->end.finishes[1] = FINISH_LENGTH;
    start(x);
    openai_stream_begin(&x->answer, &x->receipt, &x->out);
    give(x, (struct delta){.kind = DELTA_TEXT, .choice = 11, .text = SPAN("x")});
    give(x, (struct delta){.kind = DELTA_TEXT, .choice = 12, .text = SPAN("nobody's")});
    give(x, (struct delta){.kind = DELTA_TEXT, .choice = -1, .text = SPAN("nobody's")});
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    struct events e = read_events(text_span(&x->out));
    check_shape(&e, false);
    assert_int_equal(e.count, 12 + 1 + 12);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(json_i64_or(json_get(choice_of(e.items[i]), "index"), -1), i);
        assert_true(span_is(json_str(json_get(delta_of(e.items[i]), "role")), "assistant"));
        assert_true(span_is(json_str(json_get(choice_of(e.items[13 + i]), "finish_reason")),
                            i == 1 ? "length" : "stop"));
    }
    assert_int_equal(json_i64_or(json_get(choice_of(e.items[12]), "index"), -1), 11);
    arena_free(e.arena);
    drop(x);
}

static const char token_logprobs[] =
    "[{\"token\":\"h\\u00e4\",\"logprob\":-0.5,\"bytes\":[104,195,164],\n\"top_logprobs\":[{\"token\":\"x\",\"logprob\":-2}]}]";

static void logprobs_ride_on_their_text(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    x->request.logprobs = true;
    start(x);
    give(x, (struct delta){
                .kind = DELTA_TEXT, .text = SPAN("hä"), .logprobs = span_c(token_logprobs)});
    give(x,
         (struct delta){.kind = DELTA_TEXT, .text = SPAN(""), .logprobs = span_c(token_logprobs)});
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    struct events e = read_events(text_span(&x->out));
    check_shape(&e, false);
    assert_int_equal(e.count, 4);
    for (int i = 1; i < 3; i++) {
        const struct json *lp = json_get(choice_of(e.items[i]), "logprobs");
        assert_true(
            span_is(json_str(json_get(json_at(json_get(lp, "content"), 0), "token")), "hä"));
    }
    arena_free(e.arena);
    drop(x);

    x = fixture(); /* not asked for: not shown */
    start(x);
    give(x, (struct delta){
                .kind = DELTA_TEXT, .text = SPAN("hä"), .logprobs = span_c(token_logprobs)});
    assert_null(strstr(x->out.data, "top_logprobs"));
    drop(x);
}

static void the_model_is_the_one_that_answers(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    x->receipt.degraded = DEGRADED_OFFLINE;
    start(x);
    give_text(x, "a");
    assert_non_null(strstr(x->out.data, "\"model\":\"weir-nano\""));
    drop(x);
    x = fixture();
    x->receipt.degraded = DEGRADED_OFFLINE;
    x->request.options.disclose_model = true;
    start(x);
    give_text(x, "a");
    assert_non_null(strstr(x->out.data, "\"model\":\"weir-nano (offline)\""));
    drop(x);
    x = fixture();
    x->receipt.legs[0].model = SPAN("m-2026");
    start(x);
    openai_whole_end(&x->answer, &x->receipt, &x->end, &x->out);
    assert_non_null(strstr(x->out.data, "\"model\":\"m-2026\",\"sys"));
    drop(x);
}

/* ---- whole answers ---- */

static const struct json *whole(struct fixture *x)
{
    struct fault fault = {0};
    const struct json *root = NULL;
    text_clear(&x->out);
    openai_whole_end(&x->answer, &x->receipt, &x->end, &x->out);
    if (json_parse_in(x->request.arena, text_span(&x->out), &root, &fault)) {
        fail_msg("%s: %s", fault.text, x->out.data);
    }
    return root;
}

static void collect(struct fixture *x, struct delta d)
{
    assert_int_equal(openai_collect(&x->answer, &d), OK);
}

static void a_whole_answer_looks_as_documented(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    start(x);
    collect(x, (struct delta){.kind = DELTA_TEXT, .text = SPAN("Hel")});
    collect(x, (struct delta){.kind = DELTA_TEXT, .text = SPAN("lo")});
    whole(x);
    const char *expected =
        "{\"id\":\"req_01J00000000000000000000000\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"weir-nano\",\"system_fingerprint\":\"weir-" WEIR_VERSION "\",\"choices\":["
        "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\",\"refusal\":null},"
        "\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7},\"weir\":{\"id\":";
    assert_memory_equal(x->out.data, expected, strlen(expected));
    drop(x);
}

static void a_pure_tool_call_has_null_content(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    start(x);
    collect(x, (struct delta){.kind = DELTA_TOOL_CALL,
                              .tool_id = SPAN("c1"),
                              .tool_name = SPAN("f"),
                              .text = SPAN("{\"a\"")});
    collect(x, (struct delta){.kind = DELTA_TOOL_CALL, .tool_index = 1, .tool_name = SPAN("g")});
    collect(x, (struct delta){.kind = DELTA_TOOL_CALL, .text = SPAN(":1}")});
    const struct json *choice = choice_of(whole(x));
    const struct json *m = json_get(choice, "message");
    assert_int_equal(json_type(json_get(m, "content")), JSON_NULL);
    const struct json *call = json_at(json_get(m, "tool_calls"), 0);
    assert_true(span_is(json_str(json_get(call, "id")), "c1"));
    assert_true(span_is(json_str(json_get(call, "type")), "function"));
    assert_true(span_is(json_str(json_get(json_get(call, "function"), "arguments")), "{\"a\":1}"));
    call = json_at(json_get(m, "tool_calls"), 1);
    assert_true(json_str(json_get(call, "id")).len > 5);
    assert_true(span_is(json_str(json_get(json_get(call, "function"), "name")), "g"));
    assert_true(span_is(json_str(json_get(json_get(call, "function"), "arguments")), "{}"));
    assert_true(span_is(json_str(json_get(choice, "finish_reason")), "tool_calls"));
    drop(x);
}

static void the_rest_of_a_whole_answer(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    x->request.logprobs = true;
    start(x);
    const struct json *m = json_get(choice_of(whole(x)), "message");
    assert_true(span_is(json_str(json_get(m, "content")), "")); /* an empty answer is a string */
    x->end.usage = USAGE_UNKNOWN;
    assert_int_equal(json_type(json_get(whole(x), "usage")), JSON_NULL);
    x->receipt.legs[0].usage = (struct usage){9, 8, -1, -1, true};
    assert_int_equal(json_i64_or(json_get(json_get(whole(x), "usage"), "total_tokens"), -1), 17);
    collect(x, (struct delta){.kind = DELTA_REASONING, .text = SPAN("hmm")});
    collect(x, (struct delta){
                   .kind = DELTA_TEXT, .text = SPAN("a"), .logprobs = span_c(token_logprobs)});
    collect(x, (struct delta){
                   .kind = DELTA_TEXT, .text = SPAN("b"), .logprobs = span_c(token_logprobs)});
    const struct json *choice = choice_of(whole(x));
    assert_true(
        span_is(json_str(json_get(json_get(choice, "message"), "reasoning_content")), "hmm"));
    assert_true(span_is(json_str(json_get(json_get(choice, "message"), "content")), "ab"));
    assert_int_equal(json_len(json_get(json_get(choice, "logprobs"), "content")), 2);
    drop(x);
    x = fixture();
    start(x);
    collect(x, (struct delta){.kind = DELTA_REFUSAL, .text = SPAN("no")});
    m = json_get(choice_of(whole(x)), "message");
    assert_true(span_is(json_str(json_get(m, "refusal")), "no"));
    assert_int_equal(json_type(json_get(m, "content")), JSON_NULL);
    drop(x);
}

static void a_whole_answer_has_a_largest_size(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    start(x);
    char *block = mem_new(MIB);
    memset(block, 'x', MIB);
    struct delta d = {.kind = DELTA_TEXT, .text = span_of(block, MIB)};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(openai_collect(&x->answer, &d), OK);
    }
    assert_int_equal(openai_collect(&x->answer, &d), ERR_TOO_LARGE);
    mem_free(block);
    drop(x);
}

/* ---- completions ---- */

static void completions_have_their_own_shape(void **state)
{
    (void)state;
    struct fixture *x = fixture();
    x->request.endpoint = ENDPOINT_COMPLETION;
    x->request.logprobs = true;
    start(x);
    openai_stream_begin(&x->answer, &x->receipt, &x->out);
    assert_int_equal(x->out.len, 0); /* there is no role */
    give(x, (struct delta){
                .kind = DELTA_TEXT, .text = SPAN("hä"), .logprobs = span_c(token_logprobs)});
    give(x, (struct delta){
                .kind = DELTA_TEXT, .text = SPAN("hä"), .logprobs = span_c(token_logprobs)});
    give(x, (struct delta){.kind = DELTA_REASONING, .text = SPAN("hmm")});
    openai_stream_end(&x->answer, &x->receipt, &x->end, &x->out);
    struct events e = read_events(text_span(&x->out));
    assert_int_equal(e.count, 3);
    assert_true(e.done);
    assert_true(span_is(json_str(json_get(e.items[0], "object")), "text_completion"));
    assert_true(span_is(json_str(json_get(choice_of(e.items[0]), "text")), "hä"));
    assert_int_equal(json_type(json_get(choice_of(e.items[0]), "finish_reason")), JSON_NULL);
    const struct json *lp = json_get(choice_of(e.items[1]), "logprobs");
    assert_true(span_is(json_str(json_at(json_get(lp, "tokens"), 0)), "hä"));
    assert_int_equal(json_i64_or(json_at(json_get(lp, "text_offset"), 0), -1), 2);
    assert_true(json_f64_or(json_get(json_at(json_get(lp, "top_logprobs"), 0), "x"), 0) == -2);
    assert_true(span_is(json_str(json_get(choice_of(e.items[2]), "finish_reason")), "stop"));
    assert_true(span_is(json_str(json_get(choice_of(e.items[2]), "text")), ""));
    assert_non_null(json_get(e.items[2], "weir"));
    arena_free(e.arena);
    drop(x);

    x = fixture();
    x->request.endpoint = ENDPOINT_COMPLETION;
    start(x);
    collect(x, (struct delta){.kind = DELTA_TEXT, .text = SPAN("4")});
    const struct json *root = whole(x);
    assert_true(span_is(json_str(json_get(root, "object")), "text_completion"));
    assert_true(span_is(json_str(json_get(choice_of(root), "text")), "4"));
    assert_null(json_get(choice_of(root), "message"));
    drop(x);
}

/* ---- errors ---- */

static void errors_have_all_four_keys(void **state)
{
    (void)state;
    struct text out;
    text_init(&out, 4096);
    openai_error_body(ERR_INVALID, "bad \"x\"", "temperature", &out);
    assert_string_equal(
        out.data, "{\"error\":{\"message\":\"bad \\\"x\\\"\",\"type\":\"invalid_request_error\","
                  "\"param\":\"temperature\",\"code\":\"invalid_request\"}}");
    static const struct {
        enum err err;
        const char *type;
    } cases[] = {
        {ERR_UNAUTHORIZED, "authentication_error"},
        {ERR_BUDGET, "insufficient_quota"},
        {ERR_POLICY, "permission_error"},
        {ERR_RATE_LIMITED, "rate_limit_error"},
        {ERR_NO_BACKEND, "server_error"},
        {ERR_UPSTREAM, "server_error"},
        {ERR_MODEL_NOT_FOUND, "invalid_request_error"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        text_clear(&out);
        openai_error_body(cases[i].err, NULL, NULL, &out);
        struct json_doc *doc = NULL;
        assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
        const struct json *error = json_get(json_root(doc), "error");
        assert_int_equal(json_len(error), 4);
        assert_true(span_is(json_str(json_get(error, "type")), cases[i].type));
        assert_true(json_str(json_get(error, "message")).len > 0);
        assert_int_equal(json_type(json_get(error, "param")), JSON_NULL);
        json_free(doc);
    }
    text_done(&out);
}

/* ---- any script: what the stream adds up to is what the whole answer says ---- */

static struct delta random_delta(struct rng *rng, int n)
{
    static const char *const pieces[] = {"a", "ä",      "\n",      "\"}", "\xe2\x82\xac",
                                         "",  "data: ", "\\u0000", "😀",   "\r\n\r\n"};
    struct delta d = {.kind = (enum delta_kind)rng_below(rng, 4),
                      .choice = (int)rng_below(rng, (uint64_t)n)};
    d.text = span_c(pieces[rng_below(rng, ARRAY_LEN(pieces))]);
    d.tool_index = d.kind == DELTA_TOOL_CALL ? (int)rng_below(rng, 3) : 0;
    d.tool_id = SPAN("id"); /* sent every time, as some backends do */
    d.tool_name = SPAN("name");
    return d;
}

struct added {
    struct text content, reasoning, refusal, ids[3], names[3], arguments[3];
};

static void add_up(struct added *sum, const struct json *d)
{
    text_add(&sum->content, span_given(json_str(json_get(d, "content")))
                                ? json_str(json_get(d, "content"))
                                : SPAN(""));
    text_add(&sum->reasoning, json_str(json_get(d, "reasoning_content")));
    text_add(&sum->refusal, json_str(json_get(d, "refusal")));
    for (struct json_iter it = json_iter(json_get(d, "tool_calls")); json_next(&it);) {
        int64_t t = json_i64_or(json_get(it.value, "index"), -1);
        assert_in_range(t, 0, 2);
        const struct json *f = json_get(it.value, "function");
        text_add(&sum->ids[t], json_str(json_get(it.value, "id")));
        text_add(&sum->names[t], json_str(json_get(f, "name")));
        text_add(&sum->arguments[t], json_str(json_get(f, "arguments")));
    }
}

static void same(const struct text *sum, const struct json *v)
{
    struct span s = span_given(json_str(v)) ? json_str(v) : SPAN("");
    assert_true(span_eq(text_span(sum), s));
}

static void compare(struct added *sum, const struct json *message)
{
    same(&sum->content, json_get(message, "content"));
    same(&sum->reasoning, json_get(message, "reasoning_content"));
    same(&sum->refusal, json_get(message, "refusal"));
    size_t calls = 0;
    for (int t = 0; t < 3; t++) {
        if (sum->names[t].len == 0) {
            continue;
        }
        const struct json *call = json_at(json_get(message, "tool_calls"), calls++);
        same(&sum->ids[t], json_get(call, "id"));
        same(&sum->names[t], json_get(json_get(call, "function"), "name"));
        same(&sum->arguments[t], json_get(json_get(call, "function"), "arguments"));
    }
    assert_int_equal(calls, json_len(json_get(message, "tool_calls")));
}

static void run_script(uint64_t seed)
{
    struct rng rng = {seed};
    struct fixture *x = fixture();
    x->request.n = 1 + (int)rng_below(&rng, 3);
    x->request.include_usage = rng_below(&rng, 2);
    start(x);
    for (uint64_t left = rng_below(&rng, 30); left; left--) {
        give(x, random_delta(&rng, x->request.n));
    }
    struct openai_answer streamed = x->answer; /* the whole form gets its own */
    start(x);
    rng.state = seed;
    (void)rng_below(&rng, 3);
    (void)rng_below(&rng, 2);
    for (uint64_t left = rng_below(&rng, 30); left; left--) {
        collect(x, random_delta(&rng, x->request.n));
    }
    openai_stream_end(&streamed, &x->receipt, &x->end, &x->out);
    openai_answer_done(&streamed);
    struct events e = read_events(text_span(&x->out));
    check_shape(&e, x->request.include_usage);
    const struct json *root = whole(x);
    for (int c = 0; c < x->request.n; c++) {
        struct added sum;
        struct text *texts = (struct text *)&sum;
        for (size_t i = 0; i < sizeof sum / sizeof *texts; i++) {
            text_init(&texts[i], MIB);
        }
        for (int i = 0; i < e.count; i++) {
            if (json_i64_or(json_get(choice_of(e.items[i]), "index"), -1) == c) {
                add_up(&sum, delta_of(e.items[i]));
            }
        }
        compare(&sum, json_get(json_at(json_get(root, "choices"), (size_t)c), "message"));
        for (size_t i = 0; i < sizeof sum / sizeof *texts; i++) {
            text_done(&texts[i]);
        }
    }
    arena_free(e.arena);
    drop(x);
}

static void any_stream_adds_up_to_the_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        run_script(seed);
    }
}

static void bench(void)
{
    struct fixture *x = fixture();
    start(x);
    struct delta d = {.kind = DELTA_TEXT, .text = SPAN(" token")};
    uint64_t t0 = clock_now_us();
    for (int i = 0; i < 1000000; i++) {
        text_clear(&x->out);
        openai_stream_delta(&x->answer, &x->receipt, &d, &x->out);
    }
    uint64_t t1 = clock_now_us();
    for (int i = 0; i < 100000; i++) {
        text_clear(&x->out);
        receipt_write(&x->receipt, false, &x->out);
    }
    uint64_t t2 = clock_now_us();
    struct fault fault;
    const char *param = NULL;
    for (int i = 0; i < 100000; i++) {
        struct arena *a = arena_new();
        struct request r;
        enum err err = openai_decode_chat(
            a,
            SPAN("{\"model\":\"auto\",\"temperature\":0.2,\"messages\":[{\"role\":\"system\","
                 "\"content\":\"You are a helpful assistant.\"},{\"role\":\"user\","
                 "\"content\":\"What is the capital of France? Answer in one word.\"}]}"),
            &r, &param, &fault);
        ASSERT(err == OK);
        arena_free(a);
    }
    uint64_t t3 = clock_now_us();
    printf("a delta chunk %.3f us, a receipt %.3f us, decoding a request %.3f us\n",
           (double)(t1 - t0) / 1e6, (double)(t2 - t1) / 1e5, (double)(t3 - t2) / 1e5);
    drop(x);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
        bench();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_looks_as_documented),
        cmocka_unit_test(usage_comes_when_asked_for_in_a_chunk_of_its_own),
        cmocka_unit_test(tool_calls_say_who_they_are_once),
        cmocka_unit_test(finish_reasons_are_what_clients_test_for),
        cmocka_unit_test(a_broken_stream_never_ends_cleanly),
        cmocka_unit_test(several_choices_have_their_own_role_and_finish),
        cmocka_unit_test(logprobs_ride_on_their_text),
        cmocka_unit_test(the_model_is_the_one_that_answers),
        cmocka_unit_test(a_whole_answer_looks_as_documented),
        cmocka_unit_test(a_pure_tool_call_has_null_content),
        cmocka_unit_test(the_rest_of_a_whole_answer),
        cmocka_unit_test(a_whole_answer_has_a_largest_size),
        cmocka_unit_test(completions_have_their_own_shape),
        cmocka_unit_test(errors_have_all_four_keys),
        cmocka_unit_test(any_stream_adds_up_to_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
