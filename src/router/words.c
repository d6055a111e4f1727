/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over the words of a prompt. A word that stands in the table (words_table.c) counts
 * for its task with its weight, times what its place is worth:
 *
 *   first two words  x 6   what a prompt asks for mostly stands at its beginning ("turn on ...");
 *                          politeness before it ("please", "can you") is skipped
 *   instruction      x 3
 *   material         x 1   what follows a colon, a quotation mark or a line end, because there
 *                          stands what is to be worked on ("Translate: turn on the light")
 *
 * Phrases are looked for in the first 200 bytes and the last 100. The task with the highest sum
 * wins; on a tie the earlier one in enum task, but chat last. Of a text longer than
 * WORDS_BYTES_MAX the head and the tail are read, for the question often stands at the end.
 *
 * A word is known by its 32-bit hash alone: the table is 32 KiB and fits the first cache. Two
 * words of the tables never share one (asserted when it is built); a stranger that does, one in
 * three million, counts as the other.
 */
#include "router/words.h"

#include "router/words_table.h"

#include <pthread.h>

#define SLOTS 4096u /* power of two, about three times the words */
#define FIRST_WORDS 2
#define AT_FIRST 6
#define IN_INSTRUCTION 3
#define IN_MATERIAL 1
#define PHRASE_BYTES 200
#define PHRASE_TAIL_BYTES 100
#define TAIL_BYTES 256
#define LANGUAGE_WORDS 32   /* so many frequent words tell the language */
#define WORDS_PHRASE_MAX 24 /* the longest claiming phrase, and more */
#define SKETCH_LETTERS 3    /* shorter words tell nothing of a topic */

struct slot {
    uint32_t hash; /* 0 = free */
    uint16_t languages;
    unsigned char task : 4;
    unsigned char claim : 1, polite : 1;
    unsigned char weight; /* 0 = no task */
};
static_assert(sizeof(struct slot) == 8, "the table fits the first cache");
static_assert(TASK_COUNT <= 16, "a task fits four bits");

static struct slot slots[SLOTS];
/* What a byte is inside a word: itself in lower case; JOINT = skipped; 0 = not part of one. Bytes over 0x7f are
 * letters, but those that begin punctuation. */
#define JOINT 1
static unsigned char letters[256];
/* Phrases by their first three bytes, as chains of index + 1. */
static unsigned char phrase_first[1024], phrase_next[TASK_PHRASES_MAX],
    phrase_len[TASK_PHRASES_MAX];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

#define HASH_START 2166136261u

static uint32_t hash_add(uint32_t h, unsigned char c)
{
    return (h ^ c) * 16777619u; /* FNV-1a */
}

/* The word's slot, or the free one where it belongs. */
static struct slot *find(uint32_t h)
{
    uint32_t at = (h ^ (h >> 15)) & (SLOTS - 1);
    while (slots[at].hash && slots[at].hash != h) {
        at = (at + 1) & (SLOTS - 1);
    }
    return &slots[at];
}

static struct slot *add(struct span word)
{
    ASSERT(word.len > 0);
    uint32_t h = HASH_START;
    for (size_t i = 0; i < word.len; i++) {
        h = hash_add(h, (unsigned char)word.data[i]);
    }
    struct slot *s = find(h);
    s->hash = h;
    return s;
}

static unsigned three_bytes(const char *s)
{
    uint32_t h = (uint32_t)(unsigned char)s[0] << 16 | (uint32_t)(unsigned char)s[1] << 8 |
                 (unsigned char)s[2];
    return h * 2654435769u >> 22;
}

static void build_words(void)
{
    for (size_t i = 0; i < task_words_count; i++) {
        const struct task_words *row = &task_words[i];
        for (struct span rest = span_c(row->words); rest.len;) {
            struct slot *s = add(span_cut(&rest, ' '));
            ASSERT(s->weight == 0); /* a word stands once */
            s->task = (unsigned char)row->task & 0xf;
            s->claim = row->claim;
            s->weight = (unsigned char)row->weight;
        }
    }
    for (struct span rest = span_c(polite_words); rest.len;) {
        add(span_cut(&rest, ' '))->polite = true;
    }
    for (int l = 0; l < LANGUAGES; l++) {
        for (struct span rest = span_c(language_words[l]); rest.len;) {
            add(span_cut(&rest, ' '))->languages |= (uint16_t)(1u << l);
        }
    }
}

