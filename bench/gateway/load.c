/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_load: asks one server for chat completions and prints one JSON object of what it saw.
 *
 *   bench_load --port P --model M [--stream] [--path /v1/chat/completions] [--connections C]
 *              [--seconds S | --requests N] [--rate R] [--warm N] [--cancel-after-ms M] [--hold S] [--header "A: b"]
 *
 * Closed loop (default): each connection asks again as soon as it was answered.
 * Open loop (--rate): requests are due at a fixed rate whatever the server does, and their time runs
 * from when they were due, so a stall is not hidden by the requests that waited behind it.
 * --cancel-after-ms: each stream is closed that long after its first event; the number it carried and the time of
 * the close are printed, to be compared with what the mock upstream saw.
 * --hold: opens C streams, slowly enough to succeed, keeps them S seconds and counts those still alive.
 *
 * One thread, epoll, bounded in count and time, loopback only. Every answer is read to its end: status,
 * Content-Length or chunks, and for a stream the [DONE]; anything else counts as an error.
 */
#include "net.h"

#include <getopt.h>

#define SAMPLES_MAX (4u << 20)
#define IN_MAX (64 * 1024)

struct options {
    const char *port, *model, *path, *header;
    bool stream;
    int connections, requests, warm;
    double seconds, rate, cancel_after_ms, hold_seconds;
};

enum state { IDLE, CONNECTING, WAITING, STREAMING };

struct conn {
    int fd;
    enum state state;
    uint64_t due_ns; /* when this request's time began */
    uint64_t first_ns, last_event_ns;
    uint64_t cancel_at_ns;
    int number; /* of the request */
    char in[IN_MAX];
    size_t in_len;
    bool head_done, chunked, ok_status, done_seen;
    size_t body_left; /* of Content-Length or of the current chunk */
    int chunk_state;  /* 0 size line, 1 data, 2 its line end, 3 after the last */
    char line[512];   /* of the event stream; longer lines are cut, they hold nothing we need */
    size_t line_len;
};

struct samples {
    uint32_t *us10; /* tenths of a microsecond */
    size_t count;
};

static struct options opt = {
    .path = "/v1/chat/completions", .model = "m-fast", .connections = 1, .warm = 0};
static int epoll;
static struct conn *conns;
static struct sockaddr_in target;
static char request[8192];
static size_t request_len;
static char *cancel_digits; /* inside `request` */
static struct samples total, first_event, event_delay, event_gap;
static uint64_t started_count, answered, errors, status_errors, cut, reconnects;
static char first_error[200];
static uint64_t begin_ns, end_ns;
static bool measuring;
static FILE *cancels;

static void sample(struct samples *s, uint64_t ns)
{
    if (!measuring || s->count == SAMPLES_MAX) {
        return;
    }
    if (!s->us10) {
        s->us10 = need(malloc(SAMPLES_MAX * sizeof *s->us10));
    }
    s->us10[s->count++] = (uint32_t)(ns / 100 > UINT32_MAX ? UINT32_MAX : ns / 100);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile(const struct samples *s, double q)
{
    return s->count ? s->us10[(size_t)(q * (double)(s->count - 1) + 0.5)] / 10.0 : -1;
}

static void print_samples(const char *name, struct samples *s)
{
    if (!s->count) {
        printf(",\"%s\":null", name);
        return;
    }
    qsort(s->us10, s->count, sizeof *s->us10, compare);
    printf(",\"%s\":{\"n\":%zu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
           name, s->count, quantile(s, .5), quantile(s, .9), quantile(s, .99), quantile(s, .999),
           quantile(s, 1));
}

static void prepare_request(void)
{
    char body[4096], head[1024];
    /* 0.6 kB, as a chat client sends it. */
    int n = snprintf(
        body, sizeof body,
        "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a careful assistant "
        "for the keepers of mills and ponds. Answer in short plain sentences, name the unit beside every "
        "figure, and say so when you do not know something.\"},{\"role\":\"user\",\"content\":\"The gate "
        "was left open over night and the level fell. Which three things should we look at first before "
        "the wheel is started again, and in which order would you do them? cancel-000000\"}],"
        "\"temperature\":0.7,\"max_tokens\":256,\"stream\":%s}",
        opt.model, opt.stream ? "true" : "false");
    int h = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\n"
                     "Authorization: Bearer bench\r\n%s%sContent-Length: %d\r\n\r\n",
                     opt.path, opt.port, opt.header ? opt.header : "", opt.header ? "\r\n" : "", n);
    if ((size_t)(h + n) >= sizeof request) {
        die("the request is too long");
    }
    memcpy(request, head, (size_t)h);
    memcpy(request + h, body, (size_t)n + 1);
    request_len = (size_t)(h + n);
    cancel_digits = strstr(request, "cancel-") + 7;
}

