/* SPDX-License-Identifier: Apache-2.0 */
#include "app/calibrations.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/keys.h"
#include "engine/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void calibrations_path(const char *ledger_path, struct text *out)
{
    text_addf(out, "%s.calibration.json", ledger_path);
}

/* ---- whose it is ---- */

static bool look_at(const char *path, int64_t *bytes, int64_t *mtime_us)
{
    struct stat st;
    if (stat(path, &st)) {
        return false;
    }
    *bytes = st.st_size;
    *mtime_us = (int64_t)st.st_mtim.tv_sec * (int64_t)US_PER_S + st.st_mtim.tv_nsec / 1000;
    return true;
}

enum err calibrations_identify(const struct backend *device, const struct backend *cloud,
                               struct calibration_entry *out, struct fault *fault)
{
    span_to_c(span_c(device->name), out->device, sizeof out->device);
    span_to_c(span_c(device->model), out->model, sizeof out->model);
    span_to_c(span_c(cloud->name), out->cloud, sizeof out->cloud);
    span_to_c(span_c(cloud->model), out->cloud_model, sizeof out->cloud_model);
    clock_iso(clock_wall_us(), out->time);
    if (!device->model_path) {
        return OK;
    }
    struct gguf_facts facts;
    enum err err = gguf_check(device->model_path, &facts, fault);
    if (err) {
        return err;
    }
    span_to_c(span_c(facts.quantisation), out->quantisation, sizeof out->quantisation);
    if (!look_at(device->model_path, &out->bytes, &out->mtime_us)) {
        return fault_set(fault, ERR_IO, "%s: %s", device->model_path, strerror(errno));
    }
    return sha256_file_hex(device->model_path, out->sha256, fault);
}

/* Does the config still mean the models that were measured? Marks the entry when not. */
static void check_entry(const struct config *c, struct calibration_entry *e)
{
    const struct backend *device = config_backend(c, span_c(e->device));
    const struct backend *cloud = config_backend(c, span_c(e->cloud));
    int64_t bytes;
    int64_t mtime_us;
    char sha[SHA256_HEX_BYTES];
    e->stale = true;
    if (!device || !cloud) {
        snprintf(e->why, sizeof e->why, "%.60s is no backend of this config",
                 device ? e->cloud : e->device);
    } else if (cloud->model && strcmp(cloud->model, e->cloud_model) != 0) {
        snprintf(e->why, sizeof e->why, "%.40s is %.80s now", e->cloud, cloud->model);
    } else if (!device->model_path) {
        e->stale = e->sha256[0] || (device->model && strcmp(device->model, e->model) != 0);
        snprintf(e->why, sizeof e->why, "%.40s is another model now", e->device);
    } else if (!look_at(device->model_path, &bytes, &mtime_us)) {
        snprintf(e->why, sizeof e->why, "the model file of %.40s cannot be read", e->device);
    } else if (bytes != e->bytes ||
               (mtime_us != e->mtime_us &&
                (sha256_file_hex(device->model_path, sha, NULL) || strcmp(sha, e->sha256) != 0))) {
        snprintf(e->why, sizeof e->why, "the model file of %.40s changed since it was calibrated",
                 e->device);
    } else {
        e->stale = false;
        e->why[0] = '\0';
    }
}

/* ---- the file ---- */

static enum err read_all(const char *path, struct text *out, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND
                               : fault_set(fault, ERR_IO, "%s: %s", path, strerror(errno));
    }
    char chunk[16 * KIB];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && !out->overflow) {
        text_add(out, span_of(chunk, (size_t)n));
    }
    close(fd);
    return n < 0 || out->overflow ? fault_set(fault, ERR_IO, "%s: %s", path,
                                              n < 0 ? strerror(errno) : "it is too large")
                                  : OK;
}

enum err calibrations_load(const struct config *c, struct calibrations *out, struct fault *fault)
{
    *out = (struct calibrations){0};
    struct text path;
    struct text bytes;
    text_init(&path, 8 * KIB);
    text_init(&bytes, CALIBRATION_FILE_MAX);
    calibrations_path(c->ledger_path, &path);
    enum err err = read_all(path.data, &bytes, fault);
    if (err == OK) {
        err = calibrations_read(text_span(&bytes), out, fault);
        if (err) {
            fault_prefix(fault, "%s: ", path.data);
        }
    } else if (err == ERR_NOT_FOUND) {
        err = OK;
    }
    for (int i = 0; i < out->count; i++) {
        check_entry(c, &out->entries[i]);
    }
    text_done(&path);
    text_done(&bytes);
    return err;
}

static enum err write_all(const char *path, struct span bytes, struct fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool well = fd >= 0;
    while (well && bytes.len) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        well = n > 0;
        bytes = span_from(bytes, well ? (size_t)n : 0);
    }
    well = well && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    return well ? OK : fault_set(fault, ERR_IO, "%s: %s", path, strerror(why));
}

enum err calibrations_save(const struct config *c, const struct calibrations *all,
                           struct fault *fault)
{
    struct text path;
    struct text fresh;
    struct text bytes;
    text_init(&path, 8 * KIB);
    text_init(&fresh, 8 * KIB);
    text_init(&bytes, CALIBRATION_FILE_MAX);
    calibrations_path(c->ledger_path, &path);
    text_addf(&fresh, "%s.new", path.data);
    calibrations_write(all, &bytes);
    enum err err = bytes.overflow ? fault_set(fault, ERR_INVALID, "too many calibrations")
                                  : write_all(fresh.data, text_span(&bytes), fault);
    if (!err && rename(fresh.data, path.data)) {
        err = fault_set(fault, ERR_IO, "%s: %s", path.data, strerror(errno));
    }
    text_done(&path);
    text_done(&fresh);
    text_done(&bytes);
    return err;
}

/* ---- watching ---- */

static void tell(const struct calibrations *all)
{
    for (int i = 0; i < all->count; i++) {
        const struct calibration_entry *e = &all->entries[i];
        if (e->stale) {
            LOG(LOG_WARN, "calibration",
                "%s and %s: %s; the careful default is used (`weir calibrate` measures anew)",
                e->device, e->cloud, e->why);
        } else {
            LOG(LOG_INFO, "calibration", "%s and %s: thresholds of %s in use", e->device, e->cloud,
                e->time);
        }
    }
}

bool calibrations_look(struct calibrations_watch *w, const struct config *c, bool anyway)
{
    struct text path;
    text_init(&path, 8 * KIB);
    calibrations_path(c->ledger_path, &path);
    int64_t bytes = 0;
    int64_t mtime_us = 0;
    (void)look_at(path.data, &bytes, &mtime_us);
    text_done(&path);
    if (!anyway && bytes == w->bytes && mtime_us == w->mtime_us) {
        return false;
    }
    w->bytes = bytes;
    w->mtime_us = mtime_us;
    struct calibrations all;
    struct fault fault = {0};
    if (calibrations_load(c, &all, &fault)) {
        LOG(LOG_ERROR, "calibration", "%s; nothing is calibrated until it is mended or removed",
            fault.text);
    }
    calibrations_done(&w->all);
    w->all = all;
    tell(&all);
    return true;
}
