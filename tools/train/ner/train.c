/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains the name tagger of src/privacy/names.h:
 *
 *   train LISTS DOCUMENTS OUT.bin [key=value ...]
 *
 * LISTS: lines "bits TAB word" (enum name_list). DOCUMENTS: records of one line
 * "bytes spans start end label ..." (labels 1, 3, 5: person, place, organisation)
 * followed by that many bytes of text and a line end; prepare.py writes both.
 *
 * A conditional random field by stochastic gradient (AdaGrad) over the features of
 * names_features.c: features seen `least` times get float weights; after `epochs`
 * the rows that matter most stay, as many as fit, and learn `after` epochs more;
 * then they are rounded to int8. Defaults stand in `struct settings`. One thread,
 * minutes; the same input gives the same file.
 */
#include "base/rng.h"
#include "privacy/names_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKENS_MAX 512
#define COUNTERS (1u << 27)

static struct settings {
    double epochs, after; /* passes before and after pruning */
    double rate, shrink;  /* AdaGrad's step; L2 per visit */
    double drop;          /* share of features left out at each visit */
    double forget;        /* share of tokens whose lists are hidden */
    double least;         /* visits a feature needs to be learnt */
    double rows, lists;   /* table sizes in the file, buckets of 8; lists 0: what they need */
    double person, place, organisation; /* thresholds, only written down */
} set = {.epochs = 4,
         .after = 2,
         .rate = 0.15,
         .shrink = 2e-7,
         .drop = 0.15,
         .forget = 0.08,
         .least = 3,
         .rows = 23500,
         .person = 0.3,
         .place = 0.5,
         .organisation = 0.5};

static const struct {
    const char *name;
    double *value;
} keys[] = {
    {"epochs", &set.epochs}, {"after", &set.after}, {"rate", &set.rate},
    {"shrink", &set.shrink}, {"drop", &set.drop},   {"forget", &set.forget},
    {"least", &set.least},   {"rows", &set.rows},   {"lists", &set.lists},
    {"person", &set.person}, {"place", &set.place}, {"organisation", &set.organisation},
};

static void stop(const char *what, const char *which)
{
    fprintf(stderr, "train: %s: %s\n", what, which);
    exit(1);
}

/* ---- documents: labels, and the features of each token as numbers of rows ---- */

struct token {
    uint32_t first; /* of its features, in `features` */
    uint8_t count, label;
};
static struct token *tokens;
static size_t token_count, token_room;
static uint32_t *features;
static size_t feature_count, feature_room;
static uint32_t *documents; /* the first token of each, one more at the end */
static size_t document_count, document_room;

static void *room_for(void *p, size_t *room, size_t want, size_t size)
{
    if (want > *room) {
        *room = MAX(want, *room * 2);
        p = mem_resize(p, *room * size);
    }
    return p;
}

static struct names_model model; /* lists only, until the end */
static uint8_t *seen;            /* how often a hash was met, counted to 255 */
static uint64_t *row_key;        /* hash of each row, 0: free; open addressing */
static uint32_t row_room;
static uint32_t row_count;

static uint32_t slot_of(uint64_t hash)
{
    uint32_t at = (uint32_t)(hash * 0x9FB21C651E98DF25u >> 32) & (row_room - 1);
    while (row_key[at] && row_key[at] != hash) {
        at = (at + 1) & (row_room - 1);
    }
    return at;
}

typedef void token_fn(const uint64_t *hashes, int count, uint8_t label);

static void count_features(const uint64_t *hashes, int count, uint8_t label)
{
    (void)label;
    for (int i = 0; i < count; i++) {
        uint8_t *n = &seen[hashes[i] * 0x9FB21C651E98DF25u >> 37];
        *n += *n < 255;
    }
    feature_count += (size_t)count;
    token_count++;
}

static void keep_features(const uint64_t *hashes, int count, uint8_t label)
{
    tokens = room_for(tokens, &token_room, token_count + 1, sizeof *tokens);
    struct token *t = &tokens[token_count++];
    *t = (struct token){.first = (uint32_t)feature_count, .label = label};
    features = room_for(features, &feature_room, feature_count + (size_t)count, sizeof *features);
    for (int i = 0; i < count; i++) {
        if (seen[hashes[i] * 0x9FB21C651E98DF25u >> 37] < set.least) {
            continue;
        }
        uint32_t at = slot_of(hashes[i]);
        if (!row_key[at]) {
            if (++row_count > row_room / 4 * 3) {
                stop("too many features", "raise `least`");
            }
            row_key[at] = hashes[i];
        }
        features[feature_count++] = at;
        t->count++;
    }
}

