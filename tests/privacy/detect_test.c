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
    {"PHONE_NUMBER", "They wait for [451 5986] to"},
    {"PHONE_NUMBER", "it is [99 668472], I think"},
    {"PHONE_NUMBER", "my registered [99 668 472]"},
    {NULL, "1990 1995, 200 4500, 12 345 678 EUR, 123 4567 + 1, x = 123 4567, 10 000 000"},
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
    /* links, with and without a password */
    {"URL", "see [https://example.org/a?b=c], please"},
    {"URL", "([www.example.org/page])."},
    {"SECRET", "db [postgres://app:s3cr3t-pw@db.internal:5432/prod] up"},
    {NULL, "postgres://user:password@localhost/db, redis://:$PASS@host, https://user@host/x"},
    {"EMAIL_ADDRESS", "https://x.org/?mail=[jane@acme.io]&x=1"},
    /* more secrets */
    {"SECRET", HALVES("[123456789:AAF", "oo_bar-0123456789abcdefghijklmno]")},
    {"SECRET", "password: [Tr0ub4dor&3]"},
    {"SECRET", "my password is [hunter2!x]."},
    {"SECRET", "db_password=\"[p4ss-w0rd]\""},
    {"SECRET", "k = \"[q7Zr2LwX9vTb4NcY8sKd1MfHj3PgUa6E]\""},
    {NULL,
     "password = request.form[\"password\"], password: get_password(x1), pwd=$PWD1 password=<your1>"},
    {NULL, "\"integrity\": \"sha512-q7Zr2LwX9vTb4NcY8sKd1MfHj3PgUa6Eq7Zr2LwX9vTb4NcY8sKd1M==\""},
    {NULL, "etag=\"q7Zr2LwX9vTb4NcY8sKd1MfHj3PgUa6E\""},
    /* numbers by the words before them */
    {"PASSPORT", "passport no. [X1234567]"},
    {"PASSPORT", "Reisepass: [C01X00T47]"},
    {"DRIVER_LICENSE", "my driver's license number is [F162823540116]"},
    {"BANK_ACCOUNT", "account [10329745], sort it"},
    {"BANK_ACCOUNT", "SWIFT/BIC: x swift code [CHASUS33]"},
    {"BANK_ACCOUNT", "routing number: [021000021]"},
    {"MEDICAL_RECORD", "MRN: [1015952]"},
    {"MEDICAL_RECORD", "([MRN-1015952])"},
    {"MEDICAL_RECORD", "NASS: [54 78926732 74]."},
    {"MEDICAL_LICENSE", "NPI: [1326119588]"},
    {"MEDICAL_LICENSE", "DEA [BF5127485]"},
    {"ID_NUMBER", "employee id: [EMP-23311]"},
    {"ID_NUMBER", "policy number POL? policy number [8846781]"},
    {"US_SSN", "ssn: [939-39-4539]"},
    {"CREDIT_CARD", "card on file: [4000-0000-0022-9622]"},
    {"VEHICLE_PLATE", "license plate [ABC 1234]"},
    {"VEHICLE_PLATE", "Kennzeichen: [B-MW 1234]"},
    {"VIN", "[1HGBH41JXMN109186]"},
    {NULL, "the policy 2024-11-20 says, license 2024, account $1200000, chapter 12345 of 67890"},
    {NULL, "MIT License 2024, order number 123456789, invoice 20241120, ISBN 9783161484100"},
    /* national numbers: check digits, forms, labels (numbers from the rules' own documents, or made up to fit) */
    {"NATIONAL_ID", "CPF [111.444.777-35]"},
    {"NATIONAL_ID", "[85.07.30-033.28]"},
    {"NATIONAL_ID", "BSN [111222333]"},
    {"NATIONAL_ID", "nir [2 55 08 14 168 025 38]"},
    {"NATIONAL_ID", "Steuer-ID: [36574261809]"},
    {"NATIONAL_ID", "[756.9217.0769.85]"},
    {"NATIONAL_ID", "[12.531.909-2]"},
    {"NATIONAL_ID", "[20-05536168-2]"},
    {"NATIONAL_ID", "[BOXW310820HNERXN09]"},
    {"NATIONAL_ID", "[123-456-782]"},
    {"NATIONAL_ID", "[880320-0016]"},
    {"NATIONAL_ID", "[15108695088]"},
    {"NATIONAL_ID", "[710319/2745]"},
    {"NATIONAL_ID", "[1630615123457]"},
    {"NATIONAL_ID", "OIB: [33392005961]"},
    {"NATIONAL_ID", "[17291716060]"},
    {"NATIONAL_ID", "[360426199101010071]"},
    {"NATIONAL_ID", "[A123456(3)]"},
    {"NATIONAL_ID", "[7503305044089]"},
    {"NATIONAL_ID", "[784-1980-1234567-8]"},
    {"NATIONAL_ID", "[6433435F]"},
    {"ES_NIF", "[54362315K]"},
    {"ES_NIE", "[X-2482300-W]"},
    {"IT_FISCAL_CODE", "[RCCMNL83S18D969H]"},
    {"PL_PESEL", "[44051401359]"},
    {"FI_PERSONAL_IDENTITY_CODE", "[131052-308T]"},
    {"UK_NINO", "[AB 12 34 56 C]"},
    {"UK_NHS", "NHS number [943 476 5919]"},
    {"SG_NRIC_FIN", "[S1234567D]"},
    {"IN_AADHAAR", "[2341 2341 2346]"},
    {"IN_PAN", "[ACUPA7085R]"},
    {"KR_RRN", "[971013-1019902]"},
    {"TH_TNIN", "[1-2345-45678-78-1]"},
    {NULL,
     "54362315A X2482300A RCCMNL83S18D969A 44051401358 131052-308A 111.444.777-36 5432 1098 7654"},
    /* dates of birth, ages, dates */
    {"DATE_OF_BIRTH", "DOB: [1952-05-21]."},
    {"DATE_OF_BIRTH", "she was born on [May 21, 1952] in"},
    {"DATE_OF_BIRTH", "geboren am [21.05.1952]"},
    {"DATE_OF_BIRTH", "Fecha de nacimiento: [10 de octubre de 1963]."},
    {"DATE_TIME", "on [2024-11-20 12:30:45]."},
    {"DATE_TIME", "the [3rd of March 2021], a"},
    {"DATE_TIME", "see you on [Friday]"},
    {"AGE", "a [50]-year-old man"},
    {"AGE", "tiene [53 a\xc3\xb1os]"},
    {"DATE_OF_BIRTH", "DOB: [1952-05-21], admitted 2024-11-20"},
    {NULL, "VS: BP 141/60, HR 59, RR 18, SpO2 97"},
    {NULL, "his birthday is nice. The report of 2024-11-20 and 32 years old, 1.2.12"},
    /* places */
    {"STREET_ADDRESS", "at [3512 Magnolia Way, Georgetown, NM 67838]."},
    {"STREET_ADDRESS", "[221B Baker Street], they say"},
    {"STREET_ADDRESS", "Domicilio: [Calle Carmen Romero, 23, 1D]."},
    {"STREET_ADDRESS", "wohnt [Hauptstra\xc3\x9f\x65 5, 10115 Berlin]."},
    {"STREET_ADDRESS", "lives at [28245 Puruntie 82 Apt. 595\nLappeenranta\n53650]"},
    {"STREET_ADDRESS", "[12 rue de la Paix, 75002 Paris]."},
    {"STREET_ADDRESS", "write to [PO Box 1234, Springfield, IL 62701]"},
    {"POSTCODE", "in [SW1A 1AA]."},
    {"POSTCODE", "ZIP: [94105-1234]"},
    {"COORDINATES", "at [40.7128\xc2\xb0 N, 74.0060\xc2\xb0 W]."},
    {"COORDINATES", "([-33.86882, 151.20929])"},
    {NULL,
     "In 1995 Windows 95 came, 12 Monkeys, 3 Musketeers way, 10 Downing, room 12, floor 3, step 2 Drive on"},
    {NULL, "x = (0.1, 0.25), v 12.5, 3.14159265 2.71828"},
    /* machines and money */
    {"MAC_ADDRESS", "[00:1A:2B:3C:4D:5E]"},
    {"MAC_ADDRESS", "[001a.2b3c.4d5e]"},
    {"CRYPTO", "[1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa]"},
    {"CRYPTO", "[bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4]"},
    {"CRYPTO", "[0x52908400098527886E0F7030069857D2E4169EE7]"},
    {NULL,
     "00:00:00:00:00:00 12:34:56 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"},
    /* in disguise: the span is of the original */
    {"EMAIL_ADDRESS", "write to [john at example-mail dot com] now"},
    {"EMAIL_ADDRESS", "[jane.doe (at) acme (dot) co (dot) uk]"},
    {"EMAIL_ADDRESS", "[john\xe2\x80\x8b@acme\xe2\x80\x8b.io]"},
    {"EMAIL_ADDRESS", "[j\xd0\xb0ne@acm\xd0\xb5.io]"},
    {"EMAIL_ADDRESS", "x=[jane%40acme.io]&y"},
    {"EMAIL_ADDRESS", "\\\"[jane\\u0040acme.io]\\\""},
    {"EMAIL_ADDRESS", "[jane&#64;acme.io]"},
    {"EMAIL_ADDRESS", "a\\n[jane@acme.io]\\nb"},
    {"EMAIL_ADDRESS", "see [bXkgbWFpbCBpcyBqYW5lQGFjbWUuaW8sIHRoYW5rcw==] there"},
    {"CREDIT_CARD", "[4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1]"},
    {"CREDIT_CARD", "[\xef\xbc\x94\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91 1111 1111 1111]"},
    {"US_SSN", "ssn [1 2 3 - 4 5 - 6 7 8 9]"},
    {NULL, "look at example dot com, arrive at noon. it is at home . com"},
    {NULL,
     "\xd1\x80\xd0\xb0\xd0\xb7 100%25 \\n \\\\server\\share aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ="},
    {NULL, "What is 2 + 2? Explain TCP/IP in 3 sentences; then write 100 lines of C17."},
};

