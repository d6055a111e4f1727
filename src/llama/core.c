/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: look at the file, see that it fits, load it, make a context
 * and the chat templates, say NEWS_LOADED, decode until closed.
 *
 * What can go wrong: the file is bad or too big, or llama.cpp refuses it: NEWS_FAILED with a sentence;
 * the declared context does not fit: `auto` takes what fits, with a warning, a
 * context asked for by number is an error; the chat template does not parse: the
 * core serves raw completions and refuses chats.
 */
#include "llama/core.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/backend.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BATCH_TOKENS = 512,
    QUEUE_JOBS = 256,
    CONTEXT_MIN = 512,
    SPARES_MAX = 8,
};
#define SPARES_BYTES_MAX ((int64_t)GIB_IN_BYTES)
#define GIB_IN_BYTES (1024 * MIB)

/* ---- llama.cpp's own log: process-global ---- */

static pthread_mutex_t last_error_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_error[200];

static void on_log(enum ggml_log_level level, const char *text, void *user)
{
    (void)user;
    if (level != GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_WARN) {
        return;
    }
    size_t len = strcspn(text, "\n");
    if (level == GGML_LOG_LEVEL_ERROR && len) {
        pthread_mutex_lock(&last_error_lock);
        /* The first is the cause, what follows are its callers. */
        if (!last_error[0]) {
            snprintf(last_error, sizeof last_error, "%.*s", (int)len, text);
        }
        pthread_mutex_unlock(&last_error_lock);
    }
    LOG(LOG_DEBUG, "llama", "%.*s", (int)len, text);
}

static void take_last_error(char *out, size_t room)
{
    pthread_mutex_lock(&last_error_lock);
    snprintf(out, room, "%s", last_error[0] ? last_error : "no reason given");
    last_error[0] = 0;
    pthread_mutex_unlock(&last_error_lock);
}

void core_process_init(void)
{
    llama_log_set(on_log, NULL);
    chat_process_init();
    llama_backend_init();
}

/* ---- does it fit ---- */

static enum err choose_context(struct core *c, struct fault *fault)
{
    const struct gguf_facts *f = &c->facts;
    int64_t wanted = c->options.context > 0 ? c->options.context : f->context;
    if (wanted > f->context) {
        snprintf(c->warning, sizeof c->warning,
                 "context %lld is more than the model's %lld: using %lld", (long long)wanted,
                 (long long)f->context, (long long)f->context);
        wanted = f->context;
    }
    int64_t room = memory_available();
    int64_t file = gguf_memory_needed(f, 0, 0);
    if (c->options.context == 0) { /* nobody asked for a size: leave half of the rest to others */
        int64_t budget = file + MAX(room - file, 0) / 2;
        int64_t fits = wanted;
        while (fits > CONTEXT_MIN && gguf_memory_needed(f, fits, c->options.slots) > budget) {
            fits = MAX(fits / 2, CONTEXT_MIN);
        }
        if (fits < wanted) {
            snprintf(
                c->warning, sizeof c->warning,
                "context is %lld instead of the model's %lld to fit into memory; set `context` or fewer `slots` to change it",
                (long long)fits, (long long)wanted);
        }
        wanted = fits;
    }
    int64_t needed = gguf_memory_needed(f, wanted, c->options.slots);
    if (needed > room) {
        return fault_set(
            fault, ERR_NO_MEMORY,
            "%s needs %lld MiB with context %lld and %d slots, but only %lld MiB are free: take a smaller "
            "model, `context` or `slots`",
            c->options.model_path, (long long)(needed / (int64_t)MIB), (long long)wanted,
            c->options.slots, (long long)(room / (int64_t)MIB));
    }
    c->context_tokens = wanted;
    int spares = MIN(MAX(c->options.slots, 2), SPARES_MAX);
    while (spares > 0 && (f->kv_bytes_per_token * wanted * spares > SPARES_BYTES_MAX ||
                          gguf_memory_needed(f, wanted, c->options.slots + spares) > room)) {
        spares--;
    }
    c->sequences = c->options.slots + spares;
    return OK;
}

/* ---- threads ---- */

static int physical_cores(void)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    int online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int siblings = 0;
    int cores = 0;
    char line[256];
    while (f && fgets(line, sizeof line, f) && !(siblings && cores)) {
        if (strncmp(line, "siblings", 8) == 0 || strncmp(line, "cpu cores", 9) == 0) {
            const char *colon = strchr(line, ':');
            int64_t n = 0;
            if (colon && span_to_i64(span_trim(span_c(colon + 1)), &n) && n > 0) {
                *(line[0] == 's' ? &siblings : &cores) = (int)n;
            }
        }
    }
    if (f) {
        fclose(f);
    }
    return siblings > cores && cores > 0 ? MAX(online * cores / siblings, 1) : MAX(online, 1);
}

