/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside config/: the addresses a config may hold, taken apart and judged.
 *
 *   a backend's   http://host[:port][/path]   https://…   unix:/path[:/v1]
 *   a listener's  host:port   [v6]:port   unix:/path
 */
#ifndef WEIR_CONFIG_URL_H
#define WEIR_CONFIG_URL_H

#include "base/span.h"

struct url {
    bool https, is_unix;
    struct span host; /* without brackets; the path of a Unix socket */
    int port;         /* 0: not given */
    struct span path; /* "/v1"; without slashes at its end */
};

/* NULL when fine, else what is wrong with it (static; never quotes the URL: it may hold a password). */
const char *url_parse(struct span s, struct url *out);
const char *listen_parse(struct span s, struct url *out);
bool host_is_loopback(struct span host); /* 127.0.0.0/8, ::1, localhost */
bool host_is_nearby(
    struct span host); /* loopback, a private or link-local network, a name without dots, *.local */

#endif