/* Patterns alone (names have names_test.c): what a fresh policy replaces, and findings of `expected`. */
static int scan(struct span text, const char *expected, struct finding *out, int max)
{
    struct findings f;
    findings_init(&f, 1000);
    detect_text(text, SPAN_NONE, &f);
    int kept = 0;
    for (int i = 0; i < f.count; i++) {
        const char *type = f.items[i].type;
        if (personal_type_replaced(type) || (expected && strcmp(type, expected) == 0)) {
            f.items[kept++] = f.items[i];
        }
    }
    f.count = kept;
    findings_settle(&f);
    int n = MIN(f.count, max);
    for (int i = 0; i < n; i++) {
        out[i] = f.items[i];
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
        int n = scan(span_of(text, len), s->type, found, 8);
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
    assert_int_equal(scan(text, NULL, f, 8), 4);
    assert_string_equal(f[0].type, "EMAIL_ADDRESS");
    assert_string_equal(f[1].type, "PHONE_NUMBER");
    assert_string_equal(f[2].type, "CREDIT_CARD");
    assert_string_equal(f[3].type, "IP_ADDRESS");
    for (int i = 1; i < 4; i++) {
        assert_true(f[i].start >= f[i - 1].end);
    }
    assert_int_equal(scan(text, NULL, f, 2), 2);
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
            int n = scan(span_of(exact, to - from), NULL, f, 16);
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
    static const char *const units[] = {"sk-",
                                        "eyJaaaaaaaa-",
                                        "=a",
                                        "@",
                                        "a@a.",
                                        "1 ",
                                        "+",
                                        "(0",
                                        "-----BEGIN ",
                                        "bearer ",
                                        "a:",
                                        "1-1-",
                                        "AD1",
                                        "<",
                                        "token=",
                                        "0::",
                                        "A 1 ",
                                        "1 A ",
                                        "Main St ",
                                        "a://",
                                        "http://a:b@",
                                        "%41",
                                        "\\u0041",
                                        "QUJD",
                                        "12 Rue ",
                                        "passport ",
                                        "a at a dot ",
                                        "\xd0\x90",
                                        "\xe4\xb8\xad",
                                        "\xef\xbd\x81"};
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
        scan(span_of(text, BYTES), NULL, f, 4);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
        if (s > 1.0) { /* with sanitizers; a quadratic validator takes minutes */
            fail_msg("%s takes %.1f s for 256 KiB", units[u], s);
        }
    }
    mem_free(text);
}

