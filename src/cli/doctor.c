/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir doctor`: one check after another, each with what is so and, when it is
 * not well, the one line that mends it. Nothing is changed and nothing leaves.
 */
#include "app/app.h"
#include "app/calibrations.h"
#include "cli/canary.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "engine/gguf.h"
#include "llama/llama_process.h"
#include "json/json.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_LOW_BYTES (100.0 * 1024 * 1024)

static const char help[] =
    "usage: weir doctor [OPTIONS]\n"
    "\n"
    "Looks at config, models, memory, GPU, ledger, keys and backends, and says what is wrong and\n"
    "how to fix it. Exit 1 when something is.\n"
    "\n"
    "  --canary         also plants made-up personal values and secrets in every field of requests,\n"
    "                   sends them through this config to a stand-in for each backend on this\n"
    "                   machine, and fails if a value arrives that the policy keeps\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "  --json           {\"checks\": [{name, ok, detail, fix}]}\n"
    "\n"
    "examples:\n"
    "  weir doctor\n"
    "  weir doctor --json | jq '.checks[] | select(.ok | not)'\n";

struct doctor {
    struct json_out json;
    struct text text; /* the JSON */
    bool as_json, all_well;
};

static void PRINTF_LIKE(5, 6)
    say(struct doctor *d, const char *name, bool ok, const char *fix, const char *format, ...)
{
    char detail[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    d->all_well = d->all_well && ok;
    json_begin_object(&d->json);
    json_put_c(&d->json, "name", name);
    json_put_bool(&d->json, "ok", ok);
    json_put_c(&d->json, "detail", detail);
    json_put(&d->json, "fix", ok ? SPAN_NONE : span_c(fix));
    json_end_object(&d->json);
    if (d->as_json) {
        return;
    }
    printf("%s%s%s %-12s %s\n", ok ? cli_green(1) : cli_red(1), ok ? "ok  " : "BAD ", cli_reset(1),
           name, detail);
    if (!ok && fix) {
        printf("     %-12s %s\n", "", fix);
    }
}

/* ---- the checks ---- */

static struct config *check_config(struct doctor *d, const char *path)
{
    struct config *c = NULL;
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct app_options app = {.config_path = path, .ready_fd = -1};
    if (app_load_config(&app, &c, &errors)) {
        say(d, "config", false, "mend these lines; `weir config check` shows them again", "%.1000s",
            text_span(&errors).data);
    } else {
        say(d, "config", true, NULL, "%s",
            path ? path : "none: the built-in defaults (device only)");
    }
    text_done(&errors);
    return c;
}

static void check_model(struct doctor *d, const struct backend *b)
{
    struct gguf_facts facts;
    struct fault fault = {0};
    char name[80];
    snprintf(name, sizeof name, "model %.60s", b->name);
    if (gguf_check(b->model_path, &facts, &fault)) {
        say(d, name, false, "`weir models add FILE.gguf --use` takes another model", "%s",
            fault.text);
        return;
    }
    say(d, name, true, NULL, "%s: %s %s, %.1f MB, context %lld%s", b->model_path,
        facts.architecture, facts.quantisation, (double)facts.file_bytes / 1e6,
        (long long)facts.context, facts.demo ? ", a demonstration model" : "");
    int64_t context = b->context > 0 ? b->context : facts.context;
    int64_t need = gguf_memory_needed(&facts, context, MAX(b->slots, 1)), have = memory_available();
    say(d, "memory", need <= have,
        "lower `slots` or `context` of this backend, or take a smaller quantisation",
        "%s needs about %.2f GB with %d slots of %lld tokens; %.2f GB are free", b->name,
        (double)need / 1e9, b->slots, (long long)context, (double)have / 1e9);
}

static bool any_path(const char *pattern)
{
    glob_t found;
    bool any = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0;
    globfree(&found);
    return any;
}

static void check_engine(struct doctor *d)
{
    const char *version = llama_process_version();
    bool built = strstr(version, "without") == NULL;
    say(d, "engine", built, "build with `./run build`, which brings llama.cpp", "%s", version);
    bool nvidia = any_path("/dev/nvidia[0-9]*"), other = any_path("/dev/dri/renderD*");
    bool uses_gpu = strstr(version, "cuda") || strstr(version, "CUDA") ||
                    strstr(version, "vulkan") || strstr(version, "Vulkan") ||
                    strstr(version, "metal") || strstr(version, "Metal");
    if (!nvidia && !other) {
        say(d, "gpu", true, NULL, "none found; the CPU answers");
    } else {
        say(d, "gpu", uses_gpu,
            nvidia ? "`WEIR_GPU=cuda ./run` builds for it (or WEIR_GPU=vulkan)"
                   : "`WEIR_GPU=vulkan ./run` builds for it",
            uses_gpu ? "this build can use it" : "a GPU lies idle: this build answers on the CPU");
    }
}

static void check_ledger(struct doctor *d, const struct config *c)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", c->ledger_path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    } else {
        snprintf(folder, sizeof folder, ".");
    }
    struct statvfs disk;
    if (access(folder, W_OK) ||
        (access(c->ledger_path, F_OK) == 0 && access(c->ledger_path, W_OK))) {
        say(d, "ledger", false, "set ledger.path in the config to a place that can be written",
            "%s: %s", c->ledger_path, strerror(errno));
    } else if (statvfs(folder, &disk) == 0 &&
               (double)disk.f_bavail * (double)disk.f_frsize < DISK_LOW_BYTES) {
        say(d, "ledger", false, "free some space: with a full disk nothing but the device answers",
            "%s: only %.0f MB left", folder, (double)disk.f_bavail * (double)disk.f_frsize / 1e6);
    } else {
        say(d, "ledger", true, NULL, "%s", c->ledger_path);
    }
}

static void check_calibration(struct doctor *d, const struct config *c)
{
    struct calibrations all;
    struct fault fault = {0};
    if (calibrations_load(c, &all, &fault)) {
        say(d, "calibration", false, "`weir calibrate` writes it anew", "%s", fault.text);
        return;
    }
    if (all.count == 0) {
        say(d, "calibration", true, NULL,
            "none: the careful default threshold is used; `weir calibrate` finds your own");
    }
    for (int i = 0; i < all.count; i++) {
        const struct calibration_entry *e = &all.entries[i];
        say(d, "calibration", !e->stale, "`weir calibrate` again; until then the careful default",
            e->stale ? "%s and %s: %s" : "%s and %s, of %s", e->device, e->cloud,
            e->stale ? e->why : e->time);
    }
    calibrations_done(&all);
}

static void check_keys(struct doctor *d, const struct config *c)
{
    struct stat st;
    if (!c->keys_file) {
        return;
    }
    if (stat(c->keys_file, &st)) {
        say(d, "keys", false, "`weir keys add NAME` makes the file", "%s: %s", c->keys_file,
            strerror(errno));
    } else {
        bool open = st.st_mode & (S_IWGRP | S_IWOTH);
        say(d, "keys", !open, "chmod 600 it: whoever writes it lets anybody in", "%s%s",
            c->keys_file, open ? " can be written by others" : "");
    }
}

static void check_cloud(struct doctor *d, const struct config *c)
{
    int away = 0, unpriced = 0;
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        away += b->tier != TIER_DEVICE;
        unpriced += b->tier == TIER_CLOUD && !price_known(&b->price);
    }
    if (away == 0) {
        say(d, "cloud", true, NULL, "none configured: everything is answered here");
    } else {
        say(d, "cloud", true, NULL, "%d backend%s beyond this device, privacy %s%s", away,
            away == 1 ? "" : "s", privacy_level_name(c->privacy_default),
            unpriced ? "; without `price` no money can be reported" : "");
    }
}

static void check_server(struct doctor *d, const struct config *c, const char *path)
{
    struct serving serving;
    if (!app_find_serving(c->ledger_path, &serving)) {
        say(d, "server", true, NULL, "not running; `weir serve` starts it on %s", c->listen[0]);
        return;
    }
    struct client *client;
    struct fault fault = {0};
    struct text out;
    text_init(&out, MIB);
    struct json_doc *doc = NULL;
    int status = -1;
    if (client_open(&(struct client_options){.config_path = path}, &client, &fault) == OK) {
        status = client_call(client, "GET", "/weir/v1/status", NULL, SPAN(""), &out, &fault);
        client_close(client);
    }
    if (status != 200 || json_parse(text_span(&out), &doc, &fault)) {
        say(d, "server", status == 401,
            "look at its log; `kill -TERM` and `weir serve` start it anew",
            status == 401 ? "process %d at %s asks for a key (WEIR_API_KEY)"
                          : "process %d at %s does not answer",
            serving.pid, serving.url);
    } else {
        const struct json *root = json_root(doc);
        say(d, "server", json_true(json_get(root, "ready")), "see the backends below",
            "process %d at %s", serving.pid, serving.url);
        struct json_iter it = json_iter(json_get(root, "backends"));
        while (json_next(&it)) {
            struct span name = json_str(json_get(it.value, "name")),
                        why = json_str(json_get(it.value, "why"));
            char check[80];
            snprintf(check, sizeof check, "backend %.*s", (int)MIN(name.len, (size_t)60),
                     name.data);
            bool usable = json_true(json_get(it.value, "usable"));
            say(d, check, usable, "`weir backends test NAME` tries it", "%.*s",
                SPAN_ARG(usable ? json_str(json_get(it.value, "model")) : why));
        }
    }
    json_free(doc);
    text_done(&out);
}

static void check_canary(struct doctor *d, const struct config *c, const char *path)
{
    struct canary_result r = {0};
    struct fault fault = {0};
    text_init(&r.leaks, 64 * KIB);
    enum err err = canary_run(c, path, &r, &fault);
    if (err == ERR_NOT_FOUND) {
        say(d, "canary", true, NULL, "%s", fault.text);
    } else if (err) {
        say(d, "canary", false, "`weir doctor` without --canary says what else is wrong", "%s",
            fault.text);
    } else if (r.leaked) {
        say(d, "canary", false,
            "do not send personal data through this weir; please report it with this line",
            "%d of %d planted values arrived: %.900s", r.leaked, r.values, r.leaks.data);
    } else {
        say(d, "canary", true, NULL,
            "%d values planted towards %d backend%s, %d requests arrived, 0 values that policy keeps%s",
            r.values, r.backends, r.backends == 1 ? "" : "s", r.arrived,
            r.allowed ? "; some left as they are, because the config lets them" : "");
    }
    text_done(&r.leaks);
}

static int run(int argc, char **argv)
{
    const char *config = NULL;
    bool canary = false;
    struct doctor d = {.all_well = true};
    const struct cli_option options[] = {
        {"--config", NULL, &config}, {"--json", &d.as_json, NULL}, {"--canary", &canary, NULL}};
    if (!cli_parse(&command_doctor, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1) {
        return cli_usage(&command_doctor, "`%s` is not expected here", argv[1]);
    }
    text_init(&d.text, MIB);
    d.json = json_out(&d.text);
    json_begin_object(&d.json);
    json_key(&d.json, "checks");
    json_begin_array(&d.json);
    const char *path = cli_config_path(config);
    struct config *c = check_config(&d, path);
    check_engine(&d);
    if (c) {
        for (int i = 0; i < c->backends_count; i++) {
            if (c->backends[i].api == API_LOCAL && c->backends[i].model_path) {
                check_model(&d, &c->backends[i]);
            }
        }
        check_ledger(&d, c);
        check_keys(&d, c);
        check_cloud(&d, c);
        check_calibration(&d, c);
        check_server(&d, c, path);
        if (canary) {
            check_canary(&d, c, path);
        }
        config_unref(c);
    }
    json_end_array(&d.json);
    json_end_object(&d.json);
    if (d.as_json) {
        puts(d.text.data);
    }
    text_done(&d.text);
    return d.all_well ? CLI_OK : CLI_FAILED;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "what is wrong with this set-up, and how to mend it",
    .help = help,
    .run = run,
};
