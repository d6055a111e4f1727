/* SPDX-License-Identifier: Apache-2.0 */
/* policy.explore: where a side may be drawn by chance, and what the decision then says. */
#include "router/scene.h"

#include <math.h>

#define WITH(extra) BOTH "policy: { strategy: split, explore: 0.2" extra " }\n"

static void explores(struct scene *s, double chance, const char *backends, double propensity)
{
    s->facts->chance = chance;
    const char *got = scene_backends(s);
    if (strcmp(got, backends) != 0 || fabs(s->decision->propensity - propensity) > 1e-9) {
        fail_msg("chance %.2f: %s, propensity %.3f", chance, got, s->decision->propensity);
    }
}

static void a_side_is_drawn_now_and_then(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, WITH(""));
    explores(&s, 0.9, "device cloud", 0.9); /* "hi" is for the device */
    assert_false(s.decision->explored);
    explores(&s, 0.05, "cloud device", 0.1);
    assert_true(s.decision->explored);
    explores(&s, 0.15, "device cloud", 0.9);
    assert_true(s.decision->explored);
    scene_close(&s);
}

static void nothing_is_drawn_by_default(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH "policy: { strategy: split }\n");
    explores(&s, 0, "device cloud", 1);
    scene_close(&s);
}

/* Chance never crosses privacy, a rule, the budget, a mode, a name, a threshold or a strategy that was given. */
static void chance_crosses_no_rule(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, WITH(", threshold: 0.5"));
    explores(&s, 0, "device cloud", 1);
    scene_close(&s);

    scene_open(
        &s,
        WITH(", rules: [ { name: a, when: { min_prompt_tokens: 1 }, then: { forbid: cloud } } ]"));
    explores(&s, 0, "device", 1);
    scene_close(&s);

    scene_open(
        &s,
        WITH(", rules: [ { name: a, when: { min_prompt_tokens: 1 }, then: { take: device } } ]"));
    explores(&s, 0, "device cloud", 1);
    scene_close(&s);

    scene_open(&s, WITH(""));
    s.request->options.privacy = PRIVACY_LOCAL;
    s.request->options.privacy_given = true;
    explores(&s, 0, "device", 1);
    scene_close(&s);

    scene_open(&s, WITH("") "budget: { usd_per_day: 1 }\n");
    s.facts->budget_left_usd_nano = 0;
    explores(&s, 0, "device", 1);
    scene_close(&s);

    scene_open(&s, WITH(""));
    s.request->options.mode = MODE_PREFER_ON_DEVICE;
    s.request->options.mode_given = true;
    explores(&s, 0, "device cloud", 1);
    scene_close(&s);

    scene_open(&s, WITH(""));
    s.request->model = SPAN("gpt-4o"); /* an alias: routed like auto, but it was named */
    explores(&s, 0, "device cloud", 1);
    scene_close(&s);

    scene_open(&s, WITH(""));
    s.request->options.strategy = SPAN("split");
    explores(&s, 0, "device cloud", 1);
    scene_close(&s);

    scene_open(&s, WITH(""));
    scene_offline(&s, "cloud");
    explores(&s, 0, "device", 1);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_is_drawn_now_and_then),
        cmocka_unit_test(nothing_is_drawn_by_default),
        cmocka_unit_test(chance_crosses_no_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
