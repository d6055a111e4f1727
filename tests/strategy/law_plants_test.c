/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does each law of law_test.c catch the bug it is there for? Each plant is one
 * change to the source of the flow or of a strategy. The changed file is compiled,
 * linked with the law test in front of the libraries, and run: the law named must
 * break. The first plant changes nothing and must pass.
 *
 * A plant whose text is no longer in the source fails here: plant it anew.
 */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct plant {
    const char *file; /* under src/ */
    const char *find; /* exactly once in it, white space aside */
    const char *replace;
    const char *laws; /* any of these, separated by '|' */
};

#define STEP_END                                                                                   \
    "    flow_step(f, &(struct event){.kind = EV_END, .leg = leg->number, .u.end = &leg->end});\n"
#define SETTLE                                                                                     \
    "        f->host->gate->settle(f->host->gate_self, leg, &leg->end, leg->left_bytes);\n"
#define SINK_END                                                                                   \
    "        f->sink_type->end(f->sink, r, author && !leg_live(author) ? &author->end : NULL);\n"
#define RECEIPT "        f->host->receipt(f->host->user, &f->receipt);\n"

static const struct plant plants[] = {
    {"flow/flow.c", "", "", NULL},
    /* events */
    {"flow/flow.c", "    flow_queue(f, QUEUED_BEGIN, 0, 0);\n",
     "    flow_queue(f, QUEUED_BEGIN, 0, 0);\n    flow_queue(f, QUEUED_BEGIN, 0, 0);\n",
     "begin-first-and-once"},
    {"flow/leg.c", STEP_END, STEP_END STEP_END, "one-end-per-leg"},
    {"flow/leg.c", "    if (leg->closed) {\n        return;\n    }\n    switch (q->kind)",
     "    switch (q->kind)", "closed-leg-is-silent"},
    {"flow/flow.c", "    return !f->gone || (number", "    return true || (number",
     "no-step-after-the-end"},
    {"flow/flow.c", "    if (f->finished || f->abandoned) {\n        return false;",
     "    if (f->abandoned) {\n        return false;", "no-step-after-the-end|one-end-per-leg"},
    /* legs and drivers */
    {"flow/leg.c", "    if (leg->closed && leg->state != LEG_ENDING",
     "    if (false && leg->state != LEG_ENDING", "freed|terminates"},
    {"flow/leg.c", "        leg->driver.type->cancel(leg->driver.self, leg);\n", "",
     "cancelled|AddressSanitizer|timers"},
    {"flow/leg.c", "    if (leg->state == LEG_RUNNING && wanted",
     "    if (leg->state != LEG_NEW && wanted", "pause-only-running"},
    {"flow/leg.c", "leg->attempts <= leg->backend->retries",
     "leg->attempts <= leg->backend->retries + 1", "attempts"},
    {"flow/leg.c", "leg->received_bytes == 0 && leg->receipt->ttft_us < 0 && ", "",
     "one-request-once-shown|text-is-the-authors"},
    /* the gate and money */
    {"flow/leg.c", "    if (leg->backend->tier == TIER_DEVICE) {",
     "    if (leg->backend->tier != TIER_HUMAN) {", "gated"},
    {"flow/leg.c", SETTLE, "", "settled-once"},
    {"flow/leg.c", SETTLE, SETTLE SETTLE, "settled-once"},
    {"flow/leg.c", "        leg->flow->host->gate->forget(leg->flow->host->gate_self, leg);\n", "",
     "timers|AddressSanitizer|terminates|PRE|leg->state == LEG_GATE"},
    {"flow/accounts.c", "    r->cost_usd_nano = 0;\n", "    r->cost_usd_nano = 1;\n",
     "cost-is-the-sum"},
    /* the sink and the end */
    {"flow/flow.c", SINK_END, SINK_END SINK_END, "sink-end-once"},
    {"flow/flow.c", RECEIPT, RECEIPT RECEIPT, "receipt-once"},
    {"flow/flow.c", RECEIPT, "", "receipt-once"},
    {"flow/flow.c", "    arena_free(f->request->arena);\n", "", "freed"},
    {"flow/flow.c", "    if (f->gone) { /* it left", "    if (false) { /* it left",
     "nothing-after-gone"},
    {"flow/flow.c", "            leg_cut(f->legs[i], LEG_TIMEOUT, ERR_DEADLINE, text);\n", "",
     "deadline"},
    {"flow/flow.c", "        pump(f); /* ends", "        flow_wake(f); /* ends", "abandon-is-now"},
    {"flow/flow.c", "    f->begun = true;\n", "", "begin-once"},
    {"flow/leg.c", "    if (filter && !leg->closed) {", "    if (false) {", "text-is-the-authors"},
    /* strategies */
    {"strategy/plain.c",
     "    if (p->phase == PHASE_SHOWING) {\n        plain_end_broken(p, f, leg_end);\n        return;\n    }\n",
     "", "one-author|clean-end|one-request-once-shown"},
    {"strategy/plain.c", "    end(p, f, OUTCOME_PARTIAL);\n", "    end(p, f, OUTCOME_OK);\n",
     "clean-end"},
    {"strategy/plain.c", "    if (leg_end->outcome == LEG_OK) {",
     "    if (leg_end->outcome != LEG_ERROR) {", "clean-end"},
    {"strategy/plain.c",
     "        plain_take_author(p, f, p->leg, p->backend);\n    }\n    flow_emit(f, d);",
     "        flow_author(f, 1);\n    }\n    flow_emit(f, d);",
     "no-refused-author|text-is-the-authors"},
    {"strategy/cascade.c",
     "        drop_device(c, f);\n        plain_take_author(&c->p, f, c->p.leg, c->p.backend);\n        c->p.phase = PHASE_SHOWING;",
     "        show_held(c, f);\n        drop_device(c, f);\n        plain_take_author(&c->p, f, c->p.leg, c->p.backend);\n        c->p.phase = PHASE_SHOWING;",
     "one-author|text-is-the-authors|AddressSanitizer|number >= 1"},
    {"strategy/held.c", "        text_add(&h->last->text, d->text);\n", "", "text-is-the-authors"},
};

