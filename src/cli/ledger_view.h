/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a ledger from the command line: through the server that is writing it
 * (so that the newest receipts are there), else straight from the file.
 */
#ifndef WEIR_CLI_LEDGER_VIEW_H
#define WEIR_CLI_LEDGER_VIEW_H

#include "base/err.h"
#include "base/text.h"

#define LEDGER_PATH_BYTES 4096

enum ledger_question { LEDGER_LIST, LEDGER_ONE, LEDGER_REPORT, LEDGER_PRIVACY };

struct ledger_wish {
#define LEDGER_PATH_BYTES 4096

    enum ledger_question question;
    const char *config; /* as cli_config_path() gave it */
    int last;           /* LEDGER_LIST */
    const char *id;     /* LEDGER_ONE */
    const char *since;  /* both reports: "7d" */
};

/* The file itself, for what needs no server: checking and forgetting. */
enum err ledger_view_path(const char *config, char out[LEDGER_PATH_BYTES],
                          struct fault *fault) MUST_USE;
/* The body that `store_prompts` kept with a receipt, from the file, with this user's key. */
enum err ledger_view_prompt(const char *config, const char *id, struct text *out,
                            struct fault *fault) MUST_USE;
/* Appends the JSON answer. */
enum err ledger_view(const struct ledger_wish *wish, struct text *out,
                     struct fault *fault) MUST_USE;

#endif
