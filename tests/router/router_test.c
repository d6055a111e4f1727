/* SPDX-License-Identifier: Apache-2.0 */
#include "router/scene.h"

#include <stdio.h>

#define PRE_POEM "write a poem about the sea"

static void backends_are(struct scene *s, const char *expected)
{
    const char *got = scene_backends(s);
    if (strcmp(got, expected) != 0) {
        fail_msg("backends: %s, not %s (%.*s)", got, expected, SPAN_ARG(s->decision->reason));
    }
}

static void says(struct span s, const char *part)
{
    if (span_find(s, span_c(part), 0) == SIZE_MAX) {
        fail_msg("\"%.*s\" does not say \"%s\"", SPAN_ARG(s), part);
    }
}

/* ---- defaults ---- */

static void auto_is_a_cascade_with_the_device_first(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    backends_are(&s, "device cloud");
    assert_string_equal(s.decision->strategy, "cascade");
    assert_int_equal(s.decision->local_count, 1);
    assert_true(s.decision->score > 0.5 && s.decision->score < 1);
    assert_true(s.decision->threshold == 0.6);
    assert_false(s.decision->threshold_calibrated);
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    assert_null(s.decision->kept_rule);
    assert_ptr_equal(s.decision->always_cloud, config_backend(s.config, SPAN("cloud")));
    scene_close(&s);
}

static void tiers_stand_in_order_and_humans_are_left_out(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "backends:\n" CLOUD "  - { name: human, tier: human }\n" EDGE CLOUD2 DEVICE);
    backends_are(&s, "device shed cloud europe");
    s.request->model = SPAN("human");
    backends_are(&s, "model_not_found");
    scene_close(&s);
}

static void without_a_cloud_the_device_is_all(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "backends:\n" DEVICE);
    scene_say(&s, PRE_POEM);
    scene_state(&s, "device")->tasks = 1u << TASK_CHAT;
    scene_state(&s, "device")->demo = true;
    backends_are(&s, "device");
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    assert_null(s.decision->always_cloud);
    scene_close(&s);
}

static void policy_strategies(void **state)
{
    (void)state;
    struct scene s;
    static const struct {
        const char *strategy, *backends;
    } rows[] = {
        {"device", "device"},        {"cloud", "cloud"},        {"fallback", "device cloud"},
        {"cascade", "device cloud"}, {"split", "device cloud"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char yaml[600];
        (void)snprintf(yaml, sizeof yaml, BOTH "policy: { strategy: %s }\n", rows[i].strategy);
        scene_open(&s, yaml);
        backends_are(&s, rows[i].backends);
        assert_string_equal(s.decision->strategy, rows[i].strategy);
        scene_close(&s);
    }
}

static void a_strategy_that_is_not_built_is_refused(void **state)
{
    (void)state;
    struct config *c = scene_config(BOTH);
    c->strategy = "hedge"; /* config/ refuses it already; this is the second door */
    struct router *r = NULL;
    struct fault fault = {0};
    assert_int_equal(router_new(c, &scorer_prior, NULL, &r, &fault), ERR_INVALID);
    says(span_c(fault.text), "hedge");
    config_unref(c);
}

/* ---- names ---- */

static void models_are_resolved(void **state)
{
    (void)state;
    static const struct {
        const char *model, *backends, *strategy;
    } rows[] = {
        {"", "device cloud europe", "cascade"},
        {"auto", "device cloud europe", "cascade"},
        {"device", "device", "device"},
        {"cloud", "cloud", "cloud"}, /* the backend's name is stronger than the tier word */
        {"europe", "europe", "cloud"},
        {"gpt-4o", "device cloud europe", "cascade"},
        {"gpt-4.1-mini", "device cloud europe", "cascade"},
        {"m-fast", "model_not_found", NULL},
        {"edge", "model_not_found", NULL},
        {"gpt-5", "model_not_found", NULL},
        {"AUTO", "model_not_found", NULL},
    };
    struct scene s;
    scene_open(&s, BOTH CLOUD2);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        s.request->model = span_c(rows[i].model);
        backends_are(&s, rows[i].backends);
        if (rows[i].strategy) {
            assert_string_equal(s.decision->strategy, rows[i].strategy);
        }
    }
    says(s.decision->err_text, "there are: auto, device, cloud, europe");
    scene_close(&s);
}

static void a_tier_word_means_all_of_the_tier(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "backends:\n  - { name: nano, tier: device, model: nano.gguf }\n" CLOUD2
                   "  - { name: america, tier: cloud, url: \"http://127.0.0.1:1\", model: x }\n");
    s.request->model = SPAN("cloud");
    backends_are(&s, "europe america");
    assert_string_equal(s.decision->strategy, "fallback");
    s.request->model = SPAN("device");
    backends_are(&s, "nano");
    scene_close(&s);
}

