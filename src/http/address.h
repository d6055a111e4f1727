/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "127.0.0.1:80", "[::1]:80", "host:80" and "unix:/path", as socket addresses.
 * Internal to http/. Never asks a name server: a name stays a name, except
 * "localhost", which is 127.0.0.1 and then ::1 by definition (RFC 6761, 6.3).
 */
#ifndef WEIR_HTTP_ADDRESS_H
#define WEIR_HTTP_ADDRESS_H

#include "base/span.h"

#include <sys/socket.h>

#define ADDRESSES_MAX 4

struct address {
    struct sockaddr_storage sock;
    socklen_t len;
};

struct address_list {
    struct address items[ADDRESSES_MAX];
    size_t count; /* 0: `host` is a name that must be looked up */
    char host[256];
    char port[6];
};

bool address_parse(const char *text, struct address_list *out);
/* Puts `port` into an address that a lookup gave. */
void address_set_port(struct address *a, uint16_t port);
#define ADDRESS_TEXT_BYTES 128
void address_format(const struct address *a,
                    char out[ADDRESS_TEXT_BYTES]); /* as address_parse() takes it */
bool address_is_loopback(const struct address *a); /* Unix sockets too */

#endif