static int quota_cores(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    long long quota = 0;
    long long period = 0;
    bool limited = f && fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0;
    if (f) {
        fclose(f);
    }
    return limited ? (int)MAX(quota / period, 1) : INT32_MAX;
}

static int choose_threads(int asked)
{
    /* ggml's threads spin at barriers: one core stays for everybody else (FACTS-llama, pitfall 6). */
    return asked > 0 ? MIN(asked, 256) : MAX(MIN(physical_cores(), quota_cores()) - 1, 1);
}

/* ---- loading ---- */

static void list_devices(struct core *c)
{
    struct text names;
    text_init(&names, sizeof c->devices - 1);
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t dev = ggml_backend_dev_get(i);
        if (ggml_backend_dev_type(dev) == GGML_BACKEND_DEVICE_TYPE_CPU) {
            continue;
        }
        text_addf(&names, "%s%s", names.len ? ", " : "", ggml_backend_dev_description(dev));
    }
    snprintf(c->devices, sizeof c->devices, "%.*s", SPAN_ARG(text_span(&names)));
    text_done(&names);
}

static enum err load_model(struct core *c, struct fault *fault)
{
    char forget[200];
    take_last_error(forget, sizeof forget);
    struct llama_model_params p = llama_model_default_params();
    bool can_offload = llama_supports_gpu_offload() && c->devices[0];
    p.n_gpu_layers = !can_offload                        ? 0
                     : c->options.gpu_layers == GPU_AUTO ? -1
                                                         : c->options.gpu_layers;
    c->gpu_layers = p.n_gpu_layers < 0 ? (int)c->facts.layers + 1 : p.n_gpu_layers;
    c->model = llama_model_load_from_file(c->options.model_path, p);
    if (!c->model) {
        char why[200];
        take_last_error(why, sizeof why);
        return fault_set(fault, ERR_INVALID, "llama.cpp cannot load %s: %s", c->options.model_path,
                         why);
    }
    if (llama_model_has_encoder(c->model) || !llama_model_has_decoder(c->model) ||
        llama_model_is_diffusion(c->model)) {
        return fault_set(fault, ERR_INVALID,
                         "%s is no text generator (architecture %s); take a chat model",
                         c->options.model_path, c->facts.architecture);
    }
    c->vocab = llama_model_get_vocab(c->model);
    return OK;
}

static enum err make_context(struct core *c, struct fault *fault)
{
    struct llama_context_params p = llama_context_default_params();
    uint64_t cells = (uint64_t)c->context_tokens * (uint64_t)c->sequences;
    if (cells > INT32_MAX) {
        return fault_set(fault, ERR_INVALID,
                         "context %lld times %d sequences is more than llama.cpp can count",
                         (long long)c->context_tokens, c->sequences);
    }
    p.n_ctx = (uint32_t)cells;
    p.n_batch = p.n_ubatch = BATCH_TOKENS;
    p.n_seq_max = (uint32_t)c->sequences;
    p.n_outputs_max = (uint32_t)c->sequences;
    p.n_outputs_max_per_seq = 1;
    p.n_threads = p.n_threads_batch = c->threads;
    p.kv_unified = false;
    /* Without it a row's result does not depend on the batch it is in, to the last bit (FACTS-llama A5): for tests,
     * and for GPUs whose kernel is broken. */
    const char *flash = getenv("WEIR_FLASH_ATTENTION");
    if (flash && strcmp(flash, "off") == 0) {
        p.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    }
    p.no_perf = true;
    c->context = llama_init_from_model(c->model, p);
    if (!c->context) {
        char why[200];
        take_last_error(why, sizeof why);
        return fault_set(fault, ERR_NO_MEMORY, "llama.cpp cannot make a context for %s: %s",
                         c->options.model_path, why);
    }
    struct ggml_threadpool_params tp = ggml_threadpool_params_default(c->threads);
    c->threadpool = ggml_threadpool_new(&tp);
    if (c->threadpool) {
        llama_attach_threadpool(c->context, c->threadpool, c->threadpool);
    }
    return OK;
}

static enum err add_adapter(struct core *c, struct fault *fault)
{
    if (!c->options.adapter_path) {
        return OK;
    }
    c->adapter = llama_adapter_lora_init(c->model, c->options.adapter_path);
    float scale = 1.0f;
    if (!c->adapter || llama_set_adapters_lora(c->context, &c->adapter, 1, &scale) != 0) {
        char why[200];
        take_last_error(why, sizeof why);
        return fault_set(fault, ERR_INVALID, "the adapter %s does not go with %s: %s",
                         c->options.adapter_path, c->options.model_path, why);
    }
    return OK;
}

