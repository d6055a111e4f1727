/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/agree.h"

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_held(const struct answer_result *r)
{
    const struct json *weir = r->weir ? json_root(r->weir) : NULL;
    return json_type(json_get(weir, "kept")) == JSON_OBJECT ||
           strcmp(r->error_code, "policy_forbids") == 0;
}

/* "412 bytes to cloud (m-fast): 1 CREDIT_CARD as a pseudonym" */
static void describe(const struct json *offer, struct text *out)
{
    text_addf(out, "%lld bytes to %.*s (%.*s)", (long long)json_i64_or(json_get(offer, "bytes"), 0),
              SPAN_ARG(json_str(json_get(offer, "backend"))),
              SPAN_ARG(json_str(json_get(offer, "model"))));
    const char *before = ": ";
    for (struct json_iter it = json_iter(json_get(offer, "types")); json_next(&it);) {
        text_addf(out, "%s%lld %.*s %.*s", before,
                  (long long)json_i64_or(json_get(it.value, "count"), 0), SPAN_ARG(it.key),
                  SPAN_ARG(json_str(json_get(it.value, "leaves"))));
        before = ", ";
    }
}

static bool says_yes(const struct json *offer, bool after_text)
{
    struct text line, clean;
    text_init(&line, 8 * KIB);
    text_init(&clean, 8 * KIB);
    describe(offer, &line);
    answer_clean(text_span(&line), &clean);
    fprintf(stderr, "%s%skept here by policy. Let it go, this once? %s [y/N]%s ",
            after_text ? "\n" : "", cli_bold(STDERR_FILENO), clean.data, cli_reset(STDERR_FILENO));
    fflush(stderr);
    text_done(&line);
    text_done(&clean);
    char reply[16] = "";
    ssize_t n = read(STDIN_FILENO, reply, sizeof reply - 1);
    return n > 0 && (reply[0] == 'y' || reply[0] == 'Y');
}

bool agree_ask(struct client *c, const struct answer_wish *wish, struct span messages,
               const struct answer_result *r, struct agreement *out, struct answer_wish *out_wish)
{
    if (!is_held(r) || wish->consent || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return false;
    }
    struct text body, answer;
    struct fault fault = {0};
    struct json_doc *doc = NULL;
    text_init(&body, 64 * MIB);
    text_init(&answer, MIB);
    answer_body(wish, messages, &body);
    bool yes = client_call(c, "POST", "/weir/v1/consent", NULL, text_span(&body), &answer,
                           &fault) == 200 &&
               json_parse(text_span(&answer), &doc, NULL) == OK;
    const struct json *offer = json_root(doc);
    yes = yes && json_type(json_get(offer, "consent")) == JSON_STRING &&
          says_yes(offer, r->text.len > 0);
    if (yes) {
        span_to_c(json_str(json_get(offer, "consent")), out->consent, sizeof out->consent);
        span_to_c(json_str(json_get(offer, "backend")), out->backend, sizeof out->backend);
        *out_wish = *wish;
        out_wish->consent = out->consent;
        out_wish->model = out->backend;
    }
    json_free(doc);
    text_done(&body);
    text_done(&answer);
    return yes;
}
