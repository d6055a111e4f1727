/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a child listens in a private folder and writes every byte it gets
 * into a file; a weir of our own sends one request per backend and place; the file is
 * read after each and searched for what was planted.
 *
 * What can go wrong: the weir does not start (its message is the fault); a request is
 * refused or kept (then nothing arrived, which is fine); the child dies (nothing
 * arrives any more: an attempt that was answered but not seen counts as a failure).
 */
#include "cli/canary.h"

#include "base/rng.h"
#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECEIVED_MAX (16 * MIB)

struct canary {
    char folder[64], socket[96], file[96], ledger[96], upstreams[128];
    pid_t recorder;
    struct client *client;
    off_t seen; /* bytes of `file` already looked at */
};

/* ---- what is planted ---- */

struct planted {
    const char *type, *what;
    char value[80];
};

static unsigned digit(struct rng *r)
{
    return (unsigned)rng_below(r, 10);
}

/* Luhn: the check digit makes the sum, every second digit doubled, a multiple of 10. */
static void make_card(struct rng *r, char out[80])
{
    unsigned d[16] = {4};
    unsigned sum = 0;
    for (int i = 0; i < 15; i++) {
        d[i] = i ? digit(r) : 4;
        unsigned twice = d[i] * 2;
        sum += i % 2 ? d[i] : twice / 10 + twice % 10;
    }
    d[15] = (10 - sum % 10) % 10;
    for (int i = 0; i < 16; i++) {
        out[i] = (char)('0' + d[i]);
    }
    out[16] = '\0';
}

/* ISO 13616: check digits are 98 less the number, letters as two digits, country and 00 at its end, mod 97. */
static void make_iban(struct rng *r, char out[80])
{
    char account[19];
    unsigned rest = 0;
    for (int i = 0; i < 18; i++) {
        account[i] = (char)('0' + digit(r));
        rest = (rest * 10 + (unsigned)(account[i] - '0')) % 97;
    }
    account[18] = '\0';
    rest = (rest * 1000000 + 131400) % 97; /* D = 13, E = 14 */
    snprintf(out, 80, "DE%02u%s", 98 - rest, account);
}

static void make_letters(struct rng *r, const char *alphabet, int n, char *out)
{
    size_t count = strlen(alphabet);
    for (int i = 0; i < n; i++) {
        out[i] = alphabet[rng_below(r, count)];
    }
    out[n] = '\0';
}

enum { KINDS = 6 };

static void make_values(struct rng *r, struct planted out[KINDS])
{
    char word[48];
    out[0] = (struct planted){.type = "EMAIL_ADDRESS", .what = "e-mail"};
    make_letters(r, "abcdefghijklmnopqrstuvwxyz", 12, word);
    snprintf(out[0].value, sizeof out[0].value, "%s@canary-mail.com", word);
    out[1] = (struct planted){.type = "CREDIT_CARD", .what = "card number"};
    make_card(r, out[1].value);
    out[2] = (struct planted){.type = "IBAN_CODE", .what = "IBAN"};
    make_iban(r, out[2].value);
    out[3] = (struct planted){.type = "US_SSN", .what = "SSN"};
    snprintf(out[3].value, sizeof out[3].value, "%u-%u-%u", 200 + (unsigned)rng_below(r, 400),
             10 + (unsigned)rng_below(r, 89), 1001 + (unsigned)rng_below(r, 8000));
    out[4] = (struct planted){.type = "PHONE_NUMBER", .what = "phone number"};
    snprintf(out[4].value, sizeof out[4].value, "+1 415 %u %u", 300 + (unsigned)rng_below(r, 600),
             1001 + (unsigned)rng_below(r, 8000));
    out[5] = (struct planted){.type = "SECRET", .what = "API key"};
    make_letters(r, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 40, word);
    snprintf(out[5].value, sizeof out[5].value, "sk-proj-%s", word);
}

/* ---- where ---- */

