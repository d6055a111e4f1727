/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a config comes from: a file, or the built-in defaults over a bundled or
 * named model; then the command line's words and the model that `weir models add
 * --use` chose are laid over it. The same steps run in the supervisor and, with the
 * bytes it sends, in each worker.
 */
#ifndef WEIR_APP_LOAD_H
#define WEIR_APP_LOAD_H

#include "app/app.h"

/* `yaml` empty: the defaults. */
enum err load_from_bytes(const struct app_options *o, struct span yaml, struct config **out,
                         struct text *errors) MUST_USE;
/* Reads o->config_path (NULL: gives no bytes). */
enum err load_read(const struct app_options *o, struct text *out_yaml,
                   struct text *errors) MUST_USE;

#endif
