/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong: the address is taken (SO_REUSEADDR only forgives sockets in
 * TIME_WAIT; a second live listener still fails, which is what we want); a Unix
 * socket file was left behind by a process that died. Such a file refuses
 * connections and is replaced; a live one is an error. Between the probe and
 * bind() another process may win: bind() then fails and says so.
 */
#include "http/address.h"
#include "http/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *reason(void)
{
    switch (errno) {
    case EADDRINUSE:
        return "address already in use";
    case EADDRNOTAVAIL:
        return "this machine has no such address";
    case EACCES:
        return "permission denied";
    default:
        return strerror(errno);
    }
}

/* True when the path is free to bind. */
static bool clear_stale_socket(const struct address *a)
{
    const char *path = ((const struct sockaddr_un *)(const void *)&a->sock)->sun_path;
    struct stat st;
    if (lstat(path, &st) != 0) {
        return true;
    }
    errno = EADDRINUSE;
    if (!S_ISSOCK(st.st_mode)) {
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return false;
    }
    bool stale =
        connect(probe, (const struct sockaddr *)&a->sock, a->len) != 0 && errno == ECONNREFUSED;
    close(probe);
    errno = EADDRINUSE;
    return stale && unlink(path) == 0;
}

static bool bind_and_listen(int fd, const struct address *a)
{
    int on = 1;
    if (a->sock.ss_family == AF_UNIX) {
        if (!clear_stale_socket(a)) {
            return false;
        }
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (a->sock.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    return bind(fd, (const struct sockaddr *)&a->sock, a->len) == 0 && listen(fd, SOMAXCONN) == 0;
}

enum err http_listen(const char *address, int *out_fd, char *out_bound, struct fault *fault)
{
    struct address_list list;
    if (!address_parse(address, &list) || list.count == 0) {
        return fault_set(fault, ERR_INVALID,
                         "cannot listen on %s: expected IP:PORT, [IPV6]:PORT, localhost:PORT or "
                         "unix:/path",
                         address);
    }
    const struct address *a = &list.items[0];
    int fd = socket(a->sock.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !bind_and_listen(fd, a)) {
        enum err err = fault_set(fault, ERR_IO, "cannot listen on %s: %s", address, reason());
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    if (out_bound) {
        struct address bound = {.len = sizeof bound.sock};
        if (getsockname(fd, (struct sockaddr *)&bound.sock, &bound.len) == 0) {
            address_format(&bound, out_bound);
        } else {
            snprintf(out_bound, ADDRESS_TEXT_BYTES, "%s", address);
        }
    }
    *out_fd = fd;
    return OK;
}