struct gold {
    unsigned start, end, label;
};

static void one_document(struct span text, const struct gold *gold, int gold_count, struct rng *rng,
                         token_fn *each)
{
    static struct name_token all[NAMES_REACH + TOKENS_MAX + NAMES_REACH];
    struct name_token *t = all + NAMES_REACH;
    memset(all, 0, sizeof all);
    int n;
    names_tokens(text, 0, t, TOKENS_MAX, &n);
    memset(&t[n], 0, sizeof *t * NAMES_REACH);
    struct name_flow flow = {0};
    names_context(t, n, &flow);
    names_look_up(&model, t, n);
    for (int i = 0; i < n; i++) {
        if (rng_unit(rng) < set.forget) {
            t[i].lists = t[i].stem_lists = 0;
        }
    }
    int last = -1;
    for (int i = 0; i < n; i++) {
        uint64_t hashes[NAMES_FEATURES_MAX];
        int count = names_features(&t[i], hashes);
        int in = -1;
        for (int g = 0; g < gold_count; g++) {
            in = t[i].start < gold[g].end && t[i].end > gold[g].start ? g : in;
        }
        uint8_t label = in < 0 ? LABEL_O : (uint8_t)(gold[in].label + (in == last));
        last = in;
        each(hashes, count, label);
    }
}

static void read_documents(const char *path, token_fn *each)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        stop("cannot read", path);
    }
    struct rng rng = {.state = 7};
    static char text[65536];
    static struct gold gold[1024];
    unsigned bytes;
    unsigned spans;
    while (fscanf(f, "%u %u", &bytes, &spans) == 2) {
        if (bytes > sizeof text || spans > ARRAY_LEN(gold)) {
            stop("a document is too large", path);
        }
        bool fine = true;
        for (unsigned i = 0; i < spans; i++) {
            fine &= fscanf(f, "%u %u %u", &gold[i].start, &gold[i].end, &gold[i].label) == 3;
        }
        fine = fine && fgetc(f) == '\n' && fread(text, 1, bytes, f) == bytes && fgetc(f) == '\n';
        if (!fine) {
            stop("not what prepare.py writes", path);
        }
        documents = room_for(documents, &document_room, document_count + 2, sizeof *documents);
        documents[document_count++] = (uint32_t)token_count;
        one_document(span_of(text, bytes), gold, (int)spans, &rng, each);
        documents[document_count] = (uint32_t)token_count;
    }
    fclose(f);
}

/* ---- word lists ---- */

static void *lists_file; /* header and buckets */
static size_t lists_bytes;

static int add_to_list(const struct names_header *h, struct names_list_bucket *buckets,
                       uint64_t word, uint8_t bits)
{
    uint64_t hash = names_list_hash(word);
    struct names_list_bucket *b = &buckets[names_bucket(hash, h->list_buckets)];
    for (int i = 0; i < 8; i++) {
        if (b->lists[i] == 0 || b->marks[i] == names_mark(hash)) {
            b->marks[i] = names_mark(hash);
            b->lists[i] |= bits;
            return 0;
        }
    }
    return 1;
}

static void read_lists(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        stop("cannot read", path);
    }
    char line[512];
    size_t lines = 0;
    while (fgets(line, sizeof line, f)) {
        lines++;
    }
    rewind(f);
    struct names_header h = {.magic = NAMES_MAGIC, .row_buckets = 1};
    h.list_buckets = set.lists > 0 ? (uint32_t)set.lists : (uint32_t)(lines / 6 + 1);
    lists_bytes = sizeof h + h.list_buckets * sizeof(struct names_list_bucket);
    lists_bytes = (lists_bytes + 63) / 64 * 64;
    lists_file = mem_new(lists_bytes + sizeof(struct names_row_bucket));
    memcpy(lists_file, &h, sizeof h);
    int lost = 0;
    while (fgets(line, sizeof line, f)) {
        char *word;
        unsigned long bits = strtoul(line, &word, 10);
        struct name_token t[2];
        int n;
        names_tokens(span_trim(span_c(word)), 0, t, 2, &n);
        if (n == 1) {
            lost +=
                add_to_list(&h, (void *)((char *)lists_file + sizeof h), t[0].word, (uint8_t)bits);
        }
    }
    fclose(f);
    fprintf(stderr, "%zu listed words, %d found no room\n", lines, lost);
    if (!names_model_init(&model, lists_file, lists_bytes + sizeof(struct names_row_bucket))) {
        stop("no model", path);
    }
}

/* ---- learning ---- */

