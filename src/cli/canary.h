/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary: plants made-up personal values and secrets in every role and field of a
 * request, sends it through this config, and looks at the bytes that come out.
 *
 * A weir of its own is started for it, with the config's rules and privacy, whose
 * backends beyond the device all lead to a socket in a private folder. The bytes that
 * arrive there are what a provider would have got; nothing leaves this machine, and
 * neither ledger nor budget of the real server is touched.
 */
#ifndef WEIR_CLI_CANARY_H
#define WEIR_CLI_CANARY_H

#include "config/config.h"
#include "json/json.h"

struct canary_result {
    int backends, requests, values; /* sent through; planted, over all requests */
    int arrived;                    /* requests that came out on the other side */
    int leaked;                     /* planted values that came out, which policy keeps */
    int allowed;                    /* … which the config lets go (level open, types) */
    struct text leaks;              /* "US_SSN in metadata to cloud; …"; never a value */
};

/* `path` as cli_config_path() gave it. ERR_NOT_FOUND when no backend is beyond the device. `out->leaks` was initialised. */
enum err canary_run(const struct config *c, const char *path, struct canary_result *out,
                    struct fault *fault) MUST_USE;

#endif
