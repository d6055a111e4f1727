/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbound Anthropic dialect has two halves: anthropic_encode.c writes the
 * request (its head says what becomes what), anthropic_outbound.c reads the answer
 * and holds the table. Private to chat/.
 */
#ifndef WEIR_CHAT_ANTHROPIC_OUTBOUND_H
#define WEIR_CHAT_ANTHROPIC_OUTBOUND_H

#include "chat/dialect.h"

enum err anthropic_encode(const struct request *r, const struct backend *b,
                          const struct leg_options *o, struct text *out,
                          struct fault *fault) MUST_USE;

#endif
