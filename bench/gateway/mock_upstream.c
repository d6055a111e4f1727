/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_mock_upstream PORT: a provider that costs next to nothing. One thread,
 * epoll, keep-alive, OpenAI chat completions. The model in the body decides:
 *
 *   m-fast   a 1.3 kB answer at once; asked to stream, the same text in 8 events in one write
 *   m-slow   64 deltas, 20 ms apart
 *   m-hold   one delta at once and every 5 s, until the client leaves (at most 10 minutes)
 *
 * Every delta of m-slow carries "t=NANOSECONDS", the monotonic time it was written at, so that a
 * client on the same machine knows how long it was under way. A body may hold
 * "cancel-NNNNNN"; when its connection closes before the answer ended, the time is kept
 * under that number. GET /stats gives what was counted, as JSON. Port 0 takes a free one; "PORT n" is printed.
 */
#include "net.h"

#define BODY_MAX (64 * 1024)
#define CANCELS_MAX 4096

enum pace { PACE_NONE, PACE_SLOW, PACE_HOLD };
static const uint64_t pace_ns[] = {0, 20000000u, 5000000000u};
static const int pace_deltas[] = {0, 64, 120};

struct conn {
    int fd;
    char *in;
    size_t in_len;
    char *out; /* what the socket did not take */
    size_t out_len, out_max;
    enum pace pace; /* a stream is under way */
    int deltas_left;
    int cancel; /* its number; 0 = none */
    uint64_t due_ns;
    struct conn *next, *prev; /* in the queue of its pace */
    bool dead;
    struct conn *next_dead;
};

static int epoll;
static struct conn
    queues[3]; /* heads; all of one pace wait equally long, so a queue is in order of time */
static struct conn *graveyard; /* freed after the round: an event may still point there */
static char fast_json[4096], fast_sse[8192];
static size_t fast_json_len, fast_sse_len;
static uint64_t cancel_ns[CANCELS_MAX];
static uint64_t requests, streams_ended, streams_cut, open_streams, accepted;

static void queue_remove(struct conn *c)
{
    if (c->next) {
        c->next->prev = c->prev;
        c->prev->next = c->next;
        c->next = c->prev = NULL;
    }
}

static void queue_append(struct conn *c)
{
    struct conn *head = &queues[c->pace];
    c->due_ns = now_ns() + pace_ns[c->pace];
    c->prev = head->prev;
    c->next = head;
    head->prev->next = c;
    head->prev = c;
}

static void conn_close(struct conn *c)
{
    if (c->dead) {
        return;
    }
    if (c->pace) {
        streams_cut++;
        open_streams--;
        if (c->cancel > 0 && c->cancel < CANCELS_MAX) {
            cancel_ns[c->cancel] = now_ns();
        }
    }
    queue_remove(c);
    close(c->fd);
    c->dead = true;
    c->next_dead = graveyard;
    graveyard = c;
}