struct row {
    float w[NAME_LABELS - 1], g[NAME_LABELS - 1]; /* weights; sums of squared gradients */
    float visits;
};
static struct row *rows;
static bool *gone; /* pruned */
static float move[NAME_LABELS + 1][NAME_LABELS], move_g[NAME_LABELS + 1][NAME_LABELS];
static double rate;

static void step(float *w, float *g, double gradient)
{
    *g += (float)(gradient * gradient);
    *w -= (float)(rate * gradient / sqrt((double)*g + 1e-6));
}

/* One document; gives the loss of its right labels. */
static double learn(const struct token *t, int n, struct rng *rng)
{
    static float odds[TOKENS_MAX][NAME_LABELS], forward[TOKENS_MAX][NAME_LABELS];
    static float backward[TOKENS_MAX][NAME_LABELS], p[TOKENS_MAX][NAME_LABELS];
    static uint64_t out[TOKENS_MAX];
    name_moves moves;
    double loss = 0;
    for (int a = 0; a <= NAME_LABELS; a++) {
        for (int b = 0; b < NAME_LABELS; b++) {
            moves[a][b] = name_may_follow(a, b) ? expf(move[a][b]) : 0;
        }
    }
    for (int i = 0; i < n; i++) {
        float score[NAME_LABELS] = {0};
        out[i] = 0;
        for (int k = 0; k < t[i].count; k++) {
            uint32_t r = features[t[i].first + (uint32_t)k];
            if (gone[r] || rng_unit(rng) < set.drop) {
                out[i] |= 1ull << k;
                continue;
            }
            for (int l = 1; l < NAME_LABELS; l++) {
                score[l] += rows[r].w[l - 1];
            }
        }
        float top = 0;
        for (int l = 1; l < NAME_LABELS; l++) {
            top = MAX(top, score[l]);
        }
        for (int l = 0; l < NAME_LABELS; l++) {
            odds[i][l] = expf(MAX(score[l] - top, -NAMES_ODDS_REACH));
        }
    }
    names_marginals(odds, n, moves, forward, backward, p);
    for (int i = 0; i < n; i++) {
        loss -= log((double)MAX(p[i][t[i].label], 1e-20f));
        for (int k = 0; k < t[i].count; k++) {
            if (out[i] >> k & 1) {
                continue;
            }
            struct row *r = &rows[features[t[i].first + (uint32_t)k]];
            r->visits++;
            for (int l = 1; l < NAME_LABELS; l++) {
                double gradient =
                    (double)p[i][l] - (t[i].label == l) + set.shrink * (double)r->w[l - 1] * 1e3;
                if (fabs(gradient) > 1e-4) {
                    step(&r->w[l - 1], &r->g[l - 1], gradient);
                }
            }
        }
    }
    for (int i = 0; i < n; i++) {
        float pair[NAME_LABELS + 1][NAME_LABELS] = {{0}};
        float sum = 0;
        int from_first = i == 0 ? NAME_START : 0;
        int from_last = i == 0 ? NAME_START : NAME_LABELS - 1;
        for (int a = from_first; a <= from_last; a++) {
            for (int b = 0; b < NAME_LABELS; b++) {
                pair[a][b] =
                    (i == 0 ? 1 : forward[i - 1][a]) * moves[a][b] * odds[i][b] * backward[i][b];
                sum += pair[a][b];
            }
        }
        int before = i == 0 ? NAME_START : t[i - 1].label;
        for (int a = from_first; a <= from_last; a++) {
            for (int b = 0; b < NAME_LABELS; b++) {
                if (name_may_follow(a, b)) {
                    step(&move[a][b], &move_g[a][b],
                         0.1 * ((double)(pair[a][b] / sum) - (a == before && b == t[i].label)));
                }
            }
        }
    }
    return loss;
}