static void pinned_aliases_go_to_their_backend(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "backends:\n" DEVICE
                   "  - { name: cloud, tier: cloud, url: \"http://127.0.0.1:1\", model: x, "
                   "aliases: [gpt-4o], pin_aliases: true }\n");
    s.request->model = SPAN("gpt-4o");
    backends_are(&s, "cloud");
    scene_close(&s);
}

/* ---- modes × health ---- */

struct health {
    const char *name;
    bool device_dead, cloud_offline, cloud_breaker, cloud_busy;
};

static const struct health healths[] = {
    {.name = "well"},
    {.name = "device dead", .device_dead = true},
    {.name = "offline", .cloud_offline = true},
    {.name = "breaker", .cloud_breaker = true},
    {.name = "busy", .cloud_busy = true},
    {.name = "nothing", .device_dead = true, .cloud_offline = true},
};

static void set_health(struct scene *s, const struct health *h)
{
    *scene_state(s, "device") =
        (struct backend_state){.usable = !h->device_dead, .dead = h->device_dead, .context = 512};
    *scene_state(s, "cloud") =
        (struct backend_state){.usable = !h->cloud_offline && !h->cloud_breaker && !h->cloud_busy,
                               .offline = h->cloud_offline,
                               .breaker_open = h->cloud_breaker,
                               .busy = h->cloud_busy};
}

static void each_mode_in_each_health(void **state)
{
    (void)state;
    static const struct {
        enum mode mode;
        const char *backends[6];
        enum degraded degraded[6];
    } rows[] = {
        {MODE_AUTO,
         {"device cloud", "cloud", "device", "device", "device", "no_backend_available"},
         {DEGRADED_NO, DEGRADED_NO, DEGRADED_OFFLINE, DEGRADED_CLOUD_FAILED, DEGRADED_CLOUD_FAILED,
          DEGRADED_NO}},
        {MODE_PREFER_ON_DEVICE,
         {"device cloud", "cloud", "device", "device", "device", "no_backend_available"},
         {DEGRADED_NO, DEGRADED_DEVICE_FAILED, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO}},
        {MODE_ONLY_ON_DEVICE,
         {"device", "no_backend_available", "device", "device", "device", "no_backend_available"},
         {DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO}},
        {MODE_PREFER_IN_CLOUD,
         {"cloud device", "cloud", "device", "device", "device", "no_backend_available"},
         {DEGRADED_NO, DEGRADED_NO, DEGRADED_OFFLINE, DEGRADED_CLOUD_FAILED, DEGRADED_CLOUD_FAILED,
          DEGRADED_NO}},
        {MODE_ONLY_IN_CLOUD,
         {"cloud", "cloud", "no_backend_available", "no_backend_available", "overloaded",
          "no_backend_available"},
         {DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO, DEGRADED_NO}},
    };
    struct scene s;
    scene_open(&s, BOTH);
    for (size_t m = 0; m < ARRAY_LEN(rows); m++) {
        s.request->options.mode = rows[m].mode;
        s.request->options.mode_given = true;
        for (size_t h = 0; h < ARRAY_LEN(healths); h++) {
            set_health(&s, &healths[h]);
            const char *got = scene_backends(&s);
            if (strcmp(got, rows[m].backends[h]) != 0 ||
                s.decision->degraded != rows[m].degraded[h]) {
                fail_msg("%s, %s: %s %s", mode_name(rows[m].mode), healths[h].name, got,
                         degraded_name(s.decision->degraded) ? degraded_name(s.decision->degraded)
                                                             : "-");
            }
        }
    }
    says(s.decision->err_text, "device: mode only_in_cloud does not allow it; cloud: offline");
    scene_close(&s);
}

static void offline_says_what_is_less(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    scene_offline(&s, "cloud");
    (void)snprintf(scene_state(&s, "cloud")->why, 160, "no route\r\nX-Evil: 1");
    (void)scene_decide(&s);
    assert_int_equal(s.decision->degraded, DEGRADED_OFFLINE);
    assert_string_equal(s.decision->reduced[0], "long context");
    assert_string_equal(s.decision->reduced[1], "tools");
    says(s.decision->reason, "cloud: no route  X-Evil: 1"); /* one line, whatever it says */
    scene_close(&s);
}

/* ---- privacy ---- */

