/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log finds what somebody did to the file, lets pass what Weir itself took away, and forgetting leaves no byte. */
#include "ledger/audit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "ledger/ledger.h"
#include "json/json.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL0 (20000ull * US_PER_DAY + 12ull * 3600 * US_PER_S)

static char folder[64];
static char path[96];

static int begin_test(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-audit-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/weir.db", folder);
    clock_set_virtual(1000 * US_PER_S, WALL0);
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

static const struct backend cloud = {.name = "cloud", .tier = TIER_CLOUD, .model = "m-fast"};

static struct ledger *opened_for(int keep_days)
{
    struct ledger *l = NULL;
    struct fault fault = {0};
    if (ledger_open(&(struct ledger_options){.path = path, .keep_days = keep_days}, &l, &fault)) {
        fail_msg("%s", fault.text);
    }
    return l;
}

static void put(struct ledger *l, const char *id, const char *client, const char *session,
                uint64_t wall_us)
{
    struct decision d = {
        .strategy = "cloud", .score = -1, .threshold = -1, .privacy = PRIVACY_REDACT};
    struct request q = {.wall_us = wall_us,
                        .n = 1,
                        .client = client ? span_c(client) : SPAN_NONE,
                        .options.session = session ? span_c(session) : SPAN_NONE};
    snprintf(q.id, sizeof q.id, "%s", id);
    static const struct redaction_count redacted = {"EMAIL_ADDRESS", 2};
    struct receipt r = {
        .request = &q,
        .decision = &d,
        .legs_count = 1,
        .author = 1,
        .reason = SPAN("because-of-aunt-agatha"),
        .confidence = -1,
        .ttft_us = 5,
        .total_us = 100,
        .cost_usd_nano = 1000,
        .always_cloud_cost_usd_nano = 1000,
    };
    r.legs[0] = (struct leg_receipt){.leg = 1,
                                     .backend = &cloud,
                                     .ttft_us = -1,
                                     .usage = {10, 5, 0, -1, false},
                                     .cost_usd_nano = 1000,
                                     .left_device_bytes = 400,
                                     .redactions = &redacted,
                                     .redactions_count = 1};
    ledger_put(l, &r, NULL, NULL, 0);
}

static void put_many(int from, int to)
{
    struct ledger *l = opened_for(0);
    for (int i = from; i < to; i++) {
        char id[24];
        snprintf(id, sizeof id, "req_%04d", i);
        put(l, id, i % 2 ? "odd-key" : "even-key", i % 3 ? NULL : "third-session",
            WALL0 + (uint64_t)i);
    }
    ledger_close(l);
}

/* With a function of the given tampering, as somebody with sqlite3 would. */
static void sql(const char *statements)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, statements, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
    sqlite3_close(db);
}

static struct json_doc *verified_against(const char *head)
{
    struct text out;
    text_init(&out, MIB);
    bool ok;
    struct fault fault = {0};
    if (ledger_verify(path, head ? span_c(head) : SPAN_NONE, &out, &ok, &fault) != OK) {
        fail_msg("%s", fault.text);
    }
    struct json_doc *doc = NULL;
    assert_int_equal(json_parse(text_span(&out), &doc, &fault), OK);
    assert_int_equal(json_true(json_get(json_root(doc), "ok")), ok);
    text_done(&out);
    return doc;
}

static int64_t number(const struct json_doc *doc, const char *key)
{
    return json_i64_or(json_get(json_root(doc), key), -1);
}

static void assert_fine(int64_t receipts)
{
    struct json_doc *doc = verified_against(NULL);
    assert_int_equal(number(doc, "problems_total"), 0);
    assert_int_equal(number(doc, "receipts"), receipts);
    json_free(doc);
}

/* Exactly one problem, of this kind, naming this receipt (NULL: none). */
static void assert_problem(const char *problem, const char *id)
{
    struct json_doc *doc = verified_against(NULL);
    const struct json *first = json_at(json_get(json_root(doc), "problems"), 0);
    assert_int_equal(number(doc, "problems_total"), 1);
    assert_true(span_is(json_str(json_get(first, "problem")), problem));
    if (id) {
        assert_true(span_is(json_str(json_get(first, "id")), id));
    }
    json_free(doc);
}

