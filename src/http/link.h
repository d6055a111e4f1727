/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How is the way to the other end? What the kernel measured on a TCP connection while
 * it was used anyway (tcp(7), TCP_INFO): nothing is sent for it.
 */
#ifndef WEIR_HTTP_LINK_H
#define WEIR_HTTP_LINK_H

#include <stdint.h>

/* The smoothed round trip (RFC 6298) in microseconds; -1 = unknown, or no TCP. */
int64_t link_rtt_us(int fd);

#endif
