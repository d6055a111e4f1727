/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's side against real engine processes: model files nobody can
 * load, engines that die in the middle of an answer, and the life of legs. The
 * flow behind the legs is a stand-in that keeps what it is told.
 */
#include "engine/engine.h"
#include "engine_client.h"

#include "core/types.h"

/* ---- a stand-in for the flow ---- */

struct leg {
    struct request request;
    struct leg_options options;
    struct arena *arena;
    void *state;
    struct text text;
    int first_bytes, ends, confidences;
    enum leg_outcome outcome;
    enum err err;
    enum finish finish;
    bool retryable;
    char why[400], model[64];
    struct usage usage;
    double p;
    bool final;
};

const struct request *leg_request(const struct leg *leg)
{
    return &leg->request;
}
const struct leg_options *leg_options(const struct leg *leg)
{
    return &leg->options;
}
void *leg_driver_state(struct leg *leg)
{
    return leg->state;
}
void leg_got_first_byte(struct leg *leg)
{
    leg->first_bytes++;
}
void leg_got_delta(struct leg *leg, const struct delta *d)
{
    assert_int_equal(leg->first_bytes, 1);
    text_add(&leg->text, d->text);
}
void leg_got_confidence(struct leg *leg, const struct confidence *c)
{
    leg->confidences++;
    leg->p = c->p;
    leg->final = c->final;
}
void leg_got_end(struct leg *leg, const struct leg_end *end)
{
    leg->ends++;
    leg->outcome = end->outcome;
    leg->err = end->err;
    leg->finish = end->finish;
    leg->retryable = end->retryable;
    leg->usage = end->usage;
    snprintf(leg->why, sizeof leg->why, "%.*s", SPAN_ARG(end->text));
    snprintf(leg->model, sizeof leg->model, "%.*s", SPAN_ARG(end->model));
}

static struct leg *leg_make(const char *body)
{
    struct leg *leg = NEW(struct leg);
    leg->arena = arena_new();
    leg->options.want_confidence = true;
    leg->state = mem_new(engine_driver.state_size);
    text_init(&leg->text, MIB);
    assert_int_equal(json_parse_in(leg->arena, span_c(body), &leg->request.body, NULL), OK);
    leg->request.client = SPAN("ann");
    return leg;
}

static void leg_drop(struct leg *leg)
{
    arena_free(leg->arena);
    text_done(&leg->text);
    mem_free(leg->state);
    mem_free(leg);
}

#define HELLO "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],\"temperature\":0}"

static void leg_start(struct engine *e, struct leg *leg)
{
    struct text body;
    struct fault fault;
    text_init(&body, MIB);
    assert_int_equal(engine_driver.encode(e, leg, &body, &fault), OK);
    engine_driver.start(e, leg, text_span(&body));
    text_done(&body);
}

/* ---- the world ---- */

static struct loop *loop;
static struct engine_process process;
static struct engine *engine;
static int changes;

static void on_changed(void *user)
{
    (void)user;
    changes++;
}

static void open_engine(const struct testmodel *m)
{
    engine_process_make(&process, m, 2);
    engine = engine_new(loop, &process.backend, process.socket, on_changed, NULL);
}

