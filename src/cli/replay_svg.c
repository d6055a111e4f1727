/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One panel per set, side by side: cloud share to the right, mean score upwards. The router's curve
 * above the straight line of chance is what routing is worth; grey lines say what can be had at
 * most (oracle) and for nothing (prompt length). Plain SVG 1.1 without scripts or fonts of its own.
 */
#include "cli/replay_view.h"

#include <math.h>
#include <stdio.h>

#define PANEL_W 520.0
#define PANEL_H 440.0
#define LEFT 64.0
#define RIGHT 28.0
#define TOP 86.0
#define BOTTOM 66.0
#define COLUMNS 3

#define INK "#1f2933"
#define QUIET "#7b8794"
#define GRID "#e4e7eb"
#define ROUTER "#0b69c7"
#define LENGTH "#b8621b"

struct frame {
    double x, y;      /* of the panel's upper left corner */
    double low, high; /* of the score axis */
};

static double x_of(const struct frame *f, double share)
{
    return f->x + LEFT + share * (PANEL_W - LEFT - RIGHT);
}

static double y_of(const struct frame *f, double score)
{
    return f->y + PANEL_H - BOTTOM -
           (score - f->low) / (f->high - f->low) * (PANEL_H - TOP - BOTTOM);
}

/* Names come from files: only what cannot be markup. */
static void add_name(struct text *t, const char *name, int most)
{
    for (int i = 0; name[i] && i < most; i++) {
        unsigned char c = (unsigned char)name[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '&' && c != '"';
        text_add_char(t, plain ? name[i] : '?');
    }
}

static void add_label(struct text *t, double x, double y, const char *style, const char *words)
{
    text_addf(t, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, style, words);
}

static void add_line(struct text *t, double x1, double y1, double x2, double y2, const char *style)
{
    text_addf(t, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
              style);
}

static void add_curve(struct text *t, const struct frame *f, const struct metrics *m,
                      const char *style)
{
    text_add_c(t, "<polyline fill=\"none\" points=\"");
    for (int i = 0; i < m->points; i++) {
        text_addf(t, "%.1f,%.1f ", x_of(f, m->share[i]), y_of(f, m->score[i]));
    }
    text_addf(t, "\" %s/>\n", style);
}

/* 1, 2 or 5 times a power of ten, about five of them over the axis. */
static double tick_step(double span)
{
    double step = pow(10, floor(log10(span / 5)));
    double many = span / 5 / step;
    return step * (many > 5 ? 10 : many > 2 ? 5 : many > 1 ? 2 : 1);
}

static void add_axes(struct text *t, const struct frame *f)
{
    char number[24];
    double step = tick_step(f->high - f->low);
    for (double v = ceil(f->low / step) * step; v <= f->high + step / 1e6; v += step) {
        add_line(t, x_of(f, 0), y_of(f, v), x_of(f, 1), y_of(f, v), "stroke=\"" GRID "\"");
        (void)snprintf(number, sizeof number, step < 0.01 ? "%.3f" : "%.2f", v);
        add_label(t, x_of(f, 0) - 8, y_of(f, v) + 4, "class=\"tick\" text-anchor=\"end\"", number);
    }
    for (int i = 0; i <= 4; i++) {
        (void)snprintf(number, sizeof number, "%d %%", i * 25);
        add_label(t, x_of(f, i / 4.0), y_of(f, f->low) + 20,
                  "class=\"tick\" text-anchor=\"middle\"", number);
    }
    add_line(t, x_of(f, 0), y_of(f, f->low), x_of(f, 1), y_of(f, f->low), "stroke=\"" QUIET "\"");
    add_label(t, x_of(f, 0.5), y_of(f, f->low) + 44, "class=\"axis\" text-anchor=\"middle\"",
              "answered by the cloud");
}

static void add_title(struct text *t, const struct frame *f, const struct replay_set *s,
                      enum protocol protocol)
{
    text_addf(t, "<text x=\"%.1f\" y=\"%.1f\" class=\"title\">", f->x + LEFT, f->y + 30);
    add_name(t, s->name, 40);
    text_addf(t, " <tspan class=\"sub\">%s, %zu prompts</tspan></text>\n", protocol_name(protocol),
              s->n);
    text_addf(t,
              "<text x=\"%.1f\" y=\"%.1f\" class=\"sub\">APGR <tspan class=\"figure\">%.3f</tspan>",
              f->x + LEFT, f->y + 54, s->router.apgr);
    text_addf(t, "  (95 %%: %.3f–%.3f), prompt length %.3f, chance 0.500</text>\n", s->interval[0],
              s->interval[1], s->length.apgr);
}

/* "80 % of the gap for 57 % of the calls" */
static void add_target(struct text *t, const struct frame *f, const struct metrics *m)
{
    if (!isfinite(m->cpt80)) {
        return;
    }
    char words[64];
    double score = m->device + 0.8 * (m->cloud - m->device);
    double x = x_of(f, m->cpt80);
    double y = y_of(f, score);
    add_line(t, x, y, x, y_of(f, f->low), "stroke=\"" ROUTER "\" stroke-dasharray=\"2 4\"");
    text_addf(t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"" ROUTER "\"/>\n", x, y);
    (void)snprintf(words, sizeof words, "80 %% of the gap at %.0f %%", m->cpt80 * 100);
    bool right = m->cpt80 < 0.6;
    add_label(t, right ? x + 10 : x - 6, y_of(f, f->low) - 10,
              right ? "class=\"note\"" : "class=\"note\" text-anchor=\"end\"", words);
}

static void add_ends(struct text *t, const struct frame *f, const struct replay_set *s)
{
    add_line(t, x_of(f, 0), y_of(f, s->router.cloud), x_of(f, 1), y_of(f, s->router.cloud),
             "stroke=\"" QUIET "\" stroke-dasharray=\"6 4\"");
    text_addf(t, "<text x=\"%.1f\" y=\"%.1f\" class=\"end\">", x_of(f, 0) + 8,
              y_of(f, s->router.cloud) - 7);
    add_name(t, s->cloud, 36);
    text_addf(t, " %.3f</text>\n", s->router.cloud);
    text_addf(t, "<text x=\"%.1f\" y=\"%.1f\" class=\"end\">", x_of(f, 0) + 8,
              y_of(f, s->router.device) + 18);
    add_name(t, s->device, 36);
    text_addf(t, " %.3f</text>\n", s->router.device);
}

static void add_legend(struct text *t, const struct frame *f)
{
    static const struct {
        const char *style, *words;
        double width;
    } rows[] = {
        {"stroke=\"" ROUTER "\" stroke-width=\"3\"", "router", 70},
        {"stroke=\"" LENGTH "\" stroke-width=\"1.8\"", "prompt length", 112},
        {"stroke=\"" QUIET "\" stroke-width=\"1.4\"", "chance", 72},
        {"stroke=\"" QUIET
         "\" stroke-width=\"1.4\" stroke-dasharray=\"1 4\" stroke-linecap=\"round\"",
         "oracle", 60},
    };
    double x = f->x + LEFT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        add_line(t, x, f->y + 70, x + 18, f->y + 70, rows[i].style);
        add_label(t, x + 23, f->y + 74, "class=\"tick\"", rows[i].words);
        x += rows[i].width + 22;
    }
}