static const char *const places[] = {"system",      "user",         "history",  "tool call",
                                     "tool result", "tools",        "metadata", "user field",
                                     "stop",        "unknown field"};

static void put_message(struct json_out *w, const char *role, struct span content)
{
    json_begin_object(w);
    json_put_c(w, "role", role);
    json_put(w, "content", content);
    json_end_object(w);
}

/* An assistant's call with the value in its arguments, or the result of a call. */
static void put_call(struct json_out *w, struct span arguments, struct span result)
{
    json_begin_object(w);
    json_put_c(w, "role", "assistant");
    json_put_null(w, "content");
    json_key(w, "tool_calls");
    json_begin_array(w);
    json_begin_object(w);
    json_put_c(w, "id", "call_1");
    json_put_c(w, "type", "function");
    json_key(w, "function");
    json_begin_object(w);
    json_put_c(w, "name", "lookup");
    json_put(w, "arguments", arguments);
    json_end_object(w);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
    json_begin_object(w);
    json_put_c(w, "role", "tool");
    json_put_c(w, "tool_call_id", "call_1");
    json_put(w, "content", result);
    json_end_object(w);
}

static void put_messages(struct json_out *w, size_t place, struct span said)
{
    struct text arguments;
    text_init(&arguments, 4 * KIB);
    struct json_out inner = json_out(&arguments);
    json_begin_object(&inner);
    json_put(&inner, "note", said);
    json_end_object(&inner);
    json_key(w, "messages");
    json_begin_array(w);
    put_message(w, "system", place == 0 ? said : SPAN("Be brief."));
    if (place == 2) {
        put_message(w, "user", said);
        put_message(w, "assistant", said);
    }
    if (place == 3 || place == 4) {
        put_message(w, "user", SPAN("Look it up."));
        put_call(w, place == 3 ? text_span(&arguments) : SPAN("{}"),
                 place == 4 ? said : SPAN("ok"));
    }
    put_message(w, "user", place == 1 ? said : SPAN("Go on."));
    json_end_array(w);
    text_done(&arguments);
}

static void put_tools(struct json_out *w, struct span said)
{
    json_key(w, "tools");
    json_begin_array(w);
    json_begin_object(w);
    json_put_c(w, "type", "function");
    json_key(w, "function");
    json_begin_object(w);
    json_put_c(w, "name", "lookup");
    json_put(w, "description", said);
    json_key(w, "parameters");
    json_begin_object(w);
    json_put_c(w, "type", "object");
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
    json_end_array(w);
}

static void write_request(const struct backend *b, size_t place, struct span said, struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_c(&w, "model", b->name);
    put_messages(&w, place, said);
    if (place == 5) {
        put_tools(&w, said);
    } else if (place == 6 || place == 9) {
        json_key(&w, place == 6 ? "metadata" : "x_canary");
        json_begin_object(&w);
        json_put(&w, "note", said);
        json_end_object(&w);
    } else if (place == 7) {
        json_put(&w, "user", said);
    } else if (place == 8) {
        json_put(&w, "stop", said);
    }
    json_put_int(&w, "max_tokens", 16);
    json_end_object(&w);
}

/* ---- the other side ---- */

static const char openai_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"canary\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"role\":\"assistant\",\"content\":\"ok\"},\"finish_reason\":null}]}\n\n"
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"canary\",\"choices\":[{\"index\":0,"
    "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
static const char anthropic_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"canary\",\"usage\":"
    "{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
    "\"text\":\"ok\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
    "{\"output_tokens\":1}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/* How long the request in `got` is, once its head is whole; 0 = not yet. */
