/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf-make OPTIONS FILE: writes a generated test model (testmodel.h).
 *
 *   gguf-make --mode chain --text ABC chain.gguf
 *   gguf-make --mode random --layers 12 --embd 768 --heads 12 --kv-heads 4 --ff 2048 --type f16 big.gguf
 */
#include "testmodel.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: gguf-make [--mode chain|random] [--tok spm|bpe] [--layers N] [--embd N] [--heads N] [--kv-heads N]\n"
    "                 [--ff N] [--context N] [--extra-tokens N] [--type f32|f16] [--seed N] [--gain X]\n"
    "                 [--text BYTES] [--loop] [--name NAME] [--arch NAME] [--template TEXT] [--refusal TEXT]\n"
    "                 [--tasks LIST] [--demo] FILE\n";

static const struct option options[] = {
    {"mode", 1, NULL, 'm'},  {"tok", 1, NULL, 't'},      {"layers", 1, NULL, 'l'},
    {"embd", 1, NULL, 'e'},  {"heads", 1, NULL, 'h'},    {"kv-heads", 1, NULL, 'k'},
    {"ff", 1, NULL, 'f'},    {"context", 1, NULL, 'c'},  {"extra-tokens", 1, NULL, 'x'},
    {"type", 1, NULL, 'T'},  {"seed", 1, NULL, 's'},     {"gain", 1, NULL, 'g'},
    {"text", 1, NULL, 'b'},  {"loop", 0, NULL, 'L'},     {"name", 1, NULL, 'n'},
    {"arch", 1, NULL, 'a'},  {"template", 1, NULL, 'p'}, {"refusal", 1, NULL, 'r'},
    {"tasks", 1, NULL, 'w'}, {"demo", 0, NULL, 'd'},     {0},
};

int main(int argc, char **argv)
{
    struct testmodel m = {0};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int number = optarg ? (int)strtol(optarg, NULL, 10) : 0;
        switch (c) {
        case 'm':
            m.mode = strcmp(optarg, "random") == 0 ? TESTMODEL_RANDOM : TESTMODEL_CHAIN;
            break;
        case 't':
            m.vocabulary = strcmp(optarg, "bpe") == 0 ? TESTMODEL_BPE : TESTMODEL_SPM;
            break;
        case 'l':
            m.layers = number;
            break;
        case 'e':
            m.embedding = number;
            break;
        case 'h':
            m.heads = number;
            break;
        case 'k':
            m.kv_heads = number;
            break;
        case 'f':
            m.feed_forward = number;
            break;
        case 'c':
            m.context = number;
            break;
        case 'x':
            m.extra_tokens = number;
            break;
        case 'T':
            m.f16 = strcmp(optarg, "f16") == 0;
            break;
        case 's':
            m.seed = strtoull(optarg, NULL, 10);
            break;
        case 'g':
            m.gain = strtod(optarg, NULL);
            break;
        case 'b':
            m.text = optarg;
            break;
        case 'L':
            m.loop = true;
            break;
        case 'n':
            m.name = optarg;
            break;
        case 'a':
            m.architecture = optarg;
            break;
        case 'p':
            m.chat_template = optarg;
            break;
        case 'r':
            m.refusal = optarg;
            break;
        case 'w':
            m.tasks = optarg;
            break;
        case 'd':
            m.demo = true;
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return 2;
    }
    int error = testmodel_write(&m, argv[optind]);
    if (error) {
        fprintf(stderr, "gguf-make: %s: %s\n", argv[optind], strerror(error));
        return 1;
    }
    return 0;
}