/* ---- the chain ---- */

static void test_what_was_written_fits(void **state)
{
    (void)state;
    put_many(0, 20);
    put_many(20, 40); /* a second process's life goes on with the chain */
    assert_fine(40);
}

static void test_a_changed_column_is_named(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("UPDATE receipts SET cost_nano=0 WHERE id='req_0004'");
    assert_problem("changed", "req_0004");
}

static void test_a_changed_document_is_named(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("UPDATE documents SET json=replace(json,'400','300') WHERE receipt="
        "(SELECT rowid FROM receipts WHERE id='req_0007')");
    assert_problem("changed", "req_0007");
}

static void test_a_removed_receipt_is_named(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("DELETE FROM documents WHERE receipt=(SELECT rowid FROM receipts WHERE id='req_0005');"
        "DELETE FROM receipts WHERE id='req_0005'");
    assert_problem("removed", "req_0005");
}

static void test_a_receipt_removed_with_its_audit_row_shows(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("DELETE FROM audit WHERE id='req_0005';"
        "DELETE FROM documents WHERE receipt=(SELECT rowid FROM receipts WHERE id='req_0005');"
        "DELETE FROM receipts WHERE id='req_0005'");
    assert_problem("chain", "req_0006"); /* what stood before it is gone */
}

static void test_a_cut_tail_shows(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("DELETE FROM audit WHERE id='req_0009';"
        "DELETE FROM documents WHERE receipt=(SELECT rowid FROM receipts WHERE id='req_0009');"
        "DELETE FROM receipts WHERE id='req_0009'");
    assert_problem("removed", NULL);
}

static void test_swapped_receipts_are_called_reordered(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("UPDATE receipts SET rowid=1000 WHERE id='req_0002';"
        "UPDATE receipts SET rowid=(SELECT seq FROM audit WHERE id='req_0002') WHERE id='req_0003';"
        "UPDATE receipts SET rowid=(SELECT seq FROM audit WHERE id='req_0003') WHERE id='req_0002';"
        "UPDATE documents SET receipt=1000 WHERE json LIKE '%req_0002%';"
        "UPDATE documents SET receipt=(SELECT seq FROM audit WHERE id='req_0002')"
        " WHERE json LIKE '%req_0003%';"
        "UPDATE documents SET receipt=(SELECT seq FROM audit WHERE id='req_0003')"
        " WHERE json LIKE '%req_0002%';");
    struct json_doc *doc = verified_against(NULL);
    const struct json *list = json_get(json_root(doc), "problems");
    assert_int_equal(number(doc, "problems_total"), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(span_is(json_str(json_get(json_at(list, i), "problem")), "reordered"));
    }
    json_free(doc);
}

static void test_a_receipt_put_in_is_named(void **state)
{
    (void)state;
    put_many(0, 10);
    sql("INSERT INTO receipts SELECT * FROM receipts WHERE id='req_0001'"
        " ON CONFLICT DO NOTHING;" /* the id is taken */
        "CREATE TEMP TABLE t AS SELECT * FROM receipts WHERE id='req_0001';"
        "UPDATE t SET id='req_fake'; INSERT INTO receipts SELECT * FROM t;");
    assert_problem("inserted", "req_fake");
    put_many(10, 12); /* and the chain goes on past it */
    assert_problem("inserted", "req_fake");
}

static void test_a_chain_written_anew_misses_the_old_head(void **state)
{
    (void)state;
    put_many(0, 3);
    struct json_doc *doc = verified_against(NULL);
    char head[65];
    span_to_c(json_str(json_get(json_get(json_root(doc), "head"), "hash")), head, sizeof head);
    json_free(doc);
    put_many(3, 6);
    doc = verified_against(head); /* an earlier head stays in the chain */
    assert_int_equal(number(doc, "problems_total"), 0);
    json_free(doc);
    unlink(path);
    put_many(0, 6);
    sql("UPDATE receipts SET cost_nano=0"); /* and somebody who computed every hash anew: */
    unlink(path);
    put_many(1, 7);
    doc = verified_against(head);
    assert_int_equal(number(doc, "problems_total"), 1);
    json_free(doc);
    bool ok;
    struct fault fault;
    assert_int_equal(ledger_verify(path, SPAN("12"), &(struct text){0}, &ok, &fault), ERR_INVALID);
}

