/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudonyms out, values back: in whole texts, in bodies, in streams cut anywhere. */
#include "privacy/privacy.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- helpers ---- */

static struct privacy_policy *policy_of(const struct privacy_policy_options *o)
{
    struct privacy_policy *p = NULL;
    struct fault fault = {0};
    if (privacy_policy_new(o, &p, &fault) != OK) {
        fail_msg("%s", fault.text);
    }
    return p;
}

static struct privacy_policy *defaults(void)
{
    return policy_of(&(struct privacy_policy_options){.types_default = true});
}

struct round {
    struct privacy_policy *policy;
    struct pseudonyms *p;
    struct text out, back;
    struct redaction_count counts[FINDING_TYPES_MAX];
    int n;
    struct fault fault;
};

static struct round round_begin(const struct privacy_policy_options *o)
{
    struct round r = {.policy = o ? policy_of(o) : defaults(), .p = pseudonyms_new()};
    text_init(&r.out, 64 * MIB);
    text_init(&r.back, 64 * MIB);
    return r;
}

static void round_end(struct round *r)
{
    privacy_policy_free(r->policy);
    pseudonyms_free(r->p);
    text_done(&r->out);
    text_done(&r->back);
}

static enum err redact_json(struct round *r, struct span body)
{
    text_clear(&r->out);
    return privacy_redact_json(r->policy, r->p, body, &r->out, r->counts, &r->n, &r->fault);
}

static void check_json(const struct privacy_policy_options *o, const char *body,
                       const char *expected)
{
    struct round r = round_begin(o);
    assert_int_equal(redact_json(&r, span_c(body)), OK);
    assert_string_equal(r.out.data, expected);
    round_end(&r);
}

static const char *redact_text(struct round *r, struct span text)
{
    text_clear(&r->out);
    assert_int_equal(
        privacy_redact_text(r->policy, r->p, text, &r->out, r->counts, &r->n, &r->fault), OK);
    return text_span(&r->out).data;
}

/* ---- bodies ---- */

static void test_every_corner_of_a_body(void **state)
{
    (void)state;
    check_json(
        NULL,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"I am jane@acme.io\"},{\"role\":\"user\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"and jane@acme.io, bob@acme.io\"}]}],\"user\":\"203.0.113.9\","
        "\"metadata\":{\"bob@acme.io\":[\"+14155550132\"]},\"tools\":[{\"d\":\"mail \\u006aane@acme.io\"}],"
        "\"card\":4111111111111111,\"seed\":12345678,\"x\":1e400}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"I am <EMAIL_ADDRESS_1>\"},{\"role\":\"user\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"and <EMAIL_ADDRESS_1>, <EMAIL_ADDRESS_2>\"}]}],\"user\":\"<IP_ADDRESS_1>\","
        "\"metadata\":{\"<EMAIL_ADDRESS_2>\":[\"<PHONE_NUMBER_1>\"]},\"tools\":[{\"d\":\"mail <EMAIL_ADDRESS_1>\"}],"
        "\"card\":\"<CREDIT_CARD_1>\",\"seed\":12345678,\"x\":1e400}");
}

static void test_counts_are_values(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    assert_int_equal(redact_json(&r, SPAN("[\"a@b.io a@b.io c@d.io\",\"8.8.8.8\"]")), OK);
    assert_int_equal(r.n, 2);
    assert_string_equal(r.counts[0].type, "EMAIL_ADDRESS");
    assert_int_equal(r.counts[0].count, 2);
    assert_int_equal(r.counts[1].count, 1);
    assert_false(pseudonyms_empty(r.p));
    round_end(&r);
}

static void test_the_key_gives_a_number_its_meaning(void **state)
{
    (void)state;
    check_json(
        NULL,
        "{\"ssn\":123456789,\"mySsn\":\"123 45 6789\",\"n\":123456789,\"phone\":[4155550132]}",
        "{\"ssn\":\"<US_SSN_1>\",\"mySsn\":\"<US_SSN_2>\",\"n\":123456789,\"phone\":[\"<PHONE_NUMBER_1>\"]}");
}

static void test_duplicate_keys_are_all_seen(void **state)
{
    (void)state;
    check_json(NULL, "{\"a\":\"x\",\"a\":\"jane@acme.io\"}",
               "{\"a\":\"x\",\"a\":\"<EMAIL_ADDRESS_1>\"}");
}

