/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "core/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct text errors;

static int setup(void **state)
{
    (void)state;
    text_init(&errors, 64 * KIB);
    setenv("WEIR_TEST_KEY", " sk-secret-123 ", 1);
    unsetenv("WEIR_TEST_UNSET");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    text_done(&errors);
    return 0;
}

static const char *told(void)
{
    return errors.data ? errors.data : "";
}

static struct config *load(const char *yaml)
{
    struct config *c = NULL;
    text_clear(&errors);
    if (config_parse(span_c(yaml), "weir.yaml", "/etc/weir", &c, &errors)) {
        fail_msg("refused:\n%s", told());
    }
    return c;
}

/* Refused, and the report holds this text. */
static void refuse(const char *yaml, const char *expected)
{
    struct config *c = NULL;
    text_clear(&errors);
    assert_int_equal(config_parse(span_c(yaml), "weir.yaml", "/etc/weir", &c, &errors),
                     ERR_INVALID);
    assert_null(c);
    if (!strstr(told(), expected)) {
        fail_msg("expected: %s\ngot:\n%s", expected, told());
    }
}

#define DEVICE "  - { name: device, tier: device, model: m.gguf }\n"
#define WITH_DEVICE "backends:\n" DEVICE /* lines 1 and 2 */

/* The example of INTERFACE.md, with the key's name changed. */
static const char interface_example[] =
    "listen: 127.0.0.1:8080            # or unix:/path/weir.sock\n"
    "workers: 1\n"
    "auth: { keys_file: keys }\n"
    "backends:\n"
    "  - { name: device, tier: device, model: models/weir-nano.gguf, adapter: null, context: auto, slots: 4, "
    "threads: auto, gpu: auto }\n"
    "  - { name: ollama, tier: device, api: ollama, url: \"http://127.0.0.1:11434\", model: llama3.2 }\n"
    "  - { name: cloud, tier: cloud, api: openai, url: \"http://127.0.0.1:9000/v1\", model: m-fast, key_env: "
    "WEIR_TEST_KEY,\n"
    "      price: { input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0, cached_input_usd_per_mtok: 0.5 },\n"
    "      timeout: { connect_ms: 2000, first_token_ms: 15000, idle_ms: 10000, total_ms: 120000 },\n"
    "      max_in_flight: 256, retries: 1, context: 128000, labels: [us], aliases: [gpt-4o, \"gpt-*\"] }\n"
    "  - { name: human, tier: human }\n"
    "policy:\n"
    "  strategy: cascade\n"
    "  quality: 0.95\n"
    "  threshold: auto\n"
    "  rules:\n"
    "    - { name: short-commands, when: { max_prompt_tokens: 32, task: [command, intent] }, then: { take: device } }\n"
    "    - { name: patients-in-the-eu, when: { header: { X-App: clinic } }, then: { require: eu } }\n"
    "    - { name: legal-stays, when: { header: { X-App: legal } }, then: { forbid: cloud } }\n"
    "privacy:\n"
    "  default: redact\n"
    "  never_leave: [US_SSN, CREDIT_CARD, SECRET]\n"
    "  types: default\n"
    "  custom: [ { type: EMPLOYEE_ID, pattern: \"\\\\bE[0-9]{6}\\\\b\" } ]\n"
    "  allow: [ \"Weir\" ]\n"
    "budget: { usd_per_day: 5.00, usd_per_month: null, per_key_usd_per_day: null, on_exhausted: device }\n"
    "ledger: { path: weir.db, store_prompts: false, keep_days: 90 }\n"
    "device: { battery_floor: 0.20, temperature_ceiling_c: 85 }\n"
    "http: { allow_hosts: [], allow_origins: [] }\n"
    "facts: { override: null }\n";

