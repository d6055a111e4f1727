/* SPDX-License-Identifier: Apache-2.0 */
/* The gate against real privacy, page and ledger; the leg is a stand-in that records what it is told. */
#include "egress/egress.h"

#include "base/clock.h"
#include "egress/consent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

/* ---- the leg ---- */

struct leg {
    struct request *request;
    struct decision *decision;
    const struct backend *backend;
    int number;
    void *gate_state;
    int admitted, refused, offline;
    struct admission admission;
    enum err err;
    char text[400];
};

const struct request *leg_request(const struct leg *leg)
{
    return leg->request;
}
const struct decision *leg_decision(const struct leg *leg)
{
    return leg->decision;
}
const struct backend *leg_backend(const struct leg *leg)
{
    return leg->backend;
}
int leg_number(const struct leg *leg)
{
    return leg->number;
}
void *leg_gate_state(struct leg *leg)
{
    return leg->gate_state;
}
void leg_set_gate_state(struct leg *leg, void *state)
{
    leg->gate_state = state;
}
void leg_admitted(struct leg *leg, const struct admission *a)
{
    leg->admitted++;
    leg->admission = *a;
}
void leg_refused(struct leg *leg, enum err err, const char *text)
{
    leg->refused++;
    leg->err = err;
    snprintf(leg->text, sizeof leg->text, "%s", text);
}
void leg_refused_offline(struct leg *leg, const char *text)
{
    leg->offline++;
    leg_refused(leg, ERR_NO_BACKEND, text);
}

/* ---- the world ---- */

#define S US_PER_S
#define T0 (1000 * S)
#define WALL0 (20000ull * US_PER_DAY)

static struct world {
    char folder[64], path[96];
    struct page *page;
    struct ledger *ledger;
    struct privacy_policy *policy;
    struct config *config;
    struct egress *egress;
    struct backend backend;
    struct request request;
    struct decision decision;
    struct leg leg;
} w;

static const char *const labels_us[] = {"us", NULL};
static const char *const never[] = {"US_SSN", NULL};

static struct config *config_of(int64_t per_day)
{
    struct arena *a = arena_new();
    struct config *c = ARENA_NEW(a, struct config);
    c->arena = a;
    c->refs = 1;
    c->usd_nano_per_day = per_day;
    c->usd_nano_per_month = c->usd_nano_per_key_per_day = -1;
    return c;
}

static int begin_test(void **state)
{
    (void)state;
    clock_set_virtual(T0, WALL0);
    snprintf(w.folder, sizeof w.folder, "/tmp/weir-egress-XXXXXX");
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.path, sizeof w.path, "%s/weir.db", w.folder);
    w.page = page_memory();
    page_worker_begin(w.page, 0, getpid());
    assert_int_equal(ledger_open(&(struct ledger_options){.path = w.path, .close_wait_us = 300000},
                                 &w.ledger, NULL),
                     OK);
    assert_int_equal(privacy_policy_new(&(struct privacy_policy_options){.types_default = true,
                                                                         .never_leave = never},
                                        &w.policy, NULL),
                     OK);
    w.config = config_of(-1);
    w.egress = egress_new(&(struct egress_options){.page = w.page, .ledger = w.ledger});
    egress_configure(w.egress, w.config, w.policy);
    w.backend = (struct backend){
        .name = "cloud",
        .tier = TIER_CLOUD,
        .api = API_OPENAI,
        .index = 2,
        .url = "https://api.example.com/v1",
        .model = "m-fast",
        .price = {USD_NANO, 2 * USD_NANO,
                  -1}, /* 1 and 2 USD per million tokens: 1,000 and 2,000 nano each */
        .max_in_flight = 2,
        .max_output_tokens = 100,
        .labels = labels_us,
    };
    w.request = (struct request){.id = "req_1", .n = 1, .client = SPAN("ann")};
    w.decision = (struct decision){.privacy = PRIVACY_REDACT, .max_cost_usd_nano = -1};
    w.leg = (struct leg){
        .request = &w.request, .decision = &w.decision, .backend = &w.backend, .number = 1};
    return 0;
}

