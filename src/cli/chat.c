/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir chat`: a conversation in the terminal. Lines are edited with libedit; the
 * history lives in memory only, because prompts are not written to disk unless the
 * config says so. Ctrl-C ends an answer, Ctrl-D the chat.
 */
#include "cli/agree.h"
#include "cli/cli.h"

#include <editline/readline.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONVERSATION_MAX (16 * MIB)

static const char help[] =
    "usage: weir chat [OPTIONS]\n"
    "\n"
    "A conversation in the terminal. After each answer a dim line says who answered, why, how\n"
    "long it took and what it cost.\n"
    "\n"
    "  --tier, --model, --mode, --strategy, --privacy, --system   as in `weir ask`\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "\n"
    "in the chat:\n"
    "  /tier NAME   auto, device, cloud or a backend       /why     the last decision, rule by rule\n"
    "  /mode MODE   prefer_on_device, only_on_device, …    /new     forget the conversation\n"
    "  /help        this list                              /quit    or Ctrl-D\n"
    "\n"
    "example:\n"
    "  weir chat --mode only_on_device\n";

struct chat {
    struct client *client;
    struct answer_wish wish;
    char model[128], mode[40];
    const char *system;
    struct text messages; /* the JSON array's inside, without brackets */
    char last_id[31];
};

static struct client *interrupted_client;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    client_interrupt(interrupted_client); /* NOLINT(bugprone-signal-handler): it is one write(2) */
}

static void add_message(struct chat *c, const char *role, struct span content)
{
    struct json_out w = json_out(&c->messages);
    w.comma = c->messages.len > 0;
    json_begin_object(&w);
    json_put_c(&w, "role", role);
    json_put(&w, "content", content);
    json_end_object(&w);
}

static void start_over(struct chat *c)
{
    text_clear(&c->messages);
    if (c->system) {
        add_message(c, "system", span_c(c->system));
    }
}

static void dim_line(const char *text)
{
    printf("%s%s%s\n", cli_dim(STDOUT_FILENO), text, cli_reset(STDOUT_FILENO));
}

/* ---- commands ---- */

static void why(struct chat *c)
{
    if (!c->last_id[0]) {
        dim_line("nothing was asked yet");
        return;
    }
    char path[80];
    snprintf(path, sizeof path, "/weir/v1/receipts/%s", c->last_id);
    struct text out;
    text_init(&out, 8 * MIB);
    struct fault fault = {0};
    struct json_doc *doc = NULL;
    if (client_call(c->client, "GET", path, NULL, SPAN(""), &out, &fault) == 200 &&
        json_parse(text_span(&out), &doc, NULL) == OK) {
        struct json_iter it = json_iter(json_get(json_root(doc), "rules"));
        while (json_next(&it)) {
            printf("%s  %-7.*s %-16.*s %.*s%s\n", cli_dim(STDOUT_FILENO),
                   SPAN_ARG(json_str(json_get(it.value, "verdict"))),
                   SPAN_ARG(json_str(json_get(it.value, "rule"))),
                   SPAN_ARG(json_str(json_get(it.value, "why"))), cli_reset(STDOUT_FILENO));
        }
        printf("%s  receipt %s%s\n", cli_dim(STDOUT_FILENO), c->last_id, cli_reset(STDOUT_FILENO));
    } else {
        dim_line("the receipt could not be read");
    }
    json_free(doc);
    text_done(&out);
}

/* Copies `word` into `slot` for good; empty = back to the default. */
static void set_word(char *slot, size_t size, const char *word, const char **wish)
{
    snprintf(slot, size, "%s", word);
    *wish = *slot ? slot : NULL;
}

/* False when the chat is over. */
static bool command(struct chat *c, char *line)
{
    char *word = strchr(line, ' ');
    if (word) {
        *word++ = '\0';
    }
    word = word ? word : "";
    if (strcmp(line, "/quit") == 0 || strcmp(line, "/exit") == 0) {
        return false;
    }
    if (strcmp(line, "/tier") == 0) {
        set_word(c->model, sizeof c->model, word, &c->wish.model);
        printf("%sasking %s%s\n", cli_dim(1), c->wish.model ? c->wish.model : "auto", cli_reset(1));
    } else if (strcmp(line, "/mode") == 0) {
        struct answer_wish tried = {.mode = *word ? word : NULL};
        const char *wrong = answer_wish_wrong(&tried);
        if (wrong) {
            dim_line(wrong + 2); /* without the dashes of the option */
        } else {
            set_word(c->mode, sizeof c->mode, word, &c->wish.mode);
            printf("%smode %s%s\n", cli_dim(1), c->wish.mode ? c->wish.mode : "auto", cli_reset(1));
        }
    } else if (strcmp(line, "/why") == 0) {
        why(c);
    } else if (strcmp(line, "/new") == 0) {
        start_over(c);
        dim_line("a new conversation");
    } else if (strcmp(line, "/help") == 0) {
        fputs(strstr(help, "in the chat:"), stdout);
    } else {
        dim_line("unknown; /help lists the commands");
    }
    return true;
}

/* ---- turns ---- */

static void turn(struct chat *c, const char *line)
{
    size_t before = c->messages.len;
    add_message(c, "user", span_c(line));
    struct text array;
    text_init(&array, CONVERSATION_MAX + 2);
    text_add_char(&array, '[');
    text_add(&array, text_span(&c->messages));
    text_add_char(&array, ']');
    signal(SIGINT, on_interrupt);
    struct answer_result result;
    bool ok = answer_stream(c->client, &c->wish, text_span(&array), STDOUT_FILENO, &result);
    struct agreement agreement;
    struct answer_wish again;
    if (agree_ask(c->client, &c->wish, text_span(&array), &result, &agreement, &again)) {
        answer_result_done(&result);
        ok = answer_stream(c->client, &again, text_span(&array), STDOUT_FILENO, &result);
    }
    signal(SIGINT, SIG_IGN);
    text_done(&array);
    puts("");
    if (result.request_id[0]) {
        snprintf(c->last_id, sizeof c->last_id, "%s", result.request_id);
    }
    if (ok) {
        add_message(c, "assistant", text_span(&result.text));
        struct text summary;
        text_init(&summary, 8 * KIB);
        answer_summary(result.weir ? json_root(result.weir) : NULL, &summary);
        dim_line(summary.data);
        text_done(&summary);
    } else {
        text_truncate(&c->messages, before); /* the turn did not happen */
        printf("%s%s%s\n", cli_red(1), result.interrupted ? "stopped" : result.error.data,
               cli_reset(1));
    }
    answer_result_done(&result);
}

static bool only_spaces(const char *line)
{
    return span_trim(span_c(line)).len == 0;
}

static void talk(struct chat *c)
{
    bool terminal = isatty(STDIN_FILENO);
    char *piped = NULL;
    size_t piped_size = 0;
    for (;;) {
        fflush(stdout);
        char *line;
        if (terminal) {
            line = readline("> ");
        } else {
            ssize_t n = getline(&piped, &piped_size, stdin);
            line = n < 0 ? NULL : piped;
            if (n > 0 && line[n - 1] == '\n') {
                line[n - 1] = '\0';
            }
        }
        bool more = line != NULL;
        if (more && !only_spaces(line)) {
            terminal ? (void)add_history(line) : (void)0;
            if (line[0] == '/') {
                more = command(c, line);
            } else {
                turn(c, line);
            }
        }
        if (terminal) {
            free(line);
        }
        if (!more) {
            break;
        }
    }
    free(piped);
    if (terminal) {
        puts("");
    }
}

static int run(int argc, char **argv)
{
    struct chat c = {0};
    const char *config = NULL, *tier = NULL;
    const struct cli_option options[] = {
        {"--tier", NULL, &tier},
        {"--model", NULL, &c.wish.model},
        {"--mode", NULL, &c.wish.mode},
        {"--strategy", NULL, &c.wish.strategy},
        {"--privacy", NULL, &c.wish.privacy},
        {"--system", NULL, &c.system},
        {"--config", NULL, &config},
    };
    if (!cli_parse(&command_chat, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    c.wish.model = tier ? tier : c.wish.model;
    const char *wrong = argc > 1 ? "no words are expected here" : answer_wish_wrong(&c.wish);
    if (wrong) {
        return cli_usage(&command_chat, "%s", wrong);
    }
    struct fault fault = {0};
    struct client_options client = {.config_path = cli_config_path(config), .may_start = true};
    if (client_open(&client, &c.client, &fault)) {
        return cli_fail("%s", fault.text);
    }
    text_init(&c.messages, CONVERSATION_MAX);
    start_over(&c);
    interrupted_client = c.client;
    signal(SIGINT, SIG_IGN);
    if (isatty(STDIN_FILENO)) {
        printf("%stalking to %s; /help lists commands, Ctrl-D ends%s\n", cli_dim(1),
               client_started_own(c.client) ? "a weir of my own" : client_url(c.client),
               cli_reset(1));
    }
    talk(&c);
    text_done(&c.messages);
    client_close(c.client);
    return CLI_OK;
}

const struct command command_chat = {
    .name = "chat",
    .summary = "a conversation in the terminal",
    .help = help,
    .run = run,
};
