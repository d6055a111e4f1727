/* SPDX-License-Identifier: Apache-2.0 */
/* Learned weights survive a restart; what is no weights file is set aside. */
#include "app/learner.h"
#include "app/weights.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[64], ledger[96], weights[112], aside[128];
};

static struct place place(void)
{
    struct place p;
    (void)snprintf(p.folder, sizeof p.folder, "%s", "/tmp/weir-weights-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.ledger, sizeof p.ledger, "%s/weir.db", p.folder);
    (void)snprintf(p.weights, sizeof p.weights, "%s.weights", p.ledger);
    (void)snprintf(p.aside, sizeof p.aside, "%s.old", p.weights);
    return p;
}

static void place_done(const struct place *p)
{
    (void)unlink(p->weights);
    (void)unlink(p->aside);
    assert_int_equal(rmdir(p->folder), 0); /* nothing else was left */
}

static void learn_some(struct learning *l)
{
    struct features f = {.words = 2, .word = {7, 70}, .marker = {[MARKER_LENGTH] = 20}};
    heads_learn(&l->heads, &f, &(struct label){.device = 1, .cloud = 0, .importance = 1});
}

static void close_mapping(struct learning *l)
{
    assert_int_equal(munmap(l, sizeof *l), 0);
}

static void weights_survive_a_restart(void **state)
{
    (void)state;
    struct place p = place();
    struct fault fault = {0};
    struct learning *l = weights_open(p.ledger);
    assert_int_equal(l->heads.prompts, 0);
    learn_some(l);
    assert_int_equal(weights_save(p.ledger, &l->heads, &fault), OK);
    struct learning *again = weights_open(p.ledger);
    assert_memory_equal(&again->heads, &l->heads, sizeof l->heads);
    struct stat st;
    assert_int_equal(stat(p.weights, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close_mapping(l);
    close_mapping(again);
    place_done(&p);
}

static void damage(const char *path, off_t at, size_t bytes, bool cut)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    if (cut) {
        assert_int_equal(ftruncate(fd, at), 0);
    } else {
        char junk[16];
        memset(junk, 0xff, sizeof junk);
        assert_true(pwrite(fd, junk, bytes, at) == (ssize_t)bytes);
    }
    close(fd);
}

static void what_is_no_weights_file_is_set_aside(void **state)
{
    (void)state;
    static const struct {
        off_t at;
        size_t bytes;
        bool cut;
    } damages[] = {
        {0, 8, false},                                /* magic */
        {8, 4, false},                                /* version */
        {12, 4, false},                               /* features */
        {100, 0, true},                               /* cut short */
        {0, 0, true},                                 /* empty */
        {offsetof(struct heads, steps), 4, false},    /* not a number */
        {offsetof(struct heads, mean) + 40, 4, false} /* … */
    };
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        struct place p = place();
        struct fault fault = {0};
        struct learning *l = weights_open(p.ledger);
        learn_some(l);
        assert_int_equal(weights_save(p.ledger, &l->heads, &fault), OK);
        damage(p.weights, damages[i].at, damages[i].bytes, damages[i].cut);
        struct learning *again = weights_open(p.ledger);
        assert_int_equal(again->heads.prompts, 0);
        assert_int_equal(access(p.aside, F_OK), 0); /* nothing is lost */
        assert_int_not_equal(access(p.weights, F_OK), 0);
        close_mapping(l);
        close_mapping(again);
        place_done(&p);
    }
}

static void saving_where_nothing_can_be_written_says_so(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct learning *l = weights_open("/nowhere/weir.db");
    assert_int_equal(weights_save("/nowhere/weir.db", &l->heads, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, "/nowhere/weir.db.weights"));
    close_mapping(l);
}

static void one_worker_saves_while_it_runs_and_all_at_their_end(void **state)
{
    (void)state;
    struct place p = place();
    struct learning *l = weights_open(p.ledger);
    struct learner keeper;
    struct learner other;
    clock_set_virtual(1000, 1000);
    learner_start(&keeper, l, p.ledger, 0);
    learner_start(&other, l, p.ledger, 1);
    learn_some(l);
    clock_set_virtual(2000 + LEARNER_SAVE_US, 1000);
    learner_tick(&other);
    assert_int_not_equal(access(p.weights, F_OK), 0);
    learner_tick(&keeper);
    learner_stop(&keeper);
    assert_int_equal(access(p.weights, F_OK), 0);
    assert_int_equal(unlink(p.weights), 0);
    learner_stop(&other);
    assert_int_equal(access(p.weights, F_OK), 0);
    clock_set_virtual(0, 0);
    close_mapping(l);
    place_done(&p);
}

int main(void)
{
    log_setup(LOG_ERROR, false, "test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_survive_a_restart),
        cmocka_unit_test(what_is_no_weights_file_is_set_aside),
        cmocka_unit_test(saving_where_nothing_can_be_written_says_so),
        cmocka_unit_test(one_worker_saves_while_it_runs_and_all_at_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
