/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scorer that needs no labels: what is known about prompts in general. It is a
 * prior, not a judge: prompt length alone orders prompts a little better than
 * chance (APGR 0.58–0.60 on MMLU and GSM8K, DESIGN section 9), and kinds of work
 * differ in what a small model can do. The constants below were set by hand from
 * the trial models' results by task (FACTS-training section 5) and are meant to be
 * blended away by a learned scorer behind the same interface.
 */
#include "router/router.h"

#include <math.h>

/* P(a small local model does a short prompt of this kind well enough). */
static const double task_prior[TASK_COUNT] = {
    [TASK_CHAT] = 0.85,      [TASK_INTENT] = 0.85,    [TASK_COMMAND] = 0.90,
    [TASK_EXTRACT] = 0.70,   [TASK_CLASSIFY] = 0.75,  [TASK_REWRITE] = 0.65,
    [TASK_SUMMARISE] = 0.60, [TASK_TRANSLATE] = 0.55, [TASK_CODE] = 0.40,
    [TASK_MATH] = 0.60,      [TASK_REASON] = 0.40,    [TASK_CREATE] = 0.50,
    [TASK_KNOWLEDGE] = 0.55,
};

#define SHORT_TOKENS 24.0         /* up to here length says nothing */
#define PER_DOUBLING 0.05         /* lost with each doubling of the last turn beyond that */
#define CONTEXT_PER_DOUBLING 0.02 /* … and of the whole conversation beyond 512 tokens */
#define CONTEXT_TOKENS 512.0
#define WITH_TOOLS 0.15
#define WITH_SCHEMA 0.05
#define LOWEST 0.02
#define HIGHEST 0.98
#define CLOUD 0.92 /* a large model, without looking */

static double doublings(double tokens, double from)
{
    return tokens > from ? log2(tokens / from) : 0;
}

static struct score prior_score(void *self, const struct facts *f)
{
    (void)self;
    double p = task_prior[f->task];
    p -= PER_DOUBLING * doublings((double)f->last_user_tokens, SHORT_TOKENS);
    p -= CONTEXT_PER_DOUBLING * doublings((double)f->prompt_tokens, CONTEXT_TOKENS);
    p -= f->request->has_tools ? WITH_TOOLS : 0;
    p -= f->request->json_schema ? WITH_SCHEMA : 0;
    p = MIN(MAX(p, LOWEST), HIGHEST);
    return (struct score){
        .p_device = p,
        .p_cloud = CLOUD,
        .prior_device = p,
        .prior_cloud = CLOUD,
        .learned_device = -1,
        .learned_cloud = -1,
        .source = "prior",
    };
}

static void prior_explain(void *self, const struct facts *f, struct text *out)
{
    (void)self;
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_c(&w, "scorer", "prior");
    json_put_c(&w, "task", task_name(f->task));
    json_put_number(&w, "task_prior", task_prior[f->task]);
    json_put_c(&w, "language", f->language);
    json_put_int(&w, "prompt_tokens", f->prompt_tokens);
    json_put_int(&w, "last_user_tokens", f->last_user_tokens);
    json_put_int(&w, "turns", f->turns);
    json_put_bool(&w, "has_tools", f->request->has_tools);
    json_put_bool(&w, "has_images", f->request->has_images);
    json_put_bool(&w, "json_schema", f->request->json_schema);
    json_end_object(&w);
}

const struct scorer_type scorer_prior = {
    .name = "prior",
    .score = prior_score,
    .explain = prior_explain,
};