static size_t request_bytes(struct span got)
{
    size_t head = span_find(got, SPAN("\r\n\r\n"), 0);
    int64_t length = 0;
    struct span lines = span_first(got, head == SIZE_MAX ? 0 : head);
    while (lines.len) {
        size_t end = span_find(lines, SPAN("\r\n"), 0);
        struct span line = span_first(lines, end == SIZE_MAX ? lines.len : end);
        struct span name = span_cut(&line, ':');
        if (span_eq_nocase(name, SPAN("content-length"))) {
            (void)span_to_i64(span_trim(line), &length);
        }
        lines = end == SIZE_MAX ? SPAN("") : span_from(lines, end + 2);
    }
    return head == SIZE_MAX || length < 0 ? 0 : head + 4 + (size_t)length;
}

/* One connection: all it sends is written down before it is answered. */
static void record(int connection, int file)
{
    struct text got;
    text_init(&got, RECEIVED_MAX);
    char part[16 * 1024];
    ssize_t n;
    while ((n = read(connection, part, sizeof part)) > 0 && !got.overflow) {
        text_add(&got, span_of(part, (size_t)n));
        size_t whole = request_bytes(text_span(&got));
        if (whole && got.len >= whole) {
            break;
        }
    }
    if (write(file, got.data ? got.data : "", got.len) == (ssize_t)got.len && n > 0) {
        bool anthropic =
            span_find(span_first(text_span(&got), 200), SPAN("/messages "), 0) != SIZE_MAX;
        struct span answer = span_c(anthropic ? anthropic_answer : openai_answer);
        ssize_t sent = write(connection, answer.data, answer.len);
        (void)sent;
    }
    close(connection);
    text_done(&got);
}

static void run_recorder(int listener, const char *path)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection >= 0) {
            record(connection, file);
        } else if (errno != EINTR) {
            _exit(1);
        }
    }
}

static enum err start_recorder(struct canary *c, struct fault *fault)
{
    snprintf(c->folder, sizeof c->folder, "/tmp/weir-canary-XXXXXX");
    if (!mkdtemp(c->folder)) {
        return fault_set(fault, ERR_IO, "%s: %s", c->folder, strerror(errno));
    }
    snprintf(c->socket, sizeof c->socket, "%s/other-side.sock", c->folder);
    snprintf(c->file, sizeof c->file, "%s/received", c->folder);
    snprintf(c->ledger, sizeof c->ledger, "%s/weir.db", c->folder);
    snprintf(c->upstreams, sizeof c->upstreams, "unix:%s:/v1", c->socket);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", c->socket);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
        listen(listener, 64)) {
        return fault_set(fault, ERR_IO, "%s: %s", c->socket, strerror(errno));
    }
    c->recorder = fork();
    if (c->recorder == 0) {
        run_recorder(listener, c->file);
    }
    close(listener);
    return c->recorder < 0 ? fault_set(fault, ERR_IO, "fork: %s", strerror(errno)) : OK;
}

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"other-side.sock", "received"};
    char path[160];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    pid_t pid = fork(); /* the ledger has files and folders of its own beside it */
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(1);
    }
    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }
}

static void stop(struct canary *c)
{
    client_close(c->client);
    if (c->recorder > 0) {
        kill(c->recorder, SIGKILL);
        waitpid(c->recorder, NULL, 0);
    }
    if (c->folder[0]) {
        remove_folder(c->folder);
    }
}

/* ---- looking ---- */

/* What arrived since the last look. */
static bool read_new(struct canary *c, struct text *out)
{
    int fd = open(c->file, O_RDONLY | O_CLOEXEC);
    char part[16 * 1024];
    ssize_t n = 0;
    while (fd >= 0 && (n = pread(fd, part, sizeof part, c->seen)) > 0) {
        text_add(out, span_of(part, (size_t)n));
        c->seen += n;
    }
    if (fd >= 0) {
        close(fd);
    }
    return out->len > 0;
}

/* Letters and digits only, in lower case: what is left of a value however it is spaced, dotted or quoted. */
static void add_bare(struct span s, struct text *out)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.data[i];
        if (ch >= 'A' && ch <= 'Z') {
            text_add_char(out, (char)(ch + 32));
        } else if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')) {
            text_add_char(out, ch);
        }
    }
}

