/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/client.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: weir explain [OPTIONS] \"TEXT\"\n"
    "\n"
    "Shows where a prompt would be answered and why: the score and what moved it, the threshold and\n"
    "what it promises, what each backend would take, every rule's verdict, what personal data was\n"
    "found. Runs nothing and sends nothing.\n"
    "\n"
    "  --tier, --model, --mode, --strategy, --privacy   as in `weir ask`\n"
    "  --payload        instead print the exact body that would leave, byte by byte; with --json\n"
    "                   it is added to the decision\n"
    "  --json           the decision as JSON\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "\n"
    "examples:\n"
    "  weir explain \"what is 12 + 30?\"\n"
    "  weir explain --payload --tier cloud \"mail jo@corp-mail.com about it\"\n";

static void print_rules(const struct json *rules)
{
    struct json_iter it = json_iter(rules);
    while (json_next(&it)) {
        struct span verdict = json_str(json_get(it.value, "verdict"));
        const char *colour = span_is(verdict, "take")     ? cli_green(STDOUT_FILENO)
                             : span_is(verdict, "forbid") ? cli_red(STDOUT_FILENO)
                                                          : cli_dim(STDOUT_FILENO);
        printf("  %s%-7.*s%s %-18.*s %.*s\n", colour, SPAN_ARG(verdict), cli_reset(STDOUT_FILENO),
               SPAN_ARG(json_str(json_get(it.value, "rule"))),
               SPAN_ARG(json_str(json_get(it.value, "why"))));
    }
}

static void print_score(const struct json *root)
{
    double score;
    const struct json *parts = json_get(root, "score_parts");
    if (!json_to_f64(json_get(root, "score"), &score)) {
        return;
    }
    printf("  score        %s%.2f%s   P(device good) %.2f, P(cloud good) %.2f", cli_bold(1), score,
           cli_reset(1), json_f64_or(json_get(parts, "p_device"), 0),
           json_f64_or(json_get(parts, "p_cloud"), 0));
    double labels = json_f64_or(json_get(parts, "labels"), 0);
    if (labels > 0) {
        printf(": prior %.2f / %.2f, learned %.2f / %.2f from %.0f labels with weight %.2f",
               json_f64_or(json_get(parts, "prior_device"), 0),
               json_f64_or(json_get(parts, "prior_cloud"), 0),
               json_f64_or(json_get(parts, "learned_device"), 0),
               json_f64_or(json_get(parts, "learned_cloud"), 0), labels,
               json_f64_or(json_get(parts, "learned_weight"), 0));
        printf("\n               novelty %.2f%s", json_f64_or(json_get(parts, "novelty"), 0),
               json_f64_or(json_get(parts, "novelty"), 0) > 0.3
                   ? ": unlike what was learned from, so the prior speaks"
                   : "");
    } else {
        printf(": prior alone, nothing learned yet");
    }
    puts("");
}

static void print_threshold(const struct json *root)
{
    double threshold;
    const struct json *quality = json_get(root, "quality");
    if (!json_to_f64(json_get(root, "threshold"), &threshold)) {
        return;
    }
    struct span note = json_str(json_get(quality, "note"));
    printf("  threshold    %s%.2f%s   from the %.*s%s%.*s\n", cli_bold(1), threshold, cli_reset(1),
           SPAN_ARG(json_str(json_get(quality, "threshold_from"))), note.len ? "; " : "",
           SPAN_ARG(note));
    double p;
    if (json_to_f64(json_get(json_get(root, "calibration"), "p_good_by_score"), &p)) {
        printf("               by your labels, %.0f %% of such prompts are good on the device\n",
               100 * p);
    }
}

static void print_contributions(const struct json *list)
{
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        double by = json_f64_or(json_get(it.value, "score"), 0);
        printf("%s  %s%s%.2f%s        %-14.*s %-6g %s%.*s%s\n",
               it.index ? "" : "\nwhat moved the score (+ towards the device)\n",
               by < 0 ? cli_red(1) : cli_green(1), by < 0 ? "\xe2\x88\x92" : "+", by < 0 ? -by : by,
               cli_reset(1), SPAN_ARG(json_str(json_get(it.value, "name"))),
               json_f64_or(json_get(it.value, "value"), 0), cli_dim(1),
               SPAN_ARG(json_str(json_get(it.value, "meaning"))), cli_reset(1));
    }
}