static void find(struct scene *s, const char *type, bool never_leave)
{
    s->facts->findings[s->facts->findings_count++] = (struct finding_count){type, 1, never_leave};
}

static void never_leave_keeps_it_home(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    find(&s, "EMAIL_ADDRESS", false);
    backends_are(&s, "device cloud");
    assert_null(s.decision->kept_rule);
    find(&s, "US_SSN", true);
    backends_are(&s, "device");
    assert_string_equal(s.decision->kept_rule, "never_leave");
    assert_string_equal(s.decision->kept_type, "US_SSN");
    assert_int_equal(s.decision->privacy, PRIVACY_LOCAL);
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    says(s.decision->reason, "US_SSN must not leave");
    /* stronger than every wish */
    s.request->options.mode = MODE_PREFER_IN_CLOUD;
    backends_are(&s, "device");
    s.request->options.strategy = SPAN("cloud");
    backends_are(&s, "policy_forbids");
    s.request->options.strategy = SPAN_NONE;
    s.request->model = SPAN("cloud");
    backends_are(&s, "policy_forbids");
    s.request->model = SPAN("auto");
    s.request->options.mode = MODE_ONLY_IN_CLOUD;
    backends_are(&s, "policy_forbids");
    s.request->options.mode = MODE_AUTO;
    scene_state(&s, "device")->usable = false;
    scene_state(&s, "device")->dead = true;
    backends_are(&s, "policy_forbids");
    says(s.decision->err_text, "never_leave: US_SSN must not leave");
    scene_close(&s);
}

static void an_unreadable_prompt_stays(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    s.facts->scan_failed = true;
    s.facts->scan_why = "over 4 MiB of text";
    backends_are(&s, "device");
    says(s.decision->reason, "over 4 MiB");
    scene_close(&s);
}

static void the_caller_may_tighten_and_not_loosen(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    s.request->options.privacy_given = true;
    s.request->options.privacy = PRIVACY_LOCAL;
    backends_are(&s, "device");
    assert_string_equal(s.decision->kept_rule, "privacy");
    s.request->options.privacy = PRIVACY_REDACT;
    backends_are(&s, "device cloud");
    s.request->options.privacy = PRIVACY_OPEN;
    backends_are(&s, "policy_forbids");
    says(s.decision->err_text, "loosen");
    scene_close(&s);
}

static void edge_counts_as_leaving(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "backends:\n" DEVICE EDGE "privacy: { default: local }\n");
    backends_are(&s, "device");
    s.request->options.mode = MODE_ONLY_IN_CLOUD;
    backends_are(&s, "policy_forbids");
    scene_close(&s);
}

/* ---- precedence, pair by pair ---- */

#define RULE(text) BOTH "policy:\n  rules:\n    - { name: r, when: {}, then: { " text " } }\n"

static void mode_is_stronger_than_model(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    s.request->options.mode = MODE_ONLY_ON_DEVICE;
    s.request->model = SPAN("cloud");
    backends_are(&s, "no_backend_available");
    says(s.decision->err_text, "mode only_on_device does not allow it");
    scene_close(&s);
}

static void model_is_stronger_than_strategy(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    s.request->model = SPAN("device");
    s.request->options.strategy = SPAN("cloud");
    backends_are(&s, "no_backend_available");
    s.request->options.strategy = SPAN("cascade");
    backends_are(&s, "device");
    scene_close(&s);
}

static void strategy_is_stronger_than_a_rule(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, RULE("take: device"));
    s.request->options.strategy = SPAN("cloud");
    backends_are(&s, "cloud");
    assert_string_equal(s.decision->strategy, "cloud");
    s.request->options.strategy = SPAN("hedge");
    backends_are(&s, "invalid_request");
    scene_close(&s);
}

static void a_rule_is_stronger_than_policy(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, RULE("take: cloud"));
    backends_are(&s, "cloud device");
    assert_string_equal(s.decision->strategy, "fallback");
    says(s.decision->reason, "rule r");
    assert_int_equal(scene_verdict(&s, "r")->verdict, VERDICT_TAKE);
    /* … and weaker than mode and model */
    s.request->options.mode = MODE_PREFER_ON_DEVICE;
    backends_are(&s, "device cloud");
    s.request->options.mode = MODE_ONLY_ON_DEVICE;
    backends_are(&s, "device");
    s.request->options.mode = MODE_AUTO;
    s.request->model = SPAN("device");
    backends_are(&s, "device");
    scene_close(&s);
}

