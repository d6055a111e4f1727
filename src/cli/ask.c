/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/agree.h"
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: weir ask [OPTIONS] \"TEXT\"\n"
    "\n"
    "Asks once and prints the answer as it comes. Uses the Weir that serves this ledger,\n"
    "or runs alone when there is none. `-` reads the text from standard input.\n"
    "What policy keeps on the device may go after a question on the terminal, where the\n"
    "config says so (privacy.consent).\n"
    "\n"
    "  --tier device|cloud   ask this tier (also --model NAME: auto, a backend, an alias)\n"
    "  --mode MODE           auto, prefer_on_device, only_on_device, prefer_in_cloud, only_in_cloud\n"
    "  --strategy NAME       device, cloud, fallback, cascade, split\n"
    "  --privacy LEVEL       open, redact, local (may only be stricter than the config)\n"
    "  --system TEXT         a system message before the question\n"
    "  --session NAME        groups requests of one conversation\n"
    "  --max-tokens N        end the answer after N tokens\n"
    "  --json                {\"text\", \"weir\": receipt}\n"
    "  --config FILE         default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "  -v, --verbose         with no server running: show the log of our own\n"
    "\n"
    "examples:\n"
    "  weir ask \"what is 12 + 30?\"\n"
    "  weir ask --mode only_on_device \"turn on the kitchen light\"\n"
    "  git diff | weir ask --system \"Summarise this change in one line.\" -\n"
    "  weir ask --json \"hello\" | jq .weir.tier\n";

static struct client *interrupted_client;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    client_interrupt(interrupted_client); /* NOLINT(bugprone-signal-handler): it is one write(2) */
}

static void write_messages(const char *system, struct span text, struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_array(&w);
    if (system) {
        json_begin_object(&w);
        json_put_c(&w, "role", "system");
        json_put_c(&w, "content", system);
        json_end_object(&w);
    }
    json_begin_object(&w);
    json_put_c(&w, "role", "user");
    json_put(&w, "content", text);
    json_end_object(&w);
    json_end_array(&w);
}

/* The whole receipt, with the rules that the stream's short form leaves out. */
static void print_json(struct client *c, const struct answer_result *r)
{
    char path[80];
    snprintf(path, sizeof path, "/weir/v1/receipts/%s", r->request_id);
    struct text receipt, out;
    text_init(&receipt, 8 * MIB);
    text_init(&out, 64 * MIB);
    struct fault fault;
    bool have =
        r->request_id[0] && client_call(c, "GET", path, NULL, SPAN(""), &receipt, &fault) == 200;
    struct json_out w = json_out(&out);
    json_begin_object(&w);
    json_put(&w, "text", text_span(&r->text));
    json_key(&w, "weir");
    if (have) {
        json_raw(&w, span_trim(text_span(&receipt)));
    } else {
        json_value(&w, r->weir ? json_root(r->weir) : NULL);
    }
    json_end_object(&w);
    printf("%s\n", out.data);
    text_done(&receipt);
    text_done(&out);
}

static void print_end(const struct answer_result *r, bool ok)
{
    if (r->text.len && r->text.data[r->text.len - 1] != '\n') {
        puts("");
    }
    fflush(stdout);
    if (ok && r->weir && isatty(STDOUT_FILENO)) {
        struct text line;
        text_init(&line, 4 * KIB);
        answer_summary(json_root(r->weir), &line);
        fprintf(stderr, "%s%s%s\n", cli_dim(STDERR_FILENO), line.data, cli_reset(STDERR_FILENO));
        text_done(&line);
    }
}

static int ask(struct client *c, const struct answer_wish *wish, const char *system,
               struct span text, bool json)
{
    struct text messages;
    text_init(&messages, 64 * MIB);
    write_messages(system, text, &messages);
    interrupted_client = c;
    signal(SIGINT, on_interrupt);
    struct answer_result result;
    bool ok = answer_stream(c, wish, text_span(&messages), json ? -1 : STDOUT_FILENO, &result);
    struct agreement agreement;
    struct answer_wish again;
    if (!json && agree_ask(c, wish, text_span(&messages), &result, &agreement, &again)) {
        answer_result_done(&result);
        ok = answer_stream(c, &again, text_span(&messages), STDOUT_FILENO, &result);
    }
    signal(SIGINT, SIG_DFL);
    if (json && (ok || result.weir)) {
        print_json(c, &result);
    } else if (!json) {
        print_end(&result, ok);
    }
    if (!ok) {
        cli_fail("%s", result.error.data);
    }
    answer_result_done(&result);
    text_done(&messages);
    return ok ? CLI_OK : CLI_FAILED;
}

static int run(int argc, char **argv)
{
    struct answer_wish wish = {0};
    const char *config = NULL, *system = NULL, *tier = NULL, *max_tokens = NULL;
    bool json = false, verbose = false;
    const struct cli_option options[] = {
        {"--tier", NULL, &tier},
        {"--model", NULL, &wish.model},
        {"--mode", NULL, &wish.mode},
        {"--strategy", NULL, &wish.strategy},
        {"--privacy", NULL, &wish.privacy},
        {"--session", NULL, &wish.session},
        {"--system", NULL, &system},
        {"--max-tokens", NULL, &max_tokens},
        {"--config", NULL, &config},
        {"--json", &json, NULL},
        {"--verbose", &verbose, NULL},
        {"-v", &verbose, NULL},
    };
    if (!cli_parse(&command_ask, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    wish.model = tier ? tier : wish.model;
    const char *wrong = answer_wish_wrong(&wish);
    if (wrong) {
        return cli_usage(&command_ask, "%s", wrong);
    }
    if (max_tokens && (!span_to_i64(span_c(max_tokens), &wish.max_tokens) || wish.max_tokens < 1)) {
        return cli_usage(&command_ask, "--max-tokens must be a number from 1 up");
    }
    if (argc < 2) {
        return cli_usage(&command_ask, "what do you want to ask? weir ask \"TEXT\"");
    }
    struct text text;
    text_init(&text, 16 * MIB);
    if (argc == 2 && strcmp(argv[1], "-") == 0) {
        if (!cli_read_stdin(&text)) {
            return cli_fail("standard input could not be read, or is over 16 MiB");
        }
    } else {
        for (int i = 1; i < argc; i++) {
            text_addf(&text, "%s%s", i > 1 ? " " : "", argv[i]);
        }
    }
    struct client *c;
    struct fault fault = {0};
    struct client_options client = {
        .config_path = cli_config_path(config), .may_start = true, .verbose = verbose};
    if (client_open(&client, &c, &fault)) {
        text_done(&text);
        return cli_fail("%s", fault.text);
    }
    int status = ask(c, &wish, system, span_trim(text_span(&text)), json);
    client_close(c);
    text_done(&text);
    return status;
}

const struct command command_ask = {
    .name = "ask",
    .summary = "ask once and print the answer",
    .help = help,
    .run = run,
};