static void add_time(struct text *out, const struct json *v)
{
    double us;
    if (json_to_f64(v, &us)) {
        text_addf(out, us < 1e6 ? "%.0f ms" : "%.1f s", us < 1e6 ? us / 1e3 : us / 1e6);
    } else {
        text_add_c(out, "not known");
    }
}

static void add_cost(struct text *out, const struct json *likely, const struct json *most)
{
    double usd;
    if (json_to_f64(likely, &usd)) {
        text_addf(out, usd > 0 ? "about %.6f USD" : "0 USD", usd);
    } else if (json_to_f64(most, &usd)) {
        text_addf(out, "at most %.6f USD", usd);
    } else {
        text_add_c(out, "no price");
    }
}

static void print_predictions(const struct json *list)
{
    printf("\n%-14s %-22s %-12s %-12s %s\n", "each backend", "model", "first token", "whole",
           "cost");
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct text first, whole, cost;
        text_init(&first, 100);
        text_init(&whole, 100);
        text_init(&cost, 100);
        add_time(&first, json_get(it.value, "ttft_us"));
        add_time(&whole, json_get(it.value, "total_us"));
        add_cost(&cost, json_get(it.value, "cost_usd"), json_get(it.value, "cost_usd_at_most"));
        printf("  %-12.*s %-22.*s %-12s %-12s %s",
               SPAN_ARG(json_str(json_get(it.value, "backend"))),
               SPAN_ARG(json_str(json_get(it.value, "model"))), first.data, whole.data, cost.data);
        struct span why = json_str(json_get(it.value, "why"));
        printf("%s%s%.*s%s\n", why.len ? "  " : "", cli_red(1), SPAN_ARG(why), cli_reset(1));
        text_done(&first);
        text_done(&whole);
        text_done(&cost);
    }
}

static void print_memory(const struct json *root)
{
    const struct json *s = json_get(root, "session");
    if (json_type(s) == JSON_OBJECT) {
        printf("  session      last answered by %s, likeness %.2f, %lld tokens kept warm\n",
               json_true(json_get(s, "up")) ? "another tier" : "the device",
               json_f64_or(json_get(s, "similarity"), 0),
               (long long)json_i64_or(json_get(s, "cached_tokens"), 0));
    }
    for (struct json_iter it = json_iter(json_get(json_get(root, "guard"), "alarms"));
         json_next(&it);) {
        printf("  guard        alarm: %.*s\n", SPAN_ARG(json_str(it.value)));
    }
}

static void print_findings(const struct json *findings)
{
    struct json_iter it = json_iter(findings);
    while (json_next(&it)) {
        printf("  found        %lld %.*s\n", (long long)json_i64_or(json_get(it.value, "count"), 1),
               SPAN_ARG(json_str(json_get(it.value, "type"))));
    }
}

static void print_decision(const struct json *root)
{
    const struct json *d = json_get(root, "decision");
    printf("%s%.*s%s over", cli_bold(STDOUT_FILENO), SPAN_ARG(json_str(json_get(d, "strategy"))),
           cli_reset(STDOUT_FILENO));
    struct json_iter it = json_iter(json_get(d, "backends"));
    while (json_next(&it)) {
        printf("%s %.*s", it.index ? "," : "", SPAN_ARG(json_str(it.value)));
    }
    printf("\n  because      %.*s\n", SPAN_ARG(json_str(json_get(d, "reason"))));
    print_score(root);
    print_threshold(root);
    print_memory(root);
    print_findings(json_get(json_get(root, "privacy"), "findings"));
    print_contributions(json_get(root, "contributions"));
    print_predictions(json_get(root, "predictions"));
    printf("\nrules\n");
    print_rules(json_get(root, "rules"));
}

