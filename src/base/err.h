/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list of everything that can go wrong, as the caller must tell it apart.
 *
 * Each line: name, wire code (the `code` of the JSON error body), HTTP status,
 * and the sentence used when nothing more precise is known. Functions return
 * `enum err` (0 = OK); results go out through `out_*` parameters, which stay
 * untouched on failure. Where a human must act, a `struct fault` travels with
 * it: the code plus one line of text that names the thing and the fix.
 * Layers prefix a few words with fault_prefix() ("upstream openai: tls: …").
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include "base/base.h"

#define ERR_LIST(X)                                                                                \
    X(OK, "ok", 200, "no error")                                                                   \
    X(ERR_INVALID, "invalid_request", 400, "the request is not valid")                             \
    X(ERR_CONTEXT_LENGTH, "context_length_exceeded", 400, "the prompt is too long for the model")  \
    X(ERR_UNAUTHORIZED, "unauthorized", 401, "a valid API key is needed")                          \
    X(ERR_BUDGET, "budget_exhausted", 402, "the budget is used up")                                \
    X(ERR_POLICY, "policy_forbids", 403, "policy forbids this")                                    \
    X(ERR_NOT_FOUND, "not_found", 404, "there is nothing here")                                    \
    X(ERR_MODEL_NOT_FOUND, "model_not_found", 404, "there is no such model")                       \
    X(ERR_METHOD, "method_not_allowed", 405, "this path does not take that method")                \
    X(ERR_TOO_LARGE, "request_too_large", 413, "the request is too large")                         \
    X(ERR_HEADERS_TOO_LARGE, "headers_too_large", 431, "the headers are too large")                \
    X(ERR_RATE_LIMITED, "rate_limited", 429, "too many requests")                                  \
    X(ERR_INTERNAL, "internal", 500, "something went wrong inside weir")                           \
    X(ERR_UPSTREAM, "upstream_failed", 502, "the backend failed")                                  \
    X(ERR_NO_BACKEND, "no_backend_available", 503, "no backend can answer")                        \
    X(ERR_OVERLOADED, "overloaded", 503, "too busy, try again")                                    \
    X(ERR_DEADLINE, "deadline_exceeded", 504, "the backend was too slow")                          \
    X(ERR_IO, "io", 500, "reading or writing failed")                                              \
    X(ERR_NO_MEMORY, "no_memory", 500, "not enough memory")                                        \
    X(ERR_CANCELLED, "cancelled", 499, "the client left")

enum err {
#define X(name, code, status, sentence) name,
    ERR_LIST(X)
#undef X
        ERR_COUNT,
};

struct fault {
    enum err code;
    char text[400];
};

const char *err_code(enum err err);     /* wire code, static */
const char *err_sentence(enum err err); /* static */
int err_http_status(enum err err);

/* Sets code and text; returns `code` so that `return fault_set(...)` reads well. `fault` may be NULL. */
enum err fault_set(struct fault *fault, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts words in front of the text that is there. `fault` may be NULL. */
void fault_prefix(struct fault *fault, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
