/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger over real SQLite files: what was put is read back, also when the disk or a neighbour misbehaves. */
#include "ledger/ledger.h"

#include "base/clock.h"
#include "json/json.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL0 (20000ull * US_PER_DAY + 12ull * 3600 * US_PER_S)

static char folder[64];
static char path[96];

static int begin_test(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-ledger-XXXXXX");
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
    snprintf(command, sizeof command, "%s/disk", folder);
    umount2(command, MNT_DETACH); /* only test_a_full_disk has one */
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static double real_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ledger *opened_with(const struct ledger_options *o)
{
    struct ledger *l = NULL;
    struct fault fault = {0};
    if (ledger_open(o, &l, &fault) != OK) {
        fail_msg("%s", fault.text);
    }
    return l;
}

static struct ledger *opened(void)
{
    return opened_with(&(struct ledger_options){.path = path});
}

/* ---- receipts to put ---- */

static const struct backend device = {.name = "device", .tier = TIER_DEVICE, .model = "nano"};
static const struct backend cloud = {.name = "cloud", .tier = TIER_CLOUD, .model = "m-fast"};

struct made {
    const char *id, *client;
    enum outcome outcome;
    bool from_cloud;   /* else the device */
    bool device_tried; /* before the cloud */
    int64_t cost, always, ttft_us;
    bool always_estimated;
    enum degraded degraded;
    int redacted;
    uint64_t wall_us; /* 0 = WALL0 */
};

static void put_made(struct ledger *l, const struct made *m, struct page *page, const int *slots,
                     int n)
{
    struct decision d = {
        .strategy = "cascade", .score = -1, .threshold = -1, .privacy = PRIVACY_REDACT};
    struct request q = {
        .wall_us = m->wall_us ? m->wall_us : WALL0, .n = 1, .client = span_c(m->client)};
    snprintf(q.id, sizeof q.id, "%s", m->id);
    struct receipt r = {
        .request = &q,
        .decision = &d,
        .reason = SPAN("because"),
        .confidence = -1,
        .degraded = m->degraded,
        .outcome = m->outcome,
        .ttft_us = m->ttft_us ? m->ttft_us : -1,
        .total_us = 100,
        .cost_usd_nano = m->cost,
        .always_cloud_cost_usd_nano = m->always,
        .always_cloud_estimated = m->always_estimated,
    };
    const struct redaction_count redacted = {"EMAIL_ADDRESS", m->redacted};
    if (!m->from_cloud || m->device_tried) {
        r.legs[r.legs_count] = (struct leg_receipt){
            .leg = 1, .backend = &device, .ttft_us = -1, .usage = {10, 5, 0, -1, false}};
        r.legs_count++;
    }
    if (m->from_cloud) {
        r.legs[r.legs_count] = (struct leg_receipt){.leg = r.legs_count + 1,
                                                    .backend = &cloud,
                                                    .ttft_us = -1,
                                                    .usage = USAGE_UNKNOWN,
                                                    .cost_usd_nano = m->cost,
                                                    .left_device_bytes = 400,
                                                    .redactions = &redacted,
                                                    .redactions_count = m->redacted > 0};
        r.legs_count++;
    }
    r.author = m->outcome == OUTCOME_OK || m->outcome == OUTCOME_PARTIAL ? r.legs_count : 0;
    ledger_put(l, &r, page, slots, n);
}

static void put_id(struct ledger *l, const char *id)
{
    put_made(l, &(struct made){.id = id, .always = -1}, NULL, NULL, 0);
}

static struct json_doc *parsed(const struct text *t)
{
    struct json_doc *doc = NULL;
    struct fault fault = {0};
    if (json_parse(text_span(t), &doc, &fault) != OK) {
        fail_msg("%s in: %s", fault.text, t->data);
    }
    return doc;
}

static struct json_doc *report(struct ledger *l, uint64_t since, struct span client)
{
    struct text t;
    text_init(&t, MIB);
    /* A report itself waits 100 ms; a busy machine takes longer. */
    assert_true(ledger_flush(l, 10 * US_PER_S));
    assert_int_equal(ledger_report(l, since, client, &t, NULL), OK);
    struct json_doc *doc = parsed(&t);
    text_done(&t);
    return doc;
}

static struct json_doc *list(struct ledger *l, int last, struct span client)
{
    struct text t;
    text_init(&t, MIB);
    assert_int_equal(ledger_list(l, last, client, &t, NULL), OK);
    struct json_doc *doc = parsed(&t);
    text_done(&t);
    return doc;
}

static enum err get(struct ledger *l, const char *id, struct span client, struct text *t)
{
    text_clear(t);
    return ledger_get(l, span_c(id), client, t);
}

/* ---- tests ---- */

static void test_a_receipt_is_read_at_once_and_after_a_restart(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, MIB);
    struct ledger *l = opened();
    put_id(l, "req_1");
    assert_int_equal(get(l, "req_1", SPAN_NONE, &t), OK); /* still queued */
    assert_non_null(strstr(t.data, "\"id\":\"req_1\""));
    assert_int_equal(get(l, "req_2", SPAN_NONE, &t), ERR_NOT_FOUND);
    assert_int_equal(t.len, 0);
    ledger_close(l);
    l = opened();
    assert_int_equal(get(l, "req_1", SPAN_NONE, &t), OK);
    assert_non_null(strstr(t.data, "\"reason\":\"because\""));
    ledger_close(l);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    text_done(&t);
}

