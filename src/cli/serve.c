/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "cli/cli.h"

#include <string.h>

static const char help[] =
    "usage: weir serve [OPTIONS]\n"
    "\n"
    "Serves the OpenAI API on the configured addresses until told to end. SIGTERM or Ctrl-C\n"
    "finishes what runs (at most 8 s), a second one ends at once; SIGHUP reloads the config.\n"
    "\n"
    "  --config FILE       default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml;\n"
    "                      without any: the bundled model on 127.0.0.1:8080, no cloud\n"
    "  --listen ADDRESS    HOST:PORT or unix:/path, in place of the config's\n"
    "  --workers N         in place of the config's\n"
    "  --model FILE.gguf   the device's model, when there is no config\n"
    "  --log-level LEVEL   error, warn, info, debug\n"
    "  --log-json          log lines as JSON\n"
    "\n"
    "examples:\n"
    "  weir serve\n"
    "  weir serve --config edge.yaml --workers 2\n"
    "  weir serve --model ~/models/qwen.gguf --listen 127.0.0.1:9090\n";

static int run(int argc, char **argv)
{
    struct app_options o = {.ready_fd = -1};
    const char *config = NULL, *workers = NULL;
    const struct cli_option options[] = {
        {"--config", NULL, &config},         {"--listen", NULL, &o.listen},
        {"--workers", NULL, &workers},       {"--model", NULL, &o.model},
        {"--log-level", NULL, &o.log_level}, {"--log-json", &o.log_json, NULL},
    };
    if (!cli_parse(&command_serve, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1) {
        return cli_usage(&command_serve, "`%s` is not expected here", argv[1]);
    }
    int64_t n = 0;
    if (workers && (!span_to_i64(span_c(workers), &n) || n < 1 || n > PAGE_WORKERS_MAX)) {
        return cli_usage(&command_serve, "--workers must be a number from 1 to %d",
                         PAGE_WORKERS_MAX);
    }
    o.workers = (int)n;
    if (o.log_level && strcmp(o.log_level, "error") != 0 && strcmp(o.log_level, "warn") != 0 &&
        strcmp(o.log_level, "info") != 0 && strcmp(o.log_level, "debug") != 0) {
        return cli_usage(&command_serve, "--log-level must be error, warn, info or debug");
    }
    /* A named model asks for the defaults over it, whatever lies around. */
    o.config_path = o.model && !config ? NULL : cli_config_path(config);
    return supervisor_run(&o);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "serve the OpenAI API here",
    .help = help,
    .run = run,
};
