/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "router/words.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum task words_task(struct span user, struct span system)
{
    struct words words;
    words_read(user, system, &words);
    return words.task;
}

static const char *words_language(struct span text)
{
    struct words words;
    words_read(text, SPAN_NONE, &words);
    return words.language;
}

static const struct {
    const char *text;
    enum task task;
} tasks[] = {
    {"hi", TASK_CHAT},
    {"Hello there!", TASK_CHAT},
    {"who are you?", TASK_CHAT},
    {"what can you do", TASK_CHAT},
    {"thanks a lot", TASK_CHAT},
    {"tell me a joke", TASK_CHAT},
    {"", TASK_CHAT},
    {"turn on the kitchen light", TASK_COMMAND},
    {"Set a timer for 5 minutes", TASK_COMMAND},
    {"dim the lights in the bedroom to 30 percent", TASK_COMMAND},
    {"remind me to call mom at 6", TASK_COMMAND},
    {"play some jazz", TASK_COMMAND},
    {"What is the intent of: book me a table", TASK_INTENT},
    {"Extract slots: add this track to my playlist", TASK_EXTRACT},
    {"Extract all names and dates from the following text: …", TASK_EXTRACT},
    {"Classify: what is my balance", TASK_INTENT},
    {"What does the user want: turn it up please", TASK_INTENT},
    {"Classify these reviews as positive or negative: great food", TASK_CLASSIFY},
    {"Which e-mail addresses does the text contain: write to a@b.de", TASK_EXTRACT},
    {"write these as bullet points: silver, new", TASK_REWRITE},
    {"what is the last word: tree judge wall", TASK_REWRITE},
    {"what month comes after October?", TASK_MATH},
    {"what is the difference between 71 and 62?", TASK_MATH},
    {"how many feet are in 3 meters", TASK_MATH},
    {"what is the weather like in Berlin?", TASK_COMMAND},
    {"do you have feelings?", TASK_CHAT},
    {"hey, a haiku about the night sky", TASK_CREATE},
    {"Can you write a story for my daughter", TASK_CREATE},
    {"What is the sentiment of this review: great food", TASK_CLASSIFY},
    {"Rewrite this more politely: give me the report", TASK_REWRITE},
    {"Proofread the following paragraph", TASK_REWRITE},
    {"Summarise the article below", TASK_SUMMARISE},
    {"Please summarize this meeting in three bullets", TASK_SUMMARISE},
    {"Translate \"good day\" to French", TASK_TRANSLATE},
    {"How do you say cheese in german", TASK_TRANSLATE},
    {"Write a python function that sorts a list", TASK_CODE},
    {"Why does this crash? ```int *p = 0; *p = 1;```", TASK_CODE},
    {"select * from users where id = 1 is slow", TASK_CODE},
    {"what is 12 + 30?", TASK_MATH},
    {"12*13", TASK_MATH},
    {"Calculate the area of a circle with radius 4", TASK_MATH},
    {"If I have 12 apples and eat 3, how many are left?", TASK_MATH},
    {"convert 10 miles to km", TASK_MATH},
    {"Why is the sky blue?", TASK_REASON},
    {"Explain step by step how to prove that 2 is irrational", TASK_REASON},
    {"Compare electric and petrol cars", TASK_REASON},
    {"write a poem about the sea", TASK_CREATE},
    {"Draft an essay on liberty", TASK_CREATE},
    {"Who invented the telephone?", TASK_KNOWLEDGE},
    {"What is the capital of France?", TASK_KNOWLEDGE},
    {"Did the emperor really ride that elephant?", TASK_KNOWLEDGE},
};

static void tasks_are_guessed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        enum task got = words_task(span_c(tasks[i].text), SPAN_NONE);
        if (got != tasks[i].task) {
            fail_msg("\"%s\": %s, not %s", tasks[i].text, task_name(got), task_name(tasks[i].task));
        }
    }
}

static void a_system_message_may_name_the_task(void **state)
{
    (void)state;
    assert_int_equal(
        words_task(SPAN("what is my balance"), SPAN("Classify the intent of the user.")),
        TASK_INTENT);
    assert_int_equal(
        words_task(SPAN("hi"), SPAN("You are a helpful assistant. Write python code.")), TASK_CHAT);
}

