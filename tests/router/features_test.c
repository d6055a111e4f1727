/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each marker: a text that has it, and one that is like it and has less of it. */
#include "router/features.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void read_with(const char *text, const struct facts *f, struct features *out)
{
    features_read(span_c(text), f, out);
}

static void each_marker_sees_its_own(void **state)
{
    (void)state;
    static const struct {
        enum marker marker;
        const char *with;
        int value;
        const char *without;
    } rows[] = {
        {MARKER_LENGTH, "1234567", 12, ""}, /* 4 · log2(1 + 7) */
        {MARKER_WORDS, "a bb ccc", 8, ""},
        {MARKER_LINES, "a\nb\nc\nd", 8, "a b c d"},
        {MARKER_SENTENCES, "One. Two! Three?", 8, "v1.2 has no end"},
        {MARKER_SENTENCE_WORDS, "a b c. d e f.", 8, "a. b."},
        {MARKER_WORD_LETTERS, "four five", 4, "a b"},
        {MARKER_LONG_WORDS, "nevertheless yes", 8, "no yes"},
        {MARKER_CAPITALS, "Ann met Bob today", 8, "we met"},
        {MARKER_ACRONYMS, "NASA and ESA", 2, "Nasa and A"},
        {MARKER_NON_ASCII, "\xc3\xa4\xc3\xb6\xc3\xbc", 16, "aou"},
        {MARKER_NUMBERS, "1, 22 and 333", 8, "one"},
        {MARKER_LONG_NUMBERS, "1999 or 12", 1, "12"},
        {MARKER_DECIMALS, "3.14 or 1,000", 2, "3. Then"},
        {MARKER_NUMBER_WORDS, "twice as many, two or a dozen", 3, "some"},
        {MARKER_MONEY, "$5 or $6", 2, "5"},
        {MARKER_PERCENT, "50% or ten percent", 2, "50"},
        {MARKER_UNITS, "3 hours and 2 miles", 2, "3"},
        {MARKER_OPERATORS, "a = b + c * d", 8, "a b c d"},
        {MARKER_VARIABLES, "x and y but a, i", 2, "a i"},
        {MARKER_BACKSLASHES, "\\frac{a}{b}", 1, "/frac"},
        {MARKER_MATH_WORDS, "solve the equation", 2, "eat the cake"},
        {MARKER_QUANTITY, "each costs more than the total", 5, "it is red"},
        {MARKER_HOW_MANY, "How many?", 1, "how and many"},
        {MARKER_CODE_FENCE, "```\nx\n```", 1, "`x`"},
        {MARKER_CODE_SIGNS, "{ a; }", 8, "a"},
        {MARKER_CODE_WORDS, "a Python function", 2, "a snake"},
        {MARKER_INDENTED, "if:\n    a\n\tbb", 2, "if: a b"},
        {MARKER_PIPES, "a | b | c", 2, "a b c"},
        {MARKER_LINKS, "see https://a.example or me@b.example", 2, "a: b"},
        {MARKER_QUESTION_MARKS, "a? b?", 2, "a b"},
        {MARKER_ENDS_ASKING, "is it?  \n", 1, "is it? yes"},
        {MARKER_STARTS_WHAT, "Which one", 1, "one of which"},
        {MARKER_STARTS_WHO, "Where is it", 1, "it is where"},
        {MARKER_STARTS_HOW, "Why so", 1, "so why"},
        {MARKER_STARTS_IS, "Does it work", 1, "it does work"},
        {MARKER_IMPERATIVE, "Hello. Write it down", 1, "I write it down"},
        {MARKER_WHICH_OF, "Which of the two", 1, "two of the which"},
        {MARKER_OPTIONS, "So:\nA. one\nB) two\n(c) three", 3, "A one"},
        {MARKER_BLANKS, "The ___ is red", 1, "a_b"},
        {MARKER_LIST_LINES, "- a\n* b", 2, "a - b"},
        {MARKER_QUOTES, "say \"hi\"", 2, "say hi"},
        {MARKER_COLONS, "a: b", 1, "a b"},
        {MARKER_COMMAS, "a, b, c, d", 8, "a b"},
        {MARKER_BRACKETS, "f(x)", 2, "f x"},
        {MARKER_NEGATION, "not without, don't", 3, "yes with"},
        {MARKER_CONDITION, "if so, unless not", 2, "so"},
        {MARKER_REASONING, "explain and prove it", 2, "say it"},
        {MARKER_CONSTRAINT, "exactly, must, avoid", 3, "perhaps"},
        {MARKER_SUPERLATIVE, "most likely the best", 3, "a good one"},
        {MARKER_FORMAT, "as JSON or a markdown table", 3, "as you like"},
        {MARKER_CREATIVE, "a poem, a story", 2, "a cake"},
        {MARKER_ROLE_PLAY, "pretend to be a character", 2, "be here"},
        {MARKER_TEXT_WORK, "summarise and translate", 2, "sing"},
        {MARKER_OPINION, "I think it is moral", 2, "it is red"},
        {MARKER_SCIENCE, "the energy of a cell", 2, "the cake"},
        {MARKER_MEDICINE, "the patient has symptoms", 2, "he has time"},
        {MARKER_LAW, "the court and the plaintiff", 2, "the shop"},
        {MARKER_SOCIETY, "war and government", 2, "tea"},
        {MARKER_PERSONS, "he and her friend", 3, "it"},
        {MARKER_SECOND_PERSON, "do you like your tea", 2, "tea"},
    };
    const struct facts none = {.turns = 1};
    bool seen[MARKER_COUNT] = {false};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct features with;
        struct features without;
        enum marker m = rows[i].marker;
        seen[m] = true;
        read_with(rows[i].with, &none, &with);
        read_with(rows[i].without, &none, &without);
        if (with.marker[m] != rows[i].value || without.marker[m] >= with.marker[m]) {
            fail_msg("%s: %d in `%s`, %d in `%s`", marker_name(m), with.marker[m], rows[i].with,
                     without.marker[m], rows[i].without);
        }
    }
    static const enum marker of_conversation[] = {
        MARKER_CONTEXT, MARKER_TURNS,  MARKER_OTHER_LANGUAGE, MARKER_TOOLS,
        MARKER_IMAGES,  MARKER_SCHEMA, MARKER_SYSTEM};
    for (size_t i = 0; i < ARRAY_LEN(of_conversation); i++) {
        seen[of_conversation[i]] = true; /* the next test */
    }
    for (int m = 0; m < MARKER_COUNT; m++) {
        if (!seen[m]) {
            fail_msg("no row for %s", marker_name((enum marker)m));
        }
    }
}