/* POSTs; CLI_OK when the answer is 200. */
static int ask(struct client *c, const char *path, struct span body, struct text *out)
{
    struct fault fault = {0};
    struct json_doc *doc = NULL;
    int status = client_call(c, "POST", path, NULL, body, out, &fault);
    if (status == 200) {
        return CLI_OK;
    }
    if (status < 0 || json_parse(text_span(out), &doc, NULL)) {
        return cli_fail("%s", status < 0 ? fault.text : "the server's answer is not JSON");
    }
    const struct json *error = json_get(json_root(doc), "error");
    int failed = cli_fail("%.*s", SPAN_ARG(json_str(json_get(error, "message"))));
    json_free(doc);
    return failed;
}

/* Standard output gets the body and nothing else, so that it can be kept and compared. */
static int show_payload(struct client *c, struct span body)
{
    struct text out;
    text_init(&out, 64 * MIB);
    int exit_code = ask(c, "/weir/v1/explain?payload=raw", body, &out);
    if (exit_code == CLI_OK && out.len) {
        fprintf(stderr, "%swould leave (%zu bytes):%s\n", cli_dim(STDERR_FILENO), out.len,
                cli_reset(STDERR_FILENO));
        puts(out.data);
    } else if (exit_code == CLI_OK) {
        fprintf(stderr, "nothing would leave: this device answers\n");
    }
    text_done(&out);
    return exit_code;
}

static int show_decision(struct client *c, struct span body, bool payload, bool json)
{
    struct text out;
    text_init(&out, 64 * MIB);
    struct json_doc *doc = NULL;
    int exit_code = ask(c, payload ? "/weir/v1/explain?payload=1" : "/weir/v1/explain", body, &out);
    if (exit_code == CLI_OK && json) {
        puts(out.data);
    } else if (exit_code == CLI_OK && json_parse(text_span(&out), &doc, NULL)) {
        exit_code = cli_fail("the server's answer is not JSON");
    } else if (exit_code == CLI_OK) {
        print_decision(json_root(doc));
    }
    json_free(doc);
    text_done(&out);
    return exit_code;
}

static int explain(const char *config, struct span body, bool payload, bool json)
{
    struct client *c;
    struct fault fault = {0};
    struct client_options client = {.config_path = cli_config_path(config), .may_start = true};
    if (client_open(&client, &c, &fault)) {
        return cli_fail("%s", fault.text);
    }
    int exit_code =
        payload && !json ? show_payload(c, body) : show_decision(c, body, payload, json);
    client_close(c);
    return exit_code;
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *tier = NULL, *model = NULL, *mode = NULL, *strategy = NULL,
               *privacy = NULL;
    bool json = false, payload = false;
    const struct cli_option options[] = {
        {"--config", NULL, &config}, {"--tier", NULL, &tier},         {"--model", NULL, &model},
        {"--mode", NULL, &mode},     {"--strategy", NULL, &strategy}, {"--privacy", NULL, &privacy},
        {"--json", &json, NULL},     {"--payload", &payload, NULL},
    };
    if (!cli_parse(&command_explain, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage(&command_explain, "exactly one text is expected: weir explain \"TEXT\"");
    }
    struct text body, words;
    text_init(&body, 64 * MIB);
    text_init(&words, 16 * MIB);
    if (strcmp(argv[1], "-") == 0 && !cli_read_stdin(&words)) {
        return cli_fail("standard input could not be read, or is over 16 MiB");
    }
    struct json_out w = json_out(&body);
    json_begin_object(&w);
    json_put_c(&w, "model", tier ? tier : model ? model : "auto");
    json_key(&w, "messages");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_c(&w, "role", "user");
    json_put(&w, "content", words.len ? text_span(&words) : span_c(argv[1]));
    json_end_object(&w);
    json_end_array(&w);
    json_key(&w, "weir");
    json_begin_object(&w);
    mode ? json_put_c(&w, "mode", mode) : (void)0;
    strategy ? json_put_c(&w, "strategy", strategy) : (void)0;
    privacy ? json_put_c(&w, "privacy", privacy) : (void)0;
    json_end_object(&w);
    json_end_object(&w);
    int status = explain(config, text_span(&body), payload, json);
    text_done(&words);
    text_done(&body);
    return status;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "show where a prompt would go, and why; runs nothing",
    .help = help,
    .run = run,
};
