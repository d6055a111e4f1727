/* SPDX-License-Identifier: Apache-2.0 */
/* What privacy keeps in the shared page, by processes that race. */
#include "ledger/page_privacy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CHILDREN 4
#define CONSENTS 100
#define NOW 1000000ull
#define LATER (NOW + 1000000ull)

static struct page_consent consent_of(uint64_t n)
{
    return (struct page_consent){
        .id = {n + 1, ~n}, .client = n, .backend = 7, .body = {n, n, n, n}};
}

/* Each of several processes tries to use every consent; each is used once, and whole. */
static void a_consent_is_taken_by_one_process_only(void **state)
{
    (void)state;
    struct page *p = page_memory();
    for (uint64_t n = 0; n < CONSENTS; n++) {
        struct page_consent c = consent_of(n);
        assert_int_equal(page_consent_put(p, &c, NOW, LATER), OK);
    }
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            int got = 0;
            for (uint64_t n = 0; n < CONSENTS; n++) {
                struct page_consent wanted = consent_of(n);
                struct page_consent c;
                if (page_consent_take(p, wanted.id, NOW, &c)) {
                    got += memcmp(&c, &wanted, sizeof c) == 0 ? 1 : CONSENTS;
                }
            }
            _exit(got);
        }
    }
    int taken = 0;
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        taken += WEXITSTATUS(status);
    }
    assert_int_equal(taken, CONSENTS);
    page_close(p);
}

static void old_consents_make_room_and_are_not_taken(void **state)
{
    (void)state;
    struct page *p = page_memory();
    struct page_consent c;
    for (uint64_t n = 0; n < PAGE_CONSENTS; n++) {
        c = consent_of(n);
        assert_int_equal(page_consent_put(p, &c, NOW, LATER), OK);
    }
    c = consent_of(PAGE_CONSENTS);
    assert_int_equal(page_consent_put(p, &c, NOW, LATER), ERR_OVERLOADED);
    struct page_consent first = consent_of(0);
    struct page_consent got;
    assert_false(page_consent_take(p, first.id, LATER, &got));
    assert_int_equal(page_consent_put(p, &c, LATER, LATER + 1), OK);
    assert_true(page_consent_take(p, c.id, LATER, &got));
    assert_false(page_consent_take(p, c.id, LATER, &got));
    page_close(p);
}

static void a_taint_is_seen_by_every_process(void **state)
{
    (void)state;
    struct page *p = page_memory();
    pid_t child = fork();
    if (child == 0) {
        page_taint(p, 12345, NOW);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(page_tainted(p, 12345));
    assert_false(page_tainted(p, 54321));
    page_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_consent_is_taken_by_one_process_only),
        cmocka_unit_test(old_consents_make_room_and_are_not_taken),
        cmocka_unit_test(a_taint_is_seen_by_every_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
