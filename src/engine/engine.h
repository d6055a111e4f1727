/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's side of a local model: a driver whose legs travel as frames to
 * an engine process (llama/) over its Unix socket.
 *
 * One struct engine per local backend and worker. It connects when created and
 * reconnects (back-off capped at 2 s) for as long as it lives; a socket that ends
 * while legs are open ends those legs with LEG_ERROR ("engine ended"), which a
 * strategy treats like any failed leg. What the engine said in HELLO and LOAD is
 * available at once to the router.
 */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include "flow/leg.h"
#include "loop/loop.h"

struct engine;

struct engine_info {
    bool up;
    bool starting;     /* not up yet, and no reason known why it should not be soon */
    char why[400];     /* when not up */
    char warning[200]; /* up, but with less than asked for (context made to fit …); "" = none */
    char switch_error[400]; /* why the last engine_switch() changed nothing; "" = it did */
    char model[128];        /* general.name or the file's */
    char path[1024];
    char quantisation[32];
    int64_t context;
    int slots;
    uint32_t tasks; /* bit per enum task; 0 = the model does not say */
    bool demo, tools, deterministic, probe;
    int64_t bytes;
    double load_ms;
    int running, queued;
    double tokens_per_s, prompt_tokens_per_s;
    int64_t memory_bytes;
    int gpu_layers;
    char devices[128]; /* GPUs llama.cpp sees; "" = none */
};

/* `socket_path` is where the engine process listens. `changed` (may be NULL) is called on the loop when
 * up/down or model changes. */
struct engine *engine_new(struct loop *loop, const struct backend *backend, const char *socket_path,
                          loop_fn *changed, void *user);
void engine_free(struct engine *e);
/* After a reload or `weir models add --use`: the process is told to load this backend's model (SWITCH) when it
 * differs from what it serves; legs that run finish on the old one. `backend` must outlive the engine or the next use. */
void engine_use(struct engine *e, const struct backend *backend);
const struct engine_info *engine_info(const struct engine *e);
/* Asks the engine to load another model: {"path", "adapter"?}. Running answers end on the old one; `changed` tells
 * when the new one serves. A file that cannot be loaded leaves the old one in place and info->switch_error says why. */
void engine_switch(struct engine *e, struct span options_json);
extern const struct driver_type engine_driver; /* self = struct engine */

#endif
