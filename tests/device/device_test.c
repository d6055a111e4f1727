/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up /sys and /proc in a folder of its own, on virtual time. */
#include "device/device.h"

#include "base/clock.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static char sys_root[80];
static char proc_root[80];
static uint64_t now_us;

static void put(const char *path, const char *content)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    (void)fputs(content, f);
    (void)fclose(f);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/weir-device-XXXXXX");
    assert_non_null(mkdtemp(root));
    (void)snprintf(sys_root, sizeof sys_root, "%s/sys", root);
    (void)snprintf(proc_root, sizeof proc_root, "%s/proc", root);
    device_set_roots(sys_root, proc_root);
    now_us = 1000000;
    clock_set_virtual(now_us, now_us);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    device_set_roots(NULL, NULL);
    clock_set_virtual(0, 0);
    return system(command);
}

static struct device_facts read_all(const char *override, const char *expected_fault)
{
    struct device_facts d;
    struct fault fault = {0};
    now_us += 2000000;
    clock_set_virtual(now_us, now_us);
    enum err err = device_read(override, &d, &fault);
    assert_int_equal(err != OK, expected_fault != NULL);
    if (expected_fault && !strstr(fault.text, expected_fault)) {
        fail_msg("\"%s\" does not say \"%s\"", fault.text, expected_fault);
    }
    return d;
}

static void an_empty_machine_is_unknown(void **state)
{
    (void)state;
    struct device_facts d = read_all(NULL, NULL);
    assert_true(d.battery < 0 && d.charging == -1 && d.temperature_c < -273 && d.rtt_ms < 0 &&
                d.load < 0);
    assert_int_equal(d.memory_available_bytes, -1);
    assert_int_equal(d.network, NETWORK_OK); /* no table can be read: nothing is known against it */
    assert_false(d.network_override);
    assert_true(d.cores >= 1);
}

static void a_laptop(void **state)
{
    (void)state;
    put("sys/class/power_supply/BAT0/type", "Battery\n");
    put("sys/class/power_supply/BAT0/capacity", "40\n");
    put("sys/class/power_supply/BAT0/status", "Discharging\n");
    put("sys/class/power_supply/BAT1/type", "Battery\n");
    put("sys/class/power_supply/BAT1/capacity", "20\n");
    put("sys/class/power_supply/AC/type", "Mains\n");
    put("sys/class/power_supply/AC/online", "0\n");
    put("sys/class/power_supply/mouse/type", "Battery\n");
    put("sys/class/power_supply/mouse/scope", "Device\n");
    put("sys/class/power_supply/mouse/capacity", "1\n");
    put("sys/class/power_supply/odd/type", "Battery\n");
    put("sys/class/power_supply/odd/capacity", "lots\n");
    put("sys/class/thermal/thermal_zone0/temp", "45000\n");
    put("sys/class/thermal/thermal_zone1/temp", "71500\n");
    put("sys/class/thermal/thermal_zone2/temp", "-274000\n"); /* a broken sensor */
    put("sys/class/thermal/cooling_device0/temp", "99000\n");
    put("proc/meminfo", "MemTotal:       24000000 kB\nMemFree: 1 kB\nMemAvailable:   1000000 kB\n");
    put("proc/loadavg", "1.50 0.90 0.60 1/100 1234\n");
    struct device_facts d = read_all(NULL, NULL);
    assert_true(d.battery > 0.299 && d.battery < 0.301);
    assert_int_equal(d.charging, 0);
    assert_true(d.temperature_c == 71.5);
    assert_int_equal(d.memory_available_bytes, 1000000ll * 1024);
    assert_true(d.load * d.cores > 1.49 && d.load * d.cores < 1.51);
    put("sys/class/power_supply/AC/online", "1\n");
    d = read_all(NULL, NULL);
    assert_int_equal(d.charging, 1);
}

#define ROUTE4_HEAD                                                                                \
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void offline_means_no_link_and_no_route(void **state)
{
    (void)state;
    put("sys/class/net/lo/operstate", "unknown\n");
    put("sys/class/net/eth0/operstate", "down\n");
    put("proc/net/route", ROUTE4_HEAD);
    put("proc/net/ipv6_route",
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 "
        "ffffffff 00000001 00000000 00200200       lo\n");
    assert_int_equal(read_all(NULL, NULL).network, NETWORK_OFFLINE);
    put("sys/class/net/eth0/operstate", "up\n");
    assert_int_equal(read_all(NULL, NULL).network, NETWORK_OK);
    put("sys/class/net/eth0/operstate", "down\n");
    put("sys/class/net/tun0/operstate", "unknown\n");
    assert_int_equal(read_all(NULL, NULL).network, NETWORK_OK);
    put("sys/class/net/tun0/operstate", "down\n");
    put("proc/net/route",
        ROUTE4_HEAD "eth0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n");
    assert_int_equal(read_all(NULL, NULL).network, NETWORK_OFFLINE);
    put("proc/net/route",
        ROUTE4_HEAD "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n");
    assert_int_equal(read_all(NULL, NULL).network, NETWORK_OK);
    put("proc/net/route", ROUTE4_HEAD "garbage\n\n\n");
    put("proc/net/ipv6_route",
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 "
        "00000400 00000001 00000000 00450003     eth0\n");
    assert_int_equal(read_all(NULL, NULL).network, NETWORK_OK);
}