static void the_documented_example_loads(void **state)
{
    (void)state;
    struct config *c = load(interface_example);
    assert_string_equal(c->listen[0], "127.0.0.1:8080");
    assert_null(c->listen[1]);
    assert_string_equal(c->keys_file, "/etc/weir/keys");
    assert_int_equal(c->backends_count, 3); /* the human is left out, with a word about it */
    assert_non_null(
        strstr(told(), "warning: weir.yaml:11: backends[3]: tier human is not in this build yet"));
    assert_non_null(strstr(told(), "no backend has the label `eu`"));

    const struct backend *b = &c->backends[0];
    assert_string_equal(b->model_path, "/etc/weir/models/weir-nano.gguf");
    assert_string_equal(b->model, "weir-nano");
    assert_int_equal(b->api, API_LOCAL);
    assert_int_equal(b->slots, 4);
    assert_int_equal(b->gpu_layers, GPU_AUTO);
    assert_null(b->url);
    assert_null(b->adapter_path);

    b = config_backend(c, SPAN("ollama"));
    assert_int_equal(b->api, API_OLLAMA);
    assert_int_equal(b->tier, TIER_DEVICE);
    assert_string_equal(b->url, "http://127.0.0.1:11434/v1");
    assert_false(price_known(&b->price));

    b = config_backend(c, SPAN("cloud"));
    assert_int_equal(b->index, 2);
    assert_string_equal(b->key, "sk-secret-123");
    assert_int_equal(b->price.input_nano_per_mtok, 1000000000);
    assert_int_equal(b->price.output_nano_per_mtok, 2000000000);
    assert_int_equal(b->price.cached_input_nano_per_mtok, 500000000);
    assert_int_equal(b->timeout.first_token_ms, 15000);
    assert_int_equal(b->context, 128000);
    assert_true(backend_has_label(b, SPAN("us")));
    assert_string_equal(b->aliases[1], "gpt-*");
    assert_true(b->tools && b->logprobs && b->multiple_choices);

    assert_int_equal(c->rules_count, 3);
    assert_int_equal(c->rules[0].when.max_prompt_tokens, 32);
    assert_int_equal(c->rules[0].when.tasks, 1u << TASK_COMMAND | 1u << TASK_INTENT);
    assert_string_equal(c->rules[0].then.take, "device");
    assert_int_equal(c->rules[0].line, 17);
    assert_string_equal(c->rules[1].when.header_names[0], "x-app");
    assert_string_equal(c->rules[1].when.header_values[0], "clinic");
    assert_string_equal(c->rules[1].then.require, "eu");
    assert_string_equal(c->rules[2].then.forbid, "cloud");
    assert_string_equal(c->never_leave[1], "CREDIT_CARD");
    assert_true(c->types_default);
    assert_string_equal(c->custom[0].pattern, "\\bE[0-9]{6}\\b");
    assert_string_equal(c->allow[0], "Weir");
    assert_int_equal(c->usd_nano_per_day, 5 * USD_NANO);
    assert_int_equal(c->usd_nano_per_month, -1);
    assert_false(c->budget_refuses);
    assert_string_equal(c->ledger_path, "/etc/weir/weir.db");
    assert_null(c->facts_override);
    assert_null(config_backend(c, SPAN("human")));
    config_unref(c);
}

static void what_is_not_said_has_the_documented_default(void **state)
{
    (void)state;
    struct config *c = load(
        WITH_DEVICE "  - { name: cloud, tier: cloud, url: 'https://x.example/v1/', model: m }\n");
    assert_string_equal(told(), "");
    assert_string_equal(c->listen[0], "127.0.0.1:8080");
    assert_int_equal(c->workers, 1);
    assert_null(c->keys_file);
    assert_string_equal(c->strategy, "cascade");
    assert_true(c->quality == 0.95 && c->threshold < 0);
    assert_int_equal(c->rules_count, 0);
    assert_int_equal(c->privacy_default, PRIVACY_REDACT);
    assert_string_equal(c->never_leave[0], "SECRET");
    assert_null(c->never_leave[1]);
    assert_true(c->types_default);
    assert_int_equal(c->custom_count, 0);
    assert_int_equal(c->usd_nano_per_day, -1);
    assert_int_equal(c->usd_nano_per_key_per_day, -1);
    assert_false(c->budget_refuses);
    assert_false(c->store_prompts);
    assert_int_equal(c->keep_days, 90);
    assert_true(c->battery_floor == 0.20 && c->temperature_ceiling_c == 85);
    assert_null(c->allow_hosts[0]);
    assert_null(c->allow_origins[0]);
    assert_null(c->facts_override);
    assert_string_equal(c->log_level, "info");
    assert_false(c->log_json || c->deterministic);
    assert_null(c->disclose);
    const struct backend *b = config_backend(c, SPAN("cloud"));
    assert_int_equal(b->api, API_OPENAI);
    assert_string_equal(b->url, "https://x.example/v1");
    assert_null(b->key);
    assert_false(price_known(&b->price));
    assert_int_equal(b->timeout.connect_ms, 2000);
    assert_int_equal(b->timeout.first_token_ms, 15000);
    assert_int_equal(b->timeout.idle_ms, 10000);
    assert_int_equal(b->timeout.total_ms, 120000);
    assert_int_equal(b->max_in_flight, 256);
    assert_int_equal(b->retries, 1);
    assert_int_equal(b->max_output_tokens, 4096);
    assert_int_equal(b->context, 0);
    assert_false(b->pin_aliases);
    assert_int_equal(c->backends[0].threads, 0);
    config_unref(c);
}

