/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Is this local model really local?" Ollama can run a model on its maker's
 * servers behind the same address ("gpt-oss:120b-cloud"), which would send a
 * prompt that policy keeps on the device to the internet. So before the first
 * request to a device backend that is (or may be) Ollama, POST /api/show is asked
 * about the model; one that names a remote host is refused. A good answer is
 * remembered for LOCAL_GOOD_MS, because a model can be replaced under its name.
 * Private to upstream/.
 */
#ifndef WEIR_UPSTREAM_LOCAL_H
#define WEIR_UPSTREAM_LOCAL_H

#include "core/backend.h"
#include "upstream/wire.h"

#define LOCAL_GOOD_MS 60000

struct locals;
struct local_check;

/* `err` OK: go ahead. Else `how` tells a transport failure from an answer (WIRE_OK) that forbids it. */
typedef void local_checked_fn(void *user, enum err err, enum wire_end how, const char *text);

struct locals *locals_new(struct loop *loop, struct wires *wires);
void locals_free(struct locals *l); /* after wires_free() */
bool locals_needs_check(const struct locals *l, const struct backend *b);
/* Exactly one call, never inside, unless cancelled. */
struct local_check *local_check_start(struct locals *l, const struct backend *b,
                                      local_checked_fn *fn, void *user);
void local_check_cancel(struct local_check *check);

#endif