#define LEAD_LATIN_SIGNS 0xc2 /* U+0080..00BF: guillemets, inverted marks */
#define LEAD_LATIN 0xc3       /* U+00C0..00FF */
#define LEAD_PUNCTUATION 0xe2 /* U+2000..: quotation marks, dashes */
#define LEAD_CYRILLIC 0xd0

static void build_tables(void)
{
    for (int c = 0; c < 256; c++) {
        bool letter = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        letters[c] = (unsigned char)(!letter ? 0 : c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    letters[LEAD_LATIN_SIGNS] = letters[LEAD_PUNCTUATION] = 0;
    letters['\''] = letters['-'] = JOINT;
    for (size_t i = 0; i < task_phrases_count; i++) {
        unsigned char *first = &phrase_first[three_bytes(task_phrases[i].phrase)];
        phrase_next[i] = *first;
        *first = (unsigned char)(i + 1);
        phrase_len[i] = (unsigned char)strlen(task_phrases[i].phrase);
    }
    build_words();
}

/* ---- walking over words ---- */

/* The part of the text that is being walked over, and what the words there are worth. */
struct walk {
    const unsigned char *at, *end;
    int worth;
    int first_words; /* still to come */
};

struct counts {
    int words;
    int claims;
    int tasks[TASK_COUNT];
    int claimed[TASK_COUNT]; /* the part of `tasks` that claims made */
    int languages[LANGUAGES];
    int language_words; /* that were counted */
    struct sketch sketch;
};

/* Up to the next letter. A colon or quotation mark, and a line end, begin the material. */
static void skip_between(struct walk *w, bool any_words)
{
    while (w->at < w->end && *w->at == ' ') { /* mostly one */
        w->at++;
    }
    for (; w->at < w->end && letters[*w->at] <= JOINT; w->at++) {
        unsigned char c = *w->at;
        bool colon = c == ':' && (w->at + 1 == w->end || w->at[1] <= ' ');
        bool quote = c == '"' ||
                     (c == LEAD_PUNCTUATION && w->end - w->at > 2 && w->at[1] == 0x80 &&
                      w->at[2] >= 0x9c && w->at[2] <= 0x9f) ||
                     (c == LEAD_LATIN_SIGNS && w->end - w->at > 1 && w->at[1] == 0xab);
        if ((colon || quote || c == '\n') && any_words) {
            w->worth = IN_MATERIAL;
            w->first_words = 0;
        }
        if (c == LEAD_LATIN_SIGNS ||
            c == LEAD_PUNCTUATION) { /* its other bytes would look like letters */
            while (w->at + 1 < w->end && (w->at[1] & 0xc0) == 0x80) {
                w->at++;
            }
        }
    }
}

/* Lower case beyond ASCII: U+00C0..00DE and U+0410..042F, which is what the tables need. `second` follows `lead`. */
static unsigned char fold(unsigned char lead, unsigned char second)
{
    bool latin = lead == LEAD_LATIN && second >= 0x80 && second <= 0x9e;
    bool cyrillic = lead == LEAD_CYRILLIC && second >= 0x90 && second <= 0x9f;
    return latin || cyrillic ? (unsigned char)(second + 0x20) : second;
}

struct word {
    uint32_t hash;
    int letters;
    const struct slot *slot; /* NULL when it is in no list */
};

/* ASCII case is ignored, and apostrophe and hyphen: "what's" is "whats". False = no more words. */
static bool next_word(struct walk *w, bool any_words, struct word *out)
{
    skip_between(w, any_words);
    const unsigned char *p =
        w->at; /* locals: bytes may alias everything, and this loop is the hot one */
    const unsigned char *end = w->end;
    uint32_t h = HASH_START;
    int count = 0;
    unsigned char before = 0;
    for (; p < end; p++) {
        unsigned char c = letters[*p];
        if (c <= JOINT) {
            if (c == 0) {
                break;
            }
            continue;
        }
        if (c >= 0x80) {
            c = before >= 0x80 ? fold(before, c) : c;
            before = c;
        }
        h = hash_add(h, c);
        count++;
    }
    w->at = p;
    const struct slot *s = find(h);
    *out = (struct word){h, count, s->hash ? s : NULL};
    return count > 0;
}

/* One-permutation minhash; see router/sticky.h. */
static void add_to_sketch(struct sketch *sketch, uint32_t hash)
{
    uint32_t h = hash * 2654435769u; /* 2^32 / golden ratio: FNV's high bits are weak */
    unsigned char *bin = &sketch->bin[h >> 28];
    unsigned char value = (unsigned char)(h >> 16 & 0xff);
    value = value ? value : 1;
    *bin = *bin && *bin < value ? *bin : value;
}

static void count_words(struct walk *w, uint32_t tasks, struct counts *c)
{
    struct word word;
    while (next_word(w, c->words > 0, &word)) {
        const struct slot *s = word.slot;
        bool first = w->first_words > 0 && !(s && s->polite);
        int worth = first ? AT_FIRST : w->worth;
        w->first_words -= first;
        c->words++;
        if (word.letters >= SKETCH_LETTERS && !(s && (s->languages || s->claim || s->polite))) {
            add_to_sketch(&c->sketch, word.hash);
        }
        if (!s) {
            continue;
        }
        if (s->weight && (tasks & (1u << s->task))) {
            c->tasks[s->task] += s->weight * worth;
            c->claimed[s->task] += s->claim ? s->weight * worth : 0;
            c->claims += s->claim;
        }
        if (s->languages && c->language_words < LANGUAGE_WORDS) {
            c->language_words++;
            for (uint32_t set = s->languages; set; set &= set - 1) {
                c->languages[__builtin_ctz(set)]++;
            }
        }
    }
}

/* ---- task ---- */

#define TASKS_OF_SYSTEM                                                                            \
    (1u << TASK_INTENT | 1u << TASK_EXTRACT | 1u << TASK_CLASSIFY | 1u << TASK_REWRITE |           \
     1u << TASK_SUMMARISE | 1u << TASK_TRANSLATE)

/* Each phrase counts once, and only where a word begins; one beyond ASCII anywhere, for not all scripts have
 * spaces. At most PHRASE_BYTES of the text. */
static void add_phrases(struct span text, uint32_t tasks, struct counts *c)
{
    char lower[PHRASE_BYTES];
    bool seen[TASK_PHRASES_MAX] = {false};
    size_t len = MIN(text.len, sizeof lower);
    bool in_word = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char letter = letters[(unsigned char)text.data[i]];
        lower[i] = letter > JOINT ? (char)letter : text.data[i];
    }
    for (size_t i = 0; i + 2 < len; i++) { /* no phrase is shorter than three bytes */
        unsigned char byte = (unsigned char)lower[i];
        bool inside = in_word && byte < 0x80 && letters[byte] > JOINT;
        in_word = letters[byte] > JOINT;
        for (unsigned p = inside ? 0 : phrase_first[three_bytes(lower + i)]; p;
             p = phrase_next[p - 1]) {
            const struct task_phrase *phrase = &task_phrases[p - 1];
            size_t n = phrase_len[p - 1];
            if (n <= len - i && lower[i + n - 1] == phrase->phrase[n - 1] && !seen[p - 1] &&
                memcmp(lower + i, phrase->phrase, n) == 0) {
                seen[p - 1] = true;
                int weight = tasks & (1u << phrase->task) ? phrase->weight : 0;
                c->tasks[phrase->task] += weight;
                c->claimed[phrase->task] += phrase->claim ? weight : 0;
                c->claims += phrase->claim;
            }
        }
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_spaces(struct span text, size_t i)
{
    while (i < text.len && text.data[i] == ' ') {
        i++;
    }
    return i;
}

static bool is_year(struct span text, size_t i)
{
    size_t n = 0;
    while (i + n < text.len && is_digit(text.data[i + n])) {
        n++;
    }
    return n == 4 && (text.data[i] == '1' || text.data[i] == '2');
}

/* Without a branch in it, so that the compiler takes many bytes at once. */
static bool has_digit(struct span text)
{
    unsigned any = 0;
    for (size_t i = 0; i < text.len; i++) {
        any |= (unsigned char)(text.data[i] - '0') < 10;
    }
    return any;
}

#define SHORT_WORDS 16
#define SUM 40     /* "12 + 30" */
#define NUMBERS 12 /* two numbers and a word of arithmetic */
#define PROBLEM 45 /* a story with numbers that ends in "how many" */

/* "12 + 30", "7*8", "3 x 4": a digit, an operator, a digit; or two numbers in a short prompt. Dates (1-2-3) and
 * telephone numbers count too; they are harmless. */
static void add_arithmetic(struct span text, struct counts *c)
{
    int numbers = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            continue;
        }
        numbers += (i == 0 || !is_digit(text.data[i - 1])) && !is_year(text, i);
        size_t op = skip_spaces(text, i + 1);
        if (op < text.len && memchr("+-*/x^%", text.data[op], 7)) {
            size_t next = skip_spaces(text, op + 1);
            if (next < text.len && is_digit(text.data[next])) {
                c->tasks[TASK_MATH] += SUM;
                return;
            }
        }
    }
    bool question = text.len && text.data[text.len - 1] == '?';
    bool is_short = c->words <= SHORT_WORDS;
    if (numbers >= 2 && is_short && c->tasks[TASK_COMMAND] + c->tasks[TASK_EXTRACT] == 0) {
        c->tasks[TASK_MATH] += SUM;
    } else if (numbers >= 2 && question && !is_short && c->tasks[TASK_MATH] >= NUMBERS) {
        c->tasks[TASK_MATH] += PROBLEM;
    } else if (numbers > 0 && c->tasks[TASK_MATH] > 0) {
        c->tasks[TASK_MATH] += NUMBERS;
    }
}

static enum task best_task(const int tasks[TASK_COUNT], int words, struct span user)
{
    enum task best = TASK_CHAT;
    for (int t = 1; t < TASK_COUNT; t++) {
        bool more = tasks[t] > tasks[best];
        if (more || (best == TASK_CHAT && tasks[t] > 0 && tasks[t] == tasks[best])) {
            best = (enum task)t;
        }
    }
    bool question = tasks[best] == 0 && words > 3 && span_ends(span_trim(user), SPAN("?"));
    return question ? TASK_KNOWLEDGE : best;
}

static void add_system(struct span system, struct counts *c)
{
    struct counts of_system = {0};
    system = span_first(system, WORDS_BYTES_MAX / 4);
    struct walk w = {(const unsigned char *)system.data,
                     (const unsigned char *)system.data + system.len, IN_INSTRUCTION, 0};
    count_words(&w, TASKS_OF_SYSTEM, &of_system);
    add_phrases(system, TASKS_OF_SYSTEM, &of_system);
    for (int t = 0; t < TASK_COUNT; t++) {
        c->tasks[t] += of_system.tasks[t];
    }
}

/* ---- language ---- */

enum script {
    LATIN,
    CYRILLIC,
    UKRAINIAN,
    GREEK,
    HEBREW,
    ARABIC,
    PERSIAN,
    DEVANAGARI,
    THAI,
    KANA,
    HANGUL,
    HAN,
    SCRIPTS
};
static const char *const script_languages[SCRIPTS] = {
    NULL, "ru", "uk", "el", "he", "ar", "fa", "hi", "th", "ja", "ko", "zh",
};

static enum script script_of(uint32_t c)
{
    static const struct {
        uint32_t from, to;
        enum script script;
    } ranges[] = {
        {0x0404, 0x0404, UKRAINIAN}, {0x0406, 0x0407, UKRAINIAN},  {0x0454, 0x0454, UKRAINIAN},
        {0x0456, 0x0457, UKRAINIAN}, {0x0490, 0x0491, UKRAINIAN},  {0x0370, 0x03ff, GREEK},
        {0x0400, 0x04ff, CYRILLIC},  {0x0590, 0x05ff, HEBREW},     {0x067e, 0x067e, PERSIAN},
        {0x0686, 0x0686, PERSIAN},   {0x06af, 0x06af, PERSIAN},    {0x06cc, 0x06cc, PERSIAN},
        {0x0600, 0x06ff, ARABIC},    {0x0900, 0x097f, DEVANAGARI}, {0x0e00, 0x0e7f, THAI},
        {0x3040, 0x30ff, KANA},      {0xac00, 0xd7a3, HANGUL},     {0x4e00, 0x9fff, HAN},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (c >= ranges[i].from && c <= ranges[i].to) {
            return ranges[i].script;
        }
    }
    return LATIN;
}

/* One code point; broken bytes are skipped as 0. */
static uint32_t next_code_point(struct span text, size_t *at)
{
    unsigned char lead = (unsigned char)text.data[(*at)++];
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    uint32_t c = more == 3   ? lead & 0x07u
                 : more == 2 ? lead & 0x0fu
                 : more == 1 ? lead & 0x1fu
                             : lead;
    while (more-- > 0 && *at < text.len && ((unsigned char)text.data[*at] & 0xc0u) == 0x80) {
        c = c << 6 | ((unsigned char)text.data[(*at)++] & 0x3fu);
    }
    return c;
}

/* A script that a fifth of the letters are written in tells the language. */
static const char *language_of_script(struct span text)
{
    int counts[SCRIPTS] = {0};
    int seen = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = next_code_point(text, &at);
        if (c < 0x80 && !letters[c]) {
            continue;
        }
        seen++;
        counts[script_of(c)]++;
    }
    if (seen - counts[LATIN] <= seen / 5) {
        return NULL;
    }
    if (counts[KANA]) {
        return "ja"; /* with Han in between */
    }
    if (counts[UKRAINIAN]) {
        return "uk";
    }
    if (counts[PERSIAN]) {
        return "fa";
    }
    int best = CYRILLIC;
    for (int s = CYRILLIC; s < SCRIPTS; s++) {
        best = counts[s] > counts[best] ? s : best;
    }
    return counts[best] ? script_languages[best] : NULL;
}

