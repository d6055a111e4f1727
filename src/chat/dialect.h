/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wire dialects ↔ core. Each dialect is one file (openai.c, anthropic.c) with two
 * sides:
 *
 *   inbound   what clients send us and want to read: decode a request, then write
 *             either one whole answer or a stream of events
 *   outbound  what we send a provider and read back: encode the neutral request,
 *             then decode its stream of events into deltas
 *
 * Everything is pure text work: no sockets, no clock. Decoders take any bytes.
 */
#ifndef WEIR_CHAT_DIALECT_H
#define WEIR_CHAT_DIALECT_H

#include "core/delta.h"
#include "core/receipt.h"
#include "flow/leg.h"
#include "http/headers.h"

/* ---- inbound ---- */

/* Reads and checks a request body. Everything goes into `arena`. Unknown fields stay; wrong types, NaN and
 * absurd numbers are ERR_INVALID naming the field (`out_param` gets its name, static or in the arena). */
enum err openai_decode_chat(struct arena *arena, struct span body, struct request *out,
                            const char **out_param, struct fault *fault) MUST_USE;
enum err openai_decode_completion(struct arena *arena, struct span body, struct request *out,
                                  const char **out_param, struct fault *fault) MUST_USE;
/* `X-Weir-*` headers and the body's `weir` object → request->options. */
enum err options_decode(struct request *r, const struct headers *headers, const char **out_param,
                        struct fault *fault) MUST_USE;

/* An answer in the making, in OpenAI's shape; embedded in the server's sink. Only openai_answer.c looks inside. */
struct openai_answer {
    const struct request *request;
    int64_t created;  /* seconds since 1970 */
    struct text head; /* streaming: what every chunk begins with, up to the choice's index */
    bool begun;
    struct text body;            /* whole: all pieces one after the other, at most 8 MiB */
    struct openai_piece *pieces; /* whole: what which bytes of `body` are */
    size_t pieces_count, pieces_capacity;
    struct openai_choice *choices; /* in the request's arena */
    int choices_count;
};
void openai_answer_init(struct openai_answer *a, const struct request *r);
void openai_answer_done(struct openai_answer *a);
/* Streaming: appends whole SSE events. begin = the role chunk of each choice. */
void openai_stream_begin(struct openai_answer *a, const struct receipt *r, struct text *out);
void openai_stream_delta(struct openai_answer *a, const struct receipt *r, const struct delta *d,
                         struct text *out);
/* Finish chunks, usage chunk if asked, `weir` on exactly one chunk, [DONE]; after an error the error event and no [DONE]. */
void openai_stream_end(struct openai_answer *a, const struct receipt *r, const struct leg_end *end,
                       struct text *out);
/* Whole: collect, then write. ERR_TOO_LARGE past 8 MiB. */
enum err openai_collect(struct openai_answer *a, const struct delta *d) MUST_USE;
void openai_whole_end(struct openai_answer *a, const struct receipt *r, const struct leg_end *end,
                      struct text *out);
/* {"error":{message,type,param,code}} */
void openai_error_body(enum err err, const char *text, const char *param, struct text *out);

/* ---- outbound ---- */

struct decoder;

struct decoder_events {
    void (*delta)(void *user, const struct delta *d);
};

struct outbound_type {
    const char *name; /* "openai", "anthropic" */
    const char *path; /* after backend->url: "/chat/completions", "/messages" */
    /* The neutral request as this provider's JSON: always stream, usage asked for, max tokens bounded. */
    enum err (*encode)(const struct request *r, const struct backend *b,
                       const struct leg_options *o, struct text *out, struct fault *fault);
    /* Authorization and version headers for this backend. */
    void (*headers)(const struct backend *b, struct headers *out);
    struct decoder *(*decoder_new)(const struct request *r, const struct backend *b);
    void (*decoder_free)(struct decoder *d);
    /* One SSE event. ERR_UPSTREAM on broken JSON, an in-band error, invalid UTF-8 … (fault says what). */
    enum err (*event)(struct decoder *d, struct span event, struct span data,
                      const struct decoder_events *to, void *user, struct fault *fault);
    /* The provider answered a stream request with one JSON object: decode it as a whole. */
    enum err (*whole)(struct decoder *d, struct span body, const struct decoder_events *to,
                      void *user, struct fault *fault);
    /* The answer is complete and nothing more can come ([DONE], message_stop): no need to wait for the bytes' end. */
    bool (*done)(const struct decoder *d);
    /* The bytes ended. Fills finish, usage, model. ERR_UPSTREAM when the stream was not properly closed. */
    enum err (*end)(struct decoder *d, struct leg_end *out, struct fault *fault);
    /* A non-200 body → one line for the receipt, without secrets; status and retry-after are read elsewhere. */
    void (*error_text)(struct span body, struct text *out);
};

extern const struct outbound_type outbound_openai, outbound_anthropic;
const struct outbound_type *outbound_for(
    enum api api); /* ollama speaks openai under /v1; NULL for API_LOCAL */
/* A non-200 body as one line, the provider's own words in RECEIPT_QUOTEs: what `error_text` of every dialect does. */
void outbound_error_text(struct span body, struct text *out);
/* ERR_CONTEXT_LENGTH or ERR_RATE_LIMITED when a non-200 body says so, else ERR_UPSTREAM. */
enum err outbound_error_kind(struct span body);
/* Appends `s` made fit for receipts and clients: one line, no addresses, no keys, no curly quotes, at
 * most 300 bytes. */
void outbound_add_clean(struct text *out, struct span s);

#endif
