/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/names_model.h"

#include <math.h>
#include <pthread.h>

/* The file's bytes, between two labels. WEIR_NAMES_FILE comes from the build. */
__asm__(".section .rodata\n"
        ".balign 64\n"
        ".global weir_names_file\n"
        "weir_names_file:\n"
        ".incbin \"" WEIR_NAMES_FILE "\"\n"
        ".global weir_names_file_end\n"
        "weir_names_file_end:\n"
        ".byte 0\n"
        ".text\n");
extern const char weir_names_file[];
extern const char weir_names_file_end[];

bool names_model_init(struct names_model *m, const void *file, size_t len)
{
    const struct names_header *h = file;
    if (len < sizeof *h || memcmp(h->magic, NAMES_MAGIC, sizeof h->magic) != 0) {
        return false;
    }
    size_t rows = sizeof *h + h->list_buckets * sizeof *m->lists;
    rows = (rows + 63) / 64 * 64;
    if (h->list_buckets == 0 || h->row_buckets == 0 ||
        len != rows + h->row_buckets * sizeof *m->rows) {
        return false;
    }
    m->header = h;
    m->lists = (const void *)(h + 1);
    m->rows = (const void *)((const char *)file + rows);
    for (int from = 0; from <= NAME_LABELS; from++) {
        for (int to = 0; to < NAME_LABELS; to++) {
            m->moves[from][to] = name_may_follow(from, to) ? expf(h->moves[from][to]) : 0;
        }
    }
    return true;
}

static struct names_model built_in;

static void read_built_in(void)
{
    bool whole = names_model_init(&built_in, weir_names_file,
                                  (size_t)(weir_names_file_end - weir_names_file));
    ASSERT(whole);
}

const struct names_model *names_model_built_in(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_built_in);
    return &built_in;
}

uint8_t names_lists(const struct names_model *m, uint64_t word)
{
    uint64_t hash = names_list_hash(word);
    const struct names_list_bucket *b = &m->lists[names_bucket(hash, m->header->list_buckets)];
    uint16_t mark = names_mark(hash);
    uint8_t found = 0;
    for (int i = 0; i < 8; i++) {
        found |= b->marks[i] == mark ? b->lists[i] : 0;
    }
    return found;
}

void names_look_up(const struct names_model *m, struct name_token *t, int count)
{
    for (int i = 0; i < count; i++) {
        if (t[i].shape == SHAPE_MARK || t[i].shape == SHAPE_LINK || t[i].shape == SHAPE_NUMBER) {
            continue;
        }
        t[i].lists = names_lists(m, t[i].word);
        for (int k = 0; k < 3 && !t[i].lists && !t[i].stem_lists && t[i].stems[k]; k++) {
            t[i].stem_lists = names_lists(m, t[i].stems[k]);
        }
    }
}

#define OUTSIDE 1e-4F /* the odds of a token that is in no name */

typedef int8_t bytes8 __attribute__((vector_size(8)));
typedef int16_t shorts8 __attribute__((vector_size(16)));
static_assert(NAMES_FEATURES_MAX * 128 <= INT16_MAX, "a sum of weights fits");

/* Top bits of the lanes (of four) that equal `mark`: x - 1 borrows into the top bit of a lane that is 0. Lanes above a true
 * one may be wrong, the lowest never is. */
static uint64_t equal_lanes(uint64_t lanes, uint64_t mark)
{
    uint64_t x = lanes ^ (mark * 0x0001000100010001u);
    return (x - 0x0001000100010001u) & ~x & 0x8000800080008000u;
}

/* A row's weights, zeros when the table does not have it; without branches, which would be guessed wrong half the time.
 * Lanes past the last label hold what comes next in the bucket. */
static shorts8 row_of(const struct names_row_bucket *b, uint16_t mark)
{
    static const int8_t none[8];
    uint64_t marks[2];
    memcpy(marks, b->marks, sizeof marks);
    uint64_t found = equal_lanes(marks[0], mark) >> 15 | equal_lanes(marks[1], mark) >> 14;
    int bit = __builtin_ctzll(found | (uint64_t)1 << 63);
    const int8_t *weights = b->weights[(bit / 16 + bit % 2 * 4) & 7];
    bytes8 row;
    memcpy(&row, found ? weights : none, sizeof row);
    return __builtin_convertvector(row, shorts8);
}

/* A number, or a mark after something no name ends with: never in a name, so nothing is asked. `@` begins one. */
static bool is_outside(const struct name_token *t)
{
    const struct name_token *left = &t[-1];
    bool after_name = left->shape != SHAPE_MARK && left->shape != SHAPE_NUMBER &&
                      left->shape != SHAPE_LINK && left->shape != SHAPE_NONE && !names_small(left);
    return t->shape == SHAPE_NUMBER || (t->shape == SHAPE_MARK && t->word != '@' && !after_name);
}

void names_odds(const struct names_model *m, const struct name_token *t, float out[NAME_LABELS])
{
    if (is_outside(t)) {
        static const float outside[NAME_LABELS] = {1,       OUTSIDE, OUTSIDE, OUTSIDE,
                                                   OUTSIDE, OUTSIDE, OUTSIDE};
        memcpy(out, outside, sizeof outside);
        return;
    }
    uint64_t features[NAMES_FEATURES_MAX];
    int n = names_features(t, features);
    uint32_t buckets = m->header->row_buckets;
    for (int i = 0; i < n; i++) {
        __builtin_prefetch(&m->rows[names_bucket(features[i], buckets)]);
    }
    shorts8 sums = {0};
    for (int i = 0; i < n; i++) {
        sums += row_of(&m->rows[names_bucket(features[i], buckets)], names_mark(features[i]));
    }
    int top = 0;
    for (int l = 1; l < NAME_LABELS; l++) {
        top = MAX(top, sums[l - 1]);
    }
    for (int l = 0; l < NAME_LABELS; l++) {
        int sum = l == 0 ? 0 : sums[l - 1];
        out[l] = expf(MAX(m->header->scale * (float)(sum - top), -NAMES_ODDS_REACH));
    }
}
