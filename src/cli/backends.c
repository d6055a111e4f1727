/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir backends`: what is configured and how it is; `weir backends test NAME`:
 * does it answer. The listing of a provider's models carries nothing but the key;
 * the small call goes through a server, and so through the gate, like any request.
 */
#include "app/app.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "upstream/upstream.h"

#include <stdio.h>
#include <string.h>

#define LIST_MS 10000
#define SHOWN_MODELS 20

static const char help[] =
    "usage: weir backends [list] [OPTIONS]\n"
    "       weir backends test NAME [OPTIONS]\n"
    "\n"
    "Shows the backends and their health, or tries one: lists the provider's models and makes\n"
    "one small call (a few tokens; it may cost a fraction of a cent).\n"
    "\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "  --json           as JSON\n"
    "\n"
    "examples:\n"
    "  weir backends\n"
    "  weir backends test cloud\n";

/* ---- list ---- */

static void print_backend(const struct json *b)
{
    bool usable = json_true(json_get(b, "usable"));
    int fd = 1;
    printf("  %s%-5s%s %-14.*s %-7.*s %-28.*s", usable ? cli_green(fd) : cli_red(fd),
           usable ? "ok" : "down", cli_reset(fd), SPAN_ARG(json_str(json_get(b, "name"))),
           SPAN_ARG(json_str(json_get(b, "tier"))), SPAN_ARG(json_str(json_get(b, "model"))));
    double speed;
    if (json_to_f64(json_get(b, "tokens_per_s"), &speed)) {
        printf(" %.0f tokens/s", speed);
    }
    struct span why = json_str(json_get(b, "why"));
    printf(" %.*s\n", SPAN_ARG(why));
}

static int list(const char *config, bool json)
{
    struct client *c;
    struct fault fault = {0};
    if (client_open(&(struct client_options){.config_path = config, .may_start = true}, &c,
                    &fault)) {
        return cli_fail("%s", fault.text);
    }
    struct text out;
    text_init(&out, 4 * MIB);
    int status = client_call(c, "GET", "/weir/v1/status", NULL, SPAN(""), &out, &fault);
    client_close(c);
    struct json_doc *doc = NULL;
    int exit_code = CLI_OK;
    if (status != 200 || json_parse(text_span(&out), &doc, &fault)) {
        exit_code = cli_fail("the status could not be read: %s", fault.text);
    } else if (json) {
        struct text only;
        text_init(&only, 4 * MIB);
        struct json_out w = json_out(&only);
        json_begin_object(&w);
        json_put_value(&w, "backends", json_get(json_root(doc), "backends"));
        json_end_object(&w);
        puts(only.data);
        text_done(&only);
    } else {
        struct json_iter it = json_iter(json_get(json_root(doc), "backends"));
        while (json_next(&it)) {
            print_backend(it.value);
        }
    }
    json_free(doc);
    text_done(&out);
    return exit_code;
}

/* ---- test ---- */

struct listing {
    struct loop *loop;
    int status;
    struct text body, error;
};

static void on_listing(void *user, int status, struct span body, const char *error)
{
    struct listing *l = user;
    l->status = status;
    text_add(&l->body, body);
    text_add_c(&l->error, error ? error : "");
    loop_stop(l->loop);
}

/* Model ids of the provider, one sentence in `out_fault` when they cannot be had. */
static bool list_models(const struct backend *b, struct text *out_ids, int *out_count,
                        struct fault *out_fault)
{
    struct listing l = {.loop = loop_new()};
    text_init(&l.body, 8 * MIB);
    text_init(&l.error, KIB);
    struct upstream *u = upstream_new(l.loop, NULL);
    bool ok = upstream_prepare(u, b, out_fault) == OK;
    if (ok) {
        upstream_get(u, b, "/models", LIST_MS, on_listing, &l);
        loop_run(l.loop);
        struct json_doc *doc = NULL;
        ok = l.status == 200 && json_parse(text_span(&l.body), &doc, NULL) == OK;
        const struct json *data = json_get(doc ? json_root(doc) : NULL, "data");
        struct json_iter it = json_iter(data);
        *out_count = (int)json_len(data);
        while (json_next(&it) && it.index < SHOWN_MODELS) {
            text_addf(out_ids, "%s%.*s", it.index ? ", " : "",
                      SPAN_ARG(json_str(json_get(it.value, "id"))));
        }
        json_free(doc);
        if (!ok) {
            fault_set(out_fault, ERR_UPSTREAM, "%s%s%d%s", l.error.len ? l.error.data : "",
                      l.status ? "status " : "", l.status,
                      l.status == 401 || l.status == 403 ? " (the provider refused the key)" : "");
        }
    }
    upstream_free(u);
    loop_free(l.loop);
    text_done(&l.body);
    text_done(&l.error);
    return ok;
}

static bool small_call(const char *config, const char *name, struct text *out_line,
                       struct fault *fault)
{
    struct client *c;
    if (client_open(&(struct client_options){.config_path = config, .may_start = true}, &c,
                    fault)) {
        return false;
    }
    struct answer_wish wish = {.model = name, .max_tokens = 16};
    struct answer_result result;
    bool ok =
        answer_stream(c, &wish, SPAN("[{\"role\":\"user\",\"content\":\"Say OK.\"}]"), -1, &result);
    if (ok) {
        struct text clean;
        text_init(&clean, 200);
        answer_clean(span_first(text_span(&result.text), 100), &clean);
        text_addf(out_line, "\"%s\"  ", clean.data ? clean.data : "");
        text_done(&clean);
        answer_summary(result.weir ? json_root(result.weir) : NULL, out_line);
    } else {
        fault_set(fault, ERR_UPSTREAM, "%s", result.error.data);
    }
    answer_result_done(&result);
    client_close(c);
    return ok;
}

static int test(const char *config, const char *name, bool json)
{
    struct config *c;
    struct text errors, ids, line;
    text_init(&errors, 64 * KIB);
    text_init(&ids, 8 * KIB);
    text_init(&line, 8 * KIB);
    struct app_options app = {.config_path = config, .ready_fd = -1};
    if (app_load_config(&app, &c, &errors)) {
        return cli_fail("the config has mistakes:\n%s", errors.data);
    }
    const struct backend *b = config_backend(c, span_c(name));
    if (!b) {
        return cli_fail("there is no backend called %s; `weir backends` lists them", name);
    }
    struct fault list_fault = {0}, call_fault = {0};
    int count = 0;
    bool listed = !b->url || list_models(b, &ids, &count, &list_fault);
    bool called = small_call(config, name, &line, &call_fault);
    if (json) {
        struct text out;
        text_init(&out, 64 * KIB);
        struct json_out w = json_out(&out);
        json_begin_object(&w);
        json_put_c(&w, "backend", name);
        json_put_bool(&w, "ok", called);
        json_put_int(&w, "models", count);
        json_put(&w, "error", called ? SPAN_NONE : span_c(call_fault.text));
        json_put(&w, "models_error", listed ? SPAN_NONE : span_c(list_fault.text));
        json_end_object(&w);
        puts(out.data);
        text_done(&out);
    } else {
        if (b->url) {
            listed ? printf("models  %d: %s%s\n", count, text_span(&ids).data,
                            count > SHOWN_MODELS ? ", …" : "")
                   : printf("models  could not be listed: %s\n", list_fault.text);
        }
        called ? printf("call    ok: %s\n", line.data)
               : printf("call    failed: %s\n", call_fault.text);
    }
    text_done(&errors);
    text_done(&ids);
    text_done(&line);
    config_unref(c);
    return called ? CLI_OK : CLI_FAILED;
}

static int run(int argc, char **argv)
{
    const char *config = NULL;
    bool json = false;
    const struct cli_option options[] = {{"--config", NULL, &config}, {"--json", &json, NULL}};
    if (!cli_parse(&command_backends, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0)) {
        return list(cli_config_path(config), json);
    }
    if (argc == 3 && strcmp(argv[1], "test") == 0) {
        return test(cli_config_path(config), argv[2], json);
    }
    return cli_usage(&command_backends, "expected: list, or test NAME");
}

const struct command command_backends = {
    .name = "backends",
    .summary = "who can answer, how they are; try one",
    .help = help,
    .run = run,
};
