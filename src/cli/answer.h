/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One streamed chat answer on a terminal: what `weir ask` and `weir chat` share.
 * Sends the conversation, prints text as it comes, keeps the text, the receipt that
 * rides on the last chunk, and the error if there was one.
 */
#ifndef WEIR_CLI_ANSWER_H
#define WEIR_CLI_ANSWER_H

#include "cli/client.h"
#include "json/json.h"

struct answer_wish {
    const char *model;                               /* "auto", a tier, a backend; NULL = auto */
    const char *mode, *strategy, *privacy, *session; /* NULL = not sent */
    const char *consent; /* an id of POST /weir/v1/consent; NULL = none */
    int64_t max_tokens;  /* 0 = not sent */
};

struct answer_result {
    struct text text;      /* all that was said */
    struct text error;     /* one sentence; empty = fine */
    char error_code[32];   /* "policy_forbids"; empty = fine, or not said */
    struct json_doc *weir; /* the `weir` object; NULL when none came */
    char request_id[31];
    bool interrupted;
};

/* The request's body. */
void answer_body(const struct answer_wish *wish, struct span messages, struct text *out);
/* Checks the words of a wish: NULL, or a sentence with the allowed values. */
const char *answer_wish_wrong(const struct answer_wish *w);
/* `messages`: a JSON array as text. `fd` gets the text as it comes; -1 = nowhere. True when the answer is whole. */
bool answer_stream(struct client *c, const struct answer_wish *wish, struct span messages, int fd,
                   struct answer_result *out);
void answer_result_done(struct answer_result *r);
/* "device weir-nano · confidence 0.93 · 12 ms · 0 USD" and what was degraded, kept or hinted. */
void answer_summary(const struct json *weir, struct text *out);
/* Removes what could drive the terminal (escape sequences of a model's answer): everything below 0x20 but tab and
 * line feed, and C1 controls. */
void answer_clean(struct span s, struct text *out);

#endif