static void test_the_newest_come_first_and_only_ones_own(void **state)
{
    (void)state;
    struct ledger *l = opened();
    put_made(l, &(struct made){.id = "req_a", .client = "ann", .wall_us = WALL0 + 1}, NULL, NULL,
             0);
    put_made(l, &(struct made){.id = "req_b", .client = "bob", .wall_us = WALL0 + 3}, NULL, NULL,
             0);
    put_made(l, &(struct made){.id = "req_c", .client = "ann", .wall_us = WALL0 + 2}, NULL, NULL,
             0);
    assert_true(ledger_flush(l, 5 * US_PER_S)); /* a busy machine may need more than a read waits */
    struct json_doc *doc = list(l, 2, SPAN_NONE);
    const struct json *all = json_get(json_root(doc), "receipts");
    assert_int_equal(json_len(all), 2);
    assert_true(span_is(json_str(json_get(json_at(all, 0), "id")), "req_b"));
    assert_true(span_is(json_str(json_get(json_at(all, 1), "id")), "req_c"));
    json_free(doc);
    doc = list(l, 10, SPAN("ann"));
    assert_int_equal(json_len(json_get(json_root(doc), "receipts")), 2);
    json_free(doc);
    struct text t;
    text_init(&t, MIB);
    assert_int_equal(get(l, "req_b", SPAN("ann"), &t), ERR_NOT_FOUND);
    assert_int_equal(get(l, "req_b", SPAN("bob"), &t), OK);
    doc = report(l, 0, SPAN("ann"));
    assert_int_equal(json_i64_or(json_get(json_root(doc), "requests"), -1), 2);
    json_free(doc);
    text_done(&t);
    ledger_close(l);
}

static void test_an_empty_ledger_answers(void **state)
{
    (void)state;
    struct ledger *l = opened_with(&(struct ledger_options){.path = path, .read_only = true});
    struct json_doc *doc = report(l, 0, SPAN_NONE);
    assert_int_equal(json_i64_or(json_get(json_root(doc), "requests"), -1), 0);
    assert_int_equal(json_type(json_get(json_get(json_root(doc), "ttft_us"), "p50")), JSON_NULL);
    assert_int_equal(json_type(json_get(json_root(doc), "saved_usd")), JSON_NULL);
    assert_int_equal(json_type(json_get(json_root(doc), "escalation_rate")), JSON_NULL);
    json_free(doc);
    doc = list(l, 5, SPAN_NONE);
    assert_int_equal(json_len(json_get(json_root(doc), "receipts")), 0);
    json_free(doc);
    ledger_close(l);
    assert_int_not_equal(access(path, F_OK), 0); /* reading makes no file */
}

static double number(const struct json *v, const char *key)
{
    return json_f64_or(json_get(v, key), -999);
}

