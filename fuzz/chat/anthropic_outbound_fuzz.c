/* SPDX-License-Identifier: Apache-2.0 */
#include "outbound_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    return outbound_fuzz(&outbound_anthropic, bytes, len);
}
