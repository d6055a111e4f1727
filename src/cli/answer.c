/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"

#include "cli/cli.h"
#include "core/types.h"

#include <stdio.h>
#include <unistd.h>

#define ANSWER_TEXT_MAX (16 * MIB)

struct state {
    struct answer_result *result;
    int fd;
    bool done;
};

const char *answer_wish_wrong(const struct answer_wish *w)
{
    enum mode m;
    enum privacy_level p;
    if (w->mode && !mode_from(span_c(w->mode), &m)) {
        return "--mode must be auto, prefer_on_device, only_on_device, prefer_in_cloud or only_in_cloud";
    }
    if (w->privacy && !privacy_level_from(span_c(w->privacy), &p)) {
        return "--privacy must be open, redact or local";
    }
    return NULL;
}

/* ---- the request ---- */

void answer_body(const struct answer_wish *wish, struct span messages, struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_c(&w, "model", wish->model ? wish->model : "auto");
    json_key(&w, "messages");
    json_raw(&w, messages);
    json_put_bool(&w, "stream", true);
    if (wish->max_tokens) {
        json_put_int(&w, "max_tokens", wish->max_tokens);
    }
    json_key(&w, "weir");
    json_begin_object(&w);
    const struct {
        const char *key, *value;
    } options[] = {
        {"mode", wish->mode},       {"strategy", wish->strategy}, {"privacy", wish->privacy},
        {"session", wish->session}, {"consent", wish->consent},
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (options[i].value) {
            json_put_c(&w, options[i].key, options[i].value);
        }
    }
    json_end_object(&w);
    json_end_object(&w);
}

/* ---- the answer ---- */

void answer_clean(struct span s, struct text *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        bool c1 = c == 0xC2 && i + 1 < s.len && ((unsigned char)s.data[i + 1] & 0xE0) == 0x80;
        if (c1) {
            i++;
        } else if (c >= 0x20 ? c != 0x7F : c == '\t' || c == '\n') {
            text_add_char(out, (char)c);
        }
    }
}

static void show(struct state *st, struct span s)
{
    text_add(&st->result->text, s);
    if (st->fd < 0) {
        return;
    }
    struct text clean;
    text_init(&clean, ANSWER_TEXT_MAX);
    isatty(st->fd) ? answer_clean(s, &clean) : text_add(&clean, s);
    struct span rest = text_span(&clean);
    while (rest.len) {
        ssize_t n = write(st->fd, rest.data, rest.len);
        if (n <= 0) {
            break; /* the reader is gone; the answer is still kept */
        }
        rest = span_from(rest, (size_t)n);
    }
    text_done(&clean);
}

static void take_error(struct answer_result *r, const struct json *error)
{
    text_clear(&r->error);
    text_add(&r->error, json_str(json_get(error, "message")));
    span_to_c(json_str(json_get(error, "code")), r->error_code, sizeof r->error_code);
    if (r->error.len == 0) {
        text_add_c(&r->error, "the server answered with an error it did not explain");
    }
}

static void show_tool_calls(struct state *st, const struct json *calls)
{
    struct json_iter it = json_iter(calls);
    while (json_next(&it)) {
        const struct json *f = json_get(it.value, "function");
        struct span name = json_str(json_get(f, "name"));
        if (span_given(name)) {
            show(st, name);
            show(st, SPAN(" "));
        }
        show(st, json_str(json_get(f, "arguments")));
    }
}