static void test_the_same_history_gives_the_same_bytes(void **state)
{
    (void)state;
    struct round a = round_begin(NULL);
    struct round b = round_begin(NULL);
    assert_int_equal(redact_json(&a, SPAN("[\"x@a.io\",\"y@a.io\"]")), OK);
    assert_int_equal(redact_json(&b, SPAN("[\"x@a.io\",\"y@a.io\",\"z@a.io\"]")), OK);
    assert_memory_equal(a.out.data, b.out.data, a.out.len - 1);
    round_end(&a);
    round_end(&b);
}

static void test_never_leave_refuses(void **state)
{
    (void)state;
    const char *never[] = {"US_SSN", "SECRET", NULL};
    struct round r =
        round_begin(&(struct privacy_policy_options){.types_default = true, .never_leave = never});
    assert_int_equal(redact_json(&r, SPAN("[\"123-45-6789\"]")), ERR_POLICY);
    assert_non_null(strstr(r.fault.text, "US_SSN"));
    assert_null(strstr(r.fault.text, "6789"));
    assert_int_equal(redact_json(&r, SPAN("[\"a@b.io\"]")), OK);
    struct fault fault = {0};
    assert_int_equal(privacy_check_json(r.policy, SPAN("{\"a\":[\"a@b.io\"]}"), &fault), OK);
    assert_int_equal(privacy_check_json(r.policy, SPAN("{\"a\":[\"x 123-45-6789\"]}"), &fault),
                     ERR_POLICY);
    assert_int_equal(privacy_check_json(r.policy, SPAN("{\"ssn\":123456789}"), &fault), ERR_POLICY);
    assert_int_equal(privacy_check_json(r.policy, SPAN("{\"123-45-6789\":1}"), &fault), ERR_POLICY);
    round_end(&r);
}

static void test_what_cannot_be_scanned_is_refused(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    assert_int_equal(redact_json(&r, SPAN("{\"a\":")), ERR_POLICY);
    struct text big;
    text_init(&big, 8 * MIB);
    text_add_c(&big, "[\"");
    for (size_t i = 0; i < 4 * MIB; i++) {
        text_add_char(&big, "ab "[i % 3]);
    }
    text_add_c(&big, "x\"]");
    assert_int_equal(redact_json(&r, text_span(&big)), ERR_POLICY);
    assert_non_null(strstr(r.fault.text, "4 MiB"));
    struct fault fault = {0};
    assert_int_equal(privacy_check_json(r.policy, text_span(&big), &fault), ERR_POLICY);
    text_done(&big);
    round_end(&r);
}

