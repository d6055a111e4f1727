/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Composition: one config → supervisor, workers, engines (ARCHITECTURE: Processes).
 *
 *   supervisor   opens listeners, page, lock file and run folder; forks; restarts what dies; HUP, TERM
 *     worker N   one event loop; server + gateway + upstream + engines' sockets + its ledger writer
 *     engine X   one per local model; owns llama.cpp
 *
 * The supervisor is single-threaded and opens no database, no curl, no llama.cpp;
 * those start after fork. Only it acts on INT, TERM and HUP; its children die with it.
 */
#ifndef WEIR_APP_APP_H
#define WEIR_APP_APP_H

#include "config/config.h"
#include "ledger/page.h"

struct learning;

struct app_options {
    const char *config_path; /* NULL: none; see config_path_find() */
    const char *listen;      /* replaces the config's; NULL */
    int workers;             /* replaces the config's; 0 */
    const char
        *model; /* a GGUF for the device, when there is no config; NULL = find the bundled one */
    const char *ledger; /* replaces the config's ledger.path; NULL */
    /* For `weir doctor --canary`: a URL that stands in for every backend beyond the device; no key is sent there, none is
     * asked for, and no local model is loaded. NULL */
    const char *upstreams;
    const char *log_level; /* replaces the config's; NULL */
    bool log_json;
    int ready_fd; /* gets "READY url\n" once the first worker serves; -1 */
};

/* Loads the config, applies the options and the model chosen by `weir models add --use`. Errors go to `errors`,
 * one a line. */
enum err app_load_config(const struct app_options *o, struct config **out,
                         struct text *errors) MUST_USE;

/* Serves until told to end. Exit status: 0 drained, 1 could not start or was killed in the second try. */
int supervisor_run(const struct app_options *o);

/* ---- what a worker is given; inherited through fork ---- */
struct worker_parts {
    int number;
    const struct app_options *options;
    struct config *config;
    struct page *page;
    struct learning *learning; /* of all workers: see app/weights.h */
    void *sessions;            /* of all workers: see router/sticky.h */
    const int *listener_fds;
    int listeners;
    const char *run_folder;
    int control_fd; /* from the supervisor: new configs, drain */
};
int worker_run(const struct worker_parts *p);

/* Socket path of the engine of backend `name`. */
void engine_socket_path(const char *run_folder, const char *name, struct text *out);

/* In the socket path of a weir that a command started for itself: it is gone in a moment. */
#define OWN_SERVER_MARK "/weir-own-"

/* ---- who serves a ledger (its lock file: "PID URL") ---- */
struct serving {
    int pid;
    char url[200]; /* "http://127.0.0.1:8080" or "unix:/path" */
};
/* True when a live server holds the lock of this ledger. */
bool app_find_serving(const char *ledger_path, struct serving *out);

/* Makes the folders above `path` that are missing (0700); what cannot be made shows when the file is opened. */
void app_make_parent_folders(const char *path);

/* The folder of bundled models: beside the program, or WEIR_MODELS. NULL when there is none. */
const char *app_models_folder(void);
/* Which model `weir models add --use` chose for this ledger; false when none. */
bool app_chosen_model(const char *ledger_path, struct text *out);
enum err app_choose_model(const char *ledger_path, const char *model_path,
                          struct fault *fault) MUST_USE;

#endif
