/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone's day on virtual time. The world is scripted as the override file would be (battery, heat, network, round
 * trip, metered) plus what no file tells: how fast the machine and the provider really are, and whether the link
 * lets anything through. Each request is decided by the real router from the real estimates, then "answered" by the
 * world, and the leg goes back into the estimates and the memory of conversations. What is asserted is who answers
 * when, and the reason that stands on the receipt.
 */
#include "device/device.h"
#include "router/latency.h"
#include "router/router.h"
#include "router/sticky.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S 1000000ull
#define MINUTE (60 * S)

static const char yaml[] =
    "backends:\n"
    "  - { name: device, tier: device, model: nano.gguf }\n"
    "  - { name: cloud, tier: cloud, api: openai, url: \"https://cloud.example/v1\", model: big,\n"
    "      price: { input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 } }\n"
    "policy: { strategy: split }\n"
    "device: { battery_floor: 0.20, temperature_ceiling_c: 85 }\n";

enum { DEVICE, CLOUD };

static const char easy[] = "turn on the lights in the hallway";
static const char hard[] =
    "Explain why the two treaties differ, compare their consequences for trade and argue which of "
    "them was the wiser one, with the evidence for and against each of the four articles.";
static const char middling[] = "Write a poem about the northern cape and its lighthouse";

/* What a scorer would say of them; the rest is short talk. */
static struct score score_by_text(void *self, const struct facts *f)
{
    (void)self;
    double p = span_is(f->last_user, hard) ? 0.4 : span_is(f->last_user, middling) ? 0.58 : 0.9;
    return (struct score){
        .p_device = p, .p_cloud = 1, .learned_device = -1, .learned_cloud = -1, .source = "script"};
}

static void explain_nothing(void *self, const struct facts *f, struct text *out)
{
    (void)self;
    (void)f;
    text_add_c(out, "{}");
}

static const struct scorer_type by_text = {"script", score_by_text, explain_nothing};

struct phone {
    struct config *config;
    struct router *router;
    struct sticky *sticky;
    struct latency latency[2];
    uint64_t now_us;
    const char *script; /* as in the override file */
    double throttled;   /* the device is this much slower than when cool */
    double link_ms;     /* the real round trip */
    bool link_dead;     /* whatever is sent is lost; nobody is told */
};

struct answer {
    int first;      /* who was asked first */
    int by;         /* who answered; -1 = nobody */
    double ttft_ms; /* with what was lost on the way */
    char reason[256];
    enum degraded degraded;
    enum err err;
};

static void phone_on(struct phone *p)
{
    struct text errors;
    struct fault fault = {0};
    text_init(&errors, 16 * KIB);
    *p = (struct phone){.now_us = 7 * 60 * MINUTE, .script = "{}", .throttled = 1, .link_ms = 40};
    assert_int_equal(config_parse(span_c(yaml), "weir.yaml", "/nowhere", &p->config, &errors), OK);
    assert_int_equal(router_new(p->config, &by_text, NULL, &p->router, &fault), OK);
    p->sticky = sticky_new(NULL);
    text_done(&errors);
}

static void phone_off(struct phone *p)
{
    router_free(p->router);
    config_unref(p->config);
    sticky_free(p->sticky);
}

struct wish {
    const char *text;
    int64_t deadline_ms;
    enum mode mode;
    const char *session;
    bool secret; /* it holds what must never leave */
};