static void the_conversation_counts(void **state)
{
    (void)state;
    struct request r = {.has_tools = true, .has_images = true, .json_object = true};
    struct facts f = {.request = &r,
                      .turns = 3,
                      .prompt_tokens = 1000,
                      .last_user_tokens = 10,
                      .has_system = true,
                      .language = "de"};
    struct features x;
    features_read(SPAN("hallo"), &f, &x);
    assert_int_equal(x.marker[MARKER_TURNS], 2);
    assert_int_equal(x.marker[MARKER_CONTEXT], 22); /* 3465 bytes are 54 times 64 */
    assert_int_equal(x.marker[MARKER_TOOLS] + x.marker[MARKER_IMAGES] + x.marker[MARKER_SCHEMA] +
                         x.marker[MARKER_SYSTEM] + x.marker[MARKER_OTHER_LANGUAGE],
                     5);
}

static void words_are_counted_once_and_without_case(void **state)
{
    (void)state;
    const struct facts none = {.turns = 1};
    struct features a;
    struct features b;
    features_read(SPAN("The cat saw the cat"), &none, &a);
    assert_int_equal(a.words, 3); /* the cat saw */
    assert_int_equal(a.pairs, 3); /* the-cat cat-saw saw-the */
    features_read(SPAN("THE CAT saw, the \"cat\"!"), &none, &b);
    assert_memory_equal(a.word, b.word, sizeof a.word[0] * a.words);
    features_read(SPAN("17 of 18"), &none, &a);
    features_read(SPAN("23 of 99"), &none, &b);
    assert_int_equal(a.words, 2); /* a number is a number */
    assert_memory_equal(a.word, b.word, sizeof a.word[0] * 2);
    features_read(SPAN("don't"), &none, &a);
    features_read(SPAN("dont"), &none, &b);
    assert_int_equal(a.word[0], b.word[0]);
}