static void test_expiry_keeps_the_chain(void **state)
{
    (void)state;
    struct ledger *l = opened_for(2);
    put(l, "req_old1", NULL, NULL, WALL0 - 3 * US_PER_DAY);
    put(l, "req_new1", NULL, NULL, WALL0);
    put(l, "req_old2", NULL, NULL, WALL0 - 4 * US_PER_DAY);
    put(l, "req_new2", NULL, NULL, WALL0);
    ledger_close(l);
    l = opened_for(2); /* the writer cleans after its first batch */
    put(l, "req_new3", NULL, NULL, WALL0);
    ledger_close(l);
    assert_fine(3);
    struct json_doc *doc = verified_against(NULL);
    assert_int_equal(number(doc, "gone"),
                     1); /* old1 and the beginning are folded away, old2 is told of */
    json_free(doc);
    sql("DELETE FROM audit WHERE seq=(SELECT min(seq) FROM audit)");
    doc = verified_against(NULL);
    assert_true(number(doc, "problems_total") > 0);
    json_free(doc);
}

static void test_a_lost_receipt_may_be_replaced(void **state)
{
    (void)state;
    struct ledger *l = opened_for(0);
    struct intent i = {.request_id = "req_lost",
                       .backend = "cloud",
                       .leg = 1,
                       .tier = TIER_CLOUD,
                       .wall_us = WALL0};
    ledger_put_lost(l, &i);
    ledger_put_lost(l, &i);
    ledger_put_lost(
        l,
        &(struct intent){.request_id = "req_0001", .backend = "cloud", .leg = 1, .wall_us = WALL0});
    assert_true(ledger_flush(l, 10 * US_PER_S));
    put(l, "req_0001", NULL, NULL, WALL0);
    ledger_close(l);
    assert_fine(2);
}

static void test_several_writers_and_a_kill_keep_one_chain(void **state)
{
    (void)state;
    pid_t children[3];
    for (int c = 0; c < 3; c++) {
        children[c] = fork();
        assert_true(children[c] >= 0);
        if (children[c] == 0) {
            struct ledger *l = opened_for(0);
            for (int i = 0;; i++) {
                char id[24];
                snprintf(id, sizeof id, "req_%d_%05d", c, i);
                put(l, id, NULL, NULL, WALL0);
                ledger_flush(l, 10 * US_PER_S);
                if (c > 0 && i == 40) {
                    ledger_close(l);
                    _exit(0);
                }
            }
        }
    }
    for (int c = 1; c < 3; c++) {
        int status;
        assert_int_equal(waitpid(children[c], &status, 0), children[c]);
        assert_int_equal(status, 0);
    }
    kill(children[0], SIGKILL);
    waitpid(children[0], NULL, 0);
    struct json_doc *doc = verified_against(NULL);
    assert_int_equal(number(doc, "problems_total"), 0);
    assert_true(number(doc, "receipts") >= 82);
    json_free(doc);
}

static void test_a_ledger_of_before_goes_on(void **state)
{
    (void)state;
    put_many(0, 3);
    sql("DROP TABLE audit; DROP TABLE audit_head; PRAGMA user_version=1");
    bool ok;
    struct fault fault;
    struct text out;
    text_init(&out, MIB);
    assert_int_equal(ledger_verify(path, SPAN_NONE, &out, &ok, &fault), ERR_NOT_FOUND);
    text_done(&out);
    put_many(3, 5);
    assert_fine(2);
    struct json_doc *doc = verified_against(NULL);
    assert_int_equal(number(doc, "older"), 3);
    json_free(doc);
}

