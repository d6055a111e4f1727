/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/ledger_view.h"
#include "cli/report_privacy.h"
#include "json/json.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_CELLS 24

static const char help[] =
    "usage: weir report [OPTIONS]\n"
    "\n"
    "Sums up the ledger: how many answers came from where, what they cost, what the cloud alone\n"
    "would have cost, how long people waited, what left this device.\n"
    "\n"
    "  --since 7d       how far back: 45s, 30m, 12h, 7d (default 7d)\n"
    "  --privacy        instead: what left, to which backend and model, what was replaced first\n"
    "  --json           as JSON\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "\n"
    "examples:\n"
    "  weir report\n"
    "  weir report --since 24h --json | jq .saved_usd\n"
    "  weir report --privacy --since 30d\n";

static void print_tiers(const struct json *root, int64_t requests)
{
    struct json_iter it = json_iter(json_get(root, "by_tier"));
    while (json_next(&it)) {
        int64_t n = json_i64_or(json_get(it.value, "requests"), 0);
        double share = requests > 0 ? (double)n / (double)requests : 0;
        struct text bar;
        text_init(&bar, KIB);
        cli_bar(&bar, share, BAR_CELLS);
        printf("  %-8.*s %s%s%s %7lld  %3.0f %%", SPAN_ARG(it.key), cli_green(STDOUT_FILENO),
               bar.data, cli_reset(STDOUT_FILENO), (long long)n, 100 * share);
        double cost;
        if (json_to_f64(json_get(it.value, "cost_usd"), &cost)) {
            printf("  %.6f USD", cost);
        }
        puts("");
        text_done(&bar);
    }
}

static void print_money(const struct json *root)
{
    double cost, always, saved, share;
    bool have_cost = json_to_f64(json_get(root, "cost_usd"), &cost);
    if (!json_to_f64(json_get(root, "always_cloud_cost_usd"), &always)) {
        printf(
            "  money    no cloud backend has a price, so nothing is compared; set `price` in the config\n");
        return;
    }
    const char *mark = json_true(json_get(root, "estimated")) ? "about " : "";
    printf("  money    spent %s%.6f USD; always-cloud would have cost %s%.6f USD",
           have_cost ? "" : "(partly unknown) ", have_cost ? cost : 0.0, mark, always);
    if (json_to_f64(json_get(root, "saved_usd"), &saved)) {
        printf("; saved %s%.6f USD", mark, saved);
    }
    if (json_to_f64(json_get(root, "saved_share"), &share)) {
        printf(" (%.0f %%)", 100 * share);
    }
    puts("");
}

static void print_rest(const struct json *root)
{
    const struct json *ttft = json_get(root, "ttft_us");
    if (json_to_f64(json_get(ttft, "p50"), &(double){0})) {
        printf("  waiting  first token p50 %.1f ms, p90 %.1f ms, p99 %.1f ms\n",
               json_f64_or(json_get(ttft, "p50"), 0) / 1e3,
               json_f64_or(json_get(ttft, "p90"), 0) / 1e3,
               json_f64_or(json_get(ttft, "p99"), 0) / 1e3);
    }
    double rate;
    if (json_to_f64(json_get(root, "escalation_rate"), &rate)) {
        printf("  beyond   %.0f %% of the answers came from beyond this device\n", 100 * rate);
    }
    printf("  left     %lld bytes; %lld requests had values replaced\n",
           (long long)json_i64_or(json_get(root, "left_device_bytes"), 0),
           (long long)json_i64_or(json_get(root, "redacted_requests"), 0));
    printf("  trouble  %lld failed, %lld cancelled",
           (long long)json_i64_or(json_get(root, "failed"), 0),
           (long long)json_i64_or(json_get(root, "cancelled"), 0));
    struct json_iter it = json_iter(json_get(root, "degraded"));
    while (json_next(&it)) {
        printf(", %lld %.*s", (long long)json_i64_or(it.value, 0), SPAN_ARG(it.key));
    }
    puts("");
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *since = "7d";
    bool json = false, privacy = false;
    const struct cli_option options[] = {
        {"--config", NULL, &config},
        {"--since", NULL, &since},
        {"--json", &json, NULL},
        {"--privacy", &privacy, NULL},
    };
    if (!cli_parse(&command_report, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1) {
        return cli_usage(&command_report, "`%s` is not expected here", argv[1]);
    }
    struct ledger_wish wish = {.question = privacy ? LEDGER_PRIVACY : LEDGER_REPORT,
                               .config = cli_config_path(config),
                               .since = since};
    struct text out;
    text_init(&out, 8 * MIB);
    struct fault fault = {0};
    struct json_doc *doc = NULL;
    int status = CLI_OK;
    if (ledger_view(&wish, &out, &fault)) {
        status = cli_fail("%s", fault.text);
    } else if (json) {
        printf("%s\n", out.data);
    } else if (json_parse(text_span(&out), &doc, &fault)) {
        status = cli_fail("the ledger's answer is not JSON");
    } else if (privacy) {
        report_privacy_print(json_root(doc), since);
    } else {
        const struct json *root = json_root(doc);
        int64_t requests = json_i64_or(json_get(root, "requests"), 0);
        printf("%s%lld requests%s in the last %s\n", cli_bold(STDOUT_FILENO), (long long)requests,
               cli_reset(STDOUT_FILENO), since);
        print_tiers(root, requests);
        print_money(root);
        print_rest(root);
    }
    json_free(doc);
    text_done(&out);
    return status;
}

const struct command command_report = {
    .name = "report",
    .summary = "answers, money, waiting and what left, summed up",
    .help = help,
    .run = run,
};
