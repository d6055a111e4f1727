/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is known when deciding. Pure data, made once per request; router/
 * reads nothing else, so a decision can be replayed from its facts.
 */
#ifndef WEIR_CORE_FACTS_H
#define WEIR_CORE_FACTS_H

#include "core/backend.h"
#include "core/consent.h"
#include "core/features.h"
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
    double
        memory_pressure; /* share of the last 10 s in which something waited for memory; 0 = none, or unknown */
    int64_t memory_available_bytes;
    int cores;
};

void device_facts_json(struct json_out *w,
                       const struct device_facts *d); /* one object; unknown = null */

/* A kind of personal data that the scan found, and how often. */
struct finding_count {
    const char *type;
    int count; /* 0: not in this request, but said before in its session */
    bool never_leave;
};

#define FINDING_TYPES_MAX 48

/* A question's words in a few bytes, to tell whether two are about the same (router/sticky.h). 0 = empty bin. */
#define SKETCH_BINS 16
struct sketch {
    uint8_t bin[SKETCH_BINS];
};

/* What is remembered of this conversation (router/sticky.h); all zero = nothing. */
struct session_facts {
    bool known;            /* it was answered before */
    bool up;               /* … the last time by another tier than the device */
    bool mid_turn;         /* tool results are on their way: no place to change tiers */
    bool repeats;          /* like a recent question of this client, which `up` then tells of */
    bool other_task;       /* another kind of work than the last question */
    int easy_turns;        /* that would have suited the device, in a row, while `up` */
    double similarity;     /* to the last question, 0..1; < 0 = unknown */
    double spread;         /* standard deviation of recent scores; 0 = unknown */
    int64_t cached_tokens; /* that its backend has probably kept warm */
};

enum guard_alarm { GUARD_CLAIMS, GUARD_SHARE, GUARD_DRIFT, GUARD_ALARMS }; /* router/guard.h */
const char *guard_alarm_name(enum guard_alarm a);                          /* "claims" … */

/* What the guard says of the client (router/guard.h); all zero = nothing unusual. */
struct guard_facts {
    uint32_t alarms; /* bit per enum guard_alarm */
    double discount; /* 0..1: share by which words that claim difficulty are to be ignored */
    bool capped;     /* this key has used up its share of the cloud */
    double cap;      /* that share, 0..1 */
};

struct facts {
    const struct request *request;
    struct span last_user; /* text of the last user turn */
    int64_t prompt_tokens; /* estimate over all turns: bytes / 3.5, at least 1 */
    int64_t last_user_tokens;
    int turns;
    bool has_system;                 /* there is a system message */
    const struct features *features; /* in the request's arena; NULL = not read */
    enum task task;
    enum task task_plain; /* the same without words that only claim difficulty ("step by step") */
    int claims;           /* how many of these words there are */
    struct sketch sketch; /* of the last user turn; memory only, never written anywhere */
    const char *language; /* ISO 639-1 guess; NULL = unknown */
    struct finding_count findings[FINDING_TYPES_MAX];
    int findings_count;
    bool has_media;   /* a picture, sound or file is in it, which nobody can scan */
    bool scan_failed; /* detector error or over-long: treat as must-stay */
    const char *scan_why;
    const struct consent *consent; /* a person agreed to this request; NULL = nobody was asked */
    struct device_facts device;
    struct backend_state *backends; /* by backend index; in the request's arena */
    int64_t budget_left_usd_nano;   /* -1 = no budget */
    /* thresholds at which the policy's `cloud_share` of recent traffic goes up; < 0 = none or not yet known */
    double chance; /* 0..1, drawn anew for each request; for policy.explore */
    double share_score, share_confidence;
    int hour; /* local time, 0..23 */
    struct session_facts session;
    struct guard_facts guard;
};

#endif
