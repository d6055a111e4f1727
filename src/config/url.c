/* SPDX-License-Identifier: Apache-2.0 */
#include "config/url.h"

#include <arpa/inet.h>
#include <stdio.h>

#define URL_BYTES_MAX 2048
#define HOST_BYTES_MAX 253
#define UNIX_PATH_BYTES_MAX 107 /* sockaddr_un */

static bool has_odd_byte(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c)) {
            return true;
        }
    }
    return false;
}

static bool is_host(struct span s)
{
    if (s.len == 0 || s.len > HOST_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("._-", c))) {
            return false;
        }
    }
    return true;
}

static bool v6(struct span s, struct in6_addr *out)
{
    char text[64];
    if (s.len >= sizeof text) {
        return false;
    }
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(s));
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool v4(struct span s, uint32_t *out)
{
    char text[32];
    struct in_addr a;
    if (s.len >= sizeof text) {
        return false;
    }
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(s));
    if (inet_pton(AF_INET, text, &a) != 1) {
        return false;
    }
    *out = ntohl(a.s_addr);
    return true;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static const char *parse_authority(struct span s, struct url *out)
{
    struct span port = SPAN_NONE;
    if (s.len && s.data[0] == '[') {
        size_t end = span_find_char(s, ']', 0);
        struct in6_addr address;
        if (end == SIZE_MAX || !v6(span_of(s.data + 1, end - 1), &address)) {
            return "the address in brackets is no IPv6 address";
        }
        out->host = span_of(s.data + 1, end - 1);
        struct span rest = span_from(s, end + 1);
        if (rest.len && rest.data[0] != ':') {
            return "after `]` only `:PORT` may follow";
        }
        port = rest.len ? span_from(rest, 1) : SPAN_NONE;
    } else {
        size_t colon = span_find_char(s, ':', 0);
        out->host = span_first(s, colon);
        port = colon == SIZE_MAX ? SPAN_NONE : span_from(s, colon + 1);
        if (!is_host(out->host)) {
            return "the host is missing or holds a character that no host name has (IPv6 goes in brackets)";
        }
    }
    int64_t number = 0;
    if (span_given(port)) {
        if (port.len > 5 || !span_to_i64(port, &number) || number < 0 || number > 65535) {
            return "the port must be a number up to 65535";
        }
        out->port = (int)number;
    }
    return NULL;
}

/* "unix:/path" or, for backends, "unix:/path:/v1". */
static const char *parse_unix(struct span s, bool with_path, struct url *out)
{
    struct span rest = span_from(s, 5);
    out->is_unix = true;
    out->host = with_path ? span_cut(&rest, ':') : rest;
    out->path = with_path ? rest : SPAN("");
    if (out->path.len && out->path.data[0] != '/') {
        return "after unix:/SOCKET: comes a path like /v1";
    }
    if (out->host.len < 2 || out->host.data[0] != '/') {
        return "after unix: comes the absolute path of a socket";
    }
    return out->host.len > UNIX_PATH_BYTES_MAX ? "the path of a Unix socket has at most 107 bytes"
                                               : NULL;
}

const char *url_parse(struct span s, struct url *out)
{
    *out = (struct url){0};
    if (s.len > URL_BYTES_MAX) {
        return "longer than 2048 bytes";
    }
    if (span_starts(s, SPAN("unix:"))) {
        return parse_unix(s, true, out);
    }
    out->https = span_starts_nocase(s, SPAN("https://"));
    if (!out->https && !span_starts_nocase(s, SPAN("http://"))) {
        return "expected http://HOST[:PORT][/PATH], https://HOST… or unix:/PATH";
    }
    if (has_odd_byte(s)) {
        return "holds a space or a character that belongs in no URL";
    }
    if (span_find_char(s, '@', 0) != SIZE_MAX) {
        return "must not hold a user or password; secrets come from key_env or key_file";
    }
    if (span_find_char(s, '?', 0) != SIZE_MAX || span_find_char(s, '#', 0) != SIZE_MAX) {
        return "must not hold `?` or `#`";
    }
    struct span rest = span_from(s, out->https ? 8 : 7);
    size_t slash = span_find_char(rest, '/', 0);
    const char *wrong = parse_authority(span_first(rest, slash), out);
    if (wrong) {
        return wrong;
    }
    if (span_ends(span_first(rest, slash), SPAN(":0"))) {
        return "port 0 is no address to connect to";
    }
    out->path = slash == SIZE_MAX ? SPAN("") : span_from(rest, slash);
    while (out->path.len && out->path.data[out->path.len - 1] == '/') {
        out->path.len--;
    }
    return NULL;
}

const char *listen_parse(struct span s, struct url *out)
{
    *out = (struct url){0};
    if (span_starts(s, SPAN("unix:"))) {
        return parse_unix(s, false, out);
    }
    const char *wrong = parse_authority(s, out);
    if (wrong) {
        return wrong;
    }
    size_t tail = span_find_char(s, ']', 0);
    if (span_find_char(s, ':', tail == SIZE_MAX ? 0 : tail) == SIZE_MAX) {
        return "the port is missing: HOST:PORT, [IPV6]:PORT or unix:/PATH";
    }
    return NULL;
}

bool host_is_loopback(struct span host)
{
    uint32_t a = 0;
    struct in6_addr b;
    if (v4(host, &a)) {
        return a >> 24 == 127;
    }
    if (v6(host, &b)) {
        return IN6_IS_ADDR_LOOPBACK(&b) || (IN6_IS_ADDR_V4MAPPED(&b) && b.s6_addr[12] == 127);
    }
    return span_eq_nocase(host, SPAN("localhost"));
}

bool host_is_nearby(struct span host)
{
    uint32_t a = 0;
    struct in6_addr b;
    if (host_is_loopback(host)) {
        return true;
    }
    if (v4(host, &a)) {
        return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe;
    }
    if (v6(host, &b)) {
        return IN6_IS_ADDR_LINKLOCAL(&b) || (b.s6_addr[0] & 0xfe) == 0xfc;
    }
    return span_find_char(host, '.', 0) == SIZE_MAX || span_ends(host, SPAN(".local"));
}
