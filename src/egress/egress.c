/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is:
 *
 *   admit    steps 1 to 9 of egress.h, each of which leaves something in `struct pass` that settle() gives back
 *   settle   the real cost replaces the reservation, the breaker hears, the in-flight place is free again; the
 *            intent slot stays until the receipt is on disk (egress_take_intents → ledger_put)
 *
 * What can go wrong: any step says no. Then what the steps before took is given back in reverse order and the leg is
 * refused; nothing was sent. An error nobody foresaw refuses too: leg_admitted() is called in one place only, after
 * all steps said yes.
 *
 * What the breaker hears about an attempt:
 *
 *   ok, or a 4xx answer            the backend works              good
 *   429, client left, no network   says nothing about it          (a probe is given back)
 *   connect error, 5xx, time-out,
 *   a stream that broke            the backend does not work      bad
 */
#include "egress/egress.h"

#include "base/clock.h"
#include "base/list.h"
#include "egress/consent.h"

#include <inttypes.h>
#include <stdio.h>

#define BODY_BYTES_PER_TOKEN 3
#define OUTPUT_TOKENS_DEFAULT 4096
#define OFFLINE_MEMORY_US (3ull * US_PER_S)
#define BODY_MAX (64 * MIB)
#define HELD_BUCKETS 256

/* One attempt inside the gate, from admit() to settle(). */
struct pass {
    struct leg *leg;
    struct config *config; /* owns the backend; a reload may come before the end */
    const struct backend *backend;
    struct text body; /* what may leave, when it is not what came in */
    struct pseudonyms *pseudonyms;
    struct redaction_count redactions[FINDING_TYPES_MAX];
    struct admission admission;
    struct budget_ticket ticket;
    int64_t reserved_nano; /* USD_UNKNOWN without a price */
    uint64_t breaker;
    bool entered, reserved, probing; /* what was taken and must be given back */
    bool offline;                    /* why it was refused */
};

/* The slots of one request's legs, kept until its receipt goes to the ledger. */
struct held {
    struct link link;
    const struct request *request;
    struct {
        int leg, slot;
        int64_t body_bytes, reserved_nano;
    } legs[LEGS_MAX];
    int count;
};

struct egress {
    struct egress_options options;
    struct config *config;
    const struct privacy_policy *policy;
    bool override_offline, no_route;
    uint64_t offline_until_us[BACKENDS_MAX];
    struct link held[HELD_BUCKETS];
};

/* ---- backends ---- */

uint64_t egress_breaker_id(const struct backend *b)
{
    uint64_t id = span_hash(span_c(b->name));
    id = id * 31 + span_hash(span_c(b->url));
    id = id * 31 + span_hash(span_c(b->model));
    return id ? id : 1;
}

static bool is_private_ipv4(struct span host)
{
    int64_t part[4];
    for (int i = 0; i < 4; i++) {
        struct span digits = span_cut(&host, '.');
        if (digits.len > 3 || !span_to_i64(digits, &part[i]) || part[i] < 0 || part[i] > 255) {
            return false;
        }
    }
    return host.len == 0 &&
           (part[0] == 127 || part[0] == 10 || (part[0] == 192 && part[1] == 168) ||
            (part[0] == 172 && part[1] >= 16 && part[1] <= 31) ||
            (part[0] == 169 && part[1] == 254));
}

static struct span host_of(struct span url)
{
    size_t scheme = span_find(url, SPAN("://"), 0);
    struct span rest = scheme == SIZE_MAX ? url : span_from(url, scheme + 3);
    rest = span_first(rest, span_find_char(rest, '/', 0));
    size_t at = span_find_char(rest, '@', 0);
    rest = at == SIZE_MAX ? rest : span_from(rest, at + 1);
    if (rest.len && rest.data[0] == '[') {
        rest = span_from(rest, 1);
        return span_first(rest, span_find_char(rest, ']', 0));
    }
    return span_first(rest, span_find_char(rest, ':', 0));
}

