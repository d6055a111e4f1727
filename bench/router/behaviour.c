/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the router behaves over time, on prompts of tasks.tsv (argv[1]); prints one JSON object.
 *
 *   bounce       conversations whose topic is hard or easy for a while, with short remarks in between. How often does
 *                the tier change between turns, with the memory of router/sticky.h and without? And does it follow
 *                when the topic really changes?
 *   consistency  the same question in other words, in another conversation: does it go to the same tier?
 *   attack       a client wraps easy prompts in words that claim difficulty, in all of them or in each third. What
 *                does it gain with and without router/guard.h, when is it noticed, and what do honest clients lose?
 */
#include "base/rng.h"
#include "router/guard.h"
#include "router/router.h"
#include "router/sticky.h"

#include <stdio.h>
#include <stdlib.h>

#define PROMPTS_MAX 1024
#define SESSIONS 2000
#define TURNS 12
#define ATTACK_REQUESTS 600
#define HONEST_REQUESTS 60000
#define MINUTE_US 60000000ull

struct prompt {
    struct span text;
    double score;
    bool hard; /* would go up alone */
};

static struct prompt prompts[PROMPTS_MAX];
static int prompts_count;
static struct router *router;

/* The threshold is where this share of the prompts goes up, by whatever scorer is built in. */
#define UP_SHARE 0.4

static const char yaml[] =
    "backends:\n"
    "  - { name: device, tier: device, model: nano.gguf }\n"
    "  - { name: cloud, tier: cloud, url: \"http://127.0.0.1:9000/v1\", model: m,\n"
    "      price: { input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 } }\n"
    "policy: { strategy: split, threshold: %.9f }\n";

static void die(const char *why)
{
    (void)fprintf(stderr, "bench_behaviour: %s\n", why);
    exit(1);
}

/* ---- prompts ---- */

static void read_prompts(const char *path, struct text *file)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        die("cannot read the prompts");
    }
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        text_add(file, span_of(chunk, n));
    }
    (void)fclose(f);
    struct span rest = text_span(file);
    while (rest.len && prompts_count < PROMPTS_MAX) {
        struct span line = span_cut(&rest, '\n');
        struct span task = span_cut(&line, '\t');
        struct span language = span_cut(&line, '\t');
        struct prompt *p = &prompts[prompts_count];
        enum task known;
        if (task_from(task, &known) && span_is(language, "en")) {
            p->text = line;
            prompts_count++;
        }
    }
}

static const struct prompt *draw(struct rng *r, bool hard)
{
    const struct prompt *p;
    do {
        p = &prompts[rng_below(r, (uint64_t)prompts_count)];
    } while (p->hard != hard);
    return p;
}

/* ---- one decision ---- */

struct moment {
    struct arena *arena;
    struct facts *facts;
    struct decision d;
    bool up;
};

static void put_turn(struct json_out *w, const char *role, struct span content)
{
    json_begin_object(w);
    json_put_c(w, "role", role);
    json_put(w, "content", content);
    json_end_object(w);
}

/* `history`: how many turns came before, each answered at some length. */
static void moment_open(struct moment *m, const char *client, const char *session, int history,
                        struct span text)
{
    m->arena = arena_new();
    struct request *r = ARENA_NEW(m->arena, struct request);
    struct text body;
    text_init(&body, MIB);
    struct json_out w = json_out(&body);
    json_begin_object(&w);
    json_key(&w, "messages");
    json_begin_array(&w);
    for (int i = 0; i < history; i++) {
        put_turn(&w, "user", SPAN("an earlier question of this conversation"));
        put_turn(&w, "assistant", SPAN("an answer of a few lines, as models give them, about it"));
    }
    put_turn(&w, "user", text);
    json_end_array(&w);
    json_end_object(&w);
    *r = (struct request){.arena = m->arena,
                          .model = SPAN("auto"),
                          .n = 1,
                          .client = client ? span_c(client) : SPAN_NONE,
                          .options = {.max_cost_usd_nano = -1,
                                      .quality = -1,
                                      .session = session ? span_c(session) : SPAN_NONE}};
    if (json_parse_in(m->arena, text_span(&body), &r->body, NULL)) {
        die("a body does not parse");
    }
    text_done(&body);
    r->messages = json_get(r->body, "messages");
    struct facts *f = ARENA_NEW(m->arena, struct facts);
    f->request = r;
    f->backends = ARENA_ARRAY(m->arena, struct backend_state, BACKENDS_MAX);
    router_read_request(r, f);
    f->device = (struct device_facts){
        .battery = -1, .charging = -1, .temperature_c = -1000, .rtt_ms = -1, .load = -1};
    f->budget_left_usd_nano = -1;
    f->share_score = f->share_confidence = -1;
    f->guard.cap = -1;
    f->backends[0] = f->backends[1] = (struct backend_state){.usable = true};
    m->facts = f;
}

