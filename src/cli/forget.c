/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir forget`: works on the ledger's file, beside the server that writes it. Receipts
 * that its workers still hold are waited for first: the shared page counts them. Under
 * load the count may never be 0, but what was there a second ago is on disk.
 */
#include "app/app.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/ledger_view.h"
#include "ledger/audit.h"
#include "ledger/page.h"
#include "json/json.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 40
#define LOOK_MS 25

static const char help[] =
    "usage: weir forget --key NAME | --session ID | --before TIME [OPTIONS]\n"
    "\n"
    "Erases what the receipts say about somebody: the key's name, the session, the client's\n"
    "request id, reason, rules, errors, task, scores, a stored prompt, feedback. What stays is\n"
    "a tombstone: when, which model, bytes, counts and costs, so that reports and budgets stay\n"
    "true and `weir receipts --verify` still finds the chain whole. The bytes are overwritten\n"
    "in the ledger and its write-ahead log; copies and backups are yours to find.\n"
    "\n"
    "  --key NAME       receipts of this API key\n"
    "  --session ID     receipts of this X-Weir-Session\n"
    "  --before TIME    older ones: 30d, 12h, 2026-11-01 or 2026-11-01T12:00:00Z (UTC)\n"
    "  --yes            do not ask\n"
    "  --json           {\"forgotten\":N,\"wal_busy\":false}; needs --yes\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "\n"
    "Given together, all must hold. It may run beside `weir serve`; a request that is being\n"
    "answered meanwhile gets its receipt afterwards.\n"
    "\n"
    "examples:\n"
    "  weir forget --key anna\n"
    "  weir forget --session support-4711 --yes\n"
    "  weir forget --before 30d --key anna --yes --json\n";

/* "30d" ago, a day, or a second. */
static bool read_time(const char *s, uint64_t *out_wall_us)
{
    uint64_t ago;
    if (clock_from_duration(span_c(s), &ago)) {
        uint64_t now = clock_wall_us();
        *out_wall_us = now > ago ? now - ago : 1;
        return true;
    }
    struct tm t = {0};
    const char *rest = strptime(s, "%Y-%m-%d", &t);
    if (rest && *rest) {
        rest = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &t);
    }
    time_t seconds = rest && !*rest ? timegm(&t) : -1;
    *out_wall_us = (uint64_t)MAX(seconds, 0) * US_PER_S;
    return seconds > 0;
}

static void describe(const struct forget_wish *wish, const char *before, struct text *out)
{
    const char *sep = "";
    if (wish->key) {
        text_addf(out, "of the key %s", wish->key);
        sep = ", ";
    }
    if (wish->session) {
        text_addf(out, "%sof the session %s", sep, wish->session);
        sep = ", ";
    }
    if (before) {
        text_addf(out, "%sfrom before %s", sep, before);
    }
}

static bool confirmed(int64_t count, const char *whose)
{
    printf("Erase the private parts of %lld receipt%s %s? This cannot be undone. [y/N] ",
           (long long)count, count == 1 ? "" : "s", whose);
    fflush(stdout);
    char answer[16] = "";
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void wait_for_writers(const char *path)
{
    struct serving serving;
    struct page *page = NULL;
    char page_path[LEDGER_PATH_BYTES + 8];
    struct fault fault;
    snprintf(page_path, sizeof page_path, "%s.page", path);
    if (!app_find_serving(path, &serving) || page_attach(page_path, &page, &fault)) {
        return;
    }
    for (int i = 0; i < LOOKS && page_metric(page, METRIC_LEDGER_WAITING) > 0; i++) {
        poll(NULL, 0, LOOK_MS);
    }
    page_close(page);
}

static int tell(const struct forget_result *r, const char *path, const char *whose, bool json)
{
    if (json) {
        printf("{\"forgotten\":%lld,\"wal_busy\":%s}\n", (long long)r->receipts,
               r->wal_busy ? "true" : "false");
    } else if (r->receipts == 0) {
        printf("no receipts %s were left to forget\n", whose);
    } else {
        printf("%s%lld receipt%s forgotten%s; their bytes are overwritten in %s\n",
               cli_bold(STDOUT_FILENO), (long long)r->receipts, r->receipts == 1 ? "" : "s",
               cli_reset(STDOUT_FILENO), path);
    }
    return r->wal_busy ? cli_fail("a reader holds %s-wal, so that it still has old bytes; run this "
                                  "again to empty it",
                                  path)
                       : CLI_OK;
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *before = NULL;
    struct forget_wish wish = {0};
    bool json = false, yes = false;
    const struct cli_option options[] = {
        {"--config", NULL, &config}, {"--key", NULL, &wish.key}, {"--session", NULL, &wish.session},
        {"--before", NULL, &before}, {"--json", &json, NULL},    {"--yes", &yes, NULL},
    };
    if (!cli_parse(&command_forget, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1) {
        return cli_usage(&command_forget, "`%s` is not expected here", argv[1]);
    }
    if (!wish.key && !wish.session && !before) {
        return cli_usage(&command_forget, "say whose: --key NAME, --session ID or --before TIME");
    }
    if (before && !read_time(before, &wish.before_wall_us)) {
        return cli_usage(&command_forget,
                         "--before must be like 30d, 12h, 2026-11-01 or 2026-11-01T12:00:00Z");
    }
    if (!yes && (json || !isatty(STDIN_FILENO))) {
        return cli_usage(&command_forget, "nobody can be asked here; add --yes");
    }
    char path[LEDGER_PATH_BYTES];
    struct fault fault = {0};
    struct forget_result result = {0};
    struct text whose;
    text_init(&whose, 4 * KIB);
    describe(&wish, before, &whose);
    int status = CLI_OK;
    enum err err = ledger_view_path(cli_config_path(config), path, &fault);
    if (!err) {
        wait_for_writers(path);
        err = yes ? OK : ledger_forget(path, &wish, true, &result, &fault);
    }
    if (!err && !yes && result.receipts > 0 && !confirmed(result.receipts, whose.data)) {
        puts("nothing was changed");
    } else {
        err = err ? err : ledger_forget(path, &wish, false, &result, &fault);
        status = err ? cli_fail("%s", fault.text) : tell(&result, path, whose.data, json);
    }
    text_done(&whose);
    return status;
}

const struct command command_forget = {
    .name = "forget",
    .summary = "erase what the receipts say about a key, a session or a time",
    .help = help,
    .run = run,
};
