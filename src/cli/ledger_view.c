/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_view.h"

#include "app/app.h"
#include "base/clock.h"
#include "cli/client.h"
#include "ledger/ledger.h"
#include "json/json.h"

#include <stdio.h>
#include <unistd.h>

static enum err load(const char *path, struct config **out, struct fault *fault)
{
    struct text errors;
    text_init(&errors, 64 * KIB);
    struct app_options app = {.config_path = path, .ready_fd = -1};
    enum err err = app_load_config(&app, out, &errors);
    if (err) {
        fault_set(fault, err, "%.*s", SPAN_ARG(span_trim(text_span(&errors))));
    }
    text_done(&errors);
    return err;
}

enum err ledger_view_path(const char *config, char out[LEDGER_PATH_BYTES], struct fault *fault)
{
    struct config *c;
    enum err err = load(config, &c, fault);
    if (!err) {
        snprintf(out, LEDGER_PATH_BYTES, "%s", c->ledger_path);
        config_unref(c);
    }
    return err;
}

static enum err read_file(struct ledger *l, const struct ledger_wish *wish, struct text *out,
                          struct fault *fault)
{
    uint64_t since_us = 0, now = clock_wall_us();
    if (wish->since && !clock_from_duration(span_c(wish->since), &since_us)) {
        return fault_set(fault, ERR_INVALID, "--since must be like 7d, 12h or 30m");
    }
    uint64_t from = now - MIN(now, since_us);
    switch (wish->question) {
    case LEDGER_LIST:
        return ledger_list(l, wish->last, SPAN_NONE, out, fault);
    case LEDGER_ONE:
        return ledger_get(l, span_c(wish->id), SPAN_NONE, out)
                   ? fault_set(fault, ERR_NOT_FOUND, "there is no receipt %s", wish->id)
                   : OK;
    case LEDGER_REPORT:
        return ledger_report(l, from, SPAN_NONE, out, fault);
    case LEDGER_PRIVACY:
        return ledger_privacy_report(l, from, SPAN_NONE, out, fault);
    }
    return OK;
}

static enum err open_file(const struct config *c, struct ledger **out, struct fault *fault)
{
    if (access(c->ledger_path, F_OK)) {
        return fault_set(fault, ERR_NOT_FOUND, "%s: there is no ledger yet; ask something first",
                         c->ledger_path);
    }
    return ledger_open(&(struct ledger_options){.path = c->ledger_path,
                                                .key_file = c->ledger_key_file,
                                                .read_only = true},
                       out, fault);
}

enum err ledger_view_prompt(const char *config, const char *id, struct text *out,
                            struct fault *fault)
{
    struct config *c;
    struct ledger *l = NULL;
    enum err err = load(config, &c, fault);
    if (err) {
        return err;
    }
    err = open_file(c, &l, fault);
    err = err ? err : ledger_prompt(l, span_c(id), out, fault);
    ledger_close(l);
    config_unref(c);
    return err;
}

static enum err from_file(const struct ledger_wish *wish, struct text *out, struct fault *fault)
{
    struct config *config;
    enum err err = load(wish->config, &config, fault);
    if (err) {
        return err;
    }
    struct ledger *l = NULL;
    err = open_file(config, &l, fault);
    err = err ? err : read_file(l, wish, out, fault);
    ledger_close(l);
    config_unref(config);
    return err;
}

enum err ledger_view(const struct ledger_wish *wish, struct text *out, struct fault *fault)
{
    struct client *c;
    enum err err = client_open(&(struct client_options){.config_path = wish->config}, &c, fault);
    if (err == ERR_NOT_FOUND) {
        return from_file(wish, out, fault);
    }
    if (err) {
        return err;
    }
    char path[200];
    switch (wish->question) {
    case LEDGER_LIST:
        snprintf(path, sizeof path, "/weir/v1/receipts?last=%d", wish->last);
        break;
    case LEDGER_ONE:
        snprintf(path, sizeof path, "/weir/v1/receipts/%.100s", wish->id);
        break;
    case LEDGER_REPORT:
        snprintf(path, sizeof path, "/weir/v1/report?since=%.50s", wish->since);
        break;
    case LEDGER_PRIVACY:
        snprintf(path, sizeof path, "/weir/v1/report?privacy=1&since=%.50s", wish->since);
        break;
    }
    int status = client_call(c, "GET", path, NULL, SPAN(""), out, fault);
    client_close(c);
    if (status < 0) {
        return fault->code;
    }
    if (status != 200) {
        struct json_doc *doc = NULL;
        struct span message = json_parse(text_span(out), &doc, NULL) == OK
                                  ? json_str(json_get(json_get(json_root(doc), "error"), "message"))
                                  : SPAN("the server did not explain");
        fault_set(fault, status == 404 ? ERR_NOT_FOUND : ERR_IO, "%.*s", SPAN_ARG(message));
        json_free(doc);
        return fault->code;
    }
    return OK;
}