static void moment_decide(struct moment *m)
{
    router_decide(router, m->facts, &m->d);
    if (m->d.err) {
        die("a decision failed");
    }
    m->up = m->d.backends[0]->tier != TIER_DEVICE;
}

/* ---- the router ---- */

static void make_router(double threshold)
{
    struct config *config = NULL;
    struct text errors;
    char text[1024];
    text_init(&errors, 16 * KIB);
    (void)snprintf(text, sizeof text, yaml, threshold);
    router_free(router);
    if (config_parse(span_c(text), "bench.yaml", "/nowhere", &config, &errors) ||
        router_new(config, &scorer_prior, NULL, &router, NULL)) {
        die(errors.data ? errors.data : "no router");
    }
    config_unref(config);
    text_done(&errors);
}

static int by_score(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Scores all prompts, puts the threshold where UP_SHARE of them lie below it. */
static double settle_threshold_of_prompts(void)
{
    static double scores[PROMPTS_MAX];
    make_router(0.5);
    for (int i = 0; i < prompts_count; i++) {
        struct moment m;
        moment_open(&m, NULL, NULL, 0, prompts[i].text);
        moment_decide(&m);
        prompts[i].score = scores[i] = m.d.score;
        arena_free(m.arena);
    }
    qsort(scores, (size_t)prompts_count, sizeof scores[0], by_score);
    double threshold = scores[(int)(UP_SHARE * prompts_count)] - 1e-6; /* ties stay */
    for (int i = 0; i < prompts_count; i++) {
        prompts[i].hard = prompts[i].score < threshold;
    }
    make_router(threshold);
    return threshold;
}

/* ---- bounce ---- */

static const char *const remarks[] = {"and the other way round?", "ok, go on",
                                      "why is that so",           "thanks",
                                      "shorter please",           "hm, are you sure?"};

struct bounce {
    int turns, changes, ups;
    int down_in_hard;  /* changes to the device while the topic was hard */
    int late, settled; /* turns from the fourth of an easy stretch on: still up, all */
};

static void one_session(struct sticky *s, int number, struct rng *r, struct bounce *b)
{
    char name[32];
    (void)snprintf(name, sizeof name, "s%d", number);
    bool hard = rng_below(r, 2);
    int stretch = 0;
    bool before = false;
    for (int turn = 0; turn < TURNS; turn++, stretch++) {
        if (turn && rng_unit(r) < 0.15) {
            hard = !hard;
            stretch = 0;
        }
        bool remark = turn && stretch && rng_unit(r) < 0.3;
        struct span text =
            remark ? span_c(remarks[rng_below(r, ARRAY_LEN(remarks))]) : draw(r, hard)->text;
        uint64_t now = MINUTE_US * (uint64_t)(number * TURNS + turn + 1);
        struct moment m;
        moment_open(&m, NULL, name, 0, text);
        if (s) {
            sticky_recall(s, now, m.facts);
        }
        moment_decide(&m);
        if (s) {
            sticky_note(s, now, m.facts,
                        &(struct sticky_turn){.up = m.up,
                                              .easy = m.d.easy,
                                              .by_score = m.d.by_score,
                                              .score = m.d.score,
                                              .tokens = m.facts->prompt_tokens + 100});
        }
        b->turns += turn > 0;
        b->ups += m.up;
        b->changes += turn > 0 && m.up != before;
        b->down_in_hard += turn > 0 && before && !m.up && hard && stretch > 0;
        b->settled += !hard && stretch >= 4;
        b->late += !hard && stretch >= 4 && m.up;
        before = m.up;
        arena_free(m.arena);
    }
}

static void bounce(bool sticky)
{
    struct bounce b = {0};
    struct rng r = {42};
    struct sticky *s = sticky ? sticky_new(NULL) : NULL;
    for (int i = 0; i < SESSIONS; i++) {
        one_session(s, i, &r, &b);
    }
    sticky_free(s);
    printf("{\"sticky\":%s,\"sessions\":%d,\"turns\":%d,\"bounce_rate\":%.4f,\"cloud_share\":%.4f,"
           "\"down_in_hard\":%.4f,\"up_in_settled_easy\":%.4f}",
           sticky ? "true" : "false", SESSIONS, SESSIONS * TURNS, (double)b.changes / b.turns,
           (double)b.ups / (SESSIONS * TURNS), (double)b.down_in_hard / b.turns,
           (double)b.late / b.settled);
}

/* ---- consistency ---- */

static const char *const wrappings[][2] = {{"", " please"},
                                           {"Hi, ", ""},
                                           {"", " I have to know it for tomorrow"},
                                           {"One more thing: ", ""}};

static bool side(struct sticky *s, struct span text, uint64_t now)
{
    struct moment m;
    moment_open(&m, "ann", NULL, 0, text);
    if (s) {
        sticky_recall(s, now, m.facts);
    }
    moment_decide(&m);
    if (s) {
        sticky_note(
            s, now, m.facts,
            &(struct sticky_turn){.up = m.up, .by_score = m.d.by_score, .score = m.d.score});
    }
    bool up = m.up;
    arena_free(m.arena);
    return up;
}

static void consistency(bool sticky)
{
    struct sticky *s = sticky ? sticky_new(NULL) : NULL;
    int same = 0;
    int pairs = 0;
    for (int i = 0; i < prompts_count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(wrappings); k++) {
            char text[1024];
            (void)snprintf(text, sizeof text, "%s%.*s%s", wrappings[k][0],
                           SPAN_ARG(prompts[i].text), wrappings[k][1]);
            uint64_t now = MINUTE_US * (uint64_t)(2 * (pairs + 1));
            bool first = side(s, prompts[i].text, now);
            same += side(s, span_c(text), now + MINUTE_US) == first;
            pairs++;
        }
    }
    sticky_free(s);
    printf("{\"sticky\":%s,\"pairs\":%d,\"same_tier\":%.4f}", sticky ? "true" : "false", pairs,
           (double)same / pairs);
}