static struct facts *gather(struct phone *p, const struct wish *wish, struct arena *arena)
{
    struct request *r = ARENA_NEW(arena, struct request);
    struct facts *f = ARENA_NEW(arena, struct facts);
    struct fault fault = {0};
    struct span body =
        arena_printf(arena, "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", wish->text);
    *r = (struct request){.arena = arena,
                          .model = SPAN("auto"),
                          .n = 1,
                          .body_bytes = body.len,
                          .options = {.mode = wish->mode,
                                      .max_latency_ms = wish->deadline_ms,
                                      .session = wish->session ? span_c(wish->session) : SPAN_NONE,
                                      .max_cost_usd_nano = -1,
                                      .quality = -1}};
    assert_int_equal(json_parse_in(arena, body, &r->body, &fault), OK);
    r->messages = json_get(r->body, "messages");
    f->request = r;
    f->backends = ARENA_ARRAY(arena, struct backend_state, BACKENDS_MAX);
    f->budget_left_usd_nano = -1;
    f->share_score = f->share_confidence = -1;
    router_read_request(r, f);
    f->device = (struct device_facts){
        .battery = -1, .charging = -1, .temperature_c = -1000, .rtt_ms = -1, .load = -1};
    assert_int_equal(device_apply_override(span_c(p->script), &f->device, &fault), OK);
    f->guard.cap = -1;
    if (wish->secret) {
        f->findings[0] = (struct finding_count){.type = "US_SSN", .count = 1, .never_leave = true};
        f->findings_count = 1;
    }
    sticky_recall(p->sticky, p->now_us, f);
    for (int i = DEVICE; i <= CLOUD; i++) {
        bool offline = i == CLOUD && f->device.network == NETWORK_OFFLINE;
        f->backends[i] = (struct backend_state){.usable = !offline, .offline = offline};
        latency_predict(&p->latency[i],
                        &(struct latency_question){.now_us = p->now_us,
                                                   .local = i == DEVICE,
                                                   .new_tokens = f->prompt_tokens,
                                                   .task = f->task,
                                                   .slots = 1,
                                                   .rtt_ms = f->device.rtt_ms,
                                                   .load = -1},
                        &f->backends[i].predicted);
    }
    return f;
}

/* What really happens: time to the first token and to the end; false = lost after two seconds. */
static bool happens(const struct phone *p, int backend, const struct facts *f, double *ttft_us,
                    double *total_us)
{
    double tokens = (double)f->prompt_tokens;
    if (backend == DEVICE) {
        *ttft_us = p->throttled * (30000 + 2500 * tokens);
        *total_us = *ttft_us + p->throttled * 50000 * 30;
        return true;
    }
    *ttft_us = 350000 + 1000 * p->link_ms + 50 * tokens;
    *total_us = *ttft_us + 12000 * 30;
    if (p->link_dead) {
        *total_us = 2e6;
    }
    return !p->link_dead;
}

static struct answer ask(struct phone *p, struct wish wish)
{
    struct arena *arena = arena_new();
    struct facts *f = gather(p, &wish, arena);
    struct decision d;
    struct answer a = {.by = -1, .first = -1};
    router_decide(p->router, f, &d);
    a.err = d.err;
    a.degraded = d.degraded;
    span_to_c(d.reason, a.reason, sizeof a.reason);
    for (int i = 0; d.err == OK && a.by < 0 && i < d.backends_count; i++) {
        int b = d.backends[i]->index;
        double ttft = 0;
        double total = 0;
        bool ok = happens(p, b, f, &ttft, &total);
        a.first = i == 0 ? b : a.first;
        a.by = ok ? b : -1;
        a.ttft_ms += (ok ? ttft : total) / 1000;
        p->now_us += (uint64_t)total;
        latency_note(&p->latency[b], &(struct latency_leg){.now_us = p->now_us,
                                                           .ok = ok,
                                                           .failed = !ok,
                                                           .alone = true,
                                                           .new_tokens = f->prompt_tokens,
                                                           .output_tokens = 31,
                                                           .ttft_us = ok ? (int64_t)ttft : -1,
                                                           .total_us = (int64_t)total,
                                                           .task = f->task,
                                                           .rtt_ms = f->device.rtt_ms,
                                                           .load = -1});
    }
    if (a.by >= 0) {
        sticky_note(p->sticky, p->now_us, f,
                    &(struct sticky_turn){.up = a.by == CLOUD,
                                          .easy = d.easy,
                                          .by_score = d.by_score,
                                          .score = d.score,
                                          .tokens = 100});
    }
    p->now_us += 20 * S;
    arena_free(arena);
    return a;
}

#define ASK(p, ...) ask((p), (struct wish){__VA_ARGS__})

static void assert_answer(const struct answer *a, int first, int by, const char *reason, int line)
{
    if (a->first != first || a->by != by || !strstr(a->reason, reason)) {
        fail_msg("line %d: first %d by %d, because \"%s\"; wanted %d, %d, \"%s\"", line, a->first,
                 a->by, a->reason, first, by, reason);
    }
}
#define EXPECT(a, first, by, reason) assert_answer(&(a), (first), (by), (reason), __LINE__)

