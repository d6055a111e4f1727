/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens PORT MODEL CLIENTS ROUNDS MAX_TOKENS    throughput: CLIENTS streams at a time, ROUNDS times
 * tokens PORT MODEL prefix PAIRS PREFIX_BYTES    time to first token: cold, then with the prefix known
 *
 * Asks an OpenAI-compatible server on loopback for streamed chat completions
 * that do not end early and writes one line of JSON. One thread per stream that
 * sleeps in read(): the client costs next to nothing.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, ANSWER_MAX = 4 << 20, SAMPLES_MAX = 4096 };

static const char *port, *model;
static int max_tokens;

struct stream {
    pthread_t thread;
    char *prompt;
    double ttft_ms;
    long tokens, prompt_tokens, cached;
    bool ok;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        perror("connect");
        exit(1);
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* The last number behind `name`, -1 if there is none. */
static long last_number(const char *text, const char *name)
{
    long found = -1;
    for (const char *at = text; (at = strstr(at, name)); at++) {
        found = strtol(at + strlen(name), NULL, 10);
    }
    return found;
}

static void send_request(int fd, const char *prompt)
{
    size_t room = strlen(prompt) + 1024;
    char *body = malloc(room);
    char head[256];
    int n = snprintf(
        body, room,
        "{\"model\":\"%s\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":%d,"
        "\"ignore_eos\":true,\"temperature\":0.8,\"top_k\":40,\"top_p\":0.95,\"min_p\":0.05,\"seed\":1,"
        "\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
        model, max_tokens, prompt);
    int h = snprintf(
        head, sizeof head,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Connection: close\r\nContent-Length: %d\r\n\r\n",
        n);
    if (write(fd, head, (size_t)h) != h || write(fd, body, (size_t)n) != n) {
        perror("write");
        exit(1);
    }
    free(body);
}

static bool has_text(const char *answer)
{
    const char *at = strstr(answer, "\"content\":\"");
    while (at && at[11] == '"') {
        at = strstr(at + 1, "\"content\":\"");
    }
    return at != NULL;
}

static void *run_stream(void *user)
{
    struct stream *s = user;
    char *answer = malloc(ANSWER_MAX);
    size_t have = 0;
    int fd = dial();
    double start = now_ms();
    s->ttft_ms = -1;
    send_request(fd, s->prompt);
    for (ssize_t n;
         have < ANSWER_MAX - 1 && (n = read(fd, answer + have, ANSWER_MAX - 1 - have)) > 0;) {
        have += (size_t)n;
        answer[have] = 0;
        if (s->ttft_ms < 0 && has_text(answer)) {
            s->ttft_ms = now_ms() - start;
        }
        if (strstr(answer + (have > 64 ? have - 64 : 0), "[DONE]")) {
            break;
        }
    }
    answer[have] = 0;
    close(fd);
    s->tokens = last_number(answer, "\"completion_tokens\":");
    s->prompt_tokens = last_number(answer, "\"prompt_tokens\":");
    s->cached = last_number(answer, "\"cached_tokens\":");
    s->ok = strstr(answer, "[DONE]") && s->tokens > 0;
    if (!s->ok) {
        fprintf(stderr, "failed: %.600s\n", answer);
    }
    free(answer);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count ? values[count / 2] : -1;
}

static int throughput(int clients, int rounds)
{
    static struct stream streams[CLIENTS_MAX];
    static double ttft[SAMPLES_MAX], speed[SAMPLES_MAX];
    int samples = 0;
    for (int r = 0; r < rounds; r++) {
        double start = now_ms();
        for (int i = 0; i < clients; i++) {
            streams[i].prompt = malloc(128);
            snprintf(streams[i].prompt, 128, "%d.%d tell me something about number %d", r, i,
                     r * 100 + i);
            pthread_create(&streams[i].thread, NULL, run_stream, &streams[i]);
        }
        long tokens = 0;
        for (int i = 0; i < clients; i++) {
            pthread_join(streams[i].thread, NULL);
            free(streams[i].prompt);
            if (!streams[i].ok) {
                return 1;
            }
            tokens += streams[i].tokens;
            ttft[samples++ % SAMPLES_MAX] = streams[i].ttft_ms;
        }
        speed[r] = (double)tokens * 1e3 / (now_ms() - start);
    }
    printf("{\"clients\":%d,\"tokens_per_s\":%.1f,\"ttft_ms\":%.2f}\n", clients,
           median(speed, rounds), median(ttft, samples < SAMPLES_MAX ? samples : SAMPLES_MAX));
    return 0;
}

/* Pairs of prompts with a long common beginning; each pair's beginning is its own. */
static int prefix(int pairs, int bytes)
{
    static double cold[SAMPLES_MAX], hit[SAMPLES_MAX];
    struct stream s = {0};
    s.prompt = malloc((size_t)bytes + 64);
    for (int p = 0; p < pairs; p++) {
        for (int half = 0; half < 2; half++) {
            unsigned x = (unsigned)(p * 7919 + getpid());
            for (int i = 0; i < bytes; i++) {
                x = x * 1103515245u + 12345u;
                s.prompt[i] = i % 6 == 5 ? ' ' : (char)('a' + (x >> 16) % 26);
            }
            snprintf(s.prompt + bytes, 64, half ? " and then?" : " what is it?");
            run_stream(&s);
            if (!s.ok) {
                return 1;
            }
            (half ? hit : cold)[p] = s.ttft_ms;
        }
    }
    printf("{\"prompt_tokens\":%ld,\"cached_tokens\":%ld,\"cold_ms\":%.2f,\"hit_ms\":%.2f}\n",
           s.prompt_tokens, s.cached, median(cold, pairs), median(hit, pairs));
    free(s.prompt);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(
            stderr,
            "usage: tokens PORT MODEL CLIENTS ROUNDS MAX_TOKENS | tokens PORT MODEL prefix PAIRS BYTES\n");
        return 2;
    }
    port = argv[1];
    model = argv[2];
    int a = (int)strtol(argv[4], NULL, 10);
    int b = (int)strtol(argv[5], NULL, 10);
    if (strcmp(argv[3], "prefix") == 0) {
        max_tokens = 4;
        return prefix(a < SAMPLES_MAX ? a : SAMPLES_MAX, b);
    }
    int clients = (int)strtol(argv[3], NULL, 10);
    max_tokens = b;
    return throughput(clients < CLIENTS_MAX ? clients : CLIENTS_MAX,
                      a < SAMPLES_MAX ? a : SAMPLES_MAX);
}