static void test_the_report_adds_up(void **state)
{
    (void)state;
    struct ledger *l = opened();
    for (int i = 1; i <= 100; i++) { /* device answers, 0.001 USD each had the cloud made them */
        char id[32];
        snprintf(id, sizeof id, "req_%d", i);
        put_made(
            l,
            &(struct made){
                .id = id, .always = USD_NANO / 1000, .ttft_us = i * 10, .always_estimated = true},
            NULL, NULL, 0);
    }
    put_made(l,
             &(struct made){.id = "req_up",
                            .from_cloud = true,
                            .device_tried = true,
                            .cost = 4000000,
                            .always = 4000000,
                            .redacted = 3},
             NULL, NULL, 0);
    put_made(l,
             &(struct made){.id = "req_f",
                            .outcome = OUTCOME_FAILED,
                            .from_cloud = true,
                            .cost = 1000000,
                            .always = 9000000,
                            .degraded = DEGRADED_NO},
             NULL, NULL, 0);
    put_made(l, &(struct made){.id = "req_d", .degraded = DEGRADED_OFFLINE, .always = -1}, NULL,
             NULL, 0);
    put_made(l, &(struct made){.id = "req_c", .outcome = OUTCOME_CANCELLED, .always = -1}, NULL,
             NULL, 0);
    put_made(l, &(struct made){.id = "req_old", .wall_us = WALL0 - US_PER_DAY, .always = -1}, NULL,
             NULL, 0);
    struct json_doc *doc = report(l, WALL0, SPAN_NONE);
    const struct json *r = json_root(doc);
    assert_int_equal(number(r, "requests"), 104);
    assert_int_equal(number(json_get(json_get(r, "by_tier"), "device"), "requests"), 101);
    assert_int_equal(number(json_get(json_get(r, "by_tier"), "cloud"), "requests"), 1);
    assert_float_equal(number(json_get(json_get(r, "by_tier"), "cloud"), "cost_usd"), 0.005, 1e-12);
    assert_float_equal(number(json_get(json_get(r, "by_tier"), "device"), "cost_usd"), 0, 1e-12);
    assert_float_equal(number(r, "cost_usd"), 0.005, 1e-12);
    assert_float_equal(number(r, "always_cloud_cost_usd"), 0.104,
                       1e-12); /* the failure saves nothing */
    assert_float_equal(number(r, "saved_usd"), 0.099, 1e-12);
    assert_float_equal(number(r, "saved_share"), 0.099 / 0.104, 1e-9);
    assert_true(json_true(json_get(r, "estimated")));
    assert_int_equal(number(json_get(r, "ttft_us"), "p50"), 500);
    assert_int_equal(number(json_get(r, "ttft_us"), "p90"), 900);
    assert_int_equal(number(json_get(r, "ttft_us"), "p99"), 990);
    assert_float_equal(number(r, "escalation_rate"), 1.0 / 102, 1e-9);
    assert_int_equal(number(r, "handed_up"), 1);
    assert_int_equal(number(r, "redacted_requests"), 1);
    assert_int_equal(number(r, "left_device_bytes"), 800);
    assert_int_equal(number(json_get(r, "degraded"), "offline"), 1);
    assert_int_equal(number(r, "cancelled"), 1);
    assert_int_equal(number(r, "failed"), 1);
    assert_int_equal(json_len(json_get(r, "by_day")), 1);
    json_free(doc);
    ledger_close(l);
}

static void test_without_a_priced_cloud_there_is_no_money(void **state)
{
    (void)state;
    struct ledger *l = opened();
    put_made(l, &(struct made){.id = "req_1", .always = -1}, NULL, NULL, 0);
    put_made(l, &(struct made){.id = "req_2", .from_cloud = true, .cost = -1, .always = -1}, NULL,
             NULL, 0);
    struct json_doc *doc = report(l, 0, SPAN_NONE);
    const struct json *r = json_root(doc);
    assert_int_equal(json_type(json_get(r, "cost_usd")), JSON_NULL);
    assert_int_equal(json_type(json_get(r, "saved_usd")), JSON_NULL);
    assert_int_equal(json_type(json_get(r, "saved_share")), JSON_NULL);
    assert_int_equal(json_type(json_get(r, "always_cloud_cost_usd")), JSON_NULL);
    assert_int_equal(json_type(json_get(json_get(json_get(r, "by_tier"), "cloud"), "cost_usd")),
                     JSON_NULL);
    assert_int_equal(number(json_get(json_get(r, "by_tier"), "cloud"), "requests"), 1);
    json_free(doc);
    ledger_close(l);
}

