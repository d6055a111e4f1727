/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question on the terminal: something was kept on the device (or refused) by
 * policy, and the config lets the person who sits here let it go. Shows what would
 * leave, types and bytes, and to whom; only `y` is a yes. Without a terminal, or
 * where the config leaves no way open, nobody is asked.
 */
#ifndef WEIR_CLI_AGREE_H
#define WEIR_CLI_AGREE_H

#include "cli/answer.h"

struct agreement { /* holds what the wish points at */
    char consent[64], backend[64];
};

/* `r` is the answer to `wish`. True when it was agreed: then `out_wish` asks again, by consent. */
bool agree_ask(struct client *c, const struct answer_wish *wish, struct span messages,
               const struct answer_result *r, struct agreement *out, struct answer_wish *out_wish);

#endif
