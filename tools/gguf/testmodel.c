/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format (ggml docs/gguf.md, version 3, little-endian):
 *
 *   "GGUF" u32 version  u64 tensors  u64 pairs
 *   pair    string key  u32 type  value        string = u64 length + bytes
 *   tensor  string name u32 dimensions  u64 size…  u32 type  u64 offset
 *   padding to 32, then the tensors' data, each padded to 32
 */
#include "testmodel.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 32, TENSORS_MAX = 2048 };
enum value_type {
    VALUE_U32 = 4,
    VALUE_I32 = 5,
    VALUE_F32 = 6,
    VALUE_BOOL = 7,
    VALUE_STRING = 8,
    VALUE_ARRAY = 9
};
enum token_type { TOKEN_NORMAL = 1, TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3, TOKEN_BYTE = 6 };

static const char chatml[] =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

struct tensor {
    char name[64];
    uint64_t columns, rows; /* rows 0 = a vector */
    bool f32;               /* norms stay f32 */
    char role;              /* what to fill it with: see fill() */
};

struct writer {
    struct testmodel o;
    FILE *file;
    uint64_t pairs, rng;
    int vocabulary, first_byte, eos;
    struct tensor tensors[TENSORS_MAX];
    int count;
};

static void put(struct writer *w, const void *data, size_t len)
{
    fwrite(data, 1, len, w->file);
}
static void put_u32(struct writer *w, uint32_t v)
{
    put(w, &v, sizeof v);
}
static void put_u64(struct writer *w, uint64_t v)
{
    put(w, &v, sizeof v);
}
static void put_string(struct writer *w, const char *s, size_t len)
{
    put_u64(w, len);
    put(w, s, len);
}
static void put_c(struct writer *w, const char *s)
{
    put_string(w, s, strlen(s));
}
static void pair(struct writer *w, const char *key, enum value_type type)
{
    put_c(w, key);
    put_u32(w, type);
    w->pairs++;
}
static void pair_u32(struct writer *w, const char *key, int64_t v)
{
    pair(w, key, VALUE_U32);
    put_u32(w, (uint32_t)v);
}
static void pair_f32(struct writer *w, const char *key, float v)
{
    pair(w, key, VALUE_F32);
    put(w, &v, sizeof v);
}
static void pair_bool(struct writer *w, const char *key, bool v)
{
    pair(w, key, VALUE_BOOL);
    put(w, &(uint8_t){v}, 1);
}
static void pair_c(struct writer *w, const char *key, const char *v)
{
    pair(w, key, VALUE_STRING);
    put_c(w, v);
}
static void pair_array(struct writer *w, const char *key, enum value_type type, uint64_t count)
{
    pair(w, key, VALUE_ARRAY);
    put_u32(w, type);
    put_u64(w, count);
}

/* GPT-2's printable stand-in for a byte (openai/gpt-2 encoder.py, bytes_to_unicode), as UTF-8. */
static void put_gpt2_byte(struct writer *w, int byte)
{
    int shifted = 0;
    int code = byte;
    for (int b = 0; b <= byte; b++) {
        bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        code = printable ? b : 256 + shifted++;
    }
    char utf8[2] = {(char)(0xc0 | code >> 6), (char)(0x80 | (code & 63))};
    if (code < 128) {
        utf8[0] = (char)code;
    }
    put_string(w, utf8, code < 128 ? 1 : 2);
}