static bool on_event(void *user, struct span event, struct span data)
{
    (void)event;
    struct state *st = user;
    if (span_starts(data, SPAN("[DONE]"))) {
        st->done = true;
        return true;
    }
    struct json_doc *doc;
    if (json_parse(data, &doc, NULL)) {
        return true;
    }
    const struct json *root = json_root(doc);
    if (json_get(root, "error")) {
        take_error(st->result, json_get(root, "error"));
    }
    const struct json *delta = json_get(json_at(json_get(root, "choices"), 0), "delta");
    show(st, json_str(json_get(delta, "content")));
    show_tool_calls(st, json_get(delta, "tool_calls"));
    const struct json *weir = json_get(root, "weir");
    if (json_type(weir) == JSON_OBJECT) {
        struct text copy;
        text_init(&copy, 4 * MIB);
        struct json_out w = json_out(&copy);
        json_value(&w, weir);
        json_free(st->result->weir);
        st->result->weir = NULL;
        if (json_parse(text_span(&copy), &st->result->weir, NULL)) {
            st->result->weir = NULL;
        }
        text_done(&copy);
    }
    json_free(doc);
    return true;
}

bool answer_stream(struct client *c, const struct answer_wish *wish, struct span messages, int fd,
                   struct answer_result *out)
{
    *out = (struct answer_result){0};
    text_init(&out->text, ANSWER_TEXT_MAX);
    text_init(&out->error, 16 * KIB);
    struct state st = {.result = out, .fd = fd};
    struct text body, error_body;
    text_init(&body, 64 * MIB);
    text_init(&error_body, MIB);
    answer_body(wish, messages, &body);
    struct fault fault = {0};
    int status = client_stream(c, "/v1/chat/completions", NULL, text_span(&body), on_event, &st,
                               &error_body, out->request_id, &fault);
    if (status < 0) {
        out->interrupted = fault.code == ERR_CANCELLED;
        text_add_c(&out->error, fault.text);
    } else if (status != 200) {
        struct json_doc *doc = NULL;
        bool readable = json_parse(text_span(&error_body), &doc, NULL) == OK;
        take_error(out, readable ? json_get(json_root(doc), "error") : NULL);
        json_free(doc);
    } else if (!st.done && out->error.len == 0) {
        text_add_c(&out->error, "the answer was cut off");
    }
    text_done(&body);
    text_done(&error_body);
    return st.done && out->error.len == 0;
}

void answer_result_done(struct answer_result *r)
{
    text_done(&r->text);
    text_done(&r->error);
    json_free(r->weir);
}

/* ---- the closing line ---- */

static void add_duration(struct text *out, int64_t us)
{
    if (us < 1000) {
        text_addf(out, "%lld µs", (long long)us);
    } else if (us < 1000000) {
        text_addf(out, "%.0f ms", (double)us / 1e3);
    } else {
        text_addf(out, "%.1f s", (double)us / 1e6);
    }
}

void answer_summary(const struct json *weir, struct text *out)
{
    struct span tier = json_str(json_get(weir, "tier"));
    text_addf(out, "%.*s", SPAN_ARG(tier));
    struct span model = json_str(json_get(weir, "model"));
    text_addf(out, " %.*s", SPAN_ARG(model));
    struct span reason = json_str(json_get(weir, "reason"));
    if (span_given(reason) && reason.len) {
        text_addf(out, " · %.*s", SPAN_ARG(reason));
    }
    text_add_c(out, " · ");
    add_duration(out, json_i64_or(json_get(weir, "total_us"), 0));
    double cost;
    if (json_to_f64(json_get(weir, "cost_usd"), &cost)) {
        text_addf(out, " · %.6g USD", cost);
    }
    struct span degraded = json_str(json_get(weir, "degraded"));
    if (span_given(degraded)) {
        text_addf(out, " · degraded: %.*s", SPAN_ARG(degraded));
    }
    int64_t redacted = json_i64_or(json_get(weir, "redacted"), 0);
    if (redacted > 0) {
        text_addf(out, " · %lld value%s redacted", (long long)redacted, redacted == 1 ? "" : "s");
    }
    const struct json *kept = json_get(weir, "kept");
    if (json_type(kept) == JSON_OBJECT) {
        text_addf(out, " · kept here by %.*s", SPAN_ARG(json_str(json_get(kept, "rule"))));
    }
    struct span hint = json_str(json_get(weir, "hint"));
    if (span_given(hint)) {
        text_addf(out, "\n%.*s", SPAN_ARG(hint));
    }
}