/* A damaged file is told from a whole one or refused, and ends nobody. */
static void test_flipped_bytes_crash_nothing(void **state)
{
    (void)state;
    put_many(0, 60);
    struct forget_result forgotten;
    assert_int_equal(
        ledger_forget(path, &(struct forget_wish){.key = "odd-key"}, false, &forgotten, NULL), OK);
    FILE *f = fopen(path, "rb+");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    struct rng rng = {20};
    for (int round = 0; round < 150; round++) {
        long at = 100 + (long)rng_below(&rng, (uint64_t)size - 100);
        fseek(f, at, SEEK_SET);
        int was = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(was ^ (1 << rng_below(&rng, 8)), f);
        fflush(f);
        struct text out;
        text_init(&out, MIB);
        struct fault fault = {0};
        bool ok = false;
        struct json_doc *doc = NULL;
        enum err err = ledger_verify(path, SPAN_NONE, &out, &ok, &fault);
        assert_true(err == OK ? json_parse(text_span(&out), &doc, NULL) == OK : fault.text[0] != 0);
        json_free(doc);
        text_done(&out);
        fseek(f, at, SEEK_SET);
        fputc(was, f);
        fflush(f);
    }
    fclose(f);
    struct json_doc *doc = verified_against(NULL);
    assert_int_equal(number(doc, "problems_total"), 0);
    json_free(doc);
}

/* ---- forgetting ---- */

static bool files_hold(const char *needle)
{
    bool found = false;
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir));) {
        char name[400];
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(name, "rb");
        if (!f) {
            continue;
        }
        char *bytes = malloc(8 * MIB); /* check-allow: a test's buffer */
        size_t n = fread(bytes, 1, 8 * MIB, f);
        found |= memmem(bytes, n, needle, strlen(needle)) != NULL;
        free(bytes); /* check-allow: as above */
        fclose(f);
    }
    closedir(dir);
    return found;
}

static int64_t forget(const struct forget_wish *wish)
{
    struct forget_result result;
    struct fault fault = {0};
    if (ledger_forget(path, wish, false, &result, &fault) != OK) {
        fail_msg("%s", fault.text);
    }
    assert_false(result.wal_busy);
    return result.receipts;
}

static int64_t cost_in_report(void)
{
    struct text out;
    text_init(&out, MIB);
    struct ledger *l = opened_for(0);
    assert_int_equal(ledger_report(l, 0, SPAN_NONE, &out, NULL), OK);
    ledger_close(l);
    struct json_doc *doc = NULL;
    assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
    double usd = json_f64_or(json_get(json_root(doc), "cost_usd"), -1);
    json_free(doc);
    text_done(&out);
    return (int64_t)(usd * 1e9 + 0.5);
}

static void test_a_key_is_forgotten_to_the_last_byte(void **state)
{
    (void)state;
    put_many(0, 1200); /* more than one batch, and pages that split */
    assert_true(files_hold("odd-key"));
    int64_t cost = cost_in_report();
    assert_int_equal(forget(&(struct forget_wish){.key = "odd-key"}), 600);
    assert_false(files_hold("odd-key"));
    assert_true(files_hold("even-key"));
    assert_int_equal(cost_in_report(), cost);
    struct json_doc *doc = verified_against(NULL);
    assert_int_equal(number(doc, "problems_total"), 0);
    assert_int_equal(number(doc, "forgotten"), 600);
    assert_int_equal(number(doc, "receipts"), 600);
    json_free(doc);
    assert_int_equal(forget(&(struct forget_wish){.key = "odd-key"}), 0);
    sql("UPDATE receipts SET left_bytes=0 WHERE id='req_0001'"); /* a tombstone is covered too */
    assert_problem("changed", "req_0001");
}

static void test_a_session_and_a_time_are_forgotten(void **state)
{
    (void)state;
    put_many(0, 9);
    assert_int_equal(forget(&(struct forget_wish){.session = "third-session"}), 3);
    assert_false(files_hold("third-session"));
    assert_int_equal(forget(&(struct forget_wish){.before_wall_us = WALL0 + 5}), 3);
    assert_int_equal(forget(&(struct forget_wish){.before_wall_us = WALL0 + 50, .key = "odd-key"}),
                     2);
    assert_true(files_hold("because-of-aunt-agatha"));
    assert_int_equal(forget(&(struct forget_wish){.before_wall_us = WALL0 + 50}), 1);
    assert_false(files_hold("because-of-aunt-agatha"));
    assert_fine(0);
}