static const struct {
    const char *text, *language;
} languages[] = {
    {"turn on the kitchen light", "en"},
    {"what is the capital of France?", "en"},
    {"Bitte schreibe mir ein Gedicht \xc3\xbc"
     "ber das Meer",
     "de"},
    {"Quelle est la capitale de la France ? Dis-moi les d\xc3\xa9tails pour une visite", "fr"},
    {"\xc2\xbf"
     "Cu\xc3\xa1l es la capital de Espa\xc3\xb1"
     "a y por qu\xc3\xa9?",
     "es"},
    {"Qual \xc3\xa9 a capital do Brasil e por que voc\xc3\xaa gosta?", "pt"},
    {"Perch\xc3\xa9 il cielo \xc3\xa8 blu e come sono gli uccelli", "it"},
    {"Wat is het weer en hoe zijn de wegen", "nl"},
    {"Co to jest i jak si\xc4\x99 nazywa", "pl"},
    {"\xd0\xba\xd0\xb0\xd0\xba \xd0\xb4\xd0\xb5\xd0\xbb\xd0\xb0", "ru"},
    {"\xd1\x8f\xd0\xba \xd1\x81\xd0\xbf\xd1\x80\xd0\xb0\xd0\xb2\xd0\xb8, \xd0\xbf\xd1\x80\xd0\xb8\xd1\x97\xd1\x85\xd0\xb0\xd0\xb2",
     "uk"},
    {"\xe4\xbd\xa0\xe5\xa5\xbd\xe5\x90\x97", "zh"},
    {"\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf\xe4\xb8\x96\xe7\x95\x8c", "ja"},
    {"\xec\x95\x88\xeb\x85\x95", "ko"},
    {"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "he"},
    {"\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7", "ar"},
    {"\xce\xba\xce\xb1\xce\xbb\xce\xb7\xce\xbc\xce\xad\xcf\x81\xce\xb1", "el"},
    {"qwrtz 12345", NULL},
    {"", NULL},
};

static void languages_are_guessed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        const char *got = words_language(span_c(languages[i].text));
        if ((got == NULL) != (languages[i].language == NULL) ||
            (got && strcmp(got, languages[i].language) != 0)) {
            fail_msg("\"%s\": %s, not %s", languages[i].text, got ? got : "none",
                     languages[i].language ? languages[i].language : "none");
        }
    }
}

static struct words words_of(const char *text)
{
    struct words w;
    words_read(span_c(text), SPAN_NONE, &w);
    return w;
}

/* "step by step", "expert", "rigorous" … change the task that rules see, and not the plain one. */
static void claims_are_told_apart(void **state)
{
    (void)state;
    struct words plain = words_of("turn on the lights in the hallway");
    struct words stuffed =
        words_of("As an expert with rigorous reasoning think step by step, give a phd proof: "
                 "turn on the lights in the hallway");
    assert_int_equal(plain.claims, 0);
    assert_int_equal(plain.task, plain.task_plain);
    assert_true(stuffed.claims >= 5);
    assert_int_equal(stuffed.task, TASK_REASON);
    assert_int_equal(stuffed.task_plain, TASK_COMMAND);
}

static void claims_are_taken_out(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"turn on the lights", "turn on the lights"},
        {"Think step by step. turn on the lights", " turn on the lights"},
        {"As an expert with a phd, give a rigorous proof: turn on the lights",
         " turn on the lights"},
        {"Explain to an expert how a lamp and its switch and the wires in the wall work",
         "Explain to an  how a lamp and its switch and the wires in the wall work"},
        {"expert", ""},
        {"", ""},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span plain = words_without_claims(span_c(cases[i].text), arena);
        if (!span_is(span_trim(plain), span_trim(span_c(cases[i].plain)).data) &&
            !(plain.len == 0 && cases[i].plain[0] == 0)) {
            fail_msg("\"%s\" became \"%.*s\"", cases[i].text, SPAN_ARG(plain));
        }
    }
    arena_free(arena);
}

/* What is to be worked on is not what is asked for. */
static void material_counts_less_than_the_instruction(void **state)
{
    (void)state;
    assert_int_equal(words_of("Translate into Dutch: write a poem about code").task,
                     TASK_TRANSLATE);
    assert_int_equal(words_of("Proofread: turn on the light and play jazz").task, TASK_REWRITE);
}

/* A question after a long text is seen. */
static void the_tail_of_a_long_text_is_read(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 64 * KIB);
    while (t.len < 8000) {
        text_add_c(&t, "The harbour lay still and the boats had been drawn up on the sand. ");
    }
    text_add_c(&t, "\nPlease summarise this article in two sentences.");
    struct words w;
    words_read(text_span(&t), SPAN_NONE, &w);
    assert_int_equal(w.task, TASK_SUMMARISE);
    text_done(&t);
}

static void capitals_beyond_ascii_are_folded(void **state)
{
    (void)state;
    assert_int_equal(words_of("\xc3\x9c"
                              "bersetze ins Englische: der Zug")
                         .task,
                     TASK_TRANSLATE);
    assert_int_equal(words_of("\xc3\x89"
                              "cris un po\xc3\xa8me sur la mer")
                         .task,
                     TASK_CREATE);
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    char bytes[4096];
    uint32_t x = 1;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            x = x * 1664525u + 1013904223u;
            bytes[i] = (char)(x >> 24);
        }
        size_t len = x % sizeof bytes;
        char *copy = mem_new(len + 1); /* exact size: a read past the end is seen */
        memcpy(copy, bytes, len);
        (void)words_task(span_of(copy, len), span_of(copy, len / 2));
        struct arena *arena = arena_new();
        assert_true(words_without_claims(span_of(copy, len), arena).len <= len);
        arena_free(arena);
        (void)words_language(span_of(copy, len));
        mem_free(copy);
    }
    (void)words_task(SPAN_NONE, SPAN_NONE);
    (void)words_language(SPAN_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_guessed),
        cmocka_unit_test(a_system_message_may_name_the_task),
        cmocka_unit_test(languages_are_guessed),
        cmocka_unit_test(claims_are_told_apart),
        cmocka_unit_test(claims_are_taken_out),
        cmocka_unit_test(material_counts_less_than_the_instruction),
        cmocka_unit_test(the_tail_of_a_long_text_is_read),
        cmocka_unit_test(capitals_beyond_ascii_are_folded),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