static const char *language_of_words(const struct counts *c)
{
    int best = 0;
    int second = 0;
    for (int l = 1; l < LANGUAGES; l++) {
        if (c->languages[l] > c->languages[best]) {
            second = c->languages[best];
            best = l;
        } else if (c->languages[l] > second) {
            second = c->languages[l];
        }
    }
    /* one hit in a handful of words is enough, but not when two languages claim it */
    int needed = c->words <= 6 ? 1 : 2;
    return c->languages[best] >= needed && c->languages[best] > second ? language_names[best]
                                                                       : NULL;
}

static const char *language_from_counts(const struct counts *c, struct span text)
{
    text = span_first(text, span_utf8_whole(text));
    unsigned char all = 0;
    for (size_t i = 0; i < text.len; i++) {
        all |= (unsigned char)text.data[i];
    }
    const char *language = all < 0x80 ? NULL : language_of_script(text);
    return language ? language : language_of_words(c);
}

/* ---- claims ---- */

/* Bytes of the claiming phrase that begins here; 0 = none. `lower` holds as much of the text as any phrase is long. */
static size_t claiming_phrase(struct span text)
{
    char lower[WORDS_PHRASE_MAX];
    size_t len = MIN(text.len, sizeof lower);
    for (size_t i = 0; i < len; i++) {
        unsigned char letter = letters[(unsigned char)text.data[i]];
        lower[i] = letter > JOINT ? (char)letter : text.data[i];
    }
    for (unsigned p = len > 2 ? phrase_first[three_bytes(lower)] : 0; p; p = phrase_next[p - 1]) {
        size_t n = phrase_len[p - 1];
        if (task_phrases[p - 1].claim && n <= len &&
            memcmp(lower, task_phrases[p - 1].phrase, n) == 0) {
            return n;
        }
    }
    return 0;
}