static void test_counting_changes_nothing(void **state)
{
    (void)state;
    put_many(0, 9);
    struct forget_result result;
    struct fault fault = {0};
    assert_int_equal(
        ledger_forget(path, &(struct forget_wish){.key = "odd-key"}, true, &result, &fault), OK);
    assert_int_equal(result.receipts, 4);
    assert_fine(9);
}

static void test_a_forgotten_receipt_can_still_be_read(void **state)
{
    (void)state;
    put_many(0, 2);
    struct ledger *l = opened_for(0);
    assert_int_equal(ledger_feedback(l, SPAN("req_0001"), 1, SPAN("user"), SPAN_NONE, true, NULL),
                     OK);
    assert_true(ledger_flush(l, 10 * US_PER_S));
    assert_int_equal(forget(&(struct forget_wish){.key = "odd-key"}),
                     1);                 /* beside an open writer */
    assert_false(files_hold("odd-key")); /* which would have kept the write-ahead log as it was */
    struct text out;
    text_init(&out, MIB);
    assert_int_equal(ledger_get(l, SPAN("req_0001"), SPAN("odd-key"), &out), ERR_NOT_FOUND);
    assert_int_equal(ledger_get(l, SPAN("req_0001"), SPAN_NONE, &out), OK);
    struct json_doc *doc = NULL;
    assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
    const struct json *root = json_root(doc);
    assert_true(span_given(json_str(json_get(root, "forgotten"))));
    assert_int_equal(json_type(json_get(root, "reason")),
                     JSON_NULL); /* readers still find the key */
    assert_int_equal(json_type(json_get(root, "client")), JSON_NULL);
    assert_int_equal(json_type(json_get(root, "rules")), JSON_ARRAY);
    const struct json *leg = json_at(json_get(root, "legs"), 0);
    assert_int_equal(json_i64_or(json_get(leg, "left_device_bytes"), 0), 400);
    json_free(doc);
    text_done(&out);
    put(l, "req_0009", NULL, NULL, WALL0); /* and the writer goes on */
    ledger_close(l);
    struct json_doc *after = verified_against(NULL);
    assert_int_equal(number(after, "problems_total"), 0);
    json_free(after);
}

static void test_without_a_ledger_it_says_so(void **state)
{
    (void)state;
    struct forget_result result;
    struct fault fault = {0};
    assert_int_equal(ledger_forget(path, &(struct forget_wish){.key = "k"}, false, &result, &fault),
                     ERR_NOT_FOUND);
    bool ok;
    struct text out;
    text_init(&out, MIB);
    assert_int_equal(ledger_verify(path, SPAN_NONE, &out, &ok, &fault), ERR_NOT_FOUND);
    text_done(&out);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        T(test_what_was_written_fits),
        T(test_a_changed_column_is_named),
        T(test_a_changed_document_is_named),
        T(test_a_removed_receipt_is_named),
        T(test_a_receipt_removed_with_its_audit_row_shows),
        T(test_a_cut_tail_shows),
        T(test_swapped_receipts_are_called_reordered),
        T(test_a_receipt_put_in_is_named),
        T(test_a_chain_written_anew_misses_the_old_head),
        T(test_expiry_keeps_the_chain),
        T(test_a_lost_receipt_may_be_replaced),
        T(test_several_writers_and_a_kill_keep_one_chain),
        T(test_a_ledger_of_before_goes_on),
        T(test_flipped_bytes_crash_nothing),
        T(test_a_key_is_forgotten_to_the_last_byte),
        T(test_a_session_and_a_time_are_forgotten),
        T(test_counting_changes_nothing),
        T(test_a_forgotten_receipt_can_still_be_read),
        T(test_without_a_ledger_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
