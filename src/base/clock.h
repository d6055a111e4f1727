/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, in microseconds.
 *
 * clock_now_us() is monotonic and only good for differences; clock_wall_us() is
 * UTC since 1970. Tests set both by hand with clock_set_virtual(); the rest of
 * the program cannot tell the difference. Thread-safe for reading.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include "base/span.h"

#define US_PER_MS 1000u
#define US_PER_S 1000000u
#define US_PER_DAY (86400ull * US_PER_S)

uint64_t clock_now_us(void);
uint64_t clock_wall_us(void);
/* Both clocks stand at these values until the next call; (0, 0) returns to real time. */
void clock_set_virtual(uint64_t now_us, uint64_t wall_us);
/* "2026-11-20T23:18:27.123456Z" and a NUL; `out` holds CLOCK_ISO_BYTES. */
#define CLOCK_ISO_BYTES 28
void clock_iso(uint64_t wall_us, char out[CLOCK_ISO_BYTES]);
bool clock_from_iso(struct span s, uint64_t *out_wall_us);
/* "7d", "12h", "30m", "45s" → microseconds. */
bool clock_from_duration(struct span s, uint64_t *out_us);
/* Days since 1970, UTC. */
uint32_t clock_day(uint64_t wall_us);

#endif