static void pass(int number, int of, struct rng *rng, uint32_t *order)
{
    double loss = 0;
    for (size_t i = document_count; i > 1; i--) {
        size_t k = rng_below(rng, i);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
    for (size_t i = 0; i < document_count; i++) {
        rate = set.rate * (1 - 0.9 * ((double)number + (double)i / (double)document_count) / of);
        uint32_t d = order[i];
        int n = (int)(documents[d + 1] - documents[d]);
        if (n > 0) {
            loss += learn(&tokens[documents[d]], n, rng);
        }
    }
    fprintf(stderr, "pass %d of %d: loss per token %.4f\n", number + 1, of,
            loss / (double)token_count);
}

/* ---- the file ---- */

static float weight_of(const struct row *r)
{
    float most = 0;
    for (int l = 0; l < NAME_LABELS - 1; l++) {
        most = MAX(most, fabsf(r->w[l]));
    }
    return most * powf(r->visits, 0.3f); /* rare rows with large weights matter less often */
}

static int by_weight(const void *a, const void *b)
{
    float x = weight_of(&rows[*(const uint32_t *)a]);
    float y = weight_of(&rows[*(const uint32_t *)b]);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Marks all rows as gone but those that find room in the file, the weightiest first. */
static void prune(struct names_row_bucket *buckets)
{
    uint32_t *order = NEW_ARRAY(uint32_t, row_count);
    uint32_t n = 0;
    for (uint32_t r = 0; r < row_room; r++) {
        gone[r] = true;
        if (row_key[r]) {
            order[n++] = r;
        }
    }
    qsort(order, n, sizeof *order, by_weight);
    uint32_t kept = 0;
    uint32_t room = (uint32_t)set.rows * 8;
    for (uint32_t i = 0; i < n && kept < room * 97 / 100; i++) {
        uint64_t hash = row_key[order[i]];
        struct names_row_bucket *b = &buckets[names_bucket(hash, (uint32_t)set.rows)];
        for (int k = 0; k < 8; k++) {
            if (b->marks[k] == names_mark(hash)) {
                break; /* another feature looks the same here: the weightier one stays */
            }
            if (b->marks[k] == 0) {
                b->marks[k] = names_mark(hash);
                gone[order[i]] = false;
                kept++;
                break;
            }
        }
    }
    fprintf(stderr, "%u features, %u kept\n", n, kept);
    mem_free(order);
}

static void fill(struct names_row_bucket *buckets, float scale)
{
    for (uint32_t r = 0; r < row_room; r++) {
        if (gone[r]) {
            continue;
        }
        struct names_row_bucket *b = &buckets[names_bucket(row_key[r], (uint32_t)set.rows)];
        for (int k = 0; k < 8; k++) {
            if (b->marks[k] == names_mark(row_key[r])) {
                for (int l = 0; l < NAME_LABELS - 1; l++) {
                    float w = roundf(rows[r].w[l] / scale);
                    b->weights[k][l] = (int8_t)MAX(-127, MIN(127, w));
                }
            }
        }
    }
}

static void write_file(const char *path, const struct names_row_bucket *buckets, float scale)
{
    struct names_header *h = lists_file;
    h->row_buckets = (uint32_t)set.rows;
    h->scale = scale;
    h->person_least = (float)set.person;
    h->place_least = (float)set.place;
    h->organisation_least = (float)set.organisation;
    memcpy(h->moves, move, sizeof move);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(lists_file, 1, lists_bytes, f) != lists_bytes ||
        fwrite(buckets, sizeof *buckets, h->row_buckets, f) != h->row_buckets || fclose(f) != 0) {
        stop("cannot write", path);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        stop("usage", "train LISTS DOCUMENTS OUT.bin [key=value ...]");
    }
    for (int i = 4; i < argc; i++) {
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            size_t len = strlen(keys[k].name);
            if (strncmp(argv[i], keys[k].name, len) == 0 && argv[i][len] == '=') {
                *keys[k].value = strtod(argv[i] + len + 1, NULL);
                known = true;
            }
        }
        if (!known) {
            stop("no such setting", argv[i]);
        }
    }
    read_lists(argv[1]);
    seen = mem_take(COUNTERS);
    memset(seen, 0, COUNTERS);
    read_documents(argv[2], count_features);
    fprintf(stderr, "%zu documents, %zu tokens, %zu features\n", document_count, token_count,
            feature_count);
    row_room = 1u << 23;
    row_key = NEW_ARRAY(uint64_t, row_room);
    document_count = token_count = feature_count = 0;
    read_documents(argv[2], keep_features);
    mem_free(seen);
    rows = NEW_ARRAY(struct row, row_room);
    gone = NEW_ARRAY(bool, row_room);
    uint32_t *order = NEW_ARRAY(uint32_t, document_count);
    for (uint32_t i = 0; i < document_count; i++) {
        order[i] = i;
    }
    struct rng rng = {.state = 1};
    struct names_row_bucket *buckets = NEW_ARRAY(struct names_row_bucket, (size_t)set.rows);
    int all = (int)(set.epochs + set.after);
    for (int e = 0; e < all; e++) {
        if (e == (int)set.epochs) {
            prune(buckets);
        }
        pass(e, all, &rng, order);
    }
    float scale = 4.0f / 127; /* weights beyond 4 are rare and cut off */
    fill(buckets, scale);
    write_file(argv[3], buckets, scale);
    return 0;
}
