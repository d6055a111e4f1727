/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backend.h"

#define TOKENS_PER_MTOK 1000000

int64_t price_cost_nano(const struct price *p, const struct usage *u)
{
    if (!price_known(p) || u->input_tokens < 0 || u->output_tokens < 0) {
        return USD_UNKNOWN;
    }
    /* Without a price of their own, cached tokens cost what others cost. */
    int64_t cached =
        p->cached_input_nano_per_mtok >= 0 ? MIN(MAX(u->cached_tokens, 0), u->input_tokens) : 0;
    __int128 sum = (__int128)(u->input_tokens - cached) * p->input_nano_per_mtok +
                   (__int128)cached * p->cached_input_nano_per_mtok +
                   (__int128)u->output_tokens * p->output_nano_per_mtok;
    __int128 nano = (sum + TOKENS_PER_MTOK - 1) / TOKENS_PER_MTOK; /* a part counts whole */
    return nano > INT64_MAX ? INT64_MAX : (int64_t)nano;
}
