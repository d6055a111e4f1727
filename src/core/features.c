/* SPDX-License-Identifier: Apache-2.0 */
#include "core/features.h"

static const struct {
    const char *name;
    enum marker_kind kind;
    const char *meaning;
} markers[MARKER_COUNT] = {
#define X(id, name, kind, meaning) [MARKER_##id] = {name, MARKER_KIND_##kind, meaning},
    MARKER_LIST(X)
#undef X
};

const char *marker_name(enum marker m)
{
    return markers[m].name;
}

const char *marker_meaning(enum marker m)
{
    return markers[m].meaning;
}

enum marker_kind marker_kind(enum marker m)
{
    return markers[m].kind;
}

enum marker marker_from(struct span name)
{
    int m = 0;
    while (m < MARKER_COUNT && !span_is(name, markers[m].name)) {
        m++;
    }
    return (enum marker)m;
}

void features_json(struct json_out *w, const struct features *f)
{
    json_begin_object(w);
    for (int m = 0; m < MARKER_COUNT; m++) {
        if (f->marker[m]) {
            json_put_int(w, markers[m].name, f->marker[m]);
        }
    }
    json_end_object(w);
}
