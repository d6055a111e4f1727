/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a keys file: loaded, or refused with "f:LINE: …". No key opens what was loaded but those in it. */
#include "crypto/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keys *keys = NULL;
    struct fault fault = {0};
    if (keys_parse(span_of((const char *)data, size), "f", &keys, &fault)) {
        ASSERT(fault.code == ERR_INVALID && memcmp(fault.text, "f:", 2) == 0);
        return 0;
    }
    ASSERT(keys_count(keys) <= KEYS_MAX);
    ASSERT(!keys_check(keys, SPAN("a key that hashes to nothing in any corpus"), NULL, NULL));
    keys_free(keys);
    return 0;
}
