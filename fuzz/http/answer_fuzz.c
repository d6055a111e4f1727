/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answer bytes to the client, through a real connection: the peer sends half,
 * then the rest, then closes. Every call ends exactly once, on_head comes before
 * on_body, the body keeps to its limit. A second call follows, which may find
 * the connection reused or dead.
 */
#include "http/client.h"
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 2048

struct seen {
    int heads, ends;
    size_t body;
};

static void on_head(void *user, int status, const struct headers *headers)
{
    struct seen *s = user;
    s->heads++;
    ASSERT(status >= 200 && headers->count <= HEADERS_MAX);
}

static void on_body(void *user, struct span bytes)
{
    struct seen *s = user;
    s->body += bytes.len;
    ASSERT(s->heads == 1 && s->ends == 0 && s->body <= BODY_MAX);
}

static void on_end(void *user, enum http_end end, const char *detail)
{
    struct seen *s = user;
    s->ends++;
    ASSERT(s->ends == 1 && detail);
    ASSERT(end != HTTP_END_OK || s->heads == 1);
}

static const struct http_call_type type = {on_head, on_body, on_end};
static struct loop *loop;
static char address[64];
static int listener = -1;

static void close_socket_file(void)
{
    unlink(address + 5);
}

static void setup(void)
{
    snprintf(address, sizeof address, "unix:/tmp/weir-answer-fuzz-%d", (int)getpid());
    struct fault fault;
    enum err err = http_listen(address, &listener, NULL, &fault);
    ASSERT(err == OK);
    atexit(close_socket_file);
    loop = loop_new();
}

static void rounds(int n)
{
    for (int i = 0; i < n; i++) {
        loop_run_once(loop, 0);
    }
}

static void say(int fd, struct span s)
{
    ssize_t n = send(fd, s.data ? s.data : "", s.len, MSG_NOSIGNAL);
    (void)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (listener < 0) {
        setup();
    }
    if (size == 0) {
        return 0;
    }
    struct span bytes = span_of((const char *)data + 1, size - 1);
    struct http_client *client = http_client_new(loop, 2);
    struct http_call_options options = {
        .address = address,
        .path = "/",
        .method = data[0] & 1 ? "HEAD" : "POST",
        .body_max = BODY_MAX,
    };
    struct seen first = {0};
    struct seen second = {0};
    http_call_start(client, &options, &type, &first);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ASSERT(fd >= 0);
    rounds(2);
    say(fd, span_first(bytes, bytes.len / 2));
    rounds(2);
    say(fd, span_from(bytes, bytes.len / 2));
    rounds(2);
    http_call_start(client, &options, &type, &second);
    rounds(2);
    close(fd);
    int other = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (other >= 0) {
        close(other);
    }
    rounds(4);
    ASSERT(first.ends == 1 && second.ends == 1);
    http_client_free(client);
    return 0;
}
