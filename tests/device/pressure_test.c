/* SPDX-License-Identifier: Apache-2.0 */
/* Memory pressure from /proc/pressure, and what the override file may say of it and of load. */
#include "device/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static double pressure_of(const char *text)
{
    char root[] = "/tmp/weir-pressure-XXXXXX";
    char folder[128];
    char path[192];
    struct device_facts facts;
    assert_non_null(mkdtemp(root));
    (void)snprintf(folder, sizeof folder, "%s/pressure", root);
    (void)snprintf(path, sizeof path, "%s/memory", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (text) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        (void)fputs(text, f);
        (void)fclose(f);
    }
    device_set_roots("/nowhere", root);
    assert_int_equal(device_read(NULL, &facts, NULL), OK);
    device_set_roots(NULL, NULL);
    (void)unlink(path);
    (void)rmdir(folder);
    (void)rmdir(root);
    return facts.memory_pressure;
}

static void pressure_is_read(void **state)
{
    (void)state;
    assert_float_equal(pressure_of("some avg10=23.50 avg60=1.00 avg300=0.00 total=9\n"
                                   "full avg10=80.00 avg60=0.00 avg300=0.00 total=1\n"),
                       0.235, 1e-9);
    assert_true(pressure_of(NULL) == 0); /* a kernel without it */
    assert_true(pressure_of("some avg10=-3\n") == 0);
    assert_true(pressure_of("some avg10=\n") == 0);
    assert_true(pressure_of("some avg10=1e9\n") == 0);
}

static void the_override_may_tell_it(void **state)
{
    (void)state;
    struct device_facts facts = {.load = 0.5};
    struct fault fault = {0};
    assert_int_equal(
        device_apply_override(SPAN("{\"load\":2.5,\"memory_pressure\":0.3}"), &facts, &fault), OK);
    assert_true(facts.load == 2.5 && facts.memory_pressure == 0.3);
    assert_int_not_equal(
        device_apply_override(SPAN("{\"load\":1,\"memory_pressure\":30}"), &facts, &fault), OK);
    assert_non_null(strstr(fault.text, "memory_pressure must be a number from 0 to 1"));
    assert_true(facts.load == 2.5); /* all of it holds or none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure_is_read),
        cmocka_unit_test(the_override_may_tell_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