static void conn_send(struct conn *c, const char *data, size_t len)
{
    if (c->out_len == 0) {
        ssize_t n = write(c->fd, data, len);
        if (n < 0 && errno != EAGAIN) {
            conn_close(c);
            return;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    if (len == 0) {
        return;
    }
    if (c->out_len + len > c->out_max) {
        c->out_max = (c->out_len + len) * 2;
        c->out = need(realloc(c->out, c->out_max));
    }
    memcpy(c->out + c->out_len, data, len);
    c->out_len += len;
    watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, c);
}

static size_t chunk(char *out, size_t max, const char *payload)
{
    return (size_t)snprintf(out, max, "%zx\r\n%s\r\n", strlen(payload), payload);
}

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

static size_t delta_event(char *out, size_t max, const char *model, const char *text, bool first)
{
    char event[1024];
    snprintf(
        event, sizeof event,
        "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"%s\",\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"%s\"},"
        "\"finish_reason\":null}]}\n\n",
        model, first ? "\"role\":\"assistant\"," : "", text);
    return chunk(out, max, event);
}

static size_t end_events(char *out, size_t max, const char *model)
{
    char event[1024];
    snprintf(
        event, sizeof event,
        "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"%s\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"%s\",\"choices\":[],\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":64,"
        "\"total_tokens\":184}}\n\ndata: [DONE]\n\n",
        model, model);
    size_t len = chunk(out, max, event);
    return len + (size_t)snprintf(out + len, max - len, "0\r\n\r\n");
}

static void prepare_answers(void)
{
    static const char sentence[] =
        "The weir holds what belongs here and lets only the rest flow on, which is why "
        "the pond stays full in summer and the mill below it never runs dry at all. ";
    char text[1280] = "";
    for (int i = 0; i < 7; i++) {
        memcpy(text + strlen(text), sentence, sizeof sentence);
    }
    char body[2048];
    int n = snprintf(
        body, sizeof body,
        "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"m-fast\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"%s\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":120,"
        "\"completion_tokens\":180,\"total_tokens\":300}}",
        text);
    fast_json_len = (size_t)snprintf(fast_json, sizeof fast_json,
                                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                     "Content-Length: %d\r\n\r\n%s",
                                     n, body);
    size_t len = sizeof stream_head - 1;
    memcpy(fast_sse, stream_head, len);
    size_t part = strlen(text) / 8;
    for (size_t i = 0; i < 8; i++) {
        char piece[256];
        snprintf(piece, sizeof piece, "%.*s", (int)(i == 7 ? strlen(text) - 7 * part : part),
                 text + i * part);
        len += delta_event(fast_sse + len, sizeof fast_sse - len, "m-fast", piece, i == 0);
    }
    fast_sse_len = len + end_events(fast_sse + len, sizeof fast_sse - len, "m-fast");
}

static bool has(const char *body, size_t len, const char *word)
{
    return memmem(body, len, word, strlen(word)) != NULL;
}

static void stream_step(struct conn *c)
{
    char out[4096], text[64];
    const char *model = c->pace == PACE_SLOW ? "m-slow" : "m-hold";
    queue_remove(c);
    if (c->deltas_left == 0) {
        size_t len = end_events(out, sizeof out, model);
        c->pace = PACE_NONE;
        open_streams--;
        streams_ended++;
        conn_send(c, out, len);
        return;
    }
    bool first = c->deltas_left == pace_deltas[c->pace];
    c->deltas_left--;
    snprintf(text, sizeof text, "t=%llu ", (unsigned long long)now_ns());
    conn_send(c, out, delta_event(out, sizeof out, model, text, first));
    if (!c->dead) {
        queue_append(c);
    }
}

static void stream_begin(struct conn *c, enum pace pace)
{
    c->pace = pace;
    c->deltas_left = pace_deltas[pace];
    open_streams++;
    conn_send(c, stream_head, sizeof stream_head - 1);
    if (!c->dead) {
        queue_append(c);
        if (pace == PACE_HOLD) {
            stream_step(c);
        }
    }
}

static void answer_stats(struct conn *c)
{
    static char body[CANCELS_MAX * 32 + 512];
    static char head[256];
    int n = snprintf(
        body, sizeof body,
        "{\"requests\":%llu,\"accepted\":%llu,\"open_streams\":%llu,\"streams_ended\":%llu,"
        "\"streams_cut\":%llu,\"cancel_ns\":{",
        (unsigned long long)requests, (unsigned long long)accepted,
        (unsigned long long)open_streams, (unsigned long long)streams_ended,
        (unsigned long long)streams_cut);
    bool any = false;
    for (int i = 0; i < CANCELS_MAX; i++) {
        if (cancel_ns[i]) {
            n += snprintf(body + n, sizeof body - (size_t)n, "%s\"%d\":%llu", any ? "," : "", i,
                          (unsigned long long)cancel_ns[i]);
            any = true;
        }
    }
    n += snprintf(body + n, sizeof body - (size_t)n, "}}");
    int h = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", n);
    conn_send(c, head, (size_t)h);
    conn_send(c, body, (size_t)n);
}

static void answer(struct conn *c, const char *head, const char *body, size_t body_len)
{
    if (strncmp(head, "GET /stats", 10) == 0) {
        answer_stats(c);
        return;
    }
    requests++;
    c->cancel = 0;
    const char *mark = memmem(body, body_len, "cancel-", 7);
    if (mark && mark + 13 <= body + body_len) {
        char digits[7] = "";
        memcpy(digits, mark + 7, 6);
        c->cancel = (int)strtol(digits, NULL, 10);
    }
    bool stream = has(body, body_len, "\"stream\":true") || has(body, body_len, "\"stream\": true");
    if (has(body, body_len, "\"m-slow\"")) {
        stream_begin(c, PACE_SLOW);
    } else if (has(body, body_len, "\"m-hold\"")) {
        stream_begin(c, PACE_HOLD);
    } else if (stream) {
        conn_send(c, fast_sse, fast_sse_len);
    } else {
        conn_send(c, fast_json, fast_json_len);
    }
}

/* Answers every whole request in the buffer; one at a time per connection. */
static void conn_work(struct conn *c)
{
    while (!c->dead && !c->pace && c->in_len) {
        char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
        if (!end) {
            break;
        }
        size_t head = (size_t)(end - c->in) + 4;
        const char *length = head_value(c->in, head, "Content-Length");
        size_t body = length ? strtoul(length, NULL, 10) : 0;
        if (head + body > BODY_MAX) {
            die("a request of %zu bytes is more than this mock takes", head + body);
        }
        if (c->in_len < head + body) {
            break;
        }
        answer(c, c->in, c->in + head, body);
        c->in_len -= head + body;
        memmove(c->in, c->in + head + body, c->in_len);
    }
    if (!c->dead && c->in_len == 0) { /* ten thousand idle buffers would be ours to carry */
        free(c->in);
        c->in = NULL;
    }
}

static void conn_read(struct conn *c)
{
    if (!c->in) {
        c->in = need(malloc(BODY_MAX));
    }
    ssize_t n = read(c->fd, c->in + c->in_len, BODY_MAX - c->in_len);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        conn_close(c);
        return;
    }
    if (n > 0) {
        c->in_len += (size_t)n;
        conn_work(c);
    }
}

