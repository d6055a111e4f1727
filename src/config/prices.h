/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside config/: list prices of well-known models, used when a backend names one
 * of them at its provider's own address and gives no `price`. Whoever sells the
 * same model elsewhere sets his own price, so other addresses get none.
 */
#ifndef WEIR_CONFIG_PRICES_H
#define WEIR_CONFIG_PRICES_H

#include "core/backend.h"

#define PRICES_AS_OF "2025-11" /* when the table was last read from the providers' pages */

/* All -1 when nothing is known. Dated ids ("gpt-4o-2024-11-20", "…-latest") count as their model. */
struct price price_of_model(struct span host, struct span model);

#endif
