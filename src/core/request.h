/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The neutral request: what a client asked, whatever dialect it spoke.
 *
 * Its body is an OpenAI chat-completions object. That dialect is the widest one,
 * every field that Weir does not know travels in it unchanged, and each other
 * dialect has a written translation to and from it (chat/). The fields beside
 * the body are those the gateway itself decides by; all are checked by the
 * dialect's decoder before a struct request exists.
 *
 * Everything lives in `arena`, which the flow owns and frees when it is over.
 */
#ifndef WEIR_CORE_REQUEST_H
#define WEIR_CORE_REQUEST_H

#include "base/arena.h"
#include "core/types.h"
#include "json/json.h"

struct scan_memo;

enum endpoint { ENDPOINT_CHAT, ENDPOINT_COMPLETION };

/* What headers `X-Weir-*` and the body's `weir` object may say; the header wins. */
struct request_options {
    enum mode mode; /* default MODE_AUTO */
    bool mode_given;
    enum privacy_level privacy; /* may only tighten policy */
    bool privacy_given;
    struct span strategy;      /* SPAN_NONE = policy's */
    struct span session;       /* SPAN_NONE = by leading turns */
    struct span consent;       /* X-Weir-Consent: an id of POST /weir/v1/consent; SPAN_NONE */
    int64_t max_latency_ms;    /* to the first token; 0 = none */
    int64_t max_cost_usd_nano; /* -1 = none */
    double quality;            /* 0..1; < 0 = policy's */
    bool disclose_model;       /* `disclose: model`: say "(offline)" in the body's model */
    bool deterministic;        /* local engine: batch-invariant, greedy unless asked otherwise */
};

struct request {
    struct arena *arena;
    char id[31];                   /* "req_…", also X-Request-Id */
    struct span client;            /* API key name; SPAN_NONE without auth */
    struct span client_request_id; /* X-Client-Request-Id */
    enum endpoint endpoint;
    const struct json *body; /* canonical body; `weir` may still be in it and is never passed on */
    const struct json *messages; /* array inside body */
    struct span prompt; /* ENDPOINT_COMPLETION: raw text for a local model; else SPAN_NONE */
    struct span model;  /* as asked: "auto", a tier, a backend, an alias */
    struct request_options options;
    bool stream;
    bool include_usage;
    bool logprobs;
    bool has_tools;
    bool has_images;    /* any content part that is not text */
    bool json_object;   /* response_format json_object */
    bool json_schema;   /* response_format json_schema */
    int n;              /* choices, >= 1 */
    int64_t max_tokens; /* max_completion_tokens or max_tokens; 0 = not given */
    size_t body_bytes;  /* as received */
    const struct json
        *headers; /* object name → value (lower-case names), for `when: header`; no credentials */
    struct scan_memo
        *scans;           /* privacy/memo.h: what was found in which string; NULL = not scanned */
    uint64_t received_us; /* monotonic; start of all times on the receipt */
    uint64_t wall_us;
};

#endif