static void every_other_key_is_read(void **state)
{
    (void)state;
    struct config *c = load(
        "listen: [ 127.0.0.1:0, 'unix:run/w.sock', '[::1]:8080' ]\n"
        "workers: 3\n"
        "backends:\n"
        "  - { name: d, tier: device, model: /m/x.gguf, adapter: lora.gguf, context: 2048, slots: 2, threads: 3, gpu: off,\n"
        "      max_output_tokens: 64, images: false }\n"
        "  - { name: e, tier: edge, url: 'http://10.0.0.7:8000', model: q, pin_aliases: true, aliases: big, tools: false,\n"
        "      json_schema: false, logprobs: false, multiple_choices: false, retries: 0, max_in_flight: 2 }\n"
        "  - { name: s, tier: device, api: openai, url: 'unix:/run/llama.sock', model: q }\n"
        "  - { name: a, tier: cloud, api: anthropic, url: 'https://api.anthropic.com/v1', model: claude-3-5-haiku-latest,\n"
        "      key_env: WEIR_TEST_KEY }\n"
        "policy:\n"
        "  strategy: split\n"
        "  quality: 0.5\n"
        "  threshold: 0.25\n"
        "  rules:\n"
        "    - name: all\n"
        "      when: { min_prompt_tokens: 1, language: [de, en], has_tools: true, has_images: false, json_schema: true,\n"
        "              pii: [PERSON], battery_below: 0.5, hotter_than_c: 70, network: [metered, offline],\n"
        "              model: 'gpt-*', header: { X-A: '1', X-B: '2' }, key: [alice], hour: '22-06', matches: '^x' }\n"
        "      then: { privacy: local, strategy: fallback, take: e }\n"
        "    - { name: pii, when: { pii: [US_PASSPORT] }, then: { forbid: cloud } }\n"
        "    - { name: pictures, when: { has_images: true }, then: { allow_media: true } }\n"
        "privacy: { default: open, never_leave: [], types: [PERSON, URL], allow: a, scan_budget_ms: 50,\n"
        "  consent: [ { types: [CREDIT_CARD], rules: [all, default], to: [cloud, a], level: open } ] }\n"
        "budget: { usd_per_day: 0.000001, usd_per_month: 2, per_key_usd_per_day: 0, on_exhausted: refuse }\n"
        "auth: { keys_file: ~ }\n"
        "ledger: { path: /var/l.db, store_prompts: true, keep_days: 1 }\n"
        "device: { battery_floor: 0, temperature_ceiling_c: 60.5 }\n"
        "http: { allow_hosts: [gw.example, 'gw.example:8080'], allow_origins: ['https://app.example', 'http://x:3000'] }\n"
        "facts: { override: facts.json }\n"
        "log: { level: debug, json: true }\n"
        "disclose: model\n"
        "deterministic: true\n");
    assert_string_equal(c->listen[1], "unix:/etc/weir/run/w.sock");
    assert_string_equal(c->listen[2], "[::1]:8080");
    assert_int_equal(c->workers, 3);
    const struct backend *d = &c->backends[0];
    assert_string_equal(d->model_path, "/m/x.gguf");
    assert_string_equal(d->adapter_path, "/etc/weir/lora.gguf");
    assert_int_equal(d->context, 2048);
    assert_int_equal(d->slots, 2);
    assert_int_equal(d->threads, 3);
    assert_int_equal(d->gpu_layers, GPU_OFF);
    assert_int_equal(d->max_output_tokens, 64);
    assert_true(d->tools && !d->images);
    const struct backend *e = &c->backends[1];
    assert_int_equal(e->tier, TIER_EDGE);
    assert_true(e->pin_aliases && !e->tools && e->images && !e->json_schema && !e->logprobs &&
                !e->multiple_choices);
    assert_string_equal(e->aliases[0], "big");
    assert_int_equal(e->retries, 0);
    assert_string_equal(c->backends[2].url, "unix:/run/llama.sock");
    const struct backend *a = &c->backends[3];
    assert_int_equal(a->api, API_ANTHROPIC);
    assert_int_equal(a->price.input_nano_per_mtok, 800000000); /* from the table */
    assert_false(a->logprobs);
    assert_string_equal(c->strategy, "split");
    assert_true(c->quality == 0.5 && c->threshold == 0.25);
    const struct rule_when *w = &c->rules[0].when;
    assert_int_equal(w->min_prompt_tokens, 1);
    assert_int_equal(w->max_prompt_tokens, -1);
    assert_string_equal(w->languages[1], "en");
    assert_true(w->has_tools == 1 && w->has_images == 0 && w->json_schema == 1 && w->pii == -1);
    assert_string_equal(w->pii_types[0], "PERSON");
    assert_true(w->battery_below == 0.5 && w->hotter_than_c == 70);
    assert_int_equal(w->networks, 1u << NETWORK_METERED | 1u << NETWORK_OFFLINE);
    assert_string_equal(w->models[0], "gpt-*");
    assert_string_equal(w->header_names[1], "x-b");
    assert_null(w->header_names[2]);
    assert_string_equal(w->keys[0], "alice");
    assert_true(w->hour_from == 22 && w->hour_to == 6);
    assert_string_equal(w->matches, "^x");
    assert_int_equal(c->rules[0].then.privacy, PRIVACY_LOCAL);
    assert_string_equal(c->rules[0].then.strategy, "fallback");
    assert_string_equal(c->rules[1].when.pii_types[0], "PASSPORT"); /* Presidio's name for ours */
    assert_int_equal(c->rules[1].then.privacy, -1);
    assert_int_equal(c->privacy_default, PRIVACY_OPEN);
    assert_null(c->never_leave[0]);
    assert_false(c->types_default);
    assert_string_equal(c->types[1], "URL");
    assert_string_equal(c->allow[0], "a");
    assert_int_equal(c->rules[2].then.allow_media, 1);
    assert_int_equal(c->rules[1].then.allow_media, -1);
    assert_int_equal(c->scan_budget_ms, 50);
    assert_int_equal(c->consent_count, 1);
    assert_string_equal(c->consent[0].types[0], "CREDIT_CARD");
    assert_string_equal(c->consent[0].rules[1], "default");
    assert_string_equal(c->consent[0].to[1], "a");
    assert_null(c->consent[0].keys);
    assert_int_equal(c->consent[0].level, PRIVACY_OPEN);
    assert_int_equal(c->usd_nano_per_day, 1000);
    assert_int_equal(c->usd_nano_per_month, 2 * USD_NANO);
    assert_int_equal(c->usd_nano_per_key_per_day, 0);
    assert_true(c->budget_refuses && c->store_prompts);
    assert_string_equal(c->ledger_path, "/var/l.db");
    assert_true(c->battery_floor == 0 && c->temperature_ceiling_c == 60.5);
    assert_string_equal(c->allow_hosts[1], "gw.example:8080");
    assert_string_equal(c->allow_origins[0], "https://app.example");
    assert_string_equal(c->facts_override, "/etc/weir/facts.json");
    assert_string_equal(c->log_level, "debug");
    assert_string_equal(c->disclose, "model");
    assert_true(c->log_json && c->deterministic);
    config_unref(c);
}