/* On this machine or in this house: a lost internet does not make it offline. */
static bool is_near(const struct backend *b)
{
    struct span url = span_c(b->url);
    if (url.len == 0 || span_starts(url, SPAN("unix:"))) {
        return true;
    }
    struct span host = host_of(url);
    if (span_find_char(host, ':', 0) != SIZE_MAX) { /* IPv6: loopback, link-local, unique local */
        return span_is(host, "::1") || span_starts_nocase(host, SPAN("fe80:")) ||
               span_starts_nocase(host, SPAN("fc")) || span_starts_nocase(host, SPAN("fd"));
    }
    return is_private_ipv4(host) || span_ends(host, SPAN(".local")) ||
           span_find_char(host, '.', 0) == SIZE_MAX;
}

static bool is_offline(const struct egress *e, const struct backend *b)
{
    return e->override_offline || (e->no_route && !is_near(b)) || page_offline(e->options.page) ||
           clock_now_us() < e->offline_until_us[b->index];
}

void egress_note_network(struct egress *e, const struct backend *b, bool offline)
{
    PRE(b->index >= 0 && b->index < BACKENDS_MAX);
    uint64_t *until = &e->offline_until_us[b->index];
    if (!offline) {
        *until = 0;
    } else if (!is_near(b) &&
               !is_offline(e, b)) { /* what the gate refused for being offline is no news */
        *until = clock_now_us() + OFFLINE_MEMORY_US;
    }
}

void egress_set_offline(struct egress *e, bool everything, bool no_route)
{
    e->override_offline = everything;
    e->no_route = no_route;
}

void egress_backend_state(const struct egress *e, const struct backend *b, struct backend_state *io)
{
    if (b->tier == TIER_DEVICE) {
        return;
    }
    uint64_t id = egress_breaker_id(b);
    int in_flight = page_backend_in_flight(e->options.page, b->index);
    io->offline = is_offline(e, b);
    io->breaker_open = page_breaker_state(e->options.page, id, clock_now_us()) == BREAKER_OPEN;
    io->busy = b->max_in_flight > 0 && in_flight >= b->max_in_flight;
    io->queue = in_flight;
    const char *why = io->offline        ? "offline"
                      : io->breaker_open ? "breaker open after failures; it is tried again soon"
                      : io->busy         ? "max_in_flight requests are running"
                                         : NULL;
    if (why) {
        io->usable = false;
        snprintf(io->why, sizeof io->why, "%s", why);
    }
}

/* ---- the steps ---- */

static enum err step_level(const struct decision *d, struct fault *fault)
{
    if (d->privacy != PRIVACY_LOCAL) {
        return OK;
    }
    if (d->kept_rule) {
        return fault_set(fault, ERR_POLICY, "rule `%s` keeps this request on the device%s%s",
                         d->kept_rule, d->kept_type ? " because of " : "",
                         d->kept_type ? d->kept_type : "");
    }
    return fault_set(fault, ERR_POLICY, "privacy `local` keeps this request on the device");
}

static enum err step_labels(const struct decision *d, const struct backend *b, struct fault *fault)
{
    for (int i = 0; i < d->require_count; i++) {
        if (!backend_has_label(b, span_c(d->require[i]))) {
            return fault_set(fault, ERR_POLICY, "a rule requires the label `%s`, which %s has not",
                             d->require[i], b->name);
        }
    }
    return OK;
}

static enum err step_offline(const struct egress *e, struct pass *pass, struct fault *fault)
{
    pass->offline = is_offline(e, pass->backend);
    return pass->offline ? fault_set(fault, ERR_NO_BACKEND, "%s is offline", pass->backend->name)
                         : OK;
}

static enum err step_breaker(const struct egress *e, struct pass *pass, struct fault *fault)
{
    struct page *page = e->options.page;
    uint64_t now = clock_now_us();
    bool half_open = page_breaker_state(page, pass->breaker, now) != BREAKER_CLOSED;
    if (!page_breaker_admit(page, pass->breaker, now)) {
        return fault_set(fault, ERR_UPSTREAM,
                         "breaker open: %s failed repeatedly and is left alone for a moment",
                         pass->backend->name);
    }
    pass->probing = half_open;
    return OK;
}

