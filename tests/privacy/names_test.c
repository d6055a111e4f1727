/* SPDX-License-Identifier: Apache-2.0 */
/* Who is found, who is left alone, and that a name stays one wherever a text is cut. */
#include "privacy/names.h"

#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- helpers ---- */

static struct findings scan(const char *text, const char *near, struct names_memory *memory)
{
    struct findings f;
    findings_init(&f, 1000);
    names_scan(span_c(text), span_c(near), memory, &f);
    findings_settle(&f);
    return f;
}

/* True when every byte of every `what` in `text` is in a finding of the type. */
static bool covers(const struct findings *f, struct span text, const char *what, const char *type)
{
    bool seen = false;
    for (size_t at = 0; (at = span_find(text, span_c(what), at)) != SIZE_MAX; at += strlen(what)) {
        seen = true;
        for (size_t i = at; i < at + strlen(what); i++) {
            bool in = false;
            for (int k = 0; k < f->count; k++) {
                in |= strcmp(f->items[k].type, type) == 0 && f->items[k].start <= i &&
                      i < f->items[k].end;
            }
            if (!in && text.data[i] != ' ') {
                return false;
            }
        }
    }
    return seen;
}

static void check_found(const char *text, const char *near, const char *name)
{
    struct findings f = scan(text, near, NULL);
    if (!covers(&f, span_c(text), name, "PERSON")) {
        fail_msg("`%s` is left standing in: %s", name, text);
    }
    findings_done(&f);
}

static int persons(const struct findings *f)
{
    int n = 0;
    for (int i = 0; i < f->count; i++) {
        n += strcmp(f->items[i].type, "PERSON") == 0;
    }
    return n;
}

static void check_nobody(const char *text)
{
    struct findings f = scan(text, NULL, NULL);
    for (int i = 0; i < f.count; i++) {
        if (strcmp(f.items[i].type, "PERSON") == 0) {
            fail_msg("`%.*s` is taken for a person in: %s",
                     (int)(f.items[i].end - f.items[i].start), text + f.items[i].start, text);
        }
    }
    findings_done(&f);
}

/* ---- who is found ---- */

static void people_are_found(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"My name is Katarzyna Wojcik and I live in Lyon.", "Katarzyna Wojcik"},
        {"Please write a letter to Mr. O'Donnell about the invoice.", "O'Donnell"},
        {"Dear Dr. Ramirez,\nthank you.\n\nKind regards,\nPriya Natarajan", "Ramirez"},
        {"Dear Dr. Ramirez,\nthank you.\n\nKind regards,\nPriya Natarajan", "Priya Natarajan"},
        {"From: Henrik Lindqvist <hl@mail.test>\nTo: Aoife Brennan <ab@mail.test>\nSubject: order",
         "Henrik Lindqvist"},
        {"From: Henrik Lindqvist <hl@mail.test>\nTo: Aoife Brennan <ab@mail.test>\nSubject: order",
         "Aoife Brennan"},
        {"{\"first_name\": \"Giulia\", \"last_name\": \"Bernasconi\", \"age\": 40}", "Giulia"},
        {"{\"first_name\": \"Giulia\", \"last_name\": \"Bernasconi\", \"age\": 40}", "Bernasconi"},
        {"const user = { name: 'Marek Novotny', age: 41 };", "Marek Novotny"},
        {"my brother kevin and his wife melissa moved to boston", "kevin"},
        {"my brother kevin and his wife melissa moved to boston", "melissa"},
        {"INVOICE FOR THOMAS BERGMANN", "THOMAS BERGMANN"},
        {"Meeting With Angela Kowalski And Peter Schneider In Berlin", "Angela Kowalski"},
        {"1. Stefan Brandt\n2. Nadia Rahman\n3. Luca Moretti", "Nadia Rahman"},
        {"J. P. Hartmann signed it; Hartmann's wife did not.", "Hartmann"},
        {"Sehr geehrte Frau Schönfeld, Herr Krüger ruft Sie an.", "Schönfeld"},
        {"El paciente José Luis Fernández vive en Sevilla.", "José Luis Fernández"},
        {"Меня зовут Ольга Смирнова.", "Ольга Смирнова"},
        {"Με λένε Γιώργος Παπαδόπουλος.", "Γιώργος Παπαδόπουλος"},
        {"我叫王小明。", "王小明"},
        {"田中さんは東京に住んでいます。", "田中"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_found(rows[i][0], NULL, rows[i][1]);
    }
}

