/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static _Atomic uint64_t virtual_now, virtual_wall; /* read by writer threads too */

static uint64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
    uint64_t now = virtual_now;
    return now ? now : read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
    uint64_t now = virtual_wall;
    return now ? now : read_clock(CLOCK_REALTIME);
}

void clock_set_virtual(uint64_t now_us, uint64_t wall_us)
{
    virtual_now = now_us;
    virtual_wall = wall_us;
}

static void put_number(char *out, int digits, unsigned n)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10) {
        out[i] = (char)('0' + n % 10);
    }
}

void clock_iso(uint64_t wall_us, char out[CLOCK_ISO_BYTES])
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    memcpy(out, "0000-00-00T00:00:00.000000Z", CLOCK_ISO_BYTES);
    put_number(out, 4, (unsigned)tm.tm_year + 1900);
    put_number(out + 5, 2, (unsigned)tm.tm_mon + 1);
    put_number(out + 8, 2, (unsigned)tm.tm_mday);
    put_number(out + 11, 2, (unsigned)tm.tm_hour);
    put_number(out + 14, 2, (unsigned)tm.tm_min);
    put_number(out + 17, 2, (unsigned)tm.tm_sec);
    put_number(out + 20, 6, (unsigned)(wall_us % US_PER_S));
}

bool clock_from_iso(struct span s, uint64_t *out_wall_us)
{
    char copy[40];
    if (s.len < 10 || s.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    struct tm tm = {0};
    unsigned micros = 0;
    int n = sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d.%6u", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &micros);
    if (n < 3) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t seconds = timegm(&tm);
    if (seconds < 0) {
        return false;
    }
    *out_wall_us = (uint64_t)seconds * US_PER_S + micros;
    return true;
}

bool clock_from_duration(struct span s, uint64_t *out_us)
{
    int64_t n;
    if (s.len < 2 || !span_to_i64(span_first(s, s.len - 1), &n) || n < 0 || n > 1000000) {
        return false;
    }
    uint64_t unit;
    switch (s.data[s.len - 1]) {
    case 's':
        unit = US_PER_S;
        break;
    case 'm':
        unit = 60ull * US_PER_S;
        break;
    case 'h':
        unit = 3600ull * US_PER_S;
        break;
    case 'd':
        unit = US_PER_DAY;
        break;
    default:
        return false;
    }
    *out_us = (uint64_t)n * unit;
    return true;
}

uint32_t clock_day(uint64_t wall_us)
{
    return (uint32_t)(wall_us / US_PER_DAY);
}
