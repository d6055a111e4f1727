/* SPDX-License-Identifier: Apache-2.0 */
/* `weir receipts --verify`: is the ledger as Weir wrote it? Reads the file itself, beside a running server. */
#ifndef WEIR_CLI_VERIFY_H
#define WEIR_CLI_VERIFY_H

#include <stdbool.h>

/* `head`: from an earlier check; NULL. Gives the exit code: CLI_FAILED when something does not fit. */
int verify_receipts(const char *config, const char *head, bool json);

#endif