static void the_first_take_wins_and_every_forbid_counts(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s,
               BOTH CLOUD2 "policy:\n  rules:\n"
                           "    - { name: no, when: { language: [xx] }, then: { take: device } }\n"
                           "    - { name: first, when: {}, then: { take: europe } }\n"
                           "    - { name: second, when: {}, then: { take: device } }\n"
                           "    - { name: third, when: {}, then: { forbid: device } }\n");
    backends_are(&s, "europe cloud");
    assert_int_equal(scene_verdict(&s, "no")->verdict, VERDICT_PASS);
    says(scene_verdict(&s, "no")->why, "does not apply: the language is");
    assert_int_equal(scene_verdict(&s, "first")->verdict, VERDICT_TAKE);
    assert_int_equal(scene_verdict(&s, "second")->verdict, VERDICT_PASS);
    assert_int_equal(scene_verdict(&s, "third")->verdict, VERDICT_FORBID);
    scene_close(&s);
}

static void a_take_that_is_forbidden_later_is_none(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH "policy:\n  rules:\n    - { name: a, when: {}, then: { take: cloud } }\n"
                        "    - { name: b, when: {}, then: { forbid: cloud } }\n");
    backends_are(&s, "device");
    assert_string_equal(s.decision->kept_rule, "b");
    assert_null(s.decision->kept_type);
    scene_close(&s);
}

static void forbid_and_require(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, RULE("forbid: cloud"));
    backends_are(&s, "device");
    s.request->options.mode = MODE_ONLY_IN_CLOUD;
    backends_are(&s, "policy_forbids");
    says(s.decision->err_text, "rule r forbids it");
    scene_close(&s);
    scene_open(&s, BOTH CLOUD2
               "policy:\n  rules:\n    - { name: r, when: {}, then: { require: eu } }\n");
    backends_are(&s, "europe");
    assert_int_equal(s.decision->require_count, 1);
    assert_string_equal(s.decision->require[0], "eu");
    scene_offline(&s, "europe");
    backends_are(&s, "policy_forbids");
    scene_close(&s);
}

static void forbidding_a_tier_word_means_the_tier(void **state)
{
    (void)state;
    struct scene s; /* one of the two is called "cloud" */
    scene_open(&s, BOTH CLOUD2
               "policy:\n  rules:\n    - { name: r, when: {}, then: { forbid: cloud } }\n");
    backends_are(&s, "device");
    scene_close(&s);
}

static void a_rule_may_tighten_privacy_and_set_a_strategy(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, RULE("privacy: local"));
    backends_are(&s, "device");
    assert_string_equal(s.decision->kept_rule, "r");
    s.request->options.privacy_given = true;
    s.request->options.privacy =
        PRIVACY_REDACT; /* as the config's default, but looser than the rule */
    backends_are(&s, "policy_forbids");
    scene_close(&s);
    scene_open(&s, RULE("strategy: fallback"));
    backends_are(&s, "device cloud");
    assert_string_equal(s.decision->strategy, "fallback");
    scene_close(&s);
}

/* ---- every `when` key ---- */

static void headers(struct scene *s, const char *json)
{
    struct fault fault = {0};
    assert_int_equal(json_parse_in(s->arena, span_c(json), &s->request->headers, &fault), OK);
}