/* SPM: <unk> <s> </s> 256 bytes, a space. BPE: 256 bytes. Then <|im_start|> <|im_end|>, BPE also its end, extras. */
static void put_tokens(struct writer *w)
{
    bool spm = w->o.vocabulary == TESTMODEL_SPM;
    w->first_byte = spm ? 3 : 0;
    int base = spm ? 260 : 257;
    w->eos = spm ? 2 : 256;
    w->vocabulary = base + 2 + w->o.extra_tokens;
    pair_array(w, "tokenizer.ggml.tokens", VALUE_STRING, (uint64_t)w->vocabulary);
    char name[32];
    if (spm) {
        put_c(w, "<unk>");
        put_c(w, "<s>");
        put_c(w, "</s>");
    }
    for (int b = 0; b < 256; b++) {
        if (spm) {
            snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
            put_c(w, name);
        } else {
            put_gpt2_byte(w, b);
        }
    }
    put_c(w, spm ? "\xe2\x96\x81" : "<|end|>");
    put_c(w, "<|im_start|>");
    put_c(w, "<|im_end|>");
    for (int i = 0; i < w->o.extra_tokens; i++) {
        snprintf(name, sizeof name, "~~extra%d~~", i);
        put_c(w, name);
    }
    pair_array(w, "tokenizer.ggml.token_type", VALUE_I32, (uint64_t)w->vocabulary);
    for (int i = 0; i < w->vocabulary; i++) {
        uint32_t type = TOKEN_NORMAL;
        if (spm && i < 3) {
            type = i == 0 ? TOKEN_UNKNOWN : TOKEN_CONTROL;
        } else if (spm && i < 259) {
            type = TOKEN_BYTE;
        } else if (i == base || i == base + 1 || (!spm && i == 256)) {
            type = TOKEN_CONTROL;
        }
        put_u32(w, type);
    }
    pair_array(w, "tokenizer.ggml.scores", VALUE_F32, (uint64_t)w->vocabulary);
    for (int i = 0; i < w->vocabulary; i++) {
        put(w, &(float){0}, sizeof(float));
    }
}

