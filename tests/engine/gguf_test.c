/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/gguf.h"

#include "base/text.h"
#include "testmodel.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/weir-gguf-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/some-model.gguf", mkdtemp(folder));
    return 0;
}
static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void expect_fault(const char *word)
{
    struct gguf_facts facts;
    struct fault fault = {0};
    assert_int_not_equal(gguf_check(path, &facts, &fault), OK);
    if (!strstr(fault.text, word)) {
        fail_msg("\"%s\" does not say \"%s\"", fault.text, word);
    }
    assert_non_null(strstr(fault.text, path));
}

static void test_a_good_model_states_its_facts(void **state)
{
    (void)state;
    struct testmodel m = {.layers = 3,
                          .heads = 4,
                          .kv_heads = 2,
                          .context = 777,
                          .f16 = true,
                          .name = "",
                          .refusal = "I cannot.",
                          .tasks = "intent,extract",
                          .demo = true};
    assert_int_equal(testmodel_write(&m, path), 0);
    struct gguf_facts f;
    assert_int_equal(gguf_check(path, &f, NULL), OK);
    assert_string_equal(f.architecture, "llama");
    assert_string_equal(f.name, "some-model"); /* the file's, as it has none of its own */
    assert_string_equal(f.quantisation, "F16");
    assert_string_equal(f.tasks, "intent,extract");
    assert_string_equal(f.refusal, "I cannot.");
    assert_true(f.demo);
    assert_true(f.has_chat_template);
    assert_false(f.template_has_tools);
    assert_int_equal(f.context, 777);
    assert_int_equal(f.vocabulary, 262);
    assert_int_equal(f.kv_bytes_per_token, 3 * 2 * (16 + 16) * 2);
    assert_int_equal(gguf_memory_needed(&f, 777, 2),
                     f.file_bytes + 777 * 2 * f.kv_bytes_per_token + 64 * (int64_t)MIB);
}

static void test_tools_in_the_template_are_seen_across_pieces(void **state)
{
    (void)state;
    char *template = malloc(5001);
    assert_non_null(template);
    memset(template, 'x', 5000);
    template[5000] = 0;
    memcpy(template + 1021, "tools", 5); /* over the border of a reading piece */
    assert_int_equal(testmodel_write(&(struct testmodel){.chat_template = template}, path), 0);
    struct gguf_facts f;
    assert_int_equal(gguf_check(path, &f, NULL), OK);
    assert_true(f.template_has_tools);
    free(template);
}

static void test_each_bad_file_gets_its_sentence(void **state)
{
    (void)state;
    unlink(path);
    expect_fault("not there");
    assert_int_equal(mkdir(path, 0700), 0);
    expect_fault("a folder");
    assert_int_equal(rmdir(path), 0);
    FILE *f = fopen(path, "wb");
    fputs("#!/bin/sh\necho this is no model\n", f);
    fclose(f);
    expect_fault("not a GGUF file");
    assert_int_equal(truncate(path, 0), 0);
    expect_fault("not a GGUF file");
    assert_int_equal(testmodel_write(&(struct testmodel){.architecture = "lama"}, path), 0);
    expect_fault("architecture \"lama\"");
    assert_int_equal(testmodel_write(&(struct testmodel){.architecture = "clip"}, path), 0);
    expect_fault("vision");
    assert_int_equal(testmodel_write(&(struct testmodel){.architecture = "nomic-bert"}, path), 0);
    expect_fault("no text generator");
}

static void test_every_truncation_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(
        testmodel_write(&(struct testmodel){.embedding = 32, .text = "AB", .layers = 1}, path), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (off_t size = st.st_size - 1; size >= 4; size -= size > 9000 ? 977 : 31) {
        assert_int_equal(truncate(path, size), 0);
        expect_fault("truncated");
    }
}

static void test_lengths_from_the_file_are_not_believed(void **state)
{
    (void)state;
    struct {
        char magic[4];
        uint32_t version;
        uint64_t tensors, pairs, key_len;
        char rest[64];
    } bad = {.magic = "GGUF", .version = 3, .tensors = 1, .pairs = 1, .key_len = UINT64_MAX};
    for (int i = 0; i < 3; i++) {
        bad.pairs = i == 1 ? UINT64_MAX : 1;
        bad.tensors = i == 2 ? UINT64_MAX : 1;
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, &bad, sizeof bad), sizeof bad);
        close(fd);
        expect_fault(i == 0 ? "truncated" : "damaged");
    }
}

static void test_memory_is_a_sensible_number(void **state)
{
    (void)state;
    int64_t bytes = memory_available();
    assert_true(bytes > (int64_t)MIB && bytes < (int64_t)1 << 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_model_states_its_facts),
        cmocka_unit_test(test_tools_in_the_template_are_seen_across_pieces),
        cmocka_unit_test(test_each_bad_file_gets_its_sentence),
        cmocka_unit_test(test_every_truncation_is_noticed),
        cmocka_unit_test(test_lengths_from_the_file_are_not_believed),
        cmocka_unit_test(test_memory_is_a_sensible_number),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