static void a_json_key_says_what_its_value_is(void **state)
{
    (void)state;
    check_found("Lindqvist", "last_name", "Lindqvist");
    check_found("Marek Novotny", "patient_name", "Marek Novotny");
}

static void nobody_is_found_where_nobody_is(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "What is the weather in Tokyo tomorrow?",
        "Write a Python function that parses JSON and returns a list of integers.",
        "Explain the difference between TCP and UDP.",
        "set an alarm for seven in the morning",
        "turn off the lights in the kitchen",
        "public class UserController extends BaseController { private final UserService service; }",
        "for (int i = 0; i < count; i++) { total += values[i]; }",
        "SELECT id, city FROM orders WHERE status = 'open';",
        "Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>",
        "Terms and Conditions apply. See the Getting Started guide.",
        "The quick brown fox jumps over the lazy dog.",
        "Content-Type: application/json\nAccept: text/plain",
        "https://example.com/John/Smith and v1.2.3",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_nobody(rows[i]);
    }
}

static void places_and_organisations_have_their_own_type(void **state)
{
    (void)state;
    const char *text =
        "Volkswagen opened an office in Munich last year, and Deutsche Bank one in London.";
    struct findings f = scan(text, NULL, NULL);
    assert_true(covers(&f, span_c(text), "Munich", "LOCATION"));
    assert_true(covers(&f, span_c(text), "London", "LOCATION"));
    assert_true(covers(&f, span_c(text), "Deutsche Bank", "ORGANIZATION"));
    assert_int_equal(persons(&f), 0);
    findings_done(&f);
}

/* ---- well-known names ---- */

static void well_known_names_are_their_own_type(void **state)
{
    (void)state;
    const char *text = "When did Albert Einstein publish his theory of relativity?";
    struct findings f = scan(text, NULL, NULL);
    assert_true(covers(&f, span_c(text), "Albert Einstein", "WELL_KNOWN_PERSON"));
    findings_done(&f);
    check_found("Patient: Albert Einstein", NULL, "Albert Einstein");
    check_found("I talked to Dr. Taylor Swift about my results.", NULL, "Taylor Swift");
}

static void beside_other_personal_data_nobody_is_well_known(void **state)
{
    (void)state;
    const char *text = "Taylor Swift, 212 555 0143, asked for her order.";
    struct findings f;
    findings_init(&f, 100);
    findings_add(&f, "PHONE_NUMBER", 14, 26, 0.8);
    names_scan(span_c(text), SPAN_NONE, NULL, &f);
    assert_true(covers(&f, span_c(text), "Taylor Swift", "PERSON"));
    findings_done(&f);
}

/* ---- once a name, always a name ---- */

static void a_name_is_found_again_in_its_text(void **state)
{
    (void)state;
    const char *text =
        "Dear Mr. Vandenberghe, we met. VANDENBERGHE wrote; the vandenberghe file is here.";
    check_found(text, NULL, "Vandenberghe");
    check_found(text, NULL, "VANDENBERGHE");
    check_found(text, NULL, "vandenberghe");
}

static void a_name_is_remembered_for_later_texts_only(void **state)
{
    (void)state;
    struct names_memory memory = {.any = false};
    const char *later = "what about the quillfeather file";
    struct findings before = scan(later, NULL, &memory);
    assert_int_equal(persons(&before), 0);
    struct findings first = scan("My name is Anna Quillfeather.", NULL, &memory);
    assert_int_equal(persons(&first), 1);
    struct findings after = scan(later, NULL, &memory);
    assert_true(covers(&after, span_c(later), "quillfeather", "PERSON"));
    findings_done(&before);
    findings_done(&first);
    findings_done(&after);
}

/* ---- any text ---- */