static void set_up_when(struct scene *s, const char *fact)
{
    struct device_facts *d = &s->facts->device;
    if (strcmp(fact, "long") == 0) {
        char words[2000];
        memset(words, 'a', sizeof words - 1);
        words[sizeof words - 1] = 0;
        scene_say(s, words);
    } else if (strcmp(fact, "command") == 0) {
        scene_say(s, "turn on the kitchen light");
    } else if (strcmp(fact, "german") == 0) {
        scene_say(s, "Bitte schreibe mir ein Gedicht");
    } else if (strcmp(fact, "tools") == 0) {
        scene_state(s, "device")->tools = true;
        scene_body(
            s,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{\"type\":\"function\"}]}");
    } else if (strcmp(fact, "schema") == 0) {
        scene_body(
            s,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_format\":{\"type\":\"json_schema\"}}");
    } else if (strcmp(fact, "images") == 0) {
        scene_state(s, "device")->images = true;
        s->request->has_images = true;
    } else if (strcmp(fact, "email") == 0) {
        find(s, "EMAIL_ADDRESS", false);
    } else if (strcmp(fact, "battery") == 0) {
        d->battery = 0.4;
    } else if (strcmp(fact, "hot") == 0) {
        d->temperature_c = 70;
    } else if (strcmp(fact, "metered") == 0) {
        d->network = NETWORK_METERED;
    } else if (strcmp(fact, "alias") == 0) {
        s->request->model = SPAN("gpt-4o");
    } else if (strcmp(fact, "header") == 0) {
        headers(s, "{\"x-app\":\"clinic-7\"}");
    } else if (strcmp(fact, "key") == 0) {
        s->request->client = SPAN("anna");
    } else if (strcmp(fact, "night") == 0) {
        s->facts->hour = 23;
    } else if (strcmp(fact, "number") == 0) {
        scene_say(s, "order 12345 please");
    } else {
        assert_string_equal(fact, "");
    }
}

static void every_when_key(void **state)
{
    (void)state;
    static const struct {
        const char *when, *holds, *not ; /* facts under which it holds, and does not */
        const char *why;
    } rows[] = {
        {"max_prompt_tokens: 32", "", "long", "prompt tokens, over 32"},
        {"min_prompt_tokens: 32", "long", "", "prompt tokens, under 32"},
        {"task: [command, intent]", "command", "", "the task is chat"},
        {"language: [de]", "german", "command", "the language is en"},
        {"language: [de]", "german", "", "the language is unknown"},
        {"has_tools: true", "tools", "", "has no tools"},
        {"has_tools: false", "", "tools", "has tools"},
        {"has_images: true", "images", "", "has no images"},
        {"json_schema: true", "schema", "", "has no a JSON schema"},
        {"pii: true", "email", "", "has no personal data"},
        {"pii: false", "", "email", "has personal data"},
        {"pii: [EMAIL_ADDRESS, PERSON]", "email", "", "none of the types"},
        {"battery_below: 0.5", "battery", "", "no battery is known"},
        {"hotter_than_c: 60", "hot", "", "no temperature is known"},
        {"network: metered", "metered", "", "the network is ok"},
        {"model: [\"gpt-*\"]", "alias", "", "another model"},
        {"header: { X-App: \"clinic*\" }", "header", "", "header x-app is not there"},
        {"key: [anna]", "key", "", "another key"},
        {"hour: \"09-17\"", "", "night", "it is 23 o'clock"},
        {"hour: \"22-06\"", "night", "", "it is 12 o'clock"},
        {"matches: \"\\\\b[0-9]{5}\\\\b\"", "number", "", "the pattern does not match"},
        {"task: command, max_prompt_tokens: 32", "command", "", "the task is chat"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char yaml[800];
        struct scene s;
        (void)snprintf(
            yaml, sizeof yaml,
            BOTH "policy:\n  rules:\n    - { name: r, when: { %s }, then: { forbid: device } }\n",
            rows[i].when);
        for (int holds = 0; holds < 2; holds++) {
            scene_open(&s, yaml);
            scene_state(&s, "device")->context = 100000;
            set_up_when(&s, holds ? rows[i].holds : rows[i].not );
            (void)scene_decide(&s);
            const struct rule_verdict *v = scene_verdict(&s, "r");
            if ((v->verdict == VERDICT_FORBID) != (holds == 1)) {
                fail_msg("when: { %s } %s: %.*s", rows[i].when, holds ? rows[i].holds : rows[i].not,
                         SPAN_ARG(v->why));
            }
            if (!holds) {
                says(v->why, rows[i].why);
            }
            scene_close(&s);
        }
    }
}

static void a_hostile_pattern_fails_closed(void **state)
{
    (void)state;
    static const char *const thens[] = {"forbid: cloud", "take: cloud"};
    static const char *const expected[] = {"device", "device cloud"};
    char text[4002];
    memset(text, 'a', 3000);
    memset(text + 3000, 'b', 1000);
    text[4000] = 'c';
    text[4001] = 0;
    for (int i = 0; i < 2; i++) {
        char yaml[800];
        struct scene s;
        (void)snprintf(
            yaml, sizeof yaml,
            BOTH
            "policy:\n  rules:\n    - { name: r, when: { matches: \"^(a|aa|b)+$\" }, then: { %s } }\n",
            thens[i]);
        scene_open(&s, yaml);
        scene_state(&s, "device")->context = 100000;
        scene_say(&s, text);
        backends_are(&s, expected[i]);
        scene_close(&s);
    }
}

/* ---- capability ---- */

static void who_cannot_carry_it_is_not_chosen(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    scene_body(
        &s,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{\"type\":\"function\"}]}");
    backends_are(&s, "cloud");
    says(s.decision->reason, "device: cannot call tools");
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    s.request->options.mode = MODE_ONLY_ON_DEVICE;
    backends_are(&s, "no_backend_available");
    s.request->options.mode = MODE_AUTO;
    scene_say(&s, "hi");
    s.request->has_images = true;
    backends_are(&s, "cloud");
    says(s.decision->reason, "images");
    s.request->has_images = false;
    scene_state(&s, "device")->logprobs = false;
    s.request->logprobs = true;
    backends_are(&s, "cloud");
    s.request->logprobs = false;
    scene_state(&s, "device")->multiple_choices = false;
    s.request->n = 2;
    backends_are(&s, "cloud");
    scene_close(&s);
}

static void long_prompts_go_where_they_fit(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    size_t bytes = 1 * MIB;
    char *text = mem_new(bytes + 1);
    memset(text, 'a', 3000);
    scene_say(&s, text);
    backends_are(&s, "cloud");
    says(s.decision->reason, "do not fit its context of 512");
    memset(text, 'a', bytes);
    scene_say(&s, text);
    backends_are(&s, "context_length_exceeded");
    mem_free(text);
    scene_close(&s);
}

/* ---- money ---- */

static void budgets(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH "budget: { usd_per_day: 1 }\n");
    s.facts->budget_left_usd_nano = USD_NANO;
    backends_are(&s, "device cloud");
    s.facts->budget_left_usd_nano = 0;
    backends_are(&s, "device");
    assert_int_equal(s.decision->degraded, DEGRADED_BUDGET);
    s.request->options.mode = MODE_PREFER_ON_DEVICE; /* gets what it prefers */
    backends_are(&s, "device");
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    s.request->options.mode = MODE_ONLY_IN_CLOUD;
    backends_are(&s, "budget_exhausted");
    scene_close(&s);
    scene_open(&s, BOTH "budget: { usd_per_day: 1, on_exhausted: refuse }\n");
    s.facts->budget_left_usd_nano = 0;
    backends_are(&s, "device cloud"); /* the gate will refuse the second */
    assert_true(s.decision->budget_refuses);
    s.request->options.mode = MODE_PREFER_IN_CLOUD;
    backends_are(&s, "budget_exhausted");
    s.request->options.mode = MODE_ONLY_ON_DEVICE;
    backends_are(&s, "device");
    scene_close(&s);
}

static void max_cost_leaves_out_what_is_too_dear(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH CLOUD2);
    s.request->max_tokens = 1000; /* at most about 0.002 and 0.009 USD */
    s.request->options.max_cost_usd_nano = USD_NANO / 200;
    backends_are(&s, "device cloud");
    s.request->options.max_cost_usd_nano = 0;
    backends_are(&s, "device");
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    says(scene_verdict(&s, "budget")->why, "over the caller's 0");
    s.request->options.mode = MODE_ONLY_IN_CLOUD;
    backends_are(&s, "budget_exhausted");
    scene_close(&s);
}

/* ---- the machine ---- */

static void one_leg_policies_mean_what_they_say(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH "policy: { strategy: device }\n");
    s.facts->device.battery = 0.1;
    backends_are(&s, "device");
    says(s.decision->reason, "policy device");
    scene_close(&s);
}