static char folder[] = "/tmp/weir-plants-XXXXXX";

static struct text read_source(const char *file)
{
    char path[512];
    struct text t;
    (void)snprintf(path, sizeof path, PLANT_SOURCE "/src/%s", file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text_init(&t, 1 * MIB);
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        text_add(&t, span_of(chunk, n));
    }
    (void)fclose(f);
    return t;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n';
}

/* Does `find` stand at `at`, white space aside (a formatter may move it)? Gives the end; 0 = no. */
static size_t stands_at(struct span s, size_t at, struct span find)
{
    size_t i = at;
    if (is_space(s.data[at])) {
        return 0;
    }
    for (size_t f = 0; f < find.len; f++) {
        if (is_space(find.data[f])) {
            continue;
        }
        while (i < s.len && is_space(s.data[i])) {
            i++;
        }
        if (i == s.len || s.data[i++] != find.data[f]) {
            return 0;
        }
    }
    return i;
}

static void find_once(struct span s, const struct plant *p, size_t *out_start, size_t *out_end)
{
    int times = 0;
    *out_start = *out_end = 0;
    for (size_t at = 0; p->find[0] && at < s.len; at++) {
        size_t end = stands_at(s, at, span_c(p->find));
        if (end) {
            *out_start = at;
            *out_end = end;
            times++;
        }
    }
    if (p->find[0] && times != 1) {
        fail_msg("%d times, not once, in %s:\n%s", times, p->file, p->find);
    }
}

static void write_mutant(const struct plant *p)
{
    char path[128];
    struct text source = read_source(p->file);
    struct span s = text_span(&source);
    size_t start = 0;
    size_t end = 0;
    find_once(s, p, &start, &end);
    (void)snprintf(path, sizeof path, "%s/mutant.c", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fwrite(s.data, 1, start, f);
    (void)fputs(p->replace, f);
    (void)fwrite(s.data + end, 1, s.len - end, f);
    (void)fclose(f);
    text_done(&source);
}

static int run(const char *command, struct text *out)
{
    FILE *f = popen(command, "r");
    assert_non_null(f);
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        text_add(out, span_of(chunk, n));
    }
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static bool names_any(struct span output, const char *laws)
{
    struct span rest = span_c(laws);
    while (rest.len) {
        if (span_find(output, span_cut(&rest, '|'), 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static bool try_plant(const struct plant *p)
{
    char command[4096];
    struct text output;
    write_mutant(p);
    text_init(&output, 1 * MIB);
    (void)snprintf(
        command, sizeof command,
        "cd %s && %s %s -w -c mutant.c -o mutant.o 2>&1 && %s %s mutant.o %s %s -o law 2>&1",
        folder, PLANT_CC, PLANT_FLAGS, PLANT_CC, PLANT_FLAGS, PLANT_OBJECT, PLANT_LIBS);
    if (run(command, &output) != 0) {
        fail_msg("%s does not build:\n%s", p->file, output.data);
    }
    text_clear(&output);
    (void)snprintf(command, sizeof command,
                   "cd %s && LAW_SCRIPTS=%d LAW_ONLY=1 timeout 60 ./law 2>&1", folder,
                   p->laws ? 20000 : 2000);
    int code = run(command, &output);
    bool fine = p->laws ? code != 0 && names_any(text_span(&output), p->laws) : code == 0;
    if (!fine) {
        print_message("planted in %s:\n%s\nexpected %s, got exit code %d:\n%.1000s\n", p->file,
                      p->replace, p->laws ? p->laws : "no broken law", code,
                      output.data ? output.data : "");
    }
    text_done(&output);
    return fine;
}

static void each_law_catches_its_plant(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    size_t caught = 0;
    for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
        caught += try_plant(&plants[i]);
    }
    print_message("%zu of %zu plants caught\n", caught - 1, ARRAY_LEN(plants) - 1);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(caught, ARRAY_LEN(plants));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_law_catches_its_plant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
