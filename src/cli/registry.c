/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/registry.h"

#include "app/app.h"
#include "json/json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool user_folder(char out[PATH_MAX])
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && *data) {
        snprintf(out, PATH_MAX, "%s/weir/models", data);
    } else if (home && *home) {
        snprintf(out, PATH_MAX, "%s/.local/share/weir/models", home);
    } else {
        return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct registered_model *)a)->name,
                  ((const struct registered_model *)b)->name);
}

static int list_folder(const char *folder, bool bundled, struct registered_model *out, int count,
                       int max)
{
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir) {
        return count;
    }
    for (struct dirent *entry; (entry = readdir(dir)) && count < max;) {
        struct span name = span_c(entry->d_name);
        char link[2 * PATH_MAX], real[PATH_MAX];
        snprintf(link, sizeof link, "%s/%s", folder, entry->d_name);
        if (!span_ends(name, SPAN(".gguf")) || name.len - 5 >= sizeof out->name) {
            continue;
        }
        struct registered_model *m = &out[count++];
        *m = (struct registered_model){.bundled = bundled};
        snprintf(m->name, sizeof m->name, "%.*s", (int)name.len - 5, name.data);
        snprintf(m->path, sizeof m->path, "%.4095s", realpath(link, real) ? real : link);
    }
    closedir(dir);
    return count;
}

int registry_list(struct registered_model *out, int max)
{
    char folder[PATH_MAX];
    int count = list_folder(app_models_folder(), true, out, 0, max);
    if (user_folder(folder)) {
        count = list_folder(folder, false, out, count, max);
    }
    qsort(out, (size_t)count, sizeof *out, by_name);
    return count;
}

bool registry_find(const char *name, struct registered_model *out)
{
    struct registered_model *all = NEW_ARRAY(struct registered_model, REGISTRY_MAX);
    int count = registry_list(all, REGISTRY_MAX);
    bool found = false;
    for (int i = 0; i < count && !found; i++) {
        found = strcmp(all[i].name, name) == 0;
        if (found) {
            *out = all[i];
        }
    }
    mem_free(all);
    return found;
}

enum err registry_add(const char *path, const char *name, struct fault *fault)
{
    char folder[PATH_MAX], link[2 * PATH_MAX];
    if (!user_folder(folder)) {
        return fault_set(fault, ERR_IO, "neither XDG_DATA_HOME nor HOME is set");
    }
    snprintf(link, sizeof link, "%s/%s.gguf", folder, name);
    app_make_parent_folders(link);
    unlink(link);
    if (symlink(path, link)) {
        return fault_set(fault, ERR_IO, "%.300s: %s", link, strerror(errno));
    }
    return OK;
}

enum err registry_remove(const char *name, struct fault *fault)
{
    char folder[PATH_MAX], link[2 * PATH_MAX];
    struct stat st;
    if (!user_folder(folder) || strchr(name, '/')) {
        return fault_set(fault, ERR_NOT_FOUND, "there is no added model called %.100s", name);
    }
    snprintf(link, sizeof link, "%s/%s.gguf", folder, name);
    if (lstat(link, &st) || !S_ISLNK(st.st_mode) || unlink(link)) {
        return fault_set(fault, ERR_NOT_FOUND,
                         "there is no added model called %.100s; `weir models` lists them", name);
    }
    return OK;
}

/* Ollama keeps a manifest per tag that names its blobs by digest. */
enum err registry_ollama(const char *name, char out_path[4096], struct fault *fault)
{
    const char *store = getenv("OLLAMA_MODELS"), *home = getenv("HOME");
    char folder[PATH_MAX], manifest[2 * PATH_MAX];
    if (store && *store) {
        snprintf(folder, sizeof folder, "%s", store);
    } else {
        snprintf(folder, sizeof folder, "%s/.ollama/models", home ? home : "");
    }
    struct span tag = span_c(name);
    struct span base = span_cut(&tag, ':');
    snprintf(manifest, sizeof manifest, "%s/manifests/registry.ollama.ai/%s%.*s/%.*s", folder,
             memchr(base.data, '/', base.len) ? "" : "library/", SPAN_ARG(base),
             SPAN_ARG(tag.len ? tag : SPAN("latest")));
    FILE *f = strstr(name, "..") ? NULL : fopen(manifest, "re");
    if (!f) {
        return fault_set(fault, ERR_NOT_FOUND,
                         "Ollama has no model %.100s in %.200s; `ollama list` names them", name,
                         folder);
    }
    char bytes[64 * KIB];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct json_doc *doc;
    if (json_parse(span_of(bytes, n), &doc, fault)) {
        return fault_set(fault, ERR_INVALID, "%.300s is not a manifest", manifest);
    }
    bool found = false;
    struct json_iter it = json_iter(json_get(json_root(doc), "layers"));
    while (json_next(&it)) {
        struct span digest = json_str(json_get(it.value, "digest"));
        if (span_is(json_str(json_get(it.value, "mediaType")),
                    "application/vnd.ollama.image.model") &&
            span_starts(digest, SPAN("sha256:")) && !memchr(digest.data, '/', digest.len)) {
            snprintf(out_path, 4096, "%.3900s/blobs/sha256-%.*s", folder,
                     SPAN_ARG(span_from(digest, 7)));
            found = true;
        }
    }
    json_free(doc);
    return found ? OK
                 : fault_set(fault, ERR_NOT_FOUND, "%.300s names no model file (a remote model?)",
                             manifest);
}