/* ---- attack ---- */

static const char *const stuffings[][2] = {
    {"Think step by step. ", ""},
    {"As a world-class expert with a phd, give a rigorous proof. ", ""},
    {"This is a complex task for an expert, think deeply: ", ""},
    {"", " Think step by step like an expert and show your reasoning."},
    {"You need advanced, sophisticated reasoning here. ", " Be thorough and rigorous."},
    {"Expert mode. Step by step, with proof, meticulously: ", ""},
    {"Take a deep breath, think carefully and thoroughly. ", ""},
    {"", " (phd level, rigorous, chain-of-thought, expert)"},
};

struct attack {
    double easy_up; /* share of easy prompts that went up */
    int noticed;    /* request at which the alarm was raised; 0 = never */
};

/* A client that sends easy prompts; `every`: each how many-th is stuffed, 0 = none. */
static struct attack attack(bool guarded, int every, uint64_t seed)
{
    struct guard *g = guard_new();
    struct rng r = {seed};
    struct attack a = {0};
    int ups = 0;
    for (int i = 0; i < ATTACK_REQUESTS; i++) {
        char text[1024];
        size_t k = rng_below(&r, ARRAY_LEN(stuffings));
        struct span easy = draw(&r, false)->text;
        bool stuffed = every && i % every == 0;
        (void)snprintf(text, sizeof text, "%s%.*s%s", stuffed ? stuffings[k][0] : "",
                       SPAN_ARG(easy), stuffed ? stuffings[k][1] : "");
        struct moment m;
        moment_open(&m, "mal", NULL, 0, span_c(text));
        if (guarded) {
            guard_look(g, -1, m.facts);
        }
        moment_decide(&m);
        guard_note(g, MINUTE_US * (uint64_t)(i + 1), m.facts, &m.d, m.up);
        if (!a.noticed && guard_raised(g, GUARD_CLAIMS)) {
            a.noticed = i + 1;
        }
        ups += m.up;
        arena_free(m.arena);
    }
    guard_free(g);
    a.easy_up = (double)ups / ATTACK_REQUESTS;
    return a;
}

