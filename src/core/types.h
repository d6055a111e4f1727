/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small words everybody uses: tiers, modes, privacy levels, outcomes.
 *
 * Each enum has one name table; names are those of INTERFACE (headers, receipts,
 * config). x_name() gives the wire name, x_from() reads it (false = unknown).
 */
#ifndef WEIR_CORE_TYPES_H
#define WEIR_CORE_TYPES_H

#include "base/span.h"

enum tier { TIER_DEVICE, TIER_EDGE, TIER_CLOUD, TIER_HUMAN, TIER_COUNT };

enum mode {
    MODE_AUTO,
    MODE_PREFER_ON_DEVICE,
    MODE_ONLY_ON_DEVICE,
    MODE_PREFER_IN_CLOUD,
    MODE_ONLY_IN_CLOUD,
    MODE_COUNT,
};

/* Ordered: a larger value keeps more at home. */
enum privacy_level { PRIVACY_OPEN, PRIVACY_REDACT, PRIVACY_LOCAL, PRIVACY_COUNT };

/* Of one leg. */
enum leg_outcome {
    LEG_OK,
    LEG_ERROR,
    LEG_TIMEOUT,
    LEG_CANCELLED,
    LEG_REFUSED,
    LEG_LOST,
    LEG_OUTCOME_COUNT
};

/* Of the whole answer. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_PARTIAL,
    OUTCOME_FAILED,
    OUTCOME_CANCELLED,
    OUTCOME_REFUSED,
    OUTCOME_COUNT
};

enum degraded {
    DEGRADED_NO, /* null on the wire */
    DEGRADED_OFFLINE,
    DEGRADED_CLOUD_FAILED,
    DEGRADED_DEVICE_FAILED,
    DEGRADED_BUDGET,
    DEGRADED_TRUNCATED,
    DEGRADED_UNVERIFIED,
    DEGRADED_COUNT,
};

/* Why a model stopped, in OpenAI's words. */
enum finish {
    FINISH_NONE,
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_TOOL_CALLS,
    FINISH_CONTENT_FILTER,
    FINISH_COUNT
};

/* The router's kinds of work (INTERFACE: `task`). */
enum task {
    TASK_CHAT, /* also: nothing more precise is known */
    TASK_INTENT,
    TASK_COMMAND,
    TASK_EXTRACT,
    TASK_CLASSIFY,
    TASK_REWRITE,
    TASK_SUMMARISE,
    TASK_TRANSLATE,
    TASK_CODE,
    TASK_MATH,
    TASK_REASON,
    TASK_CREATE,
    TASK_KNOWLEDGE,
    TASK_COUNT,
};

/* Strategies by name, NULL-terminated: those of this build, and those that are known but not built yet. */
extern const char *const strategies_built[];
extern const char *const strategies_later[];

const char *tier_name(enum tier t);
const char *mode_name(enum mode m);
const char *privacy_level_name(enum privacy_level p);
const char *leg_outcome_name(enum leg_outcome o);
const char *outcome_name(enum outcome o);
const char *degraded_name(enum degraded d); /* NULL for DEGRADED_NO */
const char *finish_name(enum finish f);     /* NULL for FINISH_NONE */
const char *task_name(enum task t);

bool tier_from(struct span s, enum tier *out);
bool mode_from(struct span s, enum mode *out);
bool privacy_level_from(struct span s, enum privacy_level *out);
bool finish_from(struct span s,
                 enum finish *out); /* also "end_turn", "tool_use", "max_tokens", "stop_sequence" */
bool task_from(struct span s, enum task *out);

/* Money is counted in billionths of a US dollar; -1 = unknown. */
#define USD_NANO 1000000000ll
#define USD_UNKNOWN (-1ll)

/* Token counts of one leg or of a whole answer; -1 = the backend did not say. */
struct usage {
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cached_tokens;    /* part of input_tokens */
    int64_t reasoning_tokens; /* part of output_tokens */
    bool estimated;
};
#define USAGE_UNKNOWN ((struct usage){-1, -1, -1, -1, false})

#endif
