/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The word lists are long on purpose: one string per marker, the words of a kind. A
 * word may stand in two lists. They were written by hand, from what kinds of work
 * differ in, not from any benchmark's labels.
 */
#include "router/features.h"

#include <pthread.h>

/* ---- words of a kind ---- */

static const char *const word_lists[MARKER_COUNT] = {
    [MARKER_NUMBER_WORDS] =
        "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty "
        "fifty sixty hundred thousand million half halves third thirds quarter quarters fourth "
        "dozen dozens twice double triple thrice first second both pair pairs",
    [MARKER_PERCENT] = "percent percentage pct discount interest rate",
    [MARKER_UNITS] =
        "second seconds minute minutes hour hours day days week weeks month months year years mile "
        "miles km kilometers meter meters metres cm mm inch inches foot feet yard yards pound pounds "
        "ounce ounces gram grams kg kilograms liter liters litres gallon gallons cup cups dollar "
        "dollars cents euro euros degrees mph watts volts joules newtons celsius fahrenheit",
    [MARKER_MATH_WORDS] =
        "equation equations probability derivative integral matrix vector polynomial theorem "
        "function functions graph sum product square root prime integer integers real triangle "
        "circle angle radius area volume perimeter average mean median variance ratio proportion "
        "calculate compute solve simplify evaluate factor factorial logarithm sine cosine slope "
        "coordinates set group field ring modulo remainder divisible permutation combination "
        "algebra geometry calculus equals multiply divide subtract add",
    [MARKER_QUANTITY] =
        "each every per total altogether remaining remain left rest more less fewer times than "
        "many much number amount cost costs price spend spent earn earns buy buys sell sells paid "
        "pay pays left gave gives needs combined",
    [MARKER_CODE_WORDS] =
        "code function python java javascript typescript rust golang sql html css bash shell regex "
        "compile compiler debug bug program script algorithm array string int void return class "
        "method variable loop recursive recursion api json query database server struct pointer "
        "import def const stack queue tree complexity runtime implement c++ linux git docker",
    [MARKER_NEGATION] =
        "not no never none nothing nobody neither nor without except cannot dont doesnt didnt isnt "
        "arent wasnt werent cant couldnt wont wouldnt shouldnt false incorrect unlike least nicht "
        "kein keine pas jamais nunca",
    [MARKER_CONDITION] =
        "if unless suppose assume assuming given when whenever whether otherwise provided had were "
        "would could might wenn falls si",
    [MARKER_REASONING] =
        "why because explain prove proof therefore thus hence reason reasoning infer deduce conclude "
        "conclusion argument premise imply implies compare contrast analyze analyse evaluate justify "
        "cause causes effect step steps logic logical logically consequence derive warum pourquoi "
        "porque how evidence",
    [MARKER_CONSTRAINT] =
        "must exactly only at least most within limit maximum minimum avoid ensure should required "
        "require requires include including fewer words sentences paragraphs letter letters begin "
        "start end do dont without single same always never format",
    [MARKER_SUPERLATIVE] =
        "most best least worst highest lowest largest smallest greatest primary primarily main "
        "likely major principal key typical typically usually generally",
    [MARKER_FORMAT] =
        "json table csv bullet bullets list markdown xml yaml html latex outline columns rows "
        "numbered template schema headings key keys format",
    [MARKER_CREATIVE] =
        "story poem blog email letter essay imagine write compose song lyrics creative fiction "
        "novel dialogue haiku joke script slogan post article speech review describe vivid draft",
    [MARKER_ROLE_PLAY] = "pretend act role character persona imagine roleplay yourself embrace "
                         "assume embody perspective",
    [MARKER_TEXT_WORK] =
        "summarize summarise summary extract rewrite rephrase paraphrase classify categorize "
        "translate translation proofread edit correct identify entities sentiment grammar shorten "
        "passage paragraph text following article review",
    [MARKER_OPINION] = "think opinion moral morally ethical ethics should believe wrong right good "
                       "bad agree advice recommend suggest feel prefer according",
    [MARKER_SCIENCE] =
        "energy cell cells acid force protein atom atoms electron electrons molecule molecules "
        "reaction mass velocity acceleration temperature pressure gas water light wave waves "
        "magnetic electric current gene genes dna species organism evolution chemical compound "
        "enzyme membrane planet star orbit earth solution concentration bond ion carbon oxygen",
    [MARKER_MEDICINE] =
        "patient patients symptoms dose disease diagnosis treatment blood pain heart infection "
        "drug medication physician surgery clinical syndrome chronic history examination mg "
        "cancer pressure pulse fever nerve muscle virus bacteria vaccine therapy hospital",
    [MARKER_LAW] =
        "court plaintiff defendant contract statute law legal judge jury trial crime criminal "
        "constitutional amendment liability negligence property rights evidence statement "
        "attorney lawyer motion act claim damages police guilty landlord tenant sued",
    [MARKER_SOCIETY] =
        "war king queen economy economic government century president political policy state "
        "states party revolution empire church religion religious society social market demand "
        "supply inflation trade country countries nation international culture population "
        "american british european historical history philosopher theory psychology",
    [MARKER_PERSONS] = "he she they his her their him them herself himself boy girl man woman "
                       "mother father brother sister friend friends children son daughter",
    [MARKER_SECOND_PERSON] = "you your yours yourself du sie vous tu usted",
    [MARKER_STARTS_WHAT] = "what which whats was welche que quel quelle cual",
    [MARKER_STARTS_WHO] = "who when where whose whom wer wann wo qui quand quien",
    [MARKER_STARTS_HOW] = "how why wie warum comment pourquoi como",
    [MARKER_STARTS_IS] = "is are was were do does did can could will would should has have am may",
    [MARKER_IMPERATIVE] =
        "write explain list give describe find calculate compute solve create generate make "
        "compose draft implement design develop prove show determine identify extract summarize "
        "summarise translate rewrite classify compare discuss analyze analyse evaluate provide "
        "tell name choose select suggest recommend imagine pretend act edit fix correct convert "
        "read use consider complete fill turn set play remind call send schreibe "
        "erkläre nenne gib écris explique donne escribe explica",
};