static void a_low_battery_sends_upwards(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    s.facts->device.battery = 0.1;
    s.facts->device.charging = 0;
    backends_are(&s, "cloud device");
    says(s.decision->reason, "battery at 10 %, under the floor of 20 %");
    assert_int_equal(s.decision->degraded, DEGRADED_NO);
    s.request->options.mode = MODE_PREFER_ON_DEVICE;
    backends_are(&s, "cloud device");
    s.request->options.mode = MODE_ONLY_ON_DEVICE;
    backends_are(&s, "device");
    s.request->options.mode = MODE_AUTO;
    scene_offline(&s, "cloud");
    backends_are(&s, "device");
    scene_close(&s);
    scene_open(&s, BOTH);
    s.facts->device.battery = 0.1;
    s.facts->device.charging = 1; /* on the mains nothing drains */
    backends_are(&s, "device cloud");
    s.facts->device.temperature_c = 90;
    backends_are(&s, "cloud device");
    says(s.decision->reason, "over the ceiling of 85");
    s.request->model = SPAN("device");
    backends_are(&s, "device");
    scene_close(&s);
}

static void a_model_is_not_asked_for_what_it_is_not_made_for(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    scene_state(&s, "device")->tasks = 1u << TASK_COMMAND | 1u << TASK_CHAT | 1u << TASK_MATH;
    scene_say(&s, "turn on the kitchen light");
    backends_are(&s, "device cloud");
    scene_say(&s, PRE_POEM);
    backends_are(&s, "cloud device");
    says(s.decision->reason, "nano is not made for create");
    assert_int_equal(s.decision->local_count, 0);
    scene_offline(&s, "cloud");
    backends_are(&s, "device");
    assert_int_equal(s.decision->degraded, DEGRADED_OFFLINE);
    s.request->options.mode = MODE_PREFER_ON_DEVICE;
    backends_are(&s, "device");
    scene_close(&s);
}

