/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the file is mapped, each line becomes an item of its set, threads take the jobs
 * of all sets, and each set's results become measures, a table row and a panel of the plot.
 *
 * What can go wrong: lines that are no outcomes are told as FILE:LINE (the first ten) and nothing is replayed,
 * because a figure over half a file is a wrong figure; a set too small or without two groups says so.
 */
#include "cli/cli.h"
#include "cli/replay_view.h"
#include "router/outcomes.h"
#include "router/router.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: weir replay FILE.jsonl [OPTIONS]\n"
    "\n"
    "Routes recorded outcomes again and says how well: the share of the gap between device and\n"
    "cloud that each cloud call closes, beside chance, prompt length and a perfect router.\n"
    "Each line: {\"set\",\"group\",\"prompt\",\"outcomes\":[{\"backend\",\"model\",\"score\":0..1}, …]}\n"
    "(what `weir calibrate --pair` writes). Sends nothing.\n"
    "\n"
    "  --protocol P       cv (default): ten folds by hash of the prompt\n"
    "                     grouped: whole groups are left out, as if they were new kinds of work\n"
    "                     prior: no label is used, as on the first day\n"
    "                     online: each label is seen once, after its prompt was routed\n"
    "  --pair D,C         names of the two backends; default device,cloud, else the two that\n"
    "                     the first line has\n"
    "  --policy FILE      also shows what this config's threshold does on these prompts\n"
    "  --svg OUT          writes the curves as a picture\n"
    "  --shuffle-labels   mixes the outcomes up first: an honest router is then at 0.50\n"
    "  --json             the figures as JSON\n"
    "\n"
    "APGR: 0.5 is chance, 1 would be every cloud call in front. CPT(80): share of cloud calls\n"
    "that closes 80 % of the gap. Definitions are RouteLLM's.\n"
    "\n"
    "examples:\n"
    "  weir replay outcomes.jsonl\n"
    "  weir replay outcomes.jsonl --protocol online --svg curve.svg\n";

#define ERRORS_TOLD 10
#define SETS_MAX 64
#define GROUPS_MAX 1024 /* of a set; what comes later joins the last */
#define NAME_MAX_BYTES 64
#define PROMPTS_MAX 2000000
#define BOOTSTRAPS 1000
#define THREADS_MAX 64

struct pair {
    struct span device, cloud;
};

struct loading {
    const char *path;
    struct pair pair;
    struct replay_set *sets[SETS_MAX];
    int count;
    size_t prompts;
    long line;
    int errors;
};

/* ---- reading ---- */

static void bad_line(struct loading *l, const char *why)
{
    if (l->errors++ < ERRORS_TOLD) {
        fprintf(stderr, "%s:%ld: %s\n", l->path, l->line, why);
    }
}

static struct replay_set *set_named(struct loading *l, struct span name)
{
    for (int i = 0; i < l->count; i++) {
        if (span_eq(name, span_c(l->sets[i]->name))) {
            return l->sets[i];
        }
    }
    if (l->count == SETS_MAX) {
        return NULL;
    }
    struct replay_set *s = NEW(struct replay_set);
    s->name = mem_new(name.len + 1);
    span_to_c(name, s->name, name.len + 1);
    return l->sets[l->count++] = s;
}

static int group_named(struct replay_set *s, struct span name)
{
    for (int i = s->groups; i-- > 0;) { /* the last one first: files mostly come in order */
        if (span_eq(name, span_c(s->group_names[i]))) {
            return i;
        }
    }
    if (s->groups == GROUPS_MAX) {
        return GROUPS_MAX - 1;
    }
    if ((s->groups & (s->groups - 1)) == 0) {
        size_t room = s->groups ? (size_t)s->groups : 0;
        s->group_names = mem_resize(s->group_names, sizeof(char *) * MAX(room * 2, 1u));
    }
    char *copy = mem_new(name.len + 1);
    span_to_c(name, copy, name.len + 1);
    s->group_names[s->groups] = copy;
    return s->groups++;
}

