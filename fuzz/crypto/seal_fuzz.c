/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as sealed ones: never opened (nobody has the key), never a crash, and nothing is given out. */
#include "crypto/seal.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seal *fixed_key(void)
{
    static struct seal *s;
    char path[64];
    if (!s) {
        snprintf(path, sizeof path, "/tmp/weir-seal-fuzz-%d", (int)getpid());
        ASSERT(seal_load(path, true, &s, NULL) == OK);
        unlink(path);
    }
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text out;
    struct fault fault = {0};
    text_init(&out, 64 * KIB);
    struct span in = span_of((const char *)data, size);
    ASSERT(seal_unwrap(fixed_key(), in, SPAN("context"), &out, &fault) != OK);
    ASSERT(out.len == 0 && fault.text[0]);
    ASSERT(seal_wrap(fixed_key(), in, SPAN("context"), &out) == OK || out.overflow);
    text_done(&out);
    return 0;
}
