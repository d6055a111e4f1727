/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "app/calibrations.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/ledger_view.h"
#include "cli/migrate.h"
#include "cli/report_privacy.h"
#include "engine/gguf.h"
#include "ledger/ledger.h"
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
    "  --migrate        instead: which kinds of requests the device could take from the cloud, with the\n"
    "                   evidence, the saving and the risk (default: the last 30d)\n"
    "  --privacy        instead: what left, to which backend and model, what was replaced first\n"
    "  --json           as JSON\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "\n"
    "examples:\n"
    "  weir report\n"
    "  weir report --since 24h --json | jq .saved_usd\n"
    "  weir report --privacy --since 30d\n"
    "  weir report --migrate\n";

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

/* ---- --migrate ---- */

static void on_receipt(void *user, struct span json, double feedback)
{
    migrate_add(user, json, feedback);
}

static const struct backend *first_of_side(const struct config *c, bool local)
{
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        if (b->tier != TIER_HUMAN && (b->tier == TIER_DEVICE) == local) {
            return b;
        }
    }
    return NULL;
}

static uint32_t tasks_of(const char *names)
{
    struct span rest = span_c(names);
    uint32_t bits = 0;
    enum task task;
    while (rest.len) {
        if (task_from(span_trim(span_cut(&rest, ',')), &task)) {
            bits |= 1u << task;
        }
    }
    return bits;
}

/* Reads the ledger itself: it may take longer than a server may be held up. */
static enum err write_migrate(const struct config *c, uint64_t since_us, struct text *out,
                              struct fault *fault)
{
    const struct backend *device = first_of_side(c, true);
    const struct backend *cloud = first_of_side(c, false);
    struct migrate_options o = {.quality = c->quality};
    struct gguf_facts facts;
    char pair[160];
    if (device && device->model_path && gguf_check(device->model_path, &facts, fault) == OK) {
        o.context = facts.context;
        o.tasks = tasks_of(facts.tasks);
        o.tools = facts.template_has_tools;
    } else if (device) {
        o.context = device->context;
        o.tools = device->tools;
    }
    struct calibrations all;
    if (calibrations_load(c, &all, fault)) {
        return fault->code;
    }
    if (device && cloud) {
        const struct calibration_entry *e = calibrations_find(&all, device->name, cloud->name);
        snprintf(pair, sizeof pair, "%.64s,%.64s", device->name, cloud->name);
        o.pair = pair;
        o.split = e && !e->stale ? &e->split : NULL;
    }
    struct ledger *ledger = NULL;
    struct migrate *m = migrate_new(&o);
    uint64_t now = clock_wall_us();
    enum err err =
        access(c->ledger_path, F_OK)
            ? fault_set(fault, ERR_NOT_FOUND, "%s: there is no ledger yet", c->ledger_path)
            : ledger_open(&(struct ledger_options){.path = c->ledger_path, .read_only = true},
                          &ledger, fault);
    err = err ? err : ledger_visit(ledger, now - MIN(now, since_us), on_receipt, m, fault);
    if (!err) {
        migrate_write(m, out);
    }
    ledger_close(ledger);
    migrate_free(m);
    calibrations_done(&all);
    return err;
}

static int show_migrate(const char *config, const char *since, bool json)
{
    uint64_t since_us;
    if (!clock_from_duration(span_c(since), &since_us)) {
        return cli_usage(&command_report, "--since must be like 7d, 12h or 30m");
    }
    struct config *c;
    struct text out;
    text_init(&out, 8 * MIB);
    struct fault fault = {0};
    struct app_options app = {.config_path = cli_config_path(config), .ready_fd = -1};
    struct json_doc *doc = NULL;
    int status = CLI_OK;
    if (app_load_config(&app, &c, &out)) {
        status = cli_fail("%.*s", SPAN_ARG(span_trim(text_span(&out))));
        text_done(&out);
        return status;
    }
    if (write_migrate(c, since_us, &out, &fault)) {
        status = cli_fail("%s", fault.text);
    } else if (json) {
        puts(out.data);
    } else if (json_parse(text_span(&out), &doc, &fault) == OK) {
        migrate_print(json_root(doc), since);
    }
    json_free(doc);
    config_unref(c);
    text_done(&out);
    return status;
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *since = NULL;
    bool json = false, privacy = false, migrate = false;
    const struct cli_option options[] = {
        {"--config", NULL, &config},   {"--since", NULL, &since},     {"--json", &json, NULL},
        {"--privacy", &privacy, NULL}, {"--migrate", &migrate, NULL},
    };
    if (!cli_parse(&command_report, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1) {
        return cli_usage(&command_report, "`%s` is not expected here", argv[1]);
    }
    if (migrate && privacy) {
        return cli_usage(&command_report, "--migrate and --privacy are two reports");
    }
    if (migrate) {
        return show_migrate(config, since ? since : "30d", json);
    }
    since = since ? since : "7d";
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
