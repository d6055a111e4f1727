/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as a hostile peer would send them: every size is believed only after it was checked. */
#include "engine/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_of((const char *)data, size);
    while (in.len) {
        struct frame_header h;
        struct span payload;
        size_t used = 0;
        if (frame_peek(in, &h, &payload, &used) != OK) {
            break;
        }
        ASSERT(used >= sizeof h && used <= in.len && payload.len == h.length);
        ASSERT(payload.data + payload.len <= in.data + in.len);
        in = span_from(in, used);
    }
    return 0;
}