#define SLOTS 2048u /* power of two, over twice the words */
#define NO_MARKER 0xff

struct slot {
    uint32_t hash; /* of the word, 0 = free */
    uint8_t marker[2];
    uint16_t spare;
};

static struct slot slots[SLOTS];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* ---- bytes ---- */

enum sign { /* what a byte is; the letters first, so that one comparison tells them */
            LETTER_LOWER,
            LETTER_UPPER,
            LETTER_HIGH,
            DIGIT,
            SPACE,
            NEWLINE,
            STOP,
            QUESTION,
            COMMA,
            COLON,
            QUOTE,
            APOSTROPHE,
            BRACKET,
            OPERATOR,
            CURRENCY,
            PERCENT_SIGN,
            BACKSLASH,
            CODE_SIGN,
            UNDERSCORE,
            PIPE,
            AT,
            BACKTICK,
            OTHER,
            SIGN_COUNT,
};

static uint8_t sign_of[256];
static uint8_t lower_of[256];

static void signs_are(const char *bytes, enum sign sign)
{
    for (; *bytes; bytes++) {
        sign_of[(unsigned char)*bytes] = (uint8_t)sign;
    }
}

static void build_signs(void)
{
    for (int c = 0; c < 256; c++) {
        bool upper = c >= 'A' && c <= 'Z';
        bool lower = c >= 'a' && c <= 'z';
        sign_of[c] = (uint8_t)(upper       ? LETTER_UPPER
                               : lower     ? LETTER_LOWER
                               : c >= 0x80 ? LETTER_HIGH
                                           : OTHER);
        lower_of[c] = (uint8_t)(upper ? c + 32 : c);
    }
    signs_are("0123456789", DIGIT);
    signs_are(" \t\r\f\v", SPACE);
    signs_are("\n", NEWLINE);
    signs_are(".!", STOP);
    signs_are("?", QUESTION);
    signs_are(",", COMMA);
    signs_are(":", COLON);
    signs_are("\"", QUOTE);
    signs_are("'", APOSTROPHE);
    signs_are("()", BRACKET);
    signs_are("=+*/^<>~-", OPERATOR);
    signs_are("$", CURRENCY);
    signs_are("%", PERCENT_SIGN);
    signs_are("\\", BACKSLASH);
    signs_are("{};[]#&", CODE_SIGN);
    signs_are("_", UNDERSCORE);
    signs_are("|", PIPE);
    signs_are("@", AT);
    signs_are("`", BACKTICK);
}

/* ---- hashing ----
 * A word's bytes are folded with two cheap steps each, and mixed once at its end: the multiplication that
 * a byte-wise FNV needs for each byte would cost more than all the rest. */

#define MIX 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio */
#define FOLD(h, byte) ((h) << 7 ^ (h) >> 57 ^ (byte))

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= MIX;
    return h ^ h >> 29;
}

static uint64_t word_hash(struct span word)
{
    uint64_t h = 0;
    for (size_t i = 0; i < word.len; i++) {
        h = FOLD(h, lower_of[(unsigned char)word.data[i]]);
    }
    return mix(h);
}

