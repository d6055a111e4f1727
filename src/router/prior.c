/* SPDX-License-Identifier: Apache-2.0 */
#include "router/prior.h"

#include "router/router.h"

#include <math.h>

#define LENGTH_ZERO 28.0     /* MARKER_LENGTH of 127 bytes */
#define SYMBOLS 4.0          /* hardness of a prompt full of code or formulas */
#define LANGUAGE (-2.0)      /* … of writing, chatting, playing a part */
#define LOGIC 2.0            /* … of conditions, negations, many clauses */
#define WITH_TOOLS 2.0       /* a call must be right to the letter */
#define PER_TURN_CONTEXT 0.1 /* each quarter octave of the conversation before */
#define HARDEST 12.0         /* beyond it P(device) and P(cloud) would close up again */

static double within_one(double x)
{
    return fmin(fmax(x, 0), 1);
}

double prior_hardness(const struct features *f)
{
#define M(name) ((double)f->marker[MARKER_##name])
    double code =
        within_one(M(CODE_FENCE) + M(CODE_WORDS) / 3 + M(CODE_SIGNS) / 16 + M(INDENTED) / 3);
    double maths =
        within_one(M(MATH_WORDS) / 4 + M(VARIABLES) / 4 + M(OPERATORS) / 24 + M(BACKSLASHES) / 2);
    double numbers = within_one(M(NUMBERS) / 10) / 4;
    double language =
        within_one((M(CREATIVE) + M(ROLE_PLAY) + M(OPINION) / 2 + M(SECOND_PERSON) / 3) / 2);
    double logic = within_one((M(NEGATION) + M(CONDITION) + M(COMMAS) / 8 + M(CONSTRAINT) / 2) / 6);
    double z = (M(LENGTH) - LENGTH_ZERO) / 4 + LOGIC * logic;
    if (M(OPTIONS) < 2) { /* among options an answer is recognised, not made: symbols say little */
        z += SYMBOLS * within_one(code + maths + numbers) + LANGUAGE * language;
    }
    z += WITH_TOOLS * (M(TOOLS) + M(SCHEMA) / 2) + PER_TURN_CONTEXT * M(CONTEXT);
#undef M
    return fmin(z, HARDEST);
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* A small model's chance falls three times as fast as a large one's: from 0.93 and 0.95 on a greeting to 0.45
 * and 0.90 on a short piece of code (the trial models, FACTS-training section 5). */
void prior_score(const struct features *f, double *out_device, double *out_cloud)
{
    double z = prior_hardness(f);
    *out_device = logistic(1.2 - 0.35 * z);
    *out_cloud = logistic(2.6 - 0.10 * z);
}

/* ---- as a scorer of its own ---- */

static struct score score(void *self, const struct facts *f)
{
    (void)self;
    struct score s = {.learned_device = -1, .learned_cloud = -1, .source = "prior"};
    prior_score(f->features, &s.prior_device, &s.prior_cloud);
    s.p_device = s.prior_device;
    s.p_cloud = s.prior_cloud;
    return s;
}

void scorer_explain_facts(const char *scorer, const struct facts *f, struct text *out)
{
    struct json_out writer = json_out(out);
    struct json_out *w = &writer;
    json_begin_object(w);
    json_put_c(w, "scorer", scorer);
    json_put_c(w, "task", task_name(f->task));
    json_put_c(w, "language", f->language);
    json_put_int(w, "prompt_tokens", f->prompt_tokens);
    json_put_int(w, "last_user_tokens", f->last_user_tokens);
    json_put_int(w, "turns", f->turns);
    json_put_bool(w, "has_tools", f->request->has_tools);
    json_put_bool(w, "has_images", f->request->has_images);
    json_put_bool(w, "json_schema", f->request->json_schema);
    json_key(w, "markers");
    features_json(w, f->features);
    json_put_number(w, "hardness", round(prior_hardness(f->features) * 100) / 100);
    json_end_object(w);
}

static void explain(void *self, const struct facts *f, struct text *out)
{
    (void)self;
    scorer_explain_facts("prior", f, out);
}

const struct scorer_type scorer_prior = {
    .name = "prior",
    .score = score,
    .explain = explain,
};
