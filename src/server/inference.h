/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths that answer prompts, in OpenAI's dialect: chat completions,
 * completions, models. Each answer is a sink between a flow and a call: deltas
 * become SSE events at once, or are collected into one JSON object.
 *
 * The stream's head is sent when the flow says begin (first byte, or ten seconds
 * of silence); until then an error is an ordinary JSON error with its status. When
 * nothing was written for ten seconds a `: keepalive` comment is. A reader that
 * stops pauses its flow once 256 KiB wait for it.
 */
#ifndef WEIR_SERVER_INFERENCE_H
#define WEIR_SERVER_INFERENCE_H

#include "server/gateway.h"
#include "server/server.h"

struct inference;

struct inference *inference_new(struct server *s, struct gateway *g, struct loop *loop);
void inference_free(struct inference *i);

/* Reads the call's body and headers as a chat request; on a fault the call has been answered and NULL comes
 * back. The request lives in the call's arena; its `headers` are filled only when a rule of the config reads some.
 * Also used by /weir/v1/explain. */
struct request *inference_read(struct call *call, enum endpoint endpoint,
                               const struct config *config);

#endif
