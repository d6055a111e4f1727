/* SPDX-License-Identifier: Apache-2.0 */
/* The privacy section of a config, compiled: for the gateway, and for `weir redact`. */
#ifndef WEIR_SERVER_POLICY_H
#define WEIR_SERVER_POLICY_H

#include "config/config.h"
#include "privacy/privacy.h"

/* `every_type`: all that can be found is replaced, custom patterns included; the lists and `allow` do not count. */
enum err policy_compile(const struct config *c, bool every_type, struct privacy_policy **out,
                        struct fault *fault) MUST_USE;

#endif
