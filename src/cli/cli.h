/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one file per command, one table of them (cli.c).
 *
 * Each command has a help text with examples and returns its exit code:
 * CLI_OK, CLI_FAILED (it tried) or CLI_USAGE (it was called wrongly). With --json
 * standard output holds nothing but the JSON; messages go to standard error.
 * Colour and bars appear only on a terminal and never with NO_COLOR.
 */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include "base/text.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct command {
    const char *name;
    const char *summary;               /* one line for `weir help` */
    const char *help;                  /* usage, options, examples */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command command_serve, command_ask, command_chat, command_explain,
    command_receipts, command_report, command_doctor, command_models, command_backends,
    command_keys, command_calibrate, command_config, command_offline, command_replay,
    command_redact, command_forget;

int cli_main(int argc, char **argv);

/* ---- arguments ---- */

/* One option: exactly one of `flag` and `value` is set. */
struct cli_option {
    const char *name; /* "--json" */
    bool *flag;
    const char **value;
};

/* Takes known options out of argv (`--x V`, `--x=V`), leaves the words in order: *argc, argv[0..]. An unknown option
 * or a missing value prints what is wrong and gives false. `--` ends options; `-` is a word. */
bool cli_parse(const struct command *c, const struct cli_option *options, size_t count, int *argc,
               char **argv);
/* "weir ask: …" on standard error, then how to get help. Gives CLI_USAGE. */
int cli_usage(const struct command *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* "weir: …" on standard error. Gives CLI_FAILED. */
int cli_fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* ---- the terminal ---- */

bool cli_colour(int fd); /* a terminal, no NO_COLOR, TERM not dumb */
/* An escape sequence, or "" when `fd` takes no colour. */
const char *cli_dim(int fd);
const char *cli_bold(int fd);
const char *cli_red(int fd);
const char *cli_green(int fd);
const char *cli_reset(int fd);
/* ▏▎▍▌▋▊▉█ bar of `share` (0..1) over `cells` columns; '#' without UTF-8. */
void cli_bar(struct text *out, double share, int cells);
/* Everything from standard input, at most `max` bytes; false past it. */
bool cli_read_stdin(struct text *out);

/* The config to use: --config, else WEIR_CONFIG, else ./weir.yaml, else ~/.config/weir/weir.yaml, else NULL. */
const char *cli_config_path(const char *given);

#endif
