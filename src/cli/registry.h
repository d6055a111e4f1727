/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models this user knows: the bundled ones, and those added by `weir models add`,
 * which are links in ~/.local/share/weir/models (NAME.gguf → the file where it lies).
 * Nothing is copied and nothing is downloaded.
 */
#ifndef WEIR_CLI_REGISTRY_H
#define WEIR_CLI_REGISTRY_H

#include "base/err.h"
#include "base/text.h"

struct registered_model {
    char name[128];
    char path[4096]; /* of the file itself */
    bool bundled;
};

#define REGISTRY_MAX 256

/* Fills up to `max`, sorted by name; gives the count. */
int registry_list(struct registered_model *out, int max);
bool registry_find(const char *name, struct registered_model *out);
/* The name is the file's without .gguf; one of the same name is replaced. */
enum err registry_add(const char *path, const char *name, struct fault *fault) MUST_USE;
enum err registry_remove(const char *name,
                         struct fault *fault) MUST_USE; /* ERR_NOT_FOUND; bundled ones stay */
/* The GGUF of "llama3.2" or "llama3.2:1b" in Ollama's store (OLLAMA_MODELS, ~/.ollama/models). */
enum err registry_ollama(const char *name, char out_path[4096], struct fault *fault) MUST_USE;

#endif