static struct slot *slot_of(uint64_t h)
{
    uint32_t tag = (uint32_t)h | 1u;
    uint32_t at = (uint32_t)(h >> 40) & (SLOTS - 1);
    while (slots[at].hash && slots[at].hash != tag) {
        at = (at + 1) & (SLOTS - 1);
    }
    return &slots[at];
}

static void add_word(struct span word, enum marker m)
{
    uint64_t h = word_hash(word);
    struct slot *s = slot_of(h);
    if (!s->hash) {
        *s = (struct slot){.hash = (uint32_t)h | 1u, .marker = {(uint8_t)m, NO_MARKER}};
    } else if (s->marker[0] != m && s->marker[1] == NO_MARKER) {
        s->marker[1] = (uint8_t)m;
    }
}

static uint64_t hash_how, hash_which, hash_following, hash_of;

static void build_tables(void)
{
    build_signs();
    for (int m = 0; m < MARKER_COUNT; m++) {
        struct span rest = word_lists[m] ? span_c(word_lists[m]) : SPAN_NONE;
        while (rest.len) {
            add_word(span_cut(&rest, ' '), (enum marker)m);
        }
    }
    hash_how = word_hash(SPAN("how"));
    hash_which = word_hash(SPAN("which"));
    hash_following = word_hash(SPAN("following"));
    hash_of = word_hash(SPAN("of"));
}

/* ---- the pass ---- */

struct pass {
    struct features *out;
    uint32_t counts[MARKER_COUNT]; /* what the word lists and lines say, before it is scaled */
    uint32_t signs[SIGN_COUNT];
    uint32_t words, letters, long_words, capitals, numbers, sentences;
    uint64_t before; /* hash of the word before, 0 = none */
    bool sentence_begins;
    enum sign last; /* that is no space */
    uint64_t seen[FEATURES_BUCKETS / 64];
};

static bool is_new(struct pass *p, uint32_t hash16)
{
    uint32_t bucket = FEATURES_BUCKET(hash16);
    uint64_t bit = 1ull << (bucket & 63);
    bool seen = p->seen[bucket >> 6] & bit;
    p->seen[bucket >> 6] |= bit;
    return !seen;
}

static void add_gram(struct pass *p, uint64_t h)
{
    struct features *f = p->out;
    uint32_t word = (uint32_t)(h * MIX >> 48);
    uint32_t pair = (uint32_t)((p->before * 3 + h) * MIX >> 48);
    if (f->words < FEATURES_WORDS_MAX && is_new(p, word)) {
        f->word[f->words++] = (uint16_t)word;
    }
    if (p->before && f->pairs < FEATURES_WORDS_MAX && is_new(p, pair)) {
        f->pair[f->pairs++] = (uint16_t)pair;
    }
    p->before = h;
}

/* Words that mean something only where a prompt or a sentence begins. */
static bool out_of_place(const struct pass *p, enum marker m)
{
    bool starts = m >= MARKER_STARTS_WHAT && m <= MARKER_STARTS_IS;
    return (starts && p->words > 0) || (m == MARKER_IMPERATIVE && !p->sentence_begins);
}

static void note_word(struct pass *p, uint64_t h, size_t len, bool capital, bool acronym)
{
    const struct slot *s = slot_of(h);
    for (int i = 0; s->hash && i < 2 && s->marker[i] != NO_MARKER; i++) {
        p->counts[s->marker[i]] += !out_of_place(p, s->marker[i]);
    }
    p->counts[MARKER_HOW_MANY] +=
        p->before == hash_how && s->hash && (s->marker[0] == MARKER_QUANTITY);
    p->counts[MARKER_WHICH_OF] += (p->before == hash_which && h == hash_of) || h == hash_following;
    p->counts[MARKER_ACRONYMS] += acronym;
    p->capitals += capital;
    p->letters += (uint32_t)len;
    p->long_words += len >= 9;
    add_gram(p, h);
    p->words++;
    p->sentence_begins = false;
}

/* Scripts that put no space between words: each of their characters is a word. */
static bool stands_alone(const uint8_t *at, const uint8_t *end)
{
    return *at >= 0xe3 || (*at == 0xe0 && at + 1 < end && at[1] >= 0xb8);
}