/* Some ordinary traffic, so that there is something to estimate from. */
static void morning(struct phone *p)
{
    p->script = "{\"battery\":0.93,\"temperature_c\":31,\"network\":\"ok\",\"rtt_ms\":40}";
    for (int i = 0; i < 15; i++) {
        struct answer a = ASK(p, .text = easy);
        EXPECT(a, DEVICE, DEVICE, "at least");
        a = ASK(p, .text = hard);
        EXPECT(a, CLOUD, CLOUD, "below");
    }
}

static void a_phones_day(void **state)
{
    (void)state;
    struct phone p;
    struct answer a;
    phone_on(&p);

    /* 07:00 at home */
    morning(&p);

    /* 08:00 a weak cell: slow, but it works. Who is in no hurry gets the better model, who is gets the device. */
    p.script = "{\"battery\":0.88,\"temperature_c\":35,\"network\":\"ok\",\"rtt_ms\":1900}";
    p.link_ms = 1900;
    a = ASK(&p, .text = hard, .deadline_ms = 1500);
    EXPECT(a, DEVICE, DEVICE, "deadline 1.50 s");
    assert_true(a.ttft_ms < 1500);
    a = ASK(&p, .text = hard);
    EXPECT(a, CLOUD, CLOUD, "below");

    /* 08:20 a tunnel: nothing comes through and nobody says so. After a few lost tries the device goes first. */
    p.link_dead = true;
    int lost = 0;
    for (int i = 0; i < 8; i++) {
        a = ASK(&p, .text = hard);
        assert_int_equal(a.by, DEVICE); /* always answered */
        lost += a.first == CLOUD;
        if (a.first == DEVICE) {
            EXPECT(a, DEVICE, DEVICE, "hardly works");
        }
    }
    assert_in_range(lost, 2, 5); /* two to notice, then one a minute to see whether it is over */
    /* out of it again: the failures fade */
    p.link_dead = false;
    p.link_ms = 40;
    p.script = "{\"battery\":0.80,\"temperature_c\":35,\"network\":\"ok\",\"rtt_ms\":40}";
    p.now_us += 2 * MINUTE;
    a = ASK(&p, .text = hard);
    EXPECT(a, CLOUD, CLOUD, "below");

    /* 09:00 on a plane */
    p.script = "{\"battery\":0.75,\"network\":\"offline\"}";
    a = ASK(&p, .text = hard);
    EXPECT(a, DEVICE, DEVICE, "offline");
    assert_int_equal(a.degraded, DEGRADED_OFFLINE);
    a = ASK(&p, .text = hard, .mode = MODE_ONLY_IN_CLOUD);
    assert_int_equal(a.by, -1);
    assert_int_equal(a.err, ERR_NO_BACKEND);

    /* 12:00 roaming: what is on the edge stays here, what is hard may still go */
    p.script = "{\"battery\":0.60,\"network\":\"ok\",\"rtt_ms\":60}";
    a = ASK(&p, .text = middling);
    EXPECT(a, CLOUD, CLOUD, "below");
    p.now_us += 61 * MINUTE; /* so that the question before is forgotten */
    p.script = "{\"battery\":0.60,\"network\":\"ok\",\"rtt_ms\":60,\"metered\":true}";
    a = ASK(&p, .text = middling);
    EXPECT(a, DEVICE, DEVICE, "metered link");
    a = ASK(&p, .text = hard);
    EXPECT(a, CLOUD, CLOUD, "below");

    /* 14:00 on the dashboard, in the sun */
    p.script = "{\"battery\":0.55,\"temperature_c\":91,\"network\":\"ok\",\"rtt_ms\":40}";
    a = ASK(&p, .text = easy);
    EXPECT(a, CLOUD, CLOUD, "over the ceiling");

    /* 15:00 no sensor tells, but it writes at a third of its usual rate */
    p.script = "{\"battery\":0.50,\"temperature_c\":45,\"network\":\"ok\",\"rtt_ms\":40}";
    p.throttled = 3;
    int slow = 0;
    for (int i = 0; i < 6; i++) {
        a = ASK(&p, .text = easy);
        slow += a.by == DEVICE;
    }
    assert_in_range(slow, 1, 4);
    EXPECT(a, CLOUD, CLOUD, "of its usual rate");
    a = ASK(&p, .text = easy, .mode = MODE_ONLY_ON_DEVICE);
    EXPECT(a, DEVICE, DEVICE, "only_on_device");
    p.throttled = 1; /* cool again: answers that had to stay here show it */
    for (int i = 0; i < 5; i++) {
        a = ASK(&p, .text = easy, .mode = MODE_ONLY_ON_DEVICE);
    }
    a = ASK(&p, .text = easy);
    EXPECT(a, DEVICE, DEVICE, "at least");

    /* 18:00 another app takes the memory */
    p.script = "{\"battery\":0.40,\"network\":\"ok\",\"rtt_ms\":40,\"memory_pressure\":0.4}";
    a = ASK(&p, .text = easy);
    EXPECT(a, CLOUD, CLOUD, "short of memory");

    /* 21:00 nearly empty: the cloud saves what is left; what must stay stays */
    p.script = "{\"battery\":0.12,\"charging\":false,\"network\":\"ok\",\"rtt_ms\":40}";
    a = ASK(&p, .text = easy);
    EXPECT(a, CLOUD, CLOUD, "under the floor");
    assert_int_equal(a.degraded, DEGRADED_NO);
    a = ASK(&p, .text = easy, .secret = true);
    EXPECT(a, DEVICE, DEVICE, "never_leave");
    a = ASK(&p, .text = easy, .mode = MODE_ONLY_ON_DEVICE);
    EXPECT(a, DEVICE, DEVICE, "only_on_device");
    p.script = "{\"battery\":0.14,\"charging\":true,\"network\":\"ok\",\"rtt_ms\":40}";
    a = ASK(&p, .text = easy);
    EXPECT(a, DEVICE, DEVICE, "at least");
    phone_off(&p);
}

