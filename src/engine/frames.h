/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateway workers and an engine process say to each other over a Unix
 * stream socket. Same host, same build: a fixed header in host byte order with
 * a version byte, then a payload whose layout the type fixes. Every length is
 * checked by the reader; a peer that breaks the format is hung up on.
 *
 *   worker → engine   SUBMIT  request id + JSON {body, endpoint, prompt, options…}
 *                     CANCEL  request id
 *                     PAUSE / RESUME  request id (client does not read)
 *                     SWITCH  JSON {path, …}: load another model, keep serving until it stands
 *   engine → worker   HELLO   JSON: what the model is and can do (once per connection and after SWITCH)
 *                     DELTA   one struct frame_delta + text [+ logprobs JSON]
 *                     STATS   struct frame_stats: running token statistics
 *                     END     struct frame_end + JSON/text detail
 *                     LOAD    struct frame_load: queue and speed, a few times a second while busy
 */
#ifndef WEIR_ENGINE_FRAMES_H
#define WEIR_ENGINE_FRAMES_H

#include "base/err.h"
#include "base/text.h"

#define FRAME_VERSION 1
#define FRAME_PAYLOAD_MAX (40 * MIB)

enum frame_type {
    FRAME_SUBMIT = 1,
    FRAME_CANCEL,
    FRAME_PAUSE,
    FRAME_RESUME,
    FRAME_SWITCH,
    FRAME_HELLO = 32,
    FRAME_DELTA,
    FRAME_STATS,
    FRAME_END,
    FRAME_LOAD,
};

struct frame_header {
    uint32_t length; /* payload bytes after the header */
    uint8_t version;
    uint8_t type;
    uint16_t reserved;
    uint32_t request; /* 0 = none */
};

struct frame_delta {
    uint8_t kind; /* enum delta_kind */
    uint8_t choice;
    uint8_t tool_index;
    uint8_t reserved;
    uint32_t text_bytes, id_bytes, name_bytes, logprobs_bytes; /* follow in this order */
};

struct frame_stats { /* of the choice whose sum is smallest */
    double sum_logprob, min_logprob, first_logprob, min_margin, mean_entropy, p;
    uint32_t tokens;
    uint8_t final, refusal, bad_tool_call, calibrated;
};

struct frame_end {
    uint8_t err;       /* enum err */
    uint8_t finish[8]; /* enum finish by choice */
    uint8_t reserved[7];
    int64_t input_tokens, output_tokens, cached_tokens, reasoning_tokens;
    uint32_t text_bytes; /* error text follows */
};

struct frame_load {
    uint32_t running, queued, slots;
    float tokens_per_s, prompt_tokens_per_s;
    uint64_t memory_bytes;
};

/* Appends header and payload. */
void frame_write(struct text *out, enum frame_type type, uint32_t request, struct span payload);
/* Looks at the front of `in`: OK with header and payload (borrowed) when a whole frame is there, and its total size;
 * ERR_CANCELLED when more bytes are needed; ERR_INVALID when the peer broke the format. */
enum err frame_peek(struct span in, struct frame_header *out_header, struct span *out_payload,
                    size_t *out_size) MUST_USE;

#endif
