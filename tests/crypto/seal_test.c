/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed bytes open with their key and in their place only; a key file is whole, private, and never written over. */
#include "crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[96];

static int begin_test(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-seal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    return 0;
}

static int end_test(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct seal *made(void)
{
    struct seal *s = NULL;
    struct fault fault = {0};
    if (seal_load(path, true, &s, &fault)) {
        fail_msg("%s", fault.text);
    }
    return s;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void what_was_sealed_opens_again(void **state)
{
    (void)state;
    struct seal *s = made();
    for (size_t len = 0; len < 5000; len = len * 3 + 1) {
        struct text plain, sealed, back;
        text_init(&plain, MIB);
        text_init(&sealed, MIB);
        text_init(&back, MIB);
        for (size_t i = 0; i < len; i++) {
            text_add_char(&plain, (char)i);
        }
        assert_int_equal(seal_wrap(s, text_span(&plain), SPAN("req_1"), &sealed), OK);
        assert_int_equal(sealed.len, len + SEAL_OVERHEAD);
        assert_int_equal(seal_unwrap(s, text_span(&sealed), SPAN("req_1"), &back, NULL), OK);
        assert_true(span_eq(text_span(&back), text_span(&plain)));
        text_done(&plain);
        text_done(&sealed);
        text_done(&back);
    }
    seal_free(s);
}

/* Computed with another implementation: key 00…1f, nonce "nonce-12byte", context "req_1". */
static void the_format_is_what_the_header_says(void **state)
{
    (void)state;
    write_file("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", 0600);
    struct seal *s = made();
    static const unsigned char sealed[] = {
        0x57, 0x53, 0x4c, 0x31, 0xee, 0x97, 0x09, 0x18, 0x37, 0x2a, 0x73, 0x3d, 0x6e,
        0x6f, 0x6e, 0x63, 0x65, 0x2d, 0x31, 0x32, 0x62, 0x79, 0x74, 0x65, 0x11, 0xb5,
        0xc8, 0xce, 0xdf, 0x65, 0x5d, 0xc1, 0xc3, 0x60, 0xe8, 0x68, 0x5a, 0x43, 0x92,
        0x10, 0x45, 0x72, 0x0b, 0xe8, 0x90, 0xf5, 0x6a, 0x2c, 0x51, 0x35, 0xd8, 0xc4,
        0x29, 0xc6, 0x99, 0xf7, 0xc8, 0xac, 0x39, 0x1a, 0x19,
    };
    struct text out;
    text_init(&out, KIB);
    struct fault fault = {0};
    if (seal_unwrap(s, span_of((const char *)sealed, sizeof sealed), SPAN("req_1"), &out, &fault)) {
        fail_msg("%s", fault.text);
    }
    assert_true(span_is(text_span(&out), "the words of a prompt"));
    text_done(&out);
    seal_free(s);
}

static void changed_moved_or_cut_it_stays_closed(void **state)
{
    (void)state;
    struct seal *s = made();
    struct text sealed, back;
    text_init(&sealed, KIB);
    text_init(&back, KIB);
    struct fault fault = {0};
    assert_int_equal(seal_wrap(s, SPAN("secret"), SPAN("req_1"), &sealed), OK);
    assert_null(memmem(sealed.data, sealed.len, "secret", 6));
    assert_int_equal(seal_unwrap(s, text_span(&sealed), SPAN("req_2"), &back, &fault), ERR_INVALID);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(seal_unwrap(s, text_span(&sealed), SPAN("req_1"), &back, &fault),
                         ERR_INVALID);
        sealed.data[i] ^= 1;
        assert_int_equal(seal_unwrap(s, span_of(sealed.data, i), SPAN("req_1"), &back, &fault),
                         ERR_INVALID);
    }
    assert_int_equal(back.len, 0);
    assert_int_equal(seal_unwrap(s, text_span(&sealed), SPAN("req_1"), &back, &fault), OK);
    text_done(&sealed);
    text_done(&back);
    seal_free(s);
}

static void another_key_is_named(void **state)
{
    (void)state;
    struct seal *first = made();
    struct text sealed, back;
    text_init(&sealed, KIB);
    text_init(&back, KIB);
    assert_int_equal(seal_wrap(first, SPAN("secret"), SPAN_NONE, &sealed), OK);
    assert_int_equal(unlink(path), 0);
    struct seal *second = made();
    struct fault fault = {0};
    char name[SEAL_NAME_BYTES];
    assert_int_equal(seal_unwrap(second, text_span(&sealed), SPAN_NONE, &back, &fault),
                     ERR_INVALID);
    seal_name(first, name);
    assert_non_null(strstr(fault.text, name));
    seal_name(second, name);
    assert_non_null(strstr(fault.text, name));
    text_done(&sealed);
    text_done(&back);
    seal_free(first);
    seal_free(second);
}

static void bad_key_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    struct seal *s = NULL;
    struct fault fault = {0};
    assert_int_equal(seal_load(path, false, &s, &fault), ERR_NOT_FOUND);
    static const char good[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const char *const bad[] = {
        "",
        "\n",
        "0011",
        "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        write_file(bad[i], 0600);
        assert_int_equal(seal_load(path, true, &s, &fault), ERR_INVALID);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, strlen(bad[i]));
    }
    write_file(good, 0640);
    assert_int_equal(seal_load(path, true, &s, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "chmod 600"));
    write_file(good, 0400);
    assert_int_equal(seal_load(path, true, &s, &fault), OK);
    seal_free(s);
    assert_int_not_equal(seal_load("/nonexistent-folder/key", true, &s, &fault), OK);
    assert_int_equal(seal_load(folder, true, &s, &fault), ERR_IO);
}

static void processes_that_start_together_get_one_key(void **state)
{
    (void)state;
    pid_t children[8];
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct seal *s = NULL;
            char name[SEAL_NAME_BYTES], result[128];
            if (seal_load(path, true, &s, NULL)) {
                _exit(1);
            }
            seal_name(s, name);
            snprintf(result, sizeof result, "%s/%s.%zu", folder, name, i);
            FILE *f = fopen(result, "w");
            _exit(f ? 0 : 1);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct seal *s = made();
    char name[SEAL_NAME_BYTES];
    seal_name(s, name);
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        char result[128];
        snprintf(result, sizeof result, "%s/%s.%zu", folder, name, i);
        assert_int_equal(access(result, F_OK), 0);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    char command[128];
    snprintf(command, sizeof command, "test -z \"$(ls '%s' | grep new)\"", folder);
    assert_int_equal(system(command), 0); /* nothing is left beside it */
    seal_free(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        T(what_was_sealed_opens_again),
        T(the_format_is_what_the_header_says),
        T(changed_moved_or_cut_it_stays_closed),
        T(another_key_is_named),
        T(bad_key_files_are_refused_and_left_alone),
        T(processes_that_start_together_get_one_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
