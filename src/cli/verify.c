/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify.h"

#include "cli/cli.h"
#include "cli/ledger_view.h"
#include "ledger/audit.h"
#include "json/json.h"

#include <stdio.h>
#include <unistd.h>

static int64_t number(const struct json *v, const char *key)
{
    return json_i64_or(json_get(v, key), 0);
}

static void print_counts(const struct json *root, const char *path, bool ok)
{
    const struct json *head = json_get(root, "head");
    printf("%s%s%s  %lld receipts", ok ? cli_green(STDOUT_FILENO) : cli_red(STDOUT_FILENO),
           ok ? "whole" : "NOT WHOLE", cli_reset(STDOUT_FILENO),
           (long long)number(root, "receipts"));
    if (number(root, "forgotten")) {
        printf(", %lld forgotten", (long long)number(root, "forgotten"));
    }
    if (number(root, "older")) {
        printf(", %lld from before the audit log", (long long)number(root, "older"));
    }
    printf(" in %s\n", path);
    struct span hash = json_str(json_get(head, "hash"));
    if (span_given(hash)) {
        printf("%s  head %.*s (row %lld); kept elsewhere, `--head` checks it later%s\n",
               cli_dim(STDOUT_FILENO), SPAN_ARG(hash), (long long)number(head, "seq"),
               cli_reset(STDOUT_FILENO));
    }
}

static void print_problems(const struct json *root)
{
    struct json_iter it = json_iter(json_get(root, "problems"));
    while (json_next(&it)) {
        struct span id = json_str(json_get(it.value, "id"));
        printf("  %s%-9.*s%s  row %lld%s%.*s: %.*s\n", cli_red(STDOUT_FILENO),
               SPAN_ARG(json_str(json_get(it.value, "problem"))), cli_reset(STDOUT_FILENO),
               (long long)number(it.value, "seq"), span_given(id) ? " " : "", SPAN_ARG(id),
               SPAN_ARG(json_str(json_get(it.value, "why"))));
    }
    int64_t more = number(root, "problems_total") - (int64_t)json_len(json_get(root, "problems"));
    if (more > 0) {
        printf("  and %lld more\n", (long long)more);
    }
}

int verify_receipts(const char *config, const char *head, bool json)
{
    char path[LEDGER_PATH_BYTES];
    struct text out;
    text_init(&out, MIB);
    struct fault fault = {0};
    struct json_doc *doc = NULL;
    bool ok = false;
    int status;
    if (ledger_view_path(config, path, &fault) ||
        ledger_verify(path, head ? span_c(head) : SPAN_NONE, &out, &ok, &fault) ||
        json_parse(text_span(&out), &doc, &fault)) {
        status = cli_fail("%s", fault.text);
    } else {
        status = ok ? CLI_OK : CLI_FAILED;
        if (json) {
            puts(out.data);
        } else {
            print_counts(json_root(doc), path, ok);
            print_problems(json_root(doc));
        }
    }
    json_free(doc);
    text_done(&out);
    return status;
}