static void test_a_pattern_that_gives_up_closes(void **state)
{
    (void)state;
    const char *types[] = {"SLOW", NULL};
    const char *patterns[] = {"(a+)+$", NULL};
    struct round r = round_begin(&(struct privacy_policy_options){
        .types_default = true, .custom_types = types, .custom_patterns = patterns});
    assert_int_equal(
        redact_json(&r, SPAN("[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"]")),
        ERR_POLICY);
    assert_non_null(strstr(r.fault.text, "too many steps"));
    round_end(&r);
}

static enum err rewrite(struct round *r, struct privacy_leaving how, const char *body)
{
    how.policy = r->policy;
    text_clear(&r->out);
    return privacy_rewrite(&how, r->p, span_c(body), &r->out, r->counts, &r->n, &r->fault);
}

static void test_images_stay_unless_allowed_and_are_not_counted(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    struct text big;
    text_init(&big, 8 * MIB);
    text_add_c(&big, "[\"data:image/png;base64,");
    for (size_t i = 0; i < 5 * MIB; i++) {
        text_add_char(&big, 'A');
    }
    text_add_c(&big, "\"]");
    assert_int_equal(redact_json(&r, text_span(&big)), ERR_POLICY);
    assert_non_null(strstr(r.fault.text, "allow_media: true"));
    assert_int_equal(rewrite(&r, (struct privacy_leaving){.media = true}, big.data), OK);
    assert_int_equal(r.out.len, big.len);
    text_clear(&big);
    text_add_c(&big, "{\"source\":{\"data\":\"");
    for (size_t i = 0; i < 300; i++) {
        text_add_char(&big, 'B');
    }
    text_add_c(&big, "\"}}");
    assert_int_equal(redact_json(&r, text_span(&big)), ERR_POLICY);
    text_done(&big);
    check_json(NULL, "[\"data:image/png;base64,AA== jane@acme.io\"]",
               "[\"data:image/png;base64,AA== <EMAIL_ADDRESS_1>\"]");
    round_end(&r);
}

static void test_arguments_are_read_as_json(void **state)
{
    (void)state;
    /* an escape is no part of the value, a key gives it a meaning; what has no finding stays byte for byte */
    check_json(
        NULL,
        "{\"arguments\":\"{ \\\"to\\\": \\\"jane\\\\u0040acme.io\\\", \\\"ssn\\\":123456789}\"}",
        "{\"arguments\":\"{\\\"to\\\":\\\"<EMAIL_ADDRESS_1>\\\",\\\"ssn\\\":\\\"<US_SSN_1>\\\"}\"}");
    check_json(NULL, "{\"arguments\":\"{ \\\"n\\\" : 1 }\"}",
               "{\"arguments\":\"{ \\\"n\\\" : 1 }\"}");
    check_json(NULL, "{\"arguments\":\"{ not json jane@acme.io\"}",
               "{\"arguments\":\"{ not json <EMAIL_ADDRESS_1>\"}");
}

static void test_consented_types_leave_as_pseudonyms_or_as_they_are(void **state)
{
    (void)state;
    static const char *const never[] = {"US_SSN", "CREDIT_CARD", NULL};
    static const char *const agreed[] = {"US_SSN", NULL};
    struct round r =
        round_begin(&(struct privacy_policy_options){.types_default = true, .never_leave = never});
    const char *body = "[\"my ssn 123-45-6789 and a@b.io\"]";
    assert_int_equal(rewrite(&r, (struct privacy_leaving){0}, body), ERR_POLICY);
    assert_int_equal(rewrite(&r, (struct privacy_leaving){.consented = agreed}, body), OK);
    assert_string_equal(r.out.data, "[\"my ssn <US_SSN_1> and <EMAIL_ADDRESS_1>\"]");
    struct privacy_leaving plain = {.consented = agreed, .consented_plain = true};
    assert_int_equal(rewrite(&r, plain, body), OK);
    assert_string_equal(r.out.data, "[\"my ssn 123-45-6789 and <EMAIL_ADDRESS_1>\"]");
    plain.policy = r.policy;
    assert_int_equal(privacy_check(&plain, span_c(body), &r.fault), OK);
    assert_int_equal(privacy_check(&plain, SPAN("[\"card 4111 1111 1111 1111\"]"), &r.fault),
                     ERR_POLICY);
    round_end(&r);
}

static void test_the_model_of_the_config_is_no_name(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    struct privacy_leaving how = {.model = SPAN("jane@acme.io")};
    const char *body = "{\"model\":\"jane@acme.io\",\"m\":{\"model\":\"jane@acme.io\"}}";
    assert_int_equal(rewrite(&r, how, body), OK);
    assert_string_equal(r.out.data,
                        "{\"model\":\"jane@acme.io\",\"m\":{\"model\":\"<EMAIL_ADDRESS_1>\"}}");
    assert_int_equal(rewrite(&r, how, "{\"model\":\"bob@acme.io\"}"), OK);
    assert_string_equal(r.out.data, "{\"model\":\"<EMAIL_ADDRESS_2>\"}");
    round_end(&r);
}

static void test_keys_of_programs_are_nobody(void **state)
{
    (void)state;
    check_json(NULL, "{\"properties\":{\"first_name\":1,\"trace\":\"x\",\"grace\":2,\"jane\":3}}",
               "{\"properties\":{\"first_name\":1,\"trace\":\"x\",\"grace\":2,\"jane\":3}}");
    check_json(NULL, "{\"jane@acme.io\":1}", "{\"<EMAIL_ADDRESS_1>\":1}");
}

static void test_a_scan_has_a_budget(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    struct text big;
    text_init(&big, 8 * MIB);
    text_add_char(&big, '[');
    for (int i = 0; i < 60; i++) {
        text_add_c(&big, i ? ",\"" : "\"");
        for (int k = 0; k < 5000; k++) {
            text_add_c(&big, "a1b2.c3 ");
        }
        text_add_char(&big, '"');
    }
    text_add_char(&big, ']');
    assert_int_equal(rewrite(&r, (struct privacy_leaving){.budget_ms = 1}, big.data), ERR_POLICY);
    assert_non_null(strstr(r.fault.text, "scan_budget_ms"));
    text_done(&big);
    round_end(&r);
}

static void test_findings_are_reused_for_the_same_bytes_only(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct request q = {.arena = a};
    const char *body = "{\"messages\":[\"write to jane@acme.io today\",{\"ssn\":\"123456789\"}]}";
    assert_int_equal(json_parse_in(a, span_c(body), &q.body, NULL), OK);
    struct facts f = {0};
    struct round r = round_begin(NULL);
    privacy_scan_request(r.policy, 0, &q, &f);
    struct privacy_leaving how = {.memo = q.scans};
    assert_int_equal(rewrite(&r, how, body), OK);
    assert_string_equal(
        r.out.data,
        "{\"messages\":[\"write to <EMAIL_ADDRESS_1> today\",{\"ssn\":\"<US_SSN_1>\"}]}");
    /* other bytes, or another key above them, are scanned anew */
    assert_int_equal(rewrite(&r, how, "[\"write to jane@acme.ie today\",{\"n\":\"123456789\"}]"),
                     OK);
    assert_string_equal(r.out.data, "[\"write to <EMAIL_ADDRESS_2> today\",{\"n\":\"123456789\"}]");
    /* of another policy nothing is taken over */
    static const char *const never[] = {"EMAIL_ADDRESS", NULL};
    struct round other =
        round_begin(&(struct privacy_policy_options){.types_default = true, .never_leave = never});
    assert_int_equal(rewrite(&other, how, body), ERR_POLICY);
    round_end(&other);
    round_end(&r);
    arena_free(a);
}

/* ---- policy ---- */

static void test_lists_of_the_policy(void **state)
{
    (void)state;
    const char *types[] = {"EMAIL_ADDRESS", NULL};
    const char *custom[] = {"EMPLOYEE_ID", NULL};
    const char *patterns[] = {"\\bE[0-9]{6}\\b", NULL};
    const char *allow[] = {"Info@Acme.io", NULL};
    check_json(
        &(struct privacy_policy_options){
            .types = types, .custom_types = custom, .custom_patterns = patterns, .allow = allow},
        "[\"E123456 j@acme.io info@acme.io 8.8.8.8 E1234567\"]",
        "[\"<EMPLOYEE_ID_1> <EMAIL_ADDRESS_1> info@acme.io 8.8.8.8 E1234567\"]");
}

static void test_bad_policies_are_named(void **state)
{
    (void)state;
    const char *unknown[] = {"PASWORD", NULL};
    const char *bad_type[] = {"Employee", NULL};
    const char *pattern[] = {"x+", NULL};
    const char *type[] = {"OKAY", NULL};
    const char *bad_pattern[] = {"(", NULL};
    const char *later[] = {"PERSON", NULL};
    struct privacy_policy *p = NULL;
    struct fault fault = {0};
    assert_int_equal(
        privacy_policy_new(&(struct privacy_policy_options){.never_leave = unknown}, &p, &fault),
        ERR_INVALID);
    assert_non_null(strstr(fault.text, "PASWORD"));
    assert_int_equal(
        privacy_policy_new(
            &(struct privacy_policy_options){.custom_types = bad_type, .custom_patterns = pattern},
            &p, &fault),
        ERR_INVALID);
    assert_int_equal(
        privacy_policy_new(
            &(struct privacy_policy_options){.custom_types = type, .custom_patterns = bad_pattern},
            &p, &fault),
        ERR_INVALID);
    assert_non_null(strstr(fault.text, "OKAY"));
    assert_null(p);
    assert_int_equal(
        privacy_policy_new(&(struct privacy_policy_options){.types = later}, &p, &fault), OK);
    privacy_policy_free(p);
}

static void test_facts(void **state)
{
    (void)state;
    const char *never[] = {"US_SSN", NULL};
    struct privacy_policy *policy =
        policy_of(&(struct privacy_policy_options){.types_default = true, .never_leave = never});
    struct arena *a = arena_new();
    struct request q = {.arena = a};
    assert_int_equal(
        json_parse_in(
            a, SPAN("{\"messages\":[\"a@b.io 123-45-6789 a@b.io\"],\"weir\":{\"x\":\"8.8.8.8\"}}"),
            &q.body, NULL),
        OK);
    struct facts f = {0};
    privacy_scan_request(policy, 0, &q, &f);
    assert_false(f.scan_failed);
    assert_int_equal(f.findings_count, 2);
    assert_string_equal(f.findings[0].type, "EMAIL_ADDRESS");
    assert_int_equal(f.findings[0].count, 2);
    assert_false(f.findings[0].never_leave);
    assert_string_equal(f.findings[1].type, "US_SSN");
    assert_true(f.findings[1].never_leave);
    arena_free(a);
    privacy_policy_free(policy);
}

/* ---- restoring ---- */

static void check_restored(struct round *r, const char *answer, const char *expected)
{
    text_clear(&r->back);
    pseudonyms_restore(r->p, span_c(answer), &r->back);
    assert_string_equal(text_span(&r->back).data, expected);
}

static void test_restoring_is_tolerant_but_not_more(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    redact_text(&r, SPAN("jane@acme.io 8.8.8.8"));
    assert_string_equal(r.out.data, "<EMAIL_ADDRESS_1> <IP_ADDRESS_1>");
    check_restored(&r, "Dear <EMAIL_ADDRESS_1>'s", "Dear jane@acme.io's");
    check_restored(&r,
                   "< email address 1 >, <Email_Address_1>, <EMAIL-ADDRESS-1>, <EMAIL_ADDRESS1>",
                   "jane@acme.io, jane@acme.io, jane@acme.io, jane@acme.io");
    check_restored(
        &r, "<EMAIL_ADDRESS_2> <EMAIL_ADDRESS_01> EMAIL_ADDRESS_1 <PERSON_1> <EMAIL_ADDRESS_1",
        "<EMAIL_ADDRESS_2> <EMAIL_ADDRESS_01> EMAIL_ADDRESS_1 <PERSON_1> <EMAIL_ADDRESS_1");
    check_restored(&r, "<<IP_ADDRESS_1>><EMAIL_ADDRESS_<IP_ADDRESS_1>",
                   "<8.8.8.8><EMAIL_ADDRESS_8.8.8.8");
    check_restored(&r, "<    EMAIL_ADDRESS_1>", "<    EMAIL_ADDRESS_1>");
    /* other brackets, HTML, Markdown, a possessive inside */
    check_restored(&r, "[EMAIL_ADDRESS_1] {IP_ADDRESS_1} &lt;EMAIL_ADDRESS_1&gt;",
                   "jane@acme.io 8.8.8.8 jane@acme.io");
    check_restored(&r, "\\<EMAIL\\_ADDRESS\\_1\\> <EMAIL\\_ADDRESS\\_1>",
                   "jane@acme.io jane@acme.io");
    check_restored(&r, "<EMAIL_ADDRESS_1's> <EMAIL_ADDRESS_1\xe2\x80\x99s >",
                   "jane@acme.io's jane@acme.io\xe2\x80\x99s");
    /* prose stays prose */
    const char *prose =
        "[Email Address 1]: email address 1, [email_address_1] {Ip Address 1} [EMAIL_ADDRESS_2] "
        "(EMAIL_ADDRESS_1) &lt;b&gt; \\<b\\> [EMAIL_ADDRESS_1> &lt;EMAIL_ADDRESS_1";
    check_restored(&r, prose, prose);
    check_restored(&r, "\\<EMAIL_ADDRESS_1>",
                   "\\jane@acme.io"); /* the backslash was there before */
    round_end(&r);
}

static void test_numbers_of_the_input_are_skipped(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    redact_text(
        &r,
        SPAN(
            "<EMAIL_ADDRESS_1> < email address 2> <EMAIL_ADDRESS__3> a@b.io \\u003cEMAIL_ADDRESS_4\\u003e"));
    assert_string_equal(r.out.data,
                        "<EMAIL_ADDRESS_1> < email address 2> <EMAIL_ADDRESS__3> <EMAIL_ADDRESS_5> "
                        "\\u003cEMAIL_ADDRESS_4\\u003e");
    round_end(&r);
    r = round_begin(NULL);
    redact_text(&r, SPAN("[EMAIL_ADDRESS_1] {EMAIL_ADDRESS_2} &lt;EMAIL_ADDRESS_3&gt; "
                         "\\<EMAIL\\_ADDRESS\\_4\\> a@b.io"));
    assert_non_null(strstr(r.out.data, " <EMAIL_ADDRESS_5>"));
    round_end(&r);
}

/* Everything emitted, per kind of lane. */
struct heard {
    struct text text, arguments;
    int deltas;
    size_t bytes_in, bytes_out, most_held;
};

static void hear(void *user, const struct delta *d)
{
    struct heard *h = user;
    text_add(d->kind == DELTA_TOOL_CALL ? &h->arguments : &h->text, d->text);
    h->deltas++;
    h->bytes_out += d->text.len;
}

static void stream_pieces(const struct pseudonyms *p, struct span answer, enum delta_kind kind,
                          struct rng *rng, struct heard *h)
{
    struct delta_filter *f = pseudonyms_restore_filter(p);
    for (size_t at = 0; at < answer.len;) {
        size_t n = rng ? rng_below(rng, 7) : 1;
        n = MIN(n, answer.len - at);
        /* Each piece in memory of its own size, so that reading past it is seen. */
        char *piece = mem_new(MAX(n, 1));
        memcpy(piece, answer.data + at, n);
        struct delta d = {.kind = kind, .text = span_of(piece, n)};
        f->type->apply(f, &d, hear, h);
        mem_free(piece);
        at += n;
    }
    f->type->apply(f, NULL, hear, h);
    f->type->free(f);
}

static void check_streamed(struct round *r, struct span answer, struct rng *rng)
{
    struct heard h = {0};
    text_init(&h.text, MIB);
    text_init(&h.arguments, MIB);
    text_clear(&r->back);
    pseudonyms_restore(r->p, answer, &r->back);
    stream_pieces(r->p, answer, DELTA_TEXT, rng, &h);
    if (!span_eq(text_span(&h.text), text_span(&r->back))) {
        fail_msg("streamed: %.*s\nwhole: %.*s", SPAN_ARG(text_span(&h.text)),
                 SPAN_ARG(text_span(&r->back)));
    }
    text_done(&h.text);
    text_done(&h.arguments);
}

static void test_a_stream_cut_anywhere(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    redact_text(&r, SPAN("jane@acme.io 8.8.8.8 bob@acme.io"));
    struct span answer = SPAN(
        "To <EMAIL_ADDRESS_1> and < email address 2 >'s <b>x</b> 1 < 2 <EMAIL_ADDRESS_9> "
        "<IP_ADDRESS_1><EMAIL_ADDRESS_<EMAIL_ADDRESS_1> [IP_ADDRESS_1] {EMAIL_ADDRESS_2} [Email "
        "&lt;IP_ADDRESS_1&gt; &amp; \\<EMAIL\\_ADDRESS\\_1\\> <EMAIL_ADDRESS_2\xe2\x80\x99s> <IP_ADD");
    check_streamed(&r, answer, NULL);
    for (uint64_t seed = 0; seed < 300; seed++) {
        check_streamed(&r, answer, &(struct rng){seed});
    }
    round_end(&r);
}

static void test_tool_arguments_stay_json(void **state)
{
    (void)state;
    const char *types[] = {"QUOTED", NULL};
    const char *patterns[] = {"\"[a-z]+\\\\?\"", NULL};
    struct round r = round_begin(&(struct privacy_policy_options){
        .types_default = true, .custom_types = types, .custom_patterns = patterns});
    redact_text(&r, SPAN("the \"name\" of jane@acme.io"));
    struct span answer =
        SPAN("{\"to\":\"<EMAIL_ADDRESS_1>\",\"n\":\"<QUOTED_1>\",\"u\":\"\\u003cQUOTED_1\\u003E\","
             "\"no\":\"\\\\u003cQUOTED_1\\u003e\"}");
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct heard h = {0};
        text_init(&h.text, MIB);
        text_init(&h.arguments, MIB);
        stream_pieces(r.p, answer, DELTA_TOOL_CALL, seed ? &(struct rng){seed} : NULL, &h);
        assert_string_equal(
            h.arguments.data,
            "{\"to\":\"jane@acme.io\",\"n\":\"\\\"name\\\"\",\"u\":\"\\\"name\\\"\","
            "\"no\":\"\\\\u003cQUOTED_1\\u003e\"}");
        text_done(&h.text);
        text_done(&h.arguments);
    }
    round_end(&r);
}

