/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin.h"

#include "base/clock.h"
#include "device/device.h"
#include "privacy/privacy.h"
#include "server/inference.h"
#include "server/policy.h"

#include <math.h>
#include <unistd.h>

#define LAST_MAX 1000
#define REDACT_MAX (256 * KIB) /* scanned in one go, on the loop: about 40 ms */

struct admin {
    struct gateway *gateway;
    uint64_t started_us;
};

static struct ledger *ledger_of(struct admin *a)
{
    return gateway_parts(a->gateway)->ledger;
}

static void on_explain(void *user, struct call *call)
{
    struct admin *a = user;
    struct request *r = inference_read(call, ENDPOINT_CHAT, gateway_config(a->gateway));
    if (!r) {
        return;
    }
    struct text out;
    text_init(&out, 64 * MIB);
    struct span payload = call_query(call, "payload");
    struct fault fault = {0};
    if (span_is(payload, "raw")) { /* the very bytes, not inside another object */
        enum err err = gateway_payload(a->gateway, r, &out, &fault);
        err ? call_reply_error(call, err, NULL, fault.text) : call_reply_json(call, 200, &out);
        text_done(&out);
        return;
    }
    gateway_explain(a->gateway, r, span_given(payload) && !span_is(payload, "0"), &out);
    call_reply_json(call, 200, &out);
    text_done(&out);
}

static void on_consent(void *user, struct call *call)
{
    struct admin *a = user;
    struct request *r = inference_read(call, ENDPOINT_CHAT, gateway_config(a->gateway));
    if (!r) {
        return;
    }
    struct text out;
    struct fault fault = {0};
    text_init(&out, MIB);
    enum err err = gateway_consent(a->gateway, r, &out, &fault);
    err ? call_reply_error(call, err, NULL, fault.text) : call_reply_json(call, 200, &out);
    text_done(&out);
}

static void on_receipts(void *user, struct call *call)
{
    struct admin *a = user;
    int64_t last = 20;
    struct span asked = call_query(call, "last");
    if (span_given(asked) && (!span_to_i64(asked, &last) || last < 1 || last > LAST_MAX)) {
        call_reply_error(call, ERR_INVALID, "last", "`last` must be a number from 1 to 1000");
        return;
    }
    struct text out;
    text_init(&out, 64 * MIB);
    struct fault fault = {0};
    enum err err = ledger_list(ledger_of(a), (int)last, call_scope(call), &out, &fault);
    if (err) {
        call_reply_error(call, err, NULL, fault.text);
    } else {
        call_reply_json(call, 200, &out);
    }
    text_done(&out);
}

static void on_receipt(void *user, struct call *call)
{
    struct admin *a = user;
    struct text out;
    text_init(&out, 4 * MIB);
    if (ledger_get(ledger_of(a), call_rest(call), call_scope(call), &out)) {
        call_reply_error(call, ERR_NOT_FOUND, NULL, "there is no receipt with this id");
    } else {
        call_reply_json(call, 200, &out);
    }
    text_done(&out);
}

static void on_report(void *user, struct call *call)
{
    struct admin *a = user;
    uint64_t since_us = 7 * US_PER_DAY;
    struct span asked = call_query(call, "since");
    if (span_given(asked) && !clock_from_duration(asked, &since_us)) {
        call_reply_error(call, ERR_INVALID, "since", "`since` must be like 7d, 12h or 30m");
        return;
    }
    struct text out;
    text_init(&out, 4 * MIB);
    struct fault fault = {0};
    uint64_t now = clock_wall_us();
    struct span privacy = call_query(call, "privacy");
    uint64_t since = now > since_us ? now - since_us : 0;
    enum err err = span_given(privacy) && !span_is(privacy, "0")
                       ? ledger_privacy_report(ledger_of(a), since, call_scope(call), &out, &fault)
                       : ledger_report(ledger_of(a), since, call_scope(call), &out, &fault);
    if (err) {
        call_reply_error(call, err, NULL, fault.text);
    } else {
        call_reply_json(call, 200, &out);
    }
    text_done(&out);
}

