/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: labels from a file, from the teacher or from the ledger's feedback;
 * a table for each of the two values a threshold may look at; the file beside the ledger,
 * which a running server takes up within a second; the curve on the terminal.
 *
 * What can go wrong: no config or only one side in it (the figures are told, nothing is put
 * in force); outcomes of other models than the config's (the same, unless --apply); too
 * few labels (said, with how many are missing, and the careful default stays).
 */
#include "app/app.h"
#include "app/calibrations.h"
#include "app/weights.h"
#include "base/clock.h"
#include "cli/calibrate_view.h"
#include "cli/cli.h"
#include "cli/labels.h"
#include "cli/teacher.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: weir calibrate [FILE.jsonl] [OPTIONS]\n"
    "       weir calibrate --pair device,cloud --prompts FILE --max-usd X [OPTIONS]\n"
    "\n"
    "Finds the threshold below which the cloud answers, from labels of your own: recorded outcomes\n"
    "(FILE.jsonl, as `weir replay` reads them), the feedback in the ledger (no FILE), or the teacher:\n"
    "it asks both sides each of your prompts, scores the answers, and writes the outcomes down.\n"
    "Puts the threshold in force for `threshold: auto`, for this model file and this pair only.\n"
    "\n"
    "  --quality Q        share of always-cloud quality to keep (default: the config's, 0.95)\n"
    "  --pair D,C         the two backends, by name or tier (default: the first of each side)\n"
    "  --json             {threshold, expected_cloud_share, expected_quality, quality_lower_bound,\n"
    "                      n, per_bin, ece, supported, note, curve, cascade, split}\n"
    "  --apply            put it in force although the outcomes are of other models\n"
    "  --dry-run          put nothing in force\n"
    "  --config FILE      default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "the teacher:\n"
    "  --prompts FILE     one prompt a line, or JSON lines {\"prompt\", \"answer\"?, \"match\"?, \"id\"?}\n"
    "  --max-usd X        never spend more; what it will cost is told first\n"
    "  --yes              do not ask on the terminal\n"
    "  --out FILE         the outcomes (default: PROMPTS.outcomes.jsonl); run again to go on\n"
    "  --match HOW        exact, numeric, json (default: told by each answer)\n"
    "  --judge NAME       who compares answers where none is given (default: the cloud of the pair)\n"
    "  --max-tokens N     of each answer (default 512)\n"
    "\n"
    "examples:\n"
    "  weir calibrate --pair device,cloud --prompts my-prompts.txt --max-usd 0.50\n"
    "  weir calibrate my-prompts.txt.outcomes.jsonl --quality 0.9\n"
    "  weir calibrate --json | jq .threshold\n";

struct wish {
    const char *config, *file, *quality, *pair, *prompts, *max_usd, *out, *match, *judge,
        *max_tokens;
    bool json, yes, apply, dry_run;
};

/* ---- the pair ---- */

static const struct backend *side(const struct config *c, struct span word, bool local)
{
    enum tier tier;
    const struct backend *b = span_given(word) ? config_backend(c, word) : NULL;
    bool by_tier = span_given(word) && !b && tier_from(word, &tier);
    for (int i = 0; !b && i < c->backends_count; i++) {
        const struct backend *one = &c->backends[i];
        bool fits = by_tier ? one->tier == tier : !span_given(word) && one->tier != TIER_HUMAN;
        if (fits && (one->tier == TIER_DEVICE) == local) {
            b = one;
        }
    }
    return b && (b->tier == TIER_DEVICE) == local ? b : NULL;
}

static int find_pair(const struct config *c, const char *pair, const struct backend **device,
                     const struct backend **cloud)
{
    struct span rest = span_c(pair);
    struct span first = pair ? span_trim(span_cut(&rest, ',')) : SPAN_NONE;
    struct span second = pair ? span_trim(rest) : SPAN_NONE;
    *device = side(c, first, true);
    *cloud = side(c, second, false);
    if (pair && (!*device || !*cloud)) {
        return cli_usage(&command_calibrate,
                         "--pair %s: no %s `%.*s` in the config; expected DEVICE,CLOUD", pair,
                         *device ? "backend beyond the device named" : "device named",
                         SPAN_ARG(*device ? second : first));
    }
    return CLI_OK;
}

/* ---- labels to a threshold ---- */

static bool same_model(const char *told, const struct backend *b)
{
    return told[0] == '\0' || !b->model || strcmp(told, b->model) == 0;
}

