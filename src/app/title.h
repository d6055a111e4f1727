/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `ps` shows for a process: "weir: worker 1". The bytes of argv and the
 * environment are overwritten, which is the only way Linux offers; elsewhere
 * title_set() does nothing. Call title_init() first thing in main().
 */
#ifndef WEIR_APP_TITLE_H
#define WEIR_APP_TITLE_H

#include "base/base.h"

void title_init(int argc, char **argv);
void title_set(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
