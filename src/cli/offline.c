/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/client.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: weir offline [on|off] [OPTIONS]\n"
    "\n"
    "Pretends that the network is gone (or no longer does), to try what happens: every tier but\n"
    "the device is offline until `weir offline off`. Without a word it tells how it is.\n"
    "\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "  --json           {\"offline\": true|false}\n"
    "\n"
    "example:\n"
    "  weir offline on && weir ask \"what is 345 + 278?\"; weir offline off\n";

static int run(int argc, char **argv)
{
    const char *config = NULL;
    bool json = false;
    const struct cli_option options[] = {{"--config", NULL, &config}, {"--json", &json, NULL}};
    if (!cli_parse(&command_offline, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    bool set = argc == 2, on = set && strcmp(argv[1], "on") == 0;
    if (argc > 2 || (set && !on && strcmp(argv[1], "off") != 0)) {
        return cli_usage(&command_offline, "expected: on, off, or nothing");
    }
    struct client *c;
    struct fault fault = {0};
    if (client_open(&(struct client_options){.config_path = cli_config_path(config)}, &c, &fault)) {
        return cli_fail("%s", fault.text);
    }
    struct text out;
    text_init(&out, MIB);
    int status =
        set ? client_call(c, "POST", "/weir/v1/offline", NULL,
                          on ? SPAN("{\"on\":true}") : SPAN("{\"on\":false}"), &out, &fault)
            : client_call(c, "GET", "/weir/v1/status", NULL, SPAN(""), &out, &fault);
    client_close(c);
    struct json_doc *doc = NULL;
    int exit_code = CLI_OK;
    if (status < 0 || json_parse(text_span(&out), &doc, &fault)) {
        exit_code = cli_fail("%s", fault.text);
    } else if (status != 200) {
        exit_code = cli_fail(
            "%.*s", SPAN_ARG(json_str(json_get(json_get(json_root(doc), "error"), "message"))));
    } else {
        bool offline = json_true(json_get(json_root(doc), "offline"));
        json      ? (void)printf("{\"offline\":%s}\n", offline ? "true" : "false")
        : offline ? (void)puts("offline: only the device answers until `weir offline off`")
                  : (void)puts("online");
    }
    json_free(doc);
    text_done(&out);
    return exit_code;
}

const struct command command_offline = {
    .name = "offline",
    .summary = "pretend that the network is gone, to try it",
    .help = help,
    .run = run,
};