static void fail(struct conn *c, const char *why, const char *detail, size_t detail_len)
{
    errors++;
    if (!first_error[0]) {
        snprintf(first_error, sizeof first_error, "%s: %.*s", why,
                 (int)(detail_len > 120 ? 120 : detail_len), detail);
        for (char *p = first_error; *p; p++) {
            if (*p == '"' || *p == '\\' || (unsigned char)*p < 32) {
                *p = ' ';
            }
        }
    }
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    c->state = IDLE;
}

static void conn_connect(struct conn *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("socket: %s", strerror(errno));
    }
    set_nodelay(c->fd);
    if (connect(c->fd, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS) {
        die("connect: %s", strerror(errno));
    }
    watch(epoll, EPOLL_CTL_ADD, c->fd, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, c);
}

static void conn_write(struct conn *c)
{
    if (opt.cancel_after_ms > 0) {
        char digits[16];
        snprintf(digits, sizeof digits, "%06d", c->number % 1000000);
        memcpy(cancel_digits, digits, 6);
    }
    ssize_t n = write(c->fd, request, request_len);
    if (n != (ssize_t)request_len) {
        fail(c, "write", strerror(errno), strlen(strerror(errno)));
        return;
    }
    c->state = WAITING;
}

static void conn_ask(struct conn *c, uint64_t due_ns)
{
    c->due_ns = due_ns;
    c->first_ns = c->last_event_ns = c->cancel_at_ns = 0;
    c->number = (int)++started_count;
    c->in_len = c->line_len = c->body_left = 0;
    c->head_done = c->chunked = c->done_seen = false;
    c->chunk_state = 0;
    if (c->fd < 0) {
        c->state = CONNECTING;
        conn_connect(c);
        return; /* written when it is connected */
    }
    conn_write(c);
}

/* One whole line of an event stream. */
static void on_line(struct conn *c, uint64_t now)
{
    if (strncmp(c->line, "data: ", 6) != 0) {
        return;
    }
    if (strncmp(c->line + 6, "[DONE]", 6) == 0) {
        c->done_seen = true;
        return;
    }
    const char *stamp = strstr(c->line, "\"t=");
    if (!stamp) {
        if (strstr(c->line, "\"error\"")) {
            c->ok_status = false;
        }
        return;
    }
    uint64_t sent = strtoull(stamp + 3, NULL, 10);
    if (!c->first_ns) {
        c->first_ns = now;
        sample(&first_event, now - c->due_ns);
        if (opt.cancel_after_ms > 0) {
            c->cancel_at_ns = now + (uint64_t)(opt.cancel_after_ms * 1e6);
        }
    } else {
        sample(&event_gap, now - c->last_event_ns);
    }
    if (now > sent) {
        sample(&event_delay, now - sent);
    }
    c->last_event_ns = now;
}

static void on_body(struct conn *c, const char *data, size_t len, uint64_t now)
{
    if (!opt.stream) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n') {
            c->line[c->line_len] = '\0';
            on_line(c, now);
            c->line_len = 0;
        } else if (c->line_len < sizeof c->line - 1) {
            c->line[c->line_len++] = data[i];
        }
    }
}