/* The sentence about what is wrong with a feedback body, or NULL; `out_param` names the field. */
static const char *feedback_wrong(const struct json *body, const char **out_param)
{
    double score = json_f64_or(json_get(body, "score"), -1);
    const struct json *source = json_get(body, "source");
    struct span name = json_str(source);
    if (!span_given(json_str(json_get(body, "id")))) {
        *out_param = "id";
        return "`id` must be a receipt's id (X-Request-Id)";
    }
    if (!(score >= 0 && score <= 1)) {
        *out_param = "score";
        return "`score` must be a number from 0 to 1";
    }
    if (source && learning_source_from(name) == LEARNING_SOURCES) {
        *out_param = "source";
        return "`source` must be user, judge, test, verify, retry or edit";
    }
    return NULL;
}

static void on_feedback(void *user, struct call *call)
{
    struct admin *a = user;
    const struct json *body;
    struct fault fault = {0};
    const char *param = NULL;
    if (json_parse_in(call_arena(call), call_request(call)->body, &body, &fault)) {
        call_reply_error(call, ERR_INVALID, NULL, fault.text);
        return;
    }
    const char *wrong = feedback_wrong(body, &param);
    if (wrong) {
        call_reply_error(call, ERR_INVALID, param, wrong);
        return;
    }
    struct span source = json_str(json_get(body, "source"));
    enum err err = ledger_feedback(
        ledger_of(a), json_str(json_get(body, "id")), json_f64_or(json_get(body, "score"), 0),
        span_given(source) ? source : SPAN("user"), call_client(call), call_admin(call), &fault);
    if (err) {
        call_reply_error(call, err, "id", fault.text);
    } else {
        gateway_feedback(a->gateway, json_str(json_get(body, "id")),
                         json_f64_or(json_get(body, "score"), 0),
                         span_given(source) ? source : SPAN("user"));
        call_reply(call, 200, "application/json", SPAN("{\"ok\":true}"));
    }
}

/* The body of a redact call: {"text", "policy"}. NULL, and the answer is written, when it is wrong. */
static bool read_redact(struct call *call, struct span *out_text, bool *out_policy)
{
    const struct json *body;
    struct fault fault = {0};
    if (json_parse_in(call_arena(call), call_request(call)->body, &body, &fault)) {
        call_reply_error(call, ERR_INVALID, NULL, fault.text);
        return false;
    }
    const struct json *text = json_get(body, "text");
    const struct json *policy = json_get(body, "policy");
    *out_text = json_str(text);
    *out_policy = false;
    if (json_type(text) != JSON_STRING) {
        call_reply_error(call, ERR_INVALID, "text", "`text` must be a string");
        return false;
    }
    if (policy && !json_to_bool(policy, out_policy)) {
        call_reply_error(
            call, ERR_INVALID, "policy",
            "`policy` must be true (only what the config lists) or false (every type)");
        return false;
    }
    if (out_text->len > REDACT_MAX) {
        call_reply_error(call, ERR_TOO_LARGE, "text",
                         "`text` is over 256 KiB; `weir redact` takes 4 MiB, --jsonl all");
        return false;
    }
    return true;
}

static void on_redact(void *user, struct call *call)
{
    struct admin *a = user;
    struct span text;
    bool listed_only;
    if (!read_redact(call, &text, &listed_only)) {
        return;
    }
    struct privacy_policy *policy = NULL;
    struct pseudonyms *p = pseudonyms_new();
    struct text out;
    text_init(&out, 64 * MIB);
    struct fault fault = {0};
    enum err err = policy_compile(gateway_config(a->gateway), !listed_only, &policy, &fault);
    err = err ? err : privacy_redact_report(policy, p, text, &out, &fault);
    if (err) {
        call_reply_error(call, err, "text", fault.text);
    } else {
        call_reply_json(call, 200, &out);
    }
    text_done(&out);
    pseudonyms_free(p);
    privacy_policy_free(policy);
}

/* ---- status ---- */