static int end_test(void **state)
{
    (void)state;
    egress_free(w.egress);
    config_unref(w.config);
    privacy_policy_free(w.policy);
    ledger_close(w.ledger);
    page_close(w.page);
    clock_set_virtual(0, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", w.folder);
    return system(command);
}

static void admit_body(struct leg *leg, const char *body)
{
    egress_gate.admit(w.egress, leg, span_c(body));
    assert_int_equal(leg->admitted + leg->refused, 1); /* exactly one answer */
}

static void admit(const char *body)
{
    admit_body(&w.leg, body);
}

static void settle_leg(struct leg *leg, struct leg_end end)
{
    end.retry_after_ms = -1;
    egress_gate.settle(w.egress, leg, &end, 10);
    assert_null(leg->gate_state);
}

static void settle(struct leg_end end)
{
    settle_leg(&w.leg, end);
}

static void again(void)
{
    w.leg = (struct leg){.request = &w.request,
                         .decision = &w.decision,
                         .backend = &w.backend,
                         .number = w.leg.number + 1};
}

static void budget(int64_t per_day)
{
    config_unref(w.config);
    w.config = config_of(per_day);
    egress_configure(w.egress, w.config, w.policy);
}

/* Nothing that an earlier step took is left behind. */
static void check_untouched(void)
{
    struct budget_limits l = {1000 * USD_NANO, -1, -1};
    assert_int_equal(w.leg.admitted, 0);
    assert_null(w.leg.gate_state);
    assert_int_equal(page_intents_used(w.page), 0);
    assert_int_equal(page_backend_in_flight(w.page, w.backend.index), 0);
    assert_int_equal(page_budget_left(w.page, &l, 0), 1000 * USD_NANO);
}

static void check_refused(enum err err, const char *text)
{
    assert_int_equal(w.leg.refused, 1);
    assert_int_equal(w.leg.err, err);
    if (!strstr(w.leg.text, text)) {
        fail_msg("\"%s\" does not say \"%s\"", w.leg.text, text);
    }
    check_untouched();
}

static const struct usage said = {
    .input_tokens = 10, .output_tokens = 5, .cached_tokens = -1, .reasoning_tokens = -1};
static const struct usage unsaid = {-1, -1, -1, -1, false};

/* ---- the way through ---- */

static void test_admitted_and_settled(void **state)
{
    (void)state;
    admit("{\"messages\":[{\"role\":\"user\",\"content\":\"I am jane@acme.io\"}]}");
    assert_int_equal(w.leg.admitted, 1);
    assert_true(
        span_is(w.leg.admission.body,
                "{\"messages\":[{\"role\":\"user\",\"content\":\"I am <EMAIL_ADDRESS_1>\"}]}"));
    assert_int_equal(w.leg.admission.redactions_count, 1);
    assert_string_equal(w.leg.admission.redactions[0].type, "EMAIL_ADDRESS");
    assert_non_null(w.leg.admission.filter);
    assert_int_equal(page_intents_used(w.page), 1);
    assert_int_equal(page_backend_in_flight(w.page, 2), 1);
    assert_int_equal(page_budget_spent_today(w.page), 0); /* reserved, not spent */
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    assert_int_equal(page_backend_in_flight(w.page, 2), 0);
    assert_int_equal(page_budget_spent_today(w.page), 10 * 1000 + 5 * 2000);
    assert_int_equal(page_intents_used(w.page), 1); /* until the receipt is on disk */
    int slots[LEGS_MAX];
    assert_int_equal(egress_take_intents(w.egress, &w.request, slots, LEGS_MAX), 1);
    assert_int_equal(egress_take_intents(w.egress, &w.request, slots, LEGS_MAX), 0);
    page_intent_clear(w.page, slots[0]);
}

static void test_the_intent_tells_what_leaves(void **state)
{
    (void)state;
    admit("{\"a\":1}");
    page_worker_lost(w.page, 0);
    struct intent i;
    assert_true(page_intent_take_lost(w.page, &i));
    assert_string_equal(i.request_id, "req_1");
    assert_string_equal(i.backend, "cloud");
    assert_string_equal(i.model, "m-fast");
    assert_string_equal(i.client, "ann");
    assert_int_equal(i.leg, 1);
    assert_int_equal(i.tier, TIER_CLOUD);
    assert_int_equal(i.body_bytes, 7);
    assert_int_equal(i.reserved_nano, 3 * 1000 + 100 * 2000); /* 7 bytes: 3 tokens in; 100 out */
    page_worker_begin(w.page, 0, getpid());
    page_backend_enter(w.page, 0, 2, 0); /* as it was, for settle() */
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
}

static void test_a_retry_keeps_one_intent_with_both_bodies(void **state)
{
    (void)state;
    admit("{\"a\":1}");
    settle((struct leg_end){.outcome = LEG_ERROR, .http_status = 503, .usage = unsaid});
    w.leg = (struct leg){
        .request = &w.request, .decision = &w.decision, .backend = &w.backend, .number = 1};
    admit("{\"a\":1}");
    assert_int_equal(page_intents_used(w.page), 1);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    again();
    admit("{\"a\":1}"); /* another leg */
    assert_int_equal(page_intents_used(w.page), 2);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    page_worker_lost(w.page, 0);
    struct intent i;
    for (int n = 0; n < 2; n++) {
        assert_true(page_intent_take_lost(w.page, &i));
        assert_int_equal(i.body_bytes, i.leg == 1 ? 14 : 7);
    }
}

/* ---- each step closes ---- */

static void test_step_1_level(void **state)
{
    (void)state;
    w.decision.privacy = PRIVACY_LOCAL;
    admit("{}");
    check_refused(ERR_POLICY, "privacy `local`");
    again();
    w.decision.kept_rule = "legal-stays";
    w.decision.kept_type = "US_SSN";
    admit("{}");
    check_refused(ERR_POLICY, "legal-stays");
}

static void test_step_2_labels(void **state)
{
    (void)state;
    w.decision.require[0] = "eu";
    w.decision.require_count = 1;
    admit("{}");
    check_refused(ERR_POLICY, "`eu`");
}

static void test_step_3_offline(void **state)
{
    (void)state;
    egress_note_network(w.egress, &w.backend, true);
    admit("{}");
    check_refused(ERR_NO_BACKEND, "offline");
    assert_int_equal(w.leg.offline, 1);
    clock_set_virtual(T0 + 2 * S, WALL0);
    egress_note_network(w.egress, &w.backend, true); /* the refused leg's own end is no news */
    clock_set_virtual(T0 + 3 * S, WALL0);
    again();
    admit("{}"); /* tried again */
    assert_int_equal(w.leg.admitted, 1);
    settle((struct leg_end){.outcome = LEG_ERROR, .offline = true, .usage = unsaid});
    egress_note_network(w.egress, &w.backend, true);
    egress_note_network(w.egress, &w.backend, false); /* back */
    struct backend_state s = {.usable = true};
    egress_backend_state(w.egress, &w.backend, &s);
    assert_false(s.offline);
    assert_true(s.usable);
}

static void test_near_backends_are_offline_only_by_word(void **state)
{
    (void)state;
    static const char *const near[] = {"http://127.0.0.1:9000/v1", "http://localhost:1",
                                       "http://192.168.1.5/v1",    "http://[::1]:80",
                                       "http://10.0.0.1",          "http://nas.local/v1",
                                       "http://nas:8080",          "unix:/run/x.sock"};
    static const char *const far[] = {"https://api.openai.com/v1", "http://8.8.8.8",
                                      "http://10.example.org",
                                      "https://user@127.0.0.1.example.com/v1"};
    for (size_t i = 0; i < ARRAY_LEN(near) + ARRAY_LEN(far); i++) {
        w.backend.url = i < ARRAY_LEN(near) ? near[i] : far[i - ARRAY_LEN(near)];
        egress_note_network(w.egress, &w.backend, true);
        struct backend_state s = {.usable = true};
        egress_backend_state(w.egress, &w.backend, &s);
        if (s.offline != (i >= ARRAY_LEN(near))) {
            fail_msg("%s", w.backend.url);
        }
        egress_note_network(w.egress, &w.backend, false);
        egress_set_offline(w.egress, false, true); /* the cable is out */
        s = (struct backend_state){.usable = true};
        egress_backend_state(w.egress, &w.backend, &s);
        assert_int_equal(s.offline, i >= ARRAY_LEN(near));
        egress_set_offline(w.egress, false, false);
    }
    w.backend.url = near[0];
    page_set_offline(w.page, true);
    admit("{}");
    check_refused(ERR_NO_BACKEND, "offline");
    page_set_offline(w.page, false);
    egress_set_offline(w.egress, true, false);
    again();
    admit("{}");
    check_refused(ERR_NO_BACKEND, "offline");
}

static void fail_times(int n, struct leg_end end)
{
    for (int i = 0; i < n; i++) {
        again();
        admit("{}");
        assert_int_equal(w.leg.admitted, 1);
        settle(end);
    }
    int slots[LEGS_MAX];
    int held = egress_take_intents(w.egress, &w.request, slots, LEGS_MAX);
    for (int i = 0; i < held; i++) {
        page_intent_clear(w.page, slots[i]);
    }
    again();
}

static void test_step_4_breaker(void **state)
{
    (void)state;
    fail_times(5, (struct leg_end){.outcome = LEG_ERROR, .http_status = 500, .usage = unsaid});
    admit("{}");
    check_refused(ERR_UPSTREAM, "breaker open");
    struct backend_state s = {.usable = true};
    egress_backend_state(w.egress, &w.backend, &s);
    assert_true(s.breaker_open);
    assert_false(s.usable);
    clock_set_virtual(T0 + 5 * S, WALL0);
    again();
    admit("{}"); /* the probe */
    assert_int_equal(w.leg.admitted, 1);
    struct leg second = w.leg;
    second.admitted = 0;
    second.gate_state = NULL;
    second.number = 9;
    admit_body(&second, "{}");
    assert_int_equal(second.err, ERR_UPSTREAM); /* only one */
    settle((struct leg_end){.outcome = LEG_CANCELLED,
                            .usage = unsaid}); /* its client left: no verdict */
    again();
    admit("{}"); /* the next probe */
    assert_int_equal(w.leg.admitted, 1);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    assert_int_equal(page_breaker_state(w.page, egress_breaker_id(&w.backend), clock_now_us()),
                     BREAKER_CLOSED);
}

static void test_a_refused_probe_is_given_back(void **state)
{
    (void)state;
    fail_times(5, (struct leg_end){.outcome = LEG_TIMEOUT, .usage = unsaid});
    clock_set_virtual(T0 + 5 * S, WALL0);
    admit("{\"a\":\"123-45-6789\"}"); /* a later step refuses */
    assert_int_equal(w.leg.err, ERR_POLICY);
    again();
    admit("{}");
    assert_int_equal(w.leg.admitted, 1);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
}

static void test_what_counts_against_a_backend(void **state)
{
    (void)state;
    const struct {
        struct leg_end end;
        bool opens;
    } cases[] = {
        {{.outcome = LEG_ERROR, .http_status = 0}, true}, /* no connection, or a broken stream */
        {{.outcome = LEG_ERROR, .http_status = 200}, true},
        {{.outcome = LEG_ERROR, .http_status = 502}, true},
        {{.outcome = LEG_TIMEOUT}, true},
        {{.outcome = LEG_ERROR, .http_status = 400}, false},
        {{.outcome = LEG_ERROR, .http_status = 401}, false},
        {{.outcome = LEG_ERROR, .http_status = 429}, false},
        {{.outcome = LEG_ERROR, .offline = true}, false},
        {{.outcome = LEG_CANCELLED}, false},
        {{.outcome = LEG_OK}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[16];
        snprintf(name, sizeof name, "cloud%zu", i);
        w.backend.name = name;
        struct leg_end end = cases[i].end;
        end.usage = unsaid;
        fail_times(5, end);
        bool open = page_breaker_state(w.page, egress_breaker_id(&w.backend), clock_now_us()) ==
                    BREAKER_OPEN;
        if (open != cases[i].opens) {
            fail_msg("case %zu", i);
        }
    }
    w.backend.name = "cloud";
}

static void test_step_5_in_flight(void **state)
{
    (void)state;
    struct leg legs[3];
    for (int i = 0; i < 3; i++) {
        again();
        legs[i] = w.leg;
        admit_body(&legs[i], "{}");
        assert_int_equal(legs[i].admitted, i < 2);
    }
    assert_int_equal(legs[2].err, ERR_OVERLOADED);
    assert_non_null(strstr(legs[2].text, "max_in_flight"));
    struct backend_state s = {.usable = true};
    egress_backend_state(w.egress, &w.backend, &s);
    assert_true(s.busy);
    settle_leg(&legs[0], (struct leg_end){.outcome = LEG_OK, .usage = said});
    settle_leg(&legs[1], (struct leg_end){.outcome = LEG_OK, .usage = said});
}

static void test_step_6_ledger(void **state)
{
    (void)state;
    struct receipt r = {.request = &w.request, .always_cloud_cost_usd_nano = -1};
    ledger_put(w.ledger, &r, NULL, NULL, 0);
    assert_true(ledger_flush(w.ledger, S));
    sqlite3 *other;
    assert_int_equal(sqlite3_open(w.path, &other), SQLITE_OK);
    sqlite3_busy_timeout(other, 2000);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    while (ledger_healthy(w.ledger)) {
        ledger_put(w.ledger, &r, NULL, NULL, 0);
    }
    admit("{}");
    check_refused(ERR_OVERLOADED, "receipt could not be kept");
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_true(ledger_flush(w.ledger, 20 * S));
    egress_free(w.egress);
    w.egress = egress_new(&(struct egress_options){.page = w.page}); /* no ledger: explain only */
    egress_configure(w.egress, w.config, w.policy);
    again();
    admit("{}");
    check_refused(ERR_INTERNAL, "no ledger");
}

static void test_step_7_privacy(void **state)
{
    (void)state;
    admit("{\"a\":\"my ssn is 123-45-6789\"}");
    check_refused(ERR_POLICY, "US_SSN");
    assert_null(strstr(w.leg.text, "6789"));
    again();
    admit("this is not JSON");
    check_refused(ERR_POLICY, "could not be scanned");
    again();
    w.decision.privacy = PRIVACY_OPEN; /* only never_leave counts */
    admit("{\"a\":\"123-45-6789\"}");
    check_refused(ERR_POLICY, "US_SSN");
    again();
    admit("{\"a\": \"jane@acme.io\"}");
    assert_true(span_is(w.leg.admission.body, "{\"a\": \"jane@acme.io\"}"));
    assert_null(w.leg.admission.filter);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    egress_configure(w.egress, w.config, NULL); /* without a policy nothing leaves */
    again();
    admit("{}");
    assert_int_equal(w.leg.err, ERR_POLICY);
}

static void test_step_8_budget(void **state)
{
    (void)state;
    budget(202999);
    admit("{\"a\":1}"); /* would reserve 203,000 */
    check_refused(ERR_BUDGET, "budget is used up");
    budget(203000);
    again();
    admit("{\"a\":1}");
    assert_int_equal(w.leg.admitted, 1);
    struct leg second = w.leg;
    second.gate_state = NULL;
    second.admitted = 0;
    second.number = 7;
    admit_body(&second, "{}");
    assert_int_equal(second.err, ERR_BUDGET);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    again();
    w.backend.price = (struct price){-1, -1, -1};
    admit("{}");
    assert_int_equal(w.leg.err, ERR_BUDGET); /* a budget cannot be kept without a price */
    budget(-1);
    again();
    admit("{}");
    assert_int_equal(w.leg.admitted, 1);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
}

static void test_the_request_sets_a_limit_too(void **state)
{
    (void)state;
    w.decision.max_cost_usd_nano = 100000;
    admit("{\"a\":1}");
    check_refused(ERR_BUDGET, "more than this request allows");
    w.request.max_tokens = 20; /* 3,000 + 40,000 */
    again();
    admit("{\"a\":1}");
    assert_int_equal(w.leg.admitted, 1);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    w.request.n = 3; /* 3,000 + 120,000 */
    again();
    admit("{\"a\":1}");
    assert_int_equal(w.leg.err, ERR_BUDGET);
}

static void test_step_9_intent(void **state)
{
    (void)state;
    struct intent i = {.request_id = "req_other"};
    int slot;
    for (int n = 0; n < PAGE_INTENTS; n++) {
        assert_int_equal(page_intent_write(w.page, 0, &i, &slot), OK);
    }
    admit("{}");
    assert_int_equal(w.leg.err, ERR_OVERLOADED);
    assert_int_equal(w.leg.admitted, 0);
    assert_int_equal(page_backend_in_flight(w.page, 2), 0);
    struct budget_limits l = {1000, -1, -1};
    assert_int_equal(page_budget_left(w.page, &l, 0), 1000);
    for (int n = 0; n < PAGE_INTENTS; n++) {
        page_intent_clear(w.page, n);
    }
}

/* ---- settling ---- */

static void test_what_stays_charged(void **state)
{
    (void)state;
    const int64_t reserved = 1 * 1000 + 100 * 2000; /* "{}" */
    const int64_t cost = 20000;
    struct usage guessed = said;
    guessed.estimated = true;
    const struct {
        struct leg_end end;
        int64_t charged;
    } cases[] = {
        {{.outcome = LEG_OK, .usage = said}, cost},
        {{.outcome = LEG_OK, .usage = guessed}, cost},
        {{.outcome = LEG_OK, .usage = unsaid}, reserved},
        {{.outcome = LEG_ERROR, .usage = unsaid}, 0}, /* it never got there */
        {{.outcome = LEG_ERROR, .usage = unsaid, .may_be_billed = true}, reserved},
        {{.outcome = LEG_TIMEOUT, .usage = guessed, .may_be_billed = true}, reserved},
        {{.outcome = LEG_ERROR, .usage = said, .may_be_billed = true}, cost},
        {{.outcome = LEG_CANCELLED, .usage = guessed, .may_be_billed = true}, cost},
        {{.outcome = LEG_CANCELLED, .usage = unsaid, .may_be_billed = true}, reserved},
        {{.outcome = LEG_CANCELLED, .usage = unsaid}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[16];
        snprintf(name, sizeof name, "cloud%zu", i);
        w.backend.name = name;
        int64_t before = page_budget_spent_today(w.page);
        again();
        admit("{}");
        assert_int_equal(w.leg.admitted, 1);
        settle(cases[i].end);
        if (page_budget_spent_today(w.page) - before != cases[i].charged) {
            fail_msg("case %zu: %lld", i, (long long)(page_budget_spent_today(w.page) - before));
        }
    }
    w.backend.name = "cloud";
}

static void test_a_reload_does_not_disturb(void **state)
{
    (void)state;
    admit("{\"a\":\"jane@acme.io\"}");
    struct config *old = w.config;
    w.config = config_of(5);
    egress_configure(w.egress, w.config, w.policy);
    config_unref(old);
    struct delta_filter *f = w.leg.admission.filter;
    (void)f;
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
}

static void test_preview_is_what_would_leave(void **state)
{
    (void)state;
    struct preview out = {0};
    text_init(&out.body, MIB);
    assert_int_equal(egress_preview(w.egress, &w.request, &w.decision, &w.backend,
                                    SPAN("{\"a\":\"jane@acme.io\"}"), &out, NULL),
                     OK);
    assert_string_equal(out.body.data, "{\"a\":\"<EMAIL_ADDRESS_1>\"}");
    assert_int_equal(out.redactions_count, 1);
    struct fault fault = {0};
    w.decision.privacy = PRIVACY_LOCAL;
    assert_int_equal(
        egress_preview(w.egress, &w.request, &w.decision, &w.backend, SPAN("{}"), &out, &fault),
        ERR_POLICY);
    text_done(&out.body);
    check_untouched();
}

/* ---- media, consent, taint ---- */

static void test_media_needs_a_rule(void **state)
{
    (void)state;
    w.request.has_images = true;
    admit("{\"messages\":[{\"content\":[{\"type\":\"input_audio\"}]}]}");
    check_refused(ERR_POLICY, "then: { allow_media: true } }");
    again();
    w.decision.media_may_leave = true;
    admit("{\"a\":\"data:image/png;base64,AAAA\"}");
    assert_int_equal(w.leg.admitted, 1);
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
}

static const char *const ssn[] = {"US_SSN", NULL};
static const char *const to_cloud[] = {"cloud", NULL};
static const char *const ann[] = {"ann", NULL};
#define WITH_SSN "{\"a\":\"my ssn is 123-45-6789\"}"

/* The config lets `ann` send US_SSN to the cloud. */
static struct consent agree(int level)
{
    static struct consent_entry entry;
    entry = (struct consent_entry){.types = ssn, .to = to_cloud, .keys = ann, .level = level};
    w.config->consent = &entry;
    w.config->consent_count = 1;
    w.config->backends = &w.backend;
    w.config->backends_count = 1;
    struct consent c;
    int at = 0;
    assert_true(consent_next(w.config, SPAN("ann"), &at, &c));
    assert_false(consent_next(w.config, SPAN("ann"), &at, &c));
    at = 0;
    assert_false(consent_next(w.config, SPAN("bob"), &at, &c));
    at = 0;
    assert_true(consent_next(w.config, SPAN("ann"), &at, &c));
    w.decision.consent = &c;
    struct preview p = {0};
    text_init(&p.body, MIB);
    assert_int_equal(
        egress_preview(w.egress, &w.request, &w.decision, &w.backend, SPAN(WITH_SSN), &p, NULL),
        OK);
    assert_int_equal(consent_issue(w.page, SPAN("ann"), text_span(&p.body), &c, NULL), OK);
    text_done(&p.body);
    w.decision.consent = NULL;
    return c;
}

static void test_consent_lets_one_body_go(void **state)
{
    (void)state;
    struct consent asked = agree(PRIVACY_REDACT);
    struct consent c;
    admit(WITH_SSN);
    check_refused(ERR_POLICY, "US_SSN");
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), span_c(asked.id), &c, NULL), OK);
    w.decision.consent = &c;
    again();
    admit(WITH_SSN);
    assert_int_equal(w.leg.admitted, 1);
    assert_true(span_is(w.leg.admission.body, "{\"a\":\"my ssn is <US_SSN_1>\"}"));
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
    /* other words, or another backend, are not what was agreed to */
    again();
    admit("{\"a\":\"my ssn is really 123-45-6789\"}");
    assert_int_equal(w.leg.err, ERR_POLICY);
    assert_non_null(strstr(w.leg.text, "is not what consent was given for"));
    struct backend other = w.backend;
    other.name = "elsewhere";
    struct leg leg = {
        .request = &w.request, .decision = &w.decision, .backend = &other, .number = 9};
    admit_body(&leg, WITH_SSN);
    assert_int_equal(leg.err, ERR_POLICY);
}