/* Takes as much of the buffer as can be understood; true when the answer is complete. */
static bool take_chunks(struct conn *c, size_t *at, uint64_t now)
{
    while (*at < c->in_len) {
        if (c->chunk_state == 1) {
            size_t n = c->in_len - *at < c->body_left ? c->in_len - *at : c->body_left;
            on_body(c, c->in + *at, n, now);
            *at += n;
            c->body_left -= n;
            if (c->body_left == 0) {
                c->chunk_state = 2;
            }
            continue;
        }
        char *end = memmem(c->in + *at, c->in_len - *at, "\r\n", 2);
        if (!end) {
            return false;
        }
        size_t line = (size_t)(end - (c->in + *at));
        if (c->chunk_state == 0) {
            c->body_left = strtoul(c->in + *at, NULL, 16);
            c->chunk_state = c->body_left ? 1 : 3;
        } else if (c->chunk_state == 2) {
            c->chunk_state = 0;
        } else if (line == 0) {
            *at += 2;
            return true;
        }
        *at += line + 2;
    }
    return false;
}

static void conn_answered(struct conn *c, uint64_t now)
{
    if (!c->ok_status || (opt.stream && !c->done_seen)) {
        status_errors++;
        fail(c, opt.stream && c->ok_status ? "stream without [DONE]" : "answer", c->in, c->in_len);
        return;
    }
    answered += measuring;
    sample(&total, now - c->due_ns);
    c->state = IDLE;
}

static void take_answer(struct conn *c, uint64_t now)
{
    size_t at = 0;
    if (!c->head_done) {
        char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
        if (!end) {
            return;
        }
        at = (size_t)(end - c->in) + 4;
        c->head_done = true;
        c->ok_status = strncmp(c->in, "HTTP/1.1 200", 12) == 0;
        const char *length = head_value(c->in, at, "Content-Length");
        c->chunked = !length;
        c->body_left = length ? strtoul(length, NULL, 10) : 0;
        c->state = STREAMING;
        if (!c->ok_status) {
            conn_answered(c, now);
            return;
        }
    }
    bool complete;
    if (c->chunked) {
        complete = take_chunks(c, &at, now);
    } else {
        size_t n = c->in_len - at < c->body_left ? c->in_len - at : c->body_left;
        on_body(c, c->in + at, n, now);
        at += n;
        c->body_left -= n;
        complete = c->body_left == 0;
    }
    c->in_len -= at;
    memmove(c->in, c->in + at, c->in_len);
    if (complete) {
        conn_answered(c, now);
    }
}

static void conn_read(struct conn *c)
{
    while (c->fd >= 0) {
        if (c->in_len == IN_MAX) {
            fail(c, "answer", "a line or head too long", 23);
            return;
        }
        ssize_t n = read(c->fd, c->in + c->in_len, IN_MAX - c->in_len);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            if (c->state == IDLE) { /* an idle connection may be closed */
                close(c->fd);
                c->fd = -1;
                reconnects++;
            } else {
                cut++;
                fail(c, "connection ended in the middle", "", 0);
            }
            return;
        }
        c->in_len += (size_t)n;
        if (c->state != IDLE) {
            take_answer(c, now_ns());
        }
    }
}

static void cancel_due(uint64_t now)
{
    for (int i = 0; i < opt.connections; i++) {
        struct conn *c = &conns[i];
        if (c->cancel_at_ns && c->cancel_at_ns <= now && c->fd >= 0) {
            fprintf(cancels, "%s\"%d\":%llu", answered ? "," : "", c->number % 1000000,
                    (unsigned long long)now_ns());
            close(c->fd);
            c->fd = -1;
            c->cancel_at_ns = 0;
            c->state = IDLE;
            answered++;
        }
    }
}

static uint64_t next_cancel(void)
{
    uint64_t next = 0;
    for (int i = 0; opt.cancel_after_ms > 0 && i < opt.connections; i++) {
        if (conns[i].cancel_at_ns && (!next || conns[i].cancel_at_ns < next)) {
            next = conns[i].cancel_at_ns;
        }
    }
    return next;
}

