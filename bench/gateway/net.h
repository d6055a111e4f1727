/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the load generator and the mock upstream share: clock, sockets, epoll
 * with a nanosecond time-out, bounded buffers. Both are one thread each, speak
 * to loopback only, and end the process on anything unexpected: a benchmark
 * that goes on after an error measures something else.
 */
#ifndef BENCH_GATEWAY_NET_H
#define BENCH_GATEWAY_NET_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static inline uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline void *need(void *p)
{
    if (!p) {
        die("out of memory");
    }
    return p;
}

/* As many descriptors as the system lets us have. */
static inline void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline struct sockaddr_in loopback(const char *port)
{
    char *end;
    long number = strtol(port, &end, 10);
    if (*end || number < 0 || number > 65535) {
        die("'%s' is not a port", port);
    }
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static inline void set_nodelay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline void watch(int epoll, int op, int fd, uint32_t events, void *user)
{
    struct epoll_event ev = {.events = events, .data.ptr = user};
    if (epoll_ctl(epoll, op, fd, &ev) != 0) {
        die("epoll_ctl: %s", strerror(errno));
    }
}

/* Waits until something happens or `deadline_ns` (0 = forever). */
static inline int wait_until(int epoll, struct epoll_event *events, int max, uint64_t deadline_ns)
{
    struct timespec timeout = {0};
    if (deadline_ns) {
        uint64_t now = now_ns();
        uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
        timeout.tv_sec = (time_t)(left / 1000000000u);
        timeout.tv_nsec = (long)(left % 1000000000u);
    }
    int n = epoll_pwait2(epoll, events, max, deadline_ns ? &timeout : NULL, NULL);
    if (n < 0 && errno != EINTR) {
        die("epoll_pwait2: %s", strerror(errno));
    }
    return n < 0 ? 0 : n;
}

/* Case-insensitive search for a header's value in the bytes of a message head. */
static inline const char *head_value(const char *head, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + n + 1 < len; i++) {
        if (head[i] == '\n' && strncasecmp(head + i + 1, name, n) == 0 && head[i + 1 + n] == ':') {
            const char *value = head + i + 2 + n;
            while (*value == ' ') {
                value++;
            }
            return value;
        }
    }
    return NULL;
}

#endif
