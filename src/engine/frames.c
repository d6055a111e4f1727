/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wire: struct frame_header, then `length` payload bytes. Nothing is aligned, so
 * the header is copied out, never cast.
 */
#include "engine/frames.h"

_Static_assert(sizeof(struct frame_header) == 12, "both ends agree on the header");

static bool type_known(uint8_t type)
{
    return (type >= FRAME_SUBMIT && type <= FRAME_SWITCH) ||
           (type >= FRAME_HELLO && type <= FRAME_LOAD);
}

void frame_write(struct text *out, enum frame_type type, uint32_t request, struct span payload)
{
    PRE(payload.len <= FRAME_PAYLOAD_MAX);
    struct frame_header h = {
        .length = (uint32_t)payload.len,
        .version = FRAME_VERSION,
        .type = (uint8_t)type,
        .request = request,
    };
    char *room = text_reserve(out, sizeof h + payload.len); /* whole or not at all */
    if (room) {
        memcpy(room, &h, sizeof h);
        memcpy(room + sizeof h, payload.len ? payload.data : "", payload.len);
        out->len += sizeof h + payload.len;
        out->data[out->len] = '\0';
    }
}

enum err frame_peek(struct span in, struct frame_header *out_header, struct span *out_payload,
                    size_t *out_size)
{
    struct frame_header h;
    if (in.len < sizeof h) {
        return ERR_CANCELLED;
    }
    memcpy(&h, in.data, sizeof h);
    if (h.version != FRAME_VERSION || h.reserved != 0 || h.length > FRAME_PAYLOAD_MAX ||
        !type_known(h.type)) {
        return ERR_INVALID;
    }
    if (in.len - sizeof h < h.length) {
        return ERR_CANCELLED;
    }
    *out_header = h;
    *out_payload = span_of(in.data + sizeof h, h.length);
    *out_size = sizeof h + h.length;
    return OK;
}
