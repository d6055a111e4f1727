/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request bytes, twice: to the parser whole and in steps (the result must be the
 * same), and to a real server over a Unix socket (no crash, no leak, no request
 * without a valid path, every connection ends).
 */
#include "http/message.h"
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 4096
#define MESSAGES_MAX 8

/* ---- the parser ---- */

static bool hash_body(void *user, struct span bytes)
{
    struct text *trace = user;
    text_add(trace, bytes);
    return trace->len < BODY_MAX;
}

/* Everything the parser says about the bytes, as text. */
static void trace_parse(struct span bytes, size_t step, struct text *trace)
{
    struct head_spare spare = {0};
    for (int i = 0; i < MESSAGES_MAX && bytes.len; i++) {
        struct arena *a = arena_new();
        struct headers headers;
        headers_init(&headers, a);
        struct message m;
        message_start(&m, true, &spare, hash_body, trace);
        enum message_result result = MESSAGE_MORE;
        while (bytes.len && result == MESSAGE_MORE) {
            struct span portion = span_first(bytes, step);
            size_t fed = portion.len;
            while ((result = message_feed(&m, &portion)) == MESSAGE_HEAD) {
                struct span method;
                struct span target;
                struct span path = SPAN_NONE;
                struct span query = SPAN_NONE;
                message_take_head(&m, &headers, &method, &target);
                bool valid = target_split(a, target, &path, &query);
                ASSERT(!valid || (path.len > 0 && !memchr(path.data, '\0', path.len)));
                text_addf(trace, "%.*s %.*s %d\n", SPAN_ARG(method), SPAN_ARG(target), valid);
                for (size_t k = 0; k < headers.count; k++) {
                    text_addf(trace, "%.*s=%.*s\n", SPAN_ARG(headers.items[k].name),
                              SPAN_ARG(headers.items[k].value));
                    ASSERT(!memchr(headers.items[k].value.data, '\0', headers.items[k].value.len));
                }
            }
            bytes = span_from(bytes, fed - portion.len);
        }
        message_end(&m);
        arena_free(a);
        text_addf(trace, "\n%d\n", (int)result);
        if (result != MESSAGE_DONE) {
            break;
        }
    }
    head_spare_done(&spare);
}

/* ---- the server ---- */

static struct loop *loop;
static struct http_server *server;
static char address[64];

static void on_request(void *user, struct http_exchange *x, const struct http_request *r)
{
    (void)user;
    ASSERT(r->path.len > 0 && r->body.len <= BODY_MAX);
    if (r->body.len % 3 == 1) {
        http_answer_begin(x, 200, NULL);
        http_answer_write(x, r->body);
        http_answer_end(x);
    } else if (r->body.len % 3 == 2) {
        http_answer_cut(x);
    } else {
        http_answer(x, 200, &r->headers, r->target);
    }
}

static const struct http_server_type type = {.on_request = on_request};

static void close_socket_file(void)
{
    unlink(address + 5);
}

static void start_server(void)
{
    int fd = -1;
    struct fault fault;
    snprintf(address, sizeof address, "unix:/tmp/weir-request-fuzz-%d", (int)getpid());
    enum err err = http_listen(address, &fd, NULL, &fault);
    ASSERT(err == OK);
    atexit(close_socket_file);
    loop = loop_new();
    server =
        http_server_new(loop, &(struct http_server_options){.body_max = BODY_MAX}, &type, NULL);
    http_server_listen(server, fd);
}

static void serve(struct span bytes)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", address + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int rc = connect(fd, (struct sockaddr *)&sun, sizeof sun);
    ASSERT(rc == 0);
    size_t half = bytes.len / 2;
    char answer[4096];
    for (int part = 0; part < 2; part++) {
        struct span s = part ? span_from(bytes, half) : span_first(bytes, half);
        ssize_t n = send(fd, s.data ? s.data : "", s.len, MSG_NOSIGNAL);
        (void)n;
        for (int i = 0; i < 4; i++) {
            loop_run_once(loop, 0);
        }
        n = recv(fd, answer, sizeof answer, 0);
        ASSERT(n < 9 || memcmp(answer, "HTTP/1.1 ", 9) == 0 || part == 1);
    }
    close(fd);
    for (int i = 0; i < 1000 && http_server_connections(server); i++) {
        loop_run_once(loop, 0);
    }
    ASSERT(http_server_connections(server) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server) {
        start_server();
    }
    if (size == 0) {
        return 0;
    }
    struct span bytes = span_of((const char *)data, size);
    struct text whole;
    struct text steps;
    text_init(&whole, 4 * MIB);
    text_init(&steps, 4 * MIB);
    trace_parse(bytes, SIZE_MAX, &whole);
    trace_parse(bytes, 1 + size % 7, &steps);
    ASSERT(span_eq(text_span(&whole), text_span(&steps)));
    text_done(&whole);
    text_done(&steps);
    serve(bytes);
    return 0;
}
