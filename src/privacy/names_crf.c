/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/names_crf.h"

#include <assert.h>
#include <string.h>

/* One number per label; the last is always 0. */
typedef float row __attribute__((vector_size(32)));
static_assert(NAME_LABELS == 7, "a row of eight");

static void load(row *out, const float in[NAME_LABELS])
{
    *out = (row){0};
    memcpy(out, in, sizeof(float) * NAME_LABELS);
}

/* out = scale * in * table, then made to sum to 1. */
static void step(const float in[NAME_LABELS], const row table[NAME_LABELS], const row *scale,
                 float out[NAME_LABELS])
{
    row sum = {0};
    for (int l = 0; l < NAME_LABELS; l++) {
        sum += in[l] * table[l];
    }
    sum *= *scale;
    float total = sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6];
    sum *= 1 / total;
    memcpy(out, &sum, sizeof(float) * NAME_LABELS);
}

void names_marginals(const float (*odds)[NAME_LABELS], int count, const name_moves moves,
                     float (*forward)[NAME_LABELS], float (*backward)[NAME_LABELS],
                     float (*out)[NAME_LABELS])
{
    static const float first[NAME_LABELS] = {1};
    static const row ones = {1, 1, 1, 1, 1, 1, 1, 0};
    row onward[NAME_LABELS];
    row start[NAME_LABELS] = {{0}};
    row back[NAME_LABELS] = {{0}};
    load(&start[0], moves[NAME_START]);
    for (int from = 0; from < NAME_LABELS; from++) {
        load(&onward[from], moves[from]);
        for (int to = 0; to < NAME_LABELS; to++) {
            back[to][from] = moves[from][to];
        }
    }
    for (int i = 0; i < count; i++) {
        row scale;
        load(&scale, odds[i]);
        step(i ? forward[i - 1] : first, i ? onward : start, &scale, forward[i]);
    }
    for (int i = count - 1; i >= 0; i--) {
        float after[NAME_LABELS];
        for (int l = 0; l < NAME_LABELS; l++) {
            after[l] = i < count - 1 ? odds[i + 1][l] * backward[i + 1][l] : 1.0F / NAME_LABELS;
        }
        if (i < count - 1) {
            step(after, back, &ones, backward[i]);
        } else {
            memcpy(backward[i], after, sizeof after);
        }
        float total = 0;
        for (int l = 0; l < NAME_LABELS; l++) {
            out[i][l] = forward[i][l] * backward[i][l];
            total += out[i][l];
        }
        for (int l = 0; l < NAME_LABELS; l++) {
            out[i][l] /= total;
        }
    }
}
