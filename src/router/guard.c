/* SPDX-License-Identifier: Apache-2.0 */
#include "router/guard.h"

#include "base/clock.h"

#include <math.h>

/* ---- constants: guard.h says where they come from ---- */

#define WON_ALLOWANCE 0.2
#define WON_LIMIT 8.0
#define WON_MOST 10.0 /* so that a client is forgiven after 40 requests that won nothing */
#define WON_FORGIVEN 2.0
#define SHARE_ALLOWANCE 0.15
#define SHARE_MEMORY 1000 /* requests that the usual share is a mean of */
#define SHARE_LIMIT 12.0
#define PSI_SHIFT 0.25
#define FOLLOW 0.1f  /* of the reference, each window without drift */
#define Z_9999 3.719 /* 0.9999 quantile of the normal distribution */

/* ---- what is counted of each request ---- */

#define SCORE_BINS 10
#define LENGTH_BINS 8 /* up to 64, 128 … 4096 bytes, more */
#define CLAIM_BINS 4  /* 0, 1, 2, 3 and more */

struct histograms {
    float score[SCORE_BINS];
    float task[TASK_COUNT];
    float length[LENGTH_BINS];
    float claims[CLAIM_BINS];
};

static const struct {
    size_t offset;
    int bins;
} watched[] = {
    {offsetof(struct histograms, score), SCORE_BINS},
    {offsetof(struct histograms, task), TASK_COUNT},
    {offsetof(struct histograms, length), LENGTH_BINS},
    {offsetof(struct histograms, claims), CLAIM_BINS},
};

struct client {
    char name[33];
    struct histograms reference, window;
    int reference_count, window_count, drifted;
    double won;   /* CUSUM of claims */
    double share; /* of other tiers, usually */
    int share_count;
    double more, less; /* CUSUM of the share */
    double psi;        /* the worst of the last window */
    double credit;     /* of a cap */
    uint32_t alarms;
    uint64_t since_us[GUARD_ALARMS];
};

struct guard {
    struct client everybody;
    struct client clients[GUARD_CLIENTS];
    uint64_t keys[GUARD_CLIENTS]; /* 0 = free; apart, so that looking for one touches 2 KiB */
    uint64_t seen_us[GUARD_CLIENTS];
    int64_t raised[GUARD_ALARMS];
};

struct guard *guard_new(void)
{
    struct guard *g = NEW(struct guard);
    g->everybody = (struct client){.name = "*", .credit = GUARD_BURST};
    return g;
}

void guard_free(struct guard *g)
{
    mem_free(g);
}

/* ---- clients ---- */

static uint64_t key_of(const struct request *r)
{
    uint64_t h = span_given(r->client) ? span_hash(r->client) : 2;
    return h ? h : 3;
}

/* -1 = not there. */
static int find(const struct guard *g, uint64_t key)
{
    for (int i = 0; i < GUARD_CLIENTS; i++) {
        if (g->keys[i] == key) {
            return i;
        }
    }
    return -1;
}

/* Found, or made in place of the one that was silent longest. */
static struct client *take(struct guard *g, const struct request *r, uint64_t now_us)
{
    uint64_t key = key_of(r);
    int at = find(g, key);
    if (at < 0) {
        at = 0;
        for (int i = 1; i < GUARD_CLIENTS; i++) {
            at = g->seen_us[i] < g->seen_us[at] ? i : at;
        }
        g->keys[at] = key;
        g->clients[at] = (struct client){.credit = GUARD_BURST};
        span_to_c(span_given(r->client) ? r->client : SPAN(""), g->clients[at].name,
                  sizeof g->clients[at].name);
    }
    g->seen_us[at] = now_us;
    return &g->clients[at];
}

void guard_look(const struct guard *g, double cap, struct facts *f)
{
    int at = find(g, key_of(f->request));
    f->guard = (struct guard_facts){.cap = cap, .capped = cap == 0};
    if (at < 0) {
        return;
    }
    const struct client *c = &g->clients[at];
    f->guard.alarms = c->alarms;
    f->guard.discount = c->alarms & (1u << GUARD_CLAIMS) ? 1 : 0;
    f->guard.capped |= cap >= 0 && c->credit < 1;
}