static void test_lanes_do_not_mix(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    redact_text(&r, SPAN("jane@acme.io"));
    struct heard h = {0};
    text_init(&h.text, MIB);
    text_init(&h.arguments, MIB);
    struct delta_filter *f = pseudonyms_restore_filter(r.p);
    f->type->apply(f, &(struct delta){.text = SPAN("a<EMAIL_ADD")}, hear, &h);
    f->type->apply(f, &(struct delta){.choice = 1, .text = SPAN("b")}, hear, &h);
    f->type->apply(f,
                   &(struct delta){.kind = DELTA_TOOL_CALL,
                                   .tool_id = SPAN("id"),
                                   .tool_name = SPAN("t"),
                                   .text = SPAN("<")},
                   hear, &h);
    assert_int_equal(h.deltas, 3); /* a call's name is not held back */
    f->type->apply(f, &(struct delta){.text = SPAN("RESS_1>c")}, hear, &h);
    f->type->apply(f, NULL, hear, &h);
    assert_string_equal(h.text.data, "abjane@acme.ioc");
    assert_string_equal(h.arguments.data, "<");
    f->type->free(f);
    text_done(&h.text);
    text_done(&h.arguments);
    round_end(&r);
}

static void hear_name(void *user, const struct delta *d)
{
    text_add(user, d->tool_name);
}

