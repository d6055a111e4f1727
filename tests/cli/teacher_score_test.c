/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/teacher_score.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_reply_matches_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *answer;
        enum match how;
        bool same;
    } cases[] = {
        /* numeric: the last number of the reply */
        {"She makes 9 * 2 = $18 every day.", "#### 18", MATCH_NUMERIC, true},
        {"The total is 1,200.50 dollars", "$1200.50", MATCH_NUMERIC, true},
        {"It is 18 of 20", "18", MATCH_NUMERIC, false},
        {"7-2", "2", MATCH_NUMERIC, true},
        {"the result: -2.", "-2", MATCH_NUMERIC, true},
        {"no idea", "3", MATCH_NUMERIC, false},
        {"42", "42", MATCH_NUMERIC, true},
        {"**42**.", "42", MATCH_NUMERIC, true},
        {"3.50", "3.5", MATCH_NUMERIC, true},
        {"first #### 5 then #### 7", "#### 5 then #### 7", MATCH_NUMERIC, true},
        {"18 %", "18%", MATCH_NUMERIC, true},
        /* JSON: members in any order, numbers by value */
        {"```json\n{\"b\": 2, \"a\": \"X\"}\n```", "{\"a\":\"x\",\"b\":2.0}", MATCH_JSON, true},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", MATCH_JSON, false},
        {"Sure: [1,2,3]!", "[1,2,3]", MATCH_JSON, true},
        {"[2,1,3]", "[1,2,3]", MATCH_JSON, false},
        {"I cannot", "{\"a\":1}", MATCH_JSON, false},
        {"{\"a\": \"}\"}", "{\"a\":\"}\"}", MATCH_JSON, true},
        {"{\"a\":", "{\"a\":1}", MATCH_JSON, false},
        /* words */
        {"Paris.", "paris", MATCH_EXACT, true},
        {"The answer is: Paris", "Paris", MATCH_EXACT, true},
        {"The answer is New   York!", "new york", MATCH_EXACT, true},
        {"It could be Paris or Rome", "Paris", MATCH_EXACT, false},
        {"(B) because it rains", "B", MATCH_EXACT, true},
        {"B. because it rains", "B", MATCH_EXACT, true},
        {"(b)", "B", MATCH_EXACT, true},
        {"Because", "B", MATCH_EXACT, false},
        {"Answer: C) 12", "C", MATCH_EXACT, true},
        {"", "x", MATCH_EXACT, false},
        {"\xc3\x9c"
         "ber",
         "\xc3\x9c"
         "ber",
         MATCH_EXACT, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span reply = span_c(cases[i].reply);
        struct span answer = span_c(cases[i].answer);
        if (match_of(answer, MATCH_AUTO) != cases[i].how ||
            match_reply(reply, answer, MATCH_AUTO) != cases[i].same) {
            fail_msg("case %zu: \"%s\" for \"%s\"", i, cases[i].reply, cases[i].answer);
        }
    }
    assert_true(match_reply(SPAN("42"), SPAN("42.0"), MATCH_NUMERIC));
    assert_false(match_reply(SPAN("42"), SPAN("42.0"), MATCH_EXACT));
}

static void a_judge_must_say_it_in_both_orders(void **state)
{
    (void)state;
    assert_int_equal(verdict_read(SPAN(" A\n")), 'A');
    assert_int_equal(verdict_read(SPAN("**b**")), 'B');
    assert_int_equal(verdict_read(SPAN("Tie.")), 'T');
    assert_int_equal(verdict_read(SPAN("I think both are fine. Verdict: B")), 'B');
    assert_int_equal(verdict_read(SPAN("Both are fine")), 0);
    assert_int_equal(verdict_read(SPAN("")), 0);
    /* the device is A first, then B */
    assert_true(verdict_score('A', 'B') == 1);
    assert_true(verdict_score('T', 'T') == 1);
    assert_true(verdict_score('B', 'A') == 0);
    assert_true(verdict_score('A', 'A') == 0.5); /* whoever comes first wins: no evidence */
    assert_true(verdict_score('B', 'B') == 0.5);
    assert_true(verdict_score('B', 'T') == 0.5);
    assert_true(verdict_score('B', 0) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_matches_or_not),
        cmocka_unit_test(a_judge_must_say_it_in_both_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
