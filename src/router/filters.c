/* SPDX-License-Identifier: Apache-2.0 */
/* Who can carry the request, who is well, who is affordable. */
#include "router/inside.h"

void candidate_out(struct candidate *c, enum why_out out, struct span why)
{
    if (c->out == IN) {
        c->out = out;
        c->why = why;
    }
}

bool is_local(const struct backend *b)
{
    return b->tier == TIER_DEVICE;
}

int count_in(const struct deciding *x, int local)
{
    int n = 0;
    for (int i = 0; i < x->count; i++) {
        const struct candidate *c = &x->candidates[i];
        n += c->out == IN && (local < 0 || (local > 0) == is_local(c->backend));
    }
    return n;
}

/* ---- capability ---- */

/* The embedded engine knows what its model can; a backend behind an API can what its config says. */
#define CAN(c, what)                                                                               \
    ((c)->backend->api == API_LOCAL ? (c)->state->what : (c)->backend->what || (c)->state->what)

static const char *cannot(const struct candidate *c, const struct request *r)
{
    return r->has_images && !CAN(c, images) ? "cannot take images"
           : r->has_tools && !CAN(c, tools) ? "cannot call tools"
           : (r->json_schema || r->json_object) && !CAN(c, json_schema)
               ? "cannot keep to a JSON schema"
           : r->logprobs && !CAN(c, logprobs)      ? "gives no logprobs"
           : r->n > 1 && !CAN(c, multiple_choices) ? "gives one choice only"
                                                   : NULL;
}

static int64_t context_of(const struct candidate *c)
{
    return c->state->context > 0 ? c->state->context : c->backend->context;
}

/* Tool definitions are part of what the model reads; they are counted only here, as bytes of their strings. */
static size_t string_bytes(const struct json *v)
{
    size_t bytes = json_str(v).len;
    for (struct json_iter it = json_iter(v); json_next(&it);) {
        bytes += it.key.len + string_bytes(it.value) + 4;
    }
    return bytes;
}

void filter_capability(struct deciding *x)
{
    const struct facts *f = x->facts;
    int64_t tools = x->request->has_tools
                        ? (int64_t)string_bytes(json_get(x->request->body, "tools")) * 2 / 7
                        : 0;
    struct span why = SPAN_NONE;
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        if (c->out != IN) {
            continue;
        }
        const char *lacks = cannot(c, x->request);
        int64_t context = context_of(c);
        if (lacks) {
            candidate_out(c, OUT_CAPABILITY, arena_printf(x->arena, "%s", lacks));
        } else if (context > 0 && f->prompt_tokens + tools >= context) {
            candidate_out(c, OUT_CONTEXT,
                          arena_printf(x->arena, "about %ld tokens do not fit its context of %ld",
                                       (long)(f->prompt_tokens + tools), (long)context));
        } else {
            continue;
        }
        why = arena_printf(x->arena, "%.*s%s%s %.*s", SPAN_ARG(why), why.len ? "; " : "",
                           c->backend->name, SPAN_ARG(c->why));
    }
    verdict_add(x, "capability", why.len ? VERDICT_FORBID : VERDICT_PASS,
                why.len ? why : SPAN("all that are left can carry it"));
}

/* ---- health ---- */

static enum why_out unwell(const struct backend_state *s)
{
    return s->offline        ? OUT_OFFLINE
           : s->dead         ? OUT_DEAD
           : s->breaker_open ? OUT_BREAKER
           : s->busy         ? OUT_BUSY
           : !s->usable      ? OUT_UNUSABLE
                             : IN;
}

static const char *unwell_text(enum why_out out)
{
    return out == OUT_OFFLINE   ? "offline"
           : out == OUT_DEAD    ? "not running"
           : out == OUT_BREAKER ? "circuit breaker open"
           : out == OUT_BUSY    ? "busy"
                                : "not usable";
}

void filter_health(struct deciding *x)
{
    struct span why = SPAN_NONE;
    for (int i = 0; i < x->count; i++) {
        struct candidate *c = &x->candidates[i];
        enum why_out out = unwell(c->state);
        if (c->out != IN || out == IN) {
            continue;
        }
        struct span said = span_c(c->state->why);
        candidate_out(c, out, said.len ? said : span_c(unwell_text(out)));
        why = arena_printf(x->arena, "%.*s%s%s: %.*s", SPAN_ARG(why), why.len ? "; " : "",
                           c->backend->name, SPAN_ARG(c->why));
    }
    verdict_add(x, "health", why.len ? VERDICT_FORBID : VERDICT_PASS,
                why.len ? why : SPAN("all that are left are well"));
}

/* ---- cost ---- */

int64_t cost_at_most(const struct facts *f, const struct backend *b)
{
    if (is_local(b)) {
        return 0;
    }
    const struct request *r = f->request;
    int64_t most = b->max_output_tokens > 0 ? b->max_output_tokens : 4096;
    int64_t out = r->max_tokens > 0 ? MIN(r->max_tokens, most) : most;
    struct usage u = {.input_tokens = MAX((int64_t)r->body_bytes / 3, f->prompt_tokens),
                      .output_tokens = out * MAX(r->n, 1),
                      .cached_tokens = -1,
                      .reasoning_tokens = -1,
                      .estimated = true};
    return price_cost_nano(&b->price, &u);
}

static void usd(char out[32], int64_t nano)
{
    struct text t;
    text_init(&t, 31);
    struct json_out w = json_out(&t);
    json_usd(&w, nano);
    struct span s = text_span(&t);
    memcpy(out, s.data, s.len);
    out[s.len] = 0;
    text_done(&t);
}

void filter_cost(struct deciding *x)
{
    int64_t left = x->facts->budget_left_usd_nano;
    int64_t most = x->request->options.max_cost_usd_nano;
    bool refuses = x->config->budget_refuses;
    struct span why = SPAN_NONE;
    for (int i = 0; i < x->count && (left >= 0 || most >= 0); i++) {
        struct candidate *c = &x->candidates[i];
        if (c->out != IN || is_local(c->backend)) {
            continue;
        }
        int64_t cost = cost_at_most(x->facts, c->backend);
        char text[32];
        char bound[32];
        usd(text, cost);
        if (most >= 0 && (cost < 0 || cost > most)) {
            usd(bound, most);
            candidate_out(c, OUT_COST,
                          cost < 0 ? SPAN("its price is not known")
                                   : arena_printf(x->arena, "may cost %s USD, over the caller's %s",
                                                  text, bound));
        } else if (left >= 0 && cost > left && !refuses) {
            usd(bound, left);
            candidate_out(c, OUT_BUDGET,
                          arena_printf(x->arena, "may cost %s USD, %s are left", text, bound));
        } else {
            continue;
        }
        why = arena_printf(x->arena, "%.*s%s%s %.*s", SPAN_ARG(why), why.len ? "; " : "",
                           c->backend->name, SPAN_ARG(c->why));
    }
    verdict_add(x, "budget", why.len ? VERDICT_FORBID : VERDICT_PASS,
                why.len    ? why
                : left < 0 ? SPAN("no budget")
                           : SPAN("enough is left"));
}
