/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir models`. Adding checks the file before anything changes: is it a whole
 * GGUF that llama.cpp knows, has it a chat template, does it fit into memory, how
 * fast does it answer here (a weir of our own on a scratch ledger tells). Using it
 * writes LEDGER.model and tells the running server to reload; the engine finishes what
 * runs on the old model and swaps.
 */
#include "app/app.h"
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/registry.h"
#include "crypto/keys.h"
#include "engine/gguf.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Larger files are not hashed in a listing: it would take seconds a GB. */
#define HASH_BYTES_MAX (256 * MIB)
#define SWITCH_WAIT_S 300

static const char help[] =
    "usage: weir models [list]\n"
    "       weir models add FILE.gguf|ollama:NAME [--use]\n"
    "       weir models use NAME\n"
    "       weir models rm NAME\n"
    "\n"
    "Lists, checks and switches the device's model. Adding makes a link; nothing is copied.\n"
    "\n"
    "  --use            answer with it from now on; a running weir switches without a restart\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "  --json           as JSON\n"
    "\n"
    "examples:\n"
    "  weir models\n"
    "  weir models add ~/Downloads/qwen2.5-1.5b-instruct-q4_k_m.gguf --use\n"
    "  weir models add ollama:llama3.2 --use\n"
    "  weir models use weir-nano\n";

/* ---- list ---- */

static void write_tasks(struct json_out *w, const char *tasks)
{
    json_begin_array(w);
    struct span rest = span_c(tasks);
    while (rest.len) {
        json_string(w, span_trim(span_cut(&rest, ',')));
    }
    json_end_array(w);
}

static bool has_probe(const char *path)
{
    char probe[PATH_MAX];
    struct span stem = span_c(path);
    if (span_ends(stem, SPAN(".gguf"))) {
        stem.len -= 5;
    }
    snprintf(probe, sizeof probe, "%.*s.probe.json", SPAN_ARG(stem));
    return access(probe, R_OK) == 0;
}

static void write_model(struct json_out *w, const struct registered_model *m, const char *in_use)
{
    struct gguf_facts facts = {0};
    struct fault fault = {0};
    bool good = gguf_check(m->path, &facts, &fault) == OK;
    char hash[SHA256_HEX_BYTES];
    bool hashed = good && facts.file_bytes <= (int64_t)HASH_BYTES_MAX &&
                  sha256_file_hex(m->path, hash, &fault) == OK;
    json_begin_object(w);
    json_put_c(w, "name", m->name);
    json_put_c(w, "path", m->path);
    json_put_known(w, "bytes", good ? facts.file_bytes : -1);
    json_put(w, "sha256", hashed ? span_c(hash) : SPAN_NONE);
    json_put_known(w, "context", good ? facts.context : -1);
    json_put(w, "quantisation", good ? span_c(facts.quantisation) : SPAN_NONE);
    json_key(w, "tasks");
    write_tasks(w, facts.tasks);
    json_put_bool(w, "probe", has_probe(m->path));
    json_put_bool(w, "bundled", m->bundled);
    json_put_bool(w, "demo", facts.demo);
    json_put_bool(w, "in_use", in_use && strcmp(in_use, m->path) == 0);
    json_put(w, "error", good ? SPAN_NONE : span_c(fault.text));
    json_end_object(w);
}

static void print_model(const struct json *m)
{
    struct span error = json_str(json_get(m, "error"));
    printf("%s %-24.*s ", json_true(json_get(m, "in_use")) ? "*" : " ",
           SPAN_ARG(json_str(json_get(m, "name"))));
    if (span_given(error)) {
        printf("%s%.*s%s\n", cli_red(STDOUT_FILENO), SPAN_ARG(error), cli_reset(STDOUT_FILENO));
        return;
    }
    printf("%8.1f MB  %-8.*s context %-6lld%s", (double)json_i64_or(json_get(m, "bytes"), 0) / 1e6,
           SPAN_ARG(json_str(json_get(m, "quantisation"))),
           (long long)json_i64_or(json_get(m, "context"), 0),
           json_true(json_get(m, "demo")) ? "  demonstration model for" : "");
    struct json_iter it = json_iter(json_get(m, "tasks"));
    while (json_next(&it)) {
        printf("%s %.*s", it.index ? "," : "", SPAN_ARG(json_str(it.value)));
    }
    puts("");
}

static const char *model_in_use(const struct config *c)
{
    for (int i = 0; i < c->backends_count; i++) {
        if (c->backends[i].api == API_LOCAL && c->backends[i].tier == TIER_DEVICE) {
            return c->backends[i].model_path;
        }
    }
    return NULL;
}

static int list(const struct config *c, bool json)
{
    struct registered_model *all = NEW_ARRAY(struct registered_model, REGISTRY_MAX);
    int count = registry_list(all, REGISTRY_MAX);
    char real[PATH_MAX];
    const char *used = model_in_use(c);
    used = used && realpath(used, real) ? real : used;
    struct text out;
    text_init(&out, 4 * MIB);
    struct json_out w = json_out(&out);
    json_begin_object(&w);
    json_key(&w, "models");
    json_begin_array(&w);
    for (int i = 0; i < count; i++) {
        write_model(&w, &all[i], used);
    }
    json_end_array(&w);
    json_end_object(&w);
    struct json_doc *doc = NULL;
    if (json) {
        puts(out.data);
    } else if (json_parse(text_span(&out), &doc, NULL) == OK) {
        struct json_iter it = json_iter(json_get(json_root(doc), "models"));
        while (json_next(&it)) {
            print_model(it.value);
        }
        json_free(doc);
    }
    text_done(&out);
    mem_free(all);
    return CLI_OK;
}

/* ---- add ---- */

/* Tokens a second of one short answer, on a ledger that nobody else uses; 0 = it did not answer. */
static double try_model(const char *path, struct fault *fault)
{
    char folder[] = "/tmp/weir-try-XXXXXX", ledger[64];
    if (!mkdtemp(folder)) {
        fault_set(fault, ERR_IO, "%s: %s", folder, strerror(errno));
        return 0;
    }
    snprintf(ledger, sizeof ledger, "%s/try.db", folder);
    struct client *c;
    double speed = 0;
    if (client_open(&(struct client_options){.model = path, .ledger = ledger, .may_start = true},
                    &c, fault) == OK) {
        struct answer_wish wish = {.model = "device", .strategy = "device", .max_tokens = 32};
        struct answer_result result;
        const char *messages = "[{\"role\":\"user\",\"content\":\"Count from one to twenty.\"}]";
        bool ok = answer_stream(c, &wish, span_c(messages), -1, &result);
        const struct json *leg =
            json_at(json_get(result.weir ? json_root(result.weir) : NULL, "legs"), 0);
        double tokens = json_f64_or(json_get(leg, "output_tokens"), 0);
        double us =
            json_f64_or(json_get(leg, "total_us"), 0) - json_f64_or(json_get(leg, "ttft_us"), 0);
        if (ok && tokens > 0) {
            speed = us > 0 ? tokens * 1e6 / us : tokens;
        } else {
            fault_set(fault, ERR_IO, "it does not answer: %s", text_span(&result.error).data);
        }
        answer_result_done(&result);
        client_close(c);
    }
    static const char *const left[] = {"", "-wal", "-shm", ".lock", ".page"};
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        char file[128];
        snprintf(file, sizeof file, "%s%s", ledger, left[i]);
        unlink(file);
    }
    rmdir(folder);
    return speed;
}

static struct span file_stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct span stem = span_c(slash ? slash + 1 : path);
    if (span_ends(stem, SPAN(".gguf"))) {
        stem.len -= 5;
    }
    return stem;
}

static bool serves(struct client *c, struct span model)
{
    struct text out;
    text_init(&out, MIB);
    struct fault fault;
    struct json_doc *doc = NULL;
    bool yes = false;
    if (client_call(c, "GET", "/weir/v1/status", NULL, SPAN(""), &out, &fault) == 200 &&
        json_parse(text_span(&out), &doc, NULL) == OK) {
        struct json_iter it = json_iter(json_get(json_root(doc), "backends"));
        while (json_next(&it) && !yes) {
            yes = span_is(json_str(json_get(it.value, "tier")), "device") &&
                  span_eq(json_str(json_get(it.value, "model")), model) &&
                  json_true(json_get(it.value, "usable")) &&
                  !json_true(json_get(it.value, "switching"));
        }
    }
    json_free(doc);
    text_done(&out);
    return yes;
}

static int use(const struct config *c, const char *config_path, const char *name, const char *path)
{
    struct fault fault = {0};
    struct serving serving;
    if (app_choose_model(c->ledger_path, path, &fault)) {
        return cli_fail("%s", fault.text);
    }
    if (!app_find_serving(c->ledger_path, &serving)) {
        fprintf(stderr, "%s answers from the next start on\n", name);
        return CLI_OK;
    }
    struct client *client;
    if (kill(serving.pid, SIGHUP) ||
        client_open(&(struct client_options){.config_path = config_path}, &client, &fault)) {
        return cli_fail("the running weir (process %d) could not be told: %s", serving.pid,
                        fault.text[0] ? fault.text : strerror(errno));
    }
    bool switched = false;
    uint64_t give_up = clock_now_us() + SWITCH_WAIT_S * US_PER_S;
    while (!(switched = serves(client, file_stem(path))) && clock_now_us() < give_up) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    client_close(client);
    if (!switched) {
        return cli_fail("the running weir has not switched to %s; its log says why", name);
    }
    fprintf(stderr, "%s answers now at %s\n", name, serving.url);
    return CLI_OK;
}

static int add(const struct config *c, const char *config_path, const char *what, bool and_use,
               bool json)
{
    char path[4096], real[PATH_MAX], name[128];
    struct fault fault = {0};
    snprintf(path, sizeof path, "%s", what);
    if (strncmp(what, "ollama:", 7) == 0 && registry_ollama(what + 7, path, &fault)) {
        return cli_fail("%s", fault.text);
    }
    struct gguf_facts facts;
    if (!realpath(path, real)) {
        return cli_fail("%s: %s", path, strerror(errno));
    }
    if (gguf_check(real, &facts, &fault)) {
        return cli_fail("%s", fault.text);
    }
    struct span stem = strncmp(what, "ollama:", 7) == 0 ? span_c(what + 7) : file_stem(real);
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(stem));
    for (char *p = name; *p; p++) {
        *p = *p == '/' || *p == ':' ? '-' : *p;
    }
    int64_t need = gguf_memory_needed(&facts, MIN(facts.context, 4096), 1),
            have = memory_available();
    fprintf(stderr, "%s: %s, %s, %.1f MB, context %lld%s\n", name, facts.architecture,
            facts.quantisation, (double)facts.file_bytes / 1e6, (long long)facts.context,
            facts.has_chat_template ? "" : ", no chat template (ChatML will be used)");
    if (need > have) {
        return cli_fail(
            "%s needs about %.1f GB, %.1f GB are free; a smaller quantisation or context may fit",
            name, (double)need / 1e9, (double)have / 1e9);
    }
    fprintf(stderr, "trying it …\n");
    double speed = try_model(real, &fault);
    if (speed <= 0) {
        return cli_fail("%s: %s", name, fault.text);
    }
    if (registry_add(real, name, &fault)) {
        return cli_fail("%s", fault.text);
    }
    if (json) {
        struct text out;
        text_init(&out, 64 * KIB);
        struct json_out w = json_out(&out);
        json_begin_object(&w);
        json_put_c(&w, "name", name);
        json_put_c(&w, "path", real);
        json_put_int(&w, "context", facts.context);
        json_put_bool(&w, "chat_template", facts.has_chat_template);
        json_put_int(&w, "memory_bytes", need);
        json_put_number(&w, "tokens_per_s", speed);
        json_end_object(&w);
        puts(out.data);
        text_done(&out);
    } else {
        printf("added %s: %.0f tokens a second here\n", name, speed);
    }
    return and_use ? use(c, config_path, name, real) : CLI_OK;
}

/* ---- the command ---- */

static int dispatch(const struct config *c, const char *config_path, int argc, char **argv,
                    bool and_use, bool json)
{
    const char *verb = argc > 1 ? argv[1] : "list";
    struct fault fault = {0};
    struct registered_model m;
    if (strcmp(verb, "list") == 0 && argc <= 2) {
        return list(c, json);
    }
    if (argc != 3) {
        return cli_usage(&command_models, "expected: list, add FILE, use NAME, or rm NAME");
    }
    if (strcmp(verb, "add") == 0) {
        return add(c, config_path, argv[2], and_use, json);
    }
    if (strcmp(verb, "use") == 0) {
        return registry_find(argv[2], &m)
                   ? use(c, config_path, m.name, m.path)
                   : cli_fail("there is no model called %s; `weir models` lists them", argv[2]);
    }
    if (strcmp(verb, "rm") == 0) {
        return registry_remove(argv[2], &fault) ? cli_fail("%s", fault.text) : CLI_OK;
    }
    return cli_usage(&command_models, "expected: list, add FILE, use NAME, or rm NAME");
}

static int run(int argc, char **argv)
{
    const char *config = NULL;
    bool and_use = false, json = false;
    const struct cli_option options[] = {
        {"--use", &and_use, NULL},
        {"--json", &json, NULL},
        {"--config", NULL, &config},
    };
    if (!cli_parse(&command_models, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    struct config *c;
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct app_options app = {.config_path = cli_config_path(config), .ready_fd = -1};
    int status;
    if (app_load_config(&app, &c, &errors)) {
        status = cli_fail("the config has mistakes:\n%s", errors.data);
    } else {
        status = dispatch(c, app.config_path, argc, argv, and_use, json);
        config_unref(c);
    }
    text_done(&errors);
    return status;
}

const struct command command_models = {
    .name = "models",
    .summary = "list, check, add and switch the device's model",
    .help = help,
    .run = run,
};