static void mistakes_name_line_and_allowed_values(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {WITH_DEVICE "polcy: {}\n",
         "weir.yaml:3: unknown key `polcy` (did you mean `policy`?); allowed: listen, "},
        {WITH_DEVICE "policy: { Strategy: split }\n",
         "policy: unknown key `Strategy` (did you mean `strategy`?)"},
        {WITH_DEVICE "zzzzzz: 1\n", "unknown key `zzzzzz`; allowed: "},
        {WITH_DEVICE "workers: 2\nworkers: 3\n",
         "weir.yaml:4: `workers` appears twice, first on line 3"},
        {WITH_DEVICE "workers: many\n",
         "weir.yaml:3: workers: expected a whole number from 1 to 64, got `many`"},
        {WITH_DEVICE "workers: 0\n", "expected a whole number from 1 to 64, got `0`"},
        {WITH_DEVICE "workers: 1.5\n", "expected a whole number"},
        {WITH_DEVICE "workers: [1]\n", "got a list"},
        {WITH_DEVICE "policy: { strategy: cascde }\n", "got `cascde` (did you mean `cascade`?)"},
        {WITH_DEVICE "policy: { strategy: hedge }\n",
         "policy.strategy: `hedge` is not in this build yet; built: device, cloud, fallback, cascade, split"},
        {WITH_DEVICE "policy: { quality: 1.5 }\n",
         "policy.quality: expected a number from 0 to 1, got `1.5`"},
        {WITH_DEVICE "policy: { quality: .nan }\n", "policy.quality: expected a number"},
        {WITH_DEVICE "policy: { quality: 1e999 }\n", "policy.quality: expected a number"},
        {WITH_DEVICE "policy: { threshold: often }\n",
         "expected auto or a number from 0 to 1, got `often`"},
        {WITH_DEVICE "policy: []\n", "policy: expected a mapping with the keys strategy, quality"},
        {WITH_DEVICE "privacy: { default: closed }\n",
         "expected one of open, redact, local, got `closed`"},
        {WITH_DEVICE "privacy: { never_leave: [ssn] }\n",
         "privacy.never_leave[0]: expected a type like US_SSN"},
        {WITH_DEVICE "privacy:\n  types: [US_SSN,\n    NRP]\n",
         "weir.yaml:5: privacy.types: nothing detects `NRP`; privacy.custom adds a pattern"},
        {WITH_DEVICE "privacy: { never_leave: [EMAIL_ADRESS] }\n",
         "weir.yaml:3: privacy.never_leave: nothing detects `EMAIL_ADRESS` (did you mean `EMAIL_ADDRESS`?)"},
        {WITH_DEVICE "privacy: { consent: [ { types: [SECRET] } ] }\n",
         "weir.yaml:3: privacy.consent[0]: needs to: the backends or tiers"},
        {WITH_DEVICE "privacy:\n  consent:\n    - { to: [cloud] }\n",
         "weir.yaml:5: privacy.consent[0]: needs types (of never_leave) or rules"},
        {WITH_DEVICE "privacy: { consent: [ { types: [SECRET], to: [device] } ] }\n",
         "weir.yaml:3: privacy.consent[0].to: `device` is neither"},
        {WITH_DEVICE "privacy: { consent: [ { types: [SECRET], to: [cloud], level: local } ] }\n",
         "weir.yaml:3: privacy.consent[0].level: "},
        {WITH_DEVICE "privacy: { consent: [ { rules: [x], to: [cloud] } ] }\n",
         "privacy.consent[0].rules: there is no rule `x`"},
        {WITH_DEVICE "privacy: { consent: [ { types: [A], to: [cloud], keys: [ann] } ] }\n",
         "privacy.consent[0].keys: without auth.keys_file"},
        {WITH_DEVICE "privacy: { custom: [ { type: A } ] }\n",
         "privacy.custom[0]: needs type and pattern"},
        {WITH_DEVICE "privacy: { custom: [ { type: a, pattern: x } ] }\n",
         "expected a type like US_SSN"},
        {WITH_DEVICE "budget: { usd_per_day: -1 }\n",
         "budget.usd_per_day: expected US dollars from 0"},
        {WITH_DEVICE "budget: { on_exhausted: cloud }\n", "expected one of device, refuse"},
        {WITH_DEVICE "ledger: { store_prompts: yes }\n", "expected true or false, got `yes`"},
        {WITH_DEVICE "log: { level: loud }\n", "expected one of error, warn, info, debug"},
        {WITH_DEVICE "disclose: tier\n", "disclose: expected one of model"},
        {WITH_DEVICE "http: { allow_origins: ['*'] }\n",
         "expected an origin like https://app.example"},
        {WITH_DEVICE "http: { allow_hosts: ['a b'] }\n", "expected a host like"},
        {WITH_DEVICE "listen: 8080\n", "listen: `8080`: the port is missing"},
        {WITH_DEVICE "listen: localhost:99999\n", "the port must be a number up to 65535"},
        {WITH_DEVICE "listen: 0.0.0.0:8080\n",
         "weir.yaml:3: listen: `0.0.0.0:8080` is open to other machines"},
        {WITH_DEVICE "listen: ':8080'\n", "the host is missing"},
        {WITH_DEVICE "listen: [127.0.0.1:80, 127.0.0.1:80]\n", "appears twice"},
        {WITH_DEVICE "listen: []\n", "expected 1 to 16 addresses"},
        {WITH_DEVICE "? [a]\n: b\n", "a key must be a plain word"},
        {"workers: 1\n", "weir.yaml:1: backends: at least one is needed"},
        {"backends: []\n", "backends: at least one is needed"},
        {"backends: {}\n", "expected a list of backends"},
        {"", "weir.yaml:1: the file is empty"},
        {"# nothing\n", "weir.yaml:1: the file is empty"},
        {"- 1\n", "weir.yaml:1: expected a mapping"},
        {WITH_DEVICE "---\nworkers: 1\n", "weir.yaml:4: a second YAML document"},
        {WITH_DEVICE "workers: [1\n", "weir.yaml:4: not valid YAML"},
        {"backends:\n\t- 1\n",
         "weir.yaml:2: not valid YAML: found character that cannot start any token"},
        {"backends: *nowhere\n", "not valid YAML: found undefined alias"},
        {"a: \"\xff\"\n", "weir.yaml:1: not valid YAML"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refuse(cases[i].yaml, cases[i].expected);
    }
}