/* ---- score and threshold ---- */

static struct score fixed_score(void *self, const struct facts *f)
{
    (void)f;
    return (struct score){.p_device = *(double *)self, .p_cloud = 1, .source = "fixed"};
}
static void fixed_explain(void *self, const struct facts *f, struct text *out)
{
    (void)self;
    (void)f;
    text_add_c(out, "{}");
}
static const struct scorer_type fixed = {
    .name = "fixed", .score = fixed_score, .explain = fixed_explain};

static void score_and_threshold(void **state)
{
    (void)state;
    static const struct {
        const char *strategy;
        const char *threshold;
        double quality, score;
        const char *backends;
    } rows[] = {
        {"split", "0.5", -1, 0.5, "device cloud"},
        {"split", "0.5", -1, 0.49, "cloud device"},
        {"split", "0", -1, 0.0, "device cloud"},
        {"split", "1", -1, 1.0, "cloud device"},
        {"cascade", "0.6", -1, 0.26, "device cloud"},
        {"cascade", "0.6", -1, 0.24, "cloud device"},
        {"cascade", "1", -1, 1.0, "cloud device"},
        {"cascade", "0", -1, 0.0, "device cloud"},
        {"cascade", "auto", -1, 0.24, "cloud device"},
        {"cascade", "auto", 0.0, 0.01, "device cloud"},
        {"split", "auto", 0.5, 0.35, "device cloud"},
        {"split", "0.9", 0.0, 0.5, "cloud device"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        char yaml[700];
        struct fault fault = {0};
        double p = rows[i].score;
        (void)snprintf(yaml, sizeof yaml, BOTH "policy: { strategy: %s, threshold: %s }\n",
                       rows[i].strategy, rows[i].threshold);
        scene_open(&s, yaml);
        router_free(s.router);
        assert_int_equal(router_new(s.config, &fixed, &p, &s.router, &fault), OK);
        s.request->options.quality = rows[i].quality;
        const char *got = scene_backends(&s);
        if (strcmp(got, rows[i].backends) != 0) {
            fail_msg("%s %s %g: %s", rows[i].strategy, rows[i].threshold, p, got);
        }
        scene_close(&s);
    }
}

static void the_prior_knows_length_and_task(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    scene_state(&s, "device")->context = 100000;
    double hi = scene_decide(&s)->score;
    scene_say(&s, "Why is the sky blue?");
    double why = scene_decide(&s)->score;
    char text[8001];
    memset(text, 'a', 8000);
    text[8000] = 0;
    scene_say(&s, text);
    double lengthy = scene_decide(&s)->score;
    assert_true(hi > why && hi > lengthy && lengthy > 0 && lengthy < 1);
    scene_close(&s);
}

/* ---- explain ---- */

static void explain_is_as_interface_says(void **state)
{
    (void)state;
    struct scene s;
    struct text t;
    const struct json *root = NULL;
    struct fault fault = {0};
    scene_open(&s, RULE("take: device"));
    find(&s, "EMAIL_ADDRESS", false);
    (void)scene_decide(&s);
    text_init(&t, 64 * KIB);
    router_explain(s.router, s.facts, s.decision, &t);
    assert_int_equal(json_parse_in(s.arena, text_span(&t), &root, &fault), OK);
    static const char *const keys[] = {"decision", "rules",   "score",  "threshold",
                                       "features", "privacy", "device", "runs"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_non_null(json_get(root, keys[i]));
    }
    assert_false(json_true(json_get(root, "runs")));
    const struct json *decision = json_get(root, "decision");
    assert_true(span_is(json_str(json_get(decision, "strategy")), "fallback"));
    assert_true(span_is(json_str(json_at(json_get(decision, "backends"), 0)), "device"));
    assert_true(json_str(json_get(decision, "reason")).len > 0);
    assert_true(json_len(json_get(root, "rules")) >= 11);
    static const char *const built_in[] = {"privacy",    "mode",   "model",   "r",
                                           "capability", "health", "budget",  "battery",
                                           "task",       "score",  "latency", "policy"};
    for (size_t i = 0; i < ARRAY_LEN(built_in); i++) {
        const struct json *rule = json_at(json_get(root, "rules"), i);
        assert_true(span_is(json_str(json_get(rule, "rule")), built_in[i]));
        assert_true(json_str(json_get(rule, "why")).len > 0);
    }
    const struct json *finding = json_at(json_get(json_get(root, "privacy"), "findings"), 0);
    assert_true(span_is(json_str(json_get(finding, "type")), "EMAIL_ADDRESS"));
    assert_true(span_is(json_str(json_get(json_get(root, "privacy"), "verdict")), "redact"));
    assert_int_equal(json_type(json_get(json_get(root, "device"), "battery")), JSON_NULL);
    assert_true(span_is(json_str(json_get(json_get(root, "features"), "task")), "chat"));
    s.request->model = SPAN("nope");
    (void)scene_decide(&s);
    text_clear(&t);
    router_explain(s.router, s.facts, s.decision, &t);
    assert_int_equal(json_parse_in(s.arena, text_span(&t), &root, &fault), OK);
    assert_true(span_is(json_str(json_get(json_get(json_get(root, "decision"), "error"), "code")),
                        "model_not_found"));
    text_done(&t);
    scene_close(&s);
}

static void the_request_is_read(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    scene_body(
        &s,
        "{\"messages\":["
        "{\"role\":\"system\",\"content\":\"Be brief.\"},"
        "{\"role\":\"user\",\"content\":\"first\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"turn on\"},{\"type\":\"image_url\"},"
        "{\"type\":\"text\",\"text\":\"the light\"}]}]}");
    assert_true(span_is(s.facts->last_user, "turn on\nthe light"));
    assert_int_equal(s.facts->turns, 2);
    assert_int_equal(s.facts->task, TASK_COMMAND);
    assert_string_equal(s.facts->language, "en");
    assert_int_equal(s.facts->prompt_tokens, (9 + 5 + 3 + 16) * 2 / 7);
    scene_body(&s, "{\"messages\":[{\"role\":\"user\",\"content\":7},{\"role\":9},null,3]}");
    assert_int_equal(s.facts->last_user.len, 0);
    assert_int_equal(s.facts->prompt_tokens, 1);
    scene_body(&s, "{}");
    s.request->prompt = SPAN("what is 12 + 30?");
    router_read_request(s.request, s.facts);
    assert_int_equal(s.facts->task, TASK_MATH);
    assert_int_equal(s.facts->turns, 1);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_is_a_cascade_with_the_device_first),
        cmocka_unit_test(tiers_stand_in_order_and_humans_are_left_out),
        cmocka_unit_test(without_a_cloud_the_device_is_all),
        cmocka_unit_test(policy_strategies),
        cmocka_unit_test(a_strategy_that_is_not_built_is_refused),
        cmocka_unit_test(models_are_resolved),
        cmocka_unit_test(a_tier_word_means_all_of_the_tier),
        cmocka_unit_test(pinned_aliases_go_to_their_backend),
        cmocka_unit_test(each_mode_in_each_health),
        cmocka_unit_test(offline_says_what_is_less),
        cmocka_unit_test(never_leave_keeps_it_home),
        cmocka_unit_test(an_unreadable_prompt_stays),
        cmocka_unit_test(the_caller_may_tighten_and_not_loosen),
        cmocka_unit_test(edge_counts_as_leaving),
        cmocka_unit_test(mode_is_stronger_than_model),
        cmocka_unit_test(model_is_stronger_than_strategy),
        cmocka_unit_test(strategy_is_stronger_than_a_rule),
        cmocka_unit_test(a_rule_is_stronger_than_policy),
        cmocka_unit_test(the_first_take_wins_and_every_forbid_counts),
        cmocka_unit_test(a_take_that_is_forbidden_later_is_none),
        cmocka_unit_test(forbid_and_require),
        cmocka_unit_test(forbidding_a_tier_word_means_the_tier),
        cmocka_unit_test(a_rule_may_tighten_privacy_and_set_a_strategy),
        cmocka_unit_test(every_when_key),
        cmocka_unit_test(a_hostile_pattern_fails_closed),
        cmocka_unit_test(who_cannot_carry_it_is_not_chosen),
        cmocka_unit_test(long_prompts_go_where_they_fit),
        cmocka_unit_test(budgets),
        cmocka_unit_test(max_cost_leaves_out_what_is_too_dear),
        cmocka_unit_test(one_leg_policies_mean_what_they_say),
        cmocka_unit_test(a_low_battery_sends_upwards),
        cmocka_unit_test(a_model_is_not_asked_for_what_it_is_not_made_for),
        cmocka_unit_test(score_and_threshold),
        cmocka_unit_test(the_prior_knows_length_and_task),
        cmocka_unit_test(explain_is_as_interface_says),
        cmocka_unit_test(the_request_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