static enum err step_in_flight(const struct egress *e, struct pass *pass, struct fault *fault)
{
    const struct backend *b = pass->backend;
    pass->entered =
        page_backend_enter(e->options.page, e->options.worker, b->index, b->max_in_flight);
    return pass->entered
               ? OK
               : fault_set(fault, ERR_OVERLOADED, "%s: max_in_flight (%d) requests are running",
                           b->name, b->max_in_flight);
}

static enum err step_ledger(const struct egress *e, struct fault *fault)
{
    if (!e->options.ledger) {
        return fault_set(fault, ERR_INTERNAL, "there is no ledger to keep a receipt in");
    }
    if (!ledger_healthy(e->options.ledger)) {
        char why[LEDGER_WHY_BYTES];
        ledger_why(e->options.ledger, why);
        return fault_set(fault, ERR_OVERLOADED, "a receipt could not be kept: %s", why);
    }
    return OK;
}

static enum err rewrite(struct pass *pass, const struct privacy_leaving *how, struct span body,
                        struct fault *fault)
{
    text_init(&pass->body, BODY_MAX);
    pass->pseudonyms = pseudonyms_new();
    enum err err = privacy_rewrite(how, pass->pseudonyms, body, &pass->body, pass->redactions,
                                   &pass->admission.redactions_count, fault);
    if (err == OK && pass->body.overflow) {
        err = fault_set(fault, ERR_POLICY, "the redacted request would be over %zu MiB",
                        BODY_MAX / MIB);
    }
    if (err == OK) {
        pass->admission.body = text_span(&pass->body);
        if (pseudonyms_empty(pass->pseudonyms)) { /* nothing to put back: no memory for it */
            pseudonyms_free(pass->pseudonyms);
            pass->pseudonyms = NULL;
        } else {
            pass->admission.filter = pseudonyms_restore_filter(pass->pseudonyms);
        }
    }
    return err;
}

static enum err step_privacy(const struct egress *e, const struct request *r,
                             const struct decision *d, struct span body, struct pass *pass,
                             struct fault *fault)
{
    if (!e->policy) {
        return fault_set(fault, ERR_POLICY, "there is no privacy policy to scan with");
    }
    pass->admission.body = body;
    pass->admission.redactions = pass->redactions;
    struct privacy_leaving how = {
        .policy = e->policy,
        .consented = d->consent ? d->consent->types : NULL,
        .consented_plain = d->consent && d->consent->level == PRIVACY_OPEN,
        .media = d->media_may_leave,
        .model = span_c(pass->backend->model),
        .budget_ms = e->config ? e->config->scan_budget_ms : 0,
        .memo = r->scans,
    };
    if (d->privacy == PRIVACY_OPEN) {
        return privacy_check(&how, body, fault);
    }
    if (r->has_images && !d->media_may_leave) {
        return fault_set(fault, ERR_POLICY, "%s", privacy_media_refused);
    }
    return rewrite(pass, &how, body, fault);
}

/* What was agreed to is these bytes to this backend. */
static enum err step_consent(const struct decision *d, const struct pass *pass, struct fault *fault)
{
    if (!d->consent || consent_covers(d->consent, pass->backend, pass->admission.body)) {
        return OK;
    }
    return fault_set(
        fault, ERR_POLICY,
        "what would leave to %s is not what consent was given for; POST /weir/v1/consent again",
        pass->backend->name);
}

