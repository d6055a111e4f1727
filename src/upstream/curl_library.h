/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when the first https backend is prepared and never before: the
 * shared library and what it pulls in cost 8 MiB of memory, which a program that
 * only talks to local backends should not pay.
 */
#ifndef WEIR_UPSTREAM_CURL_LIBRARY_H
#define WEIR_UPSTREAM_CURL_LIBRARY_H

#include "base/err.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define CURL_FUNCTIONS(X)                                                                          \
    X(curl_global_init)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_pause)                                                                             \
    X(curl_easy_strerror)                                                                          \
    X(curl_multi_init)                                                                             \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_socket_action)                                                                    \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_assign)                                                                           \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)

/* lib.curl_easy_init() and so on; valid after curl_library_load() answered OK. */
struct curl_library {
#define X(name) __typeof__(&name) name;
    CURL_FUNCTIONS(X)
#undef X
};
extern struct curl_library lib;

/* ERR_INTERNAL when it is not there or too old; the text names the package. Loads once. */
enum err curl_library_load(struct fault *fault) MUST_USE;

#endif
