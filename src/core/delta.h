/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One small piece of an answer, on its way from a model to a client.
 *
 * A delta holds exactly one kind of thing; spans are borrowed for the call.
 * Text is whole UTF-8 characters. A tool call begins with a delta that has `id`
 * and `name` (and maybe first arguments); later ones with the same `tool_index`
 * carry only more of `arguments`, whose concatenation is one JSON object.
 * Logprobs, when asked for, ride on the text delta as an array of OpenAI's
 * logprob `content` objects.
 */
#ifndef WEIR_CORE_DELTA_H
#define WEIR_CORE_DELTA_H

#include "core/types.h"

enum delta_kind { DELTA_TEXT, DELTA_REASONING, DELTA_TOOL_CALL, DELTA_REFUSAL };

struct delta {
    enum delta_kind kind;
    int choice;            /* 0 .. n-1 */
    struct span text;      /* text, reasoning, refusal, or a piece of tool arguments */
    int tool_index;        /* DELTA_TOOL_CALL: 0.. within the choice */
    struct span tool_id;   /* only in a call's first delta */
    struct span tool_name; /* only in a call's first delta */
    struct span logprobs;  /* JSON array text; SPAN_NONE when not asked for */
};

#endif