static int64_t most_it_costs(const struct backend *b, const struct request *r, size_t body_bytes)
{
    int64_t most_output = b->max_output_tokens > 0 ? b->max_output_tokens : OUTPUT_TOKENS_DEFAULT;
    int64_t output = r->max_tokens > 0 ? MIN(r->max_tokens, most_output) : most_output;
    struct usage most = {
        .input_tokens = (int64_t)(body_bytes + BODY_BYTES_PER_TOKEN - 1) / BODY_BYTES_PER_TOKEN,
        .output_tokens = MAX(r->n, 1) * output,
    };
    return price_cost_nano(&b->price, &most);
}

static enum err step_budget(const struct egress *e, const struct request *r,
                            const struct decision *d, struct pass *pass, struct fault *fault)
{
    const struct config *c = e->config;
    struct budget_limits limits = {c->usd_nano_per_day, c->usd_nano_per_month,
                                   c->usd_nano_per_key_per_day};
    pass->reserved_nano = most_it_costs(pass->backend, r, pass->admission.body.len);
    bool limited = limits.per_day >= 0 || limits.per_month >= 0 || limits.per_key_per_day >= 0;
    if (pass->reserved_nano < 0) {
        if (limited || d->max_cost_usd_nano >= 0) {
            return fault_set(fault, ERR_BUDGET, "%s has no price, so no budget can be kept with it",
                             pass->backend->name);
        }
        return OK;
    }
    double most_usd = (double)pass->reserved_nano / (double)USD_NANO;
    if (d->max_cost_usd_nano >= 0 && pass->reserved_nano > d->max_cost_usd_nano) {
        return fault_set(fault, ERR_BUDGET,
                         "%s could cost up to %.6f USD, more than this request allows",
                         pass->backend->name, most_usd);
    }
    uint64_t key = span_given(r->client) ? span_hash(r->client) : 0;
    enum err err = page_budget_reserve(e->options.page, e->options.worker, &limits, key,
                                       pass->reserved_nano, &pass->ticket);
    pass->reserved = err == OK;
    if (err == ERR_OVERLOADED) {
        return fault_set(fault, err,
                         "more than %d API keys were used today: a budget per key cannot be kept",
                         PAGE_BUDGET_KEYS);
    }
    return err == OK ? OK
                     : fault_set(fault, err, "the budget is used up: %s could cost up to %.6f USD",
                                 pass->backend->name, most_usd);
}

/* ---- intents of a request ---- */

static struct link *held_bucket(const struct egress *e, const struct request *r)
{
    return (struct link *)&e->held[(uintptr_t)r / 64 % HELD_BUCKETS];
}

static struct held *held_of(const struct egress *e, const struct request *r)
{
    struct link *bucket = held_bucket(e, r);
    LIST_EACH (at, bucket) {
        struct held *h = CONTAINER_OF(at, struct held, link);
        if (h->request == r) {
            return h;
        }
    }
    return NULL;
}

static struct intent intent_of(const struct pass *pass)
{
    const struct request *r = leg_request(pass->leg);
    const struct backend *b = pass->backend;
    struct intent i = {
        .leg = (uint8_t)leg_number(pass->leg),
        .tier = (uint8_t)b->tier,
        .wall_us = clock_wall_us(),
        .body_bytes = (int64_t)pass->admission.body.len,
        .reserved_nano = pass->reserved_nano,
    };
    span_to_c(span_c(r->id), i.request_id, sizeof i.request_id);
    span_to_c(span_c(b->name), i.backend, sizeof i.backend);
    span_to_c(r->client, i.client, sizeof i.client);
    span_to_c(span_c(b->model), i.model, sizeof i.model);
    return i;
}