static void test_names_of_tools_come_back(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    redact_text(&r, SPAN("jane@acme.io"));
    struct delta_filter *f = pseudonyms_restore_filter(r.p);
    struct delta d = {.kind = DELTA_TOOL_CALL,
                      .text = SPAN(""),
                      .tool_id = SPAN("call_1"),
                      .tool_name = SPAN("mail_<EMAIL_ADDRESS_1>")};
    f->type->apply(f, &d, hear_name, &r.back);
    f->type->apply(f, NULL, hear_name, &r.back);
    assert_string_equal(r.back.data, "mail_jane@acme.io");
    f->type->free(f);
    round_end(&r);
}

static void test_little_is_held_back(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    redact_text(&r, SPAN("jane@acme.io"));
    struct heard h = {0};
    text_init(&h.text, MIB);
    text_init(&h.arguments, MIB);
    struct delta_filter *f = pseudonyms_restore_filter(r.p);
    const char *answer =
        "a < b <x <EMAIL <<<<   EMAIL_ADDRESS_12345 <EMAIL_ADDRESS_1> <   email address  1   ";
    size_t in = 0;
    for (const char *c = answer; *c; c++) {
        f->type->apply(f, &(struct delta){.text = span_of(c, 1)}, hear, &h);
        in++;
        if (h.bytes_out <
            in) { /* restoring makes it shorter here, so this only over-states what is held */
            assert_true(in - h.bytes_out <=
                        strlen("<   EMAIL_ADDRESS__123456   >") + strlen("<EMAIL_ADDRESS_1>"));
        }
    }
    f->type->apply(f, NULL, hear, &h);
    f->type->free(f);
    text_done(&h.text);
    text_done(&h.arguments);
    round_end(&r);
}