static void make_entry(struct labels *l, struct calibration_entry *e)
{
    calibration_make(l->cascade.items, l->cascade.count, &e->cascade);
    calibration_make(l->split.items, l->split.count, &e->split);
}

/* NULL when it may be put in force; else why not. */
static const char *why_not(const struct wish *wish, const struct labels *l,
                           const struct backend *device, const struct backend *cloud)
{
    static char text[600];
    if (wish->dry_run) {
        return "--dry-run";
    }
    if (l->split.count == 0 && l->cascade.count == 0) {
        return "there are no labels yet";
    }
    if (!device || !cloud) {
        return "the config does not have both a device and a cloud";
    }
    if (!wish->apply &&
        !(same_model(l->device_model, device) && same_model(l->cloud_model, cloud))) {
        snprintf(text, sizeof text,
                 "the outcomes are of %s and %s, the config has %s and %s (--apply does it anyway)",
                 l->device_model, l->cloud_model, device->model ? device->model : "?",
                 cloud->model ? cloud->model : "?");
        return text;
    }
    return NULL;
}

static enum err put_in_force(const struct config *c, const struct calibration_entry *e,
                             struct fault *fault)
{
    struct calibrations all;
    if (calibrations_load(c, &all,
                          fault)) { /* a broken file is replaced: it was of no use to anybody */
        all = (struct calibrations){.count = 0};
    }
    calibrations_put(&all, e);
    app_make_parent_folders(c->ledger_path);
    enum err err = calibrations_save(c, &all, fault);
    calibrations_done(&all);
    return err;
}

static int conclude(const struct wish *wish, const struct config *c, struct labels *l,
                    const struct backend *device, const struct backend *cloud, const char *source,
                    const char *kind)
{
    double quality = c->quality;
    struct fault fault = {0};
    if (wish->quality &&
        (!span_to_f64(span_c(wish->quality), &quality) || !(quality >= 0 && quality <= 1))) {
        return cli_usage(&command_calibrate, "--quality must be a number from 0 to 1");
    }
    struct calibration_entry *e = NEW(struct calibration_entry);
    const char *not_applied = why_not(wish, l, device, cloud);
    int status = CLI_OK;
    span_to_c(span_c(kind), e->source, sizeof e->source);
    make_entry(l, e);
    if (device && cloud) {
        if (calibrations_identify(device, cloud, e, &fault) ||
            (!not_applied && put_in_force(c, e, &fault))) {
            status = cli_fail("%s", fault.text);
            not_applied = fault.text;
        }
    } else {
        span_to_c(SPAN("device"), e->device, sizeof e->device);
        span_to_c(SPAN("cloud"), e->cloud, sizeof e->cloud);
    }
    struct calibrate_result result = {
        .entry = e,
        .cascade = strcmp(c->strategy, "split") != 0,
        .quality = quality,
        .applied = !not_applied,
        .not_applied = not_applied,
        .source = source,
    };
    if (wish->json) {
        struct text out;
        text_init(&out, 4 * MIB);
        calibrate_json(&result, &out);
        puts(out.data);
        text_done(&out);
    } else {
        calibrate_print(&result);
        if (c->threshold >= 0) {
            printf(
                "the config says `threshold: %g`, which is stronger; `threshold: auto` uses this\n",
                c->threshold);
        }
    }
    mem_free(e);
    return status;
}

/* ---- where the labels come from ---- */

static int from_file(const struct wish *wish, const struct config *c, const char *file,
                     const struct backend *device, const struct backend *cloud, const char *kind)
{
    struct labels labels;
    struct fault fault = {0};
    struct labels_pair pair = {device ? device->name : NULL, cloud ? cloud->name : NULL};
    struct learning *learning = weights_open(c->ledger_path); /* goes with the process */
    if (labels_from_file(file, &pair, learning ? &learning->heads : NULL, &labels, &fault)) {
        return cli_fail("%s", fault.text);
    }
    if (labels.lines == 0) {
        labels_done(&labels);
        return cli_fail("%s: no line has outcomes of both %s and %s", file,
                        pair.device ? pair.device : "device", pair.cloud ? pair.cloud : "cloud");
    }
    int status = conclude(wish, c, &labels, device, cloud, file, kind);
    labels_done(&labels);
    return status;
}