static void test_intents_are_cleared_once_the_row_is_on_disk(void **state)
{
    (void)state;
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct intent i = {.request_id = "req_1", .backend = "cloud", .leg = 1};
    int slots[2];
    assert_int_equal(page_intent_write(p, 0, &i, &slots[0]), OK);
    assert_int_equal(page_intent_write(p, 0, &i, &slots[1]), OK);
    struct ledger *l = opened_with(&(struct ledger_options){.path = path, .page = p});
    put_made(l, &(struct made){.id = "req_1", .from_cloud = true}, p, slots, 2);
    assert_true(ledger_flush(l, US_PER_S));
    assert_int_equal(page_intents_used(p), 0);
    assert_int_equal(page_metric(p, METRIC_LEDGER_WAITING), 0);
    ledger_close(l);
    page_close(p);
}

static void test_a_lost_attempt_gets_a_receipt(void **state)
{
    (void)state;
    struct page *p = page_memory();
    struct ledger *l = opened();
    struct intent i = {.request_id = "req_gone",
                       .backend = "cloud",
                       .client = "ann",
                       .model = "m-fast",
                       .leg = 1,
                       .tier = TIER_CLOUD,
                       .wall_us = WALL0,
                       .body_bytes = 412,
                       .reserved_nano = 5000000};
    page_worker_begin(p, 0, getpid());
    int slot;
    assert_int_equal(page_intent_write(p, 0, &i, &slot), OK);
    page_worker_begin(p, 0, getpid()); /* its process ended, this is the next */
    struct intent lost;
    assert_true(page_intent_adopt_lost(p, 0, &lost, &slot));
    ledger_put_lost_at(l, &lost, p, slot);
    i.leg = 2;
    ledger_put_lost(l, &i); /* a second leg of the same answer */
    put_id(l, "req_whole");
    struct intent late = {.request_id = "req_whole", .backend = "cloud", .leg = 1};
    ledger_put_lost(l, &late); /* died after its receipt was written */
    assert_true(ledger_flush(l, US_PER_S));
    assert_int_equal(page_intents_used(p), 0);
    struct text t;
    text_init(&t, MIB);
    assert_int_equal(get(l, "req_gone", SPAN("ann"), &t), OK);
    struct json_doc *doc = parsed(&t);
    const struct json *r = json_root(doc);
    assert_true(span_is(json_str(json_get(r, "outcome")), "failed"));
    assert_int_equal(json_len(json_get(r, "legs")), 2);
    const struct json *leg = json_at(json_get(r, "legs"), 0);
    assert_true(span_is(json_str(json_get(leg, "outcome")), "lost"));
    assert_true(span_is(json_str(json_get(leg, "backend")), "cloud"));
    assert_int_equal(number(leg, "left_device_bytes"), 412);
    assert_true(json_true(json_get(leg, "estimated")));
    assert_float_equal(number(r, "cost_usd"), 0.01, 1e-12);
    json_free(doc);
    assert_int_equal(get(l, "req_whole", SPAN_NONE, &t), OK);
    assert_non_null(strstr(t.data, "because"));
    doc = report(l, 0, SPAN_NONE);
    assert_int_equal(number(json_root(doc), "lost"), 1);
    assert_int_equal(number(json_root(doc), "left_device_bytes"), 824);
    json_free(doc);
    text_done(&t);
    ledger_close(l);
    page_close(p);
}

