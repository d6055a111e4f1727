/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir redact`: a filter that needs no server. A text or a JSON document is taken
 * whole; --jsonl reads in blocks, gives each thread its share of the block's lines and
 * writes the shares in order, so that memory is bounded by the block and its answer.
 */
#include "cli/cli.h"
#include "privacy/privacy.h"
#include "server/policy.h"
#include "json/json.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX (4 * MIB) /* of a text; the scan's own bound */
#define DOCUMENT_MAX (32 * MIB)
#define LINE_MAX_BYTES (32 * MIB)
#define BLOCK_BYTES (2 * MIB)
#define THREADS_MAX 16
#define SHARE_LEAST (32 * KIB) /* below, a thread costs more than it saves */
#define COMPLAINTS_MAX 20

static const char help[] =
    "usage: weir redact [TEXT|-] [OPTIONS]\n"
    "       weir redact --jsonl [OPTIONS] < IN > OUT\n"
    "\n"
    "Replaces personal data and secrets by <TYPE_N>, every type that can be found. Nothing is sent\n"
    "anywhere and no server is needed. Without TEXT, or with -, it reads standard input.\n"
    "\n"
    "  --json           {\"text\":…,\"findings\":[{\"type\",\"start\",\"end\",\"score\",\"token\"}]},\n"
    "                   offsets in bytes of the original\n"
    "  --jsonl          a filter: {\"id\",\"text\"} lines in, {\"id\",\"text\",\"findings\"} lines out, in\n"
    "                   order, each numbered for itself; bad lines are named on standard error\n"
    "  --format json    the input is one JSON document; values and keys are redacted, it stays JSON\n"
    "  --policy         only what the config's privacy.types and never_leave name; its `allow` counts\n"
    "  --threads N      for --jsonl (default: one a core, at most 16)\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml; its custom\n"
    "                   patterns are always used\n"
    "\n"
    "examples:\n"
    "  weir redact \"mail jo@corp-mail.com, IBAN DE89 3704 0044 0532 0130 00\"\n"
    "  git diff | weir redact - --policy\n"
    "  weir redact --format json < body.json\n"
    "  weir redact --jsonl < tickets.jsonl > clean.jsonl\n";

/* ---- one text, one document ---- */

/* A line break ends what was an argument; what came through a pipe goes on as it is. */
static int redact_text(const struct privacy_policy *policy, struct span text, bool json, bool piped)
{
    struct pseudonyms *p = pseudonyms_new();
    struct text out;
    struct fault fault = {0};
    text_init(&out, 128 * MIB);
    enum err err = json ? privacy_redact_report(policy, p, text, &out, &fault)
                        : privacy_redact_text(policy, p, text, &out, NULL, NULL, &fault);
    int status = err ? cli_fail("%s", fault.text) : CLI_OK;
    if (!err) {
        fwrite(out.data ? out.data : "", 1, out.len, stdout);
        bool on_screen = isatty(STDOUT_FILENO) && !span_ends(text, SPAN("\n"));
        if (json || !piped || on_screen) {
            putchar('\n');
        }
    }
    text_done(&out);
    pseudonyms_free(p);
    return status;
}

static int redact_document(const struct privacy_policy *policy, struct span text, bool json)
{
    struct pseudonyms *p = pseudonyms_new();
    struct redaction_count counts[FINDING_TYPES_MAX];
    int n = 0;
    struct text out, answer;
    struct fault fault = {0};
    text_init(&out, 128 * MIB);
    text_init(&answer, 129 * MIB);
    int status = CLI_OK;
    if (privacy_redact_document(policy, p, text, &out, counts, &n, &fault)) {
        status = cli_fail("%s", fault.text);
    } else if (json) {
        struct json_out w = json_out(&answer);
        json_begin_object(&w);
        json_key(&w, "document");
        json_raw(&w, text_span(&out));
        json_key(&w, "redactions");
        json_begin_object(&w);
        for (int i = 0; i < n; i++) {
            json_put_int(&w, counts[i].type, counts[i].count);
        }
        json_end_object(&w);
        json_end_object(&w);
        puts(answer.data);
    } else {
        puts(out.data);
    }
    text_done(&answer);
    text_done(&out);
    pseudonyms_free(p);
    return status;
}

/* ---- lines ---- */

/* One thread's lines of a block. */
struct share {
    const struct privacy_policy *policy;
    struct span in;
    int64_t first_line;
    struct text out;
    struct text complaints; /* "line 7: …\n" */
    int64_t bad;
};

static void complain(struct share *s, int64_t line, const char *what)
{
    if (s->bad++ < COMPLAINTS_MAX) {
        text_addf(&s->complaints, "weir: line %lld: %s\n", (long long)line, what);
    }
}

static void redact_line(struct share *s, struct span line, int64_t number)
{
    struct json_doc *doc = NULL;
    struct fault fault = {0};
    if (span_trim(line).len == 0) {
        return;
    }
    if (json_parse(line, &doc, &fault)) {
        complain(s, number, fault.text);
        return;
    }
    const struct json *text = json_get(json_root(doc), "text");
    if (json_type(text) != JSON_STRING) {
        complain(s, number,
                 "an object with a \"text\" of type string is expected: {\"id\":1,\"text\":\"…\"}");
        json_free(doc);
        return;
    }
    size_t begin = s->out.len;
    struct json_out w = json_out(&s->out);
    struct pseudonyms *p = pseudonyms_new();
    json_begin_object(&w);
    json_put_value(&w, "id", json_get(json_root(doc), "id"));
    size_t body = s->out.len;
    if (privacy_redact_report(s->policy, p, json_str(text), &s->out, &fault) || s->out.overflow) {
        complain(s, number, fault.text[0] ? fault.text : "the answer is too long");
        text_truncate(&s->out, begin);
    } else {
        s->out.data[body] = ','; /* the report's own brace: one object of both */
        text_add_char(&s->out, '\n');
    }
    pseudonyms_free(p);
    json_free(doc);
}

static void *redact_share(void *user)
{
    struct share *s = user;
    struct span rest = s->in;
    for (int64_t line = s->first_line; rest.len; line++) {
        struct span one = span_cut(&rest, '\n');
        redact_line(s, one, line);
    }
    return NULL;
}

static int64_t count_lines(struct span s)
{
    int64_t n = 0;
    for (size_t at = 0; (at = span_find_char(s, '\n', at)) != SIZE_MAX; at++) {
        n++;
    }
    return n;
}

/* Whole lines in, about equal shares. Gives how many. */
static int divide(struct share *shares, int threads, const struct privacy_policy *policy,
                  struct span lines, int64_t first_line)
{
    int n = 0;
    size_t least = MAX(lines.len / (size_t)threads + 1, (size_t)SHARE_LEAST);
    while (lines.len) {
        size_t end = lines.len;
        if (n + 1 < threads && lines.len > least) {
            size_t at = span_find_char(lines, '\n', least);
            end = at == SIZE_MAX ? lines.len : at + 1;
        }
        struct share *s = &shares[n++];
        *s = (struct share){
            .policy = policy, .in = span_first(lines, end), .first_line = first_line};
        text_init(&s->out, 256 * MIB);
        text_init(&s->complaints, 64 * KIB);
        first_line += count_lines(s->in);
        lines = span_from(lines, end);
    }
    return n;
}

struct filter {
    const struct privacy_policy *policy;
    int threads;
    int64_t lines, bad;
};

/* False when nobody takes the output any more. */
static bool redact_block(struct filter *f, struct span lines)
{
    struct share shares[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    bool started[THREADS_MAX] = {false};
    bool written = true;
    int n = divide(shares, f->threads, f->policy, lines, f->lines + 1);
    for (int i = 1; i < n; i++) {
        started[i] = pthread_create(&ids[i], NULL, redact_share, &shares[i]) == 0;
    }
    for (int i = 0; i < n; i++) {
        if (started[i]) {
            pthread_join(ids[i], NULL);
        } else {
            redact_share(&shares[i]);
        }
        struct share *s = &shares[i];
        written =
            written && fwrite(s->out.data ? s->out.data : "", 1, s->out.len, stdout) == s->out.len;
        if (f->bad < COMPLAINTS_MAX && s->complaints.len) {
            fputs(s->complaints.data, stderr);
        }
        f->bad += s->bad;
        text_done(&s->out);
        text_done(&s->complaints);
    }
    f->lines += count_lines(lines);
    return written && fflush(stdout) == 0;
}

/* Up to the last line break; the rest waits for its end. */
static bool redact_whole_lines(struct filter *f, struct text *in)
{
    const char *end = in->len ? memrchr(in->data, '\n', in->len) : NULL;
    if (!end) {
        return true;
    }
    size_t len = (size_t)(end - in->data) + 1;
    bool written = redact_block(f, span_first(text_span(in), len));
    text_drop_front(in, len);
    return written;
}

static int redact_lines(const struct privacy_policy *policy, int threads)
{
    struct filter f = {.policy = policy, .threads = threads};
    struct text in;
    text_init(&in, LINE_MAX_BYTES + BLOCK_BYTES);
    ssize_t n = 0;
    bool written = true;
    bool skipping = false; /* inside a line that is too long */
    while (written) {
        char *room = text_reserve(&in, BLOCK_BYTES);
        n = room ? read(STDIN_FILENO, room, BLOCK_BYTES) : -1;
        if (n < 0 && room && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        in.len += (size_t)n;
        if (skipping) {
            const char *end = memchr(in.data, '\n', in.len);
            text_drop_front(&in, end ? (size_t)(end - in.data) + 1 : in.len);
            f.lines += end != NULL;
            skipping = !end;
        }
        written = redact_whole_lines(&f, &in);
        if (in.len > LINE_MAX_BYTES) {
            fprintf(stderr, "weir: line %lld: longer than 32 MiB\n", (long long)f.lines + 1);
            f.bad++;
            skipping = true;
            text_clear(&in);
        }
    }
    if (written && n == 0 && in.len) {
        written = redact_block(&f, text_span(&in));
    }
    text_done(&in);
    if (n < 0) {
        return cli_fail("standard input: %s", strerror(errno));
    }
    if (!written) {
        return cli_fail("standard output: %s", strerror(errno));
    }
    return f.bad ? cli_fail("%lld line%s could not be redacted and %s left out", (long long)f.bad,
                            f.bad == 1 ? "" : "s", f.bad == 1 ? "was" : "were")
                 : CLI_OK;
}

/* ---- the command ---- */

struct wish {
    const char *text;
    bool json, jsonl, document;
    int threads;
};

static int redact_input(const struct privacy_policy *policy, const struct wish *w)
{
    if (w->jsonl) {
        return redact_lines(policy, w->threads);
    }
    struct text in;
    text_init(&in, w->document ? DOCUMENT_MAX : INPUT_MAX);
    bool from_stdin = !w->text || strcmp(w->text, "-") == 0;
    int status;
    if (from_stdin && !cli_read_stdin(&in)) {
        status = cli_fail(in.overflow
                              ? "the input is over %s; as lines of {\"id\",\"text\"} it may be of "
                                "any size: --jsonl"
                              : "standard input could not be read%.0s",
                          w->document ? "32 MiB" : "4 MiB");
    } else {
        struct span text = from_stdin ? text_span(&in) : span_c(w->text);
        status = w->document ? redact_document(policy, text, w->json)
                             : redact_text(policy, text, w->json, from_stdin);
    }
    text_done(&in);
    return status;
}

/* Without a config file the built-in policy: what the server would do without one. */
static enum err load_policy(const char *path, bool listed_only, struct privacy_policy **out,
                            struct fault *fault)
{
    struct config *c = NULL;
    struct text errors;
    text_init(&errors, 64 * KIB);
    enum err err = OK;
    if (path) {
        err = config_load(path, &c, &errors);
    } else {
        c = config_default("weir.gguf"); /* of which only the privacy section counts here */
    }
    if (err) {
        fault_set(fault, err, "%.*s", SPAN_ARG(span_trim(text_span(&errors))));
    } else {
        err = policy_compile(c, !listed_only, out, fault);
        config_unref(c);
    }
    text_done(&errors);
    return err;
}

static bool read_threads(const char *given, int *out)
{
    int64_t n = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
    bool fine = !given || (span_to_i64(span_c(given), &n) && n >= 1 && n <= 64);
    *out = (int)MIN(n, THREADS_MAX);
    return fine;
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *format = "text", *threads = NULL;
    struct wish w = {0};
    bool policy_only = false;
    const struct cli_option options[] = {
        {"--config", NULL, &config}, {"--format", NULL, &format}, {"--threads", NULL, &threads},
        {"--json", &w.json, NULL},   {"--jsonl", &w.jsonl, NULL}, {"--policy", &policy_only, NULL},
    };
    if (!cli_parse(&command_redact, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    w.document = strcmp(format, "json") == 0;
    if (!w.document && strcmp(format, "text") != 0) {
        return cli_usage(&command_redact, "--format must be text or json");
    }
    if (!read_threads(threads, &w.threads)) {
        return cli_usage(&command_redact, "--threads must be a number from 1 to 64");
    }
    if (argc > 2) {
        return cli_usage(&command_redact, "one text is expected; put it in quotes");
    }
    if (w.jsonl && (w.document || (argc > 1 && strcmp(argv[1], "-") != 0))) {
        return cli_usage(&command_redact,
                         "--jsonl reads standard input and takes no text or format");
    }
    w.text = argc > 1 ? argv[1] : NULL;
    if (!w.text && !w.jsonl && isatty(STDIN_FILENO)) {
        return cli_usage(&command_redact, "a text is expected, or something on standard input");
    }
    struct privacy_policy *policy = NULL;
    struct fault fault = {0};
    if (load_policy(cli_config_path(config), policy_only, &policy, &fault)) {
        return cli_fail("%s", fault.text);
    }
    int status = redact_input(policy, &w);
    privacy_policy_free(policy);
    return status;
}

const struct command command_redact = {
    .name = "redact",
    .summary = "replace personal data in a text, JSON or JSONL; needs no server",
    .help = help,
    .run = run,
};
