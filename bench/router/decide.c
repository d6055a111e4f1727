/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long one routing decision takes: reading the request's features, what is remembered of the
 * conversation and the client, the predictions and router_decide(), on prompts of several sizes,
 * without rules and with twelve. Each decision has a fresh request; parsing its JSON and the
 * arena are not counted. Two clocks: the wall's, and the thread's own CPU time, which leaves out
 * what other programs take on a busy machine. Prints one JSON object.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "router/features.h"
#include "router/guard.h"
#include "router/latency.h"
#include "router/learned.h"
#include "router/learning.h"
#include "router/router.h"
#include "router/sticky.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DECISIONS 20000

static const char backends[] =
    "backends:\n"
    "  - { name: device, tier: device, model: nano.gguf }\n"
    "  - { name: cloud, tier: cloud, url: \"http://127.0.0.1:9000/v1\", model: m, aliases: [\"gpt-*\"],\n"
    "      price: { input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 } }\n"
    "  - { name: europe, tier: cloud, url: \"http://127.0.0.1:9001/v1\", model: m, labels: [eu] }\n";
static const char rules[] =
    "policy:\n  rules:\n"
    "    - { name: short-commands, when: { max_prompt_tokens: 32, task: [command, intent] }, then: { take: device } }\n"
    "    - { name: clinic, when: { header: { X-App: clinic } }, then: { require: eu } }\n"
    "    - { name: legal, when: { header: { X-App: legal } }, then: { forbid: cloud } }\n"
    "    - { name: german, when: { language: [de] }, then: { take: europe } }\n"
    "    - { name: tools, when: { has_tools: true }, then: { take: cloud } }\n"
    "    - { name: pii, when: { pii: [US_SSN] }, then: { privacy: local } }\n"
    "    - { name: low, when: { battery_below: 0.1 }, then: { take: cloud } }\n"
    "    - { name: metered, when: { network: metered }, then: { take: device } }\n"
    "    - { name: night, when: { hour: \"22-06\" }, then: { forbid: cloud } }\n"
    "    - { name: code, when: { task: code }, then: { take: cloud } }\n"
    "    - { name: invoice, when: { matches: \"\\\\b(invoice|rechnung) [0-9]{4,}\\\\b\" }, then: { take: device } }\n"
    "    - { name: secret, when: { matches: \"(?i)\\\\bproject (falcon|heron)\\\\b\" }, then: { forbid: cloud } }\n";

static const char sentence[] =
    "The committee met on Tuesday to discuss how the harbour should be rebuilt after the storm, "
    "and why 12 of the 30 warehouses had not been insured. ";

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void fill(struct text *body, size_t prompt_bytes, struct rng *r)
{
    text_clear(body);
    text_add_c(
        body,
        "{\"model\":\"auto\",\"messages\":[{\"role\":\"system\",\"content\":\"You are helpful.\"},"
        "{\"role\":\"user\",\"content\":\"");
    size_t start = body->len;
    while (body->len - start < prompt_bytes) {
        size_t skip = rng_below(r, 40); /* other words each time */
        text_add(body, span_first(span_from(SPAN("Summarise this: "), 0), skip ? 0 : 16));
        text_add(body, span_from(span_c(sentence), skip));
    }
    text_truncate(body, start + prompt_bytes);
    text_add_c(body, "\"}]}");
}

static void die(const char *why)
{
    (void)fprintf(stderr, "bench_decide: %s\n", why);
    exit(1);
}

struct memory {
    struct sticky *sticky;
    struct guard *guard;
    struct latency latency[3];
};

static void recall(struct memory *m, uint64_t now_us, struct facts *f)
{
    sticky_recall(m->sticky, now_us, f);
    guard_look(m->guard, 0.5, f);
    for (int b = 0; b < 3; b++) {
        latency_predict(&m->latency[b],
                        &(struct latency_question){.now_us = now_us,
                                                   .local = b == 0,
                                                   .new_tokens = f->prompt_tokens,
                                                   .task = f->task,
                                                   .slots = 4,
                                                   .rtt_ms = 40,
                                                   .load = 0.5},
                        &f->backends[b].predicted);
    }
}

