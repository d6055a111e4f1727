/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "router/guard.h"
#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S 1000000ull

struct shape {       /* of a client's traffic */
    double up;       /* share of answers from other tiers */
    double won;      /* share of claiming requests that win by it, of … */
    double claiming; /* … this share of requests */
    double hard;     /* share of long, low scored, reasoning requests */
};

/* `n` requests of such a client; how often an alarm was raised in between. */
static void run(struct guard *g, const char *name, const struct shape *shape, int n, double cap,
                struct rng *r, uint64_t *now, int *out_ups)
{
    struct request request = {.client = name ? span_c(name) : SPAN_NONE};
    static char text[4096];
    for (int i = 0; i < n; i++) {
        bool hard = rng_unit(r) < shape->hard;
        bool claims = rng_unit(r) < shape->claiming;
        struct facts f = {
            .request = &request,
            .task = hard ? TASK_REASON : (enum task)(rng_below(r, 4)),
            .claims = claims ? 2 : 0,
            .last_user = span_of(text, hard ? 2000 + rng_below(r, 1500) : 20 + rng_below(r, 150))};
        guard_look(g, cap, &f);
        bool up = rng_unit(r) < shape->up && !f.guard.capped;
        struct decision d = {.score = (hard ? 0.3 : 0.7) + 0.2 * rng_unit(r),
                             .claims_won = claims && rng_unit(r) < shape->won};
        guard_note(g, *now, &f, &d, up);
        *now += S;
        *out_ups += up;
    }
}

static struct guard_facts look(const struct guard *g, const char *name)
{
    struct request request = {.client = name ? span_c(name) : SPAN_NONE};
    struct facts f = {.request = &request};
    guard_look(g, -1, &f);
    return f.guard;
}

static void steady_traffic_raises_nothing(void **state)
{
    (void)state;
    static const struct shape steady = {.up = 0.3, .won = 0.5, .claiming = 0.2, .hard = 0.25};
    struct guard *g = guard_new();
    struct rng r = {11};
    uint64_t now = S;
    int ups = 0;
    run(g, "ann", &steady, 60000, -1, &r, &now, &ups);
    assert_int_equal(guard_raised(g, GUARD_SHARE), 0);
    assert_int_equal(guard_raised(g, GUARD_DRIFT), 0);
    assert_int_equal(guard_raised(g, GUARD_CLAIMS), 0);
    guard_free(g);
}

static void stuffing_is_noticed_discounted_and_forgiven(void **state)
{
    (void)state;
    static const struct shape honest = {.up = 0.2, .won = 0.5, .claiming = 0.1};
    static const struct shape gamer = {.up = 0.9, .won = 1, .claiming = 1};
    struct guard *g = guard_new();
    struct rng r = {5};
    uint64_t now = S;
    int ups = 0;
    run(g, "mal", &honest, 300, -1, &r, &now, &ups);
    run(g, "ann", &honest, 300, -1, &r, &now, &ups);
    run(g, "mal", &gamer, 3, -1, &r, &now, &ups);
    assert_true(look(g, "mal").discount == 0); /* three are an accident */
    run(g, "mal", &gamer, 8, -1, &r, &now, &ups);
    assert_true(look(g, "mal").discount == 1);
    assert_true(look(g, "mal").alarms & (1u << GUARD_CLAIMS));
    assert_true(look(g, "ann").discount == 0); /* others are not blamed */
    assert_int_equal(guard_raised(g, GUARD_CLAIMS), 1);
    run(g, "mal", &(struct shape){.up = 0.2}, 50, -1, &r, &now, &ups);
    assert_true(look(g, "mal").discount == 0);
    guard_free(g);
}

static void a_change_of_share_is_noticed_soon(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    struct rng r = {3};
    uint64_t now = S;
    int ups = 0;
    run(g, "ann", &(struct shape){.up = 0.2}, 400, -1, &r, &now, &ups);
    assert_int_equal(guard_raised(g, GUARD_SHARE), 0);
    run(g, "ann", &(struct shape){.up = 0.8}, 60, -1, &r, &now, &ups);
    assert_true(look(g, "ann").alarms & (1u << GUARD_SHARE));
    assert_true(look(g, "ann").discount == 0); /* it warns; it does not punish */
    guard_free(g);
}

static void drift_is_seen_and_then_accepted(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    struct rng r = {9};
    uint64_t now = S;
    int ups = 0;
    run(g, "ann", &(struct shape){.hard = 0.1}, 600, -1, &r, &now, &ups);
    assert_int_equal(guard_raised(g, GUARD_DRIFT), 0);
    run(g, "ann", &(struct shape){.hard = 0.8}, GUARD_WINDOW, -1, &r, &now, &ups);
    assert_true(look(g, "ann").alarms & (1u << GUARD_DRIFT));
    run(g, "ann", &(struct shape){.hard = 0.8}, GUARD_WINDOW * (GUARD_ACCEPT + 2), -1, &r, &now,
        &ups);
    assert_false(look(g, "ann").alarms & (1u << GUARD_DRIFT)); /* this is how it is now */
    guard_free(g);
}

static void a_cap_holds_for_its_key_alone(void **state)
{
    (void)state;
    static const struct shape greedy = {.up = 1};
    struct guard *g = guard_new();
    struct rng r = {2};
    uint64_t now = S;
    int ups = 0;
    run(g, "batch", &greedy, 1000, 0.1, &r, &now, &ups);
    assert_in_range(ups, 95, 100 + GUARD_BURST);
    ups = 0;
    run(g, "ann", &greedy, 1000, -1, &r, &now, &ups);
    assert_int_equal(ups, 1000);
    ups = 0;
    run(g, "never", &greedy, 50, 0, &r, &now, &ups);
    assert_int_equal(ups, 0);
    guard_free(g);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    struct rng r = {2};
    uint64_t now = S;
    int ups = 0;
    char name[64];
    for (int i = 0; i < 5 * GUARD_CLIENTS; i++) {
        snprintf(name, sizeof name, "a-very-long-name-of-a-client-which-is-cut-%d", i);
        run(g, name, &(struct shape){.won = 1, .claiming = 1}, 12, -1, &r, &now, &ups);
    }
    struct text out;
    text_init(&out, MIB);
    struct json_out w = json_out(&out);
    guard_write(g, now, &w);
    struct json_doc *doc = NULL;
    assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
    assert_int_equal(json_i64_or(json_get(json_root(doc), "clients"), 0), GUARD_CLIENTS);
    assert_int_equal(json_len(json_get(json_root(doc), "alarms")), GUARD_CLIENTS);
    json_free(doc);
    text_done(&out);
    guard_free(g);
}

/* Cross-checked by hand: p = (.5, .3, .2) against q = (.4, .4, .2). */
static void the_index_is_the_published_one(void **state)
{
    (void)state;
    static const float q[] = {40, 40, 20};
    static const float p[] = {50, 30, 20};
    assert_float_equal(guard_psi(q, p, 3), 0.1 * 0.22314 + 0.1 * 0.28768, 1e-4);
    assert_true(guard_psi(q, q, 3) == 0);
    /* chi-square 0.9999 quantile at 9 degrees: 33.72 */
    assert_float_equal(guard_psi_chance(200, 200, 10), 33.72 / 100, 0.005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_traffic_raises_nothing),
        cmocka_unit_test(stuffing_is_noticed_discounted_and_forgiven),
        cmocka_unit_test(a_change_of_share_is_noticed_soon),
        cmocka_unit_test(drift_is_seen_and_then_accepted),
        cmocka_unit_test(a_cap_holds_for_its_key_alone),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(the_index_is_the_published_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
