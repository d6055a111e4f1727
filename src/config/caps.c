/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `policy.caps`: how much of its traffic a key may have answered by other tiers than the device.
 *
 *   caps:
 *     - { key: batch, cloud_share: 0.3 }
 *
 * Only keys that are named have a cap.
 */
#include "config/sections.h"

#define CAPS_MAX 256
#define IN(member) offsetof(struct share_cap, member)

static const struct field cap_fields[] = {
    {.key = "key", .read = read_text, .offset = IN(key)},
    {.key = "cloud_share", .read = read_double, .offset = IN(cloud_share), .min = 0, .max = 1},
    {.key = NULL},
};

const struct share_cap *caps_read(struct reader *r, struct value v, int *out_count)
{
    size_t count = value_len(v);
    if (!value_is_list(v) || count > CAPS_MAX) {
        reader_wrong(r, v,
                     "expected a list of at most %d caps, each `{ key: NAME, cloud_share: 0.3 }`",
                     CAPS_MAX);
        return NULL;
    }
    struct share_cap *caps = ARENA_ARRAY(r->arena, struct share_cap, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct value here = value_at(r, v, i);
        caps[i] = (struct share_cap){.cloud_share = -1, .line = value_line(here)};
        reader_map(r, here, cap_fields, &caps[i]);
        if (value_is_map(here) && !caps[i].key) {
            reader_wrong(r, here, "needs key: a name of the keys file (`weir keys add NAME`)");
        }
        if (value_is_map(here) && caps[i].cloud_share < 0) {
            reader_wrong(r, here, "needs cloud_share: a number from 0 to 1");
        }
        for (size_t k = 0; k < i && caps[i].key; k++) {
            if (caps[k].key && strcmp(caps[k].key, caps[i].key) == 0) {
                reader_wrong(r, here, "the key `%s` has a cap on line %d already",
                             reader_shown(r, span_c(caps[i].key)), caps[k].line);
                break;
            }
        }
    }
    *out_count = (int)count;
    return caps;
}

/* Names of keys mean something only where callers have keys. */
void caps_check(struct reader *r, const struct config *c)
{
    if (c->caps_count > 0 && !c->keys_file) {
        reader_wrong_at(r, c->caps[0].line,
                        "policy.caps names keys, but callers have none: add `auth: { keys_file: "
                        "keys }` and make them with `weir keys add NAME`");
    }
}

double config_cap(const struct config *c, struct span key)
{
    for (int i = 0; i < c->caps_count && span_given(key); i++) {
        if (span_is(key, c->caps[i].key)) {
            return c->caps[i].cloud_share;
        }
    }
    return -1;
}
