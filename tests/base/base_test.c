/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/queue.h"
#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void spans_compare_and_search(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN("abc"), SPAN("abc")));
    assert_false(span_eq(SPAN("abc"), SPAN("abd")));
    assert_true(span_eq_nocase(SPAN("Content-Type"), SPAN("content-type")));
    assert_true(span_starts(SPAN("req_1"), SPAN("req_")));
    assert_true(span_ends(SPAN("a.gguf"), SPAN(".gguf")));
    assert_false(span_ends(SPAN("guf"), SPAN(".gguf")));
    assert_int_equal(span_find(SPAN("a needle"), SPAN("needle"), 0), 2);
    assert_int_equal(span_find(SPAN("a needle"), SPAN("needle"), 3), SIZE_MAX);
    assert_true(span_is(span_trim(SPAN(" \t x y \r\n")), "x y"));
    struct span rest = SPAN("a,b,,c");
    assert_true(span_is(span_cut(&rest, ','), "a"));
    assert_true(span_is(span_cut(&rest, ','), "b"));
    assert_true(span_is(span_cut(&rest, ','), ""));
    assert_true(span_is(span_cut(&rest, ','), "c"));
    assert_int_equal(rest.len, 0);
}

static void numbers_are_whole_or_nothing(void **state)
{
    (void)state;
    int64_t n = 7;
    assert_true(span_to_i64(SPAN("-12"), &n) && n == -12);
    static const char *const bad[] = {"", " 1", "1 ", "1x", "99999999999999999999", "0x10", "1.5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(span_to_i64(span_c(bad[i]), &n));
    }
    assert_int_equal(n, -12);
    double x = 1;
    assert_true(span_to_f64(SPAN("2.5e3"), &x) && x > 2499 && x < 2501);
    static const char *const no_number[] = {"nan", "inf", "0x1p3", "1e999", "", "1,5"};
    for (size_t i = 0; i < ARRAY_LEN(no_number); i++) {
        assert_false(span_to_f64(span_c(no_number[i]), &x));
    }
}

static void patterns_match_with_stars(void **state)
{
    (void)state;
    assert_true(span_matches(SPAN("gpt-4o-mini"), SPAN("gpt-*")));
    assert_true(span_matches(SPAN("gpt-4o"), SPAN("*4*")));
    assert_true(span_matches(SPAN(""), SPAN("*")));
    assert_false(span_matches(SPAN("claude"), SPAN("gpt-*")));
    assert_false(span_matches(SPAN("gpt-4o"), SPAN("gpt-4")));
    assert_true(span_matches(SPAN("aaaaaaaaaaaaaaaaaaaaab"), SPAN("*a*a*a*a*b")));
}

static void utf8_is_checked_to_the_letter(void **state)
{
    (void)state;
    assert_true(span_utf8_valid(SPAN("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")));
    static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xff",     "\xe2\x82",     "\x80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(span_utf8_valid(span_c(bad[i])));
    }
    assert_int_equal(span_utf8_whole(SPAN("ab\xf0\x9f\x98")), 2);
    assert_int_equal(span_utf8_whole(SPAN("ab\xc3\xa9")), 4);
    assert_int_equal(span_utf8_whole(SPAN("abc")), 3);
}

static void a_text_stops_at_its_maximum_and_says_so(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 10);
    text_add(&t, SPAN("0123456"));
    text_add(&t, SPAN("789abc"));
    assert_true(t.overflow);
    assert_true(span_is(text_span(&t), "0123456"));
    text_add(&t, SPAN("789"));
    assert_true(span_is(text_span(&t), "0123456789"));
    text_drop_front(&t, 4);
    assert_string_equal(t.data, "456789");
    text_truncate(&t, 2);
    assert_string_equal(t.data, "45");
    text_done(&t);
    text_init(&t, 4 * KIB);
    text_addf(&t, "%0500d", 7);
    assert_int_equal(t.len, 500);
    char *taken = text_take(&t);
    assert_int_equal(strlen(taken), 500);
    mem_free(taken);
}

static void count_up(void *user)
{
    (*(int *)user)++;
}

static void an_arena_frees_all_and_calls_its_hooks(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    int freed = 0;
    arena_on_free(a, count_up, &freed);
    arena_on_free(a, count_up, &freed);
    for (int i = 1; i < 300; i++) {
        unsigned char *p = arena_alloc(a, (size_t)i * 7);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (int k = 0; k < i * 7; k++) {
            assert_int_equal(p[k], 0);
        }
        memset(p, 0xAA, (size_t)i * 7);
    }
    assert_string_equal(arena_printf(a, "%s-%d", "x", 5).data, "x-5");
    assert_null(arena_copy(a, SPAN_NONE).data);
    arena_free(a);
    assert_int_equal(freed, 2);
    arena_free(NULL);
}

static void faults_get_words_in_front(void **state)
{
    (void)state;
    struct fault fault;
    assert_int_equal(fault_set(&fault, ERR_UPSTREAM, "tls: %s", "expired"), ERR_UPSTREAM);
    fault_prefix(&fault, "upstream %s: ", "openai");
    assert_string_equal(fault.text, "upstream openai: tls: expired");
    for (int i = 0; i < 100; i++) { /* never past its room */
        fault_prefix(&fault, "again and again and again: ");
    }
    assert_true(strlen(fault.text) < sizeof fault.text);
    assert_int_equal(err_http_status(ERR_BUDGET), 402);
    assert_string_equal(err_code(ERR_MODEL_NOT_FOUND), "model_not_found");
}