static int close_engine(void **state)
{
    (void)state;
    engine_free(engine);
    engine = NULL;
    engine_process_stop(&process);
    return 0;
}
static int make_loop(void **state)
{
    (void)state;
    loop = loop_new();
    return 0;
}
static int drop_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        uint64_t until = clock_now_us() + ENGINE_WAIT_US;                                          \
        while (!(condition) && clock_now_us() < until) {                                           \
            loop_run_once(loop, 20 * US_PER_MS);                                                   \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

/* ---- tests ---- */

static void test_a_leg_lives_and_ends(void **state)
{
    (void)state;
    open_engine(&(struct testmodel){.context = 256});
    struct leg *early = leg_make(HELLO);
    leg_start(engine, early); /* nobody is there yet */
    assert_int_equal(early->ends, 1);
    assert_int_equal(early->err, ERR_NO_BACKEND);
    WAIT_FOR(engine_info(engine)->up);
    assert_true(changes > 0);
    assert_string_equal(engine_info(engine)->model, "testmodel");
    assert_int_equal(engine_info(engine)->context, 256);
    struct leg *leg = leg_make(HELLO);
    leg_start(engine, leg);
    assert_int_equal(leg->ends, 0);
    WAIT_FOR(leg->ends);
    assert_string_equal(leg->text.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    assert_int_equal(leg->outcome, LEG_OK);
    assert_int_equal(leg->finish, FINISH_STOP);
    assert_int_equal(leg->usage.output_tokens, 27);
    assert_true(leg->usage.input_tokens > 0);
    assert_string_equal(leg->model, "model");
    assert_true(leg->confidences > 1 && leg->final && leg->p > 0.9);
    leg_drop(early);
    leg_drop(leg);
}

static void test_a_cancelled_leg_hears_nothing_more(void **state)
{
    (void)state;
    open_engine(&(struct testmodel){.context = 4096, .loop = true});
    WAIT_FOR(engine_info(engine)->up);
    struct leg *leg = leg_make(HELLO);
    leg_start(engine, leg);
    WAIT_FOR(leg->text.len > 3);
    engine_driver.cancel(engine, leg);
    size_t len = leg->text.len;
    struct leg *next = leg_make(HELLO);
    next->options.want_confidence = false;
    leg_start(engine, next);
    WAIT_FOR(next->text.len > 10);
    assert_int_equal(leg->text.len, len);
    assert_int_equal(leg->ends, 0);
    assert_int_equal(next->confidences, 0);
    engine_driver.cancel(engine, next);
    leg_drop(leg);
    leg_drop(next);
}

static void test_a_killed_engine_ends_its_legs_and_comes_back(void **state)
{
    (void)state;
    open_engine(&(struct testmodel){.context = 4096, .loop = true});
    WAIT_FOR(engine_info(engine)->up);
    struct leg *leg = leg_make(HELLO);
    leg_start(engine, leg);
    WAIT_FOR(leg->text.len > 3);
    kill(process.pid, SIGKILL);
    waitpid(process.pid, NULL, 0);
    WAIT_FOR(leg->ends);
    assert_int_equal(leg->ends, 1);
    assert_int_equal(leg->outcome, LEG_ERROR);
    assert_int_equal(leg->err, ERR_UPSTREAM);
    assert_string_equal(leg->why, "engine ended");
    assert_false(leg->retryable); /* text was shown */
    assert_false(engine_info(engine)->up);
    leg_drop(leg);
    engine_process_start(&process); /* what the supervisor does */
    WAIT_FOR(engine_info(engine)->up);
    leg = leg_make(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":3,\"temperature\":0}");
    leg_start(engine, leg);
    WAIT_FOR(leg->ends);
    assert_int_equal(leg->outcome, LEG_OK);
    assert_string_equal(leg->text.data, "ABC");
    leg_drop(leg);
}

/* The process stays, says why, and takes a good file later. */
static void bad_file_says(const char *word)
{
    WAIT_FOR(engine_info(engine)->why[0] && !engine_info(engine)->starting);
    assert_false(engine_info(engine)->up);
    if (!strstr(engine_info(engine)->why, word)) {
        fail_msg("\"%s\" does not say \"%s\"", engine_info(engine)->why, word);
    }
    struct leg *leg = leg_make(HELLO);
    leg_start(engine, leg);
    WAIT_FOR(leg->ends);
    assert_int_equal(leg->err, ERR_NO_BACKEND);
    assert_non_null(strstr(leg->why, word));
    leg_drop(leg);
    char path[128];
    char json[256];
    snprintf(path, sizeof path, "%s/good.gguf", process.folder);
    assert_int_equal(testmodel_write(&(struct testmodel){.context = 128}, path), 0);
    snprintf(json, sizeof json, "{\"path\":\"%s\"}", path);
    engine_switch(engine, span_c(json));
    WAIT_FOR(engine_info(engine)->up);
}

static void test_a_missing_model_is_no_crash(void **state)
{
    (void)state;
    open_engine(NULL);
    bad_file_says("not there");
}

static void test_a_foreign_architecture_is_no_crash(void **state)
{
    (void)state;
    open_engine(&(struct testmodel){.architecture = "lama"});
    bad_file_says("lama");
}

static void test_what_only_llama_cpp_notices_is_no_crash(void **state)
{
    (void)state;
    open_engine(&(struct testmodel){.architecture = "gpt2"}); /* its tensors are not there */
    bad_file_says("llama.cpp cannot load");
}

static void test_a_model_that_does_not_fit_is_refused_before_loading(void **state)
{
    (void)state;
    engine_process_make(&process, &(struct testmodel){.context = 2000000000, .layers = 8}, 64);
    engine = engine_new(loop, &process.backend, process.socket, on_changed, NULL);
    bad_file_says("MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_leg_lives_and_ends, close_engine),
        cmocka_unit_test_teardown(test_a_cancelled_leg_hears_nothing_more, close_engine),
        cmocka_unit_test_teardown(test_a_killed_engine_ends_its_legs_and_comes_back, close_engine),
        cmocka_unit_test_teardown(test_a_missing_model_is_no_crash, close_engine),
        cmocka_unit_test_teardown(test_a_foreign_architecture_is_no_crash, close_engine),
        cmocka_unit_test_teardown(test_what_only_llama_cpp_notices_is_no_crash, close_engine),
        cmocka_unit_test_teardown(test_a_model_that_does_not_fit_is_refused_before_loading,
                                  close_engine),
    };
    return cmocka_run_group_tests(tests, make_loop, drop_loop);
}
