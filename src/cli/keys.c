/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/keys.h"

#include "app/app.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: weir keys add NAME [--admin] [OPTIONS]\n"
    "       weir keys list|rm NAME\n"
    "\n"
    "Makes and lists API keys. A key is shown once; the file keeps only its SHA-256. A key sees\n"
    "its own receipts, an admin key sees all. A running weir takes the change on SIGHUP.\n"
    "\n"
    "  --admin          the key may see everything and flip the offline switch\n"
    "  --file FILE      default: auth.keys_file of the config\n"
    "  --config FILE    default: WEIR_CONFIG, ./weir.yaml, ~/.config/weir/weir.yaml\n"
    "  --json           as JSON\n"
    "\n"
    "examples:\n"
    "  weir keys add phone\n"
    "  weir keys add ops --admin --file keys\n";

#define FILE_MAX MIB

static bool read_lines(const char *path, struct text *out)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        return errno == ENOENT;
    }
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        text_add(out, span_of(chunk, n));
    }
    fclose(f);
    return !out->overflow;
}

/* The whole file is written beside itself and renamed, so that a reader never sees half a line. */
static bool write_lines(const char *path, struct span text)
{
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
    if (fd >= 0) {
        ok = close(fd) == 0 && ok;
    }
    return ok && rename(fresh, path) == 0;
}

static struct span line_name(struct span line)
{
    line = span_trim(line);
    return span_cut(&line, ' ');
}

static bool has_name(struct span lines, const char *name)
{
    while (lines.len) {
        if (span_is(line_name(span_cut(&lines, '\n')), name)) {
            return true;
        }
    }
    return false;
}

static int add(const char *path, const char *name, bool admin, bool json, struct text *lines)
{
    if (!key_name_valid(span_c(name))) {
        return cli_usage(&command_keys, "a name is 1 to 64 of A-Z a-z 0-9 . _ - @");
    }
    if (has_name(text_span(lines), name)) {
        return cli_fail("%s has a key called %s already; `weir keys rm %s` removes it", path, name,
                        name);
    }
    char key[KEY_BYTES];
    key_generate(key);
    if (lines->len && lines->data[lines->len - 1] != '\n') {
        text_add_char(lines, '\n');
    }
    key_line(span_c(name), span_c(key), admin, lines);
    if (!write_lines(path, text_span(lines))) {
        return cli_fail("%s: %s", path, strerror(errno));
    }
    if (json) {
        printf("{\"name\":\"%s\",\"key\":\"%s\",\"admin\":%s}\n", name, key,
               admin ? "true" : "false");
    } else {
        printf("%s\n", key);
        fprintf(stderr, "This is the only time the key is shown. %s keeps its digest.\n", path);
    }
    return CLI_OK;
}

static int list(struct span lines, bool json)
{
    bool first = true;
    json ? (void)fputs("{\"keys\":[", stdout) : (void)0;
    while (lines.len) {
        struct span line = span_trim(span_cut(&lines, '\n'));
        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }
        bool admin = span_ends(line, SPAN(" admin"));
        struct span name = line_name(line);
        if (json) {
            printf("%s{\"name\":\"%.*s\",\"admin\":%s}", first ? "" : ",", SPAN_ARG(name),
                   admin ? "true" : "false");
        } else {
            printf("%.*s%s\n", SPAN_ARG(name), admin ? "  (admin)" : "");
        }
        first = false;
    }
    json ? (void)puts("]}") : (void)0;
    return CLI_OK;
}

static int rm(const char *path, const char *name, struct span lines)
{
    struct text kept;
    text_init(&kept, FILE_MAX);
    bool found = false;
    while (lines.len) {
        struct span line = span_cut(&lines, '\n');
        if (span_is(line_name(line), name)) {
            found = true;
        } else {
            text_add(&kept, line);
            text_add_char(&kept, '\n');
        }
    }
    int status = !found ? cli_fail("%s has no key called %s", path, name)
                 : write_lines(path, text_span(&kept)) ? CLI_OK
                                                       : cli_fail("%s: %s", path, strerror(errno));
    text_done(&kept);
    return status;
}

/* The keys file the config names; the caller's buffer gets it. */
static bool configured_file(const char *config, struct text *out)
{
    struct config *c;
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct app_options app = {.config_path = cli_config_path(config), .ready_fd = -1};
    bool ok = app_load_config(&app, &c, &errors) == OK;
    if (ok && c->keys_file) {
        text_add_c(out, c->keys_file);
    }
    if (ok) {
        config_unref(c);
    }
    text_done(&errors);
    return out->len > 0;
}

static int run(int argc, char **argv)
{
    const char *config = NULL, *file = NULL;
    bool admin = false, json = false;
    const struct cli_option options[] = {
        {"--admin", &admin, NULL},
        {"--json", &json, NULL},
        {"--file", NULL, &file},
        {"--config", NULL, &config},
    };
    if (!cli_parse(&command_keys, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    const char *verb = argc > 1 ? argv[1] : "list";
    bool is_list = strcmp(verb, "list") == 0, is_add = strcmp(verb, "add") == 0,
         is_rm = strcmp(verb, "rm") == 0;
    if (!(is_list || is_add || is_rm) || argc != (is_list ? MIN(argc, 2) : 3)) {
        return cli_usage(&command_keys, "expected: add NAME, list, or rm NAME");
    }
    struct text path, lines;
    text_init(&path, 4096);
    text_init(&lines, FILE_MAX);
    file ? text_add_c(&path, file) : (void)configured_file(config, &path);
    int status;
    if (path.len == 0) {
        status = cli_fail("no keys file: set auth.keys_file in the config, or give --file FILE");
    } else if (!read_lines(path.data, &lines)) {
        status = cli_fail("%s: %s", path.data, lines.overflow ? "over 1 MiB" : strerror(errno));
    } else {
        status = is_add  ? add(path.data, argv[2], admin, json, &lines)
                 : is_rm ? rm(path.data, argv[2], text_span(&lines))
                         : list(text_span(&lines), json);
    }
    text_done(&path);
    text_done(&lines);
    return status;
}

const struct command command_keys = {
    .name = "keys",
    .summary = "make, list and remove API keys",
    .help = help,
    .run = run,
};
