/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "router/router.h"
#include "router/sticky.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define S 1000000ull

struct talk {
    struct arena *arena;
    struct request *request;
    struct facts facts;
};

/* One request, with messages given as the inside of a JSON array. */
static void talk_open(struct talk *t, const char *client, const char *session, const char *messages)
{
    t->arena = arena_new();
    t->request = ARENA_NEW(t->arena, struct request);
    t->request->arena = t->arena;
    t->request->client = client ? span_c(client) : SPAN_NONE;
    t->request->options.session = session ? span_c(session) : SPAN_NONE;
    struct span body = arena_printf(t->arena, "{\"messages\":[%s]}", messages);
    assert_int_equal(json_parse_in(t->arena, body, &t->request->body, NULL), OK);
    t->request->messages = json_get(t->request->body, "messages");
    t->facts = (struct facts){.request = t->request};
    router_read_request(t->request, &t->facts);
}

static struct session_facts recall(const struct sticky *s, uint64_t now, const char *client,
                                   const char *session, const char *messages)
{
    struct talk t;
    talk_open(&t, client, session, messages);
    sticky_recall(s, now, &t.facts);
    struct session_facts out = t.facts.session;
    arena_free(t.arena);
    return out;
}

static void answer(struct sticky *s, uint64_t now, const char *client, const char *session,
                   const char *messages, struct sticky_turn turn)
{
    struct talk t;
    talk_open(&t, client, session, messages);
    sticky_recall(s, now, &t.facts);
    sticky_note(s, now, &t.facts, &turn);
    arena_free(t.arena);
}

#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define BOT(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define TOOL(text) "{\"role\":\"tool\",\"content\":\"" text "\"}"
#define BOATS "Which harbour cranes lift fishing boats from shallow muddy channels"

static void a_conversation_is_found_again(void **state)
{
    (void)state;
    struct sticky *s = sticky_new(NULL);
    const char *later =
        USER(BOATS) "," BOT("Tall ones") "," USER("and smaller harbour cranes for fishing boats");
    assert_false(recall(s, S, "ann", NULL, later).known);
    answer(s, S, "ann", NULL, USER(BOATS), (struct sticky_turn){.up = true, .tokens = 900});
    struct session_facts f = recall(s, 2 * S, "ann", NULL, later);
    assert_true(f.known && f.up);
    assert_int_equal(f.cached_tokens, 900);
    assert_true(f.similarity > 0);
    assert_false(recall(s, 2 * S, "bob", NULL, later).known);                  /* another key */
    assert_int_equal(recall(s, 400 * S, "ann", NULL, later).cached_tokens, 0); /* gone cold */
    assert_false(recall(s, 3700 * S, "ann", NULL, later).known);               /* an hour is all */
    /* a first turn is a new conversation, though another began with the same words */
    assert_false(recall(s, 2 * S, "ann", NULL, USER(BOATS)).known);
    sticky_free(s);
}

static void a_session_header_names_it(void **state)
{
    (void)state;
    struct sticky *s = sticky_new(NULL);
    answer(s, S, NULL, "s1", USER("hi"), (struct sticky_turn){.up = true});
    assert_true(recall(s, 2 * S, NULL, "s1", USER("something else")).known);
    assert_false(recall(s, 2 * S, NULL, "s2", USER("hi")).known);
    sticky_free(s);
}

static void up_is_easy_and_down_needs_evidence(void **state)
{
    (void)state;
    struct session_facts f = {.known = true, .similarity = 0.4, .spread = 0.3};
    assert_true(sticky_margin(&f) == 0); /* on the device: nothing holds it there */
    f.up = true;
    assert_true(isinf(sticky_margin(&f)));
    f.easy_turns = 1;
    double small = sticky_margin(&f);
    assert_true(small > 0.05 && small < 0.2);
    f.cached_tokens = 8000;
    assert_true(sticky_margin(&f) > small + 0.05);
    f.mid_turn = true;
    assert_true(isinf(sticky_margin(&f)));
}

static void a_new_topic_needs_no_second_turn(void **state)
{
    (void)state;
    struct session_facts f = {
        .known = true, .up = true, .other_task = true, .similarity = 0, .spread = 0.3};
    double margin = sticky_margin(&f);
    assert_true(margin > 0.05 && margin < 0.2);
    f.cached_tokens = 8000;
    assert_true(sticky_margin(&f) > margin + 0.05); /* what is warm counts too */
    f.similarity = -1; /* too few words to tell: it is the same topic */
    assert_true(isinf(sticky_margin(&f)));
}

