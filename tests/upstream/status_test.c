/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/status.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int64_t retry_after(const char *field, const char *ms)
{
    struct wire_head head = {.status = 429};
    snprintf(head.retry_after, sizeof head.retry_after, "%s", field);
    snprintf(head.retry_after_ms, sizeof head.retry_after_ms, "%s", ms);
    /* Sun, 06 Nov 1994 08:49:37 GMT, less ten seconds */
    return status_retry_after_ms(&head, (784111777ull - 10) * US_PER_S);
}

static void retry_after_in_all_its_forms(void **state)
{
    (void)state;
    assert_int_equal(retry_after("", ""), -1);
    assert_int_equal(retry_after("7", ""), 7000);
    assert_int_equal(retry_after(" 0.25 ", ""), 250);
    assert_int_equal(retry_after("1", "50"), 50);
    assert_int_equal(retry_after("2", "soon"), 2000);
    assert_int_equal(retry_after("0", ""), 0);
    assert_int_equal(retry_after("-3", ""), 0);
    assert_int_equal(retry_after("1e300", ""), RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("99999999999999999999999", ""), RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", ""), 10000);
    assert_int_equal(retry_after("Sunday, 06-Nov-94 08:49:37 GMT", ""), 10000);
    assert_int_equal(retry_after("Sun Nov  6 08:49:37 1994", ""), 10000);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:00 GMT", ""), 0);
    assert_int_equal(retry_after("tomorrow", ""), -1);
    assert_int_equal(retry_after("nan", "inf"), -1);
}

static void explain_is(int status, const char *body, enum err err, const char *line)
{
    struct wire_head head = {.status = status};
    struct leg_end end = {0};
    struct text text;
    text_init(&text, KIB);
    status_explain(&head, span_c(body), "s3cr3t-k", 0, &end, &text);
    assert_string_equal(text.data, line);
    assert_int_equal(end.err, err);
    assert_int_equal(end.http_status, status);
    assert_int_equal(end.outcome, LEG_ERROR);
    assert_true(!end.retryable || status == 408 || status == 429 || status >= 500);
    text_done(&text);
}

static void statuses_are_explained(void **state)
{
    (void)state;
    explain_is(401, "", ERR_UPSTREAM, "the provider refused the key (status 401)");
    explain_is(403, "{}", ERR_UPSTREAM, "the provider refused the key (status 403)");
    explain_is(402, "", ERR_UPSTREAM, "the provider wants to be paid first (status 402)");
    explain_is(408, "", ERR_UPSTREAM, "the provider gave up waiting (status 408)");
    explain_is(413, "", ERR_TOO_LARGE, "the provider finds the request too large (status 413)");
    explain_is(413, "{\"error\":{\"code\":\"context_length_exceeded\"}}", ERR_CONTEXT_LENGTH,
               "the prompt is too long for the provider's model (status 413)");
    explain_is(
        429,
        "{\"error\":{\"message\":\"You exceeded your current quota\",\"code\":\"insufficient_quota\"}}",
        ERR_UPSTREAM,
        "the provider's quota is used up (status 429): “You exceeded your current quota”");
    explain_is(500, "{\"error\":{\"message\":\"context length\"}}", ERR_UPSTREAM,
               "the provider failed (status 500): “context length”");
    explain_is(529, "{\"type\":\"error\",\"error\":{\"message\":\"Overloaded\"}}", ERR_UPSTREAM,
               "the provider is overloaded (status 529): “Overloaded”");
    explain_is(422, "{\"detail\":[{\"msg\":\"bad\"}]}", ERR_INVALID,
               "the provider refused the request (status 422): “bad”");
    explain_is(204, "", ERR_UPSTREAM, "the provider answered without an answer (status 204)");
    explain_is(301, "", ERR_UPSTREAM,
               "the provider redirects elsewhere: the url in the config is not right (status 301)");
}

static void the_key_is_never_repeated(void **state)
{
    (void)state;
    explain_is(400, "{\"error\":{\"message\":\"key s3cr3t-k or 's3cr3t-k's3cr3t-k\"}}", ERR_INVALID,
               "the provider refused the request (status 400): “key [key] or '[key]'[key]”");
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url, *address, *path;
        bool tls, loopback;
    } rows[] = {
        {"http://127.0.0.1:9000/v1/chat", "127.0.0.1:9000", "/v1/chat", false, true},
        {"http://host", "host:80", "", false, false},
        {"HTTPS://Host.Example/v1?a=b", "Host.Example:443", "/v1?a=b", true, false},
        {"https://[::1]:8443/x", "[::1]:8443", "/x", true, true},
        {"http://[2001:db8::1]/x", "[2001:db8::1]:80", "/x", false, false},
        {"unix:/run/a.sock", "unix:/run/a.sock", "", false, true},
        {"unix:/run/a.sock:/v1/x", "unix:/run/a.sock", "/v1/x", false, true},
        {"http://unix:/run/a.sock:/v1", "unix:/run/a.sock", "/v1", false, true},
        {"http://1277.0.0.1/", "1277.0.0.1:80", "/", false, false},
        {"http://127.0.0.1a/", "127.0.0.1a:80", "/", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wire_url url;
        assert_true(wire_url_parse(rows[i].url, &url));
        assert_string_equal(url.address, rows[i].address);
        assert_true(span_is(url.path, rows[i].path));
        assert_int_equal(url.tls, rows[i].tls);
        assert_int_equal(url.loopback, rows[i].loopback);
    }
    static const char *const bad[] = {"",
                                      "http://",
                                      "host:80",
                                      "file:///etc",
                                      "http://a:b/",
                                      "http://a:0/",
                                      "http://a b/",
                                      "http://a\r\nX: y/",
                                      "http://u@h/",
                                      "unix:relative",
                                      "https://:443/"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct wire_url url;
        assert_false(wire_url_parse(bad[i], &url));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_in_all_its_forms),
        cmocka_unit_test(statuses_are_explained),
        cmocka_unit_test(the_key_is_never_repeated),
        cmocka_unit_test(addresses_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
