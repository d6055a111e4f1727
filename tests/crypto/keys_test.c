/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/keys.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void digests_match_fips_180(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *hex;
    } cases[] = {
        {SPAN(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {SPAN_NONE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {SPAN("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char hex[SHA256_HEX_BYTES];
        sha256_hex(cases[i].in, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void a_file_has_the_digest_of_its_bytes(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-keys-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct text bytes;
    text_init(&bytes, MIB);
    for (int i = 0; i < 40000; i++) {
        text_addf(&bytes, "line %d\n", i);
    }
    assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
    close(fd);
    char want[SHA256_HEX_BYTES];
    char got[SHA256_HEX_BYTES];
    sha256_hex(text_span(&bytes), want);
    struct fault fault = {0};
    assert_int_equal(sha256_file_hex(path, got, &fault), OK);
    assert_string_equal(got, want);
    unlink(path);
    assert_int_equal(sha256_file_hex(path, got, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, path));
    text_done(&bytes);
}

static void made_keys_open_the_door(void **state)
{
    (void)state;
    char key[2][KEY_BYTES];
    struct text file;
    text_init(&file, 4096);
    text_add(&file, SPAN("# made by a test\n\n"));
    key_generate(key[0]);
    key_generate(key[1]);
    assert_string_not_equal(key[0], key[1]);
    assert_int_equal(strlen(key[0]), 48);
    assert_int_equal(
        strspn(key[0] + 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    key_line(SPAN("alice@example"), span_c(key[0]), false, &file);
    key_line(SPAN("root"), span_c(key[1]), true, &file);
    assert_null(strstr(file.data, key[0]));

    struct keys *keys = NULL;
    struct fault fault = {0};
    assert_int_equal(keys_parse(text_span(&file), "keys", &keys, &fault), OK);
    assert_int_equal(keys_count(keys), 2);
    const char *name = NULL;
    bool admin = true;
    assert_true(keys_check(keys, span_c(key[0]), &name, &admin));
    assert_string_equal(name, "alice@example");
    assert_false(admin);
    assert_true(keys_check(keys, span_c(key[1]), &name, &admin));
    assert_string_equal(name, "root");
    assert_true(admin);
    assert_true(keys_check(keys, span_c(key[1]), NULL, NULL));

    name = "untouched";
    key[0][47] ^= 1;
    assert_false(keys_check(keys, span_c(key[0]), &name, &admin));
    assert_false(keys_check(keys, SPAN(""), &name, &admin));
    assert_false(keys_check(keys, SPAN_NONE, &name, &admin));
    assert_string_equal(name, "untouched");
    struct text longer;
    text_init(&longer, 16 * KIB);
    for (int i = 0; i < 1000; i++) {
        text_add_c(&longer, "weir_");
    }
    assert_false(keys_check(keys, text_span(&longer), &name, &admin));
    text_done(&longer);
    keys_free(keys);
    text_done(&file);
}

#define DIGEST_A "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define DIGEST_B "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"

static void an_over_long_key_never_matches_by_its_beginning(void **state)
{
    (void)state;
    struct text key;
    struct text file;
    text_init(&key, 8 * KIB);
    text_init(&file, KIB);
    while (key.len < 4 * KIB) {
        text_add_char(&key, 'k');
    }
    key_line(SPAN("n"), text_span(&key), false, &file);
    struct keys *keys = NULL;
    assert_int_equal(keys_parse(text_span(&file), "keys", &keys, NULL), OK);
    assert_true(keys_check(keys, text_span(&key), NULL, NULL));
    text_add_char(&key, 'k');
    assert_false(keys_check(keys, text_span(&key), NULL, NULL));
    keys_free(keys);
    text_done(&key);
    text_done(&file);
}

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *file, *wrong;
    } cases[] = {
        {"alice", "keys:1: after the name"},
        {"\n# c\nalice " DIGEST_A "0", "keys:3: after the name"},
        {"alice " DIGEST_A "\nbob 12", "keys:2: after the name"},
        {"al/ce " DIGEST_A, "keys:1: the name must"},
        {"alice " DIGEST_A " boss", "keys:1: after the digest"},
        {"alice " DIGEST_A " admin more", "keys:1: after the digest"},
        {"alice " DIGEST_A "\nalice " DIGEST_B, "keys:2: the same name as on line 1"},
        {"alice " DIGEST_A "\nbob " DIGEST_A, "keys:2: the same key as on line 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct keys *keys = NULL;
        struct fault fault = {0};
        assert_int_equal(keys_parse(span_c(cases[i].file), "keys", &keys, &fault), ERR_INVALID);
        assert_null(keys);
        if (strstr(fault.text, cases[i].wrong) != fault.text) {
            fail_msg("\"%s\" does not begin with \"%s\"", fault.text, cases[i].wrong);
        }
    }
    struct keys *keys = NULL;
    assert_int_equal(keys_parse(SPAN("a " DIGEST_A "\r\n\tb\t" DIGEST_B "  admin # boss\r\n"),
                                "keys", &keys, NULL),
                     OK);
    assert_int_equal(keys_count(keys), 2);
    bool admin = false;
    assert_true(keys_check(keys, SPAN("abc"), NULL, &admin) && !admin);
    keys_free(keys);
    struct fault fault = {0};
    assert_int_equal(keys_load("/nonexistent/keys", &keys, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, "weir keys add"));
}

static void any_bytes_are_taken(void **state)
{
    (void)state;
    static const char zeros[] = "a\0b " DIGEST_A;
    struct keys *keys = NULL;
    assert_int_equal(keys_parse(span_of(zeros, sizeof zeros - 1), "keys", &keys, NULL),
                     ERR_INVALID);
    assert_int_equal(keys_parse(SPAN("\xff\xfe"), "keys", &keys, NULL), ERR_INVALID);
    assert_int_equal(keys_parse(SPAN(""), "keys", &keys, NULL), OK);
    assert_int_equal(keys_count(keys), 0);
    keys_free(keys);
}

static void secrets_compare(void **state)
{
    (void)state;
    assert_true(secret_eq(SPAN("abc"), SPAN("abc")));
    assert_false(secret_eq(SPAN("abc"), SPAN("abd")));
    assert_false(secret_eq(SPAN("abc"), SPAN("ab")));
    assert_true(secret_eq(SPAN(""), SPAN_NONE));
}

int main(int argc, char **argv)
{
    if (argc > 1 &&
        strcmp(argv[1], "--bench") == 0) { /* what a check costs; not part of the tests */
        struct keys *keys = NULL;
        uint64_t t0 = clock_now_us();
        if (keys_parse(SPAN("a " DIGEST_A "\nb " DIGEST_B "\n"), "keys", &keys, NULL)) {
            return 1;
        }
        bool ok = keys_check(keys, SPAN("abc"), NULL, NULL);
        uint64_t t1 = clock_now_us();
        for (int i = 0; i < 100000; i++) {
            ok &= keys_check(keys, SPAN("abc"), NULL, NULL);
        }
        uint64_t t2 = clock_now_us();
        printf("first check %llu us, then %.3f us each (%d)\n", (unsigned long long)(t1 - t0),
               (double)(t2 - t1) / 1e5, ok);
        keys_free(keys);
        FILE *f = fopen("/proc/self/smaps_rollup", "r");
        for (char line[200]; f && fgets(line, sizeof line, f);) {
            fputs(line, stdout);
        }
        return f ? fclose(f) : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_fips_180),
        cmocka_unit_test(a_file_has_the_digest_of_its_bytes),
        cmocka_unit_test(made_keys_open_the_door),
        cmocka_unit_test(an_over_long_key_never_matches_by_its_beginning),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(any_bytes_are_taken),
        cmocka_unit_test(secrets_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
