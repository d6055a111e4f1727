/* SPDX-License-Identifier: Apache-2.0 */
/* A config, a request and facts in a few words; everything in one arena. */
#ifndef WEIR_TESTS_ROUTER_SCENE_H
#define WEIR_TESTS_ROUTER_SCENE_H

#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct scene {
    struct arena *arena;
    struct config *config;
    struct router *router;
    struct request *request;
    struct facts *facts;
    struct decision *decision;
};

#define DEVICE "  - { name: device, tier: device, model: nano.gguf }\n"
#define CLOUD                                                                                                        \
    "  - { name: cloud, tier: cloud, api: openai, url: \"http://127.0.0.1:9000/v1\", model: m-fast, labels: [us],\n" \
    "      aliases: [gpt-4o, \"gpt-4*\"], context: 128000, price: { input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 } }\n"
#define CLOUD2                                                                                                      \
    "  - { name: europe, tier: cloud, api: openai, url: \"http://127.0.0.1:9001/v1\", model: m-eu, labels: [eu],\n" \
    "      price: { input_usd_per_mtok: 9.0, output_usd_per_mtok: 9.0 } }\n"
#define EDGE                                                                                       \
    "  - { name: shed, tier: edge, api: openai, url: \"http://127.0.0.1:9002/v1\", model: m-edge }\n"
#define BOTH "backends:\n" DEVICE CLOUD

static struct config *scene_config(const char *yaml)
{
    struct config *c = NULL;
    struct text errors;
    text_init(&errors, 16 * KIB);
    if (config_parse(span_c(yaml), "weir.yaml", "/nowhere", &c, &errors)) {
        fail_msg("config: %s", errors.data ? errors.data : "");
    }
    text_done(&errors);
    return c;
}

static void scene_body(struct scene *s, const char *json)
{
    struct request *r = s->request;
    struct fault fault = {0};
    if (json_parse_in(s->arena, span_c(json), &r->body, &fault)) {
        fail_msg("body: %s", fault.text);
    }
    r->messages = json_get(r->body, "messages");
    r->body_bytes = strlen(json);
    r->has_tools = json_len(json_get(r->body, "tools")) > 0;
    struct span format = json_str(json_get(json_get(r->body, "response_format"), "type"));
    r->json_schema = span_is(format, "json_schema");
    r->n = (int)json_i64_or(json_get(r->body, "n"), 1);
    r->max_tokens = json_i64_or(json_get(r->body, "max_tokens"), 0);
    router_read_request(r, s->facts);
}

static void scene_say(struct scene *s, const char *user)
{
    struct text t;
    text_init(&t, 4 * MIB);
    struct json_out w = json_out(&t);
    json_begin_object(&w);
    json_key(&w, "messages");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_c(&w, "role", "user");
    json_put_c(&w, "content", user);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
    scene_body(s, t.data);
    text_done(&t);
}

/* All backends well, no battery, network fine, "hi" said, model auto. */
static void scene_open(struct scene *s, const char *yaml)
{
    struct fault fault = {0};
    *s = (struct scene){.arena = arena_new(), .config = scene_config(yaml)};
    if (router_new(s->config, &scorer_prior, NULL, &s->router, &fault)) {
        fail_msg("router: %s", fault.text);
    }
    s->request = ARENA_NEW(s->arena, struct request);
    s->facts = ARENA_NEW(s->arena, struct facts);
    s->facts->backends = ARENA_ARRAY(s->arena, struct backend_state, BACKENDS_MAX);
    s->decision = ARENA_NEW(s->arena, struct decision);
    s->request->arena = s->arena;
    s->request->model = SPAN("auto");
    s->request->n = 1;
    s->request->options.max_cost_usd_nano = -1;
    s->request->options.quality = -1;
    s->facts->device = (struct device_facts){
        .battery = -1, .charging = -1, .temperature_c = -1000, .rtt_ms = -1, .load = -1};
    s->facts->budget_left_usd_nano = -1;
    s->facts->hour = 12;
    for (int i = 0; i < s->config->backends_count; i++) {
        const struct backend *b = &s->config->backends[i];
        s->facts->backends[i] =
            (struct backend_state){.usable = true,
                                   .context = b->tier == TIER_DEVICE ? 512 : b->context,
                                   .json_schema = true,
                                   .multiple_choices = true,
                                   .logprobs = true};
    }
    scene_say(s, "hi");
}

UNUSED static struct backend_state *scene_state(struct scene *s, const char *name)
{
    const struct backend *b = config_backend(s->config, span_c(name));
    assert_non_null(b);
    return &s->facts->backends[b->index];
}

UNUSED static void scene_offline(struct scene *s, const char *name)
{
    struct backend_state *state = scene_state(s, name);
    state->usable = false;
    state->offline = true;
}

static const struct decision *scene_decide(struct scene *s)
{
    router_decide(s->router, s->facts, s->decision);
    return s->decision;
}

/* The decision's backends as "device cloud". */
UNUSED static const char *scene_backends(struct scene *s)
{
    struct span text = SPAN("");
    const struct decision *d = scene_decide(s);
    for (int i = 0; i < d->backends_count; i++) {
        text =
            arena_printf(s->arena, "%.*s%s%s", SPAN_ARG(text), i ? " " : "", d->backends[i]->name);
    }
    if (d->err) {
        text = arena_printf(s->arena, "%s", err_code(d->err));
    }
    return text.data;
}

static void scene_close(struct scene *s)
{
    router_free(s->router);
    config_unref(s->config);
    arena_free(s->arena);
}

UNUSED static const struct rule_verdict *scene_verdict(const struct scene *s, const char *rule)
{
    for (int i = 0; i < s->decision->rules_count; i++) {
        if (strcmp(s->decision->rules[i].rule, rule) == 0) {
            return &s->decision->rules[i];
        }
    }
    fail_msg("no verdict of %s", rule);
    return NULL;
}

#endif
