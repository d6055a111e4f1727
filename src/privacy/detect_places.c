/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Street addresses, postcodes, coordinates.
 *
 * An address begins in one of four ways: "3512 Magnolia Way" (number, name, a
 * word for street), "Calle Mayor, 23" (the word first), "Hauptstra\xc3\x9f" "e 5" (the
 * word is the name's end), or behind "address:", "lives at" with any name and a
 * number. From there it takes in flats, floors, towns and states as far as a
 * postcode or a state closes them. Everything within ADDRESS_MAX bytes.
 */
#include "privacy/detect_kinds.h"

#define ADDRESS_MAX 160
#define NAME_WORDS 6
#define STREET_SCORE 0.92 /* above what the tagger gives to the names inside of an address */

/* ---- small steps ---- */

/* Words inside a name that are in lower case. */
static bool is_particle(struct span w)
{
    static const char *const words[] = {
        "de",  "la",   "del", "los", "las", "el",  "y",    "e",     "da",     "do",       "dos",
        "das", "di",   "du",  "des", "le",  "les", "of",   "the",   "van",    "von",      "der",
        "den", "am",   "an",  "zum", "zur", "al",  "i",    "d",     "l",      "della",    "delle",
        "dei", "gate", "vei", "vej", "u.",  "u",   "utca", "plads", "straat", "terrasse", NULL};
    return w.len <= 8 && one_of(w, words);
}

/* A word of a name at `i`: capitals, particles, "Dr.", "5th". Gives its end, or 0. */
static size_t name_word(struct span t, size_t i, bool *out_capital)
{
    size_t end = word_run(t, i);
    *out_capital = is_capital(t, i);
    if (end < t.len && in_set(t.data[end], "_(=")) { /* code */
        return 0;
    }
    if (end > i && *out_capital) {
        return end + (end < t.len && t.data[end] == '.' && end - i <= 5);
    }
    if (end > i && is_particle(span_of(t.data + i, end - i))) {
        return end + (end == i + 1 && end < t.len && t.data[end] == '.'); /* Hungarian "u." */
    }
    size_t digits = run_of(span_first(t, i + 4), i, DIGIT);
    if (digits > i &&
        (starts_at(t, digits, SPAN("th")) || starts_at(t, digits, SPAN("st")) ||
         starts_at(t, digits, SPAN("nd")) || starts_at(t, digits, SPAN("rd"))) &&
        ends_well(t, digits + 2)) {
        *out_capital = true;
        return digits + 2;
    }
    return 0;
}

static size_t past_blanks(struct span t, size_t i, const char *blanks, size_t most)
{
    size_t from = i;
    while (i < t.len && i - from < most && in_set(t.data[i], blanks)) {
        i++;
    }
    return i;
}

/* A house number: 1 to 5 digits, maybe "A", "-14", "/3", "bis". */
static size_t house_number(struct span t, size_t i)
{
    size_t end = run_of(span_first(t, i + 6), i, DIGIT);
    if (end == i || end - i > 5) {
        return 0;
    }
    if (end + 1 < t.len && (t.data[end] == '-' || t.data[end] == '/') &&
        is(t.data[end + 1], DIGIT)) {
        size_t more = run_of(span_first(t, end + 6), end + 1, DIGIT);
        end = ends_well(t, more) ? more : end;
    }
    end += at_is(t, end, LETTER) && ends_well(t, end + 1);
    return ends_well(t, end) ? end : 0;
}

/* "Apt. 626", "Suite 377", "Flat 3B", "PO Box 12": the end, or 0. */
static size_t unit_at(struct span t, size_t i)
{
    size_t end;
    const struct word *w = at_is(t, i, LETTER) || (i < t.len && (unsigned char)t.data[i] >= 0xc3)
                               ? word_find(t, i, &end)
                               : NULL;
    if (!w || w->meaning != WORD_UNIT) {
        return 0;
    }
    size_t from = past_blanks(t, end, ". #:", 3);
    size_t close = run_of(span_first(t, from + 7), from, ALNUM);
    bool digit = close > from && (is(t.data[from], DIGIT) || is(t.data[close - 1], DIGIT) ||
                                  (close - from == 1 && is(t.data[from], UPPER)));
    if (from == end || !digit || close - from > 6 || !ends_well(t, close)) {
        return 0;
    }
    size_t box = close + (close < t.len && t.data[close] == ','); /* "PSC 4095, Box 8316" */
    size_t number = run_of(span_first(t, box + 11), box + 5, DIGIT);
    return starts_at(t, box, SPAN(" Box ")) && number > box + 5 ? number : close;
}

/* ---- postcodes ---- */

/* "SW1A 1AA" (BS 7666) and "K1A 0B1" (Canada Post): the shapes that stand alone. */
static size_t letter_postcode(struct span t, size_t i)
{
    size_t a = run_of(span_first(t, i + 5), i, UPPER | DIGIT);
    if (a - i < 2 || a - i > 4 || !is(t.data[i], UPPER) || a >= t.len || t.data[a] != ' ' ||
        run_of(span_first(t, a + 5), a + 1, UPPER | DIGIT) != a + 4) {
        return 0;
    }
    const char *b = t.data + a + 1;
    bool uk = is(b[0], DIGIT) && is(b[1], UPPER) && is(b[2], UPPER) &&
              (is(t.data[a - 1], DIGIT) || is(t.data[a - 2], DIGIT));
    bool canada = a - i == 3 && is(t.data[i + 1], DIGIT) && is(t.data[i + 2], UPPER) &&
                  is(b[0], DIGIT) && is(b[1], UPPER) && is(b[2], DIGIT);
    return (uk || canada) && ends_well(t, a + 4) ? a + 4 : 0;
}

/* 4 to 6 digits, maybe in two groups (94105-1234, 53-320, 840 24, 1234 AB): the end, or 0. */
static size_t digit_postcode(struct span t, size_t i)
{
    size_t end = run_of(span_first(t, i + 7), i, DIGIT);
    size_t n = end - i;
    if (n < 2 || n > 6) {
        return 0;
    }
    if (end + 1 < t.len && (t.data[end] == '-' || (t.data[end] == ' ' && n == 3)) &&
        is(t.data[end + 1], DIGIT)) {
        size_t more = run_of(span_first(t, end + 6), end + 1, DIGIT);
        bool fits = (n == 5 && more - end - 1 >= 3) || (n == 2 && more - end - 1 == 3) ||
                    (n == 3 && more - end - 1 <= 4) || (n == 4 && more - end - 1 == 3);
        return fits && ends_well(t, more) ? more : 0;
    }
    if (n == 4 && end + 2 < t.len && t.data[end] == ' ' && is(t.data[end + 1], UPPER) &&
        is(t.data[end + 2], UPPER) && ends_well(t, end + 3)) {
        return end + 3;
    }
    return n >= 4 && ends_well(t, end) ? end : 0;
}

bool find_postcode(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    size_t end = is(t.data[at], UPPER) ? letter_postcode(t, at) : 0;
    if (!end && labels_own(&d->labels, t, at) == MEANS_POSTCODE) {
        end = digit_postcode(t, at);
        if (!end) {
            size_t close = run_of(span_first(t, at + 11), at, ALNUM);
            bool shape = close - at >= 3 && close - at <= 10 && at_is(t, close - 1, ALNUM) &&
                         ends_well(t, close);
            bool digit = false;
            for (size_t i = at; i < close; i++) {
                digit |= is(t.data[i], DIGIT);
            }
            end = shape && digit ? close : 0;
        }
    }
    *hit = (struct hit){at, end, TYPE_POSTCODE, 0.6};
    return end != 0;
}

/* ---- what follows a street ---- */

/* ", 1D", ", 3\xc2\xba A", " bajo": a floor or a door as Spanish and Italian addresses have them. */
static size_t door_at(struct span t, size_t i)
{
    static const char *const words[] = {"Bajo", "Izq", "Dcha", "Esc",    "Puerta", "bajo",
                                        "esc",  "izq", "dcha", "puerta", NULL};
    size_t word = run_of(span_first(t, i + 8), i, LETTER);
    if (word > i && one_of(span_of(t.data + i, word - i), words)) {
        size_t more = past_blanks(t, word, ". ", 2);
        size_t close = run_of(span_first(t, more + 3), more, UPPER | DIGIT);
        return close > more && ends_well(t, close) ? close : word;
    }
    size_t end = run_of(span_first(t, i + 4), i, DIGIT);
    if (end > i && end - i <= 3) {
        end += starts_at(t, end, SPAN("\xc2\xba")) || starts_at(t, end, SPAN("\xc2\xaa")) ||
                       starts_at(t, end, SPAN("\xc2\xb0"))
                   ? 2
                   : 0;
        size_t letter = end + (end < t.len && t.data[end] == ' ');
        end = at_is(t, letter, UPPER) && ends_well(t, letter + 1) ? letter + 1 : end;
        return ends_well(t, end) && !(end < t.len && t.data[end] == ':') ? end : 0;
    }
    return 0;
}

/* Two capitals that end well: a state or a country. */
static bool is_state(struct span t, size_t i)
{
    return at_is(t, i, UPPER) && at_is(t, i + 1, UPPER) && ends_well(t, i + 2) &&
           !(i + 2 < t.len && (unsigned char)t.data[i + 2] >= 0x80);
}

enum part { NO_PART, PART_UNIT, PART_POSTCODE, PART_STATE, PART_NAME };

/* What of an address stands at `i`, and where it ends. */
static enum part part_at(struct span t, size_t i, size_t *out_end)
{
    *out_end = unit_at(t, i);
    if (*out_end) {
        return PART_UNIT;
    }
    *out_end = letter_postcode(t, i);
    *out_end = *out_end ? *out_end : digit_postcode(t, i);
    if (*out_end) {
        return PART_POSTCODE;
    }
    if (is_state(t, i)) {
        *out_end = i + 2;
        return PART_STATE;
    }
    bool capital;
    bool bracket = i < t.len && t.data[i] == '('; /* "Cyprus (Greek)" */
    *out_end = name_word(t, i + bracket, &capital);
    if (bracket) {
        *out_end = *out_end && *out_end < t.len && t.data[*out_end] == ')' ? *out_end + 1 : 0;
    }
    bool key =
        *out_end && *out_end < t.len && t.data[*out_end] == ':'; /* "Phone: …" is the next field */
    return *out_end && !key ? PART_NAME : NO_PART;
}

/* "08022 Barcelona": the town behind a postcode, on the same line. */
static size_t town_behind(struct span t, size_t i)
{
    size_t end = i;
    size_t from = past_blanks(t, i, " ", 1);
    for (int words = 0; words < 4 && from > i; words++) {
        bool capital;
        size_t next = name_word(t, from, &capital);
        if (!next || (next < t.len && t.data[next] == ':') || (words == 0 && !capital)) {
            break;
        }
        end = capital ? next : end;
        i = next;
        from = past_blanks(t, i, " ", 1);
    }
    return end - (t.data[end - 1] == '.');
}

/* From the end of "12 Main Street" to the end of "12 Main Street, Apt. 4\nSpringfield, IL 62701". A town without a state
 * or a postcode is taken only where it is plainly part (`loose`: behind a label; behind a flat). */
static size_t with_town(struct span t, size_t start, size_t end, bool loose)
{
    size_t sure = end;
    size_t i = end;
    bool named = false;
    int loose_words = 0;
    for (int parts = 0; parts < 14 && i - start < ADDRESS_MAX; parts++) {
        size_t from = past_blanks(t, i, " ,\n\r\t>-", 8);
        bool comma =
            from > i && (memchr(t.data + i, ',', from - i) || memchr(t.data + i, '\n', from - i) ||
                         memchr(t.data + i, '-', from - i));
        size_t door = comma && i == sure && !named ? door_at(t, from) : 0;
        size_t next;
        if (door && !digit_postcode(t, from)) {
            sure = i = door;
            continue;
        }
        enum part part = from > i ? part_at(t, from, &next) : NO_PART;
        if (part == PART_POSTCODE) {
            return named ? next : town_behind(t, next);
        }
        if (part == NO_PART) {
            break;
        }
        bool begins = comma || parts == 0; /* "…, Tunisia", not "… Please" */
        bool take = part == PART_NAME && loose && loose_words < 4 && (begins || i == sure);
        loose_words += take;
        sure = part != PART_NAME || take ? next : sure;
        loose |= part == PART_UNIT;
        named |= part == PART_NAME;
        i = next;
    }
    return sure;
}

static bool add_address(struct detection *d, size_t start, size_t end, double score,
                        struct hit *hit)
{
    bool label = labels_near(&d->labels, MEANS_ADDRESS, start);
    *hit = (struct hit){start, with_town(d->text, start, end, label), TYPE_STREET_ADDRESS, score};
    return true;
}

/* ---- how an address begins ---- */

/* Behind "address:", "lives at": a name and a number, in either order, on up to three lines. */
static bool free_address(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (labels_own(&d->labels, t, at) != MEANS_ADDRESS) {
        return false;
    }
    size_t end = 0;
    size_t i = at;
    int words = 0;
    int numbers = 0;
    for (int part = 0; part < 8 && i - at < ADDRESS_MAX; part++) {
        bool capital;
        size_t number = house_number(t, i);
        size_t next = number ? number : name_word(t, i, &capital);
        if (!next || (next < t.len && t.data[next] == ':')) {
            break;
        }
        numbers += number != 0;
        words += !number && capital;
        end = number || capital ? next : end;
        if (numbers && words && number && numbers == 1 && i > at) {
            break; /* "Pagari 18": the number closes it */
        }
        i = past_blanks(t, next, " ,", 2);
        if (i == next) {
            break;
        }
    }
    return numbers && words && end ? add_address(d, at, end, STREET_SCORE, hit) : false;
}

/* Past the words of a street's name up to and with a word for street: "Magnolia Way". 0 when there is none. */
static size_t street_after(struct span t, size_t i, bool loose)
{
    bool named = false;
    for (int words = 0; words < NAME_WORDS; words++) {
        size_t close = 0;
        const struct word *w = at_is(t, i, LETTER) ? word_find(t, i, &close) : NULL;
        if (w && w->meaning == WORD_STREET_AFTER && named && (is(t.data[i], UPPER) || loose)) {
            size_t more = close + (close < t.len && t.data[close] == '.');
            if (is_capital(t, i) || loose) { /* "Park Hill Road": the last one counts */
                size_t after = past_blanks(t, more, " ", 1);
                size_t end2 = 0;
                const struct word *again =
                    at_is(t, after, UPPER) ? word_find(t, after, &end2) : NULL;
                return again && again->meaning == WORD_STREET_AFTER ? end2 : more;
            }
        }
        bool capital;
        size_t next = name_word(t, i, &capital);
        if (!next && loose) {
            next = word_run(t, i);
            next = next > i ? next : 0;
        }
        if (!next || next >= t.len || t.data[next] != ' ') {
            return 0;
        }
        named = true;
        i = next + 1;
    }
    return 0;
}

/* Past the words of a name: at least one capital, unless `loose`. */
static size_t street_name(struct span t, size_t i, bool loose)
{
    size_t end = 0;
    for (int words = 0; words < NAME_WORDS + 1; words++) {
        bool capital;
        size_t next = name_word(t, i, &capital);
        if (!next && loose && (next = word_run(t, i)) > i) {
            capital = true;
        }
        if (!next || next == i) {
            break;
        }
        end = capital ? next : end;
        if (next >= t.len || t.data[next] != ' ') {
            break;
        }
        i = next + 1;
    }
    return end;
}

/* "Stra\xc3\x9f" "e", "katu", "gatan": ends of names that mean street. */
static bool is_glued_street(struct span w)
{
    static const char *const ends[] = {"stra\xc3\x9f"
                                       "e",
                                       "strasse",
                                       "str.",
                                       "gasse",
                                       "weg",
                                       "platz",
                                       "allee",
                                       "ring",
                                       "damm",
                                       "ufer",
                                       "katu",
                                       "tie",
                                       "kuja",
                                       "polku",
                                       "gatan",
                                       "v\xc3\xa4gen",
                                       "gata",
                                       "v\xc3\xa4g",
                                       "veien",
                                       "vegen",
                                       "vej",
                                       "gade",
                                       "gate",
                                       "straat",
                                       "laan",
                                       "plein",
                                       "utca",
                                       "bakken",
                                       "stien",
                                       "kade",
                                       "steeg",
                                       "dreef",
                                       "gaten",
                                       "gr\xc3\xa4nd",
                                       "torget",
                                       "vangen",
                                       NULL};
    for (const char *const *e = ends; *e; e++) {
        struct span end = span_c(*e);
        bool whole = w.len == end.len && w.len >= 5 && span_eq_nocase(w, end);
        if (whole || (w.len > end.len + 2 && span_ends(w, end))) {
            return true;
        }
    }
    return false;
}

/* A number behind a name: ", 23", " n\xc2\xba 5", " 12". */
static size_t number_behind(struct span t, size_t i)
{
    static const char *const marks[] = {"n\xc2\xba", "n\xc2\xb0", "n.\xc2\xba", "no.",
                                        "num.",      "n.",        "nr.",        NULL};
    size_t from = past_blanks(t, i, " ,", 3);
    if (from == i) {
        return 0;
    }
    if (starts_at(t, from, SPAN("s/n")) && ends_well(t, from + 3)) { /* sin nÃºmero */
        return from + 3;
    }
    for (const char *const *m = marks; *m; m++) {
        if (starts_at(t, from, span_c(*m))) {
            from = past_blanks(t, from + strlen(*m), " ", 1);
            break;
        }
    }
    return house_number(t, from);
}

/* Does a postcode close the lines behind `i`, a town between? "Pagari 18\n Ridalepa\n Mali 44998". */
static bool closed_by_postcode(struct span t, size_t start, size_t i)
{
    size_t line = past_blanks(t, i, " ,", 3);
    if (line >= t.len || (t.data[line] != '\n' && !memchr(t.data + i, ',', line - i))) {
        return false;
    }
    size_t end = with_town(t, start, i, false);
    bool town = false;
    for (size_t k = i; k < end; k++) {
        town |= is_capital(t, k);
    }
    return town && end > i + 5 && is(t.data[end - 1], DIGIT) && is(t.data[end - 3], DIGIT);
}

static bool is_like_year(struct span t, size_t at, size_t end)
{
    int year = end - at == 4 ? number_of(t.data + at, 4) : 0;
    return year >= 1800 && year < 2100;
}

/* "Puruntie 82 Apt. 595", "Passauer Strasse 33, Wien": one to four words and a number, which something behind it (or a
 * word for street) makes sure of. `loose`: a comma and a capital are enough. */
static size_t name_then_number(struct span t, size_t start, size_t i, bool loose)
{
    for (int words = 0; words < 5; words++) {
        bool capital;
        size_t next = name_word(t, i, &capital);
        if (!next || next >= t.len || t.data[next] != ' ' || (words == 0 && !capital)) {
            return 0;
        }
        size_t number = house_number(t, next + 1);
        if (number && number - next <= 6) {
            size_t comma = past_blanks(t, number, ",\n", 1);
            bool goes_on = loose && comma > number &&
                           is_capital(t, past_blanks(t, comma, " ", 2)) && start < i;
            bool sure = is_glued_street(span_of(t.data + i, next - i)) || goes_on ||
                        unit_at(t, past_blanks(t, number, " ,\n.>", 4)) ||
                        closed_by_postcode(t, start, number);
            return sure ? number : 0;
        }
        i = next + 1;
    }
    return 0;
}

/* Called at a digit: "3512 Magnolia Way", "12 bis, rue de la Paix", "221B Baker Street", or behind a label. */
bool find_numbered_street(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    size_t number = house_number(t, at);
    if (!number || number >= t.len) {
        return free_address(d, at, hit);
    }
    size_t name = past_blanks(t, number, " ,", 2);
    name += starts_at(t, name, SPAN("bis ")) || starts_at(t, name, SPAN("ter ")) ? 4 : 0;
    if (name == number) {
        return free_address(d, at, hit);
    }
    bool label = labels_near(&d->labels, MEANS_ADDRESS, at);
    size_t end = t.data[number] == ' ' ? street_after(t, name, label) : 0;
    size_t close = 0;
    const struct word *w =
        !end && name < t.len && word_run(t, name) > name ? word_find(t, name, &close) : NULL;
    if (w && w->meaning == WORD_STREET_BEFORE && close < t.len && t.data[close] == ' ') {
        end = street_name(t, close + 1, false);
        bool comma = end && end < t.len && t.data[end] == ','; /* then it is a postcode */
        size_t behind = end && !comma ? number_behind(t, end) : 0;
        end = behind ? behind : end;
    }
    if (!end && t.data[number] != ' ') { /* "141/60, HR 59" */
        return free_address(d, at, hit);
    }
    end = end ? end : name_then_number(t, at, name, label || !is_like_year(t, at, number));
    return end ? add_address(d, at, end, STREET_SCORE, hit) : free_address(d, at, hit);
}

/* Called at a word: "Calle Mayor, 23", "Hauptstra\xc3\x9f" "e 5", "Koskikatu 25 Apt. 864", or behind a label. */
bool find_named_street(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct word *w = d->word;
    bool before =
        w && ((w->meaning == WORD_STREET_BEFORE && (!w->arg || is_capital(t, at))) ||
              (w->meaning == WORD_STREET_AFTER && w->arg && is_capital(t, at))); /* "Plaza …" */
    if (before) {
        bool label = labels_near(&d->labels, MEANS_ADDRESS, at);
        size_t name = d->word_end + (d->word_end < t.len && t.data[d->word_end] == '.');
        name = past_blanks(t, name, " ", 1);
        size_t end =
            name > d->word_end || t.data[d->word_end - 1] == '/' ? street_name(t, name, label) : 0;
        size_t number = end ? number_behind(t, end) : 0;
        if (number || (end && label)) {
            return add_address(d, at, number ? number : end, STREET_SCORE, hit);
        }
    }
    if (!is_capital(t, at)) {
        return false;
    }
    if (free_address(d, at, hit)) {
        return true;
    }
    size_t end = name_then_number(t, at, at, false);
    return end && add_address(d, at, end, STREET_SCORE, hit);
}

/* "Apt. 626" and "PO Box 12" alone: a piece of an address is one. Bare "room 12" and "floor 3" need a label. */
bool find_unit(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (!d->word || d->word->meaning != WORD_UNIT || !is(t.data[at], UPPER)) {
        return false;
    }
    size_t end = unit_at(t, at);
    bool boxed = end > d->word_end + 8; /* "Unit 4719 Box 7394" */
    if (!end || (d->word->arg == 1 && !boxed && !labels_near(&d->labels, MEANS_ADDRESS, at))) {
        return false;
    }
    return add_address(d, at, end, STREET_SCORE, hit);
}

/* ---- coordinates ---- */

struct angle {
    size_t end;
    int whole, decimals;
    bool marked; /* degrees or a direction */
};

/* "40.7128", "-74.0060", "40.7128\xc2\xb0 N", "40\xc2\xb0" "26'46\"N". */
static bool read_angle(struct span t, size_t at, struct angle *out)
{
    size_t i = at + (at < t.len && t.data[at] == '-');
    size_t end = run_of(span_first(t, i + 4), i, DIGIT);
    *out = (struct angle){.end = end};
    if (end == i || end - i > 3) {
        return false;
    }
    out->whole = number_of(t.data + i, (int)(end - i));
    if (end < t.len && t.data[end] == '.') {
        size_t close = run_of(span_first(t, end + 18), end + 1, DIGIT);
        out->decimals = (int)(close - end - 1);
        end = out->decimals ? close : end;
    }
    if (starts_at(t, end, SPAN("\xc2\xb0"))) {
        out->marked = true;
        end += 2;
        size_t from = end;
        while (end < t.len && end - from < 22 &&
               (is(t.data[end], DIGIT) || in_set(t.data[end], " .'\"") ||
                (unsigned char)t.data[end] == 0xe2 ||
                (end > from && (unsigned char)t.data[end] >= 0x80))) {
            end++;
        }
        while (end > from && t.data[end - 1] == ' ') {
            end--;
        }
    }
    size_t direction = end + (end < t.len && t.data[end] == ' ');
    if (at_is(t, direction, UPPER) && in_set(t.data[direction], "NSEWO") &&
        ends_well(t, direction + 1)) {
        out->marked = true;
        end = direction + 1;
    }
    out->end = end;
    return out->whole <= 180;
}

bool find_coordinates(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    struct angle a;
    struct angle b;
    size_t whole = run_of(span_first(t, at + 5), at + (t.data[at] == '-'), DIGIT);
    bool angle = whole < t.len && (t.data[whole] == '.' || (unsigned char)t.data[whole] == 0xc2);
    if (!angle || !read_angle(t, at, &a) || (!a.marked && a.decimals < 3)) {
        return false;
    }
    *hit = (struct hit){at, a.end, TYPE_COORDINATES, 0.75};
    bool label = labels_near(&d->labels, MEANS_COORDINATE, at);
    size_t second = past_blanks(t, a.end, " ,;/", 3);
    if (second > a.end && read_angle(t, second, &b) && ends_well(t, b.end) && a.whole <= 90) {
        bool comma = memchr(t.data + a.end, ',', second - a.end) ||
                     memchr(t.data + a.end, ';', second - a.end);
        bool precise = comma && a.decimals >= 4 && b.decimals >= 4 && a.decimals <= 8;
        if ((a.marked && b.marked) || precise || (label && b.decimals >= 3)) {
            hit->end = b.end;
            return true;
        }
    }
    return label && a.decimals >= 3 && ends_well(t, a.end) &&
           labels_own(&d->labels, t, at) == MEANS_COORDINATE;
}