/* ---- the law ---- */

/* Texts made of the pieces that matter: values, tokens in all forms, their fragments, noise. */
static void random_text(struct rng *rng, bool spaced, struct text *out)
{
    static const char *const pieces[] = {
        "jane@acme.io",
        "bob@x.org",
        "8.8.8.8",
        "4111 1111 1111 1111",
        "123-45-6789",
        "+1 415 555 0132",
        "<",
        ">",
        " ",
        "_",
        "1",
        "2",
        "EMAIL_ADDRESS",
        "email address",
        "<EMAIL_ADDRESS_1>",
        "< email_address 2 >",
        "<IP_ADDRESS_1>",
        "\\u003c",
        "<US_SSN_",
        "<CREDIT_CARD_1",
        "ADDRESS",
        "\n",
        "\"",
        "\\",
        "\xc3\xa9",
        "x",
        "-",
        "<EMAIL ADDRESS-3>",
        "[EMAIL_ADDRESS_1]",
        "{US_SSN_1}",
        "&lt;email_address_2&gt;",
        "\\<PHONE\\_NUMBER\\_1\\>",
        "<EMAIL_ADDRESS_1's>",
        "[",
        "&lt;",
        "\\",
        "DE89370400440532013000",
    };
    size_t n = rng_below(rng, 14);
    for (size_t i = 0; i < n; i++) {
        text_add_c(out, pieces[rng_below(rng, ARRAY_LEN(pieces))]);
        text_add_c(out, spaced ? ", " : "");
    }
}

