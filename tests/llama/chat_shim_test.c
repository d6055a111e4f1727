/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates and parsers through the C++ shim, on models that differ only in
 * their template. Answers are fed one byte at a time.
 */
#include "llama/chat_shim.h"

#include "base/text.h"
#include "llama.h"
#include "testmodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The shape of Qwen's and Hermes' templates. */
#define TOOLS_TEMPLATE                                                                                          \
    "{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n\\n<tools>' }}{%- for tool in tools %}{{- '\\n' }}"     \
    "{{- tool | tojson }}{%- endfor %}{{- '\\n</tools>\\n\\nReturn <tool_call>\\n{\\\"name\\\": <name>, "       \
    "\\\"arguments\\\": <args>}\\n</tool_call><|im_end|>\\n' }}{%- endif %}"                                    \
    "{%- for message in messages %}{%- if message.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n'" \
    " + message.content + '\\n</tool_response><|im_end|>\\n' }}{%- else %}"                                     \
    "{{- '<|im_start|>' + message.role + '\\n' }}{%- if message.content %}{{- message.content }}{%- endif %}"   \
    "{%- for call in message.tool_calls or [] %}" ID_CHECK                                                      \
    "{{- '\\n<tool_call>\\n{\\\"name\\\": \\\"' + call.function.name + '\\\", \\\"arguments\\\": ' }}"          \
    "{{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}"       \
    "{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
#define ID_CHECK                                                                                   \
    "{%- if call.id is not defined or call.id | length != 9 %}"                                    \
    "{{- raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{%- endif %}"
static const char strict_template[] = TOOLS_TEMPLATE;
#undef ID_CHECK
#define ID_CHECK ""
static const char tools_template[] = TOOLS_TEMPLATE;

#define LIGHT                                                                                                  \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"light\",\"description\":\"d\",\"parameters\":" \
    "{\"type\":\"object\",\"properties\":{\"on\":{\"type\":\"boolean\"}},\"required\":[\"on\"]}}}]"

static struct llama_model *model;
static struct chat *chat;
static char why[300];

static void quiet(enum ggml_log_level level, const char *text, void *user)
{
    (void)level;
    (void)text;
    (void)user;
}

static void open_chat(const char *template)
{
    char path[] = "/tmp/weir-shim-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(testmodel_write(&(struct testmodel){.chat_template = template}, path), 0);
    model = llama_model_load_from_file(path, llama_model_default_params());
    unlink(path);
    assert_non_null(model);
    chat = chat_new(model, why, sizeof why);
}
static int close_chat(void **state)
{
    (void)state;
    chat_free(chat);
    llama_model_free(model);
    return 0;
}

static struct chat_prompt *render(const char *json)
{
    struct chat_prompt *p = NULL;
    if (!chat_render(chat, json, strlen(json), &p, why, sizeof why)) {
        fail_msg("%s", why);
    }
    return p;
}

struct got {
    struct text text, reasoning, arguments;
    char name[32], id[40];
    int calls, pieces;
};

static void on_piece(void *user, const struct chat_piece *p)
{
    struct got *g = user;
    struct text *to = p->kind == CHAT_TEXT        ? &g->text
                      : p->kind == CHAT_REASONING ? &g->reasoning
                                                  : &g->arguments;
    text_add(to, span_of(p->text, p->text_len));
    g->pieces++;
    if (p->tool_name) {
        g->calls++;
        snprintf(g->name, sizeof g->name, "%s", p->tool_name);
        snprintf(g->id, sizeof g->id, "%s", p->tool_id);
    }
}

static bool parse(const struct chat_prompt *p, const char *answer, struct got *g)
{
    *g = (struct got){0};
    text_init(&g->text, MIB);
    text_init(&g->reasoning, MIB);
    text_init(&g->arguments, MIB);
    text_add_c(&g->text, "");
    struct chat_parser *parser = chat_parser_new(p);
    assert_non_null(parser);
    for (const char *c = answer; *c; c++) {
        chat_parser_feed(parser, c, 1, on_piece, g);
    }
    bool ok = chat_parser_end(parser, on_piece, g);
    chat_parser_free(parser);
    return ok;
}

static void got_done(struct got *g)
{
    text_done(&g->text);
    text_done(&g->reasoning);
    text_done(&g->arguments);
}

