/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the system's resolver for a host name without blocking the loop: one
 * short-lived thread per question (getaddrinfo() may take many seconds and cannot
 * be interrupted). Internal to http/; numeric addresses never come here.
 *
 * Ends with one call of `fn` on the loop thread, or with lookup_cancel() and no
 * call. The thread may outlive a cancelled lookup and then cleans up by itself.
 */
#ifndef WEIR_HTTP_LOOKUP_H
#define WEIR_HTTP_LOOKUP_H

#include "http/address.h"
#include "loop/loop.h"

struct lookup;

/* `found->count` is 0 when there is no such host; then `why` says so. Both borrowed. */
typedef void lookup_fn(void *user, const struct address_list *found, const char *why);

struct lookup *lookup_start(struct loop *loop, const struct address_list *wanted, lookup_fn *fn,
                            void *user);
void lookup_cancel(struct lookup *l); /* NULL is fine */

#endif