/* A further attempt of the same leg takes the place of the one before and carries what that one sent. */
static enum err step_intent(struct egress *e, struct pass *pass, struct fault *fault)
{
    const struct request *r = leg_request(pass->leg);
    struct intent intent = intent_of(pass);
    struct held *h = held_of(e, r);
    int at = 0;
    while (h && at < h->count && h->legs[at].leg != intent.leg) {
        at++;
    }
    bool again = h && at < h->count;
    if (again) {
        intent.body_bytes += h->legs[at].body_bytes;
        intent.reserved_nano =
            intent.reserved_nano < 0 ? -1 : intent.reserved_nano + h->legs[at].reserved_nano;
    } else if (h && h->count == LEGS_MAX) {
        return fault_set(fault, ERR_OVERLOADED, "this answer already tried %d backends", LEGS_MAX);
    }
    int slot;
    enum err err = page_intent_write(e->options.page, e->options.worker, &intent, &slot);
    if (err != OK) {
        return fault_set(fault, err, "%d attempts are under way or wait for the ledger",
                         PAGE_INTENTS);
    }
    if (!h) {
        h = NEW(struct held);
        h->request = r;
        list_append(held_bucket(e, r), &h->link);
    }
    if (again) {
        page_intent_clear(e->options.page, h->legs[at].slot);
    } else {
        h->count++;
    }
    h->legs[at].leg = intent.leg;
    h->legs[at].slot = slot;
    h->legs[at].body_bytes = intent.body_bytes;
    h->legs[at].reserved_nano = intent.reserved_nano;
    return OK;
}

int egress_take_intents(struct egress *e, const struct request *r, int *out_slots, int max)
{
    struct held *h = held_of(e, r);
    if (!h) {
        return 0;
    }
    PRE(h->count <= max);
    for (int i = 0; i < h->count; i++) {
        out_slots[i] = h->legs[i].slot;
    }
    int count = h->count;
    list_remove(&h->link);
    mem_free(h);
    return count;
}

/* ---- the gate ---- */

static void pass_free(struct pass *pass)
{
    if (pass->admission.filter) {
        pass->admission.filter->type->free(pass->admission.filter);
    }
    pseudonyms_free(pass->pseudonyms);
    text_done(&pass->body);
    config_unref(pass->config);
    mem_free(pass);
}

/* Everything that was taken on the way goes back; nothing was sent. */
static void give_back(struct egress *e, struct pass *pass)
{
    if (pass->reserved) {
        page_budget_settle(e->options.page, &pass->ticket, 0);
    }
    if (pass->entered) {
        page_backend_leave(e->options.page, e->options.worker, pass->backend->index);
    }
    if (pass->probing) {
        page_breaker_release(e->options.page, pass->breaker);
    }
}

static enum err take_steps(struct egress *e, struct pass *pass, struct span body,
                           struct fault *fault)
{
    const struct request *r = leg_request(pass->leg);
    const struct decision *d = leg_decision(pass->leg);
    enum err err = step_level(d, fault);
    err = err ? err : step_labels(d, pass->backend, fault);
    err = err ? err : step_offline(e, pass, fault);
    err = err ? err : step_breaker(e, pass, fault);
    err = err ? err : step_in_flight(e, pass, fault);
    err = err ? err : step_ledger(e, fault);
    err = err ? err : step_privacy(e, r, d, body, pass, fault);
    err = err ? err : step_consent(d, pass, fault);
    err = err ? err : step_budget(e, r, d, pass, fault);
    err = err ? err : step_intent(e, pass, fault);
    return err;
}

static void gate_admit(void *self, struct leg *leg, struct span body)
{
    struct egress *e = self;
    const struct backend *b = leg_backend(leg);
    PRE(b->tier != TIER_DEVICE && e->config);
    PRE(b->index >= 0 && b->index < BACKENDS_MAX);
    struct pass *pass = NEW(struct pass);
    pass->leg = leg;
    pass->config = config_ref(e->config);
    pass->backend = b;
    pass->breaker = egress_breaker_id(b);
    struct fault fault = {0};
    enum err err = take_steps(e, pass, body, &fault);
    if (err != OK) {
        bool offline = pass->offline;
        give_back(e, pass);
        pass_free(pass);
        offline ? leg_refused_offline(leg, fault.text) : leg_refused(leg, err, fault.text);
        return;
    }
    leg_set_gate_state(leg, pass);
    leg_admitted(leg, &pass->admission);
}

static void gate_forget(void *self, struct leg *leg)
{
    (void)self;
    (void)leg; /* admit() answers inside the call */
}

