/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths that tell about Weir itself: explain, redact, receipts, report, feedback,
 * status, the offline switch, health and metrics. Each reads what the parts
 * already know; none of them can change a decision but the offline switch.
 */
#ifndef WEIR_ADMIN_ADMIN_H
#define WEIR_ADMIN_ADMIN_H

#include "server/gateway.h"
#include "server/server.h"

struct admin;

struct admin *admin_new(struct server *s, struct gateway *g);
void admin_free(struct admin *a);

/* Prometheus text format 0.0.4 of all workers' counters and the backends' states. */
void metrics_write(struct gateway *g, struct text *out);

#endif