static void put_pairs(struct writer *w)
{
    const struct testmodel *o = &w->o;
    char key[96];
    pair_c(w, "general.architecture", o->architecture);
    pair_c(w, "general.name", o->name);
    pair_u32(w, "general.file_type", o->f16 ? 1 : 0);
#define ARCH_KEY(suffix) (snprintf(key, sizeof key, "%s." suffix, o->architecture), key)
    pair_u32(w, ARCH_KEY("context_length"), o->context);
    pair_u32(w, ARCH_KEY("embedding_length"), o->embedding);
    pair_u32(w, ARCH_KEY("block_count"), o->layers);
    pair_u32(w, ARCH_KEY("feed_forward_length"), o->feed_forward);
    pair_u32(w, ARCH_KEY("attention.head_count"), o->heads);
    pair_u32(w, ARCH_KEY("attention.head_count_kv"), o->kv_heads);
    pair_u32(w, ARCH_KEY("rope.dimension_count"), o->embedding / o->heads);
    pair_f32(w, ARCH_KEY("attention.layer_norm_rms_epsilon"), 1e-5f);
#undef ARCH_KEY
    bool spm = o->vocabulary == TESTMODEL_SPM;
    pair_c(w, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
    put_tokens(w);
    if (spm) {
        pair_u32(w, "tokenizer.ggml.bos_token_id", 1);
        pair_bool(w, "tokenizer.ggml.add_bos_token", true);
        pair_bool(w, "tokenizer.ggml.add_space_prefix", false);
    } else {
        pair_c(w, "tokenizer.ggml.pre", "default");
        pair_array(w, "tokenizer.ggml.merges", VALUE_STRING, 1);
        put_c(w, "a b"); /* an empty list is refused; "ab" is no token, so it never applies */
    }
    pair_u32(w, "tokenizer.ggml.eos_token_id", w->eos);
    if (o->chat_template[0]) {
        pair_c(w, "tokenizer.chat_template", o->chat_template);
    }
    if (o->refusal) {
        pair_c(w, "weir.refusal", o->refusal);
    }
    if (o->tasks) {
        pair_c(w, "weir.tasks", o->tasks);
    }
    if (o->demo) {
        pair_bool(w, "weir.demo", true);
    }
}

static void tensor(struct writer *w, char role, int layer, const char *name, int columns, int rows)
{
    struct tensor *t = &w->tensors[w->count++];
    *t = (struct tensor){.columns = (uint64_t)columns, .rows = (uint64_t)rows, .role = role};
    t->f32 = !w->o.f16 || rows == 0;
    if (layer < 0) {
        snprintf(t->name, sizeof t->name, "%s.weight", name);
    } else {
        snprintf(t->name, sizeof t->name, "blk.%d.%s.weight", layer, name);
    }
}

/* Roles: 1 ones, e embedding, o output, z zero in a chain, r random. */
static void list_tensors(struct writer *w)
{
    int e = w->o.embedding;
    int ff = w->o.feed_forward;
    int kv = e / w->o.heads * w->o.kv_heads;
    tensor(w, 'e', -1, "token_embd", e, w->vocabulary);
    tensor(w, '1', -1, "output_norm", e, 0);
    tensor(w, 'o', -1, "output", e, w->vocabulary);
    for (int i = 0; i < w->o.layers; i++) {
        tensor(w, '1', i, "attn_norm", e, 0);
        tensor(w, 'r', i, "attn_q", e, e);
        tensor(w, 'r', i, "attn_k", e, kv);
        tensor(w, 'r', i, "attn_v", e, kv);
        tensor(w, 'z', i, "attn_output", e, e);
        tensor(w, '1', i, "ffn_norm", e, 0);
        tensor(w, 'r', i, "ffn_gate", e, ff);
        tensor(w, 'r', i, "ffn_up", e, ff);
        tensor(w, 'z', i, "ffn_down", ff, e);
    }
}

static uint64_t tensor_bytes(const struct tensor *t)
{
    uint64_t bytes = t->columns * (t->rows ? t->rows : 1) * (t->f32 ? 4 : 2);
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void put_tensor_list(struct writer *w)
{
    uint64_t offset = 0;
    for (int i = 0; i < w->count; i++) {
        const struct tensor *t = &w->tensors[i];
        put_c(w, t->name);
        put_u32(w, t->rows ? 2 : 1);
        put_u64(w, t->columns);
        if (t->rows) {
            put_u64(w, t->rows);
        }
        put_u32(w, t->f32 ? 0 : 1); /* GGML_TYPE_F32, GGML_TYPE_F16 */
        put_u64(w, offset);
        offset += tensor_bytes(t);
    }
    while (ftell(w->file) % ALIGNMENT) {
        fputc(0, w->file);
    }
}

static float random_unit(struct writer *w) /* SplitMix64, -1 .. 1 */
{
    uint64_t z = w->rng += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return (float)((double)(z >> 11) / 4503599627370496.0 - 1.0);
}

/* Where token `row` stands in the chain's text; its length for any other token. */
static int chain_place(const struct writer *w, uint64_t row)
{
    int length = (int)strlen(w->o.text);
    for (int i = 0; i < length; i++) {
        if (row == (uint64_t)(w->first_byte + (unsigned char)w->o.text[i])) {
            return i;
        }
    }
    return length;
}

/* Which place is followed by token `row`: -1 = none. */
static int chain_before(const struct writer *w, uint64_t row)
{
    int length = (int)strlen(w->o.text);
    if (row == (uint64_t)w->eos) {
        return w->o.loop ? -1 : length - 1;
    }
    int place = chain_place(w, row);
    return place == length ? -1 : place == 0 ? length : place - 1;
}

static float fill(struct writer *w, const struct tensor *t, uint64_t row, uint64_t column)
{
    if (t->role == '1') {
        return 1.0f;
    }
    if (w->o.mode == TESTMODEL_RANDOM) {
        float scale = t->role == 'e' ? 1.0f : sqrtf(3.0f / (float)t->columns);
        return random_unit(w) * scale * (t->role == 'o' ? (float)w->o.gain / 8 : 1.0f);
    }
    switch (t->role) {
    case 'e':
        return column == (uint64_t)chain_place(w, row) ? 1.0f : 0.0f;
    case 'o': {
        int before = chain_before(w, row);
        int length = (int)strlen(w->o.text);
        float value =
            (float)(w->o.gain /
                    sqrt((double)w->o.embedding)); /* RMS norm makes 1 into sqrt(embedding) */
        bool first_in_loop = w->o.loop && before == length && column == (uint64_t)(length - 1);
        return before >= 0 && (column == (uint64_t)before || first_in_loop) ? value : 0.0f;
    }
    case 'z':
        return 0.0f;
    default:
        return random_unit(w) * 0.1f;
    }
}

static uint16_t to_f16(float value) /* nearest; tiny values become zero */
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    int exponent = (int)(bits >> 23 & 255) - 112;
    if (exponent <= 0) {
        return (uint16_t)sign;
    }
    uint32_t rounded = ((uint32_t)exponent << 23 | (bits & 0x7fffff)) + 0x1000;
    return (uint16_t)(sign | (rounded >> 13 > 0x7bff ? 0x7bff : rounded >> 13));
}

static void put_tensor(struct writer *w, const struct tensor *t)
{
    uint64_t rows = t->rows ? t->rows : 1;
    uint64_t written = 0;
    for (uint64_t r = 0; r < rows; r++) {
        for (uint64_t c = 0; c < t->columns; c++) {
            float value = fill(w, t, r, c);
            if (t->f32) {
                put(w, &value, sizeof value);
            } else {
                put(w, &(uint16_t){to_f16(value)}, sizeof(uint16_t));
            }
            written += t->f32 ? 4 : 2;
        }
    }
    for (; written < tensor_bytes(t); written++) {
        fputc(0, w->file);
    }
}

static void set_defaults(struct testmodel *o)
{
    o->layers = o->layers ? o->layers : 2;
    o->embedding = o->embedding ? o->embedding : 64;
    o->heads = o->heads ? o->heads : 4;
    o->kv_heads = o->kv_heads ? o->kv_heads : o->heads;
    o->feed_forward = o->feed_forward ? o->feed_forward : 2 * o->embedding;
    o->context = o->context ? o->context : 512;
    o->seed = o->seed ? o->seed : 1;
    o->gain = o->gain != 0 ? o->gain : 20;
    o->text = o->text ? o->text : "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    o->name = o->name ? o->name : "testmodel";
    o->architecture = o->architecture ? o->architecture : "llama";
    o->chat_template = o->chat_template ? o->chat_template : chatml;
}

static bool valid(const struct testmodel *o)
{
    bool shape = o->layers > 0 && o->layers <= 200 && o->heads > 0 && o->kv_heads > 0 &&
                 o->embedding % o->heads == 0 && o->heads % o->kv_heads == 0 &&
                 o->embedding / o->heads % 2 == 0;
    if (!shape || (o->mode == TESTMODEL_CHAIN && strlen(o->text) >= (size_t)o->embedding)) {
        return false;
    }
    for (const char *c = o->text; *c; c++) {
        if (strchr(c + 1, *c)) {
            return false;
        }
    }
    return true;
}

int testmodel_write(const struct testmodel *options, const char *path)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w) {
        return ENOMEM;
    }
    w->o = *options;
    set_defaults(&w->o);
    w->rng = w->o.seed;
    if (!valid(&w->o)) {
        free(w);
        return EINVAL;
    }
    w->file = fopen(path, "wb");
    if (!w->file) {
        free(w);
        return errno;
    }
    put(w, "GGUF", 4);
    put_u32(w, 3);
    put_u64(w, 0); /* both counts are put in below, once they are known */
    put_u64(w, 0);
    put_pairs(w);
    list_tensors(w);
    put_tensor_list(w);
    for (int i = 0; i < w->count; i++) {
        put_tensor(w, &w->tensors[i]);
    }
    fseek(w->file, 8, SEEK_SET);
    put_u64(w, (uint64_t)w->count);
    put_u64(w, w->pairs);
    int error = ferror(w->file) ? EIO : 0;
    if (fclose(w->file) != 0 && !error) {
        error = errno;
    }
    free(w);
    return error;
}