static int from_ledger(const struct wish *wish, const struct config *c,
                       const struct backend *device, const struct backend *cloud)
{
    struct labels labels;
    struct fault fault = {0};
    if (!device || !cloud) {
        return cli_fail(
            "the config needs a device and a backend beyond it to calibrate; or give a file "
            "of recorded outcomes: weir calibrate FILE.jsonl");
    }
    if (labels_from_ledger(c, device, cloud, 0, &labels, &fault)) {
        return cli_fail("%s", fault.text);
    }
    int status = conclude(wish, c, &labels, device, cloud, "the ledger's feedback", "feedback");
    labels_done(&labels);
    return status;
}

static int from_teacher(const struct wish *wish, const struct config *c,
                        const struct backend *device, const struct backend *cloud)
{
    struct teacher_wish teacher = {
        .config_path = cli_config_path(wish->config),
        .device = device,
        .cloud = cloud,
        .prompts = wish->prompts,
        .yes = wish->yes,
        .max_tokens = 512,
        .max_usd_nano = -1,
    };
    double usd;
    if (!device || !cloud) {
        return cli_fail("the config needs a device and a backend beyond it; see `weir backends`");
    }
    if (wish->max_usd) {
        if (!span_to_f64(span_c(wish->max_usd), &usd) || !(usd >= 0 && usd <= 1e6)) {
            return cli_usage(&command_calibrate, "--max-usd must be an amount of dollars");
        }
        teacher.max_usd_nano = (int64_t)(usd * (double)USD_NANO);
    }
    if (wish->max_tokens && (!span_to_i64(span_c(wish->max_tokens), &teacher.max_tokens) ||
                             teacher.max_tokens < 1 || teacher.max_tokens > 100000)) {
        return cli_usage(&command_calibrate, "--max-tokens must be a number from 1 to 100000");
    }
    if (wish->match && !match_from(span_c(wish->match), &teacher.match)) {
        return cli_usage(&command_calibrate, "--match must be auto, exact, numeric or json");
    }
    teacher.judge = wish->judge ? config_backend(c, span_c(wish->judge)) : cloud;
    if (!teacher.judge) {
        return cli_usage(&command_calibrate, "--judge %s: no backend of that name", wish->judge);
    }
    struct text out;
    text_init(&out, 8 * KIB);
    wish->out ? text_add_c(&out, wish->out) : text_addf(&out, "%s.outcomes.jsonl", wish->prompts);
    teacher.out = out.data;
    int status = teacher_run(&teacher);
    if (status == CLI_OK) {
        status = from_file(wish, c, out.data, device, cloud, "pair");
    }
    text_done(&out);
    return status;
}

static int with_config(const struct wish *wish, const struct config *c)
{
    const struct backend *device;
    const struct backend *cloud;
    int status = find_pair(c, wish->pair, &device, &cloud);
    if (status != CLI_OK) {
        return status;
    }
    if (wish->prompts) {
        return from_teacher(wish, c, device, cloud);
    }
    return wish->file ? from_file(wish, c, wish->file, device, cloud, "file")
                      : from_ledger(wish, c, device, cloud);
}

static int run(int argc, char **argv)
{
    struct wish wish = {0};
    const struct cli_option options[] = {
        {"--config", NULL, &wish.config},
        {"--quality", NULL, &wish.quality},
        {"--pair", NULL, &wish.pair},
        {"--prompts", NULL, &wish.prompts},
        {"--max-usd", NULL, &wish.max_usd},
        {"--out", NULL, &wish.out},
        {"--match", NULL, &wish.match},
        {"--judge", NULL, &wish.judge},
        {"--max-tokens", NULL, &wish.max_tokens},
        {"--json", &wish.json, NULL},
        {"--yes", &wish.yes, NULL},
        {"--apply", &wish.apply, NULL},
        {"--dry-run", &wish.dry_run, NULL},
    };
    if (!cli_parse(&command_calibrate, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 2 || (argc == 2 && wish.prompts)) {
        return cli_usage(&command_calibrate, "`%s` is not expected here", argv[argc - 1]);
    }
    wish.file = argc == 2 ? argv[1] : NULL;
    struct config *c;
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct app_options app = {.config_path = cli_config_path(wish.config), .ready_fd = -1};
    int status = CLI_FAILED;
    if (app_load_config(&app, &c, &errors)) {
        cli_fail("%.*s", SPAN_ARG(span_trim(text_span(&errors))));
    } else {
        status = with_config(&wish, c);
        config_unref(c);
    }
    text_done(&errors);
    return status;
}

const struct command command_calibrate = {
    .name = "calibrate",
    .summary = "find the threshold from labels of your own",
    .help = help,
    .run = run,
};
