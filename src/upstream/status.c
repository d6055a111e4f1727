/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/status.h"

#include "base/clock.h"
#include "chat/dialect.h"

#include <math.h>
#include <time.h>

/* ---- Retry-After ---- */

/* RFC 9110, 5.6.7: IMF-fixdate, RFC 850 and asctime forms must all be understood. */
static bool parse_date(const char *text, int64_t *out_s)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && *end == '\0') {
            *out_s = (int64_t)timegm(&tm);
            return true;
        }
    }
    return false;
}

static int64_t bounded_ms(double ms)
{
    if (!(ms >= 0)) {
        return ms < 0 ? 0 : -1; /* a moment that has passed is now; NaN is nothing */
    }
    return ms > (double)RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : (int64_t)ceil(ms);
}

int64_t status_retry_after_ms(const struct wire_head *head, uint64_t wall_us)
{
    double n = 0;
    int64_t date_s = 0;
    if (span_to_f64(span_trim(span_c(head->retry_after_ms)), &n)) {
        return bounded_ms(n);
    }
    if (span_to_f64(span_trim(span_c(head->retry_after)), &n)) {
        return bounded_ms(n * 1000);
    }
    if (parse_date(head->retry_after, &date_s)) {
        return bounded_ms((double)date_s * 1000 - (double)wall_us / US_PER_MS);
    }
    return -1;
}

/* ---- statuses ---- */

struct meaning {
    enum err err;
    bool retryable, may_be_billed;
    const char *said;
};

static struct meaning meaning_of(int status)
{
    switch (status) {
    case 401:
    case 403: /* never the client's own 401: its key is fine, ours is not */
        return (struct meaning){ERR_UPSTREAM, false, false, "the provider refused the key"};
    case 402:
        return (struct meaning){ERR_UPSTREAM, false, false, "the provider wants to be paid first"};
    case 404:
    case 405:
        return (struct meaning){ERR_UPSTREAM, false, false,
                                "the provider does not know this path or model"};
    case 408:
        return (struct meaning){ERR_UPSTREAM, true, true, "the provider gave up waiting"};
    case 413:
        return (struct meaning){ERR_TOO_LARGE, false, false,
                                "the provider finds the request too large"};
    case 429:
        return (struct meaning){ERR_RATE_LIMITED, true, false, "the provider limits the rate"};
    case 501:
    case 505:
        return (struct meaning){ERR_UPSTREAM, false, false, "the provider cannot do this"};
    case 503:
    case 529:
        return (struct meaning){ERR_UPSTREAM, true, false, "the provider is overloaded"};
    default:
        break;
    }
    if (status >= 500) {
        return (struct meaning){ERR_UPSTREAM, true, true, "the provider failed"};
    }
    if (status >= 400) {
        return (struct meaning){ERR_INVALID, false, false, "the provider refused the request"};
    }
    if (status >= 300) {
        return (struct meaning){
            ERR_UPSTREAM, false, false,
            "the provider redirects elsewhere: the url in the config is not right"};
    }
    return (struct meaning){ERR_UPSTREAM, false, false, "the provider answered without an answer"};
}

/* Providers like to repeat what they were sent. */
static void hide_key(struct text *line, const char *key)
{
    struct span secret = span_c(key);
    if (secret.len < 4) {
        return;
    }
    struct text clean;
    text_init(&clean, 2 * line->max);
    size_t from = 0, at;
    while ((at = span_find(text_span(line), secret, from)) != SIZE_MAX) {
        text_add(&clean, span_of(line->data + from, at - from));
        text_add_c(&clean, "[key]");
        from = at + secret.len;
    }
    text_add(&clean, span_from(text_span(line), from));
    text_clear(line);
    text_add(line, span_first(text_span(&clean), line->max));
    text_done(&clean);
}

static bool quota_is_gone(struct span body)
{
    return span_find(body, SPAN("insufficient_quota"), 0) != SIZE_MAX;
}

void status_explain(const struct wire_head *head, struct span body, const char *key,
                    uint64_t wall_us, struct leg_end *out, struct text *out_text)
{
    struct meaning m = meaning_of(head->status);
    enum err kind = outbound_error_kind(body);
    if (head->status >= 400 && head->status < 500 && kind == ERR_CONTEXT_LENGTH) {
        m = (struct meaning){ERR_CONTEXT_LENGTH, false, false,
                             "the prompt is too long for the provider's model"};
    }
    if (head->status == 429 && quota_is_gone(body)) {
        m = (struct meaning){ERR_UPSTREAM, false, false, "the provider's quota is used up"};
    }
    text_addf(out_text, "%s (status %d)", m.said, head->status);
    size_t before = out_text->len;
    text_add_c(out_text, ": ");
    outbound_error_text(body, out_text);
    if (out_text->len == before + 2) {
        text_truncate(out_text, before);
    }
    hide_key(out_text, key);
    out->outcome = LEG_ERROR;
    out->err = m.err;
    out->retryable = m.retryable;
    out->may_be_billed = m.may_be_billed;
    out->http_status = head->status;
    out->retry_after_ms = m.err == ERR_RATE_LIMITED || head->status >= 500
                              ? status_retry_after_ms(head, wall_us)
                              : -1;
}