/* Some memories cannot forget a tail (recurrent models): tried once on two tokens. */
static bool tails_can_be_removed(struct core *c)
{
    if (llama_model_is_recurrent(c->model) || llama_model_is_hybrid(c->model)) {
        return false;
    }
    llama_token token = 0;
    llama_memory_t memory = llama_get_memory(c->context);
    bool ok = true;
    for (int i = 0; i < 2 && ok; i++) {
        ok = llama_decode(c->context, llama_batch_get_one(&token, 1)) == 0;
    }
    ok = ok && llama_memory_seq_rm(memory, 0, 1, -1);
    llama_memory_clear(memory, true);
    return ok;
}

static int longest_token(const struct core *c)
{
    int longest = 4;
    int32_t n = llama_vocab_n_tokens(c->vocab);
    for (int32_t i = 0; i < n; i++) {
        const char *text = llama_vocab_get_text(c->vocab, i);
        longest = MAX(longest, text ? (int)strlen(text) : 0);
    }
    return longest;
}

static enum err load(struct core *c, struct fault *fault)
{
    uint64_t start = clock_now_us();
    enum err err = gguf_check(c->options.model_path, &c->facts, fault);
    err = err ? err : choose_context(c, fault);
    if (err) {
        return err;
    }
    list_devices(c);
    c->threads = choose_threads(c->options.threads);
    err = load_model(c, fault);
    err = err ? err : make_context(c, fault);
    err = err ? err : add_adapter(c, fault);
    if (err) {
        return err;
    }
    c->context_tokens = MIN(c->context_tokens, (int64_t)llama_n_ctx_seq(c->context));
    c->reuse = tails_can_be_removed(c);
    c->greedy = c->facts.demo;
    c->token_bytes_max = longest_token(c);
    c->chat = chat_new(c->model, c->chat_why, sizeof c->chat_why);
    char note[200];
    c->judge = judge_new(c->options.model_path, note, sizeof note);
    if (note[0] && !c->warning[0]) {
        snprintf(c->warning, sizeof c->warning, "%s", note);
    }
    c->load_ms = (double)(clock_now_us() - start) / US_PER_MS;
    return OK;
}

static void *core_main(void *user)
{
    struct core *c = user;
    struct text batch;
    text_init(&batch, KIB);
    enum err err = load(c, &c->fault);
    struct news n = {.kind = err ? NEWS_FAILED : NEWS_LOADED, .core = c};
    news_write(&batch, &n, SPAN_NONE, SPAN_NONE);
    mailbox_post(c->options.mailbox, &batch);
    if (!err) {
        decode_run(c);
        n.kind = NEWS_GONE;
        news_write(&batch, &n, SPAN_NONE, SPAN_NONE);
        mailbox_post(c->options.mailbox, &batch);
    }
    text_done(&batch);
    return NULL;
}

static char *copy_c(const char *s)
{
    if (!s) {
        return NULL;
    }
    char *copy = mem_new(strlen(s) + 1);
    memcpy(copy, s, strlen(s));
    return copy;
}

struct core *core_start(const struct core_options *options)
{
    struct core *c = NEW(struct core);
    c->options = *options;
    c->options.model_path = copy_c(options->model_path);
    c->options.adapter_path = copy_c(options->adapter_path);
    c->options.slots = options->slots > 0 ? MIN(options->slots, SLOTS_MAX) : 4;
    queue_init(&c->queue, QUEUE_JOBS);
    ASSERT(pthread_create(&c->thread, NULL, core_main, c) == 0);
    return c;
}

bool core_submit(struct core *c, struct job *job)
{
    return queue_put(&c->queue, job);
}

void core_close(struct core *c)
{
    atomic_store(&c->shared.closing, true);
    queue_close(&c->queue);
}

void core_free(struct core *c)
{
    pthread_join(c->thread, NULL);
    chat_free(c->chat);
    judge_free(c->judge);
    if (c->context) {
        llama_detach_threadpool(c->context);
        llama_free(c->context);
    }
    if (c->threadpool) {
        ggml_threadpool_free(c->threadpool);
    }
    if (c->model) {
        llama_model_free(c->model); /* and its adapters */
    }
    queue_done(&c->queue);
    mem_free((void *)c->options.model_path);
    mem_free((void *)c->options.adapter_path);
    mem_free(c);
}
