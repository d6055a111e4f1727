/* SPDX-License-Identifier: Apache-2.0 */
#include "core/types.h"

#include <assert.h>

static const char *const tier_names[] = {
    [TIER_DEVICE] = "device",
    [TIER_EDGE] = "edge",
    [TIER_CLOUD] = "cloud",
    [TIER_HUMAN] = "human",
};
static_assert(ARRAY_LEN(tier_names) == TIER_COUNT, "one name per tier");

static const char *const mode_names[] = {
    [MODE_AUTO] = "auto",
    [MODE_PREFER_ON_DEVICE] = "prefer_on_device",
    [MODE_ONLY_ON_DEVICE] = "only_on_device",
    [MODE_PREFER_IN_CLOUD] = "prefer_in_cloud",
    [MODE_ONLY_IN_CLOUD] = "only_in_cloud",
};
static_assert(ARRAY_LEN(mode_names) == MODE_COUNT, "one name per mode");

static const char *const privacy_names[] = {
    [PRIVACY_OPEN] = "open",
    [PRIVACY_REDACT] = "redact",
    [PRIVACY_LOCAL] = "local",
};
static_assert(ARRAY_LEN(privacy_names) == PRIVACY_COUNT, "one name per level");

static const char *const leg_outcome_names[] = {
    [LEG_OK] = "ok",           [LEG_ERROR] = "error",
    [LEG_TIMEOUT] = "timeout", [LEG_CANCELLED] = "cancelled",
    [LEG_REFUSED] = "refused", [LEG_LOST] = "lost",
};
static_assert(ARRAY_LEN(leg_outcome_names) == LEG_OUTCOME_COUNT, "one name per outcome");

static const char *const outcome_names[] = {
    [OUTCOME_OK] = "ok",           [OUTCOME_PARTIAL] = "partial",
    [OUTCOME_FAILED] = "failed",   [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_REFUSED] = "refused",
};
static_assert(ARRAY_LEN(outcome_names) == OUTCOME_COUNT, "one name per outcome");

static const char *const degraded_names[] = {
    [DEGRADED_NO] = NULL,
    [DEGRADED_OFFLINE] = "offline",
    [DEGRADED_CLOUD_FAILED] = "cloud_failed",
    [DEGRADED_DEVICE_FAILED] = "device_failed",
    [DEGRADED_BUDGET] = "budget",
    [DEGRADED_TRUNCATED] = "truncated",
    [DEGRADED_UNVERIFIED] = "unverified",
};
static_assert(ARRAY_LEN(degraded_names) == DEGRADED_COUNT, "one name per reason");

static const char *const finish_names[] = {
    [FINISH_NONE] = NULL,
    [FINISH_STOP] = "stop",
    [FINISH_LENGTH] = "length",
    [FINISH_TOOL_CALLS] = "tool_calls",
    [FINISH_CONTENT_FILTER] = "content_filter",
};
static_assert(ARRAY_LEN(finish_names) == FINISH_COUNT, "one name per finish");

/* What other providers call the same thing. */
static const struct {
    const char *word;
    enum finish finish;
} finish_words[] = {
    {"function_call", FINISH_TOOL_CALLS}, /* OpenAI before tools */
    {"end_turn", FINISH_STOP},            /* Anthropic, as are the next five */
    {"stop_sequence", FINISH_STOP},
    {"pause_turn", FINISH_STOP},
    {"max_tokens", FINISH_LENGTH},
    {"tool_use", FINISH_TOOL_CALLS},
    {"refusal", FINISH_CONTENT_FILTER},
    {"model_context_window_exceeded", FINISH_LENGTH},
};

static const char *const task_names[] = {
    [TASK_CHAT] = "chat",           [TASK_INTENT] = "intent",       [TASK_COMMAND] = "command",
    [TASK_EXTRACT] = "extract",     [TASK_CLASSIFY] = "classify",   [TASK_REWRITE] = "rewrite",
    [TASK_SUMMARISE] = "summarise", [TASK_TRANSLATE] = "translate", [TASK_CODE] = "code",
    [TASK_MATH] = "math",           [TASK_REASON] = "reason",       [TASK_CREATE] = "create",
    [TASK_KNOWLEDGE] = "knowledge",
};
static_assert(ARRAY_LEN(task_names) == TASK_COUNT, "one name per task");

const char *const strategies_built[] = {"device", "cloud", "fallback", "cascade", "split", NULL};
const char *const strategies_later[] = {"hedge", "relay", "verify", "progressive",
                                        "draft", "human", "later",  NULL};

/* Index of `s` in `names`, which may have holes; -1 when it is not there. */
static int index_of(struct span s, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] && span_is(s, names[i])) {
            return (int)i;
        }
    }
    return -1;
}

const char *tier_name(enum tier t)
{
    PRE((unsigned)t < TIER_COUNT);
    return tier_names[t];
}

const char *mode_name(enum mode m)
{
    PRE((unsigned)m < MODE_COUNT);
    return mode_names[m];
}

const char *privacy_level_name(enum privacy_level p)
{
    PRE((unsigned)p < PRIVACY_COUNT);
    return privacy_names[p];
}

const char *leg_outcome_name(enum leg_outcome o)
{
    PRE((unsigned)o < LEG_OUTCOME_COUNT);
    return leg_outcome_names[o];
}

const char *outcome_name(enum outcome o)
{
    PRE((unsigned)o < OUTCOME_COUNT);
    return outcome_names[o];
}

const char *degraded_name(enum degraded d)
{
    PRE((unsigned)d < DEGRADED_COUNT);
    return degraded_names[d];
}

const char *finish_name(enum finish f)
{
    PRE((unsigned)f < FINISH_COUNT);
    return finish_names[f];
}

const char *task_name(enum task t)
{
    PRE((unsigned)t < TASK_COUNT);
    return task_names[t];
}

bool tier_from(struct span s, enum tier *out)
{
    int i = index_of(s, tier_names, TIER_COUNT);
    if (i >= 0) {
        *out = (enum tier)i;
    }
    return i >= 0;
}

bool mode_from(struct span s, enum mode *out)
{
    int i = index_of(s, mode_names, MODE_COUNT);
    if (i >= 0) {
        *out = (enum mode)i;
    }
    return i >= 0;
}

bool privacy_level_from(struct span s, enum privacy_level *out)
{
    int i = index_of(s, privacy_names, PRIVACY_COUNT);
    if (i >= 0) {
        *out = (enum privacy_level)i;
    }
    return i >= 0;
}

bool task_from(struct span s, enum task *out)
{
    int i = index_of(s, task_names, TASK_COUNT);
    if (i >= 0) {
        *out = (enum task)i;
    }
    return i >= 0;
}

bool finish_from(struct span s, enum finish *out)
{
    int i = index_of(s, finish_names, FINISH_COUNT);
    if (i >= 0) {
        *out = (enum finish)i;
        return true;
    }
    for (size_t w = 0; w < ARRAY_LEN(finish_words); w++) {
        if (span_is(s, finish_words[w].word)) {
            *out = finish_words[w].finish;
            return true;
        }
    }
    return false;
}