#define CLOUD(rest) "backends:\n  - { name: cloud, tier: cloud, model: m, " rest " }\n"

static void backends_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {"backends:\n  - { tier: device, model: m }\n", "weir.yaml:2: backends[0]: needs a name"},
        {"backends:\n  - { name: x, model: m }\n",
         "backends[0]: needs a tier: device, edge, cloud, human"},
        {"backends:\n  - { name: x, tier: clowd }\n", "got `clowd` (did you mean `cloud`?)"},
        {"backends:\n  - { name: x, tier: device }\n", "needs model, the path of a GGUF file"},
        {"backends:\n  - { name: x, tier: cloud, model: m }\n", "backends[0]: needs url"},
        {"backends:\n  - { name: x, tier: device, api: ollama, model: m }\n",
         "backends[0]: needs url"},
        {"backends:\n  - { name: auto, tier: device, model: m }\n",
         "`auto` means the routed model"},
        {"backends:\n  - { name: 'a b', tier: device, model: m }\n", "expected at most 64 letters"},
        {"backends:\n  - { name: cloud, tier: device, model: m }\n",
         "`cloud` is the name of another tier"},
        {"backends:\n" DEVICE DEVICE,
         "weir.yaml:3: backends[1].name: `device` is taken by backends[0]"},
        {"backends:\n" DEVICE
         "  - { name: c, tier: cloud, url: 'http://h/v1', model: m, aliases: [device] }\n",
         "backends[1].aliases: `device` is the name of a backend or a tier"},
        {CLOUD("url: 'ftp://x'"), "weir.yaml:2: backends[0].url: expected http://HOST"},
        {CLOUD("url: 'http://'"), "the host is missing"},
        {CLOUD("url: 'http://h:0/'"), "port 0"},
        {CLOUD("url: 'http://h:70000'"), "the port must be"},
        {CLOUD("url: 'http://u:p@h'"), "must not hold a user or password"},
        {CLOUD("url: 'http://h/?k=1'"), "must not hold `?`"},
        {CLOUD("url: 'http://[::zz]/'"), "no IPv6 address"},
        {CLOUD("url: 'http://h /'"), "holds a space"},
        {CLOUD("url: 'unix:x'"), "absolute path"},
        {CLOUD("url: 'https://h', slots: 3"), "backends[0].slots: only an embedded model has it"},
        {CLOUD("url: 'https://h', key: sk-abc"),
         "backends[0].key: a key must not stand in the file"},
        {CLOUD("url: 'https://h', key_env: sk-abc"),
         "expected the name of an environment variable"},
        {CLOUD("url: 'https://h', key_env: WEIR_TEST_UNSET"),
         "the environment variable WEIR_TEST_UNSET is not set"},
        {CLOUD("url: 'https://h', key_file: nope"), "/etc/weir/nope: No such file"},
        {CLOUD("url: 'https://h', key_env: WEIR_TEST_KEY, key_file: x"), "exclude each other"},
        {CLOUD("url: 'https://h', price: { input_usd_per_mtok: 1 }"), "needs both"},
        {CLOUD("url: 'https://h', price: { input_usd_per_mtok: x }"), "expected US dollars"},
        {CLOUD("url: 'https://h', timeout: { connect_ms: 0 }"),
         "backends[0].timeout.connect_ms: expected a whole"},
        {CLOUD("url: 'https://h', timeout: { first_ms: 5 }"),
         "backends[0].timeout: unknown key `first_ms`"},
        {CLOUD("url: 'https://h', context: lots"), "expected auto or a whole number from 16"},
        {CLOUD("url: 'https://h', api: grok"), "expected one of openai, anthropic, ollama"},
        {"backends:\n  - { name: x, tier: device, model: m, gpu: maybe }\n",
         "expected auto, off or a whole number"},
        {"backends:\n  - { name: x, tier: device, model: m, key_env: WEIR_TEST_KEY }\n",
         "did you forget url?"},
        {"backends:\n  - { name: x, tier: device, url: 'http://10.0.0.1', model: m }\n",
         "tier device means this machine"},
        {"backends:\n  - { name: x, tier: device, url: 'https://localhost.example', model: m }\n",
         "tier device means this machine"},
        {CLOUD("url: 'https://h'") "budget: { usd_per_day: 1 }\n",
         "weir.yaml:2: backends: `cloud` has no price, so the budget on line 3 could not hold"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refuse(cases[i].yaml, cases[i].expected);
        assert_null(strstr(told(), "sk-")); /* a key that slipped in is never repeated */
    }
}

