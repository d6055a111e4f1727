/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/ledger_view.h"
#include "cli/verify.h"

#include <stdio.h>
#include <unistd.h>

static const char help[] =
    "usage: weir receipts [ID] [OPTIONS]\n"
    "       weir receipts --verify [--head HASH] [OPTIONS]\n"
    "\n"
    "Lists the newest receipts, or shows one: who answered, why, what it cost, what left this\n"
    "device. A receipt never holds the words of a prompt.\n"
    "\n"
    "  --last N         how many (default 20, at most 1000)\n"
    "  --prompt         with an ID: the request's body, if ledger.store_prompts kept it (sealed; the\n"
    "                   key is read from ledger.key_file, or LEDGER.key)\n"
    "  --verify         checks every receipt against the audit chain and names what was changed,\n"
    "                   removed, reordered or put in; exit 1 if anything was\n"
    "  --head HASH      with --verify: the head that an earlier check showed must be in the chain\n"
    "  --json           as JSON\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "\n"
    "examples:\n"
    "  weir receipts\n"
    "  weir receipts --last 100 --json | jq '.receipts[].reason'\n"
    "  weir receipts req_01JD0Z3Q8X4W5V6T7R8S9A0B1C\n"
    "  weir receipts --verify --json | jq .problems\n";

static void print_row(const struct json *r)
{
    struct span time = json_str(json_get(r, "time"));
    double cost;
    char money[32] = "-";
    if (json_to_f64(json_get(r, "cost_usd"), &cost)) {
        snprintf(money, sizeof money, "%.6f", cost);
    }
    int64_t total = json_i64_or(json_get(r, "total_us"), 0);
    struct span degraded = json_str(json_get(r, "degraded"));
    struct span reason = json_str(json_get(r, "reason"));
    if (span_given(json_str(json_get(r, "forgotten")))) {
        reason = SPAN("(forgotten)");
    }
    printf("%-30.*s  %.19s  %-9.*s %-7.*s %8.1f ms %10s  %.*s%s%.*s\n",
           SPAN_ARG(json_str(json_get(r, "id"))), span_given(time) ? time.data : "",
           SPAN_ARG(json_str(json_get(r, "outcome"))), SPAN_ARG(json_str(json_get(r, "tier"))),
           (double)total / 1e3, money, SPAN_ARG(degraded), span_given(degraded) ? ": " : "",
           SPAN_ARG(reason));
}

static void print_list(const struct json *root)
{
    const struct json *list = json_get(root, "receipts");
    if (json_len(list) == 0) {
        puts("no receipts yet");
        return;
    }
    printf("%s%-30s  %-19s  %-9s %-7s %11s %10s  %s%s\n", cli_dim(STDOUT_FILENO), "id",
           "time (UTC)", "outcome", "tier", "time", "USD", "reason", cli_reset(STDOUT_FILENO));
    struct json_iter it = json_iter(list);
    while (json_next(&it)) {
        print_row(it.value);
    }
}

static void print_types(const char *before, const struct json *types)
{
    struct json_iter it = json_iter(types);
    while (json_next(&it)) {
        printf("%s%lld %.*s", it.index ? ", " : before, (long long)json_i64_or(it.value, 0),
               SPAN_ARG(it.key));
    }
}

/* What left with this leg: bytes and types, never values. */
static void print_departure(const struct json *leg)
{
    int64_t bytes = json_i64_or(json_get(leg, "left_device_bytes"), 0);
    if (bytes == 0) {
        puts("         nothing left this device");
        return;
    }
    printf("         %lld bytes left this device", (long long)bytes);
    struct json_iter it = json_iter(json_get(leg, "labels"));
    while (json_next(&it)) {
        printf("%s%.*s", it.index ? ", " : " to ", SPAN_ARG(json_str(it.value)));
    }
    print_types("; replaced before: ", json_get(leg, "redactions"));
    print_types("; in clear: ", json_get(leg, "left_in_clear"));
    puts("");
}

static void print_leg(const struct json *leg)
{
    printf("  leg %lld  %.*s (%.*s %.*s)  %.*s", (long long)json_i64_or(json_get(leg, "leg"), 0),
           SPAN_ARG(json_str(json_get(leg, "backend"))), SPAN_ARG(json_str(json_get(leg, "tier"))),
           SPAN_ARG(json_str(json_get(leg, "model"))),
           SPAN_ARG(json_str(json_get(leg, "outcome"))));
    struct span error = json_str(json_get(leg, "error"));
    if (span_given(error)) {
        printf(": %.*s", SPAN_ARG(error));
    }
    printf("\n         %lld + %lld tokens, %.1f ms\n",
           (long long)json_i64_or(json_get(leg, "input_tokens"), 0),
           (long long)json_i64_or(json_get(leg, "output_tokens"), 0),
           (double)json_i64_or(json_get(leg, "total_us"), 0) / 1e3);
    print_departure(leg);
}