static void write_backend_status(struct admin *a, const struct backend *b, struct json_out *w)
{
    struct backend_state s;
    gateway_backend_state(a->gateway, b, &s);
    const struct page *page = gateway_parts(a->gateway)->page;
    json_begin_object(w);
    json_put_c(w, "name", b->name);
    json_put_c(w, "tier", tier_name(b->tier));
    json_put_c(w, "model", b->model);
    json_put_c(w, "url", b->url);
    json_put_bool(w, "usable", s.usable);
    json_put(w, "why", s.usable ? SPAN_NONE : span_c(s.why));
    json_put_bool(w, "offline", s.offline);
    json_put_bool(w, "dead", s.dead);
    json_put_bool(w, "busy", s.busy);
    json_put_bool(w, "switching", s.switching);
    json_put_c(w, "breaker",
               b->tier == TIER_DEVICE ? NULL
                                      : breaker_state_name(page_breaker_state(
                                            page, egress_breaker_id(b), clock_now_us())));
    json_put_int(w, "queue", s.queue);
    json_key(w, "context");
    s.context > 0 ? json_int(w, s.context) : json_null(w);
    json_key(w, "tokens_per_s");
    s.tokens_per_s > 0 ? json_number(w, s.tokens_per_s) : json_null(w);
    json_key(w, "ttft_us");
    s.ttft_us > 0 ? json_int(w, (int64_t)s.ttft_us) : json_null(w);
    json_put_number(w, "read_tokens_per_s",
                    s.predicted.read_tokens_s > 0 ? s.predicted.read_tokens_s : NAN);
    json_put_number(w, "slowed", s.predicted.slowed > 0 ? s.predicted.slowed : NAN);
    json_put_number(w, "failing", round(s.failing * 1e3) / 1e3);
    json_put_number(w, "rtt_ms", s.rtt_ms > 0 ? round(s.rtt_ms * 1e3) / 1e3 : NAN);
    json_key(w, "tasks");
    json_begin_array(w);
    for (int t = 0; t < TASK_COUNT; t++) {
        if (s.tasks & (1u << t)) {
            json_c(w, task_name((enum task)t));
        }
    }
    json_end_array(w);
    json_put_bool(w, "demo", s.demo);
    json_put_bool(w, "priced", price_known(&b->price));
    json_end_object(w);
}

static void write_ledger_status(struct admin *a, struct json_out *w)
{
    const struct config *c = gateway_config(a->gateway);
    struct ledger *l = ledger_of(a);
    json_key(w, "ledger");
    json_begin_object(w);
    json_put_c(w, "path", c->ledger_path);
    json_put_bool(w, "healthy", ledger_healthy(l));
    json_put_int(w, "waiting", ledger_waiting(l));
    json_put_int(w, "errors", ledger_errors(l));
    json_end_object(w);
    struct budget_limits limits = {c->usd_nano_per_day, c->usd_nano_per_month,
                                   c->usd_nano_per_key_per_day};
    const struct page *page = gateway_parts(a->gateway)->page;
    json_key(w, "budget");
    json_begin_object(w);
    json_put_usd(w, "spent_today_usd", page_budget_spent_today(page));
    json_put_usd(w, "left_usd", page_budget_left(page, &limits, 0));
    json_put_usd(w, "usd_per_day", c->usd_nano_per_day);
    json_end_object(w);
}

/* Whose thresholds are in force, and whose are not any more. */
static void write_calibration_status(struct admin *a, struct json_out *w)
{
    const struct calibrations *all = gateway_calibrations(a->gateway);
    json_key(w, "calibration");
    json_begin_array(w);
    for (int i = 0; all && i < all->count; i++) {
        const struct calibration_entry *e = &all->entries[i];
        json_begin_object(w);
        json_put_c(w, "device", e->device);
        json_put_c(w, "cloud", e->cloud);
        json_put_c(w, "model", e->model);
        json_put_c(w, "time", e->time);
        json_put_c(w, "source", e->source);
        json_put_int(w, "labels_cascade", e->cascade.n);
        json_put_int(w, "labels_split", e->split.n);
        json_put_bool(w, "in_force", !e->stale);
        json_put(w, "why", e->stale ? span_c(e->why) : SPAN_NONE);
        json_end_object(w);
    }
    json_end_array(w);
}