/* Asks on idle connections: all of them in a closed loop, one per due request in an open one. */
static void ask_more(uint64_t *next_due_ns)
{
    uint64_t now = now_ns();
    if ((opt.requests && started_count >= (uint64_t)(opt.requests + opt.warm)) ||
        (end_ns && now >= end_ns)) {
        *next_due_ns = 0;
        return;
    }
    static int from;
    for (int k = 0; k < opt.connections; k++) {
        struct conn *c = &conns[(from + k) % opt.connections];
        if (c->state != IDLE) {
            continue;
        }
        if (opt.requests && started_count >= (uint64_t)(opt.requests + opt.warm)) {
            return;
        }
        if (opt.rate > 0) {
            if (*next_due_ns > now) {
                from = (from + k) % opt.connections;
                return;
            }
            conn_ask(c, *next_due_ns);
            *next_due_ns += (uint64_t)(1e9 / opt.rate);
        } else {
            conn_ask(c, now_ns());
        }
    }
}

static void on_events(struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (c->fd < 0) {
            continue;
        }
        if (c->state == CONNECTING && events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
            int error = 0;
            socklen_t size = sizeof error;
            getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
            if (error) {
                fail(c, "connect", strerror(error), strlen(strerror(error)));
                continue;
            }
            conn_write(c);
        }
        if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            conn_read(c);
        }
    }
}

static int count_busy(void)
{
    int n = 0;
    for (int i = 0; i < opt.connections; i++) {
        n += conns[i].state != IDLE;
    }
    return n;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return !a ? b : !b ? a : a < b ? a : b;
}

static void run_load(void)
{
    uint64_t next_due = now_ns();
    measuring = opt.warm == 0;
    begin_ns = now_ns();
    end_ns = opt.seconds > 0 && measuring ? begin_ns + (uint64_t)(opt.seconds * 1e9) : 0;
    uint64_t give_up = begin_ns + 300000000000u;
    for (;;) {
        if (!measuring && started_count >= (uint64_t)opt.warm) {
            measuring = true;
            begin_ns = now_ns();
            end_ns = opt.seconds > 0 ? begin_ns + (uint64_t)(opt.seconds * 1e9) : 0;
        }
        ask_more(&next_due);
        bool stopping = (end_ns && now_ns() >= end_ns) ||
                        (opt.requests && started_count >= (uint64_t)(opt.requests + opt.warm));
        if ((stopping && (count_busy() == 0 || (end_ns && now_ns() > end_ns + 5000000000u))) ||
            errors > 1000 || now_ns() > give_up) {
            break;
        }
        uint64_t wake = sooner(next_cancel(), sooner(end_ns && !stopping ? end_ns : 0,
                                                     opt.rate > 0 && !stopping ? next_due : 0));
        if (opt.rate > 0 && count_busy() == opt.connections) {
            wake = sooner(next_cancel(), 0); /* all are busy: only an answer helps */
        }
        struct epoll_event events[256];
        int n = wait_until(epoll, events, 256, wake ? wake : now_ns() + 100000000u);
        on_events(events, n);
        if (opt.cancel_after_ms > 0) {
            cancel_due(now_ns());
        }
    }
}

/* Opens the streams 50 at a time, so that no listen queue overflows, then reads for the time asked. */
static int run_hold(void)
{
    measuring = true;
    int opened = 0, alive = 0;
    uint64_t end = 0;
    for (;;) {
        uint64_t now = now_ns();
        int waiting = 0;
        for (int i = 0; i < opened; i++) {
            waiting += conns[i].state == CONNECTING || conns[i].state == WAITING;
        }
        for (int k = 0; waiting < 50 && opened < opt.connections && k < 50; k++, waiting++) {
            conn_ask(&conns[opened++], now);
        }
        if (opened == opt.connections && !end && waiting == 0) {
            end = now + (uint64_t)(opt.hold_seconds * 1e9);
            fprintf(stderr, "HOLDING %d\n",
                    opened); /* whoever measures memory waits for this line */
        }
        if ((end && now >= end) || errors > 1000 || now > begin_ns + 300000000000u) {
            break;
        }
        struct epoll_event events[1024];
        on_events(events, wait_until(epoll, events, 1024, now + 20000000u));
    }
    for (int i = 0; i < opened; i++) {
        alive += conns[i].state == STREAMING && conns[i].first_ns;
    }
    return alive;
}