/* A deadline that neither keeps: the faster one. One that both keep: as ever. */
static void deadlines_pick_who_is_in_time(void **state)
{
    (void)state;
    struct phone p;
    phone_on(&p);
    morning(&p);
    struct answer a = ASK(&p, .text = hard, .deadline_ms = 10000);
    EXPECT(a, CLOUD, CLOUD, "below");
    a = ASK(&p, .text = easy, .deadline_ms = 300);
    EXPECT(a, DEVICE, DEVICE, ""); /* about 60 ms */
    a = ASK(&p, .text = hard, .deadline_ms = 1);
    EXPECT(a, DEVICE, DEVICE, "deadline 0.00 s");
    p.throttled = 12;
    for (int i = 0; i < 12; i++) {
        (void)ASK(&p, .text = easy, .mode = MODE_ONLY_ON_DEVICE);
    }
    a = ASK(&p, .text = easy, .deadline_ms = 600);
    EXPECT(a, CLOUD, CLOUD, "deadline 0.60 s");
    phone_off(&p);
}

/* Nothing known: a deadline changes nothing. */
static void unknown_is_not_punished(void **state)
{
    (void)state;
    struct phone p;
    phone_on(&p);
    struct answer a = ASK(&p, .text = easy, .deadline_ms = 50);
    EXPECT(a, DEVICE, DEVICE, "at least");
    phone_off(&p);
}

/* One conversation: up at once, down with evidence, never in between for one short question. */
static void a_conversation_is_not_tossed_about(void **state)
{
    (void)state;
    struct phone p;
    phone_on(&p);
    morning(&p);
    struct answer a = ASK(&p, .text = easy, .session = "s");
    EXPECT(a, DEVICE, DEVICE, "at least");
    a = ASK(&p, .text = hard, .session = "s");
    EXPECT(a, CLOUD, CLOUD, "below");
    a = ASK(&p, .text = "and so", .session = "s"); /* says nothing of the topic */
    EXPECT(a, CLOUD, CLOUD, "stays where it is");
    a = ASK(&p, .text = "and then", .session = "s"); /* the second in a row */
    EXPECT(a, DEVICE, DEVICE, "at least");
    phone_off(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phones_day),
        cmocka_unit_test(deadlines_pick_who_is_in_time),
        cmocka_unit_test(unknown_is_not_punished),
        cmocka_unit_test(a_conversation_is_not_tossed_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