static void test_plain_chats_need_no_parser(void **state)
{
    (void)state;
    open_chat(NULL);
    struct chat_prompt *p =
        render("{\"messages\":[{\"role\":\"developer\",\"content\":\"be brief\"},"
               "{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_string_equal(p->prompt,
                        "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
                        "<|im_start|>assistant\n");
    assert_null(p->syntax);
    assert_null(p->grammar);
    assert_false(chat_has_tools(chat));
    chat_prompt_free(p);
    struct chat_prompt *parts =
        render("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"h\"},"
               "{\"type\":\"text\",\"text\":\"i\"}]}]}");
    assert_non_null(strstr(parts->prompt, "h"));
    chat_prompt_free(parts);
}

static void test_tool_calls_are_parsed_while_they_come(void **state)
{
    (void)state;
    open_chat(tools_template);
    assert_true(chat_has_tools(chat));
    const char *ask = "{\"messages\":[{\"role\":\"user\",\"content\":\"light on\"}]," LIGHT "}";
    struct chat_prompt *p = render(ask);
    assert_non_null(strstr(p->prompt, "\"light\""));
    assert_true(p->grammar && p->grammar_lazy);
    struct got g;
    assert_true(parse(
        p,
        "I will. <tool_call>\n{\"name\": \"light\", \"arguments\": {\"on\": true}}\n</tool_call>",
        &g));
    assert_int_equal(g.calls, 1);
    assert_string_equal(g.name, "light");
    assert_true(strncmp(g.id, "call_", 5) == 0);
    assert_string_equal(g.arguments.data, "{\"on\": true}");
    assert_true(strncmp(g.text.data, "I will.", 7) == 0 && !strchr(g.text.data, '{'));
    assert_true(g.pieces > 10); /* streamed, not at once */
    got_done(&g);
    assert_true(parse(p, "It is on already.", &g));
    assert_int_equal(g.calls, 0);
    assert_string_equal(g.text.data, "It is on already.");
    got_done(&g);
    struct chat_prompt *again = render(ask); /* from what was derived before */
    assert_string_equal(again->prompt, p->prompt);
    assert_string_equal(again->grammar, p->grammar);
    struct chat_prompt *other =
        render("{\"messages\":[{\"role\":\"user\",\"content\":\"dim\"}]," LIGHT "}");
    assert_non_null(strstr(other->prompt, "dim"));
    assert_true(parse(other, "ok", &g));
    assert_string_equal(g.text.data, "ok");
    got_done(&g);
    chat_prompt_free(p);
    chat_prompt_free(again);
    chat_prompt_free(other);
}

static void test_a_broken_call_is_said_to_be_one(void **state)
{
    (void)state;
    open_chat(tools_template);
    struct chat_prompt *p =
        render("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]," LIGHT "}");
    struct got g;
    assert_false(parse(p, "<tool_call>\n{\"name\": \"li", &g));
    assert_int_equal(g.calls, 0);
    assert_string_equal(g.text.data,
                        "<tool_call>\n{\"name\": \"li"); /* shown as what it is, nothing is lost */
    got_done(&g);
    assert_false(parse(p, "Well. <tool_call>\n{\"name\": \"light\", \"argum", &g));
    assert_true(strncmp(g.text.data, "Well.", 5) == 0);
    got_done(&g);
    chat_prompt_free(p);
}

static void test_ids_are_made_to_fit_the_template(void **state)
{
    (void)state;
    open_chat(strict_template);
    struct chat_prompt *p = render(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"id\":\"call_abcdefghijklmnopqrstuvwx\",\"type\":\"function\",\"function\":{\"name\":\"light\",\"arguments\":"
        "\"{\\\"on\\\":true}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"call_abcdefghijklmnopqrstuvwx\",\"content\":"
        "\"done\"}]," LIGHT "}");
    assert_non_null(strstr(p->prompt, "done"));
    chat_prompt_free(p);
}

static void test_what_cannot_be_rendered_says_why(void **state)
{
    (void)state;
    open_chat("{{ raise_exception('only on Sundays') }}");
    static const char ask[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    struct chat_prompt *p = NULL;
    if (chat) { /* either at once or at the first request */
        assert_false(chat_render(chat, ask, sizeof ask - 1, &p, why, sizeof why));
    }
    assert_non_null(strstr(why, "only on Sundays"));
}

static int start_llama(void **state)
{
    (void)state;
    llama_log_set(quiet, NULL);
    chat_process_init();
    llama_backend_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_plain_chats_need_no_parser, close_chat),
        cmocka_unit_test_teardown(test_tool_calls_are_parsed_while_they_come, close_chat),
        cmocka_unit_test_teardown(test_a_broken_call_is_said_to_be_one, close_chat),
        cmocka_unit_test_teardown(test_ids_are_made_to_fit_the_template, close_chat),
        cmocka_unit_test_teardown(test_what_cannot_be_rendered_says_why, close_chat),
    };
    return cmocka_run_group_tests(tests, start_llama, NULL);
}