/* Scripts without spaces: each character is a word, so that texts about the same share some. */
static void any_script_has_words(void **state)
{
    (void)state;
    const struct facts none = {.turns = 1};
    struct features x;
    features_read(SPAN("\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94"), &none, &x);
    assert_int_equal(x.words, 3);
    assert_int_equal(x.pairs, 3);
    features_read(SPAN("\xd0\xbf\xd1\x80\xd0\xb8 \xd0\xbc\xd0\xb8\xd1\x80"), &none, &x);
    assert_int_equal(x.words, 2);
}

static void any_bytes_are_fine(void **state)
{
    (void)state;
    const struct facts none = {.turns = 1};
    char bytes[FEATURES_BYTES_MAX + 3000];
    struct features a;
    struct features b;
    uint32_t seed = 1;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (char)(seed >> 24);
        }
        size_t len = round == 0 ? 0 : sizeof bytes / (size_t)round;
        char *exact = mem_new(len + 1); /* so that a read past the end is seen */
        memcpy(exact, bytes, len);
        features_read(span_of(exact, len), &none, &a);
        features_read(span_of(bytes, len), &none, &b);
        assert_memory_equal(a.marker, b.marker, sizeof a.marker);
        assert_int_equal(a.words, b.words);
        assert_true(a.words <= FEATURES_WORDS_MAX && a.pairs <= FEATURES_WORDS_MAX);
        mem_free(exact);
    }
    features_read(SPAN_NONE, &none, &a);
    assert_int_equal(a.words, 0);
}

/* Of a long text the beginning and the end count: a question at its end is seen. */
static void the_end_of_a_long_text_is_read(void **state)
{
    (void)state;
    const struct facts none = {.turns = 1};
    static char text[100000];
    struct features x;
    memset(text, ' ', sizeof text);
    memcpy(text + sizeof text - 10, " how many?", 10);
    features_read(span_of(text, sizeof text), &none, &x);
    assert_int_equal(x.marker[MARKER_HOW_MANY], 1);
    assert_int_equal(x.marker[MARKER_ENDS_ASKING], 1);
    assert_int_equal(x.marker[MARKER_LENGTH],
                     66); /* all bytes count, also those that are not read */
}

static void markers_have_names(void **state)
{
    (void)state;
    for (int m = 0; m < MARKER_COUNT; m++) {
        assert_int_equal(marker_from(span_c(marker_name((enum marker)m))), m);
        assert_true(strlen(marker_meaning((enum marker)m)) > 0);
    }
    assert_int_equal(marker_from(SPAN("nonsense")), MARKER_COUNT);
}

/* What is kept on receipts must not tell words. */
static void json_has_markers_only(void **state)
{
    (void)state;
    const struct facts none = {.turns = 1};
    struct features x;
    struct text t;
    text_init(&t, 4 * KIB);
    struct json_out w = json_out(&t);
    features_read(SPAN("hi"), &none, &x);
    features_json(&w, &x);
    assert_string_equal(t.data,
                        "{\"length\":6,\"words\":4,\"sentence_words\":4,\"word_letters\":2}");
    text_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_marker_sees_its_own),
        cmocka_unit_test(the_conversation_counts),
        cmocka_unit_test(words_are_counted_once_and_without_case),
        cmocka_unit_test(any_script_has_words),
        cmocka_unit_test(any_bytes_are_fine),
        cmocka_unit_test(the_end_of_a_long_text_is_read),
        cmocka_unit_test(markers_have_names),
        cmocka_unit_test(json_has_markers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
