/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat body from outside → features → decision → explain. A decision holds
 * together whatever was asked: backends or an error, local ones in front, and what
 * must stay on the device never has another tier.
 */
#include "router/guard.h"
#include "router/router.h"
#include "router/sticky.h"

static const char yaml[] =
    "backends:\n"
    "  - { name: device, tier: device, model: nano.gguf }\n"
    "  - { name: cloud, tier: cloud, url: \"http://127.0.0.1:9000/v1\", model: m, aliases: [\"gpt-*\"],\n"
    "      price: { input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 } }\n"
    "  - { name: shed, tier: edge, url: \"http://127.0.0.1:9001/v1\", model: m, labels: [eu] }\n"
    "policy:\n"
    "  rules:\n"
    "    - { name: a, when: { max_prompt_tokens: 32, task: [command, code] }, then: { take: device } }\n"
    "    - { name: b, when: { language: [de, fr] }, then: { require: eu } }\n"
    "    - { name: c, when: { matches: \"(?i)secret +[a-z]+\" }, then: { forbid: cloud } }\n"
    "    - { name: d, when: { has_tools: true }, then: { privacy: local } }\n"
    "    - { name: e, when: { model: [\"gpt-*\"] }, then: { strategy: split } }\n";

static struct router *router(void)
{
    static struct router *r;
    if (!r) {
        struct config *c = NULL;
        struct text errors;
        text_init(&errors, 4096);
        ASSERT(config_parse(span_c(yaml), "fuzz.yaml", "/nowhere", &c, &errors) == OK);
        ASSERT(router_new(c, &scorer_prior, NULL, &r, NULL) == OK);
        config_unref(c);
        text_done(&errors);
    }
    return r;
}

static void check(const struct decision *d)
{
    ASSERT((d->err == OK) == (d->backends_count > 0));
    ASSERT(d->local_count <= d->backends_count);
    ASSERT(d->err == OK || d->err_text.len > 0);
    ASSERT(d->reason.len > 0);
    for (int i = 0; i < d->backends_count; i++) {
        ASSERT(i >= d->local_count || d->backends[i]->tier == TIER_DEVICE);
        ASSERT(d->privacy != PRIVACY_LOCAL || d->backends[i]->tier == TIER_DEVICE);
    }
    for (size_t i = 0; i < d->reason.len; i++) {
        ASSERT((unsigned char)d->reason.data[i] >= 0x20);
    }
}

/* What was asked before lives on between inputs, as it does between requests. */
static struct sticky *sticky;
static struct guard *guard;
static uint64_t now_us = 1000000;

static struct prediction predicted(uint8_t dice)
{
    double us = (double)(dice >> 2) * 100000;
    return (struct prediction){.ttft_us = us,
                               .late_us = us * 2,
                               .total_us = us * 10,
                               .failing = dice & 1 ? 0.9 : 0,
                               .slowed = dice & 2 ? 3 : 1};
}

static void remembered(struct facts *f, const uint8_t *dice)
{
    sticky = sticky ? sticky : sticky_new(NULL);
    guard = guard ? guard : guard_new();
    now_us += 1000000 * (uint64_t)dice[7];
    sticky_recall(sticky, now_us, f);
    guard_look(guard, dice[5] & 16 ? 0.3 : -1, f);
    f->guard.discount = dice[5] & 32 ? 1 : f->guard.discount;
}

static void note(const struct facts *f, const struct decision *d, bool up)
{
    guard_note(guard, now_us, f, d, up);
    sticky_note(sticky, now_us, f,
                &(struct sticky_turn){
                    .up = up, .easy = d->easy, .by_score = d->by_score, .score = d->score});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct request *q = ARENA_NEW(arena, struct request);
    struct facts *f = ARENA_NEW(arena, struct facts);
    struct decision *d = ARENA_NEW(arena, struct decision);
    uint8_t dice[8] = {0};
    if (size) {
        memcpy(dice, data, size < sizeof dice ? size : sizeof dice);
    }
    struct span body = size > sizeof dice
                           ? span_of((const char *)data + sizeof dice, size - sizeof dice)
                           : SPAN("{}");
    if (json_parse_in(arena, body, &q->body, NULL) == OK) {
        q->arena = arena;
        q->messages = json_get(q->body, "messages");
        q->model = json_str(json_get(q->body, "model"));
        q->has_tools = json_len(json_get(q->body, "tools")) > 0;
        q->n = 1 + (dice[0] & 3);
        q->body_bytes = body.len;
        q->options =
            (struct request_options){.mode = (enum mode)(dice[1] % MODE_COUNT),
                                     .privacy_given = dice[2] & 1,
                                     .privacy = (enum privacy_level)(dice[2] % PRIVACY_COUNT),
                                     .max_cost_usd_nano = dice[3] & 1 ? dice[3] * 1000 : -1,
                                     .quality = dice[3] & 2 ? 0.5 : -1};
        f->backends = ARENA_ARRAY(arena, struct backend_state, BACKENDS_MAX);
        for (int i = 0; i < 3; i++) {
            f->backends[i] = (struct backend_state){.usable = !(dice[4] & (1 << i)),
                                                    .offline = dice[4] & (8 << i),
                                                    .context = dice[5] & (1 << i) ? 16 : 0,
                                                    .tasks = dice[5] & 8 ? 1u << TASK_CHAT : 0,
                                                    .multiple_choices = true,
                                                    .predicted = predicted(dice[2 + i])};
        }
        f->device = (struct device_facts){
            .battery = dice[6] / 255.0, .temperature_c = dice[6] / 2.0, .rtt_ms = -1};
        f->budget_left_usd_nano = dice[7] & 1 ? dice[7] * 1000000 : -1;
        f->scan_failed = dice[7] & 2;
        q->options.max_latency_ms = dice[2] & 2 ? dice[6] * 20 : 0;
        router_read_request(q, f);
        remembered(f, dice);
        router_decide(router(), f, d);
        check(d);
        note(f, d, dice[0] & 4);
        struct text out;
        text_init(&out, 1 * MIB);
        router_explain(router(), f, d, &out);
        ASSERT(!out.overflow);
        const struct json *again = NULL;
        ASSERT(json_parse_in(arena, text_span(&out), &again, NULL) == OK);
        text_done(&out);
    }
    arena_free(arena);
    return 0;
}
