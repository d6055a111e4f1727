/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small GGUF models for tests and benchmarks, the same bytes for the same
 * options on every machine, written in milliseconds. Architecture "llama", a
 * byte vocabulary, ChatML.
 *
 * Two kinds:
 *   chain   attention and feed-forward contribute nothing and the output maps
 *           each byte of `text` to the next one and the last to the end token,
 *           so that the greedy answer to any prompt is exactly `text`. `gain` is the
 *           logit of the right token (all others 0): how sure the model is.
 *   random  real attention and feed-forward with random weights: every position
 *           matters, which is what tests of caches and batches need.
 */
#ifndef WEIR_TOOLS_TESTMODEL_H
#define WEIR_TOOLS_TESTMODEL_H

#include <stdbool.h>
#include <stdint.h>

enum testmodel_mode { TESTMODEL_CHAIN, TESTMODEL_RANDOM };
enum testmodel_vocabulary { TESTMODEL_SPM, TESTMODEL_BPE };

struct testmodel { /* zero means the default beside each field */
    enum testmodel_mode mode;
    enum testmodel_vocabulary vocabulary;
    int layers;                /* 2 */
    int embedding;             /* 64; chain: at least the length of `text` + 1 */
    int heads;                 /* 4 */
    int kv_heads;              /* = heads */
    int feed_forward;          /* 2 × embedding */
    int context;               /* 512 */
    int extra_tokens;          /* 0: entries that make the vocabulary as large as a real one's */
    bool f16;                  /* f32 */
    bool loop;                 /* chain: the last byte is followed by the first */
    uint64_t seed;             /* 1 */
    double gain;               /* 20 */
    const char *text;          /* "ABCDEFGHIJKLMNOPQRSTUVWXYZ"; no byte twice */
    const char *name;          /* "testmodel" */
    const char *architecture;  /* "llama"; another one makes a model nobody can load */
    const char *chat_template; /* ChatML; "" = none */
    const char *refusal;       /* weir.refusal; none */
    const char *tasks;         /* weir.tasks; none */
    bool demo;                 /* weir.demo */
};

/* 0 when the file stands; else an errno value. */
int testmodel_write(const struct testmodel *options, const char *path);

#endif
