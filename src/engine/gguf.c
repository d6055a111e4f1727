/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format (ggml docs/gguf.md, versions 2 and 3, little-endian):
 *
 *   "GGUF" u32 version  u64 tensors  u64 pairs
 *   pair    string key  u32 type  value        string = u64 length + bytes
 *   tensor  string name u32 dimensions  u64 size…  u32 type  u64 offset
 *   padding to general.alignment (32), then the tensors' data
 *
 * Everything is read through one 64 KiB window; lengths from the file only ever
 * move the reading position, and never past the file's end.
 */
#include "engine/gguf.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WINDOW_BYTES = 64 * 1024,
    KEY_MAX = 128,
    PAIRS_MAX = 100000,
    TENSORS_MAX = 1000000,
    DIMENSIONS_MAX = 4,
};
enum value_type {
    VALUE_U8,
    VALUE_I8,
    VALUE_U16,
    VALUE_I16,
    VALUE_U32,
    VALUE_I32,
    VALUE_F32,
    VALUE_BOOL,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_U64,
    VALUE_I64,
    VALUE_F64,
    VALUE_TYPES,
};
static const uint8_t value_bytes[VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* LLM_ARCH_NAMES of llama.cpp v0.5.0 (src/llama-arch.cpp), less "clip": a vision part answers nothing. */
static const char architectures[] =
    " llama llama4 deci falcon grok gpt2 gptj gptneox mpt baichuan starcoder refact bert modern-bert nomic-bert"
    " nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert bloom stablelm qwen qwen2 qwen2moe qwen2vl qwen3"
    " qwen3moe qwen3next qwen3vl qwen3vlmoe qwen35 qwen35moe qwen4exp phi2 phi3 phimoe plamo plamo2 plamo3 codeshell"
    " orion internlm2 minicpm minicpm3 gemma gemma2 gemma3 gemma3n gemma4 gemma4-assistant gemma-embedding"
    " starcoder2 mamba mamba2 maple jamba falcon-h1 xverse command-r cohere2 cohere2moe dbrx olmo olmo2 olmoe"
    " muse-glimmer openelm arctic deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4 chatglm glm4 glm4moe glm-dsa"
    " bitnet t5 t5encoder jais jais2 nemotron nemotron_h nemotron_h_moe exaone exaone4 exaone-moe rwkv6 rwkv6qwen2"
    " rwkv7 arwkv7 granite granitemoe granitehybrid graniteswitch granite_swa chameleon wavtokenizer-dec plm"
    " bailingmoe bailingmoe2 bailingmoe3 dots1 dots3note arcee afmoe laguna ernie4_5 ernie4_5-moe hunyuan-moe"
    " hunyuan-dense hunyuan_vl hy_v3 hy_v4 smollm3 gpt-oss lfm2 lfm2moe dream smallthinker llada llada-moe seed_oss"
    " grovemoe apertus minimax-01 hrm_text minimax-m2 minimax-m3 cogvlm rnd1 pangu-embedded mistral3 eagle3 dflash"
    " mistral4 paddleocr mimo2 step35 spark2_5 llama-embed maincoder kimi-linear kimi-k3 talkie mellum nanbeige"
    " qwen3tts pockettts ";

/* Of these, those that make no text: embeddings, speech, helpers of other models. */
static const char *const silent[] = {
    "bert", "embed",  "eurobert", "t5encoder",  "wavtokenizer",
    "tts",  "eagle3", "dflash",   "-assistant",
};

/* enum llama_ftype. */
static const char *const file_types[] = {
    "F32",   "F16",     "Q4_0",   "Q4_1",   "Q4_1",   "Q4_2",    "Q4_3",     "Q8_0",     "Q5_0",
    "Q5_1",  "Q2_K",    "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S",  "Q4_K_M",   "Q5_K_S",   "Q5_K_M",
    "Q6_K",  "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S",    "IQ4_NL",   "IQ3_S",
    "IQ3_M", "IQ2_S",   "IQ2_M",  "IQ4_XS", "IQ1_M",  "BF16",    "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8",
    "TQ1_0", "TQ2_0",   "MXFP4",  "NVFP4",  "Q1_0",   "Q2_0",
};

/* enum ggml_type: values in a block and its bytes (ggml-common.h); 0 = not a type. */
static const struct {
    uint16_t values, bytes;
} tensor_types[] = {
    {1, 4},    {1, 2},    {32, 18},  {32, 20},   {0, 0},     {0, 0},     {32, 22},   {32, 24},
    {32, 34},  {32, 36},  {256, 84}, {256, 110}, {256, 144}, {256, 176}, {256, 210}, {256, 292},
    {256, 66}, {256, 74}, {256, 98}, {256, 50},  {32, 18},   {256, 110}, {256, 82},  {256, 136},
    {1, 1},    {1, 2},    {1, 4},    {1, 8},     {1, 8},     {256, 56},  {1, 2},     {0, 0},
    {0, 0},    {0, 0},    {256, 54}, {256, 66},  {0, 0},     {0, 0},     {0, 0},     {32, 17},
    {64, 36},  {128, 18}, {64, 18},
};

struct reader {
    int fd;
    const char *path;
    int64_t size, at;     /* of the file */
    size_t start, filled; /* within the window */
    bool short_read;      /* something lay past the end */
    char window[WINDOW_BYTES];
};

static bool refill(struct reader *r)
{
    ssize_t n;
    do {
        n = pread(r->fd, r->window, sizeof r->window, (off_t)r->at);
    } while (n < 0 && errno == EINTR);
    r->start = 0;
    r->filled = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool take(struct reader *r, void *out, size_t len)
{
    if (len > (uint64_t)(r->size - r->at)) {
        r->short_read = true;
        return false;
    }
    char *to = out;
    while (len) {
        if (r->start == r->filled && !refill(r)) {
            r->short_read = true;
            return false;
        }
        size_t part = MIN(len, r->filled - r->start);
        memcpy(to, r->window + r->start, part);
        to += part;
        r->start += part;
        r->at += (int64_t)part;
        len -= part;
    }
    return true;
}

static bool skip(struct reader *r, uint64_t len)
{
    if (len > (uint64_t)(r->size - r->at)) {
        r->short_read = true;
        return false;
    }
    r->at += (int64_t)len;
    if (len <= r->filled - r->start) {
        r->start += (size_t)len;
    } else {
        r->start = r->filled = 0;
    }
    return true;
}

static bool take_u32(struct reader *r, uint32_t *out)
{
    return take(r, out, sizeof *out);
}
static bool take_u64(struct reader *r, uint64_t *out)
{
    return take(r, out, sizeof *out);
}

/* The front of a string, NUL-terminated; what does not fit is skipped. */
static bool take_string(struct reader *r, char *out, size_t room)
{
    uint64_t len;
    if (!take_u64(r, &len)) {
        return false;
    }
    size_t keep = len < room ? (size_t)len : room - 1;
    if (!take(r, out, keep)) {
        return false;
    }
    out[keep] = 0;
    return skip(r, len - keep);
}

/* Whether a long string holds `word`, read piecewise. */
static bool scan_string(struct reader *r, const char *word, bool *out_found, bool *out_any)
{
    uint64_t len;
    if (!take_u64(r, &len)) {
        return false;
    }
    *out_any = len > 0;
    char piece[1024];
    size_t word_len = strlen(word);
    size_t kept = 0;
    while (len) {
        size_t part = len < sizeof piece - kept ? (size_t)len : sizeof piece - kept;
        if (!take(r, piece + kept, part)) {
            return false;
        }
        size_t have = kept + part;
        *out_found = *out_found || span_find(span_of(piece, have), span_c(word), 0) != SIZE_MAX;
        kept = MIN(have, word_len - 1);
        memmove(piece, piece + have - kept, kept);
        len -= part;
    }
    return true;
}

static bool skip_value(struct reader *r, uint32_t type);

static bool skip_array(struct reader *r, int64_t *out_count, int64_t *out_largest)
{
    uint32_t type;
    uint64_t count;
    if (!take_u32(r, &type) || !take_u64(r, &count) || type >= VALUE_TYPES || type == VALUE_ARRAY) {
        return false; /* arrays of arrays occur in no model */
    }
    if (count > (uint64_t)r->size) {
        r->short_read = true;
        return false;
    }
    *out_count = (int64_t)count;
    if (type != VALUE_STRING && !out_largest) {
        return skip(r, count * value_bytes[type]);
    }
    for (uint64_t i = 0; i < count; i++) {
        uint32_t number = 0;
        if (out_largest && (type == VALUE_U32 || type == VALUE_I32)) {
            if (!take_u32(r, &number)) {
                return false;
            }
            *out_largest = MAX(*out_largest, (int64_t)number);
        } else if (!skip_value(r, type)) {
            return false;
        }
    }
    return true;
}

static bool skip_value(struct reader *r, uint32_t type)
{
    if (type == VALUE_STRING) {
        uint64_t len;
        return take_u64(r, &len) && skip(r, len);
    }
    if (type == VALUE_ARRAY) {
        int64_t count;
        return skip_array(r, &count, NULL);
    }
    return type < VALUE_TYPES && skip(r, value_bytes[type]);
}

/* Any integer or bool; an array of integers gives its largest. Others are skipped and give nothing. */
static bool take_int(struct reader *r, uint32_t type, int64_t *out)
{
    unsigned char raw[8] = {0};
    if (type == VALUE_ARRAY) {
        int64_t count = 0;
        int64_t largest = 0;
        bool ok = skip_array(r, &count, &largest);
        *out = ok ? largest : *out;
        return ok;
    }
    if (type == VALUE_STRING || type == VALUE_F32 || type == VALUE_F64 || type >= VALUE_TYPES) {
        return skip_value(r, type);
    }
    if (!take(r, raw, value_bytes[type])) {
        return false;
    }
    uint64_t number;
    memcpy(&number, raw, sizeof number);
    *out = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    return true;
}

struct findings { /* what is not in gguf_facts */
    char type[32];
    int64_t file_type, splits, alignment, key_length, value_length;
    bool tokenizer;
};

static bool take_text_or_skip(struct reader *r, uint32_t type, char *out, size_t room)
{
    return type == VALUE_STRING ? take_string(r, out, room) : skip_value(r, type);
}

/* "llama.block_count" is about `arch` whatever stands before the dot: general.architecture may come later. */
static bool is_arch_key(const char *key, const char *suffix)
{
    const char *dot = strchr(key, '.');
    return dot && strcmp(dot + 1, suffix) == 0 && strncmp(key, "general.", 8) != 0 &&
           strncmp(key, "tokenizer.", 10) != 0 && strncmp(key, "weir.", 5) != 0;
}

/* A row per key, so long on purpose. */
static bool take_pair(struct reader *r, struct gguf_facts *f, struct findings *more)
{
    char key[KEY_MAX];
    uint32_t type;
    if (!take_string(r, key, sizeof key) || !take_u32(r, &type) || type >= VALUE_TYPES) {
        return false;
    }
    const struct {
        const char *key;
        char *out;
        size_t room;
    } texts[] = {
        {"general.architecture", f->architecture, sizeof f->architecture},
        {"general.name", f->name, sizeof f->name},
        {"general.type", more->type, sizeof more->type},
        {"weir.tasks", f->tasks, sizeof f->tasks},
        {"weir.refusal", f->refusal, sizeof f->refusal},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            return take_text_or_skip(r, type, texts[i].out, texts[i].room);
        }
    }
    const struct {
        const char *suffix;
        int64_t *out;
    } numbers[] = {
        {"context_length", &f->context},
        {"block_count", &f->layers},
        {"embedding_length", &f->embedding},
        {"attention.head_count", &f->heads},
        {"attention.head_count_kv", &f->kv_heads},
        {"attention.key_length", &more->key_length},
        {"attention.value_length", &more->value_length},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (is_arch_key(key, numbers[i].suffix)) {
            return take_int(r, type, numbers[i].out);
        }
    }
    if (strcmp(key, "tokenizer.ggml.tokens") == 0 && type == VALUE_ARRAY) {
        more->tokenizer = true;
        return skip_array(r, &f->vocabulary, NULL);
    }
    if (strcmp(key, "tokenizer.chat_template") == 0 && type == VALUE_STRING) {
        return scan_string(r, "tools", &f->template_has_tools, &f->has_chat_template);
    }
    int64_t *out = strcmp(key, "general.file_type") == 0   ? &more->file_type
                   : strcmp(key, "general.alignment") == 0 ? &more->alignment
                   : strcmp(key, "split.count") == 0       ? &more->splits
                                                           : NULL;
    if (out) {
        return take_int(r, type, out);
    }
    if (strcmp(key, "weir.demo") == 0) {
        int64_t demo = 0;
        bool ok = take_int(r, type, &demo);
        f->demo = demo != 0;
        return ok;
    }
    return skip_value(r, type);
}

/* Where the tensor's data ends, after the start of all data; -1 when the entry makes no sense. */
static int64_t take_tensor(struct reader *r)
{
    char name[KEY_MAX];
    uint32_t dimensions, type;
    uint64_t offset, size;
    double values = 1;
    if (!take_string(r, name, sizeof name) || !take_u32(r, &dimensions) ||
        dimensions > DIMENSIONS_MAX) {
        return -1;
    }
    for (uint32_t i = 0; i < dimensions; i++) {
        if (!take_u64(r, &size)) {
            return -1;
        }
        values *= (double)size;
    }
    if (!take_u32(r, &type) || !take_u64(r, &offset)) {
        return -1;
    }
    if (type >= ARRAY_LEN(tensor_types) || !tensor_types[type].values) {
        return 0; /* a newer type: llama.cpp will say */
    }
    double end = (double)offset + values / tensor_types[type].values * tensor_types[type].bytes;
    return end < 9e18 ? (int64_t)end : -1;
}

static void file_name(const char *path, char *out, size_t room)
{
    struct span name = span_c(strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    if (span_ends(name, SPAN(".gguf"))) {
        name.len -= 5;
    }
    snprintf(out, room, "%.*s", SPAN_ARG(name));
}

static void derive(struct gguf_facts *f, const struct findings *more, const char *path)
{
    if (!f->name[0]) {
        file_name(path, f->name, sizeof f->name);
    }
    bool known = more->file_type >= 0 && more->file_type < (int64_t)ARRAY_LEN(file_types);
    snprintf(f->quantisation, sizeof f->quantisation, "%s",
             known ? file_types[more->file_type] : "unknown");
    f->kv_heads = f->kv_heads > 0 ? f->kv_heads : f->heads;
    int64_t from_embedding = f->heads > 0 ? f->embedding / f->heads : 0;
    f->head_dim = more->key_length > 0 ? more->key_length : from_embedding;
    int64_t value_dim = more->value_length > 0 ? more->value_length : from_embedding;
    double bytes =
        2.0 * (double)f->layers * (double)f->kv_heads * ((double)f->head_dim + (double)value_dim);
    f->kv_bytes_per_token = bytes >= 0 && bytes < 1e12 ? (int64_t)bytes : 0;
}

static enum err broken(struct reader *r, struct fault *fault)
{
    if (r->short_read) {
        return fault_set(
            fault, ERR_INVALID,
            "%s is truncated: its %lld bytes end inside the header; download or copy it again",
            r->path, (long long)r->size);
    }
    return fault_set(
        fault, ERR_INVALID,
        "%s is damaged: its GGUF header makes no sense near byte %lld; download it again", r->path,
        (long long)r->at);
}

static enum err check_header(struct reader *r, uint64_t *out_tensors, uint64_t *out_pairs,
                             struct fault *fault)
{
    char magic[4];
    uint32_t version;
    if (!take(r, magic, 4) || memcmp(magic, "GGUF", 4) != 0) {
        return fault_set(
            fault, ERR_INVALID,
            "%s is not a GGUF file; give a model in GGUF format (llama.cpp converts others)",
            r->path);
    }
    if (!take_u32(r, &version)) {
        return broken(r, fault);
    }
    if (version != 2 && version != 3) {
        return fault_set(fault, ERR_INVALID, "%s is GGUF version %u%s; only 2 and 3 can be read",
                         r->path, version, version > 0xffff ? " (big-endian)" : "");
    }
    if (!take_u64(r, out_tensors) || !take_u64(r, out_pairs) || *out_tensors > TENSORS_MAX ||
        *out_pairs > PAIRS_MAX) {
        return broken(r, fault);
    }
    return OK;
}

static enum err check_kind(const struct gguf_facts *f, const struct findings *more,
                           const char *path, struct fault *fault)
{
    char padded[sizeof f->architecture + 2];
    snprintf(padded, sizeof padded, " %s ", f->architecture);
    if (strcmp(more->type, "adapter") == 0) {
        return fault_set(
            fault, ERR_INVALID,
            "%s is a LoRA adapter: name it under `adapter`, and its base model under `model`",
            path);
    }
    if (strcmp(f->architecture, "clip") == 0 || strcmp(more->type, "mmproj") == 0) {
        return fault_set(fault, ERR_INVALID,
                         "%s is the vision part of a model: give the language model's file", path);
    }
    if (!f->architecture[0] || strchr(f->architecture, ' ') || !strstr(architectures, padded)) {
        return fault_set(fault, ERR_INVALID,
                         "%s has the architecture \"%s\", which llama.cpp 0.5.0 does not know; "
                         "take another model or a newer Weir",
                         path, f->architecture);
    }
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        if (strstr(f->architecture, silent[i])) {
            return fault_set(fault, ERR_INVALID,
                             "%s is no text generator (architecture %s); take a chat model", path,
                             f->architecture);
        }
    }
    if (more->splits > 1) {
        return fault_set(fault, ERR_INVALID,
                         "%s is one of %lld parts; join them first: llama-gguf-split --merge", path,
                         (long long)more->splits);
    }
    if (!more->tokenizer || f->vocabulary == 0) {
        return fault_set(fault, ERR_INVALID,
                         "%s has no tokenizer inside; convert the model again with its tokenizer",
                         path);
    }
    if (f->context <= 0 || f->layers <= 0) {
        return fault_set(fault, ERR_INVALID,
                         "%s does not say its context length or layers; convert the model again",
                         path);
    }
    return OK;
}

static enum err read_facts(struct reader *r, struct gguf_facts *f, struct fault *fault)
{
    struct findings more = {.file_type = -1, .alignment = 32};
    uint64_t tensors, pairs;
    enum err err = check_header(r, &tensors, &pairs, fault);
    if (err) {
        return err;
    }
    for (uint64_t i = 0; i < pairs; i++) {
        if (!take_pair(r, f, &more)) {
            return broken(r, fault);
        }
    }
    f->tensor_count = (int64_t)tensors;
    f->file_bytes = r->size;
    err = check_kind(f, &more, r->path, fault);
    if (err) {
        return err;
    }
    int64_t end = 0;
    for (uint64_t i = 0; i < tensors; i++) {
        int64_t tensor_end = take_tensor(r);
        if (tensor_end < 0) {
            return broken(r, fault);
        }
        end = MAX(end, tensor_end);
    }
    if (more.alignment <= 0 || more.alignment > 65536 || tensors == 0) {
        return broken(r, fault);
    }
    int64_t start = (r->at + more.alignment - 1) / more.alignment * more.alignment;
    if (end > r->size - start) {
        return fault_set(fault, ERR_INVALID,
                         "%s is truncated: %lld bytes are missing; download or copy it again",
                         r->path, (long long)(end - (r->size - start)));
    }
    derive(f, &more, r->path);
    return OK;
}

enum err gguf_check(const char *path, struct gguf_facts *out, struct fault *fault)
{
    PRE(path && out);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fault_set(fault, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "model file %s: %s", path,
                         errno == ENOENT ? "not there; check `model` in the config"
                                         : strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return fault_set(fault, ERR_INVALID, "model file %s is %s; give the path of a .gguf file",
                         path, S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    }
    struct reader *r = NEW(struct reader);
    r->fd = fd;
    r->path = path;
    r->size = (int64_t)st.st_size;
    struct gguf_facts facts = {0};
    enum err err = read_facts(r, &facts, fault);
    if (!err) {
        *out = facts;
    }
    close(fd);
    mem_free(r);
    return err;
}

int64_t gguf_memory_needed(const struct gguf_facts *f, int64_t context, int slots)
{
    double bytes = (double)f->file_bytes + (double)f->kv_bytes_per_token * (double)context * slots +
                   64.0 * (double)MIB;
    return bytes < 9e18 ? (int64_t)bytes : INT64_MAX;
}

static bool number_in_file(const char *path, const char *key, int64_t *out)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    char line[256];
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        size_t key_len = key ? strlen(key) : 0;
        if (!key || strncmp(line, key, key_len) == 0) {
            char *end;
            long long n = strtoll(line + key_len, &end, 10);
            found = end != line + key_len; /* "max" is no number: no limit */
            *out = found ? (int64_t)n : *out;
        }
    }
    fclose(file);
    return found;
}

int64_t memory_available(void)
{
    int64_t kib = 0;
    int64_t available = INT64_MAX;
    if (number_in_file("/proc/meminfo", "MemAvailable:", &kib)) {
        available = kib * 1024;
    }
    static const char *const limits[][2] = {
        {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
         "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        int64_t limit, used;
        if (number_in_file(limits[i][0], NULL, &limit) &&
            number_in_file(limits[i][1], NULL, &used) && limit > 0) {
            /* Page cache counts as used but is given up on demand: the file itself is in it. */
            int64_t cache = 0;
            (void)number_in_file("/sys/fs/cgroup/memory.stat", "inactive_file ", &cache);
            available = MIN(available, MAX(limit - used + cache, 0));
        }
    }
    return available;
}
