/* SPDX-License-Identifier: Apache-2.0 */
#include "device/device.h"

#include "base/clock.h"
#include "json/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CACHE_US US_PER_S
#define FILE_MAX (64 * KIB)
#define OVERRIDE_MAX (64 * KIB)
/* Sensors that are absent or broken report such values; they are no temperatures. */
#define PLAUSIBLE_MIN_C (-40.0)
#define PLAUSIBLE_MAX_C 150.0
#define RTF_UP 0x1u
#define RTF_REJECT 0x200u

static const char *root_sys = "/sys";
static const char *root_proc = "/proc";
static struct device_facts cached;
static uint64_t cached_us;
static bool is_cached;

void device_set_roots(const char *sys, const char *proc)
{
    root_sys = sys ? sys : "/sys";
    root_proc = proc ? proc : "/proc";
    is_cached = false;
}

/* ---- reading small files ---- */

/* The first `max` bytes; false when it cannot be opened or read. */
static bool read_file(const char *path, size_t max, struct text *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    text_init(out, max);
    ssize_t n = 0;
    do {
        char chunk[4096];
        n = read(fd, chunk, sizeof chunk);
        if (n > 0) {
            text_add(out, span_of(chunk, (size_t)n));
        }
    } while (n > 0 && !out->overflow);
    int failed = n < 0 ? errno : 0;
    (void)close(fd);
    if (failed) {
        text_done(out);
        errno = failed;
    }
    return failed == 0;
}

/* One line of a file of /sys, trimmed. */
static bool read_line(char *out, size_t size, const char *folder, const char *entry,
                      const char *file)
{
    char path[512];
    if (snprintf(path, sizeof path, "%s/%s/%s/%s", root_sys, folder, entry, file) >=
        (int)sizeof path) {
        return false;
    }
    struct text text;
    if (!read_file(path, FILE_MAX, &text)) {
        return false;
    }
    struct span line = span_trim(text_span(&text));
    (void)snprintf(out, size, "%.*s", SPAN_ARG(line));
    text_done(&text);
    return true;
}

static bool read_int(int64_t *out, const char *folder, const char *entry, const char *file)
{
    char line[64];
    return read_line(line, sizeof line, folder, entry, file) && span_to_i64(span_c(line), out);
}

static void each_entry(const char *folder, void (*fn)(void *user, const char *name), void *user)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root_sys, folder);
    DIR *dir = opendir(path);
    if (!dir) {
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] != '.') {
            fn(user, e->d_name);
        }
    }
    (void)closedir(dir);
}

/* ---- battery ---- */

#define POWER "class/power_supply"

struct power {
    double sum;
    int batteries;
    bool charging, mains;
};

static void read_supply(void *user, const char *name)
{
    struct power *power = user;
    char line[64];
    if (!read_line(line, sizeof line, POWER, name, "type")) {
        return;
    }
    int64_t n = 0;
    if (strcmp(line, "Mains") == 0 || strcmp(line, "USB") == 0) {
        power->mains |= read_int(&n, POWER, name, "online") && n == 1;
        return;
    }
    /* "Device" is a mouse or a headset */
    if (strcmp(line, "Battery") != 0 ||
        (read_line(line, sizeof line, POWER, name, "scope") && strcmp(line, "Device") == 0) ||
        !read_int(&n, POWER, name, "capacity") || n < 0 || n > 100) {
        return;
    }
    power->sum += (double)n / 100;
    power->batteries++;
    if (read_line(line, sizeof line, POWER, name, "status")) {
        power->charging |= strcmp(line, "Charging") == 0 || strcmp(line, "Full") == 0;
    }
}

static void read_battery(struct device_facts *out)
{
    struct power power = {0};
    each_entry(POWER, read_supply, &power);
    out->battery = power.batteries ? power.sum / power.batteries : -1;
    out->charging = power.batteries ? power.charging || power.mains : power.mains ? 1 : -1;
}

/* ---- heat ---- */

#define THERMAL "class/thermal"

static void read_zone(void *user, const char *name)
{
    double *hottest = user;
    int64_t milli = 0;
    if (!span_starts(span_c(name), SPAN("thermal_zone")) ||
        !read_int(&milli, THERMAL, name, "temp")) {
        return;
    }
    double celsius = (double)milli / 1000;
    if (celsius > PLAUSIBLE_MIN_C && celsius < PLAUSIBLE_MAX_C && celsius > *hottest) {
        *hottest = celsius;
    }
}

/* ---- network ---- */

#define NET "class/net"