static void rules_are_judged(void **state)
{
    (void)state;
#define RULE(rest) WITH_DEVICE "policy:\n  rules:\n    - { " rest " }\n"
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {RULE("when: {}, then: { take: device }"), "weir.yaml:5: policy.rules[0]: needs a name"},
        {RULE("name: a, when: {}"), "needs then: { take"},
        {RULE("name: a, then: { take: devise }"),
         "weir.yaml:5: rule `a`: take: `devise` is neither a tier nor a backend (did you mean `device`?)"},
        {RULE("name: a, then: { strategy: relay }"), "`relay` is not in this build yet"},
        {RULE("name: a, then: { privacy: shut }"), "expected one of open, redact, local"},
        {RULE("name: a, when: { task: [code, singing] }, then: { take: device }"),
         "policy.rules[0].when.task[1]: expected one of chat, intent"},
        {RULE("name: a, when: { language: German }, then: { take: device }"),
         "a language as two small letters"},
        {RULE("name: a, when: { hour: '9' }, then: { take: device }"), "expected hours like"},
        {RULE("name: a, when: { hour: '09-25' }, then: { take: device }"), "expected hours like"},
        {RULE("name: a, when: { network: slow }, then: { take: device }"),
         "expected one of ok, metered, offline"},
        {RULE("name: a, when: { pii: maybe }, then: { take: device }"),
         "expected true, false or a type"},
        {RULE("name: a, when: { header: X }, then: { take: device }"), "a mapping of header names"},
        {RULE("name: a, when: { battery: 1 }, then: { take: device }"), "unknown key `battery`"},
        {RULE("name: a, when: { max_prompt_tokens: -1 }, then: { take: device }"),
         "whole number from 0"},
        {RULE(
             "name: a, when: { min_prompt_tokens: 9, max_prompt_tokens: 1 }, then: { take: device }"),
         "never holds"},
        {RULE("name: a, then: { take: device } }\n    - { name: a, then: { take: device }"),
         "weir.yaml:6: policy.rules[1]: the name `a` is taken by the rule on line 5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refuse(cases[i].yaml, cases[i].expected);
    }
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    refuse(
        "workers: x\nlog: { level: y }\nbackends:\n  - { name: c, tier: cloud, url: z }\nfoo: 1\n",
        "weir.yaml:1:");
    assert_non_null(strstr(told(), "weir.yaml:2:"));
    assert_non_null(strstr(told(), "weir.yaml:4:"));
    assert_non_null(strstr(told(), "weir.yaml:5:"));
}

