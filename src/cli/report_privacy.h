/* SPDX-License-Identifier: Apache-2.0 */
/* `weir report --privacy` on a terminal: who got what. Types, bytes and names of backends; never a value. */
#ifndef WEIR_CLI_REPORT_PRIVACY_H
#define WEIR_CLI_REPORT_PRIVACY_H

#include "json/json.h"

void report_privacy_print(const struct json *root, const char *since);

#endif
