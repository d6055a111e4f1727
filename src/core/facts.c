/* SPDX-License-Identifier: Apache-2.0 */
#include "core/facts.h"

#include <assert.h>

const char *network_name(enum network n)
{
    static const char *const names[] = {"ok", "metered", "offline"};
    return names[n];
}

const char *guard_alarm_name(enum guard_alarm a)
{
    static const char *const names[] = {"claims", "share", "drift"};
    static_assert(ARRAY_LEN(names) == GUARD_ALARMS, "one name per alarm");
    return names[a];
}

static void put_unless(struct json_out *w, const char *key, double x, double below)
{
    json_key(w, key);
    if (x < below) {
        json_null(w);
    } else {
        json_number(w, x);
    }
}

void device_facts_json(struct json_out *w, const struct device_facts *d)
{
    json_begin_object(w);
    put_unless(w, "battery", d->battery, 0);
    json_key(w, "charging");
    if (d->charging < 0) {
        json_null(w);
    } else {
        json_bool(w, d->charging > 0);
    }
    put_unless(w, "temperature_c", d->temperature_c, -273);
    json_put_c(w, "network", network_name(d->network));
    json_put_bool(w, "network_override", d->network_override);
    put_unless(w, "rtt_ms", d->rtt_ms, 0);
    put_unless(w, "load", d->load, 0);
    put_unless(w, "memory_pressure", d->memory_pressure, 0);
    json_put_known(w, "memory_available_bytes", d->memory_available_bytes);
    json_put_int(w, "cores", d->cores);
    json_end_object(w);
}