/* The text that is kept, and the sentence that is being read. */
struct kept {
    char *out;
    size_t len, sentence; /* bytes, and where the sentence begins */
    int words, claims;    /* of the sentence */
};

static void keep(struct kept *k, const unsigned char *from, const unsigned char *to)
{
    memcpy(k->out + k->len, from, (size_t)(to - from));
    k->len += (size_t)(to - from);
}

/* A sentence that is a quarter claims goes as a whole: what is left of it says nothing. */
static void end_sentence(struct kept *k)
{
    if (k->claims > 0 && k->claims * 4 >= k->words) {
        k->len = k->sentence;
    }
    k->sentence = k->len;
    k->words = k->claims = 0;
}

static bool has_sentence_end(const unsigned char *at, const unsigned char *end)
{
    bool any = false;
    for (; at < end; at++) {
        any |= *at == '.' || *at == '!' || *at == '?' || *at == ':' || *at == '\n';
    }
    return any;
}

static int words_in(struct span text)
{
    int words = 1;
    for (size_t i = 0; i < text.len; i++) {
        words += text.data[i] == ' ';
    }
    return words;
}

struct span words_without_claims(struct span text, struct arena *arena)
{
    (void)pthread_once(&tables_once, build_tables);
    const unsigned char *begin = (const unsigned char *)text.data;
    struct walk w = {begin, begin + text.len, 0, 0};
    struct kept k = {.out = arena_alloc(arena, text.len + 1)};
    for (const unsigned char *from = begin; w.at < w.end; from = w.at) {
        skip_between(&w, false);
        keep(&k, from, w.at);
        if (has_sentence_end(from, w.at)) {
            end_sentence(&k);
        }
        const unsigned char *word_at = w.at;
        size_t phrase = claiming_phrase(span_from(text, (size_t)(w.at - begin)));
        struct word word;
        bool any = next_word(&w, false, &word);
        if (phrase) {
            w.at = word_at + phrase;
            int words = words_in(span_of((const char *)word_at, phrase));
            k.words += words;
            k.claims += words;
        } else if (any) {
            bool claims = word.slot && word.slot->claim;
            k.words++;
            k.claims += claims;
            if (!claims) {
                keep(&k, word_at, w.at);
            }
        }
    }
    end_sentence(&k);
    return k.len == text.len ? text : span_of(k.out, k.len);
}

