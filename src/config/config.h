/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir.yaml → one immutable struct (INTERFACE: Configuration).
 *
 * Reading never stops at the first mistake: every unknown key, bad value, missing
 * secret or contradiction becomes one `FILE:LINE: message` with the allowed values,
 * and only a config without any is given out. Relative paths count from the
 * config file's folder. A struct config is reference-counted: running flows keep
 * the one they started with while a reload swaps in the next.
 */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include "core/backend.h"
#include "json/json.h"

struct rule_when { /* unset: NULL, negative or SPAN_NONE; all that are set must hold */
    int64_t max_prompt_tokens, min_prompt_tokens;
    uint32_t tasks; /* bit per enum task; 0 = unset */
    const char *const *languages;
    int has_tools, has_images, json_schema; /* 0, 1, -1 unset */
    int pii;                                /* 0, 1, -1 unset */
    const char *const *pii_types;
    double battery_below, hotter_than_c;
    uint32_t networks;                /* bit per enum network; 0 = unset */
    const char *const *models;        /* patterns with `*` */
    const char *const *header_names;  /* lower case, parallel to header_values */
    const char *const *header_values; /* patterns with `*` */
    const char *const *keys;
    int hour_from, hour_to; /* -1 unset; "22-06" wraps */
    const char *matches;    /* PCRE2 */
};

struct rule_then {       /* unset: NULL / -1 */
    const char *take;    /* tier or backend name */
    const char *forbid;  /* tier or backend name */
    const char *require; /* label */
    int privacy;         /* enum privacy_level, or -1: only tightens */
    const char *strategy;
    int allow_media; /* 1: pictures, sounds and files may leave under `redact` though nobody can scan them */
};

struct rule {
    const char *name;
    struct rule_when when;
    struct rule_then then;
    int line;
};

/* How much of its traffic a key may have answered by other tiers than the device. */
struct share_cap {
    const char *key;
    double cloud_share; /* 0..1 */
    int line;
};

struct custom_type {
    const char *type;
    const char *pattern;
};

/* What a person may let go by consent, for whom and towards which backend. Without entries: nothing. */
struct consent_entry {
    const char *const *types; /* of never_leave; NULL-terminated */
    const char *const
        *rules; /* rules whose `privacy: local` may be lifted; `default` = privacy.default */
    const char *const *to;   /* tier or backend names */
    const char *const *keys; /* names of API keys; NULL = every caller */
    int level;               /* PRIVACY_REDACT: pseudonyms leave; PRIVACY_OPEN: the values */
    int line;
};

struct config {
    struct arena *arena; /* private, with `refs` */
    int refs;
    const char *path; /* NULL: built-in defaults */
    const char *folder;
    uint64_t hash; /* of the bytes */

    const char *const *listen; /* "127.0.0.1:8080", "unix:/path" */
    int workers;
    const char *keys_file; /* absolute; NULL = no auth */
    const struct backend *backends;
    int backends_count;

    const char *strategy;
    double quality;
    double threshold; /* < 0 = auto */
    double explore;   /* share of `auto` answers whose side is drawn, to learn from it; 0 = none */
    double cloud_share; /* with threshold auto: at most this share of the answers; < 0 = no bound */
    const struct rule *rules;
    int rules_count;
    const struct share_cap *caps;
    int caps_count;

    enum privacy_level privacy_default;
    const char *const *never_leave;
    bool types_default;
    const char *const *types; /* when not default */
    const struct custom_type *custom;
    int custom_count;
    const char *const *allow;
    const struct consent_entry *consent;
    int consent_count;
    int scan_budget_ms; /* of CPU time for one scan of one request */

    int64_t usd_nano_per_day, usd_nano_per_month, usd_nano_per_key_per_day; /* -1 = none */
    bool budget_refuses; /* on_exhausted: refuse (default: device) */

    const char *ledger_path;
    bool store_prompts;
    const char *ledger_key_file; /* absolute; NULL = beside the ledger */
    int keep_days;

    double battery_floor, temperature_ceiling_c;
    const char *const *allow_hosts;
    const char *const *allow_origins;
    const char *facts_override; /* absolute path or NULL */
    const char *log_level;      /* error | warn | info | debug */
    bool log_json;
    const char *disclose; /* "model" or NULL */
    bool
        deterministic; /* local answers greedy and batch-invariant unless a request asks otherwise */
};

/* `path` NULL: defaults with no file (the caller adds a device model with config_default_model). `errors` gets
 * one line per mistake; warnings (start with "warning: ") may be there although OK is returned. */
enum err config_load(const char *path, struct config **out, struct text *errors) MUST_USE;
/* From bytes already read (reload through a memfd). */
enum err config_parse(struct span yaml, const char *path, const char *folder, struct config **out,
                      struct text *errors) MUST_USE;
/* Without a config file: one device backend over this model file. */
struct config *config_default(const char *model_path);
struct config *config_ref(struct config *c);
void config_unref(struct config *c);
const struct backend *config_backend(const struct config *c, struct span name);
double config_cap(const struct config *c, struct span key); /* its cloud share; < 0 = no cap */

/* May this server listen there? For addresses that come from elsewhere (`--listen`): well-formed, and without
 * keys only loopback or a Unix socket. */
enum err config_check_listen(struct span listen, bool has_keys, struct fault *fault) MUST_USE;

/* The address other programs should use ("http://127.0.0.1:8080"), made from listen[0]. */
void config_base_url(const struct config *c, struct text *out);

#endif