/* The pieces that a long text is read in leave no seam. */
static void a_name_is_found_at_any_place(void **state)
{
    (void)state;
    static const char filler[] = "the order was late again, so we sent it back. ";
    for (size_t words = 0; words < 320; words += 3) {
        struct text t;
        text_init(&t, MIB);
        for (size_t i = 0; i < words / 10; i++) {
            text_add_c(&t, filler);
        }
        for (size_t i = 0; i < words % 10; i++) {
            text_add_c(&t, "and ");
        }
        text_add_c(&t, "My name is Henrik Lindqvist and I wait. ");
        for (int i = 0; i < 40; i++) {
            text_add_c(&t, filler);
        }
        check_found(t.data, NULL, "Henrik Lindqvist");
        text_done(&t);
    }
}

static void findings_lie_inside_any_bytes(void **state)
{
    (void)state;
    static const char *const bits[] = {
        "Anna ", "Mr. ", "\xff\xfe", "\xe2\x80\x8b",     "李", "さん", "Ж", "@", "a.b",
        "://",   "\n",   "'",        "\xf0\x9f\x98\x80", "_"};
    struct rng rng = {.state = 5};
    for (int round = 0; round < 300; round++) {
        struct text t;
        text_init(&t, MIB);
        for (uint64_t n = rng_below(&rng, 600); n > 0; n--) {
            text_add_c(&t, bits[rng_below(&rng, ARRAY_LEN(bits))]);
        }
        struct findings f;
        findings_init(&f, 1000);
        names_scan(text_span(&t), SPAN_NONE, NULL, &f);
        for (int i = 0; i < f.count; i++) {
            assert_true(f.items[i].start < f.items[i].end && f.items[i].end <= t.len);
            assert_true(f.items[i].score > 0 && f.items[i].score <= 0.9);
        }
        findings_done(&f);
        text_done(&t);
    }
}

/* ---- tokens ---- */

static struct name_token token(const char *text)
{
    struct name_token t[4];
    int n;
    names_tokens(span_c(text), 0, t, 4, &n);
    assert_int_equal(n, 1);
    assert_int_equal(t[0].end - t[0].start, strlen(text));
    return t[0];
}

static void spellings_of_a_word_are_one(void **state)
{
    (void)state;
    assert_true(token("Müller").word == token("muller").word);
    assert_true(token("MÜLLER").word == token("müller").word);
    assert_true(token("ΓΙΏΡΓΟΣ").word == token("γιώργος").word);
    assert_true(token("ИВАНОВ").word == token("Иванов").word);
    assert_true(token("\xef\xbc\xa1nna").word == token("anna").word);  /* full-width A */
    assert_true(token("An\xe2\x80\x8bna").word == token("anna").word); /* zero-width space inside */
    assert_true(token("Anna").word != token("Anne").word);
    assert_int_equal(token("https://example.com/Anna").shape, SHAPE_LINK);
    assert_int_equal(token("anna.berg@example.com").shape, SHAPE_LINK);
    assert_int_equal(token("anna_berg").shape, SHAPE_CODE);
    assert_int_equal(token("McNeil").shape, SHAPE_MIXED);
    assert_int_equal(token("userName").shape, SHAPE_CAMEL);
}

static void a_model_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char zeros[1024] __attribute__((aligned(64)));
    struct names_model m;
    assert_false(names_model_init(&m, zeros, sizeof zeros));
    struct names_header h = *names_model_built_in()->header;
    assert_false(names_model_init(&m, &h, sizeof h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_found),
        cmocka_unit_test(a_json_key_says_what_its_value_is),
        cmocka_unit_test(nobody_is_found_where_nobody_is),
        cmocka_unit_test(places_and_organisations_have_their_own_type),
        cmocka_unit_test(well_known_names_are_their_own_type),
        cmocka_unit_test(beside_other_personal_data_nobody_is_well_known),
        cmocka_unit_test(a_name_is_found_again_in_its_text),
        cmocka_unit_test(a_name_is_remembered_for_later_texts_only),
        cmocka_unit_test(a_name_is_found_at_any_place),
        cmocka_unit_test(findings_lie_inside_any_bytes),
        cmocka_unit_test(spellings_of_a_word_are_one),
        cmocka_unit_test(a_model_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