/* After the answer; not part of what is measured. */
static void note(struct memory *m, uint64_t now_us, const struct facts *f, const struct decision *d)
{
    bool up = d->backends[0]->tier != TIER_DEVICE;
    sticky_note(
        m->sticky, now_us, f,
        &(struct sticky_turn){.up = up, .by_score = true, .score = d->score, .tokens = 100});
    guard_note(m->guard, now_us, f, d, up);
    latency_note(&m->latency[d->backends[0]->index],
                 &(struct latency_leg){.now_us = now_us,
                                       .ok = true,
                                       .new_tokens = f->prompt_tokens,
                                       .output_tokens = 40,
                                       .ttft_us = 50000 + 100 * f->prompt_tokens,
                                       .total_us = 900000,
                                       .task = f->task,
                                       .rtt_ms = 40,
                                       .load = 0.5});
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double us_at(const uint64_t *sorted_ns, int per_mille)
{
    return (double)sorted_ns[DECISIONS / 1000 * per_mille] / 1000;
}

static void measure(struct router *router, const char *name, size_t prompt_bytes,
                    const char *separator)
{
    static uint64_t took_ns[DECISIONS];
    static uint64_t cpu_ns[DECISIONS];
    struct memory memory = {.sticky = sticky_new(NULL), .guard = guard_new()};
    struct rng rng = {7};
    struct text body;
    text_init(&body, 64 * KIB);
    for (int i = 0; i < DECISIONS; i++) {
        struct arena *arena = arena_new();
        struct request *request = ARENA_NEW(arena, struct request);
        struct facts *facts = ARENA_NEW(arena, struct facts);
        facts->backends = ARENA_ARRAY(arena, struct backend_state, BACKENDS_MAX);
        struct decision *decision = ARENA_NEW(arena, struct decision);
        fill(&body, prompt_bytes, &rng);
        *request = (struct request){.arena = arena,
                                    .model = SPAN("auto"),
                                    .n = 1,
                                    .body_bytes = body.len,
                                    .options = {.max_cost_usd_nano = -1, .quality = -1}};
        if (json_parse_in(arena, text_span(&body), &request->body, NULL)) {
            die("the body does not parse");
        }
        request->messages = json_get(request->body, "messages");
        facts->device = (struct device_facts){
            .battery = -1, .charging = -1, .temperature_c = -1000, .rtt_ms = -1};
        facts->budget_left_usd_nano = -1;
        facts->share_score = facts->share_confidence = -1;
        for (int b = 0; b < 3; b++) {
            facts->backends[b] = (struct backend_state){.usable = true};
        }
        uint64_t now_us = 1000000 * (uint64_t)(i + 1);
        uint64_t cpu_before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        uint64_t before = clock_ns(CLOCK_MONOTONIC);
        router_read_request(request, facts);
        recall(&memory, now_us, facts);
        router_decide(router, facts, decision);
        took_ns[i] = clock_ns(CLOCK_MONOTONIC) - before;
        cpu_ns[i] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_before;
        if (decision->err) {
            die("a decision failed");
        }
        note(&memory, now_us, facts, decision);
        arena_free(arena);
    }
    text_done(&body);
    sticky_free(memory.sticky);
    guard_free(memory.guard);
    qsort(took_ns, DECISIONS, sizeof took_ns[0], compare);
    qsort(cpu_ns, DECISIONS, sizeof cpu_ns[0], compare);
    printf(
        "%s{\"config\":\"%s\",\"prompt_bytes\":%zu,\"decisions\":%d,\"p50_us\":%.2f,\"p99_us\":%.2f,"
        "\"p999_us\":%.2f,\"cpu_p50_us\":%.2f,\"cpu_p99_us\":%.2f}",
        separator, name, prompt_bytes, DECISIONS, us_at(took_ns, 500), us_at(took_ns, 990),
        us_at(took_ns, 999), us_at(cpu_ns, 500), us_at(cpu_ns, 990));
}

/* Heads that have learned: a scorer without labels would leave out the half of its work. */
static struct heads *trained(void)
{
    struct heads *h = NEW(struct heads);
    struct text body;
    struct rng rng = {11};
    heads_init(h);
    text_init(&body, 64 * KIB);
    for (int i = 0; i < 500; i++) {
        const struct facts none = {.turns = 1};
        struct features f;
        fill(&body, 100 + rng_below(&rng, 2000), &rng);
        features_read(text_span(&body), &none, &f);
        heads_learn(h, &f, &(struct label){.device = i % 3 > 0, .cloud = 1, .importance = 1});
    }
    text_done(&body);
    return h;
}

int main(void)
{
    static const size_t sizes[] = {200, 2 * KIB, 8 * KIB};
    struct heads *heads = trained();
    printf("{\"rows\":[");
    for (int with_rules = 0; with_rules < 2; with_rules++) {
        struct config *config = NULL;
        struct router *router = NULL;
        struct text yaml;
        struct text errors;
        text_init(&yaml, 16 * KIB);
        text_init(&errors, 16 * KIB);
        text_add_c(&yaml, backends);
        text_add_c(&yaml, with_rules ? rules : "");
        if (config_parse(text_span(&yaml), "bench.yaml", "/nowhere", &config, &errors) ||
            router_new(config, &scorer_learned, heads, &router, NULL)) {
            die(errors.data ? errors.data : "no router");
        }
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            measure(router, with_rules ? "12 rules" : "no rules", sizes[i],
                    with_rules || i ? "," : "");
        }
        router_free(router);
        config_unref(config);
        text_done(&yaml);
        text_done(&errors);
    }
    printf(
        "],\"bytes\":{\"features_of_a_request\":%zu,\"weights\":%zu,\"heads\":%zu,\"waiting_at_most\":%zu}}\n",
        sizeof(struct features), sizeof heads->weights, sizeof *heads,
        sizeof(struct learning) - sizeof *heads);
    mem_free(heads);
    return 0;
}