static void doors_with_keys_may_stand_open(void **state)
{
    (void)state;
    config_unref(load(WITH_DEVICE "listen: 0.0.0.0:8080\nauth: { keys_file: keys }\n"));
    config_unref(load(WITH_DEVICE "listen: [127.9.9.9:1, 'localhost:2', '[::1]:3', 'unix:/w']\n"));
    struct fault fault = {0};
    assert_int_equal(config_check_listen(SPAN("192.168.1.2:80"), false, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "keys_file"));
    assert_int_equal(config_check_listen(SPAN("192.168.1.2:80"), true, &fault), OK);
    assert_int_equal(config_check_listen(SPAN("nonsense"), true, &fault), ERR_INVALID);
    assert_int_equal(config_check_listen(SPAN("[::]:80"), false, NULL), ERR_INVALID);
}

static void well_known_models_have_a_price_at_their_own_provider_only(void **state)
{
    (void)state;
    struct config *c = load(
        "backends:\n"
        "  - { name: a, tier: cloud, url: 'https://api.openai.com/v1', model: gpt-4o-2024-11-20 }\n"
        "  - { name: b, tier: cloud, url: 'https://proxy.example/v1', model: gpt-4o }\n"
        "  - { name: c, tier: cloud, url: 'https://api.openai.com/v1', model: gpt-4o-mini-tts }\n"
        "  - { name: d, tier: cloud, url: 'https://api.openai.com/v1', model: gpt-4o, price: { input_usd_per_mtok: 9, "
        "output_usd_per_mtok: 9 } }\n"
        "  - { name: e, tier: cloud, url: 'https://api.openai.com/v1', model: gpt-4o-2024-05-13 }\n"
        "  - { name: f, tier: cloud, api: anthropic, url: 'https://API.anthropic.com/v1', model: claude-sonnet-4-20250514 }\n");
    assert_int_equal(c->backends[0].price.input_nano_per_mtok, 2500000000);
    assert_int_equal(c->backends[0].price.cached_input_nano_per_mtok, 1250000000);
    assert_false(price_known(&c->backends[1].price));
    assert_false(price_known(&c->backends[2].price));
    assert_int_equal(c->backends[3].price.output_nano_per_mtok, 9000000000);
    assert_int_equal(c->backends[4].price.input_nano_per_mtok, 5000000000);
    assert_int_equal(c->backends[5].price.output_nano_per_mtok, 15000000000);
    config_unref(c);
}

static void write_file(const char *path, const char *content, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    chmod(path, mode);
}

static void files_and_keys_are_found_beside_the_config(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-config-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[200];
    char key[200];
    snprintf(path, sizeof path, "%s/weir.yaml", folder);
    snprintf(key, sizeof key, "%s/k", folder);
    write_file(path, CLOUD("url: 'https://h/v1', key_file: k"), 0600);
    write_file(key, "sk-from-file\n", 0600);
    struct config *c = NULL;
    text_clear(&errors);
    assert_int_equal(config_load(path, &c, &errors), OK);
    assert_string_equal(told(), "");
    assert_string_equal(c->backends[0].key, "sk-from-file");
    assert_true(span_starts(span_c(c->ledger_path), span_c(folder)));
    struct config *again = config_ref(c);
    config_unref(c);
    assert_string_equal(again->backends[0].key, "sk-from-file"); /* still held */
    config_unref(again);

    write_file(key, "sk-from-file\n", 0644);
    assert_int_equal(config_load(path, &c, &errors), OK);
    assert_non_null(strstr(told(), "warning: "));
    assert_non_null(strstr(told(), "chmod 600"));
    config_unref(c);
    write_file(key, "two words\n", 0600);
    assert_int_equal(config_load(path, &c, &errors), ERR_INVALID);
    assert_null(strstr(told(), "two words"));
    write_file(key, "\n", 0600);
    assert_int_equal(config_load(path, &c, &errors), ERR_INVALID);
    unlink(key);
    unlink(path);
    rmdir(folder);
    text_clear(&errors);
    assert_int_equal(config_load(path, &c, &errors), ERR_IO);
    assert_non_null(strstr(told(), path));
}

static void a_local_server_without_key_is_only_a_warning(void **state)
{
    (void)state;
    struct config *c = load(CLOUD("url: 'http://127.0.0.1:9/v1', key_env: WEIR_TEST_UNSET"));
    assert_null(c->backends[0].key);
    assert_non_null(strstr(told(), "warning: weir.yaml:2: "));
    config_unref(c);
    c = load(CLOUD("url: 'http://provider.example/v1'"));
    assert_non_null(strstr(told(), "unencrypted"));
    config_unref(c);
}

