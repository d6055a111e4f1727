/* SPDX-License-Identifier: Apache-2.0 */
#include "app/dumps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void dumps_off(void)
{
    const char *wish = getenv("WEIR_CORE_DUMPS");
    if (!wish || strcmp(wish, "full") != 0) {
        /* 0 would not keep a dump from a handler program (core_pattern `|…`); 1 byte is below every dump's least size
         * and is what the kernel takes as "not even there" (fs/coredump.c, do_coredump). */
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1});
    }
}