static void conn_flush(struct conn *c)
{
    ssize_t n = write(c->fd, c->out, c->out_len);
    if (n < 0) {
        if (errno != EAGAIN) {
            conn_close(c);
        }
        return;
    }
    c->out_len -= (size_t)n;
    memmove(c->out, c->out + n, c->out_len);
    if (c->out_len == 0) {
        watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLRDHUP, c);
    }
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        set_nodelay(fd);
        struct conn *c = need(calloc(1, sizeof *c));
        c->fd = fd;
        accepted++;
        watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP, c);
    }
}

static uint64_t next_due(void)
{
    uint64_t due = 0;
    for (int p = PACE_SLOW; p <= PACE_HOLD; p++) {
        struct conn *c = queues[p].next;
        if (c != &queues[p] && (due == 0 || c->due_ns < due)) {
            due = c->due_ns;
        }
    }
    return due;
}

static void run_due(void)
{
    for (int p = PACE_SLOW; p <= PACE_HOLD; p++) {
        while (queues[p].next != &queues[p] && queues[p].next->due_ns <= now_ns()) {
            stream_step(queues[p].next);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        die("usage: bench_mock_upstream PORT");
    }
    raise_file_limit();
    prepare_answers();
    for (int p = 0; p < 3; p++) {
        queues[p].next = queues[p].prev = &queues[p];
    }
    struct sockaddr_in address = loopback(argv[1]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        die("port %s: %s", argv[1], strerror(errno));
    }
    printf("PORT %d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[256];
        int n = wait_until(epoll, events, 256, next_due());
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                accept_all(listener);
            } else if (!c->dead &&
                       events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
                conn_read(c);
            }
            if (c && !c->dead && events[i].events & EPOLLOUT) {
                conn_flush(c);
            }
        }
        run_due();
        while (graveyard) {
            struct conn *c = graveyard;
            graveyard = c->next_dead;
            free(c->in);
            free(c->out);
            free(c);
        }
    }
}
