/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/llama_process.h"

#include "llama.h"

#include <stdio.h>

const char *llama_process_version(void)
{
    static char version[64];
    if (!version[0]) {
        snprintf(version, sizeof version, "llama.cpp %s (%s)", llama_version(), WEIR_GPU_NAME);
    }
    return version;
}