static void test_open_consent_sends_the_value_itself(void **state)
{
    (void)state;
    struct consent asked = agree(PRIVACY_OPEN);
    struct consent c;
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), span_c(asked.id), &c, NULL), OK);
    w.decision.consent = &c;
    admit(WITH_SSN);
    assert_int_equal(w.leg.admitted, 1);
    assert_true(span_is(w.leg.admission.body, WITH_SSN));
    settle((struct leg_end){.outcome = LEG_OK, .usage = said});
}

static void test_consent_is_good_once_for_its_caller_and_not_for_long(void **state)
{
    (void)state;
    struct consent c;
    struct fault fault = {0};
    struct consent asked = agree(PRIVACY_REDACT);
    struct span id = span_c(asked.id);
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), SPAN("cns_0"), &c, &fault),
                     ERR_POLICY);
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), id, &c, &fault), OK);
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), id, &c, &fault), ERR_POLICY);
    asked = agree(PRIVACY_REDACT);
    id = span_c(asked.id);
    assert_int_equal(consent_take(w.page, w.config, SPAN("bob"), id, &c, &fault), ERR_POLICY);
    asked = agree(PRIVACY_REDACT);
    id = span_c(asked.id);
    clock_set_virtual(T0, WALL0 + (CONSENT_LIFE_S + 1) * S);
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), id, &c, &fault), ERR_POLICY);
    clock_set_virtual(T0, WALL0);
    asked = agree(PRIVACY_REDACT);
    w.config->consent_count = 0; /* a reload took the entry away */
    assert_int_equal(consent_take(w.page, w.config, SPAN("ann"), span_c(asked.id), &c, &fault),
                     ERR_POLICY);
    assert_non_null(strstr(fault.text, "POST /weir/v1/consent"));
}