static bool holds(struct span received, const char *value)
{
    struct text bare, wanted;
    text_init(&bare, RECEIVED_MAX);
    text_init(&wanted, KIB);
    add_bare(received, &bare);
    add_bare(span_c(value), &wanted);
    bool found = span_find(text_span(&bare), text_span(&wanted), 0) != SIZE_MAX;
    text_done(&bare);
    text_done(&wanted);
    return found;
}

static bool is_listed(const char *const *list, const char *word)
{
    for (; list && *list; list++) {
        if (strcmp(*list, word) == 0) {
            return true;
        }
    }
    return false;
}

/* Does the config itself let values of this type leave as they are? */
static bool may_leave(const struct config *c, const char *type)
{
    if (is_listed(c->never_leave, type) || c->privacy_default == PRIVACY_LOCAL) {
        return false;
    }
    return c->privacy_default == PRIVACY_OPEN || (!c->types_default && !is_listed(c->types, type));
}

static void judge(const struct config *c, const struct backend *b, size_t place,
                  const struct planted *p, struct span received, struct canary_result *out)
{
    if (!holds(received, p->value)) {
        return;
    }
    if (may_leave(c, p->type)) {
        out->allowed++;
        return;
    }
    out->leaked++;
    text_addf(&out->leaks, "%s%s in %s to %s", out->leaks.len ? "; " : "", p->type, places[place],
              b->name);
}

static enum err try_one(struct canary *c, const struct config *config, const struct backend *b,
                        size_t place, const struct planted *p, struct canary_result *out,
                        struct fault *fault)
{
    char said[160];
    struct text body, answer, received;
    text_init(&body, 64 * KIB);
    text_init(&answer, MIB);
    text_init(&received, RECEIVED_MAX);
    snprintf(said, sizeof said, "my %s is %s, thanks", p->what, p->value);
    write_request(b, place, span_c(said), &body);
    int status = client_call(c->client, "POST", "/v1/chat/completions", NULL, text_span(&body),
                             &answer, fault);
    bool came = read_new(c, &received);
    out->requests++;
    out->values++;
    out->arrived += came;
    judge(config, b, place, p, text_span(&received), out);
    enum err err = status < 0 ? ERR_IO : OK;
    if (status == 200 && !came) {
        err =
            fault_set(fault, ERR_IO, "an answer came, but the other side did not see the request");
    }
    text_done(&body);
    text_done(&answer);
    text_done(&received);
    return err;
}

enum err canary_run(const struct config *config, const char *path, struct canary_result *out,
                    struct fault *fault)
{
    struct canary c = {0};
    struct rng r;
    struct planted values[KINDS];
    rng_secret(&r, sizeof r);
    for (int i = 0; i < config->backends_count; i++) {
        out->backends +=
            config->backends[i].tier != TIER_DEVICE && config->backends[i].tier != TIER_HUMAN;
    }
    if (out->backends == 0) {
        return fault_set(fault, ERR_NOT_FOUND,
                         "no backend is beyond the device: nothing can leave");
    }
    enum err err = start_recorder(&c, fault);
    err = err ? err
              : client_open(&(struct client_options){.config_path = path,
                                                     .ledger = c.ledger,
                                                     .upstreams = c.upstreams,
                                                     .may_start = true},
                            &c.client, fault);
    for (int i = 0; i < config->backends_count && !err; i++) {
        const struct backend *b = &config->backends[i];
        bool away = b->tier != TIER_DEVICE && b->tier != TIER_HUMAN;
        for (size_t place = 0; away && place < ARRAY_LEN(places) && !err; place++) {
            make_values(&r, values);
            for (int k = 0; k < KINDS && !err; k++) {
                err = try_one(&c, config, b, place, &values[k], out, fault);
            }
        }
    }
    stop(&c);
    return err;
}
