/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: read the prompts, leave out those that have their line already, tell what
 * the rest will cost, ask both sides and perhaps the judge, one prompt after the other.
 *
 * What can go wrong: a prompt may not leave, or a side fails (the prompt is left out and counted;
 * three in a row that fail end the run); the money would not be enough for the next question, or
 * Ctrl-C (the run ends; the same command goes on from there); a line was cut off by a crash
 * (it is taken away and its prompt asked again).
 */
#include "cli/teacher.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "config/url.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROMPTS_MAX 100000
#define PROMPT_BYTES_MAX (256 * KIB)
#define LINE_BYTES_MAX (4 * MIB)
#define JUDGED_BYTES_MAX 6000 /* of each answer */
#define JUDGE_TOKENS 16
#define FAILED_IN_A_ROW 3
#define TOLD_EVERY 10
#define BYTES_PER_TOKEN 3 /* in the quote, as the gate reserves */
#define BYTES_PER_TOKEN_LEAST 1

struct item {
    struct span prompt, answer; /* answer: SPAN_NONE = the judge compares */
    struct span set, group;
    char id[17]; /* of the prompt: FNV-1a */
    enum match match;
    bool done;
};

struct reply {
    struct text text;
    char receipt[31];
    double confidence, score; /* < 0 = none */
    int64_t cost_nano;
    bool ok;
};

struct teacher {
    const struct teacher_wish *wish;
    struct client *client;
    struct arena *arena; /* of the prompts */
    struct item *items;
    int count, left;
    int out_fd;
    int64_t spent_nano;
    int asked, failed, unjudged, failed_in_a_row;
    double device_sum, cloud_sum;
    uint64_t began_us;
    char why[300]; /* the last failure */
    bool out_of_money, interrupted, stopped;
};

static struct client *interrupted_client;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    client_interrupt(interrupted_client); /* NOLINT(bugprone-signal-handler): it is one write(2) */
}

/* ---- the prompts ---- */

static struct span first_of(const struct json *line, const char *const *keys)
{
    for (; *keys; keys++) {
        const struct json *v = json_get(line, *keys);
        struct span s = json_type(v) == JSON_ARRAY ? json_str(json_at(v, 0)) : json_str(v);
        if (span_given(s)) {
            return s;
        }
    }
    return SPAN_NONE;
}

/* The answer as text; a JSON value is written out. */
static struct span answer_of(struct teacher *t, const struct json *line)
{
    static const char *const keys[] = {"answer", "expected", "target", NULL};
    struct span s = first_of(line, keys);
    for (const char *const *key = keys; !span_given(s) && *key; key++) {
        const struct json *v = json_get(line, *key);
        if (json_type(v) != JSON_NONE && json_type(v) != JSON_NULL) {
            struct text text;
            text_init(&text, PROMPT_BYTES_MAX);
            struct json_out w = json_out(&text);
            json_value(&w, v);
            s = arena_copy(t->arena, text_span(&text));
            text_done(&text);
        }
    }
    return span_given(s) && s.len ? s : SPAN_NONE;
}

/* NULL, or what is wrong. */
static const char *read_json_line(struct teacher *t, struct span bytes, struct item *item)
{
    static const char *const prompts[] = {"prompt", "question", "text", "turns", NULL};
    const struct json *line;
    if (json_parse_in(t->arena, bytes, &line, NULL) || json_type(line) != JSON_OBJECT) {
        return "it is no JSON object, as the first line is";
    }
    item->prompt = first_of(line, prompts);
    item->answer = answer_of(t, line);
    item->set = json_str(json_get(line, "set"));
    item->group = json_str(json_get(line, "group"));
    struct span match = json_str(json_get(line, "match"));
    if (span_given(match) && !match_from(match, &item->match)) {
        return "`match` must be auto, exact, numeric or json";
    }
    return span_given(item->prompt) && item->prompt.len ? NULL : "it has no `prompt`";
}

