/* SPDX-License-Identifier: Apache-2.0 */
/* The override file: whatever it says, facts stay in their ranges, and all of it holds or none. */
#include "device/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct device_facts before = {
        .battery = -1, .charging = -1, .temperature_c = -1000, .rtt_ms = -1, .load = -1};
    struct device_facts d = before;
    struct fault fault = {0};
    struct text out;
    enum err err = device_apply_override(span_of((const char *)data, size), &d, &fault);
    ASSERT(!err || (memcmp(&d, &before, sizeof d) == 0 && fault.text[0]));
    ASSERT(d.battery <= 1 && d.charging >= -1 && d.charging <= 1 && d.network <= NETWORK_OFFLINE);
    text_init(&out, 4096);
    device_facts_write(&d, &out);
    ASSERT(!out.overflow);
    text_done(&out);
    return 0;
}