static void measuring_is_cached_for_a_second(void **state)
{
    (void)state;
    struct device_facts d;
    put("proc/loadavg", "1.00 0 0 1/1 1\n");
    double load = read_all(NULL, NULL).load;
    put("proc/loadavg", "9.00 0 0 1/1 1\n");
    clock_set_virtual(now_us + 999999, now_us);
    assert_int_equal(device_read(NULL, &d, NULL), OK);
    assert_true(d.load == load);
    clock_set_virtual(now_us + 1000000, now_us);
    assert_int_equal(device_read(NULL, &d, NULL), OK);
    assert_true(d.load > load);
}

static const char *override_path(void)
{
    static char path[100];
    (void)snprintf(path, sizeof path, "%s/facts.json", root);
    return path;
}

static void the_override_is_read_each_time(void **state)
{
    (void)state;
    struct device_facts d;
    put("facts.json",
        "{\"battery\":0.15,\"charging\":false,\"temperature_c\":91.5,\"network\":\"offline\",\"rtt_ms\":300}");
    d = read_all(override_path(), NULL);
    assert_true(d.battery == 0.15 && d.charging == 0 && d.temperature_c == 91.5 && d.rtt_ms == 300);
    assert_int_equal(d.network, NETWORK_OFFLINE);
    assert_true(d.network_override);
    put("facts.json", "{\"metered\":true,\"battery\":null}");
    assert_int_equal(device_read(override_path(), &d, NULL), OK); /* at once, no cache */
    assert_true(d.battery < 0);
    assert_int_equal(d.network, NETWORK_METERED);
    assert_false(d.network_override);
    put("facts.json", "{\"metered\":true,\"network\":\"offline\"}");
    d = read_all(override_path(), NULL);
    assert_int_equal(d.network, NETWORK_OFFLINE);
    put("facts.json", "{\"network\":\"ok\"}");
    d = read_all(override_path(), NULL);
    assert_int_equal(d.network, NETWORK_OK);
    assert_true(d.network_override);
}

static void a_broken_override_is_told_and_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } rows[] = {
        {"{\"battery\":15}", "battery must be a number from 0 to 1"},
        {"{\"battery\":\"low\"}", "battery must be a number"},
        {"{\"temperature_c\":1e999}", "temperature_c must be"},
        {"{\"network\":\"slow\"}", "network must be"},
        {"{\"charging\":1}", "charging must be true or false"},
        {"{\"metered\":\"yes\"}", "metered must be"},
        {"{\"rtt_ms\":-1}", "rtt_ms must be"},
        {"{\"batery\":0.5}", "unknown key \"batery\"; allowed: battery"},
        {"{\"network\":\"offline\",\"x\":1}", "unknown key"},
        {"[]", "must be a JSON object"},
        {"{\"battery\":", "is ignored"},
        {"", "is ignored"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put("facts.json", rows[i].json);
        struct device_facts d = read_all(override_path(), rows[i].says);
        assert_true(d.battery < 0 && d.network == NETWORK_OK &&
                    !d.network_override); /* all or nothing */
    }
    assert_int_equal(unlink(override_path()), 0);
    (void)read_all(override_path(), "cannot be read: No such file");
    char *big = mem_new(100000);
    memset(big, ' ', 99999);
    put("facts.json", big);
    (void)read_all(override_path(), "over 64 KiB");
    mem_free(big);
}

static void unknown_is_null_in_json(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct text t;
    const struct json *v = NULL;
    struct device_facts d = read_all(NULL, NULL);
    d.network = NETWORK_METERED;
    text_init(&t, 4096);
    device_facts_write(&d, &t);
    assert_int_equal(json_parse_in(arena, text_span(&t), &v, NULL), OK);
    static const char *const null_keys[] = {"battery", "charging", "temperature_c",
                                            "rtt_ms",  "load",     "memory_available_bytes"};
    for (size_t i = 0; i < ARRAY_LEN(null_keys); i++) {
        assert_int_equal(json_type(json_get(v, null_keys[i])), JSON_NULL);
    }
    assert_true(span_is(json_str(json_get(v, "network")), "metered"));
    text_done(&t);
    arena_free(arena);
}

static void this_machine_can_be_read(void **state)
{
    (void)state;
    device_set_roots(NULL, NULL);
    struct device_facts d = read_all(NULL, NULL);
    assert_true(d.memory_available_bytes > 0 && d.load >= 0 && d.cores > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_machine_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(a_laptop, setup, teardown),
        cmocka_unit_test_setup_teardown(offline_means_no_link_and_no_route, setup, teardown),
        cmocka_unit_test_setup_teardown(measuring_is_cached_for_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(the_override_is_read_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_override_is_told_and_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_is_null_in_json, setup, teardown),
        cmocka_unit_test_setup_teardown(this_machine_can_be_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
