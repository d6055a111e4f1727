/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is known when deciding. Pure data, made once per request; router/
 * reads nothing else, so a decision can be replayed from its facts.
 */
#ifndef WEIR_CORE_FACTS_H
#define WEIR_CORE_FACTS_H

#include "core/backend.h"
#include "core/request.h"

enum network { NETWORK_OK, NETWORK_METERED, NETWORK_OFFLINE };

const char *network_name(enum network n); /* "ok", "metered", "offline" */

/* From /sys and /proc, or the override file. Negative = unknown. */
struct device_facts {
    double battery;       /* 0..1; < 0 = no battery known */
    int charging;         /* 0, 1, -1 */
    double temperature_c; /* hottest zone; < -273 = unknown */
    enum network network;
    bool network_override; /* `network` came from the override file or `weir offline on` */
    double rtt_ms;         /* < 0 = unknown */
    double load;           /* 1-minute load average per core */
    int64_t memory_available_bytes;
    int cores;
};

void device_facts_json(struct json_out *w,
                       const struct device_facts *d); /* one object; unknown = null */

/* A kind of personal data that the scan found, and how often. */
struct finding_count {
    const char *type;
    int count;
    bool never_leave;
};

#define FINDING_TYPES_MAX 48

struct facts {
    const struct request *request;
    struct span last_user; /* text of the last user turn */
    int64_t prompt_tokens; /* estimate over all turns: bytes / 3.5, at least 1 */
    int64_t last_user_tokens;
    int turns;
    enum task task;
    const char *language; /* ISO 639-1 guess; NULL = unknown */
    struct finding_count findings[FINDING_TYPES_MAX];
    int findings_count;
    bool scan_failed; /* detector error or over-long: treat as must-stay */
    const char *scan_why;
    struct device_facts device;
    struct backend_state *backends; /* by backend index; in the request's arena */
    int64_t budget_left_usd_nano;   /* -1 = no budget */
    int hour;                       /* local time, 0..23 */
};

#endif