enum heard { HEARD_GOOD, HEARD_BAD, HEARD_NOTHING };

static enum heard what_the_breaker_hears(const struct leg_end *end)
{
    switch (end->outcome) {
    case LEG_OK:
        return HEARD_GOOD;
    case LEG_TIMEOUT:
        return HEARD_BAD;
    case LEG_ERROR:
        if (end->offline || end->http_status == 429) {
            return HEARD_NOTHING;
        }
        return end->http_status >= 400 && end->http_status < 500 && end->http_status != 408
                   ? HEARD_GOOD
                   : HEARD_BAD;
    default:
        return HEARD_NOTHING;
    }
}

/* What stays charged. A failure that may have been worked on and reported nothing keeps its whole reservation. */
static int64_t what_it_cost(const struct pass *pass, const struct leg_end *end)
{
    bool failed = end->outcome != LEG_OK && end->outcome != LEG_CANCELLED;
    bool known = end->usage.input_tokens >= 0 && end->usage.output_tokens >= 0;
    if (known && !(failed && end->usage.estimated)) {
        return price_cost_nano(&pass->backend->price, &end->usage);
    }
    if (end->outcome != LEG_OK && !end->may_be_billed) {
        return 0;
    }
    return pass->reserved_nano;
}

static void gate_settle(void *self, struct leg *leg, const struct leg_end *end, int64_t left_bytes)
{
    (void)left_bytes; /* the receipt has it */
    struct egress *e = self;
    struct pass *pass = leg_gate_state(leg);
    PRE(pass && pass->leg == leg);
    leg_set_gate_state(leg, NULL);
    if (pass->reserved) {
        page_budget_settle(e->options.page, &pass->ticket, MAX(what_it_cost(pass, end), 0));
    }
    page_backend_leave(e->options.page, e->options.worker, pass->backend->index);
    enum heard heard = what_the_breaker_hears(end);
    if (heard != HEARD_NOTHING) {
        page_breaker_report(e->options.page, pass->breaker, heard == HEARD_GOOD, clock_now_us());
    } else if (pass->probing) {
        page_breaker_release(e->options.page, pass->breaker);
    }
    pass_free(pass);
}

const struct gate_type egress_gate = {
    .name = "egress",
    .admit = gate_admit,
    .forget = gate_forget,
    .settle = gate_settle,
};

enum err egress_preview(struct egress *e, const struct request *r, const struct decision *d,
                        const struct backend *b, struct span body, struct preview *out,
                        struct fault *fault)
{
    struct pass *pass = NEW(struct pass);
    pass->backend = b;
    enum err err = step_level(d, fault);
    err = err ? err : step_privacy(e, r, d, body, pass, fault);
    if (err == OK) {
        text_add(&out->body, pass->admission.body);
        memcpy(out->redactions, pass->redactions, sizeof out->redactions);
        out->redactions_count = pass->admission.redactions_count;
    }
    pass_free(pass);
    return err;
}

/* ---- life ---- */

struct egress *egress_new(const struct egress_options *o)
{
    PRE(o->page);
    struct egress *e = NEW(struct egress);
    e->options = *o;
    for (int i = 0; i < HELD_BUCKETS; i++) {
        list_init(&e->held[i]);
    }
    return e;
}

void egress_free(struct egress *e)
{
    if (!e) {
        return;
    }
    for (int i = 0; i < HELD_BUCKETS; i++) {
        LIST_EACH (at, &e->held[i]) {
            list_remove(at);
            mem_free(CONTAINER_OF(at, struct held, link)); /* its slots stay: found as lost */
        }
    }
    config_unref(e->config);
    mem_free(e);
}

void egress_configure(struct egress *e, struct config *c, const struct privacy_policy *policy)
{
    struct config *old = e->config;
    e->config = config_ref(c);
    e->policy = policy;
    config_unref(old);
    memset(e->offline_until_us, 0, sizeof e->offline_until_us);
}
