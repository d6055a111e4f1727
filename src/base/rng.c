/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static pthread_once_t at_fork_once = PTHREAD_ONCE_INIT;
static uint64_t lives =
    1; /* processes this one descends from, itself included; no thread lives across a fork */

static void another_life(void)
{
    lives++;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, another_life);
}

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

/* A system call for thirty-two ids. A forked child forgets what its parent has left. */
static void id_bytes(unsigned char out[16])
{
    static _Thread_local struct {
        unsigned char bytes[512];
        size_t left;
        uint64_t life;
    } pool;
    pthread_once(&at_fork_once, watch_forks);
    if (pool.left == 0 || pool.life != lives) {
        rng_secret(pool.bytes, sizeof pool.bytes);
        pool.left = sizeof pool.bytes;
        pool.life = lives;
    }
    pool.left -= 16;
    memcpy(out, pool.bytes + pool.left, 16);
}

void rng_request_id(char out[REQUEST_ID_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = clock_wall_us() / 1000;
    unsigned char random[16];
    id_bytes(random);
    memcpy(out, "req_", 4);
    for (int i = 9; i >= 0; i--, ms >>= 5) {
        out[4 + i] = digits[ms & 31];
    }
    for (int i = 0; i < 16; i++) {
        out[14 + i] = digits[random[i] & 31];
    }
    out[30] = '\0';
}