static const uint8_t *read_word(struct pass *p, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;
    uint64_t h = 0;
    uint32_t uppers = 0;
    if (*at >= 0xe0 && stands_alone(at, end)) {
        do {
            h = FOLD(h, *at);
            at++;
        } while (at < end && (*at & 0xc0) == 0x80);
        note_word(p, mix(h), (size_t)(at - start), false, false);
        return at;
    }
    if (*at == 0xe2) { /* general punctuation (E2 80), else mathematical and other signs */
        p->signs[at + 1 < end && at[1] == 0x80 ? OTHER : OPERATOR]++;
        do {
            at++;
        } while (at < end && (*at & 0xc0) == 0x80);
        return at;
    }
    size_t skipped = 0;
    for (; at < end; at++) {
        uint8_t sign = sign_of[*at];
        if (sign > DIGIT) {
            if (sign != APOSTROPHE || at + 1 == end || sign_of[at[1]] > LETTER_UPPER) {
                break;
            }
            skipped++;
            continue;
        }
        if (*at >= 0xe0 && at > start && (*at == 0xe2 || stands_alone(at, end))) {
            break;
        }
        uppers += sign == LETTER_UPPER;
        h = FOLD(h, lower_of[*at]);
    }
    size_t len = (size_t)(at - start) - skipped;
    bool single = len == 1 && *start < 0x80 && lower_of[*start] != 'a' && lower_of[*start] != 'i';
    p->counts[MARKER_VARIABLES] += single;
    note_word(p, mix(h), len, sign_of[*start] == LETTER_UPPER, uppers >= 2 && uppers == len);
    return at;
}

static const uint8_t *read_number(struct pass *p, const uint8_t *at, const uint8_t *end)
{
    uint32_t digits = 0;
    bool decimal = false;
    for (; at < end; at++) {
        if (sign_of[*at] == DIGIT) {
            digits++;
        } else if ((*at == '.' || *at == ',') && at + 1 < end && sign_of[at[1]] == DIGIT) {
            decimal = true;
        } else {
            break;
        }
    }
    p->numbers++;
    p->counts[MARKER_LONG_NUMBERS] += digits >= 3;
    p->counts[MARKER_DECIMALS] += decimal;
    add_gram(p, mix('#' + MIN(digits, 4u)));
    p->sentence_begins = false;
    return at;
}

/* "A. ", "b) ", "(c) ", "4: " at a line's beginning; "- "; an indented line. */
static void look_at_line(struct pass *p, const uint8_t *at, const uint8_t *end)
{
    if (end - at < 3) {
        return;
    }
    const uint8_t *mark = at + (*at == '(');
    bool one = sign_of[*mark] == DIGIT || sign_of[*mark] <= LETTER_UPPER;
    p->counts[MARKER_OPTIONS] += one && (mark[1] == '.' || mark[1] == ')' || mark[1] == ':');
    p->counts[MARKER_LIST_LINES] += (*at == '-' || *at == '*') && at[1] == ' ';
    p->counts[MARKER_INDENTED] += *at == '\t' || (*at == ' ' && at[1] == ' ');
}

static const uint8_t *read_sign(struct pass *p, enum sign sign, const uint8_t *at,
                                const uint8_t *end)
{
    p->signs[sign]++;
    bool before_space = at + 1 == end || sign_of[at[1]] == SPACE || sign_of[at[1]] == NEWLINE;
    if (sign == NEWLINE) {
        look_at_line(p, at + 1, end);
        p->sentence_begins = true;
    } else if ((sign == STOP || sign == QUESTION) && before_space) {
        p->sentences++;
        p->sentence_begins = true;
    } else if (sign == COLON) {
        p->counts[MARKER_LINKS] += end - at >= 3 && at[1] == '/' && at[2] == '/';
    } else if (sign == UNDERSCORE) {
        p->counts[MARKER_BLANKS] += at + 1 < end && at[1] == '_';
    } else if (sign == BACKTICK) {
        p->counts[MARKER_CODE_FENCE] += end - at >= 3 && at[1] == '`' && at[2] == '`';
    }
    if (sign != SPACE && sign != NEWLINE) {
        p->last = sign;
    }
    return at + 1;
}

static void read_text(struct pass *p, struct span text)
{
    const uint8_t *at = (const uint8_t *)text.data;
    const uint8_t *end = at + text.len;
    p->before = 0;
    p->sentence_begins = true;
    look_at_line(p, at, end);
    while (at < end) {
        enum sign sign = (enum sign)sign_of[*at];
        if (sign == SPACE) {
            at++;
        } else if (sign < DIGIT) {
            at = read_word(p, at, end);
            p->last = LETTER_LOWER;
        } else if (sign == DIGIT) {
            at = read_number(p, at, end);
            p->last = DIGIT;
        } else {
            at = read_sign(p, sign, at, end);
        }
    }
}

/* ---- from counts to markers ---- */