/* ---- alarms ---- */

static void set_alarm(struct guard *g, struct client *c, enum guard_alarm a, bool on,
                      uint64_t now_us)
{
    uint32_t bit = 1u << a;
    if (on && !(c->alarms & bit)) {
        c->since_us[a] = now_us;
        g->raised[a]++;
    }
    c->alarms = on ? c->alarms | bit : c->alarms & ~bit;
}

static void note_claims(struct guard *g, struct client *c, bool won, uint64_t now_us)
{
    c->won = MIN(MAX(c->won + (won ? 1 : 0) - WON_ALLOWANCE, 0), WON_MOST);
    bool stands = c->alarms & (1u << GUARD_CLAIMS);
    set_alarm(g, c, GUARD_CLAIMS, c->won >= (stands ? WON_FORGIVEN : WON_LIMIT), now_us);
}

static void note_share(struct guard *g, struct client *c, bool up, uint64_t now_us)
{
    double off = (up ? 1.0 : 0.0) - c->share;
    if (c->share_count >= GUARD_WINDOW) {
        c->more = MIN(MAX(c->more + off - SHARE_ALLOWANCE, 0), 2 * SHARE_LIMIT);
        c->less = MIN(MAX(c->less - off - SHARE_ALLOWANCE, 0), 2 * SHARE_LIMIT);
    }
    double changed = MAX(c->more, c->less);
    if (changed < SHARE_LIMIT / 2) { /* what looks like a change is not learned as usual */
        c->share_count = MIN(c->share_count + 1, SHARE_MEMORY);
        c->share += off / c->share_count;
    }
    set_alarm(g, c, GUARD_SHARE, changed >= SHARE_LIMIT, now_us);
}

/* ---- drift ---- */

double guard_psi(const float *reference, const float *seen, int bins)
{
    double n = 0;
    double m = 0;
    double psi = 0;
    for (int i = 0; i < bins; i++) {
        n += MAX((double)reference[i], 0.5);
        m += MAX((double)seen[i], 0.5);
    }
    for (int i = 0; i < bins; i++) {
        double q = MAX((double)reference[i], 0.5) / n;
        double p = MAX((double)seen[i], 0.5) / m;
        psi += (p - q) * log(p / q);
    }
    return psi;
}

double guard_psi_chance(double n, double m, int bins)
{
    double k = bins - 1;
    double root = 1 - 2 / (9 * k) + Z_9999 * sqrt(2 / (9 * k)); /* Wilson, Hilferty 1931 */
    return (1 / n + 1 / m) * k * root * root * root;
}

static void count(struct histograms *h, const struct facts *f, const struct decision *d)
{
    int length = 0;
    for (size_t bytes = f->last_user.len; bytes > 64 && length < LENGTH_BINS - 1; bytes /= 2) {
        length++;
    }
    int score = (int)(MAX(d->score, 0) * SCORE_BINS);
    h->score[MIN(score, SCORE_BINS - 1)]++;
    h->task[f->task]++;
    h->length[length]++;
    h->claims[MIN(f->claims, CLAIM_BINS - 1)]++;
}

/* The reference moves towards the window; its counts stay those of one window. */
static void follow(struct histograms *reference, const struct histograms *window)
{
    float *to = (float *)reference;
    const float *from = (const float *)window;
    for (size_t i = 0; i < sizeof *reference / sizeof *to; i++) {
        to[i] += FOLLOW * (from[i] - to[i]);
    }
}

static bool has_drifted(struct client *c)
{
    bool drifted = false;
    c->psi = 0;
    for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
        const float *q = (const float *)((const char *)&c->reference + watched[i].offset);
        const float *p = (const float *)((const char *)&c->window + watched[i].offset);
        double psi = guard_psi(q, p, watched[i].bins);
        double chance = guard_psi_chance(GUARD_WINDOW, GUARD_WINDOW, watched[i].bins);
        drifted |= psi > MAX(PSI_SHIFT, chance);
        c->psi = MAX(c->psi, psi);
    }
    return drifted;
}