static void add_panel(struct text *t, const struct frame *f, const struct replay_set *s,
                      enum protocol protocol)
{
    add_title(t, f, s, protocol);
    add_legend(t, f);
    add_axes(t, f);
    add_ends(t, f, s);
    add_line(t, x_of(f, 0), y_of(f, s->router.device), x_of(f, 1), y_of(f, s->router.cloud),
             "stroke=\"" QUIET "\" stroke-width=\"1.4\"");
    add_curve(t, f, &s->oracle,
              "stroke=\"" QUIET "\" stroke-width=\"1.4\" stroke-dasharray=\"1 4\" "
              "stroke-linecap=\"round\"");
    add_curve(t, f, &s->length, "stroke=\"" LENGTH "\" stroke-width=\"1.8\"");
    add_curve(t, f, &s->router,
              "stroke=\"" ROUTER "\" stroke-width=\"3\" stroke-linejoin=\"round\"");
    add_target(t, f, &s->router);
}

static void widen(struct frame *f, const struct metrics *m)
{
    for (int i = 0; i < m->points; i++) {
        f->low = fmin(f->low, m->score[i]);
        f->high = fmax(f->high, m->score[i]);
    }
}

void replay_svg(enum protocol protocol, const struct replay_set *const *sets, int count,
                struct text *out)
{
    int columns = MIN(count, COLUMNS);
    int rows = (count + COLUMNS - 1) / COLUMNS;
    text_addf(out,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
              "viewBox=\"0 0 %.0f %.0f\">\n",
              columns * PANEL_W, rows * PANEL_H, columns * PANEL_W, rows * PANEL_H);
    text_add_c(
        out,
        "<style>text{font-family:Inter,'Helvetica Neue',Arial,sans-serif;fill:" INK "}"
        ".title{font-size:20px;font-weight:600}.sub{font-size:13px;font-weight:400;fill:#52606d}"
        ".figure{font-weight:700;fill:" ROUTER "}.tick{font-size:12px;fill:" QUIET "}"
        ".axis{font-size:13px;fill:#52606d}.note{font-size:12.5px;font-weight:600;fill:" ROUTER "}"
        ".end{font-size:12px;fill:#52606d}</style>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    for (int i = 0; i < count; i++) {
        int row = i / COLUMNS;
        struct frame f = {.x = (i % COLUMNS) * PANEL_W, .y = row * PANEL_H, .low = 1, .high = 0};
        widen(&f, &sets[i]->router);
        widen(&f, &sets[i]->length);
        widen(&f, &sets[i]->oracle);
        double margin = fmax((f.high - f.low) * 0.06, 0.002);
        f.low -= 3 * margin; /* the name of the device stands there */
        f.high += margin;
        add_panel(out, &f, sets[i], protocol);
    }
    text_add_c(out, "</svg>\n");
}
