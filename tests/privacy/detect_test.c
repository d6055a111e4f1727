/* SPDX-License-Identifier: Apache-2.0 */
/* What is a finding and what is none. In the table, [ and ] stand around what must be found. */
#include "privacy/detect.h"

#include "core/personal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

struct sample {
    const char *type; /* NULL: nothing */
    const char *marked;
};

/* Joined from halves, so that scanners of this repository find no keys in it. */
#define HALVES(a, b) a b

static const struct sample samples[] = {
    /* e-mail */
    {"EMAIL_ADDRESS", "Write to [jane.doe@acme.io], please"},
    {"EMAIL_ADDRESS", "<[j_d+tag@sub.mail.example.co.uk]>"},
    {"EMAIL_ADDRESS", "mailto:[jane.doe@example.com]."},
    {"EMAIL_ADDRESS", "\xe9\x82\xae\xe7\xae\xb1[li.wei@mail.cn]\xe3\x80\x82"},
    {"EMAIL_ADDRESS", "([x@y.de])"},
    {NULL, "user@example.com"},
    {NULL, "git clone git@github.com:me/repo.git"},
    {NULL, "npm i @scope/pkg lodash@4.17.21 icon@2x.png"},
    {NULL, "@property def a @ b, me@localhost, a@b, @john"},
    /* cards */
    {"CREDIT_CARD", "[4111 1111 1111 1111]"},
    {"CREDIT_CARD", "card [4111-1111-1111-1111], exp 12/27"},
    {"CREDIT_CARD", "[4012888888881881] 123"},
    {"CREDIT_CARD", "Amex [3782 822463 10005]."},
    {"CREDIT_CARD", "[5555.5555.5555.4444]"},
    {"CREDIT_CARD", "[6011111111111117]"},
    {"CREDIT_CARD", "\xe5\x8d\xa1\xe5\x8f\xb7[4111111111111111]"},
    {"CREDIT_CARD", "[4111\xc2\xa0"
                    "1111\xc2\xa0"
                    "1111\xc2\xa0"
                    "1111]"},
    {NULL, "4111 1111 1111 1112"},
    {NULL, "order 1234567890123456"},
    {NULL, "x4111111111111111 4111111111111111x id_4111111111111111"},
    {NULL, "1732147200123 1732147200123456 0.4111111111111111"},
    /* IBAN */
    {"IBAN_CODE", "IBAN: [DE89 3704 0044 0532 0130 00]"},
    {"IBAN_CODE", "[GB82WEST12345698765432]"},
    {"IBAN_CODE", "auf [nl91abna0417164300] bitte"},
    {NULL, "DE89 3704 0044 0532 0130 01"},
    {NULL, "DE123 BUILD42 AB12CD34EF56GH78"},
    /* social security */
    {"US_SSN", "[123-45-6789]"},
    {"US_SSN", "my SSN is [123 45 6789]"},
    {"US_SSN", "Social Security number: [123456789]"},
    {"US_ITIN", "[912-75-1234]"},
    {NULL, "000-12-3456 666-12-3456 123-00-4567 123-45-0000"},
    {NULL, "123456789 and 123 45 6789"},
    {NULL, "123-45-67890"},
    /* telephone */
    {"PHONE_NUMBER", "[+1 415 555 0132]"},
    {"PHONE_NUMBER", "call [+49 (0)30 123456-78]!"},
    {"PHONE_NUMBER", "[+14155550132]"},
    {"PHONE_NUMBER", "[(415) 555-0132]"},
    {"PHONE_NUMBER", "[415-555-0132]"},
    {"PHONE_NUMBER", "[1-800-555-0199 ext 5]"},
    {"PHONE_NUMBER", "Tel. [030 1234567]"},
    {"PHONE_NUMBER", "[06 12 34 56 78]"},
    {"PHONE_NUMBER", "[020 7946 0958]"},
    {"PHONE_NUMBER", "phone: [4155550132]"},
    {"PHONE_NUMBER", "[0049 30 123456]"},
    {"PHONE_NUMBER", "[(833) 719-3994x1887] fax"},
    {"PHONE_NUMBER", "Phone: [(88) 684-334]"},
    {"PHONE_NUMBER", "reach me at [785 8949 ext. 12]"},
    {NULL, "the cellar has 3600-1200 bottles, phones cost 2400 / 200"},
    {NULL, "divide by 3 to find the number of swearing time-outs, it makes 50 fruits at 6 years"},
    {"CREDIT_CARD", "my debit card is [501864667909]"},
    {"EMAIL_ADDRESS", "[marta.rodr\xc3\xadguez72@fastmail.com]"},
    {"EMAIL_ADDRESS", "[\xe8\xa3\x95\xe5\xad\x90.\xe5\x8a\xa0\xe8\x97\xa4"
                      "29@mail.com]"},
    {NULL, "2024-11-20 12:30:45 and 20.11.2024 10:30, 01.02.2024 10"},
    {NULL, "12,345,678.90 USD, 1.000.000, 3.14159265358979, -273.15"},
    {NULL, "1000 2000 3000 pages 100-200-3000"},
    {NULL, "python 3.11.4, v1.22.3, 2024.11.20, 10x 20y"},
    {NULL, "(2019) 12 (42) 1999 x = (100) + 200"},
    /* IP addresses */
    {"IP_ADDRESS", "from [203.0.113.77]:8080"},
    {"IP_ADDRESS", "ping [8.8.8.8]"},
    {"IP_ADDRESS", "[2001:db8:85a3::8a2e:370:7334]"},
    {"IP_ADDRESS", "[2001:0db8:0000:0000:0000:8a2e:0370:7334]/64"},
    {NULL, "127.0.0.1 0.0.0.0 ::1 255.255.255.0 256.1.1.1 1.2.3.4.5"},
    {NULL, "version 10.2.3.4, v1.2.3.4, Chrome/120.0.0.0"},
    {NULL, "std::cafe::beef, 12:30:45, a::b, dead::beef, Foo::bad::c0de(x)"},
    /* secrets */
    {"SECRET", HALVES("key [sk", "-abcDEF1234567890abcd]")},
    {"SECRET", HALVES("[sk-", "ant-api03-aaaaBBBBccccDDDD_1]")},
    {"SECRET", HALVES("[AKI", "AIOSFODNN7EXAMPLE]")},
    {"SECRET", HALVES("[gh", "p_0123456789abcdefghijABCDEFGHIJ012345]")},
    {"SECRET", HALVES("[github_", "pat_11ABCDEFG0123456789_abcdefghij]")},
    {"SECRET", HALVES("[xox", "b-123456789012-abcdefGHIJ]")},
    {"SECRET", HALVES("[AI", "zaSyA1234567890abcdefghijklmnopqrstuv]")},
    {"SECRET", HALVES("[gl", "pat-abcdefghij0123456789]")},
    {"SECRET", HALVES("[hf", "_abcdefghijABCDEFGHIJabcdefghij]")},
    {"SECRET", HALVES("[sk_", "live_abcdefghij0123456789]")},
    {"SECRET", "Authorization: Bearer [abc.DEF-123_456789]"},
    {"SECRET",
     HALVES("[eyJ",
            "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P]")},
    {"SECRET",
     HALVES("a\n[-----BEGIN RSA ", "PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----]\nb")},
    {"SECRET", HALVES("[-----BEGIN ", "PRIVATE KEY-----\nMIIE]")},
    {"SECRET", "API_KEY=[8f3b2a9c7d1e4f5a6b7c]"},
    {"SECRET", "\"client_secret\": \"[a1b2c3d4e5f6g7h8]\""},
    {NULL, "sk-learn and sk-something-like-this-is-a-name"},
    {NULL, "the bearer of bad news, Bearer tokens are nice, Basic training"},
    {NULL, "commit 3f786850e387550fdab836ed7e6dc881de23001b"},
    {NULL, "id 550e8400-e29b-41d4-a716-446655440000, 41111111-1111-1111-8111-123456789012"},
    {NULL, "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {NULL, "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"},
    {NULL, "tokens = 123456789012345678, secret = \"correct horse battery staple\""},
    {NULL, "What is 2 + 2? Explain TCP/IP in 3 sentences; then write 100 lines of C17."},
};

/* Patterns alone; names have names_test.c. Types that pass by default count for nothing. */
static int scan(struct span text, struct finding *out, int max)
{
    struct findings f;
    findings_init(&f, 1000);
    detect_text(text, SPAN_NONE, &f);
    int kept = 0;
    for (int i = 0; i < f.count; i++) {
        if (personal_type_replaced(f.items[i].type)) {
            f.items[kept++] = f.items[i];
        }
    }
    f.count = kept;
    findings_settle(&f);
    int n = MIN(f.count, max);
    if (n > 0) {
        memcpy(out, f.items, sizeof *out * (size_t)n);
    }
    findings_done(&f);
    return n;
}

static void test_samples(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct sample *s = &samples[i];
        char text[512];
        size_t len = 0;
        size_t start = 0;
        size_t end = 0;
        for (const char *c = s->marked; *c; c++) {
            if (s->type && *c == '[') {
                start = len;
            } else if (s->type && *c == ']') {
                end = len;
            } else {
                text[len++] = *c;
            }
        }
        struct finding found[8] = {{0}};
        int n = scan(span_of(text, len), found, 8);
        bool right = s->type ? n == 1 && strcmp(found[0].type, s->type) == 0 &&
                                   found[0].start == start && found[0].end == end
                             : n == 0;
        if (!right) {
            print_message("wrong: %s → %d findings, %s %zu..%zu\n", s->marked, n,
                          n ? found[0].type : "", found[0].start, found[0].end);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_several_in_one_text(void **state)
{
    (void)state;
    struct span text =
        SPAN("Jane (jane@acme.io, 415-555-0132) pays with 4111 1111 1111 1111 from 203.0.113.7.");
    struct finding f[8];
    assert_int_equal(scan(text, f, 8), 4);
    assert_string_equal(f[0].type, "EMAIL_ADDRESS");
    assert_string_equal(f[1].type, "PHONE_NUMBER");
    assert_string_equal(f[2].type, "CREDIT_CARD");
    assert_string_equal(f[3].type, "IP_ADDRESS");
    for (int i = 1; i < 4; i++) {
        assert_true(f[i].start >= f[i - 1].end);
    }
    assert_int_equal(scan(text, f, 2), 2);
}

/* Each byte as the first and last one: nothing is read outside (the sanitizer watches), nothing found is lost. */
static void test_any_cut_of_a_text(void **state)
{
    (void)state;
    const char *text =
        "+1 415 555 0132 jane@acme.io 123-45-6789 DE89370400440532013000 2001:db8::1:2 (030) 1234567 "
        "Bearer abc123def456ghi password=\"a1b2c3d4e5f6g7h8\" -----BEGIN PRIVATE KEY-----";
    size_t len = strlen(text);
    for (size_t from = 0; from < len; from++) {
        for (size_t to = from; to <= len; to += 3) {
            char *exact = mem_new(MAX(to - from, 1));
            memcpy(exact, text + from, to - from);
            struct finding f[16];
            int n = scan(span_of(exact, to - from), f, 16);
            for (int i = 0; i < n; i++) {
                assert_true(f[i].start < f[i].end && f[i].end <= to - from);
            }
            mem_free(exact);
        }
    }
}

/* Text that makes validators look far and find nothing must stay linear: a second for 4 MiB at the very most. */
static void test_hostile_text_is_linear(void **state)
{
    (void)state;
    static const char *const units[] = {
        "sk-",         "eyJaaaaaaaa-", "=a", "@",    "a@a.", "1 ", "+",      "(0",
        "-----BEGIN ", "bearer ",      "a:", "1-1-", "AD1",  "<",  "token=", "0::"};
    enum { BYTES = 256 * 1024 };
    char *text = mem_new(BYTES);
    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        size_t len = strlen(units[u]);
        for (size_t i = 0; i < BYTES; i++) {
            text[i] = units[u][i % len];
        }
        struct finding f[4];
        struct timespec a;
        struct timespec b;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        scan(span_of(text, BYTES), f, 4);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
        if (s > 1.0) { /* with sanitizers; a quadratic validator takes minutes */
            fail_msg("%s takes %.1f s for 256 KiB", units[u], s);
        }
    }
    mem_free(text);
}

static void test_overlaps_become_one(void **state)
{
    (void)state;
    struct findings f;
    findings_init(&f, 10);
    findings_add(&f, "B", 5, 12, 0.5);
    findings_add(&f, "A", 0, 8, 0.9);
    findings_add(&f, "C", 20, 30, 0.5);
    findings_add(&f, "D", 22, 25, 0.9);
    findings_settle(&f);
    assert_int_equal(f.count, 2);
    assert_string_equal(f.items[0].type, "A");
    assert_int_equal(f.items[0].end, 12);
    assert_string_equal(f.items[1].type, "D");
    assert_int_equal(f.items[1].start, 20);
    assert_int_equal(f.items[1].end, 30);
    findings_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_several_in_one_text),
        cmocka_unit_test(test_any_cut_of_a_text),
        cmocka_unit_test(test_hostile_text_is_linear),
        cmocka_unit_test(test_overlaps_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
