/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider that misbehaves on demand: a real server on real sockets, plain and
 * TLS, one thread per connection. It speaks OpenAI's chat completions at
 * …/chat/completions and Anthropic's messages at …/messages.
 *
 * What it does with a request is chosen by a script's name, taken from the path
 * (`/script/NAME/v1/chat/completions`), else from the body (`[[NAME]]` in a message),
 * else from its `model`; an unknown name means `ok`. The scripts are the table in bad_upstream.c.
 *
 * Everything received is counted and kept (to look for canaries):
 *   GET /_log    one JSON object a line: {"n","script","path","head","body","bytes","gone_ms"}
 *   GET /_count  {"requests":N}
 *   POST /_reset forgets both
 *
 * Two ports: plain, and TLS with a certificate for localhost, 127.0.0.1 and
 * provider.example signed by a CA that is made at start; the CA's PEM goes to a
 * file for the client. The plain port is a proxy too, which leads to itself.
 * Used inside tests, and as the program `bad_upstream` by tests/faults.
 */
#ifndef WEIR_TESTS_SUPPORT_BAD_UPSTREAM_H
#define WEIR_TESTS_SUPPORT_BAD_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

struct bad_upstream;

struct bad_options {
    const char *ca_file; /* where the CA's PEM is written; NULL = no TLS port */
    int port, tls_port;  /* 0 = any */
};

struct bad_upstream *bad_upstream_start(
    const struct bad_options *options); /* aborts when it cannot */
void bad_upstream_stop(struct bad_upstream *b);
int bad_upstream_port(const struct bad_upstream *b);
int bad_upstream_tls_port(const struct bad_upstream *b);
int bad_upstream_h2_port(const struct bad_upstream *b); /* TLS that speaks nothing but HTTP/2 */
int bad_upstream_requests(struct bad_upstream *b);
/* Milliseconds from the last request's arrival until its client was seen to leave; -1 = it stayed. */
long bad_upstream_gone_ms(struct bad_upstream *b);
/* Did any request hold these bytes, anywhere? */
bool bad_upstream_saw(struct bad_upstream *b, const char *bytes);
void bad_upstream_reset(struct bad_upstream *b);

#endif
