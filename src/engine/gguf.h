/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a GGUF file before llama.cpp gets it: our own reader of the header,
 * safe on any bytes, so that a missing, truncated, foreign or oversized file is a
 * clear sentence instead of a dead process. Format: ggml's docs/gguf.md, version
 * 2 and 3, little-endian. Reads the header through a bounded window; allocates
 * nothing that the file chooses the size of.
 */
#ifndef WEIR_ENGINE_GGUF_H
#define WEIR_ENGINE_GGUF_H

#include "base/err.h"

struct gguf_facts {
    char architecture[64];
    char name[128];        /* general.name, else the file's name without .gguf */
    char quantisation[32]; /* from general.file_type: "Q8_0" */
    char tasks[256];       /* weir.tasks: comma-separated enum task names */
    char refusal[256];     /* weir.refusal */
    bool demo;             /* weir.demo */
    bool has_chat_template;
    bool template_has_tools; /* the template text mentions `tools` */
    int64_t context, layers, embedding, heads, kv_heads, head_dim, vocabulary;
    int64_t file_bytes, tensor_count;
    int64_t kv_bytes_per_token; /* f16 K and V of all layers */
};

/* Faults name the file and the fix: not there, a folder, not GGUF, truncated (by how much), unknown architecture,
 * no tokenizer, a part of a split file. */
enum err gguf_check(const char *path, struct gguf_facts *out, struct fault *fault) MUST_USE;
/* file + KV (context × slots) + 64 MiB (DECISIONS: Engine). */
int64_t gguf_memory_needed(const struct gguf_facts *f, int64_t context, int slots);
/* min(MemAvailable, cgroup limit - usage). */
int64_t memory_available(void);

#endif