static void test_feedback(void **state)
{
    (void)state;
    struct ledger *l = opened();
    struct fault fault;
    put_made(l, &(struct made){.id = "req_1", .client = "ann"}, NULL, NULL, 0);
    assert_int_equal(ledger_feedback(l, SPAN("req_1"), 1, SPAN("user"), SPAN("ann"), false, &fault),
                     OK);
    assert_true(ledger_flush(l, US_PER_S));
    assert_int_equal(
        ledger_feedback(l, SPAN("req_1"), 0.5, SPAN("user"), SPAN("ann"), false, &fault), OK);
    assert_int_equal(ledger_feedback(l, SPAN("req_1"), 0.5, SPAN("test"), SPAN_NONE, true, &fault),
                     OK);
    assert_int_equal(ledger_feedback(l, SPAN("req_1"), 1, SPAN("user"), SPAN("bob"), false, &fault),
                     ERR_NOT_FOUND);
    assert_int_equal(ledger_feedback(l, SPAN("req_9"), 1, SPAN("user"), SPAN_NONE, true, &fault),
                     ERR_NOT_FOUND);
    assert_int_equal(ledger_feedback(l, SPAN("req_1"), 1.1, SPAN("user"), SPAN_NONE, true, &fault),
                     ERR_INVALID);
    assert_int_equal(
        ledger_feedback(l, SPAN("req_1"), 0.0 / 0.0, SPAN("user"), SPAN_NONE, true, &fault),
        ERR_INVALID);
    assert_int_equal(ledger_feedback(l, SPAN("req_1"), 1, SPAN("me"), SPAN_NONE, true, &fault),
                     ERR_INVALID);
    ledger_close(l);
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT count(*), sum(score) FROM feedback", -1, &s, NULL);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(s, 0), 2);
    assert_float_equal(sqlite3_column_double(s, 1), 1.0, 1e-9);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void test_old_receipts_go(void **state)
{
    (void)state;
    struct ledger *l = opened();
    put_made(l, &(struct made){.id = "req_old", .wall_us = WALL0 - 91 * US_PER_DAY}, NULL, NULL, 0);
    put_made(l, &(struct made){.id = "req_kept", .wall_us = WALL0 - 89 * US_PER_DAY}, NULL, NULL,
             0);
    ledger_close(l);
    struct text t;
    text_init(&t, MIB);
    l = opened();
    assert_int_equal(get(l, "req_kept", SPAN_NONE, &t), OK);
    assert_int_equal(get(l, "req_old", SPAN_NONE, &t), ERR_NOT_FOUND);
    ledger_close(l);
    text_done(&t);
}

static bool files_hold(const char *word)
{
    char command[200];
    snprintf(command, sizeof command, "cat '%s'* | grep -qc %s", path, word);
    return system(command) == 0;
}

static void put_words(struct ledger *l)
{
    struct arena *a = arena_new();
    struct request q = {.wall_us = WALL0, .id = "req_p", .n = 1};
    assert_int_equal(json_parse_in(a, SPAN("{\"messages\":[\"sesame\"]}"), &q.body, NULL), OK);
    struct receipt r = {.request = &q, .always_cloud_cost_usd_nano = -1};
    ledger_put(l, &r, NULL, NULL, 0);
    arena_free(a);
}

static void test_prompts_only_when_asked_and_sealed(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct text out;
    text_init(&out, MIB);
    for (int keep = 0; keep < 2; keep++) {
        struct ledger *l =
            opened_with(&(struct ledger_options){.path = path, .store_prompts = keep});
        put_words(l);
        assert_true(ledger_flush(l, US_PER_S));
        assert_int_equal(ledger_prompt(l, SPAN("req_p"), &out, &fault), keep ? OK : ERR_NOT_FOUND);
        ledger_close(l);
        assert_false(files_hold("sesame"));
    }
    assert_true(span_is(text_span(&out), "{\"messages\":[\"sesame\"]}"));
    text_done(&out);
}

static void test_a_missing_or_other_key_loses_nothing(void **state)
{
    (void)state;
    char key[128], kept[128];
    snprintf(key, sizeof key, "%s.key", path);
    snprintf(kept, sizeof kept, "%s.kept", path);
    struct ledger *l = opened_with(&(struct ledger_options){.path = path, .store_prompts = true});
    put_words(l);
    ledger_close(l);
    assert_int_equal(rename(key, kept), 0);
    struct text out;
    text_init(&out, MIB);
    struct fault fault = {0};
    l = opened_with(&(struct ledger_options){.path = path, .read_only = true});
    assert_int_equal(ledger_prompt(l, SPAN("req_p"), &out, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, ".key"));
    ledger_close(l);
    l = opened_with(&(struct ledger_options){.path = path, .store_prompts = true}); /* a new one */
    assert_int_equal(ledger_prompt(l, SPAN("req_p"), &out, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "sealed with the key"));
    ledger_close(l);
    l = opened_with(
        &(struct ledger_options){.path = path, .store_prompts = true, .key_file = kept});
    assert_int_equal(ledger_prompt(l, SPAN("req_p"), &out, &fault), OK);
    assert_true(span_is(text_span(&out), "{\"messages\":[\"sesame\"]}"));
    ledger_close(l);
    assert_int_equal(unlink(kept), 0);
    assert_int_equal(
        ledger_open(&(struct ledger_options){.path = path, .store_prompts = true, .key_file = kept},
                    &l, &fault),
        ERR_NOT_FOUND);
    text_done(&out);
}

/* Another program holds the file, until it rolls back. */
static sqlite3 *locked(void)
{
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    sqlite3_busy_timeout(other, 2000); /* the writer may be tidying up */
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return other;
}

static void test_a_locked_file_delays_and_is_counted(void **state)
{
    (void)state;
    struct ledger *l = opened();
    put_id(l, "req_0");
    assert_true(ledger_flush(l, US_PER_S));
    sqlite3 *other = locked();
    double before = real_s();
    put_id(l, "req_1");
    assert_true(real_s() - before < 0.05); /* putting never waits */
    /* The writer's own patience has to end first. */
    for (int i = 0; i < 20 && ledger_errors(l) == 0; i++) {
        assert_false(ledger_flush(l, 900 * US_PER_MS));
    }
    struct text t;
    text_init(&t, MIB);
    assert_int_equal(get(l, "req_1", SPAN_NONE, &t), OK);
    assert_int_equal(get(l, "req_1", SPAN("bob"), &t), ERR_NOT_FOUND); /* waiting, but not his */
    struct json_doc *doc = list(l, 10, SPAN_NONE); /* the waiting ones are listed too */
    assert_int_equal(json_len(json_get(json_root(doc), "receipts")), 2);
    json_free(doc);
    assert_true(ledger_errors(l) > 0);
    assert_true(ledger_healthy(l));
    char why[LEDGER_WHY_BYTES];
    ledger_why(l, why);
    assert_non_null(strstr(why, "another program holds it"));
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_true(ledger_flush(l, 20 * US_PER_S));
    assert_int_equal(ledger_waiting(l), 0);
    ledger_why(l, why);
    assert_string_equal(why, "");
    ledger_close(l);
    text_done(&t);
}

static void test_a_full_disk_delays_and_is_counted(void **state)
{
    (void)state;
    char disk[80];
    snprintf(disk, sizeof disk, "%s/disk", folder);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=256k") != 0) {
        print_message("needs the right to mount; skipped\n");
        skip();
    }
    char on_disk[96];
    snprintf(on_disk, sizeof on_disk, "%s/weir.db", disk);
    struct ledger *l = opened_with(&(struct ledger_options){.path = on_disk});
    char id[32];
    int put = 0;
    double begin = real_s();
    while (ledger_errors(l) == 0 && real_s() - begin < 10) {
        snprintf(id, sizeof id, "req_%d", put++);
        put_id(l, id);
        usleep(put % 50 == 0 ? 20000 : 0);
    }
    assert_true(ledger_errors(l) > 0);
    char why[LEDGER_WHY_BYTES];
    ledger_why(l, why);
    assert_true(strstr(why, "full") || strstr(why, "I/O"));
    struct text t;
    text_init(&t, MIB);
    assert_int_equal(get(l, id, SPAN_NONE, &t), OK);
    assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, "size=16m"), 0); /* space again */
    assert_true(ledger_flush(l, 8 * US_PER_S));
    assert_int_equal(ledger_waiting(l), 0);
    struct json_doc *doc = report(l, 0, SPAN_NONE);
    assert_int_equal(json_i64_or(json_get(json_root(doc), "requests"), -1),
                     put); /* none is missing */
    json_free(doc);
    ledger_close(l);
    text_done(&t);
}

