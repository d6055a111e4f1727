/* SPDX-License-Identifier: Apache-2.0 */
#include "config/prices.h"

static const char openai[] = "api.openai.com";
static const char anthropic[] = "api.anthropic.com";

/* In thousandths of a dollar per million tokens: input, output, cached input (-1: no price of its own). */
static const struct {
    const char *host, *model;
    int32_t input, output, cached;
} table[] = {
    {openai, "gpt-4o-2024-05-13", 5000, 15000, -1}, /* never lowered with its successors */
    {openai, "gpt-4o", 2500, 10000, 1250},
    {openai, "gpt-4o-mini", 150, 600, 75},
    {openai, "gpt-4.1", 2000, 8000, 500},
    {openai, "gpt-4.1-mini", 400, 1600, 100},
    {openai, "gpt-4.1-nano", 100, 400, 25},
    {openai, "gpt-5", 1250, 10000, 125},
    {openai, "gpt-5-mini", 250, 2000, 25},
    {openai, "gpt-5-nano", 50, 400, 5},
    {openai, "o1", 15000, 60000, 7500},
    {openai, "o1-mini", 1100, 4400, 550},
    {openai, "o3", 2000, 8000, 500},
    {openai, "o3-mini", 1100, 4400, 550},
    {openai, "o4-mini", 1100, 4400, 275},
    {openai, "gpt-4-turbo", 10000, 30000, -1},
    {openai, "gpt-3.5-turbo", 500, 1500, -1},
    {anthropic, "claude-3-haiku", 250, 1250, 30},
    {anthropic, "claude-3-5-haiku", 800, 4000, 80},
    {anthropic, "claude-haiku-4-5", 1000, 5000, 100},
    {anthropic, "claude-3-5-sonnet", 3000, 15000, 300},
    {anthropic, "claude-3-7-sonnet", 3000, 15000, 300},
    {anthropic, "claude-sonnet-4", 3000, 15000, 300},
    {anthropic, "claude-sonnet-4-0", 3000, 15000, 300},
    {anthropic, "claude-sonnet-4-5", 3000, 15000, 300},
    {anthropic, "claude-3-opus", 15000, 75000, 1500},
    {anthropic, "claude-opus-4", 15000, 75000, 1500},
    {anthropic, "claude-opus-4-0", 15000, 75000, 1500},
    {anthropic, "claude-opus-4-1", 15000, 75000, 1500},
};

/* "", "-latest", "-20241022" or "-2024-11-20". */
static bool is_dating(struct span s)
{
    if (s.len == 0 || span_is(s, "-latest")) {
        return true;
    }
    size_t digits = 0;
    size_t dashes = 0;
    for (size_t i = 0; i < s.len; i++) {
        digits += s.data[i] >= '0' && s.data[i] <= '9';
        dashes += s.data[i] == '-';
    }
    return s.data[0] == '-' && digits == 8 && digits + dashes == s.len &&
           (dashes == 1 || dashes == 3);
}

static int64_t nano(int32_t thousandths)
{
    return thousandths < 0 ? -1 : thousandths * 1000000ll;
}

struct price price_of_model(struct span host, struct span model)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct span name = span_c(table[i].model);
        if (span_eq_nocase(host, span_c(table[i].host)) && span_starts(model, name) &&
            is_dating(span_from(model, name.len))) {
            return (struct price){nano(table[i].input), nano(table[i].output),
                                  nano(table[i].cached)};
        }
    }
    return (struct price){-1, -1, -1};
}