/* "unknown" is what tunnels and some drivers report while they work. */
static void read_interface(void *user, const char *name)
{
    char line[32];
    if (strcmp(name, "lo") != 0 && read_line(line, sizeof line, NET, name, "operstate") &&
        (strcmp(line, "up") == 0 || strcmp(line, "unknown") == 0)) {
        *(int *)user += 1;
    }
}

static bool read_proc(const char *file, struct text *out)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root_proc, file);
    return read_file(path, FILE_MAX, out);
}

/* "Iface Destination Gateway Flags RefCnt Use Metric Mask …", hexadecimal */
static bool is_default_route4(char *line)
{
    char iface[32];
    unsigned destination = 1;
    unsigned gateway = 0;
    unsigned flags = 0;
    unsigned mask = 1;
    return sscanf(line, "%31s %x %x %x %*s %*s %*s %x", iface, &destination, &gateway, &flags,
                  &mask) == 5 &&
           destination == 0 && mask == 0 && (flags & RTF_UP) && strcmp(iface, "lo") != 0;
}

/* "destination prefix source prefix next-hop metric refcount use flags iface", hexadecimal */
static bool is_default_route6(char *line)
{
    char destination[40];
    char iface[32];
    unsigned prefix = 1;
    unsigned flags = 0;
    return sscanf(line, "%39s %x %*s %*s %*s %*s %*s %*s %x %31s", destination, &prefix, &flags,
                  iface) == 4 &&
           prefix == 0 && strspn(destination, "0") == 32 && (flags & RTF_UP) &&
           !(flags & RTF_REJECT) && strcmp(iface, "lo") != 0;
}

/* 1 yes, 0 no, -1 the table cannot be read */
static int has_default_route(const char *file, bool (*is_default)(char *line))
{
    struct text table;
    if (!read_proc(file, &table)) {
        return -1;
    }
    int found = 0;
    char *rest = table.data;
    for (char *line; !found && rest && (line = strsep(&rest, "\n"));) {
        found = is_default(line);
    }
    text_done(&table);
    return found;
}

static enum network read_network(void)
{
    int up = 0;
    each_entry(NET, read_interface, &up);
    int v4 = has_default_route("net/route", is_default_route4);
    int v6 = has_default_route("net/ipv6_route", is_default_route6);
    bool unknown = v4 < 0 && v6 < 0;
    return up == 0 && !unknown && v4 <= 0 && v6 <= 0 ? NETWORK_OFFLINE : NETWORK_OK;
}

/* ---- memory and load ---- */

static int64_t read_memory(void)
{
    struct text text;
    int64_t kib = -1;
    if (!read_proc("meminfo", &text)) {
        return -1;
    }
    size_t at = span_find(text_span(&text), SPAN("MemAvailable:"), 0);
    if (at != SIZE_MAX && sscanf(text.data + at, "MemAvailable: %ld", &kib) != 1) {
        kib = -1;
    }
    text_done(&text);
    return kib < 0 ? -1 : kib * 1024;
}

/* "some avg10=1.23 avg60=…": percent of the last ten seconds (kernel docs, accounting/psi.rst). 0 without PSI. */
static double read_memory_pressure(void)
{
    struct text text;
    double percent = 0;
    if (!read_proc("pressure/memory", &text)) {
        return 0;
    }
    size_t at = span_find(text_span(&text), SPAN("some avg10="), 0);
    if (at != SIZE_MAX && sscanf(text.data + at, "some avg10=%lf", &percent) != 1) {
        percent = 0;
    }
    text_done(&text);
    return percent > 0 && percent <= 100 ? percent / 100 : 0;
}

static double read_load(int cores)
{
    struct text text;
    double load = -1;
    if (!read_proc("loadavg", &text)) {
        return -1;
    }
    struct span rest = text_span(&text);
    double one_minute = 0;
    if (span_to_f64(span_cut(&rest, ' '), &one_minute)) {
        load = one_minute / MAX(cores, 1);
    }
    text_done(&text);
    return load;
}

static void measure(struct device_facts *out)
{
    *out = (struct device_facts){.temperature_c = -1000, .rtt_ms = -1};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    out->cores = cores > 0 ? (int)cores : 1;
    read_battery(out);
    each_entry(THERMAL, read_zone, &out->temperature_c);
    out->network = read_network();
    out->memory_available_bytes = read_memory();
    out->load = read_load(out->cores);
    out->memory_pressure = read_memory_pressure();
}

/* ---- the override ---- */

