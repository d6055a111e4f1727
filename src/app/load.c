/* SPDX-License-Identifier: Apache-2.0 */
#include "app/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_BYTES_MAX MIB
#define BUNDLED_MODEL "weir-nano.gguf"

/* ---- small files ---- */

static enum err read_file(const char *path, struct text *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    char chunk[8 * KIB];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && !out->overflow) {
        text_add(out, span_of(chunk, (size_t)n));
    }
    int error = errno;
    close(fd);
    errno = error;
    return n < 0 ? ERR_IO : out->overflow ? ERR_TOO_LARGE : OK;
}

void app_make_parent_folders(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0700); /* what cannot be made shows when the file is opened */
        *slash = '/';
    }
}

/* ---- the chosen model: one line in LEDGER.model ---- */

bool app_chosen_model(const char *ledger_path, struct text *out)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.model", ledger_path);
    struct text content;
    text_init(&content, PATH_MAX);
    struct span name = read_file(path, &content) == OK ? span_trim(text_span(&content)) : SPAN("");
    text_add(out, name);
    bool chosen = name.len > 0;
    text_done(&content);
    return chosen;
}

enum err app_choose_model(const char *ledger_path, const char *model_path, struct fault *fault)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    snprintf(path, sizeof path, "%s.model", ledger_path);
    snprintf(fresh, sizeof fresh, "%s.model.new", ledger_path);
    app_make_parent_folders(path);
    FILE *f = fopen(fresh, "we");
    if (!f || fprintf(f, "%s\n", model_path) < 0 || fclose(f) || rename(fresh, path)) {
        return fault_set(fault, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return OK;
}

/* ---- who serves ---- */

bool app_find_serving(const char *ledger_path, struct serving *out)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.lock", ledger_path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    char line[256] = "";
    ssize_t n = held ? read(fd, line, sizeof line - 1) : 0;
    close(fd);
    *out = (struct serving){0};
    return n > 0 && sscanf(line, "%d %199s", &out->pid, out->url) == 2;
}

/* ---- bundled models ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *app_models_folder(void)
{
    static char found[PATH_MAX + 32];
    const char *env = getenv("WEIR_MODELS");
    if (env && *env) {
        return env;
    }
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) {
        return NULL;
    }
    program[n] = '\0';
    static const char *const places[] = {"models", "../models", "../share/weir/models",
                                         "../../models"};
    char *slash = strrchr(program, '/');
    *slash = '\0';
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(found, sizeof found, "%s/%s", program, places[i]);
        if (is_folder(found)) {
            return found;
        }
    }
    return NULL;
}

static struct config *default_config(const struct app_options *o)
{
    char bundled[PATH_MAX + 64];
    if (o->model) {
        char real[PATH_MAX];
        return config_default(realpath(o->model, real) ? real : o->model);
    }
    const char *folder = app_models_folder();
    snprintf(bundled, sizeof bundled, "%s/%s", folder ? folder : "models", BUNDLED_MODEL);
    return config_default(bundled);
}

/* ---- laying things over ---- */

static void lead_aside(struct config *c, const char *upstreams)
{
    for (int i = 0; i < c->backends_count; i++) {
        struct backend *b = (struct backend *)&c->backends[i];
        bool device = b->tier == TIER_DEVICE;
        b->url = device ? "unix:/nowhere:/v1" : arena_c(c->arena, span_c(upstreams));
        b->key = NULL;
        b->retries = 0;
        if (b->api == API_LOCAL) {
            b->api = API_OPENAI;
            b->model_path = NULL;
        }
    }
    c->keys_file = NULL;
}

/*
 * A config is immutable for everybody who gets it; these fields are set in the
 * moment between parsing and handing it out, while nobody else has seen it.
 */
static enum err lay_over(struct config *c, const struct app_options *o, struct text *errors)
{
    if (o->listen) {
        struct fault fault;
        if (config_check_listen(span_c(o->listen), c->keys_file != NULL, &fault)) {
            text_addf(errors, "--listen: %s\n", fault.text);
            return fault.code;
        }
        const char **listen = ARENA_ARRAY(c->arena, const char *, 2);
        listen[0] = arena_c(c->arena, span_c(o->listen));
        c->listen = listen;
    }
    if (o->ledger) {
        c->ledger_path = arena_c(c->arena, span_c(o->ledger));
    }
    if (o->upstreams) {
        lead_aside(c, o->upstreams);
    }
    if (o->workers > 0) {
        c->workers = o->workers;
    }
    if (o->log_level) {
        c->log_level = o->log_level;
    }
    c->log_json |= o->log_json;
    struct text chosen;
    text_init(&chosen, PATH_MAX);
    if (!o->model && app_chosen_model(c->ledger_path, &chosen)) {
        for (int i = 0; i < c->backends_count; i++) {
            struct backend *b = (struct backend *)&c->backends[i];
            if (b->api == API_LOCAL && b->tier == TIER_DEVICE) {
                b->model_path = arena_c(c->arena, text_span(&chosen));
                const char *slash = strrchr(b->model_path, '/');
                struct span name = span_c(slash ? slash + 1 : b->model_path);
                if (span_ends(name, SPAN(".gguf"))) {
                    name.len -= 5;
                }
                b->model = arena_c(c->arena, name);
                break;
            }
        }
    }
    text_done(&chosen);
    app_make_parent_folders(c->ledger_path);
    return OK;
}

enum err load_read(const struct app_options *o, struct text *out_yaml, struct text *errors)
{
    if (!o->config_path) {
        return OK;
    }
    enum err err = read_file(o->config_path, out_yaml);
    if (err == ERR_TOO_LARGE) {
        text_addf(errors, "%s: larger than 1 MiB; that is not a Weir config\n", o->config_path);
    } else if (err) {
        text_addf(errors, "%s: %s\n", o->config_path, strerror(errno));
    }
    return err;
}

enum err load_from_bytes(const struct app_options *o, struct span yaml, struct config **out,
                         struct text *errors)
{
    struct config *c;
    if (!o->config_path) {
        c = default_config(o);
    } else {
        char real[PATH_MAX];
        if (!realpath(o->config_path, real)) {
            snprintf(real, sizeof real, "%s", o->config_path);
        }
        char folder[PATH_MAX];
        snprintf(folder, sizeof folder, "%s", real);
        char *slash = strrchr(folder, '/');
        snprintf(slash ? slash : folder, 2, "%s", slash == folder ? "/" : slash ? "" : ".");
        enum err err = config_parse(yaml, o->config_path, folder, &c, errors);
        if (err) {
            return err;
        }
    }
    enum err err = lay_over(c, o, errors);
    if (err) {
        config_unref(c);
        return err;
    }
    *out = c;
    return OK;
}

enum err app_load_config(const struct app_options *o, struct config **out, struct text *errors)
{
    struct text yaml;
    text_init(&yaml, CONFIG_BYTES_MAX);
    enum err err = load_read(o, &yaml, errors);
    if (!err) {
        err = load_from_bytes(o, text_span(&yaml), out, errors);
    }
    text_done(&yaml);
    return err;
}
