/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/consent.h"

#include "base/clock.h"
#include "base/rng.h"
#include "crypto/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static_assert(sizeof(((struct consent *)0)->body_sha256) == SHA256_BYTES, "one digest");
static_assert(sizeof(((struct page_consent *)0)->body) == SHA256_BYTES, "the same");

/* ---- what the config allows ---- */

static bool caller_may(const struct consent_entry *e, struct span client)
{
    bool may = e->keys == NULL;
    for (const char *const *key = e->keys; key && *key && !may; key++) {
        may = span_given(client) && span_is(client, *key);
    }
    return may;
}

static bool leads_to(const struct config *c, const struct consent_entry *e, const struct backend *b)
{
    for (const char *const *to = e->to; to && *to; to++) {
        enum tier tier = TIER_COUNT;
        bool named = strcmp(*to, b->name) == 0;
        bool by_tier =
            !config_backend(c, span_c(*to)) && tier_from(span_c(*to), &tier) && tier == b->tier;
        if (named || by_tier) {
            return b->tier != TIER_DEVICE;
        }
    }
    return false;
}

bool consent_next(const struct config *c, struct span client, int *io_at, struct consent *out)
{
    for (int n = c->backends_count; *io_at < c->consent_count * n;) {
        const struct consent_entry *e = &c->consent[*io_at / n];
        const struct backend *b = &c->backends[*io_at % n];
        (*io_at)++;
        if (caller_may(e, client) && leads_to(c, e, b)) {
            *out = (struct consent){.to = b,
                                    .level = (enum privacy_level)e->level,
                                    .types = e->types,
                                    .rules = e->rules};
            return true;
        }
    }
    return false;
}

/* ---- ids ---- */

static bool read_id(struct span s, uint64_t out[2])
{
    char hex[CONSENT_ID_BYTES];
    if (s.len != CONSENT_ID_BYTES - 1 || !span_starts(s, SPAN("cns_"))) {
        return false;
    }
    for (size_t i = 4; i < s.len; i++) {
        char c = s.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    span_to_c(s, hex, sizeof hex);
    return sscanf(hex + 4, "%16" SCNx64 "%16" SCNx64, &out[0], &out[1]) == 2;
}

static uint64_t name_hash(struct span name)
{
    return span_given(name) ? span_hash(name) | 1 : 0;
}

/* What is loosened, whatever its place in the config. */
static uint64_t what_hash(const struct consent *c)
{
    uint64_t h = 0;
    for (const char *const *t = c->types; t && *t; t++) {
        h = h * 0x9e3779b97f4a7c15ull + span_hash(span_c(*t));
    }
    h = h * 0x9e3779b97f4a7c15ull + 1;
    for (const char *const *rule = c->rules; rule && *rule; rule++) {
        h = h * 0x9e3779b97f4a7c15ull + span_hash(span_c(*rule));
    }
    return h;
}

enum err consent_issue(struct page *page, struct span client, struct span body, struct consent *io,
                       struct fault *fault)
{
    struct page_consent c = {.client = name_hash(client),
                             .backend = name_hash(span_c(io->to->name)),
                             .level = (uint64_t)io->level,
                             .what = what_hash(io)};
    rng_secret(c.id, sizeof c.id);
    sha256(body, io->body_sha256);
    memcpy(c.body, io->body_sha256, sizeof c.body);
    io->bound = true;
    snprintf(io->id, sizeof io->id, "cns_%016" PRIx64 "%016" PRIx64, c.id[0], c.id[1]);
    uint64_t now = clock_wall_us();
    if (page_consent_put(page, &c, now, now + CONSENT_LIFE_S * US_PER_S)) {
        return fault_set(fault, ERR_OVERLOADED,
                         "%d consents wait to be used; ask again in a moment", PAGE_CONSENTS);
    }
    return OK;
}

enum err consent_take(struct page *page, const struct config *c, struct span client, struct span id,
                      struct consent *out, struct fault *fault)
{
    uint64_t words[2];
    struct page_consent held;
    bool good = read_id(id, words) && page_consent_take(page, words, clock_wall_us(), &held) &&
                held.client == name_hash(client);
    struct consent allowed;
    for (int at = 0; good && consent_next(c, client, &at, &allowed);) {
        if (name_hash(span_c(allowed.to->name)) == held.backend && allowed.level == held.level &&
            what_hash(&allowed) == held.what) {
            *out = allowed;
            memcpy(out->body_sha256, held.body, sizeof out->body_sha256);
            span_to_c(id, out->id, sizeof out->id);
            out->bound = true;
            return OK;
        }
    }
    return fault_set(
        fault, ERR_POLICY,
        "this consent is unknown, used, run out (after %d s) or no longer allowed; POST "
        "/weir/v1/consent with the request gives another",
        CONSENT_LIFE_S);
}

bool consent_covers(const struct consent *c, const struct backend *to, struct span body)
{
    unsigned char digest[SHA256_BYTES];
    sha256(body, digest);
    return c->bound && strcmp(c->to->name, to->name) == 0 &&
           memcmp(digest, c->body_sha256, sizeof digest) == 0;
}

/* ---- taint ---- */

uint64_t taint_key(struct span client, struct span session, const char *type)
{
    uint64_t h = span_hash(session);
    h = h * 0x9e3779b97f4a7c15ull + name_hash(client);
    return h * 0x9e3779b97f4a7c15ull + span_hash(span_c(type));
}
