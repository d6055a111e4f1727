/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge MODEL.bin FILE.docs ... [person=0.3] [each]
 *
 * Per file: share of the persons' characters left standing; ordinary words masked as
 * persons (words in no marked span); spans found (F2 and F1 at IoU 0.9 and 0.5). `each` prints the misses
 * and the false findings. Runs the program's own tagger.
 */
#include "privacy/names.h"

#include <stdio.h>
#include <stdlib.h>

#define SPANS_MAX 2048

struct gold {
    unsigned start, end, label;
};
struct sums {
    double chars, left, words, masked, gold, found, right9, hit9, right5, hit5, bytes;
};

static bool show;

static double iou(const struct gold *g, const struct finding *f)
{
    double both = (double)MIN(g->end, f->end) - (double)MAX(g->start, f->start);
    return both <= 0 ? 0 : both / ((double)MAX(g->end, f->end) - (double)MIN(g->start, f->start));
}

static void say(const char *what, struct span text, size_t start, size_t end)
{
    size_t from = start > 60 ? start - 60 : 0;
    size_t to = MIN(end + 40, text.len);
    printf("%s %.*s[[%.*s]]%.*s\n", what, (int)(start - from), text.data + from, (int)(end - start),
           text.data + start, (int)(to - end), text.data + end);
}

static void one(const struct names_model *m, struct span text, const struct gold *gold, int n,
                struct sums *s)
{
    static uint8_t covered[65536];
    static uint8_t marked[65536];
    memset(covered, 0, text.len);
    memset(marked, 0, text.len);
    struct findings f;
    findings_init(&f, SPANS_MAX);
    names_scan_with(m, text, SPAN_NONE, NULL, &f);
    s->bytes += (double)text.len;
    for (int i = 0; i < n; i++) {
        memset(marked + gold[i].start, (int)gold[i].label, gold[i].end - gold[i].start);
    }
    for (int i = 0; i < f.count; i++) {
        if (strcmp(f.items[i].type, "PERSON") == 0) {
            memset(covered + f.items[i].start, 1, f.items[i].end - f.items[i].start);
            double most = 0;
            for (int k = 0; k < n; k++) {
                most = gold[k].label == LABEL_B_PER ? MAX(most, iou(&gold[k], &f.items[i])) : most;
            }
            s->found++;
            s->right9 += most >= 0.9;
            s->right5 += most >= 0.5;
            if (show && most == 0) {
                say("FALSE", text, f.items[i].start, f.items[i].end);
            }
        }
    }
    for (int k = 0; k < n; k++) {
        if (gold[k].label != LABEL_B_PER) {
            continue;
        }
        double most = 0;
        unsigned left = 0;
        for (int i = 0; i < f.count; i++) {
            most = strcmp(f.items[i].type, "PERSON") == 0 ? MAX(most, iou(&gold[k], &f.items[i]))
                                                          : most;
        }
        for (unsigned i = gold[k].start; i < gold[k].end; i++) {
            left += !covered[i];
        }
        s->gold++;
        s->hit9 += most >= 0.9;
        s->hit5 += most >= 0.5;
        s->chars += gold[k].end - gold[k].start;
        s->left += left;
        if (show && left * 2 > gold[k].end - gold[k].start) {
            say("LEFT ", text, gold[k].start, gold[k].end);
        }
    }
    for (size_t i = 0; i < text.len;) {
        struct name_token t;
        int count;
        i = names_tokens(text, i, &t, 1, &count);
        if (count && t.shape != SHAPE_MARK && t.shape != SHAPE_NUMBER && !marked[t.start]) {
            s->words++;
            s->masked += covered[t.start];
        }
    }
    findings_done(&f);
}

static double f_beta(double right, double found, double hit, double gold, double beta)
{
    double p = found ? right / found : 0;
    double r = gold ? hit / gold : 0;
    return p + r > 0 ? (1 + beta * beta) * p * r / (beta * beta * p + r) : 0;
}

static void one_file(const struct names_model *m, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "judge: cannot read %s\n", path);
        exit(1);
    }
    static char text[65536];
    static struct gold gold[SPANS_MAX];
    struct sums s = {0};
    unsigned bytes;
    unsigned n;
    while (fscanf(f, "%u %u", &bytes, &n) == 2 && bytes <= sizeof text && n <= SPANS_MAX) {
        bool fine = true;
        for (unsigned i = 0; i < n; i++) {
            fine &= fscanf(f, "%u %u %u", &gold[i].start, &gold[i].end, &gold[i].label) == 3;
        }
        if (!fine || fgetc(f) != '\n' || fread(text, 1, bytes, f) != bytes) {
            break;
        }
        one(m, span_of(text, bytes), gold, (int)n, &s);
    }
    fclose(f);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    printf(
        "%-28s persons %5.0f  left %.3f  masked %.4f of %7.0f words  F2 %.3f/%.3f  F1 %.3f/%.3f\n",
        name, s.gold, s.chars ? s.left / s.chars : 0, s.words ? s.masked / s.words : 0, s.words,
        f_beta(s.right9, s.found, s.hit9, s.gold, 2), f_beta(s.right5, s.found, s.hit5, s.gold, 2),
        f_beta(s.right9, s.found, s.hit9, s.gold, 1), f_beta(s.right5, s.found, s.hit5, s.gold, 1));
}

int main(int argc, char **argv)
{
    static char file[16 * MIB] __attribute__((aligned(64)));
    FILE *f = argc > 2 ? fopen(argv[1], "rb") : NULL;
    size_t len = f ? fread(file, 1, sizeof file, f) : 0;
    struct names_model m;
    if (!f || !names_model_init(&m, file, len)) {
        fprintf(stderr, "usage: judge MODEL.bin FILE.docs ... [person=P] [each]\n");
        return 1;
    }
    fclose(f);
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], "person=", 7) == 0) {
            ((struct names_header *)file)->person_least = strtof(argv[i] + 7, NULL);
        } else if (strcmp(argv[i], "each") == 0) {
            show = true;
        } else {
            one_file(&m, argv[i]);
        }
    }
    return 0;
}