static void test_law_restore_undoes_redact(void **state)
{
    (void)state;
    struct rng rng = {7};
    struct text x;
    text_init(&x, MIB);
    for (int i = 0; i < 20000; i++) {
        struct round r = round_begin(NULL);
        text_clear(&x);
        bool spaced = i % 2;
        random_text(&rng, spaced, &x);
        redact_text(&r, text_span(&x));
        text_clear(&r.back);
        pseudonyms_restore(r.p, text_span(&r.out), &r.back);
        if (!span_eq(text_span(&r.back), text_span(&x))) {
            fail_msg("%s\n→ %s\n→ %s", text_span(&x).data, text_span(&r.out).data,
                     text_span(&r.back).data);
        }
        struct finding left[4];
        int n = privacy_scan(r.policy, text_span(&r.out), left, 4);
        for (int k = 0; k < n && spaced;
             k++) { /* nothing stays; a name is a matter of what stands around it */
            if (strcmp(left[k].type, "PERSON") != 0) {
                fail_msg("%s\n→ %s: %s", text_span(&x).data, text_span(&r.out).data, left[k].type);
            }
        }
        check_streamed(&r, text_span(&r.out), &rng);
        round_end(&r);
    }
    text_done(&x);
}

static void test_report(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    assert_int_equal(privacy_redact_report(NULL, r.p, SPAN("hi jane@acme.io"), &r.out, &r.fault),
                     OK);
    assert_string_equal(
        r.out.data, "{\"text\":\"hi <EMAIL_ADDRESS_1>\",\"findings\":[{\"type\":\"EMAIL_ADDRESS\","
                    "\"start\":3,\"end\":15,\"score\":0.95,\"token\":\"<EMAIL_ADDRESS_1>\"}]}");
    text_clear(&r.out);
    assert_int_equal(privacy_redact_report(NULL, r.p, SPAN("hi"), &r.out, &r.fault), OK);
    assert_string_equal(r.out.data, "{\"text\":\"hi\",\"findings\":[]}");
    round_end(&r);
}

