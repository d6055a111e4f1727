/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend as configured: one tier + model + limits + price, by name.
 * Immutable; lives in its config's arena. Its running state (alive, breaker,
 * offline) is not here: the router gets that as `struct backend_state`.
 */
#ifndef WEIR_CORE_BACKEND_H
#define WEIR_CORE_BACKEND_H

#include "core/types.h"

enum api { API_LOCAL, API_OPENAI, API_ANTHROPIC, API_OLLAMA }; /* LOCAL: the embedded engine */

struct price { /* billionths of a dollar per million tokens; -1 = unknown */
    int64_t input_nano_per_mtok, output_nano_per_mtok, cached_input_nano_per_mtok;
};

struct timeouts {
    uint32_t connect_ms, first_token_ms, idle_ms, total_ms;
};

#define GPU_AUTO (-1)
#define GPU_OFF 0
#define BACKENDS_MAX 32

struct backend {
    const char *name;
    enum tier tier;
    enum api api;
    int index; /* position in the config; < BACKENDS_MAX */
    /* the embedded engine */
    const char *model_path; /* absolute; NULL otherwise */
    const char *adapter_path;
    int slots;
    int threads;    /* 0 = auto */
    int gpu_layers; /* GPU_AUTO, GPU_OFF or a count */
    /* behind an API */
    const char
        *url; /* "http(s)://host[:port][/path]" without trailing slash, or "unix:/path[:/v1]"; an
                               Ollama's without path has /v1 appended by config; NULL otherwise */
    const char *model; /* provider's model id; for the engine: file name without .gguf */
    const char *key;   /* from key_env / key_file; NULL = none. Never logged, never in JSON */
    struct price price;
    struct timeouts timeout;
    int max_in_flight;
    int retries;
    int64_t max_output_tokens;  /* default 4096 */
    int64_t context;            /* tokens; 0 = auto / unknown */
    const char *const *labels;  /* NULL-terminated */
    const char *const *aliases; /* NULL-terminated, may hold `*` */
    bool pin_aliases;
    /* capabilities, as configured or by default of the api; the engine's own are in backend_state */
    bool tools, images, json_schema, logprobs, multiple_choices;
};

static inline bool backend_has_label(const struct backend *b, struct span label)
{
    for (const char *const *l = b->labels; l && *l; l++) {
        if (span_is(label, *l)) {
            return true;
        }
    }
    return false;
}
static inline bool price_known(const struct price *p)
{
    return p->input_nano_per_mtok >= 0 && p->output_nano_per_mtok >= 0;
}
/* Cost of `u` in nano-dollars; USD_UNKNOWN without price or counts. */
int64_t price_cost_nano(const struct price *p, const struct usage *u);

/* How long this request would take there, from running estimates on real legs (router/latency.h). */
struct prediction {       /* microseconds; 0 = unknown */
    double ttft_us;       /* to the first token, on average */
    double late_us;       /* … which 19 of 20 stay under */
    double total_us;      /* to the end */
    double failing;       /* share of tries that fail, 0..1 */
    double slowed;        /* its usual rate over the present one; 1.5 = throttled by a third */
    double read_tokens_s; /* prompt tokens a second; 0 = unknown */
};

/* What is known of a backend right now; filled by app/ for each decision. */
struct backend_state {
    bool usable;  /* a request may be tried */
    bool offline; /* a network fact: no route, no name, or the override says so */
    bool breaker_open;
    bool dead;       /* engine not running, model file bad */
    bool busy;       /* max_in_flight reached or engine queue full */
    char why[160];   /* one line when not usable */
    int64_t context; /* tokens; 0 = unknown */
    uint32_t tasks;  /* bit per enum task the model states; 0 = it does not say (takes anything) */
    bool switching;  /* another model is being loaded; the old one still answers */
    bool demo;       /* a bundled demonstration model */
    bool tools, images, json_schema, logprobs, multiple_choices;
    double tokens_per_s, ttft_us; /* running estimates; 0 = unknown */
    int queue;
    double failing;              /* share of the last tries that failed, 0..1 */
    double rtt_ms;               /* of the link to it, as measured; 0 = unknown */
    struct prediction predicted; /* for this request; in /weir/v1/status for a typical one */
};

#endif