static enum err bad_value(struct fault *fault, const char *key, const char *wanted,
                          const struct json *v)
{
    return fault_set(fault, ERR_INVALID, "%s must be %s, not %s", key, wanted, json_type_name(v));
}

static enum err override_number(const struct json *v, const char *key, double min, double max,
                                double *io, struct fault *fault)
{
    double x = 0;
    if (!json_to_f64(v, &x) || x < min || x > max) {
        return fault_set(fault, ERR_INVALID, "%s must be a number from %g to %g", key, min, max);
    }
    *io = x;
    return OK;
}

static enum err override_network(const struct json *v, struct device_facts *io, struct fault *fault)
{
    for (int n = NETWORK_OK; n <= NETWORK_OFFLINE; n++) {
        if (span_is(json_str(v), network_name((enum network)n))) {
            io->network = (enum network)n;
            io->network_override = true;
            return OK;
        }
    }
    return bad_value(fault, "network", "\"ok\", \"metered\" or \"offline\"", v);
}

static enum err override_key(struct span key, const struct json *v, struct device_facts *io,
                             bool *metered, struct fault *fault)
{
    bool b = false;
    if (json_type(v) == JSON_NULL) {
        return OK; /* as measured */
    }
    if (span_is(key, "battery")) {
        return override_number(v, "battery", 0, 1, &io->battery, fault);
    }
    if (span_is(key, "temperature_c")) {
        return override_number(v, "temperature_c", -100, 300, &io->temperature_c, fault);
    }
    if (span_is(key, "rtt_ms")) {
        return override_number(v, "rtt_ms", 0, 1e6, &io->rtt_ms, fault);
    }
    if (span_is(key, "load")) {
        return override_number(v, "load", 0, 1e4, &io->load, fault);
    }
    if (span_is(key, "memory_pressure")) {
        return override_number(v, "memory_pressure", 0, 1, &io->memory_pressure, fault);
    }
    if (span_is(key, "network")) {
        return override_network(v, io, fault);
    }
    if (span_is(key, "charging")) {
        if (!json_to_bool(v, &b)) {
            return bad_value(fault, "charging", "true or false", v);
        }
        io->charging = b;
        return OK;
    }
    if (span_is(key, "metered")) {
        return json_to_bool(v, metered) ? OK : bad_value(fault, "metered", "true or false", v);
    }
    return fault_set(
        fault, ERR_INVALID,
        "unknown key \"%.*s\"; allowed: battery, charging, temperature_c, network, rtt_ms, metered, "
        "load, memory_pressure",
        SPAN_ARG(span_first(key, 40)));
}

enum err device_apply_override(struct span json, struct device_facts *io, struct fault *fault)
{
    struct json_doc *doc = NULL;
    enum err err = json_parse(json, &doc, fault);
    if (err) {
        return err;
    }
    struct device_facts facts = *io;
    bool metered = false;
    const struct json *root = json_root(doc);
    if (json_type(root) != JSON_OBJECT) {
        err = fault_set(fault, ERR_INVALID, "must be a JSON object, not %s", json_type_name(root));
    }
    for (struct json_iter it = json_iter(root); !err && json_next(&it);) {
        err = override_key(it.key, it.value, &facts, &metered, fault);
    }
    if (!err) {
        if (metered && facts.network == NETWORK_OK) {
            facts.network = NETWORK_METERED;
        }
        *io = facts;
    }
    json_free(doc);
    return err;
}

static enum err read_override(const char *path, struct device_facts *io, struct fault *fault)
{
    struct text text;
    if (!read_file(path, OVERRIDE_MAX, &text)) {
        return fault_set(fault, ERR_IO, "the facts override %s cannot be read: %s", path,
                         strerror(errno));
    }
    enum err err = text.overflow
                       ? fault_set(fault, ERR_TOO_LARGE, "over %zu KiB", OVERRIDE_MAX / KIB)
                       : device_apply_override(text_span(&text), io, fault);
    text_done(&text);
    if (err) {
        fault_prefix(fault, "the facts override %s is ignored: ", path);
    }
    return err;
}

/* ---- public ---- */

enum err device_read(const char *override_path, struct device_facts *out, struct fault *fault)
{
    uint64_t now_us = clock_now_us();
    if (!is_cached || now_us - cached_us >= CACHE_US) {
        measure(&cached);
        cached_us = now_us;
        is_cached = true;
    }
    *out = cached;
    return override_path ? read_override(override_path, out, fault) : OK;
}

void device_facts_write(const struct device_facts *d, struct text *out)
{
    struct json_out w = json_out(out);
    device_facts_json(&w, d);
}
