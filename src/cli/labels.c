/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/labels.h"

#include "engine/gguf.h"
#include "ledger/ledger.h"
#include "router/learned.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((ssize_t)(4 * MIB))

static bool is_share(double x)
{
    return x >= 0 && x <= 1;
}

static void add(struct label_list *list, double value, double device, double cloud)
{
    if (!is_share(value) || list->count == CALIBRATION_LABELS_MAX) {
        return;
    }
    if (list->count == list->room) {
        size_t size = sizeof *list->items;
        int64_t room = MAX(2 * list->room, 256);
        list->items = mem_grow(list->items, size * (size_t)list->room, size * (size_t)room);
        list->room = room;
    }
    list->items[list->count++] = (struct calibration_label){value, device, cloud};
}

void labels_done(struct labels *l)
{
    mem_free(l->cascade.items);
    mem_free(l->split.items);
    *l = (struct labels){.lines = 0};
}

/* ---- recorded outcomes ---- */

static const struct json *outcome_of(const struct json *line, const char *role, const char *name)
{
    const struct json *by_role = NULL;
    for (struct json_iter it = json_iter(json_get(line, "outcomes")); json_next(&it);) {
        struct span backend = json_str(json_get(it.value, "backend"));
        if (name && span_is(backend, name)) {
            return it.value;
        }
        by_role = span_is(backend, role) ? it.value : by_role;
    }
    return by_role;
}

/* The model of all lines, or "" once two differ. */
static void note_model(char model[129], struct span seen, bool first)
{
    if (first) {
        span_to_c(seen, model, 129);
    } else if (!span_is(span_first(seen, 128), model)) {
        model[0] = '\0';
    }
}

static double score_of_prompt(struct heads *heads, struct arena *arena, struct span prompt)
{
    struct request request = {.arena = arena, .prompt = prompt, .n = 1};
    struct facts *facts = ARENA_NEW(arena, struct facts);
    router_read_request(&request, facts);
    struct score score = scorer_learned.score(heads, facts);
    return score_of(&score);
}

/* NULL, or what is wrong with the line. */
static const char *read_line(struct labels *l, struct heads *heads, struct arena *arena,
                             struct span bytes, const struct labels_pair *pair)
{
    const struct json *line;
    if (json_parse_in(arena, bytes, &line, NULL) || json_type(line) != JSON_OBJECT) {
        return "it is no JSON object";
    }
    struct span prompt = json_str(json_get(line, "prompt"));
    if (!span_given(prompt) || json_type(json_get(line, "outcomes")) != JSON_ARRAY) {
        return "it needs `prompt` and `outcomes`";
    }
    const struct json *device = outcome_of(line, "device", pair->device);
    const struct json *cloud = outcome_of(line, "cloud", pair->cloud);
    if (!device || !cloud) {
        l->skipped++;
        return NULL;
    }
    double device_score = json_f64_or(json_get(device, "score"), -1);
    double cloud_score = json_f64_or(json_get(cloud, "score"), -1);
    if (!is_share(device_score) || !is_share(cloud_score)) {
        return "each outcome needs a `score` from 0 to 1";
    }
    note_model(l->device_model, json_str(json_get(device, "model")), l->lines == 0);
    note_model(l->cloud_model, json_str(json_get(cloud, "model")), l->lines == 0);
    l->lines++;
    double score = json_f64_or(json_get(line, "score"), -1);
    add(&l->split, is_share(score) ? score : score_of_prompt(heads, arena, prompt), device_score,
        cloud_score);
    add(&l->cascade, json_f64_or(json_get(device, "confidence"), -1), device_score, cloud_score);
    return NULL;
}

enum err labels_from_file(const char *path, const struct labels_pair *pair, struct heads *heads,
                          struct labels *out, struct fault *fault)
{
    *out = (struct labels){.lines = 0};
    FILE *f = fopen(path, "re");
    if (!f) {
        return fault_set(fault, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    enum err err = OK;
    for (int number = 1; !err && (n = getline(&line, &room, f)) >= 0; number++) {
        struct span bytes = span_trim(span_of(line, (size_t)n));
        if (bytes.len == 0) {
            continue;
        }
        struct arena *arena = arena_new();
        const char *wrong =
            n > LINE_MAX_BYTES ? "it is over 4 MiB" : read_line(out, heads, arena, bytes, pair);
        if (wrong) {
            err = fault_set(fault, ERR_INVALID, "%s:%d: %s", path, number, wrong);
        }
        arena_free(arena);
    }
    free(line); /* check-allow: getline's own */
    (void)fclose(f);
    if (err) {
        labels_done(out);
    }
    return err;
}

/* ---- receipts ---- */

struct visit {
    struct labels *labels;
    const struct backend *device, *cloud;
    struct gguf_facts gguf; /* of a local device: its engine tells general.name */
};

/* Did the device of today (its model, not only its name) try to answer? */
static bool device_tried(const struct json *receipt, const struct visit *v)
{
    for (struct json_iter it = json_iter(json_get(receipt, "legs")); json_next(&it);) {
        struct span model = json_str(json_get(it.value, "model"));
        if (span_is(json_str(json_get(it.value, "backend")), v->device->name) &&
            (span_is(model, v->device->model) || span_is(model, v->gguf.name))) {
            return true;
        }
    }
    return false;
}

static void on_receipt(void *user, struct span json, double feedback)
{
    struct visit *v = user;
    struct labels *l = v->labels;
    struct json_doc *doc;
    if (feedback < 0 || json_parse(json, &doc, NULL)) {
        return;
    }
    const struct json *r = json_root(doc);
    struct span author = json_str(json_get(r, "backend"));
    double score = json_f64_or(json_get(r, "score"), -1);
    double confidence = json_f64_or(json_get(r, "confidence"), -1);
    bool tried = device_tried(r, v);
    if (span_is(author, v->device->name) && tried) {
        add(&l->split, score, feedback, -1);
        add(&l->cascade, confidence, feedback, -1);
        l->lines++;
    } else if (span_is(author, v->cloud->name)) {
        add(&l->split, score, -1, feedback);
        add(&l->cascade, tried ? confidence : -1, -1, feedback);
        l->lines++;
    } else {
        l->skipped++;
    }
    json_free(doc);
}

enum err labels_from_ledger(const struct config *c, const struct backend *device,
                            const struct backend *cloud, uint64_t since_wall_us, struct labels *out,
                            struct fault *fault)
{
    *out = (struct labels){.lines = 0};
    if (access(c->ledger_path, F_OK)) {
        return OK;
    }
    struct ledger *ledger;
    enum err err = ledger_open(&(struct ledger_options){.path = c->ledger_path, .read_only = true},
                               &ledger, fault);
    if (err) {
        return err;
    }
    struct visit visit = {.labels = out, .device = device, .cloud = cloud};
    if (device->model_path && gguf_check(device->model_path, &visit.gguf, fault)) {
        ledger_close(ledger);
        return fault->code;
    }
    err = ledger_visit(ledger, since_wall_us, on_receipt, &visit, fault);
    ledger_close(ledger);
    if (err) {
        labels_done(out);
    }
    return err;
}