static void without_a_file_there_is_the_device_alone(void **state)
{
    (void)state;
    setenv("XDG_STATE_HOME", "/state", 1);
    struct config *c = config_default("/models/weir-nano.gguf");
    assert_int_equal(c->backends_count, 1);
    assert_string_equal(c->backends[0].name, "device");
    assert_string_equal(c->backends[0].model, "weir-nano");
    assert_null(c->path);
    assert_string_equal(c->ledger_path, "/state/weir/weir.db");
    struct text url;
    text_init(&url, 300);
    config_base_url(c, &url);
    assert_string_equal(url.data, "http://127.0.0.1:8080");
    text_done(&url);
    config_unref(c);
    config_unref(NULL);
    assert_int_equal(config_load(NULL, &c, &errors), OK);
    assert_int_equal(c->backends_count, 0);
    config_unref(c);
}

static void the_base_url_can_be_reached(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0.0.0.0:80", "http://127.0.0.1:80"},
        {"'[::]:81'", "http://[::1]:81"},
        {"'unix:/w.sock'", "unix:/w.sock"},
        {"'[::1]:82'", "http://[::1]:82"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char yaml[300];
        snprintf(yaml, sizeof yaml, WITH_DEVICE "auth: { keys_file: k }\nlisten: %s\n",
                 cases[i][0]);
        struct config *c = load(yaml);
        struct text url;
        text_init(&url, 300);
        config_base_url(c, &url);
        assert_string_equal(url.data, cases[i][1]);
        text_done(&url);
        config_unref(c);
    }
}

/* ---- hostile files ---- */

static void bombs_and_cycles_end_in_a_message(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 2 * MIB);
    text_add_c(&t, "x: &a0 [l,l,l,l,l,l,l,l,l,l]\n");
    for (int i = 1; i < 20; i++) {
        text_addf(&t, "x%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            text_addf(&t, "%s*a%d", k ? "," : "", i - 1);
        }
        text_add_c(&t, "]\n");
    }
    text_add_c(&t, "privacy: { allow: *a19 }\n");
    refuse(t.data, "unknown key `x`");
    refuse(WITH_DEVICE "policy: &p { rules: *p }\n", "expected a list of at most 64 rules");
    refuse(WITH_DEVICE "policy: { rules: &p [ *p ] }\n", "weir.yaml:3:");
    refuse("backends: &b [ { name: a, tier: cloud, timeout: &t { connect_ms: *t } }, *b ]\n",
           "weir.yaml:1:");
    refuse("&a [*a]\n", "expected a mapping");

    text_clear(&t);
    text_add_c(&t, "a: [");
    for (int i = 0; i < 5000; i++) {
        text_add_c(&t, "&x 1,");
    }
    refuse(t.data, "more than 4096 anchors");
    text_clear(&t);
    for (int i = 0; i < 100000; i++) {
        text_add_c(&t, "[");
    }
    refuse(t.data, "nested deeper than 64 levels");
    text_clear(&t);
    for (int i = 0; i < 100000; i++) {
        text_add_c(&t, "- ");
    }
    refuse(t.data, "nested deeper than 64 levels");
    config_unref(load(
        "# [[[ {{{ ------------------------------------------------------------------------------------\n" WITH_DEVICE));
    text_clear(&t);
    while (t.len <= MIB) {
        text_add_c(&t, "# filler filler filler filler filler filler filler filler\n");
    }
    refuse(t.data, "larger than 1 MiB");
    text_clear(&t);
    for (int i = 0; i < 30000; i++) {
        text_addf(&t, "k%d: 1\n", i);
    }
    refuse(t.data, "and more; the first 100 mistakes are above");
    text_clear(&t);
    text_add_c(&t, "backends:\n");
    for (int i = 0; i < 33; i++) {
        text_addf(&t, "  - { name: d%d, tier: device, model: m }\n", i);
    }
    refuse(t.data, "more than 32 backends");
    text_clear(&t);
    text_add_c(&t, WITH_DEVICE "privacy: { allow: [");
    for (int i = 0; i < 1100; i++) {
        text_add_c(&t, "a,");
    }
    text_add_c(&t, "] }\n");
    refuse(t.data, "more than 1024 entries");
    text_done(&t);
    refuse(WITH_DEVICE "ledger: { path: \"a\\0b\" }\n", "holds a control character");
    refuse(WITH_DEVICE "ledger: { path: \"\" }\n", "must not be empty");
    refuse(WITH_DEVICE "\"\\e[31mred\": 1\n", "unknown key `?[31mred`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_documented_example_loads, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_said_has_the_documented_default, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_other_key_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_name_line_and_allowed_values, setup, teardown),
        cmocka_unit_test_setup_teardown(backends_are_judged, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_are_judged, setup, teardown),
        cmocka_unit_test_setup_teardown(all_mistakes_are_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(doors_with_keys_may_stand_open, setup, teardown),
        cmocka_unit_test_setup_teardown(well_known_models_have_a_price_at_their_own_provider_only,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(files_and_keys_are_found_beside_the_config, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_local_server_without_key_is_only_a_warning, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_file_there_is_the_device_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(the_base_url_can_be_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(bombs_and_cycles_end_in_a_message, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