static double number_of(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || value < 0) {
        die("'%s' is not a number", text);
    }
    return value;
}

static void read_options(int argc, char **argv)
{
    static const struct option longs[] = {
        {"port", 1, NULL, 'p'},
        {"model", 1, NULL, 'm'},
        {"stream", 0, NULL, 's'},
        {"path", 1, NULL, 'P'},
        {"header", 1, NULL, 'H'},
        {"connections", 1, NULL, 'c'},
        {"seconds", 1, NULL, 'S'},
        {"requests", 1, NULL, 'n'},
        {"rate", 1, NULL, 'r'},
        {"warm", 1, NULL, 'w'},
        {"hold", 1, NULL, 'h'},
        {"cancel-after-ms", 1, NULL, 'x'},
        {0},
    };
    for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (o) {
        case 'p':
            opt.port = optarg;
            break;
        case 'm':
            opt.model = optarg;
            break;
        case 's':
            opt.stream = true;
            break;
        case 'P':
            opt.path = optarg;
            break;
        case 'H':
            opt.header = optarg;
            break;
        case 'c':
            opt.connections = (int)number_of(optarg);
            break;
        case 'S':
            opt.seconds = number_of(optarg);
            break;
        case 'n':
            opt.requests = (int)number_of(optarg);
            break;
        case 'r':
            opt.rate = number_of(optarg);
            break;
        case 'w':
            opt.warm = (int)number_of(optarg);
            break;
        case 'h':
            opt.hold_seconds = number_of(optarg);
            break;
        case 'x':
            opt.cancel_after_ms = number_of(optarg);
            break;
        default:
            exit(2);
        }
    }
    if (!opt.port || opt.connections < 1 || opt.connections > 20000) {
        die("bench_load needs --port, and 1 to 20000 connections");
    }
    if (opt.seconds == 0 && opt.requests == 0 && opt.hold_seconds == 0) {
        opt.seconds = 2;
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    raise_file_limit();
    prepare_request();
    target = loopback(opt.port);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    conns = need(calloc((size_t)opt.connections, sizeof *conns));
    for (int i = 0; i < opt.connections; i++) {
        conns[i].fd = -1;
    }
    char *cancel_text = NULL;
    size_t cancel_len = 0;
    cancels = need(open_memstream(&cancel_text, &cancel_len));
    begin_ns = now_ns();
    int alive = 0;
    if (opt.hold_seconds > 0) {
        alive = run_hold();
    } else {
        run_load();
    }
    double seconds = (double)(now_ns() - begin_ns) / 1e9;
    fclose(cancels);
    printf(
        "{\"answered\":%llu,\"errors\":%llu,\"cut\":%llu,\"bad_answers\":%llu,\"first_error\":\"%s\","
        "\"seconds\":%.3f,\"per_second\":%.1f,\"alive\":%d,\"reconnects\":%llu,\"started\":%llu",
        (unsigned long long)answered, (unsigned long long)errors, (unsigned long long)cut,
        (unsigned long long)status_errors, first_error, seconds, (double)answered / seconds, alive,
        (unsigned long long)reconnects, (unsigned long long)started_count);
    print_samples("total_us", &total);
    print_samples("first_event_us", &first_event);
    print_samples("event_delay_us", &event_delay);
    print_samples("event_gap_us", &event_gap);
    printf(",\"cancelled_ns\":{%s}}\n", cancel_text);
    return errors > 1000;
}