static bool is_known(const struct teacher *t, const char *id)
{
    for (int i = 0; i < t->count; i++) {
        if (strcmp(t->items[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static const char *read_prompt(struct teacher *t, struct span bytes, bool json)
{
    struct item item = {.answer = SPAN_NONE, .set = SPAN_NONE, .group = SPAN_NONE};
    item.match = t->wish->match;
    const char *wrong = NULL;
    if (json) {
        wrong = read_json_line(t, bytes, &item);
    } else {
        item.prompt = arena_copy(t->arena, bytes);
    }
    if (wrong || item.prompt.len > PROMPT_BYTES_MAX || !span_utf8_valid(item.prompt)) {
        return wrong ? wrong : "its prompt is over 256 KiB or not UTF-8";
    }
    snprintf(item.id, sizeof item.id, "%016llx", (unsigned long long)span_hash(item.prompt));
    if (is_known(t, item.id)) {
        return NULL; /* the same prompt tells nothing new */
    }
    if (t->count == PROMPTS_MAX) {
        return "there are over 100,000 prompts";
    }
    t->items =
        mem_grow(t->items, sizeof item * (size_t)t->count, sizeof item * (size_t)(t->count + 1));
    t->items[t->count++] = item;
    return NULL;
}

static int read_prompts(struct teacher *t)
{
    FILE *f = fopen(t->wish->prompts, "re");
    if (!f) {
        return cli_fail("%s: %s", t->wish->prompts, strerror(errno));
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    bool json = false;
    int status = CLI_OK;
    for (int number = 1; status == CLI_OK && (n = getline(&line, &room, f)) >= 0; number++) {
        struct span bytes = span_trim(span_of(line, (size_t)n));
        if (bytes.len == 0) {
            continue;
        }
        if (t->count == 0) {
            struct json_doc *doc = NULL;
            json = bytes.data[0] == '{' && json_parse(bytes, &doc, NULL) == OK;
            json_free(doc);
        }
        const char *wrong =
            bytes.len > LINE_BYTES_MAX ? "it is over 4 MiB" : read_prompt(t, bytes, json);
        if (wrong) {
            status = cli_fail("%s:%d: %s", t->wish->prompts, number, wrong);
        }
    }
    free(line); /* check-allow: getline's own */
    (void)fclose(f);
    if (status == CLI_OK && t->count == 0) {
        status = cli_fail("%s has no prompts", t->wish->prompts);
    }
    return status;
}

/* ---- what was done before ---- */

static void take_done(struct teacher *t, struct span bytes)
{
    struct json_doc *doc;
    if (json_parse(bytes, &doc, NULL)) {
        return;
    }
    struct span id = json_str(json_get(json_root(doc), "id"));
    double cost = json_f64_or(json_get(json_root(doc), "cost_usd"), 0);
    t->spent_nano += (int64_t)llround(MAX(cost, 0) * (double)USD_NANO);
    for (int i = 0; i < t->count; i++) {
        t->items[i].done |= span_is(id, t->items[i].id);
    }
    json_free(doc);
}

static int open_out(struct teacher *t)
{
    const char *path = t->wish->out;
    FILE *f = fopen(path, "re");
    off_t whole = 0;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while (f && (n = getline(&line, &room, f)) >= 0) {
        if (line[n - 1] == '\n') {
            take_done(t, span_of(line, (size_t)n));
            whole += n;
        }
    }
    free(line); /* check-allow: getline's own */
    if (f) {
        (void)fclose(f);
    }
    t->out_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (t->out_fd < 0 || ftruncate(t->out_fd, whole)) {
        return cli_fail("%s: %s", path, strerror(errno));
    }
    for (int i = 0; i < t->count; i++) {
        t->left += !t->items[i].done;
    }
    return CLI_OK;
}

/* ---- money ---- */

/* Nothing is paid to this machine. */
static bool is_free(const struct backend *b)
{
    struct url url;
    if (b->tier == TIER_DEVICE) {
        return true;
    }
    return !price_known(&b->price) && b->url && !url_parse(span_c(b->url), &url) &&
           (url.is_unix || host_is_loopback(url.host));
}

/* The most that one question may cost, the backend's own retries included. */
static int64_t at_most(const struct backend *b, int64_t bytes, int bytes_per_token, int64_t tokens)
{
    if (is_free(b)) {
        return 0;
    }
    struct usage u = {.input_tokens = bytes / bytes_per_token + 1,
                      .output_tokens = tokens,
                      .cached_tokens = -1,
                      .reasoning_tokens = -1};
    return MAX(price_cost_nano(&b->price, &u), 0) * (1 + MAX(b->retries, 0));
}

static double usd(int64_t nano)
{
    return (double)nano / (double)USD_NANO;
}

#define BODY_OVERHEAD_BYTES 300

static int64_t quote(const struct teacher *t, double tokens_share)
{
    const struct teacher_wish *w = t->wish;
    double answer_tokens = tokens_share * (double)w->max_tokens;
    int64_t sum = 0;
    for (int i = 0; i < t->count; i++) {
        const struct item *item = &t->items[i];
        int64_t bytes = (int64_t)item->prompt.len + BODY_OVERHEAD_BYTES;
        if (item->done) {
            continue;
        }
        sum += at_most(w->cloud, bytes, BYTES_PER_TOKEN, (int64_t)answer_tokens);
        if (!span_given(item->answer)) {
            int64_t answers = MIN((int64_t)(2 * 4 * answer_tokens), 2 * JUDGED_BYTES_MAX);
            sum += 2 * at_most(w->judge, bytes + 1000 + answers, BYTES_PER_TOKEN, JUDGE_TOKENS);
        }
    }
    return sum;
}

/* Tells what it will cost; asks where somebody can answer. */
static int agree(struct teacher *t)
{
    const struct teacher_wish *w = t->wish;
    const struct backend *paid[] = {w->cloud, w->judge};
    bool costs = false;
    for (size_t i = 0; i < ARRAY_LEN(paid); i++) {
        if (!is_free(paid[i]) && !price_known(&paid[i]->price)) {
            return cli_fail("%s has no price in the config, so --max-usd could not be kept; set "
                            "`price: { input_usd_per_mtok: …, output_usd_per_mtok: … }`",
                            paid[i]->name);
        }
        costs |= !is_free(paid[i]);
    }
    if (costs && w->max_usd_nano < 0) {
        return cli_usage(&command_calibrate, "--max-usd is needed: %s costs money", w->cloud->name);
    }
    int judged = 0;
    for (int i = 0; i < t->count; i++) {
        judged += !t->items[i].done && !span_given(t->items[i].answer);
    }
    fprintf(stderr, "%d prompts to %s (%s) and %s (%s)", t->left, w->device->name,
            w->device->model ? w->device->model : "?", w->cloud->name,
            w->cloud->model ? w->cloud->model : "?");
    if (t->left < t->count) {
        fprintf(stderr, "; %d are done already", t->count - t->left);
    }
    fprintf(stderr, "\n");
    if (judged) {
        fprintf(stderr, "%d have no answer given: %s compares both, twice each\n", judged,
                w->judge->name);
    }
    if (!costs) {
        fprintf(stderr, "cost: none, both run on this machine\n");
        return CLI_OK;
    }
    int64_t most = quote(t, 1);
    fprintf(stderr, "cost: about %.4f USD, at most %.4f USD; never over %.4f USD",
            usd(quote(t, 0.25)), usd(most), usd(w->max_usd_nano));
    if (t->spent_nano) {
        fprintf(stderr, ", of which %.4f USD are spent", usd(t->spent_nano));
    }
    fprintf(stderr, "\n");
    if (w->yes || !isatty(STDIN_FILENO) || t->left == 0) {
        return CLI_OK; /* --max-usd is the consent of a script */
    }
    fprintf(stderr, "go on? [y/N] ");
    char line[16] = "";
    bool yes = fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
    return yes ? CLI_OK : cli_fail("nothing was asked");
}

/* ---- one question ---- */

static void write_question(struct text *out, const struct backend *b, struct span content,
                           int64_t max_tokens, const char *id)
{
    struct text session;
    text_init(&session, 100);
    text_addf(&session, "weir-calibrate-%s", id);
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_c(&w, "model", b->name);
    json_key(&w, "messages");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_c(&w, "role", "user");
    json_put(&w, "content", content);
    json_end_object(&w);
    json_end_array(&w);
    json_put_int(&w, "max_tokens", max_tokens);
    json_key(&w, "weir");
    json_begin_object(&w);
    json_put(&w, "session", text_span(&session));
    json_end_object(&w);
    json_end_object(&w);
    text_done(&session);
}

static void take_answer(const struct json *root, struct reply *r)
{
    const struct json *weir = json_get(root, "weir");
    double cost;
    text_add(&r->text, json_str(json_get(json_get(json_at(json_get(root, "choices"), 0), "message"),
                                         "content")));
    span_to_c(json_str(json_get(weir, "id")), r->receipt, sizeof r->receipt);
    r->confidence = json_f64_or(json_get(weir, "confidence"), -1);
    r->score = json_f64_or(json_get(weir, "score"), -1);
    if (json_to_f64(json_get(weir, "cost_usd"), &cost) && cost >= 0) {
        r->cost_nano = (int64_t)llround(cost * (double)USD_NANO);
    }
    r->ok = span_is(json_str(json_get(weir, "outcome")), "ok");
}

/* False when it was not asked (money) or not answered; then t->why says it. */
static bool ask(struct teacher *t, const struct backend *b, struct span content, int64_t max_tokens,
                const char *id, struct reply *r)
{
    *r = (struct reply){.confidence = -1, .score = -1};
    text_init(&r->text, 16 * MIB);
    struct text body;
    struct text out;
    text_init(&body, 2 * MIB);
    text_init(&out, 64 * MIB);
    write_question(&body, b, content, max_tokens, id);
    int64_t most = at_most(b, (int64_t)body.len, BYTES_PER_TOKEN_LEAST, max_tokens);
    if (most > 0 && t->spent_nano + most > t->wish->max_usd_nano) {
        t->out_of_money = true;
        snprintf(t->why, sizeof t->why, "the next question to %s may cost %.6f USD", b->name,
                 usd(most));
    } else {
        struct fault fault = {0};
        struct json_doc *doc = NULL;
        int status = client_call(t->client, "POST", "/v1/chat/completions", NULL, text_span(&body),
                                 &out, &fault);
        bool read = status > 0 && json_parse(text_span(&out), &doc, NULL) == OK;
        r->cost_nano = most; /* what was not told counts in full */
        if (status == 200 && read) {
            take_answer(json_root(doc), r);
        }
        if (!r->ok) {
            struct span message = json_str(json_get(json_get(json_root(doc), "error"), "message"));
            snprintf(t->why, sizeof t->why, "%s: %.*s", b->name,
                     SPAN_ARG(span_given(message) ? span_first(message, 200)
                              : status < 0        ? span_c(fault.text)
                                                  : SPAN("the answer broke off")));
            t->interrupted |= status < 0 && fault.code == ERR_CANCELLED;
            bool refused = status == 402 || status == 403 || status == 400 || status == 404;
            r->cost_nano = refused ? 0 : r->cost_nano; /* nothing left */
        }
        t->spent_nano += r->cost_nano;
        json_free(doc);
    }
    text_done(&body);
    text_done(&out);
    return r->ok;
}

static void give_feedback(struct teacher *t, const struct reply *r, double score,
                          const char *source)
{
    struct text body;
    struct text out;
    text_init(&body, KIB);
    text_init(&out, 64 * KIB);
    struct json_out w = json_out(&body);
    json_begin_object(&w);
    json_put_c(&w, "id", r->receipt);
    json_put_number(&w, "score", score);
    json_put_c(&w, "source", source);
    json_end_object(&w);
    struct fault fault;
    (void)client_call(t->client, "POST", "/weir/v1/feedback", NULL, text_span(&body), &out, &fault);
    text_done(&body);
    text_done(&out);
}

/* ---- the judge ---- */

static struct span short_of(struct span s)
{
    struct span first = span_first(s, JUDGED_BYTES_MAX);
    return span_first(first, span_utf8_whole(first));
}

static char compare(struct teacher *t, const struct item *item, struct span a, struct span b)
{
    struct text content;
    struct reply r;
    text_init(&content, PROMPT_BYTES_MAX + 64 * KIB);
    text_addf(
        &content,
        "Two answers to one request are compared. Look only at how well each does what was asked: "
        "right, complete, in the form asked for. Their length and order mean nothing.\n\n"
        "[Request]\n%.*s\n\n[Answer A]\n%.*s\n\n[Answer B]\n%.*s\n\n"
        "Which is better? Reply with one word: A, B, or TIE when neither is clearly better.",
        SPAN_ARG(item->prompt), SPAN_ARG(short_of(a)), SPAN_ARG(short_of(b)));
    bool ok = ask(t, t->wish->judge, text_span(&content), JUDGE_TOKENS, item->id, &r);
    char verdict = ok ? verdict_read(text_span(&r.text)) : 0;
    text_done(&r.text);
    text_done(&content);
    return verdict;
}

/* -1: no usable verdict. */
static double judge(struct teacher *t, const struct item *item, const struct reply *device,
                    const struct reply *cloud)
{
    struct span d = text_span(&device->text);
    struct span c = text_span(&cloud->text);
    if (span_eq(span_trim(d), span_trim(c))) {
        return 1;
    }
    char first = compare(t, item, d, c);
    char second = first ? compare(t, item, c, d) : 0;
    return verdict_score(first, second);
}

/* ---- one prompt ---- */

static void put_outcome(struct json_out *w, const char *role, const struct backend *b,
                        const struct reply *r, double score)
{
    json_begin_object(w);
    json_put_c(w, "backend", role);
    json_put_c(w, "name", b->name);
    json_put_c(w, "model", b->model);
    json_put_number(w, "score", score);
    json_put_number(w, "confidence", r->confidence < 0 ? NAN : r->confidence);
    json_put_c(w, "receipt", r->receipt);
    json_end_object(w);
}

static bool write_row(struct teacher *t, const struct item *item, const struct reply *device,
                      double device_score, const struct reply *cloud, double cloud_score,
                      int64_t cost_nano)
{
    struct text line;
    text_init(&line, LINE_BYTES_MAX);
    struct json_out w = json_out(&line);
    json_begin_object(&w);
    json_put_c(&w, "id", item->id);
    json_put(&w, "set", span_given(item->set) ? item->set : SPAN("calibrate"));
    json_put(&w, "group", span_given(item->group) ? item->group : SPAN("calibrate"));
    json_put(&w, "prompt", item->prompt);
    json_put_number(&w, "score", device->score < 0 ? NAN : device->score);
    json_put_c(&w, "scored_by", span_given(item->answer) ? "answer" : "judge");
    json_put_usd(&w, "cost_usd", cost_nano);
    json_key(&w, "outcomes");
    json_begin_array(&w);
    put_outcome(&w, "device", t->wish->device, device, device_score);
    put_outcome(&w, "cloud", t->wish->cloud, cloud, cloud_score);
    json_end_array(&w);
    json_end_object(&w);
    text_add_char(&line, '\n');
    bool well = write(t->out_fd, line.data, line.len) == (ssize_t)line.len;
    if (!well) {
        snprintf(t->why, sizeof t->why, "%s: %s", t->wish->out, strerror(errno));
        t->stopped = true;
    }
    text_done(&line);
    return well;
}

/* Scores both, keeps the line, tells the gateway. False when there is no usable verdict. */
static bool settle(struct teacher *t, const struct item *item, const struct reply *device,
                   const struct reply *cloud, int64_t spent_before)
{
    bool given = span_given(item->answer);
    double d = given ? match_reply(text_span(&device->text), item->answer, item->match)
                     : judge(t, item, device, cloud);
    double c = given ? match_reply(text_span(&cloud->text), item->answer, item->match) : 1;
    if (d < 0) {
        t->unjudged += !t->out_of_money && !t->interrupted;
        return false;
    }
    if (!write_row(t, item, device, d, cloud, c, t->spent_nano - spent_before)) {
        return false;
    }
    const char *source = given ? "test" : "judge";
    give_feedback(t, device, d, source);
    give_feedback(t, cloud, c, source);
    t->device_sum += d;
    t->cloud_sum += c;
    t->asked++;
    return true;
}

static void one_prompt(struct teacher *t, struct item *item)
{
    struct reply device;
    struct reply cloud = {.ok = false};
    int64_t spent_before = t->spent_nano;
    bool ok = ask(t, t->wish->device, item->prompt, t->wish->max_tokens, item->id, &device) &&
              ask(t, t->wish->cloud, item->prompt, t->wish->max_tokens, item->id, &cloud);
    if (ok) {
        item->done = settle(t, item, &device, &cloud, spent_before);
        t->failed_in_a_row = 0;
    } else if (!t->out_of_money && !t->interrupted) {
        t->failed++;
        t->stopped |= ++t->failed_in_a_row == FAILED_IN_A_ROW;
    }
    text_done(&device.text);
    text_done(&cloud.text);
}

/* ---- all of them ---- */

static void tell(const struct teacher *t, int number)
{
    bool terminal = isatty(STDERR_FILENO);
    if (!terminal && number % TOLD_EVERY && number != t->left) {
        return;
    }
    double seconds = (double)(clock_now_us() - t->began_us) / 1e6;
    fprintf(stderr, "%s%d/%d  %s %.1f right, %s %.1f right of %d  %.6f USD  %.0f s left%s",
            terminal ? "\r\x1b[K" : "", number, t->left, t->wish->device->name, t->device_sum,
            t->wish->cloud->name, t->cloud_sum, t->asked, usd(t->spent_nano),
            seconds / number * (t->left - number), terminal && number < t->left ? "" : "\n");
    fflush(stderr);
}

static void ask_all(struct teacher *t)
{
    t->began_us = clock_now_us();
    interrupted_client = t->client;
    signal(SIGINT, on_interrupt);
    int number = 0;
    for (int i = 0; i < t->count && !t->out_of_money && !t->interrupted && !t->stopped; i++) {
        if (!t->items[i].done) {
            one_prompt(t, &t->items[i]);
            tell(t, ++number);
        }
    }
    signal(SIGINT, SIG_DFL);
}

/* What came of it, and how to go on. */
static int conclude(const struct teacher *t)
{
    int before = t->count - t->left;
    if (t->unjudged) {
        fprintf(stderr,
                "%d prompts have no label: %s did not say A, B or TIE; give answers in the "
                "file, or another judge with --judge\n",
                t->unjudged, t->wish->judge->name);
    }
    if (t->failed) {
        fprintf(stderr, "%d prompts were left out; the last because of %s\n", t->failed, t->why);
    }
    if (t->out_of_money) {
        fprintf(stderr, "stopped at %.6f of %.6f USD: %s; a higher --max-usd goes on from here\n",
                usd(t->spent_nano), usd(t->wish->max_usd_nano), t->why);
    }
    if (t->interrupted || t->stopped) {
        fprintf(stderr, "stopped%s%s; the same command goes on from here\n", t->stopped ? ": " : "",
                t->stopped ? t->why : "");
    }
    if (t->interrupted) {
        return CLI_FAILED;
    }
    return t->asked + before > 0 ? CLI_OK : cli_fail("no prompt got a label");
}

int teacher_run(const struct teacher_wish *wish)
{
    struct teacher t = {.wish = wish, .out_fd = -1, .arena = arena_new()};
    struct fault fault = {0};
    int status = read_prompts(&t);
    status = status ? status : open_out(&t);
    status = status ? status : agree(&t);
    if (status == CLI_OK && t.left > 0) {
        struct client_options options = {.config_path = wish->config_path, .may_start = true};
        if (client_open(&options, &t.client, &fault)) {
            status = cli_fail("%s", fault.text);
        } else {
            ask_all(&t);
            client_close(t.client);
        }
    }
    status = status ? status : conclude(&t);
    if (t.out_fd >= 0) {
        close(t.out_fd);
    }
    mem_free(t.items);
    arena_free(t.arena);
    return status;
}
