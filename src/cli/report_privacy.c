/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_privacy.h"

#include "cli/cli.h"

#include <stdio.h>
#include <unistd.h>

static int64_t number(const struct json *v, const char *key)
{
    return json_i64_or(json_get(v, key), 0);
}

/* "3 EMAIL_ADDRESS, 1 US_SSN"; false when there are none. */
static bool print_types(const char *before, const struct json *types)
{
    struct json_iter it = json_iter(types);
    bool any = false;
    while (json_next(&it)) {
        printf("%s%lld %.*s", any ? ", " : before, (long long)json_i64_or(it.value, 0),
               SPAN_ARG(it.key));
        any = true;
    }
    return any;
}

static void print_labels(const struct json *labels)
{
    struct json_iter it = json_iter(labels);
    while (json_next(&it)) {
        printf("%s%.*s", it.index ? ", " : " [", SPAN_ARG(json_str(it.value)));
    }
    if (json_len(labels)) {
        printf("]");
    }
}

static void print_recipient(const struct json *r)
{
    printf("  %s%.*s%s %.*s %.*s", cli_bold(STDOUT_FILENO),
           SPAN_ARG(json_str(json_get(r, "backend"))), cli_reset(STDOUT_FILENO),
           SPAN_ARG(json_str(json_get(r, "tier"))), SPAN_ARG(json_str(json_get(r, "model"))));
    print_labels(json_get(r, "labels"));
    printf("\n    %lld requests, %lld bytes, last %.19s\n", (long long)number(r, "requests"),
           (long long)number(r, "left_device_bytes"),
           json_str(json_get(r, "last")).len >= 19 ? json_str(json_get(r, "last")).data : "-");
    if (print_types("    replaced  ", json_get(r, "redactions"))) {
        puts("");
    }
    if (print_types("    in clear  ", json_get(r, "left_in_clear"))) {
        puts("");
    }
}

void report_privacy_print(const struct json *root, const char *since)
{
    int64_t requests = number(root, "requests");
    int64_t left = number(root, "left_requests");
    printf("%s%lld of %lld requests%s left this device in the last %s: %lld bytes\n",
           cli_bold(STDOUT_FILENO), (long long)left, (long long)requests, cli_reset(STDOUT_FILENO),
           since, (long long)number(root, "left_device_bytes"));
    struct json_iter it = json_iter(json_get(root, "recipients"));
    while (json_next(&it)) {
        print_recipient(it.value);
    }
    if (number(root, "kept_requests")) {
        printf("  %lld requests were kept home by policy",
               (long long)number(root, "kept_requests"));
        print_types("; ", json_get(root, "kept"));
        puts("");
    }
    if (number(root, "forgotten")) {
        printf("  forgotten since: %lld of the receipts, counted here without their owner\n",
               (long long)number(root, "forgotten"));
    }
    it = json_iter(json_get(root, "by_day"));
    while (json_next(&it)) {
        printf("  %s%.*s  %6lld requests %10lld bytes %6lld values replaced%s\n",
               cli_dim(STDOUT_FILENO), SPAN_ARG(json_str(json_get(it.value, "day"))),
               (long long)number(it.value, "left_requests"),
               (long long)number(it.value, "left_device_bytes"),
               (long long)number(it.value, "redacted_values"), cli_reset(STDOUT_FILENO));
    }
}