static void easy_turns_are_counted_in_a_row(void **state)
{
    (void)state;
    struct sticky *s = sticky_new(NULL);
    const char *turn = USER(BOATS);
    struct sticky_turn easy = {.up = true, .easy = true};
    struct sticky_turn hard = {.up = true};
    answer(s, 1 * S, NULL, "x", turn, hard);
    assert_int_equal(recall(s, 2 * S, NULL, "x", turn).easy_turns, 0);
    answer(s, 2 * S, NULL, "x", turn, easy);
    answer(s, 3 * S, NULL, "x", turn, easy);
    assert_int_equal(recall(s, 4 * S, NULL, "x", turn).easy_turns, 2);
    answer(s, 4 * S, NULL, "x", turn, hard);
    assert_int_equal(recall(s, 5 * S, NULL, "x", turn).easy_turns, 0);
    sticky_free(s);
}

static void tool_results_hold_the_turn(void **state)
{
    (void)state;
    struct sticky *s = sticky_new(NULL);
    assert_true(recall(s, S, NULL, NULL, USER("hi") "," BOT("") "," TOOL("12")).mid_turn);
    assert_false(recall(s, S, NULL, NULL, USER("hi") "," BOT("")).mid_turn);
    sticky_free(s);
}

static void questions_alike_go_the_same_way(void **state)
{
    (void)state;
    struct sticky *s = sticky_new(NULL);
    answer(s, S, "ann", NULL, USER(BOATS), (struct sticky_turn){.up = true, .by_score = true});
    struct session_facts f = recall(s, 2 * S, "ann", NULL, USER(BOATS ", please tell"));
    assert_true(f.repeats && f.up && !f.known);
    assert_true(sticky_margin(&f) > 0 && sticky_margin(&f) < 0.2);
    assert_false(recall(s, 2 * S, "bob", NULL, USER(BOATS)).repeats);
    assert_false(recall(s, 2 * S, "ann", NULL,
                        USER("Explain photosynthesis during winter months "
                             "inside greenhouses"))
                     .repeats);
    answer(s, 3 * S, "ann", NULL, USER(BOATS), (struct sticky_turn){.up = false, .by_score = true});
    answer(s, 3 * S + 1, "ann", NULL, USER(BOATS),
           (struct sticky_turn){.up = true}); /* a rule's choice */
    f = recall(s, 4 * S, "ann", NULL, USER(BOATS));
    assert_true(f.repeats && !f.up && sticky_margin(&f) < 0); /* the last word counts */
    sticky_free(s);
}

static struct sketch sketch_of(const char *text)
{
    struct talk t;
    talk_open(&t, NULL, NULL, text);
    struct sketch k = t.facts.sketch;
    arena_free(t.arena);
    return k;
}

static void likeness_is_the_share_of_words(void **state)
{
    (void)state;
    struct sketch a = sketch_of(USER(BOATS));
    struct sketch b =
        sketch_of(USER("Explain photosynthesis during winter months inside greenhouses"));
    struct sketch few = sketch_of(USER("and the why"));
    assert_true(sketch_similarity(&a, &a) == 1);
    assert_true(sketch_similarity(&a, &b) < 0.2);
    assert_true(sketch_similarity(&a, &few) == -1);
}

/* The table is bounded, the oldest goes, and an entry that is half written is not found. */
static void memory_is_bounded_and_torn_entries_are_skipped(void **state)
{
    (void)state;
    uint64_t *memory = aligned_alloc(64, STICKY_BYTES);
    memset(memory, 0, STICKY_BYTES);
    struct sticky *one = sticky_new(memory);
    struct sticky *two = sticky_new(memory); /* another worker on the same mapping */
    char name[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "session-%d", i);
        answer(one, S + (uint64_t)i, NULL, name, USER("hi"), (struct sticky_turn){.up = true});
    }
    assert_true(recall(two, 2 * S, NULL, "session-19999", USER("hi")).known);
    assert_false(recall(two, 2 * S, NULL, "session-3", USER("hi")).known);
    int kept = 0;
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "session-%d", i);
        kept += recall(two, 2 * S, NULL, name, USER("hi")).known;
    }
    assert_in_range(kept, 3000, 4096);
    struct rng r = {1};
    for (size_t i = 0; i < STICKY_BYTES / 8; i += 8) {
        memory[i + 1 + rng_below(&r, 7)] ^= 1ull << rng_below(&r, 64);
    }
    for (int i = 19000; i < 20000; i++) {
        snprintf(name, sizeof name, "session-%d", i);
        assert_false(recall(two, 2 * S, NULL, name, USER("hi")).known);
    }
    sticky_free(one);
    sticky_free(two);
    free(memory); /* check-allow: aligned_alloc */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_found_again),
        cmocka_unit_test(a_session_header_names_it),
        cmocka_unit_test(up_is_easy_and_down_needs_evidence),
        cmocka_unit_test(a_new_topic_needs_no_second_turn),
        cmocka_unit_test(easy_turns_are_counted_in_a_row),
        cmocka_unit_test(tool_results_hold_the_turn),
        cmocka_unit_test(questions_alike_go_the_same_way),
        cmocka_unit_test(likeness_is_the_share_of_words),
        cmocka_unit_test(memory_is_bounded_and_torn_entries_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