/* Stopping anywhere and going on later finds the same. */
static void test_in_slices(void **state)
{
    (void)state;
    struct span text = SPAN(
        "Patient passport no. X1234567, card 4111 1111 1111 1111, lives at 12 Main Street, Springfield, IL 62701; "
        "jane@acme.io, +1 415 555 0132, DOB 1952-05-21, see https://a.org/x?m=bob@acme.io");
    struct findings whole;
    findings_init(&whole, 100);
    detect_text(text, SPAN_NONE, &whole);
    for (size_t bytes = 1; bytes < 40; bytes += 3) {
        struct detection d;
        struct findings sliced;
        findings_init(&sliced, 100);
        detect_begin(&d, text, SPAN_NONE, &sliced);
        while (detect_some(&d, bytes)) {
        }
        assert_int_equal(sliced.count, whole.count);
        for (int i = 0; i < whole.count; i++) {
            assert_string_equal(sliced.items[i].type, whole.items[i].type);
            assert_int_equal(sliced.items[i].start, whole.items[i].start);
            assert_int_equal(sliced.items[i].end, whole.items[i].end);
        }
        findings_done(&sliced);
    }
    assert_true(whole.count >= 7);
    findings_done(&whole);
}

/* A key gives its value a meaning: {"dob": "1952-05-21"}. */
static void test_keys_are_labels(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *type;
    } rows[] = {
        {"dob", "1952-05-21", "DATE_OF_BIRTH"},
        {"passportNumber", "X1234567", "PASSPORT"},
        {"mrn", "1015952", "MEDICAL_RECORD"},
        {"user_ssn", "123456789", "US_SSN"},
        {"phone", "4155550132", "PHONE_NUMBER"},
        {"password", "Tr0ub4dor&3", "SECRET"},
        {"apiKey", "8f3b2a9c7d1e4f5a6b7c", "SECRET"},
        {"lat", "40.7128", "COORDINATES"},
        {"created", "1952-05-21", NULL},
        {"count", "123456789", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct findings f;
        findings_init(&f, 10);
        detect_text(span_c(rows[i].value), span_c(rows[i].key), &f);
        bool found = f.count == 1 && personal_type_replaced(f.items[0].type);
        if (rows[i].type ? !found || strcmp(f.items[0].type, rows[i].type) != 0 : found) {
            fail_msg("%s: %s", rows[i].key, found ? f.items[0].type : "nothing");
        }
        findings_done(&f);
    }
}

static void test_types_have_one_name(void **state)
{
    (void)state;
    assert_ptr_equal(personal_type_name(SPAN("US_PASSPORT")), personal_types[TYPE_PASSPORT]);
    assert_null(personal_type_name(SPAN("NRP")));
    assert_true(personal_type_replaced("STREET_ADDRESS"));
    assert_false(personal_type_replaced("LOCATION"));
    assert_true(personal_type_replaced("MY_OWN")); /* custom */
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
        cmocka_unit_test(test_in_slices),
        cmocka_unit_test(test_keys_are_labels),
        cmocka_unit_test(test_types_have_one_name),
        cmocka_unit_test(test_overlaps_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
