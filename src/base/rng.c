/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>

uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    PRE(bound > 0);
    return rng_next(r) % bound; /* the bias is below 2^-40 for the small bounds used */
}

double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}

void rng_secret(void *out, size_t len)
{
    char *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        ASSERT(n > 0 || errno == EINTR);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

void rng_request_id(char out[REQUEST_ID_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = clock_wall_us() / 1000;
    unsigned char random[16];
    rng_secret(random, sizeof random);
    memcpy(out, "req_", 4);
    for (int i = 9; i >= 0; i--, ms >>= 5) {
        out[4 + i] = digits[ms & 31];
    }
    for (int i = 0; i < 16; i++) {
        out[14 + i] = digits[random[i] & 31];
    }
    out[30] = '\0';
}
