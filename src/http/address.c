/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static bool unix_address(struct span path, struct address *out)
{
    struct sockaddr_un *sun = (struct sockaddr_un *)(void *)&out->sock;
    if (path.len == 0 || path.len >= sizeof sun->sun_path) {
        return false;
    }
    sun->sun_family = AF_UNIX;
    memcpy(sun->sun_path, path.data, path.len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return true;
}

static bool add_v4(struct address_list *list, const char *host)
{
    struct address *a = &list->items[list->count];
    struct sockaddr_in *sin = (struct sockaddr_in *)(void *)&a->sock;
    if (inet_pton(AF_INET, host, &sin->sin_addr) != 1) {
        return false;
    }
    sin->sin_family = AF_INET;
    a->len = sizeof *sin;
    list->count++;
    return true;
}

static bool add_v6(struct address_list *list, const char *host)
{
    struct address *a = &list->items[list->count];
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)&a->sock;
    if (inet_pton(AF_INET6, host, &sin6->sin6_addr) != 1) {
        return false;
    }
    sin6->sin6_family = AF_INET6;
    a->len = sizeof *sin6;
    list->count++;
    return true;
}

static bool parse_port(struct span text, struct address_list *out)
{
    int64_t port = -1;
    if (text.len == 0 || text.len > 5 || text.data[0] == '-' || text.data[0] == '+' ||
        !span_to_i64(text, &port) || port < 0 || port > 65535) {
        return false;
    }
    snprintf(out->port, sizeof out->port, "%u", (unsigned)port);
    for (size_t i = 0; i < out->count; i++) {
        address_set_port(&out->items[i], (uint16_t)port);
    }
    return true;
}

bool address_parse(const char *text, struct address_list *out)
{
    *out = (struct address_list){0};
    struct span all = span_c(text);
    if (span_starts(all, SPAN("unix:"))) {
        out->count = 1;
        return unix_address(span_from(all, 5), &out->items[0]);
    }
    size_t colon = all.len;
    while (colon > 0 && all.data[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2) {
        return false;
    }
    struct span host = span_first(all, colon - 1);
    bool bracketed = host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (bracketed) {
        host = span_of(host.data + 1, host.len - 2);
    }
    if (host.len == 0 || host.len >= sizeof out->host) {
        return false;
    }
    memcpy(out->host, host.data, host.len);
    if (bracketed) {
        if (!add_v6(out, out->host)) {
            return false;
        }
    } else if (span_eq_nocase(host, SPAN("localhost"))) {
        add_v4(out, "127.0.0.1");
        add_v6(out, "::1");
    } else if (!add_v4(out, out->host)) {
        for (size_t i = 0; i < host.len; i++) { /* a name, or nothing */
            char c = host.data[i];
            bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
            if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') {
                return false;
            }
        }
    }
    return parse_port(span_from(all, colon), out);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (a->sock.ss_family == AF_INET) {
        ((struct sockaddr_in *)(void *)&a->sock)->sin_port = htons(port);
    } else if (a->sock.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)&a->sock)->sin6_port = htons(port);
    }
}

void address_format(const struct address *a, char out[ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->sock.ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)&a->sock;
        inet_ntop(AF_INET, &sin->sin_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT_BYTES, "%s:%u", host, ntohs(sin->sin_port));
    } else if (a->sock.ss_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(const void *)&a->sock;
        inet_ntop(AF_INET6, &sin6->sin6_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT_BYTES, "[%s]:%u", host, ntohs(sin6->sin6_port));
    } else {
        const struct sockaddr_un *sun = (const struct sockaddr_un *)(const void *)&a->sock;
        bool named = a->len > offsetof(struct sockaddr_un, sun_path);
        snprintf(out, ADDRESS_TEXT_BYTES, "unix:%.107s", named ? sun->sun_path : "");
    }
}

bool address_is_loopback(const struct address *a)
{
    if (a->sock.ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)&a->sock;
        return ntohl(sin->sin_addr.s_addr) >> 24 == 127;
    }
    if (a->sock.ss_family == AF_INET6) {
        const struct in6_addr *in6 =
            &((const struct sockaddr_in6 *)(const void *)&a->sock)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
    }
    return a->sock.ss_family == AF_UNIX;
}