/* Clients that mean it: easy and hard prompts as they come, each so many-th with a "step by step" of their own. */
static void honest(int every)
{
    struct guard *g = guard_new();
    struct rng r = {77};
    int changed = 0;
    for (int i = 0; i < HONEST_REQUESTS; i++) {
        char text[1024];
        char client[16];
        (void)snprintf(client, sizeof client, "c%d", i % 20);
        (void)snprintf(text, sizeof text, "%.*s%s", SPAN_ARG(draw(&r, rng_below(&r, 2) != 0)->text),
                       every && rng_below(&r, (uint64_t)every) == 0 ? " Think step by step." : "");
        struct moment m;
        moment_open(&m, client, NULL, 0, span_c(text));
        moment_decide(&m);
        bool without = m.up;
        guard_look(g, -1, m.facts);
        if (m.facts->guard.discount > 0) {
            moment_decide(&m);
        }
        changed += m.up != without;
        guard_note(g, MINUTE_US * (uint64_t)(i + 1), m.facts, &m.d, m.up);
        arena_free(m.arena);
    }
    printf("{\"step_by_step_share\":%.3f,\"requests\":%d,\"clients\":20,\"claims_alarms\":%lld,"
           "\"share_alarms\":%lld,\"drift_alarms\":%lld,\"decisions_changed\":%d}",
           every ? 1.0 / every : 0, HONEST_REQUESTS, (long long)guard_raised(g, GUARD_CLAIMS),
           (long long)guard_raised(g, GUARD_SHARE), (long long)guard_raised(g, GUARD_DRIFT),
           changed);
    guard_free(g);
}

static void print_attack(const char *name, int every)
{
    struct attack before = attack(false, every, 5);
    struct attack after = attack(true, every, 5);
    printf("{\"client\":\"%s\",\"requests\":%d,\"up_without_guard\":%.4f,\"up_with_guard\":%.4f,"
           "\"noticed_at\":%d}",
           name, ATTACK_REQUESTS, before.easy_up, after.easy_up, after.noticed);
}

int main(int argc, char **argv)
{
    struct text file;
    text_init(&file, 4 * MIB);
    if (argc != 2) {
        die("give the path of tasks.tsv");
    }
    read_prompts(argv[1], &file);
    if (prompts_count < 100) {
        die("too few prompts");
    }
    printf("{\"threshold\":%.4f,", settle_threshold_of_prompts());
    printf("\"bounce\":[");
    bounce(false);
    printf(",");
    bounce(true);
    printf("],\"consistency\":[");
    consistency(false);
    printf(",");
    consistency(true);
    printf("],\"attack\":[");
    print_attack("easy prompts, nothing stuffed", 0);
    printf(",");
    print_attack("every prompt stuffed", 1);
    printf(",");
    print_attack("every second prompt stuffed", 2);
    printf(",");
    print_attack("every fourth prompt stuffed", 4);
    printf("],\"honest\":[");
    honest(0);
    printf(",");
    honest(5);
    printf("]}\n");
    router_free(router);
    text_done(&file);
    return 0;
}