/* 4 · log2(1 + n), straight within an octave: exact in integers on every machine. At most 127. */
static uint8_t log_of(uint64_t n)
{
    uint64_t x = MIN(n, (1ull << 31) - 2) + 1;
    int octave = 63 - __builtin_clzll(x);
    return (uint8_t)(4 * octave + (int)((x << 2 >> octave) & 3));
}

static uint8_t share_of(uint64_t part, uint64_t whole)
{
    return (uint8_t)(whole ? MIN((part * 16 + whole / 2) / whole, 16u) : 0);
}

static uint64_t non_ascii(struct span text)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        n += (uint8_t)text.data[i] >> 7;
    }
    return n;
}

static void scale(struct pass *p, size_t bytes)
{
    uint8_t *m = p->out->marker;
    for (int i = 0; i < MARKER_COUNT; i++) {
        uint32_t most = marker_kind((enum marker)i) == MARKER_KIND_FLAG ? 1 : 15;
        m[i] = (uint8_t)MIN(p->counts[i], most);
    }
    const uint32_t *s = p->signs;
    m[MARKER_LENGTH] = log_of(bytes);
    m[MARKER_WORDS] = log_of(p->words);
    m[MARKER_LINES] = log_of(s[NEWLINE]);
    m[MARKER_SENTENCES] = log_of(p->sentences);
    m[MARKER_SENTENCE_WORDS] = log_of(p->words / MAX(p->sentences, 1u));
    m[MARKER_WORD_LETTERS] = (uint8_t)MIN(p->words ? p->letters / p->words : 0, 15u);
    m[MARKER_LONG_WORDS] = share_of(p->long_words, p->words);
    m[MARKER_CAPITALS] = share_of(p->capitals, p->words);
    m[MARKER_NUMBERS] = log_of(p->numbers);
    m[MARKER_OPERATORS] = log_of(s[OPERATOR]);
    m[MARKER_CODE_SIGNS] = log_of(s[CODE_SIGN] + s[UNDERSCORE]);
    m[MARKER_COMMAS] = log_of(s[COMMA]);
    m[MARKER_MONEY] = (uint8_t)MIN(s[CURRENCY], 15u);
    m[MARKER_PERCENT] = (uint8_t)MIN(m[MARKER_PERCENT] + s[PERCENT_SIGN], 15u);
    m[MARKER_BACKSLASHES] = (uint8_t)MIN(s[BACKSLASH], 15u);
    m[MARKER_PIPES] = (uint8_t)MIN(s[PIPE], 15u);
    m[MARKER_LINKS] = (uint8_t)MIN(m[MARKER_LINKS] + s[AT], 15u);
    m[MARKER_QUESTION_MARKS] = (uint8_t)MIN(s[QUESTION], 15u);
    m[MARKER_QUOTES] = (uint8_t)MIN(s[QUOTE], 15u);
    m[MARKER_COLONS] = (uint8_t)MIN(s[COLON], 15u);
    m[MARKER_BRACKETS] = (uint8_t)MIN(s[BRACKET], 15u);
    m[MARKER_ENDS_ASKING] = p->last == QUESTION;
}

static void add_conversation(const struct facts *f, uint8_t *m)
{
    int64_t before = MAX(f->prompt_tokens - f->last_user_tokens, 0) * 7 / 2;
    m[MARKER_CONTEXT] = log_of((uint64_t)before / 64);
    m[MARKER_TURNS] = (uint8_t)MIN(MAX(f->turns - 1, 0), 15);
    m[MARKER_OTHER_LANGUAGE] = f->language && strcmp(f->language, "en") != 0;
    m[MARKER_SYSTEM] = f->has_system;
    const struct request *r = f->request;
    m[MARKER_TOOLS] = r && r->has_tools;
    m[MARKER_IMAGES] = r && r->has_images;
    m[MARKER_SCHEMA] = r && (r->json_schema || r->json_object);
}

void features_read(struct span user, const struct facts *f, struct features *out)
{
    (void)pthread_once(&tables_once, build_tables);
    struct pass p = {.out = out, .last = OTHER};
    out->words = out->pairs = 0;
    user = user.data ? user : SPAN("");
    struct span head =
        span_first(user, user.len > FEATURES_BYTES_MAX ? FEATURES_HEAD_BYTES : FEATURES_BYTES_MAX);
    struct span tail =
        span_from(user, MAX(head.len, user.len - MIN(user.len, FEATURES_TAIL_BYTES)));
    read_text(&p, head);
    if (tail.len) {
        read_text(&p, tail);
    }
    scale(&p, user.len);
    out->marker[MARKER_NON_ASCII] =
        share_of(non_ascii(head) + non_ascii(tail), head.len + tail.len);
    add_conversation(f, out->marker);
}