static void times_read_back(void **state)
{
    (void)state;
    char iso[CLOCK_ISO_BYTES];
    uint64_t wall = 1795216707123456ull, read;
    clock_iso(wall, iso);
    assert_string_equal(iso, "2026-11-20T23:18:27.123456Z");
    assert_true(clock_from_iso(span_c(iso), &read) && read == wall);
    uint64_t us;
    assert_true(clock_from_duration(SPAN("7d"), &us) && us == 7 * US_PER_DAY);
    assert_false(clock_from_duration(SPAN("7 weeks"), &us));
    clock_set_virtual(5, wall);
    assert_int_equal(clock_now_us(), 5);
    assert_int_equal(clock_wall_us(), wall);
    char id[REQUEST_ID_BYTES], later[REQUEST_ID_BYTES];
    rng_request_id(id);
    clock_set_virtual(6, wall + US_PER_S);
    rng_request_id(later);
    clock_set_virtual(0, 0);
    assert_int_equal(strlen(id), 30);
    assert_true(strcmp(id, later) < 0); /* ids sort by time */
}

/* Random bytes are fetched for many ids at once: a child must not use what its parent fetched. */
static void a_child_makes_other_ids(void **state)
{
    (void)state;
    char here[REQUEST_ID_BYTES], there[REQUEST_ID_BYTES];
    int ends[2];
    rng_request_id(here);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    rng_request_id(child ? here : there);
    if (child == 0) {
        ssize_t written = write(ends[1], there, sizeof there);
        _exit(written == (ssize_t)sizeof there ? 0 : 1);
    }
    assert_int_equal(read(ends[0], there, sizeof there), sizeof there);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_not_equal(here + 14, there + 14); /* behind the time */
    close(ends[0]);
    close(ends[1]);
}

static void a_list_takes_and_gives(void **state)
{
    (void)state;
    struct link head, a = {0}, b = {0};
    list_init(&head);
    assert_true(list_empty(&head));
    list_append(&head, &a);
    list_append(&head, &b);
    assert_ptr_equal(head.next, &a);
    list_remove(&a);
    list_remove(&a); /* in no list: nothing happens */
    assert_ptr_equal(head.next, &b);
    LIST_EACH (it, &head) {
        list_remove(it);
    }
    assert_true(list_empty(&head));
}

static void *put_a_thousand(void *user)
{
    static int items[1000];
    for (int i = 0; i < 1000;) {
        items[i] = i;
        i += queue_put(user, &items[i]);
    }
    queue_close(user);
    return NULL;
}

static void *put_five_slowly(void *user)
{
    static int items[5];
    for (int i = 0; i < 5; i++) {
        poll(NULL, 0, 2);
        assert_true(queue_put(user, &items[i]));
    }
    return NULL;
}

static void *hurry(void *user)
{
    poll(NULL, 0, 5);
    queue_hurry(user);
    return NULL;
}

static void many_are_waited_for_at_once(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, 8);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, put_five_slowly, &q), 0);
    queue_wait_many(&q, 5, 5 * US_PER_S);
    assert_int_equal(queue_count(&q), 5);
    pthread_join(thread, NULL);
    while (queue_try_take(&q)) {
    }

    uint64_t began = clock_now_us();
    assert_int_equal(pthread_create(&thread, NULL, hurry, &q), 0);
    queue_wait_many(&q, 5, 5 * US_PER_S); /* hurried while it waits */
    pthread_join(thread, NULL);
    queue_hurry(&q);
    queue_wait_many(&q, 5, 5 * US_PER_S); /* hurried before */
    queue_wait_many(&q, 5, 1000);         /* nothing comes */
    int item;
    assert_true(queue_put(&q, &item)); /* and one taker is woken by one item again */
    assert_ptr_equal(queue_take(&q, 5 * US_PER_S), &item);
    queue_close(&q);
    queue_wait_many(&q, 5, 5 * US_PER_S);
    assert_true(clock_now_us() - began < 4 * US_PER_S);
    queue_done(&q);
}

static void a_queue_keeps_order_between_threads(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, 8);
    pthread_t thread;
    pthread_create(&thread, NULL, put_a_thousand, &q);
    int expected = 0;
    for (int *item; (item = queue_take(&q, 5 * US_PER_S)); expected++) {
        assert_int_equal(*item, expected);
    }
    assert_int_equal(expected, 1000);
    pthread_join(thread, NULL);
    assert_false(queue_put(&q, &expected)); /* closed */
    queue_done(&q);
    queue_init(&q, 1);
    assert_true(queue_put(&q, &expected));
    assert_false(queue_put(&q, &expected)); /* full */
    assert_ptr_equal(queue_try_take(&q), &expected);
    assert_null(queue_try_take(&q));
    queue_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_compare_and_search),
        cmocka_unit_test(numbers_are_whole_or_nothing),
        cmocka_unit_test(patterns_match_with_stars),
        cmocka_unit_test(utf8_is_checked_to_the_letter),
        cmocka_unit_test(a_text_stops_at_its_maximum_and_says_so),
        cmocka_unit_test(an_arena_frees_all_and_calls_its_hooks),
        cmocka_unit_test(faults_get_words_in_front),
        cmocka_unit_test(times_read_back),
        cmocka_unit_test(a_child_makes_other_ids),
        cmocka_unit_test(a_list_takes_and_gives),
        cmocka_unit_test(many_are_waited_for_at_once),
        cmocka_unit_test(a_queue_keeps_order_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
