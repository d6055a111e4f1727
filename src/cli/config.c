/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: weir config check [FILE]\n"
    "       weir config path\n"
    "\n"
    "Reads a config and prints every mistake as FILE:LINE: message. Exit 0 when it is fine,\n"
    "2 when it is not. `path` prints which file the other commands use.\n"
    "\n"
    "examples:\n"
    "  weir config check\n"
    "  weir config check edge.yaml && kill -HUP $(pidof -s weir)\n";

static int check(const char *path)
{
    if (!path) {
        return cli_fail(
            "there is no config: no WEIR_CONFIG, no ./weir.yaml, no ~/.config/weir/weir.yaml");
    }
    struct text errors;
    text_init(&errors, MIB);
    struct config *c;
    struct app_options app = {.config_path = path, .ready_fd = -1};
    enum err err = app_load_config(&app, &c, &errors);
    fputs(text_span(&errors).data, err ? stdout : stderr);
    text_done(&errors);
    if (err) {
        return CLI_USAGE;
    }
    printf("%s is fine: %d backend%s, strategy %s, privacy %s\n", path, c->backends_count,
           c->backends_count == 1 ? "" : "s", c->strategy, privacy_level_name(c->privacy_default));
    config_unref(c);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    const char *config = NULL;
    const struct cli_option options[] = {{"--config", NULL, &config}};
    if (!cli_parse(&command_config, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc >= 2 && argc <= 3 && strcmp(argv[1], "check") == 0) {
        return check(cli_config_path(argc > 2 ? argv[2] : config));
    }
    if (argc == 2 && strcmp(argv[1], "path") == 0) {
        const char *path = cli_config_path(config);
        return path ? (puts(path), CLI_OK)
                    : cli_fail("there is no config; the built-in defaults are used");
    }
    return cli_usage(&command_config, "expected: check [FILE], or path");
}

const struct command command_config = {
    .name = "config",
    .summary = "check a config file",
    .help = help,
    .run = run,
};