static void note_features(struct guard *g, struct client *c, const struct facts *f,
                          const struct decision *d, uint64_t now_us)
{
    if (c->reference_count < GUARD_WINDOW) {
        count(&c->reference, f, d);
        c->reference_count++;
        return;
    }
    count(&c->window, f, d);
    if (++c->window_count < GUARD_WINDOW) {
        return;
    }
    bool drifted = has_drifted(c);
    c->drifted = drifted ? c->drifted + 1 : 0;
    if (c->drifted >= GUARD_ACCEPT) { /* this is how it is now: all is learned anew */
        drifted = false;
        c->drifted = c->share_count = c->reference_count = 0;
        c->share = c->more = c->less = 0;
        memset(&c->reference, 0, sizeof c->reference);
        set_alarm(g, c, GUARD_SHARE, false, now_us);
    } else if (!drifted) {
        follow(&c->reference, &c->window);
    }
    set_alarm(g, c, GUARD_DRIFT, drifted, now_us);
    memset(&c->window, 0, sizeof c->window);
    c->window_count = 0;
}

static void note_client(struct guard *g, struct client *c, uint64_t now_us, const struct facts *f,
                        const struct decision *d, bool up)
{
    if (d->score < 0) {
        return; /* nothing was scored: refused, or no choice */
    }
    note_share(g, c, up, now_us);
    note_features(g, c, f, d, now_us);
}

void guard_note(struct guard *g, uint64_t now_us, const struct facts *f, const struct decision *d,
                bool up)
{
    struct client *c = take(g, f->request, now_us);
    note_client(g, c, now_us, f, d, up);
    note_client(g, &g->everybody, now_us, f, d, up);
    note_claims(g, c, d->claims_won, now_us);
    if (f->guard.cap >= 0) {
        c->credit = MIN(c->credit + f->guard.cap, GUARD_BURST) - (up ? 1 : 0);
    }
}

/* ---- telling ---- */

static void write_alarms(const struct client *c, uint64_t now_us, struct json_out *w)
{
    const double values[] = {c->won, MAX(c->more, c->less), c->psi};
    static const double limits[] = {WON_LIMIT, SHARE_LIMIT, PSI_SHIFT};
    for (int a = 0; a < GUARD_ALARMS; a++) {
        if (!(c->alarms & (1u << a))) {
            continue;
        }
        json_begin_object(w);
        json_put_c(w, "client", c->name[0] ? c->name : NULL);
        json_put_c(w, "alarm", guard_alarm_name((enum guard_alarm)a));
        json_put_int(w, "since_s",
                     (int64_t)(now_us > c->since_us[a] ? (now_us - c->since_us[a]) / US_PER_S : 0));
        json_put_number(w, "value", round(values[a] * 1e3) / 1e3);
        json_put_number(w, "limit", limits[a]);
        json_end_object(w);
    }
}

void guard_write(const struct guard *g, uint64_t now_us, struct json_out *w)
{
    int clients = 0;
    for (int i = 0; i < GUARD_CLIENTS; i++) {
        clients += g->keys[i] != 0;
    }
    json_begin_object(w);
    json_put_int(w, "clients", clients);
    json_key(w, "alarms");
    json_begin_array(w);
    write_alarms(&g->everybody, now_us, w);
    for (int i = 0; i < GUARD_CLIENTS; i++) {
        write_alarms(&g->clients[i], now_us, w);
    }
    json_end_array(w);
    json_key(w, "raised");
    json_begin_object(w);
    for (int a = 0; a < GUARD_ALARMS; a++) {
        json_put_int(w, guard_alarm_name((enum guard_alarm)a), g->raised[a]);
    }
    json_end_object(w);
    json_end_object(w);
}

int64_t guard_raised(const struct guard *g, enum guard_alarm a)
{
    return g->raised[a];
}

int guard_standing(const struct guard *g, enum guard_alarm a)
{
    int n = (g->everybody.alarms >> a) & 1u;
    for (int i = 0; i < GUARD_CLIENTS; i++) {
        n += (int)(g->clients[i].alarms >> a & 1u);
    }
    return n;
}