static void test_ten_thousand_waiting_is_unhealthy(void **state)
{
    (void)state;
    struct ledger *l = opened();
    put_id(l, "req_0");
    assert_true(ledger_flush(l, US_PER_S));
    sqlite3 *other = locked();
    char id[32];
    for (int i = 0; i < 10000; i++) {
        assert_true(ledger_healthy(l));
        snprintf(id, sizeof id, "req_%d", i + 1);
        put_id(l, id);
    }
    assert_false(ledger_healthy(l));
    int64_t errors = ledger_errors(l);
    put_id(l, "req_device"); /* never left: dropped and counted */
    assert_true(ledger_errors(l) > errors);
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    struct intent i = {.request_id = "req_left2"};
    int slot;
    assert_int_equal(page_intent_write(p, 0, &i, &slot), OK);
    put_made(l, &(struct made){.id = "req_left2", .from_cloud = true}, p, &slot,
             1); /* has a place */
    assert_int_equal(ledger_waiting(l), 10001);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_true(ledger_flush(l, 20 * US_PER_S));
    assert_true(ledger_healthy(l));
    assert_int_equal(page_intents_used(p), 0);
    ledger_close(l);
    page_close(p);
}

static void test_closing_with_a_locked_file_ends(void **state)
{
    (void)state;
    struct ledger *l =
        opened_with(&(struct ledger_options){.path = path, .close_wait_us = 300 * US_PER_MS});
    put_id(l, "req_0");
    assert_true(ledger_flush(l, US_PER_S));
    sqlite3 *other = locked();
    put_id(l, "req_1");
    double begin = real_s();
    ledger_close(l);
    assert_true(real_s() - begin < 2);
    sqlite3_close(other);
}

