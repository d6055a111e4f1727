/* SPDX-License-Identifier: Apache-2.0 */
/* What `weir replay` measures of a set, and shows: a table, JSON (INTERFACE), a plot. */
#ifndef WEIR_CLI_REPLAY_VIEW_H
#define WEIR_CLI_REPLAY_VIEW_H

#include "router/metrics.h"
#include "router/replay.h"

#define NAME_BYTES 129
#define ONLINE_WARM 5000 /* prompts after which online learning is judged again */

/* One group at the set's middle threshold, where half of all prompts go to the cloud. */
struct replay_group {
    size_t n;
    double device, cloud, share, score;
    double apgr; /* within the group; NAN below 30 prompts */
};

struct replay_set {
    char *name;
    char device[NAME_BYTES], cloud[NAME_BYTES]; /* models, or backends where no model is told */
    struct replay_item *items;
    size_t n, room;
    char **group_names;
    int groups;
    struct replay replay;
    struct replay_result *results;
    /* measured */
    struct metrics router, length, oracle;
    double interval[2];
    struct metrics warm; /* online, after ONLINE_WARM prompts; points 0 = too few */
    struct replay_group *group;
    double policy_share, policy_score; /* at the policy's threshold */
    double us_p50, us_p99;
};

/* `threshold` < 0: no policy. */
void replay_measure(struct replay_set *s, double threshold, int bootstraps);

struct replay_output {
    bool json;
    const char *svg;  /* NULL = none */
    double threshold; /* of --policy; < 0 = none */
};
/* The threshold that a config's policy means; says on standard error why it has none. */
bool replay_threshold(const char *config_path, double *out);
/* Prints, and writes the plot. An exit status. */
int replay_show(const struct replay_output *o, enum protocol protocol,
                const struct replay_set *const *sets, int count);

/* The plot of all sets as an SVG document. */
void replay_svg(enum protocol protocol, const struct replay_set *const *sets, int count,
                struct text *out);

#endif
