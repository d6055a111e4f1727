/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/curl_library.h"

#include <dlfcn.h>

struct curl_library lib;

static bool resolve(void *handle)
{
    bool all = true;
#define X(name)                                                                                    \
    *(void **)(void *)&lib.name = dlsym(handle, #name);                                            \
    all = all && lib.name;
    CURL_FUNCTIONS(X)
#undef X
    return all;
}

enum err curl_library_load(struct fault *fault)
{
    static bool loaded;
    if (loaded) {
        return OK;
    }
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"};
    void *handle = NULL;
    for (size_t i = 0; i < ARRAY_LEN(names) && !handle; i++) {
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (!handle) {
        return fault_set(
            fault, ERR_INTERNAL,
            "https needs libcurl, which is not installed (Debian: apt install libcurl4)");
    }
    if (!resolve(handle) || lib.curl_global_init(CURL_GLOBAL_DEFAULT)) {
        dlclose(handle);
        return fault_set(
            fault, ERR_INTERNAL,
            "the installed libcurl cannot be used for https backends (7.85 or newer is needed)");
    }
    loaded = true;
    return OK;
}
