/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How commands talk to a Weir: the one that serves this config's ledger, or, when
 * none runs and `may_start` is set, one of our own for the time of the command: the
 * same supervisor, worker and engine as `weir serve`, on a private Unix socket.
 * Calls wait for their answer. WEIR_API_KEY is sent as the key.
 */
#ifndef WEIR_CLI_CLIENT_H
#define WEIR_CLI_CLIENT_H

#include "base/err.h"
#include "base/text.h"
#include "config/config.h"
#include "http/sse.h"

struct client;

struct client_options {
    const char *config_path; /* as cli_config_path() gave it */
    const char *model;       /* for a server of our own without a config */
    const char
        *ledger; /* in place of the config's: nobody serves it, so one of our own is started */
    const char *upstreams; /* see app_options */
    bool may_start;
    bool verbose; /* the own server's log shows */
};

/* ERR_NOT_FOUND when no server runs and none may be started; ERR_INVALID for a broken config (the text lists
 * every line). */
enum err client_open(const struct client_options *o, struct client **out,
                     struct fault *fault) MUST_USE;
void client_close(struct client *c); /* ends a server of our own; NULL is fine */
const struct config *client_config(const struct client *c);
const char *client_url(const struct client *c);
bool client_started_own(const struct client *c);

/* Gives the status and the body, or -1 and the fault. Extra header lines as "Name: value", NULL-terminated; NULL. */
int client_call(struct client *c, const char *method, const char *path, const char *const *headers,
                struct span body, struct text *out_body, struct fault *fault);
/* A streamed answer: each SSE event goes to `fn`. On another status than 200 the body is in `out_error`.
 * `out_request_id` (31 bytes, may be NULL) gets X-Request-Id. */
int client_stream(struct client *c, const char *path, const char *const *headers, struct span body,
                  sse_event_fn *fn, void *user, struct text *out_error, char *out_request_id,
                  struct fault *fault);
/* Ctrl-C during a stream: makes client_stream() return -1 with ERR_CANCELLED. Async-signal-safe. */
void client_interrupt(struct client *c);

#endif