static void print_wishes(const struct json *r)
{
    printf("  mode %.*s, privacy %.*s, strategy %.*s\n", SPAN_ARG(json_str(json_get(r, "mode"))),
           SPAN_ARG(json_str(json_get(r, "privacy"))), SPAN_ARG(json_str(json_get(r, "strategy"))));
    const struct json *kept = json_get(r, "kept");
    if (json_type(kept) == JSON_OBJECT) {
        struct span type = json_str(json_get(kept, "type"));
        printf("  kept on this device by %.*s%s%.*s\n", SPAN_ARG(json_str(json_get(kept, "rule"))),
               span_given(type) ? " because of " : "", SPAN_ARG(type));
    }
}

static void print_one(const struct json *r)
{
    printf("%s%.*s%s  %.*s\n", cli_bold(STDOUT_FILENO), SPAN_ARG(json_str(json_get(r, "id"))),
           cli_reset(STDOUT_FILENO), SPAN_ARG(json_str(json_get(r, "time"))));
    struct text line;
    text_init(&line, 8 * KIB);
    answer_summary(r, &line);
    printf("  %.*s: %s\n", SPAN_ARG(json_str(json_get(r, "outcome"))), line.data);
    text_done(&line);
    struct span forgotten = json_str(json_get(r, "forgotten"));
    if (span_given(forgotten)) {
        printf("  forgotten %.19s: what it said about somebody is erased\n", forgotten.data);
    } else {
        print_wishes(r);
    }
    struct json_iter it = json_iter(json_get(r, "legs"));
    while (json_next(&it)) {
        print_leg(it.value);
    }
    it = json_iter(json_get(r, "rules"));
    while (json_next(&it)) {
        printf("  %s%-7.*s %-18.*s %.*s%s\n", cli_dim(STDOUT_FILENO),
               SPAN_ARG(json_str(json_get(it.value, "verdict"))),
               SPAN_ARG(json_str(json_get(it.value, "rule"))),
               SPAN_ARG(json_str(json_get(it.value, "why"))), cli_reset(STDOUT_FILENO));
    }
}

static int print_prompt(const char *config, const char *id)
{
    struct text out;
    struct fault fault = {0};
    text_init(&out, 8 * MIB);
    enum err err = ledger_view_prompt(config, id, &out, &fault);
    err ? (void)cli_fail("%s", fault.text) : (void)puts(out.data);
    text_done(&out);
    return err ? CLI_FAILED : CLI_OK;
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *last = NULL, *head = NULL;
    bool json = false, verify = false, prompt = false;
    const struct cli_option options[] = {
        {"--config", NULL, &config}, {"--last", NULL, &last},     {"--head", NULL, &head},
        {"--json", &json, NULL},     {"--verify", &verify, NULL}, {"--prompt", &prompt, NULL},
    };
    if (!cli_parse(&command_receipts, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    int64_t n = 20;
    if (last && (!span_to_i64(span_c(last), &n) || n < 1 || n > 1000)) {
        return cli_usage(&command_receipts, "--last must be a number from 1 to 1000");
    }
    if (argc > 2) {
        return cli_usage(&command_receipts, "at most one ID is expected");
    }
    if (head && !verify) {
        return cli_usage(&command_receipts, "--head goes with --verify");
    }
    if (prompt && argc != 2) {
        return cli_usage(&command_receipts, "--prompt goes with the ID of one receipt");
    }
    if (prompt) {
        return print_prompt(cli_config_path(config), argv[1]);
    }
    if (verify && (argc > 1 || last)) {
        return cli_usage(&command_receipts, "--verify checks all receipts; no ID and no --last");
    }
    if (verify) {
        return verify_receipts(cli_config_path(config), head, json);
    }
    struct ledger_wish wish = {
        .question = argc > 1 ? LEDGER_ONE : LEDGER_LIST,
        .config = cli_config_path(config),
        .last = (int)n,
        .id = argc > 1 ? argv[1] : NULL,
    };
    struct text out;
    text_init(&out, 64 * MIB);
    struct fault fault = {0};
    struct json_doc *doc = NULL;
    int status = CLI_OK;
    if (ledger_view(&wish, &out, &fault)) {
        status = cli_fail("%s", fault.text);
    } else if (json) {
        printf("%s\n", out.data);
    } else if (json_parse(text_span(&out), &doc, &fault)) {
        status = cli_fail("the ledger's answer is not JSON");
    } else {
        argc > 1 ? print_one(json_root(doc)) : print_list(json_root(doc));
    }
    json_free(doc);
    text_done(&out);
    return status;
}

const struct command command_receipts = {
    .name = "receipts",
    .summary = "what was answered where, why, at what cost, and what left",
    .help = help,
    .run = run,
};