/* ---- all together ---- */

static void walk_over(struct span text, int first_words, struct counts *c)
{
    const unsigned char *at = (const unsigned char *)text.data;
    struct walk w = {at, at + text.len, IN_INSTRUCTION, first_words};
    count_words(&w, ~0u, c);
}

void words_read(struct span user, struct span system, struct words *out)
{
    (void)pthread_once(&tables_once, build_tables);
    struct counts c = {0};
    user = user.len ? user : SPAN("");
    bool is_long = user.len > WORDS_BYTES_MAX;
    struct span head = span_first(user, is_long ? WORDS_BYTES_MAX - TAIL_BYTES : user.len);
    struct span tail = span_from(user, is_long ? user.len - TAIL_BYTES : user.len);
    walk_over(head, FIRST_WORDS, &c);
    walk_over(tail, 0, &c);
    add_phrases(head, ~0u, &c);
    if (user.len > PHRASE_BYTES + PHRASE_TAIL_BYTES) {
        add_phrases(span_from(user, user.len - PHRASE_TAIL_BYTES), ~0u, &c);
    }
    if (has_digit(is_long ? tail : head)) {
        add_arithmetic(is_long ? tail : span_trim(head), &c);
    }
    if (system.len) {
        add_system(system, &c);
    }
    *out = (struct words){
        .task = best_task(c.tasks, c.words, user),
        .language = language_from_counts(&c, head),
        .claims = c.claims,
        .sketch = c.sketch,
    };
    out->task_plain = out->task;
    if (c.claims) {
        for (int t = 0; t < TASK_COUNT; t++) {
            c.tasks[t] -= c.claimed[t];
        }
        out->task_plain = best_task(c.tasks, c.words, user);
    }
}
