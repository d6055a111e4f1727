/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door to llama.cpp's C++ `common`: chat templates (Jinja), tool-call
 * and reasoning parsing, JSON schema to grammar. No exception passes it.
 *
 * A struct chat belongs to one model. chat_render() turns a request (JSON with
 * the OpenAI fields messages, tools, tool_choice, parallel_tool_calls,
 * response_format, reasoning_effort, chat_template_kwargs) into what the decoder
 * needs; a struct chat_parser turns the text that comes back into pieces of an
 * answer. Used by the I/O thread only, but for what is said to be for any.
 */
#ifndef WEIR_LLAMA_CHAT_SHIM_H
#define WEIR_LLAMA_CHAT_SHIM_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct llama_model;
struct llama_vocab;
struct llama_sampler;
struct chat;
struct chat_parser;

struct chat_strings {
    char **items;
    size_t count;
};

struct chat_prompt {
    char *prompt;
    size_t prompt_len;
    char *grammar;     /* GBNF; NULL = free text */
    bool grammar_lazy; /* only from a trigger on */
    struct chat_strings trigger_patterns;
    int32_t *trigger_tokens;
    size_t trigger_tokens_count;
    char *
        grammar_prefill; /* text of the prompt's end that the grammar has to have seen; NULL = none */
    struct chat_strings stops;     /* beside the request's own */
    struct chat_strings preserved; /* special tokens whose text the parser must see */
    void *syntax;                  /* for chat_parser_new(); NULL = the text is the answer */
};

void chat_process_init(void); /* once: `common` writes no log of its own */

/* NULL when the model's template does not work; `why` says so. */
struct chat *chat_new(const struct llama_model *model, char *why, size_t why_room);
void chat_free(struct chat *c);
bool chat_has_tools(const struct chat *c); /* its template renders tools … */
bool chat_can_tools(const struct chat *c); /* … or at least ours can be used */

/* The prompt's grammar as a sampler, which has seen the prefill; NULL when it does not compile. Any thread. */
struct llama_sampler *chat_grammar_new(const struct llama_vocab *vocab,
                                       const struct chat_prompt *p);
bool chat_grammar_accept(struct llama_sampler *grammar,
                         int32_t token); /* false: the grammar forbids it */

/* False: the request cannot be rendered, `why` is one line for the client. */
bool chat_render(struct chat *c, const char *json, size_t json_len, struct chat_prompt **out,
                 char *why, size_t why_room);
void chat_prompt_free(struct chat_prompt *p);

enum chat_piece_kind { CHAT_TEXT, CHAT_REASONING, CHAT_TOOL };
struct chat_piece {
    enum chat_piece_kind kind;
    const char *text; /* or a piece of a tool call's arguments */
    size_t text_len;
    int tool_index;
    const char *tool_id, *tool_name; /* in a call's first piece, else NULL */
};
typedef void chat_piece_fn(void *user, const struct chat_piece *piece);

struct chat_parser *chat_parser_new(const struct chat_prompt *p);
void chat_parser_free(struct chat_parser *p);
void chat_parser_feed(struct chat_parser *p, const char *text, size_t len, chat_piece_fn *fn,
                      void *user);
/* The text is complete. False when a tool call in it does not parse: what was not shown yet came out as text. */
bool chat_parser_end(struct chat_parser *p, chat_piece_fn *fn, void *user);
int chat_parser_tool_calls(const struct chat_parser *p);

#ifdef __cplusplus
}
#endif

#endif
