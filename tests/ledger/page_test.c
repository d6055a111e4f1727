/* SPDX-License-Identifier: Apache-2.0 */
/* The shared page, judged by what survives: forks, kill -9, reboots, files of another version. */
#include "ledger/page.h"

#include "base/clock.h"
#include "base/rng.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY0_US (20000ull * US_PER_DAY + 12ull * 3600 * US_PER_S) /* noon, 2024-10-04 */

static char folder[64];
static char path[96];

static int begin_test(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-page-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/weir.db.page", folder);
    clock_set_virtual(1000 * US_PER_S, DAY0_US);
    return 0;
}

static int end_test(void **state)
{
    (void)state;
    clock_set_virtual(0, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct page *opened(void)
{
    struct page *p = NULL;
    struct fault fault = {0};
    if (page_open(path, &p, &fault) != OK) {
        fail_msg("%s", fault.text);
    }
    return p;
}

static const struct budget_limits none = {-1, -1, -1};

/* ---- budget ---- */

static void test_reserve_and_settle(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct budget_limits l = {.per_day = 100, .per_month = -1, .per_key_per_day = -1};
    struct budget_ticket a;
    struct budget_ticket b;
    assert_int_equal(page_budget_left(p, &l, 0), 100);
    assert_int_equal(page_budget_reserve(p, 0, &l, 0, 60, &a), OK);
    assert_int_equal(page_budget_reserve(p, 0, &l, 0, 41, &b), ERR_BUDGET);
    assert_int_equal(page_budget_reserve(p, 0, &l, 0, 40, &b), OK);
    assert_int_equal(page_budget_left(p, &l, 0), 0);
    assert_int_equal(page_budget_spent_today(p), 0); /* reserved is not spent */
    page_budget_settle(p, &a, 10);
    assert_int_equal(page_budget_spent_today(p), 10);
    assert_int_equal(page_budget_left(p, &l, 0), 50);
    page_budget_settle(p, &b, 0); /* refused before it was sent: costs nothing */
    assert_int_equal(page_budget_left(p, &l, 0), 90);
    assert_int_equal(page_budget_left(p, &none, 0), -1);
    page_close(p);
}

static void test_each_limit_refuses_and_gives_back(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct budget_limits l = {.per_day = 100, .per_month = 50, .per_key_per_day = 20};
    struct budget_ticket t;
    assert_int_equal(page_budget_reserve(p, 0, &l, 7, 21, &t), ERR_BUDGET); /* the key's */
    assert_int_equal(page_budget_reserve(p, 0, &l, 0, 51, &t), ERR_BUDGET); /* the month's */
    assert_int_equal(page_budget_left(p, &l, 0), 50);
    assert_int_equal(page_budget_reserve(p, 0, &l, 7, 20, &t), OK);
    assert_int_equal(page_budget_left(p, &l, 7), 0);
    assert_int_equal(page_budget_left(p, &l, 8), 20);
    assert_int_equal(page_budget_left(p, &l, 0), 30);
    page_close(p);
}

static void test_days_and_months_begin_anew(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct budget_limits l = {.per_day = 100, .per_month = 150, .per_key_per_day = 60};
    struct budget_ticket t;
    struct budget_ticket next;
    assert_int_equal(page_budget_reserve(p, 0, &l, 9, 60, &t), OK);
    clock_set_virtual(1, DAY0_US + US_PER_DAY);
    assert_int_equal(page_budget_left(p, &l, 9), 60);
    assert_int_equal(page_budget_reserve(p, 0, &l, 9, 60, &next), OK);
    /* Settled after midnight: yesterday's day, the same month. */
    page_budget_settle(p, &t, 10);
    assert_int_equal(page_budget_left(p, &l, 9), 0);
    assert_int_equal(page_budget_left(p, &l, 0), 40);
    struct budget_limits month_only = {-1, 150, -1};
    assert_int_equal(page_budget_left(p, &month_only, 0), 80);
    clock_set_virtual(1, DAY0_US + 40 * US_PER_DAY); /* two months on: October → November */
    assert_int_equal(page_budget_left(p, &month_only, 0), 150);
    page_close(p);
}

static void test_another_process_already_passed_midnight(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct budget_limits l = {-1, -1, .per_key_per_day = 100};
    struct budget_ticket t;
    clock_set_virtual(1, DAY0_US + US_PER_DAY);
    assert_int_equal(page_budget_reserve(p, 0, &l, 9, 70, &t), OK);
    clock_set_virtual(1, DAY0_US); /* a sibling that read its clock a moment earlier */
    assert_int_equal(page_budget_reserve(p, 0, &l, 9, 70, &t), ERR_BUDGET);
    assert_int_equal(page_budget_reserve(p, 0, &l, 9, 30, &t), OK);
    clock_set_virtual(1, DAY0_US + US_PER_DAY);
    assert_int_equal(page_budget_left(p, &l, 9), 0);
    page_budget_settle(p, &t, 0);
    assert_int_equal(page_budget_left(p, &l, 9), 30);
    page_close(p);
}

static void test_too_many_keys_refuse(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct budget_limits l = {-1, -1, 5};
    struct budget_ticket t;
    for (uint64_t k = 1; k <= PAGE_BUDGET_KEYS; k++) {
        assert_int_equal(page_budget_reserve(p, 0, &l, k * 7919, 1, &t), OK);
    }
    assert_int_equal(page_budget_reserve(p, 0, &l, 3, 1, &t), ERR_OVERLOADED);
    assert_int_equal(page_budget_reserve(p, 0, &none, 3, 1, &t), OK); /* no key limit: not needed */
    page_close(p);
}

/* Children reserve 3 at a time and settle at random until they are refused; one is killed in the middle. */
static void spend(struct page *p, int worker, const struct budget_limits *l, _Atomic int64_t *spent)
{
    page_worker_begin(p, worker, getpid());
    struct rng rng = {(uint64_t)worker};
    struct budget_ticket t;
    while (page_budget_reserve(p, worker, l, 42, 3, &t) == OK) {
        int64_t cost = (int64_t)rng_below(&rng, 4);
        atomic_fetch_add(spent, cost);
        page_budget_settle(p, &t, cost);
    }
    _exit(0);
}

static void test_budget_is_exact_across_processes(void **state)
{
    (void)state;
    struct page *p = page_memory();
    _Atomic int64_t *spent =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct budget_limits l = {.per_day = 30000, .per_month = 30000, .per_key_per_day = 30000};
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            spend(p, i, &l, spent);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    int64_t left = page_budget_left(p, &l, 42);
    assert_int_equal(left, 30000 - atomic_load(spent));
    assert_in_range(left, 0,
                    11); /* each of the four may have been refused while the others held 3 */
    munmap(spent, 4096);
    page_close(p);
}

static void test_reservations_of_the_killed_stay_spent(void **state)
{
    (void)state;
    struct page *p = opened();
    struct budget_limits l = {.per_day = 100, .per_month = -1, .per_key_per_day = -1};
    page_worker_begin(p, 0, getpid());
    pid_t child = fork();
    if (child == 0) {
        struct budget_ticket t;
        page_worker_begin(p, 1, getpid());
        if (page_budget_reserve(p, 1, &l, 0, 30, &t) != OK) {
            _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(page_budget_spent_today(p), 0);
    page_worker_lost(p, 1);
    assert_int_equal(page_budget_spent_today(p), 30);
    assert_int_equal(page_budget_left(p, &l, 0), 70);
    page_close(p);
    p = opened(); /* and over a restart */
    assert_int_equal(page_budget_left(p, &l, 0), 70);
    page_close(p);
}

/* ---- intents ---- */

static struct intent intent_named(const char *id)
{
    struct intent i = {.leg = 2, .wall_us = DAY0_US, .body_bytes = 412, .reserved_nano = 5};
    snprintf(i.request_id, sizeof i.request_id, "%s", id);
    snprintf(i.backend, sizeof i.backend, "cloud");
    return i;
}

static void test_intents_of_the_dead_are_lost_while_siblings_live(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct intent mine = intent_named("req_mine");
    struct intent lost;
    int slot;
    assert_int_equal(page_intent_write(p, 0, &mine, &slot), OK);
    pid_t child = fork();
    if (child == 0) {
        struct intent theirs = intent_named("req_theirs");
        int at;
        page_worker_begin(p, 1, getpid());
        if (page_intent_write(p, 1, &theirs, &at) != OK) {
            _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_false(page_intent_take_lost(p, &lost)); /* nobody said yet that it died */
    page_worker_lost(p, 1);
    assert_true(page_intent_take_lost(p, &lost));
    assert_string_equal(lost.request_id, "req_theirs");
    assert_string_equal(lost.backend, "cloud");
    assert_int_equal(lost.body_bytes, 412);
    assert_false(page_intent_take_lost(p, &lost));
    assert_int_equal(page_intents_used(p), 1);
    page_intent_clear(p, slot);
    assert_int_equal(page_intents_used(p), 0);
    page_close(p);
}

static void test_a_new_worker_in_the_same_row_does_not_inherit(void **state)
{
    (void)state;
    struct page *p = page_memory();
    struct intent i = intent_named("req_before");
    struct intent lost;
    int slot;
    page_worker_begin(p, 3, getpid());
    assert_int_equal(page_intent_write(p, 3, &i, &slot), OK);
    page_worker_begin(p, 3, getpid());
    assert_true(page_intent_adopt_lost(p, 3, &lost, &slot));
    assert_string_equal(lost.request_id, "req_before");
    struct intent again;
    int other;
    assert_false(page_intent_adopt_lost(p, 3, &again, &other)); /* it is the adopter's now … */
    page_worker_lost(p, 3);
    assert_true(page_intent_adopt_lost(p, 3, &again, &other)); /* … and lost again with it */
    assert_int_equal(slot, other);
    page_close(p);
}

static void test_lost_is_found_at_the_next_start(void **state)
{
    (void)state;
    struct page *p = opened();
    pid_t child = fork();
    if (child == 0) {
        struct intent i = intent_named("req_crash");
        int at;
        page_worker_begin(p, 0, getpid());
        _exit(page_intent_write(p, 0, &i, &at) != OK);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    page_close(p);
    p = opened();
    struct intent lost;
    assert_true(page_intent_take_lost(p, &lost));
    assert_string_equal(lost.request_id, "req_crash");
    assert_false(page_intent_take_lost(p, &lost));
    page_close(p);
}

static void test_opening_beside_a_living_server_takes_nothing(void **state)
{
    (void)state;
    struct page *p = opened();
    page_worker_begin(p, 0, getpid());
    struct intent i = intent_named("req_live");
    struct intent lost;
    int slot;
    assert_int_equal(page_intent_write(p, 0, &i, &slot), OK);
    page_count(p, 0, METRIC_REQUESTS, 5);
    struct page *second = opened();
    assert_false(page_intent_take_lost(second, &lost));
    assert_int_equal(page_metric(second, METRIC_REQUESTS), 5);
    int row = page_worker_begin_any(second, getpid());
    assert_true(row > 0);
    assert_int_not_equal(page_worker_begin_any(second, getpid()), row);
    page_close(second);
    page_close(p);
}

static void test_all_slots_taken(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct intent i = intent_named("req_many");
    int slot;
    for (int n = 0; n < PAGE_INTENTS; n++) {
        assert_int_equal(page_intent_write(p, 0, &i, &slot), OK);
    }
    assert_int_equal(page_intent_write(p, 0, &i, &slot), ERR_OVERLOADED);
    page_intent_clear(p, 4711);
    assert_int_equal(page_intent_write(p, 0, &i, &slot), OK);
    assert_int_equal(slot, 4711);
    page_close(p);
}

/* Four processes write and clear; one is killed while it does. What the living hold stays theirs. */
static void churn(struct page *p, int worker, int rounds)
{
    page_worker_begin(p, worker, getpid());
    char id[32];
    snprintf(id, sizeof id, "req_%d", worker);
    struct intent i = intent_named(id);
    for (int n = 0; n < rounds || rounds < 0; n++) {
        int a;
        int b;
        if (page_intent_write(p, worker, &i, &a) != OK ||
            page_intent_write(p, worker, &i, &b) != OK || a == b) {
            _exit(1);
        }
        page_intent_clear(p, a);
        page_intent_clear(p, b);
    }
    _exit(0);
}

static void test_churn_with_a_kill(void **state)
{
    (void)state;
    struct page *p = page_memory();
    pid_t children[4];
    for (int w = 0; w < 4; w++) {
        children[w] = fork();
        if (children[w] == 0) {
            churn(p, w, w == 0 ? -1 : 3000);
        }
    }
    usleep(3000);
    kill(children[0], SIGKILL);
    for (int w = 0; w < 4; w++) {
        int status;
        waitpid(children[w], &status, 0);
        assert_true(w == 0 ? WIFSIGNALED(status) : status == 0);
    }
    page_worker_lost(p, 0);
    struct intent lost;
    int found = 0;
    while (page_intent_take_lost(p, &lost)) {
        assert_string_equal(lost.request_id, "req_0");
        found++;
    }
    assert_in_range(found, 0, 2);
    assert_int_equal(page_intents_used(p), 0);
    page_close(p);
}

/* ---- breakers ---- */

#define S (1000ull * 1000)

static void fail_n(struct page *p, uint64_t id, int n, uint64_t now)
{
    for (int i = 0; i < n; i++) {
        page_breaker_report(p, id, false, now);
    }
}

static void test_breaker_opens_after_five_and_probes_once(void **state)
{
    (void)state;
    struct page *p = page_memory();
    uint64_t now = 100 * S;
    fail_n(p, 77, 4, now);
    page_breaker_report(p, 77, true, now);
    fail_n(p, 77, 4, now);
    assert_true(page_breaker_admit(p, 77, now));
    fail_n(p, 77, 1, now);
    assert_int_equal(page_breaker_state(p, 77, now), BREAKER_OPEN);
    assert_false(page_breaker_admit(p, 77, now + 5 * S - 1));
    assert_true(page_breaker_admit(p, 78, now)); /* another backend */
    assert_int_equal(page_breaker_state(p, 77, now + 5 * S), BREAKER_HALF_OPEN);
    assert_true(page_breaker_admit(p, 77, now + 5 * S));
    assert_false(page_breaker_admit(p, 77, now + 5 * S)); /* one probe */
    page_breaker_report(p, 77, false, now + 6 * S);
    assert_false(page_breaker_admit(p, 77, now + 16 * S - 1)); /* twice as long */
    assert_true(page_breaker_admit(p, 77, now + 16 * S));
    page_breaker_report(p, 77, true, now + 17 * S);
    assert_int_equal(page_breaker_state(p, 77, now + 17 * S), BREAKER_CLOSED);
    fail_n(p, 77, 4, now + 18 * S);
    assert_true(page_breaker_admit(p, 77, now + 18 * S));
    page_close(p);
}

static void test_breaker_pause_is_at_most_a_minute(void **state)
{
    (void)state;
    struct page *p = page_memory();
    uint64_t now = 100 * S;
    fail_n(p, 1, 5, now);
    uint64_t pauses[] = {5, 10, 20, 40, 60, 60};
    for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
        assert_false(page_breaker_admit(p, 1, now + pauses[i] * S - 1));
        now += pauses[i] * S;
        assert_true(page_breaker_admit(p, 1, now));
        page_breaker_report(p, 1, false, now);
    }
    page_close(p);
}

static void test_breaker_opens_on_a_bad_share(void **state)
{
    (void)state;
    struct page *p = page_memory();
    uint64_t now = 90 * S;
    for (int i = 0; i < 4;
         i++) { /* good and bad in turn: never five in a row, never more than half */
        page_breaker_report(p, 5, true, now);
        page_breaker_report(p, 5, false, now);
    }
    fail_n(p, 5, 1, now + 16 * S); /* 9 seen */
    assert_int_equal(page_breaker_state(p, 5, now + 16 * S), BREAKER_CLOSED);
    fail_n(p, 5, 1, now + 16 * S); /* 6 of 10 within 30 s */
    assert_int_equal(page_breaker_state(p, 5, now + 16 * S), BREAKER_OPEN);
    page_close(p);
}

static void test_breaker_forgets_old_failures(void **state)
{
    (void)state;
    struct page *p = page_memory();
    for (int i = 0; i < 20; i++) { /* one in 16 s fails, with one good before: half, spread out */
        uint64_t now = (100 + (uint64_t)i * 16) * S;
        page_breaker_report(p, 5, true, now);
        page_breaker_report(p, 5, false, now);
        assert_true(page_breaker_admit(p, 5, now));
    }
    page_close(p);
}

static void test_probe_that_never_reports(void **state)
{
    (void)state;
    struct page *p = page_memory();
    uint64_t now = 100 * S;
    fail_n(p, 1, 5, now);
    now += 5 * S;
    assert_true(page_breaker_admit(p, 1, now));
    assert_false(page_breaker_admit(p, 1, now + 29 * S));
    assert_true(page_breaker_admit(p, 1, now + 30 * S)); /* its process died */
    page_breaker_release(p, 1);                          /* its client left */
    assert_true(page_breaker_admit(p, 1, now + 31 * S));
    page_close(p);
}

static void test_one_probe_among_processes(void **state)
{
    (void)state;
    struct page *p = page_memory();
    fail_n(p, 1, 5, 100 * S);
    int admitted = 0;
    pid_t children[6];
    for (int i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(page_breaker_admit(p, 1, 106 * S) ? 7 : 0);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;
        waitpid(children[i], &status, 0);
        admitted += WEXITSTATUS(status) == 7;
    }
    assert_int_equal(admitted, 1);
    page_close(p);
}

/* ---- the file ---- */

static void test_file_of_another_version_is_set_aside(void **state)
{
    (void)state;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "something else", 14), 14);
    close(fd);
    struct page *p = opened();
    page_set_offline(p, true);
    page_close(p);
    p = opened();
    assert_true(page_offline(p)); /* the new file is whole */
    page_close(p);
    char aside[160];
    snprintf(aside, sizeof aside, "%s.old-%llu", path, (unsigned long long)(DAY0_US / US_PER_S));
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_equal(truncate(path, 5000), 0);
    p = opened(); /* a cut file raises no SIGBUS */
    assert_false(page_offline(p));
    page_close(p);
}

static void test_file_errors_name_the_file(void **state)
{
    (void)state;
    struct page *p = NULL;
    struct fault fault = {0};
    assert_int_equal(page_open("/nonexistent/weir.db.page", &p, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, "/nonexistent/weir.db.page"));
    assert_int_equal(page_attach(path, &p, &fault), ERR_NOT_FOUND);
    assert_null(p);
    struct page *mine = opened();
    assert_int_equal(page_attach(path, &p, &fault), OK);
    page_set_offline(p, true);
    assert_true(page_offline(mine));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    page_close(p);
    page_close(mine);
}

static void test_metrics_and_in_flight(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    page_worker_begin(p, 1, getpid());
    page_count(p, 0, METRIC_REQUESTS, 2);
    page_count(p, 1, METRIC_REQUESTS, 3);
    page_count(p, 1, METRIC_IN_FLIGHT, 1);
    assert_true(page_backend_enter(p, 0, 4, 2));
    assert_true(page_backend_enter(p, 1, 4, 2));
    assert_false(page_backend_enter(p, 1, 4, 2));
    page_worker_lost(p, 1);
    assert_int_equal(page_metric(p, METRIC_REQUESTS),
                     5); /* counters outlive the worker, gauges do not */
    assert_int_equal(page_metric(p, METRIC_IN_FLIGHT), 0);
    assert_int_equal(page_backend_in_flight(p, 4), 1);
    page_backend_leave(p, 0, 4);
    assert_int_equal(page_backend_in_flight(p, 4), 0);
    for (int m = 0; m < METRIC_COUNT; m++) {
        assert_memory_equal(metric_name((enum metric)m), "weir_", 5);
        assert_non_null(metric_help((enum metric)m));
    }
    page_close(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_reserve_and_settle),
        T(test_each_limit_refuses_and_gives_back),
        T(test_days_and_months_begin_anew),
        T(test_another_process_already_passed_midnight),
        T(test_too_many_keys_refuse),
        T(test_budget_is_exact_across_processes),
        T(test_reservations_of_the_killed_stay_spent),
        T(test_intents_of_the_dead_are_lost_while_siblings_live),
        T(test_a_new_worker_in_the_same_row_does_not_inherit),
        T(test_lost_is_found_at_the_next_start),
        T(test_opening_beside_a_living_server_takes_nothing),
        T(test_all_slots_taken),
        T(test_churn_with_a_kill),
        T(test_breaker_opens_after_five_and_probes_once),
        T(test_breaker_pause_is_at_most_a_minute),
        T(test_breaker_opens_on_a_bad_share),
        T(test_breaker_forgets_old_failures),
        T(test_probe_that_never_reports),
        T(test_one_probe_among_processes),
        T(test_file_of_another_version_is_set_aside),
        T(test_file_errors_name_the_file),
        T(test_metrics_and_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