static void test_sessions_stay_tainted(void **state)
{
    (void)state;
    uint64_t mine = taint_key(SPAN("ann"), SPAN("s1"), "US_SSN");
    assert_false(page_tainted(w.page, mine));
    page_taint(w.page, mine, WALL0);
    assert_true(page_tainted(w.page, mine));
    assert_false(page_tainted(w.page, taint_key(SPAN("bob"), SPAN("s1"), "US_SSN")));
    assert_false(page_tainted(w.page, taint_key(SPAN("ann"), SPAN("s2"), "US_SSN")));
    assert_false(page_tainted(w.page, taint_key(SPAN("ann"), SPAN("s1"), "SECRET")));
    for (uint64_t i = 0; i < 4 * PAGE_TAINTS; i++) { /* a full table forgets, the oldest first */
        page_taint(w.page, i * 0x9e3779b97f4a7c15ull, WALL0 + 1 + i);
    }
    assert_true(page_tainted(w.page, (4ull * PAGE_TAINTS - 1) * 0x9e3779b97f4a7c15ull));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_admitted_and_settled),
        T(test_the_intent_tells_what_leaves),
        T(test_a_retry_keeps_one_intent_with_both_bodies),
        T(test_media_needs_a_rule),
        T(test_consent_lets_one_body_go),
        T(test_open_consent_sends_the_value_itself),
        T(test_consent_is_good_once_for_its_caller_and_not_for_long),
        T(test_sessions_stay_tainted),
        T(test_step_1_level),
        T(test_step_2_labels),
        T(test_step_3_offline),
        T(test_near_backends_are_offline_only_by_word),
        T(test_step_4_breaker),
        T(test_a_refused_probe_is_given_back),
        T(test_what_counts_against_a_backend),
        T(test_step_5_in_flight),
        T(test_step_6_ledger),
        T(test_step_7_privacy),
        T(test_step_8_budget),
        T(test_the_request_sets_a_limit_too),
        T(test_step_9_intent),
        T(test_what_stays_charged),
        T(test_a_reload_does_not_disturb),
        T(test_preview_is_what_would_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