static void test_a_deleted_file_is_made_anew(void **state)
{
    (void)state;
    struct ledger *l = opened();
    put_id(l, "req_0");
    assert_true(ledger_flush(l, US_PER_S));
    char command[128];
    snprintf(command, sizeof command, "rm '%s'*", path);
    assert_int_equal(system(command), 0);
    put_id(l, "req_1");
    assert_true(ledger_flush(l, 2 * US_PER_S));
    struct json_doc *doc = list(l, 10, SPAN_NONE);
    assert_int_equal(json_len(json_get(json_root(doc), "receipts")), 1);
    json_free(doc);
    ledger_close(l);
}

static void write_file(const char *bytes, size_t len)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void test_files_that_are_no_ledger_are_refused(void **state)
{
    (void)state;
    struct ledger *l = NULL;
    struct fault fault = {0};
    write_file("hello", 5);
    assert_int_equal(ledger_open(&(struct ledger_options){.path = path}, &l, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, path));
    char head[4096] = "SQLite format 3";
    head[63] = 99; /* user_version of a later weir */
    write_file(head, sizeof head);
    assert_int_equal(ledger_open(&(struct ledger_options){.path = path}, &l, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, "newer"));
    assert_int_equal(
        ledger_open(&(struct ledger_options){.path = "/nonexistent/weir.db"}, &l, &fault), ERR_IO);
    assert_int_equal(ledger_open(&(struct ledger_options){.path = "/proc"}, &l, &fault), ERR_IO);
    assert_null(l);
}

/* Several workers, one file. */
static void test_workers_share_the_file(void **state)
{
    (void)state;
    pid_t children[3];
    for (int c = 0; c < 3; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            struct ledger *l = NULL;
            if (ledger_open(&(struct ledger_options){.path = path}, &l, NULL) != OK) {
                _exit(1);
            }
            for (int i = 0; i < 200; i++) {
                char id[32];
                snprintf(id, sizeof id, "req_%d_%d", c, i);
                put_id(l, id);
            }
            ledger_close(l);
            _exit(0);
        }
    }
    for (int c = 0; c < 3; c++) {
        int status;
        waitpid(children[c], &status, 0);
        assert_int_equal(status, 0);
    }
    struct ledger *l = opened();
    struct json_doc *doc = report(l, 0, SPAN_NONE);
    assert_int_equal(json_i64_or(json_get(json_root(doc), "requests"), -1), 600);
    json_free(doc);
    ledger_close(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_receipt_is_read_at_once_and_after_a_restart),
        T(test_the_newest_come_first_and_only_ones_own),
        T(test_an_empty_ledger_answers),
        T(test_the_report_adds_up),
        T(test_without_a_priced_cloud_there_is_no_money),
        T(test_intents_are_cleared_once_the_row_is_on_disk),
        T(test_a_lost_attempt_gets_a_receipt),
        T(test_feedback),
        T(test_old_receipts_go),
        T(test_prompts_only_when_asked_and_sealed),
        T(test_a_missing_or_other_key_loses_nothing),
        T(test_a_locked_file_delays_and_is_counted),
        T(test_a_full_disk_delays_and_is_counted),
        T(test_ten_thousand_waiting_is_unhealthy),
        T(test_closing_with_a_locked_file_ends),
        T(test_a_deleted_file_is_made_anew),
        T(test_files_that_are_no_ledger_are_refused),
        T(test_workers_share_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
