/* SPDX-License-Identifier: Apache-2.0 */
#include "router/calibration_quantile.h"

#include <math.h>
#include <string.h>

/* Where `value` stands in `sorted`, or would stand: the first that is not smaller. */
static int place(const struct quantile *q, float value)
{
    int low = 0;
    int high = q->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (q->sorted[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void quantile_add(struct quantile *q, double value)
{
    if (!(value >= 0 && value <= 1)) {
        return;
    }
    float v = (float)value;
    if (q->count == QUANTILE_WINDOW) {
        int old = place(q, q->ring[q->next]);
        q->count--;
        memmove(&q->sorted[old], &q->sorted[old + 1], sizeof(float) * (size_t)(q->count - old));
    }
    int at = place(q, v);
    memmove(&q->sorted[at + 1], &q->sorted[at], sizeof(float) * (size_t)(q->count - at));
    q->sorted[at] = v;
    q->count++;
    q->ring[q->next] = v;
    q->next = (q->next + 1) % QUANTILE_WINDOW;
}

double quantile_threshold(const struct quantile *q, double share)
{
    if (q->count < QUANTILE_LEAST) {
        return -1;
    }
    int below = (int)floor(MIN(MAX(share, 0), 1) * q->count + 1e-9);
    return below == 0 ? 0 : below >= q->count ? 1 : (double)q->sorted[below];
}