/* A rule may ask for a type that leaves as it is. */
static void test_watched_types_are_found_and_left(void **state)
{
    (void)state;
    static const char *const watched[] = {"URL", NULL};
    struct round r =
        round_begin(&(struct privacy_policy_options){.types_default = true, .watched = watched});
    struct arena *a = arena_new();
    struct request q = {.arena = a};
    const char *body = "{\"messages\":[\"see https://acme.io/plan and jane@acme.io\"]}";
    assert_int_equal(json_parse_in(a, span_c(body), &q.body, NULL), OK);
    struct facts f = {0};
    privacy_scan_request(r.policy, 0, &q, &f);
    assert_int_equal(f.findings_count, 2);
    assert_string_equal(f.findings[0].type, "URL");
    assert_int_equal(rewrite(&r, (struct privacy_leaving){.memo = q.scans}, body), OK);
    assert_string_equal(r.out.data,
                        "{\"messages\":[\"see https://acme.io/plan and <EMAIL_ADDRESS_1>\"]}");
    round_end(&r);
    arena_free(a);
}

/* The gate's own strings (joined parts, say) know the names that the request said elsewhere. */
static void test_the_gate_remembers_the_requests_names(void **state)
{
    (void)state;
    struct round r = round_begin(NULL);
    struct arena *a = arena_new();
    struct request q = {.arena = a};
    const char *body =
        "[\"My name is Jonathan Whitfield.\",\"status whitfield\",\"and the invoice\"]";
    char wrapped[200];
    snprintf(wrapped, sizeof wrapped, "{\"messages\":%s}", body);
    assert_int_equal(json_parse_in(a, span_c(wrapped), &q.body, NULL), OK);
    struct facts f = {0};
    privacy_scan_request(r.policy, 0, &q, &f);
    const char *joined =
        "{\"messages\":[\"My name is Jonathan Whitfield.\",\"status whitfield\\nand the invoice\"]}";
    assert_int_equal(rewrite(&r, (struct privacy_leaving){.memo = q.scans}, joined), OK);
    assert_null(strstr(r.out.data, "hitfield"));
    round_end(&r);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watched_types_are_found_and_left),
        cmocka_unit_test(test_the_gate_remembers_the_requests_names),
        cmocka_unit_test(test_every_corner_of_a_body),
        cmocka_unit_test(test_counts_are_values),
        cmocka_unit_test(test_the_key_gives_a_number_its_meaning),
        cmocka_unit_test(test_duplicate_keys_are_all_seen),
        cmocka_unit_test(test_the_same_history_gives_the_same_bytes),
        cmocka_unit_test(test_never_leave_refuses),
        cmocka_unit_test(test_what_cannot_be_scanned_is_refused),
        cmocka_unit_test(test_a_pattern_that_gives_up_closes),
        cmocka_unit_test(test_images_stay_unless_allowed_and_are_not_counted),
        cmocka_unit_test(test_arguments_are_read_as_json),
        cmocka_unit_test(test_consented_types_leave_as_pseudonyms_or_as_they_are),
        cmocka_unit_test(test_the_model_of_the_config_is_no_name),
        cmocka_unit_test(test_keys_of_programs_are_nobody),
        cmocka_unit_test(test_a_scan_has_a_budget),
        cmocka_unit_test(test_findings_are_reused_for_the_same_bytes_only),
        cmocka_unit_test(test_lists_of_the_policy),
        cmocka_unit_test(test_bad_policies_are_named),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_restoring_is_tolerant_but_not_more),
        cmocka_unit_test(test_numbers_of_the_input_are_skipped),
        cmocka_unit_test(test_a_stream_cut_anywhere),
        cmocka_unit_test(test_tool_arguments_stay_json),
        cmocka_unit_test(test_lanes_do_not_mix),
        cmocka_unit_test(test_names_of_tools_come_back),
        cmocka_unit_test(test_little_is_held_back),
        cmocka_unit_test(test_law_restore_undoes_redact),
        cmocka_unit_test(test_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