static void on_status(void *user, struct call *call)
{
    struct admin *a = user;
    const struct config *c = gateway_config(a->gateway);
    struct text out, device;
    text_init(&out, MIB);
    text_init(&device, 16 * KIB);
    struct json_out w = json_out(&out);
    json_begin_object(&w);
    json_put_c(&w, "version", WEIR_VERSION);
    json_put_int(&w, "worker", gateway_parts(a->gateway)->worker);
    json_put_int(&w, "workers", c->workers);
    json_put_int(&w, "supervisor_pid", getppid());
    json_put_int(&w, "uptime_s", (int64_t)((clock_now_us() - a->started_us) / US_PER_S));
    json_put_c(&w, "config", c->path);
    json_put_bool(&w, "ready", gateway_ready(a->gateway));
    json_put_bool(&w, "offline", page_offline(gateway_parts(a->gateway)->page));
    json_put_int(&w, "running", gateway_running(a->gateway));
    json_put_c(&w, "strategy", c->strategy);
    json_put_c(&w, "privacy", privacy_level_name(c->privacy_default));
    json_key(&w, "backends");
    json_begin_array(&w);
    for (int i = 0; i < c->backends_count; i++) {
        write_backend_status(a, &c->backends[i], &w);
    }
    json_end_array(&w);
    struct device_facts facts;
    struct fault fault;
    if (device_read(c->facts_override, &facts, &fault) == OK) {
        device_facts_write(&facts, &device);
        json_key(&w, "device");
        json_raw(&w, text_span(&device));
    }
    write_ledger_status(a, &w);
    write_calibration_status(a, &w);
    json_key(&w, "guard");
    guard_write(gateway_guard(a->gateway), clock_now_us(), &w);
    json_end_object(&w);
    call_reply_json(call, 200, &out);
    text_done(&device);
    text_done(&out);
}

static void on_offline(void *user, struct call *call)
{
    struct admin *a = user;
    const struct json *body;
    struct fault fault = {0};
    bool on;
    if (json_parse_in(call_arena(call), call_request(call)->body, &body, &fault) ||
        !json_to_bool(json_get(body, "on"), &on)) {
        call_reply_error(call, ERR_INVALID, "on",
                         "the body must be {\"on\": true} or {\"on\": false}");
        return;
    }
    page_set_offline(gateway_parts(a->gateway)->page, on);
    struct text out;
    text_init(&out, KIB);
    struct json_out w = json_out(&out);
    json_begin_object(&w);
    json_put_bool(&w, "offline", on);
    json_end_object(&w);
    call_reply_json(call, 200, &out);
    text_done(&out);
}

/* ---- health ---- */

static void on_healthz(void *user, struct call *call)
{
    (void)user;
    call_reply(call, 200, "application/json", SPAN("{\"status\":\"ok\"}"));
}

static void on_readyz(void *user, struct call *call)
{
    struct admin *a = user;
    if (gateway_ready(a->gateway)) {
        call_reply(call, 200, "application/json", SPAN("{\"status\":\"ready\"}"));
        return;
    }
    const struct config *c = gateway_config(a->gateway);
    struct text why;
    text_init(&why, 4 * KIB);
    for (int i = 0; i < c->backends_count; i++) {
        struct backend_state s;
        gateway_backend_state(a->gateway, &c->backends[i], &s);
        text_addf(&why, "%s%s: %s", i ? "; " : "", c->backends[i].name, s.why);
    }
    call_reply_error(call, ERR_NO_BACKEND, NULL, text_span(&why).data);
    text_done(&why);
}

static void on_metrics(void *user, struct call *call)
{
    struct admin *a = user;
    struct text out;
    text_init(&out, MIB);
    metrics_write(a->gateway, &out);
    call_reply(call, 200, "text/plain; version=0.0.4", text_span(&out));
    text_done(&out);
}

static const struct route routes[] = {
    {"POST", "/weir/v1/explain", 0, on_explain},
    {"POST", "/weir/v1/consent", 0, on_consent},
    {"GET", "/weir/v1/receipts", 0, on_receipts},
    {"GET", "/weir/v1/receipts/", ROUTE_REST, on_receipt},
    {"GET", "/weir/v1/report", 0, on_report},
    {"POST", "/weir/v1/feedback", 0, on_feedback},
    {"POST", "/weir/v1/redact", 0, on_redact},
    {"GET", "/weir/v1/status", ROUTE_QUIET, on_status},
    {"POST", "/weir/v1/offline", ROUTE_ADMIN, on_offline},
    {"GET", "/healthz", ROUTE_OPEN | ROUTE_QUIET, on_healthz},
    {"GET", "/readyz", ROUTE_OPEN | ROUTE_QUIET, on_readyz},
    {"GET", "/metrics", ROUTE_QUIET, on_metrics},
};

struct admin *admin_new(struct server *s, struct gateway *g)
{
    struct admin *a = NEW(struct admin);
    *a = (struct admin){.gateway = g, .started_us = clock_now_us()};
    server_routes(s, routes, ARRAY_LEN(routes), a);
    return a;
}

void admin_free(struct admin *a)
{
    mem_free(a);
}