static struct replay_item *new_item(struct replay_set *s)
{
    if (s->n == s->room) {
        size_t room = MAX(2 * s->room, 64u);
        s->items = mem_resize(s->items, room * sizeof *s->items);
        s->room = room;
    }
    return &s->items[s->n++];
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* As the live router reads a request: one user turn, nothing else. */
static void read_prompt(struct arena *arena, struct span prompt, struct replay_item *out)
{
    struct request *request = ARENA_NEW(arena, struct request);
    struct facts *facts = ARENA_NEW(arena, struct facts);
    *request = (struct request){.arena = arena, .prompt = prompt, .n = 1};
    uint64_t before = now_ns();
    router_read_request(request, facts);
    out->read_ns = (uint32_t)(now_ns() - before);
    out->features = replay_pack(facts->features);
    out->hash = outcome_prompt_hash(prompt);
    out->bytes = prompt.len;
}

static void keep_model(char out[NAME_BYTES], struct span model)
{
    if (!out[0] && span_given(model)) {
        span_to_c(model, out, NAME_BYTES);
    }
}

static void take_line(struct loading *l, struct arena *arena, struct span text)
{
    struct outcome_line line;
    struct fault fault = {0};
    if (outcome_parse(arena, text, &line, &fault)) {
        bad_line(l, fault.text);
        return;
    }
    if (!l->pair.device.len) {
        bool usual = outcome_of(&line, SPAN("device")) && outcome_of(&line, SPAN("cloud"));
        const struct span names[] = {usual ? SPAN("device") : line.outcomes[0].backend,
                                     usual ? SPAN("cloud") : line.outcomes[1].backend};
        static char kept[2][NAME_MAX_BYTES];
        span_to_c(names[0], kept[0], sizeof kept[0]);
        span_to_c(names[1], kept[1], sizeof kept[1]);
        l->pair = (struct pair){span_c(kept[0]), span_c(kept[1])};
    }
    const struct backend_score *device = outcome_of(&line, l->pair.device);
    const struct backend_score *cloud = outcome_of(&line, l->pair.cloud);
    struct replay_set *s = set_named(l, line.set);
    if (!device || !cloud) {
        struct span missing = span_first(device ? l->pair.cloud : l->pair.device, NAME_MAX_BYTES);
        (void)fault_set(&fault, ERR_INVALID,
                        "no outcome of backend %.*s; --pair D,C names the two to compare",
                        SPAN_ARG(missing));
    } else if (!s) {
        (void)fault_set(&fault, ERR_INVALID, "more than %d sets", SETS_MAX);
    } else if (++l->prompts > PROMPTS_MAX) {
        (void)fault_set(&fault, ERR_INVALID, "more than %d prompts", PROMPTS_MAX);
    }
    if (fault.code) {
        bad_line(l, fault.text);
        return;
    }
    struct replay_item *it = new_item(s);
    *it = (struct replay_item){.device = device->score, .cloud = cloud->score};
    it->group = group_named(s, span_given(line.group) ? line.group : SPAN(""));
    read_prompt(arena, line.prompt, it);
    keep_model(s->device, device->model.len ? device->model : device->backend);
    keep_model(s->cloud, cloud->model.len ? cloud->model : cloud->backend);
}

static bool load(struct loading *l)
{
    int fd = open(l->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        cli_fail("%s: %s", l->path, fd < 0 ? strerror(errno) : "not a file");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    void *bytes = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (bytes == MAP_FAILED) {
        cli_fail("%s: %s", l->path, strerror(errno));
        return false;
    }
    struct span rest = span_of(bytes, (size_t)st.st_size);
    while (rest.len) {
        struct span text = span_trim(span_cut(&rest, '\n'));
        l->line++;
        if (text.len) {
            struct arena *arena = arena_new();
            take_line(l, arena, text);
            arena_free(arena);
        }
    }
    if (bytes) {
        munmap(bytes, (size_t)st.st_size);
    }
    if (l->errors > ERRORS_TOLD) {
        fprintf(stderr, "%s: and %d more lines like these\n", l->path, l->errors - ERRORS_TOLD);
    }
    if (!l->errors && !l->prompts) {
        cli_fail("%s: no outcomes in it", l->path);
    }
    return !l->errors && l->prompts;
}

/* Fisher and Yates: outcomes change places, prompts stay. */
static void shuffle_labels(struct replay_set *s)
{
    struct rng rng = {20};
    for (size_t i = s->n; i-- > 1;) {
        size_t j = rng_below(&rng, i + 1);
        struct replay_item *a = &s->items[i];
        struct replay_item *b = &s->items[j];
        double device = a->device;
        double cloud = a->cloud;
        a->device = b->device;
        a->cloud = b->cloud;
        b->device = device;
        b->cloud = cloud;
    }
}

/* ---- many threads ---- */

struct work {
    struct replay_set **sets;
    int count, jobs;
    atomic_int next;
};

static void *work_on(void *arg)
{
    struct work *w = arg;
    for (int job; (job = atomic_fetch_add(&w->next, 1)) < w->jobs;) {
        int set = 0;
        int at = job;
        while (at >= replay_jobs(&w->sets[set]->replay)) {
            at -= replay_jobs(&w->sets[set]->replay);
            set++;
        }
        replay_job(&w->sets[set]->replay, at, w->sets[set]->results);
    }
    return NULL;
}

static void do_all(struct replay_set **sets, int count)
{
    struct work w = {.sets = sets, .count = count};
    pthread_t threads[THREADS_MAX];
    int started = 0;
    for (int i = 0; i < count; i++) {
        w.jobs += replay_jobs(&sets[i]->replay);
    }
    int wanted = MIN(MIN((int)sysconf(_SC_NPROCESSORS_ONLN), w.jobs), THREADS_MAX);
    while (started < wanted - 1 && pthread_create(&threads[started], NULL, work_on, &w) == 0) {
        started++;
    }
    (void)work_on(&w);
    for (int i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ---- the command ---- */

static bool parse_pair(const char *text, struct pair *out)
{
    struct span rest = span_c(text);
    out->device = span_cut(&rest, ',');
    out->cloud = rest;
    return out->device.len && out->cloud.len && !span_eq(out->device, out->cloud);
}

static void set_free(struct replay_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        replay_item_done(&s->items[i]);
    }
    for (int i = 0; i < s->groups; i++) {
        mem_free(s->group_names[i]);
    }
    mem_free(s->group_names);
    mem_free(s->items);
    mem_free(s->results);
    mem_free(s->name);
    mem_free(s);
}

static int check_sets(const struct loading *l, enum protocol protocol)
{
    for (int i = 0; i < l->count; i++) {
        const struct replay_set *s = l->sets[i];
        if (s->n < 10) {
            return cli_fail("set %s has %zu prompts; at least 10 are needed for a figure", s->name,
                            s->n);
        }
        if (protocol == PROTOCOL_GROUPED && s->groups < 2) {
            return cli_fail("set %s has one group only; --protocol grouped needs at least two "
                            "(use --protocol cv)",
                            s->name);
        }
    }
    return CLI_OK;
}

static int replay(struct loading *l, enum protocol protocol, bool shuffle,
                  const struct replay_output *output)
{
    if (!load(l)) {
        return CLI_FAILED;
    }
    int status = check_sets(l, protocol);
    if (status != CLI_OK) {
        return status;
    }
    for (int i = 0; i < l->count; i++) {
        struct replay_set *s = l->sets[i];
        if (shuffle) {
            shuffle_labels(s);
        }
        s->results = NEW_ARRAY(struct replay_result, s->n);
        s->replay = (struct replay){
            .protocol = protocol, .items = s->items, .n = s->n, .groups = s->groups};
    }
    do_all(l->sets, l->count);
    for (int i = 0; i < l->count; i++) {
        replay_measure(l->sets[i], output->threshold, BOOTSTRAPS);
    }
    return replay_show(output, protocol, (const struct replay_set *const *)l->sets, l->count);
}

static int run(int argc, char **argv)
{
    const char *protocol_word = "cv";
    const char *pair = NULL;
    const char *policy = NULL;
    bool shuffle = false;
    struct replay_output output = {.threshold = -1};
    const struct cli_option options[] = {
        {"--protocol", NULL, &protocol_word}, {"--pair", NULL, &pair},
        {"--policy", NULL, &policy},          {"--svg", NULL, &output.svg},
        {"--json", &output.json, NULL},       {"--shuffle-labels", &shuffle, NULL},
    };
    if (!cli_parse(&command_replay, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    struct loading l = {.path = argc == 2 ? argv[1] : NULL};
    enum protocol protocol;
    if (argc != 2) {
        return cli_usage(&command_replay, "exactly one file is expected");
    }
    if (!protocol_from(span_c(protocol_word), &protocol)) {
        return cli_usage(&command_replay, "--protocol must be cv, grouped, prior or online");
    }
    if (pair && !parse_pair(pair, &l.pair)) {
        return cli_usage(&command_replay, "--pair must be two names, like device,cloud");
    }
    if (policy && !replay_threshold(policy, &output.threshold)) {
        return CLI_FAILED;
    }
    int status = replay(&l, protocol, shuffle, &output);
    for (int i = 0; i < l.count; i++) {
        set_free(l.sets[i]);
    }
    return status;
}

const struct command command_replay = {
    .name = "replay",
    .summary = "route recorded outcomes again, and see how well that works",
    .help = help,
    .run = run,
};
