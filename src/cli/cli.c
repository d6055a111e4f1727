/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "app/dumps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_serve,    &command_ask,    &command_chat,   &command_explain,
    &command_receipts, &command_report, &command_doctor, &command_models,
    &command_backends, &command_keys,   &command_config, &command_offline,
    &command_replay,   &command_redact, &command_forget, &command_calibrate,
};

static void print_overview(FILE *out)
{
    fprintf(out,
            "weir %s: answers prompts on this device when it can, in the cloud when it must.\n\n"
            "usage: weir COMMAND [OPTIONS]\n\n",
            WEIR_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fprintf(out, "\n`weir COMMAND --help` shows options and examples.\n");
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int cli_main(int argc, char **argv)
{
    dumps_off();
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("weir %s\n", WEIR_VERSION);
        return CLI_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        const struct command *about = argc > 2 ? find(argv[2]) : NULL;
        about ? (void)fputs(about->help, stdout) : print_overview(stdout);
        return argc > 1 ? CLI_OK : CLI_USAGE;
    }
    const struct command *c = find(name);
    if (!c) {
        fprintf(stderr, "weir: there is no command `%s`\n\n", name);
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (wants_help(argc - 1, argv + 1)) {
        fputs(c->help, stdout);
        return CLI_OK;
    }
    return c->run(argc - 1, argv + 1);
}

/* ---- arguments ---- */

static const struct cli_option *find_option(const struct cli_option *options, size_t count,
                                            struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, options[i].name)) {
            return &options[i];
        }
    }
    return NULL;
}

bool cli_parse(const struct command *c, const struct cli_option *options, size_t count, int *argc,
               char **argv)
{
    int words = 1;
    bool options_over = false;
    for (int i = 1; i < *argc; i++) {
        char *arg = argv[i];
        if (!options_over && strcmp(arg, "--") == 0) {
            options_over = true;
            continue;
        }
        if (options_over || arg[0] != '-' || arg[1] == '\0') {
            argv[words++] = arg;
            continue;
        }
        struct span rest = span_c(arg);
        bool has_value = span_find_char(rest, '=', 0) != SIZE_MAX;
        struct span name = span_cut(&rest, '=');
        const struct cli_option *o = find_option(options, count, name);
        if (!o) {
            cli_usage(c, "unknown option %.*s", SPAN_ARG(name));
            return false;
        }
        if (o->flag && has_value) {
            cli_usage(c, "%s takes no value", o->name);
            return false;
        }
        if (o->flag) {
            *o->flag = true;
        } else if (has_value) {
            *o->value = rest.data;
        } else if (i + 1 < *argc) {
            *o->value = argv[++i];
        } else {
            cli_usage(c, "%s needs a value", o->name);
            return false;
        }
    }
    *argc = words;
    return true;
}

int cli_usage(const struct command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weir %s: ", c->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, " (see `weir %s --help`)\n", c->name);
    va_end(args);
    return CLI_USAGE;
}

int cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("weir: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_FAILED;
}

/* ---- the terminal ---- */

bool cli_colour(int fd)
{
    const char *none = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fd) && !(none && *none) && !(term && strcmp(term, "dumb") == 0);
}

const char *cli_dim(int fd)
{
    return cli_colour(fd) ? "\033[2m" : "";
}

const char *cli_bold(int fd)
{
    return cli_colour(fd) ? "\033[1m" : "";
}

const char *cli_red(int fd)
{
    return cli_colour(fd) ? "\033[31m" : "";
}

const char *cli_green(int fd)
{
    return cli_colour(fd) ? "\033[32m" : "";
}

const char *cli_reset(int fd)
{
    return cli_colour(fd) ? "\033[0m" : "";
}

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
    }
    return true; /* nothing said: today's terminals */
}

void cli_bar(struct text *out, double share, int cells)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    share = MAX(0.0, MIN(1.0, share));
    int filled = (int)(share * cells * 8 + 0.5);
    bool utf8 = locale_is_utf8();
    int used = 0;
    for (; used < filled / 8; used++) {
        text_add_c(out, utf8 ? "█" : "#");
    }
    if (utf8 && filled % 8) {
        text_add_c(out, eighths[filled % 8]);
        used++;
    }
    for (; used < cells; used++) {
        text_add_char(out, ' ');
    }
}

bool cli_read_stdin(struct text *out)
{
    char chunk[8 * KIB];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)) {
        text_add(out, span_of(chunk, (size_t)MAX(n, 0)));
    }
    return n == 0 && !out->overflow;
}

const char *cli_config_path(const char *given)
{
    static char found[4096];
    const char *env = getenv("WEIR_CONFIG");
    if (given || (env && *env)) {
        return given ? given : env;
    }
    if (access("weir.yaml", F_OK) == 0) {
        return "weir.yaml";
    }
    const char *home = getenv("XDG_CONFIG_HOME");
    const char *user = getenv("HOME");
    if (home && *home) {
        snprintf(found, sizeof found, "%s/weir/weir.yaml", home);
    } else if (user && *user) {
        snprintf(found, sizeof found, "%s/.config/weir/weir.yaml", user);
    } else {
        return NULL;
    }
    return access(found, F_OK) == 0 ? found : NULL;
}
