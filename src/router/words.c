/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables are long on purpose. A word counts for its task with its weight,
 * three times when it is one of the first two words of the prompt: what a prompt
 * asks for mostly stands at its beginning ("Classify: …", "turn on …"). Phrases
 * are looked for in the first 200 bytes. The task with the highest sum wins; on a
 * tie the earlier one in enum task, but chat last.
 */
#include "router/words.h"

#include <assert.h>
#include <pthread.h>

#define WORD_MAX 16
#define SLOTS 2048u /* power of two, about three times the words */
#define FIRST_WORDS 2
#define FIRST_FACTOR 3
#define PHRASE_BYTES 200

struct task_word {
    const char *word;
    enum task task;
    int weight;
};

static const struct task_word task_words[] = {
    /* to a machine in the house */
    {"turn", TASK_COMMAND, 3},
    {"switch", TASK_COMMAND, 3},
    {"dim", TASK_COMMAND, 3},
    {"play", TASK_COMMAND, 2},
    {"pause", TASK_COMMAND, 2},
    {"resume", TASK_COMMAND, 1},
    {"mute", TASK_COMMAND, 3},
    {"unmute", TASK_COMMAND, 3},
    {"lock", TASK_COMMAND, 2},
    {"unlock", TASK_COMMAND, 2},
    {"open", TASK_COMMAND, 1},
    {"close", TASK_COMMAND, 1},
    {"set", TASK_COMMAND, 1},
    {"start", TASK_COMMAND, 1},
    {"stop", TASK_COMMAND, 1},
    {"light", TASK_COMMAND, 2},
    {"lights", TASK_COMMAND, 2},
    {"lamp", TASK_COMMAND, 2},
    {"thermostat", TASK_COMMAND, 3},
    {"heating", TASK_COMMAND, 2},
    {"heater", TASK_COMMAND, 2},
    {"fan", TASK_COMMAND, 1},
    {"tv", TASK_COMMAND, 1},
    {"volume", TASK_COMMAND, 2},
    {"alarm", TASK_COMMAND, 3},
    {"timer", TASK_COMMAND, 3},
    {"remind", TASK_COMMAND, 3},
    {"reminder", TASK_COMMAND, 2},
    {"blinds", TASK_COMMAND, 2},
    {"curtains", TASK_COMMAND, 2},
    {"wifi", TASK_COMMAND, 1},
    {"bluetooth", TASK_COMMAND, 1},
    {"kitchen", TASK_COMMAND, 1},
    {"bedroom", TASK_COMMAND, 1},
    {"playlist", TASK_COMMAND, 2},
    {"raise", TASK_COMMAND, 2},
    {"lower", TASK_COMMAND, 1},
    {"shut", TASK_COMMAND, 2},
    {"increase", TASK_COMMAND, 1},
    {"decrease", TASK_COMMAND, 1},
    {"radiator", TASK_COMMAND, 3},
    {"radio", TASK_COMMAND, 2},
    {"shades", TASK_COMMAND, 3},
    {"humidifier", TASK_COMMAND, 3},
    {"vacuum", TASK_COMMAND, 2},
    {"garage", TASK_COMMAND, 2},
    {"window", TASK_COMMAND, 1},
    {"door", TASK_COMMAND, 1},
    {"weather", TASK_COMMAND, 5},
    {"forecast", TASK_COMMAND, 3},
    {"wake", TASK_COMMAND, 2},
    {"song", TASK_CREATE, 1},
    /* what does the speaker want */
    {"intent", TASK_INTENT, 6},
    {"intents", TASK_INTENT, 6},
    {"utterance", TASK_INTENT, 15},
    /* data out of text */
    {"extract", TASK_EXTRACT, 5},
    {"slots", TASK_EXTRACT, 4},
    {"slot", TASK_EXTRACT, 3},
    {"entities", TASK_EXTRACT, 4},
    {"entity", TASK_EXTRACT, 2},
    {"parse", TASK_EXTRACT, 2},
    {"fields", TASK_EXTRACT, 2},
    {"numbers", TASK_EXTRACT, 2},
    {"mentioned", TASK_EXTRACT, 2},
    {"classify", TASK_CLASSIFY, 5},
    {"categorize", TASK_CLASSIFY, 5},
    {"categorise", TASK_CLASSIFY, 5},
    {"classification", TASK_CLASSIFY, 3},
    {"sentiment", TASK_CLASSIFY, 4},
    {"spam", TASK_CLASSIFY, 3},
    {"category", TASK_CLASSIFY, 2},
    {"categories", TASK_CLASSIFY, 2},
    {"label", TASK_CLASSIFY, 2},
    {"labels", TASK_CLASSIFY, 1},
    /* text into other text */
    {"rewrite", TASK_REWRITE, 5},
    {"rephrase", TASK_REWRITE, 5},
    {"paraphrase", TASK_REWRITE, 5},
    {"proofread", TASK_REWRITE, 5},
    {"reword", TASK_REWRITE, 5},
    {"uppercase", TASK_REWRITE, 4},
    {"lowercase", TASK_REWRITE, 4},
    {"capitalize", TASK_REWRITE, 4},
    {"reverse", TASK_REWRITE, 2},
    {"spell", TASK_REWRITE, 2},
    {"grammar", TASK_REWRITE, 3},
    {"correct", TASK_REWRITE, 1},
    {"fix", TASK_REWRITE, 1},
    {"shorten", TASK_REWRITE, 4},
    {"formal", TASK_REWRITE, 2},
    {"polite", TASK_REWRITE, 2},
    {"bullets", TASK_REWRITE, 7},
    {"bullet", TASK_REWRITE, 7},
    {"commas", TASK_REWRITE, 3},
    {"comma", TASK_REWRITE, 3},
    {"alphabetical", TASK_REWRITE, 2},
    {"alphabetically", TASK_REWRITE, 3},
    {"summarise", TASK_SUMMARISE, 6},
    {"summarize", TASK_SUMMARISE, 6},
    {"summary", TASK_SUMMARISE, 5},
    {"tldr", TASK_SUMMARISE, 6},
    {"condense", TASK_SUMMARISE, 4},
    {"gist", TASK_SUMMARISE, 4},
    {"translate", TASK_TRANSLATE, 6},
    {"translation", TASK_TRANSLATE, 4},
    {"uebersetze", TASK_TRANSLATE, 6},
    {"traduis", TASK_TRANSLATE, 6},
    {"traduce", TASK_TRANSLATE, 6},
    /* programs */
    {"code", TASK_CODE, 4},
    {"function", TASK_CODE, 3},
    {"python", TASK_CODE, 5},
    {"javascript", TASK_CODE, 5},
    {"typescript", TASK_CODE, 5},
    {"java", TASK_CODE, 4},
    {"rust", TASK_CODE, 2},
    {"golang", TASK_CODE, 5},
    {"sql", TASK_CODE, 5},
    {"html", TASK_CODE, 4},
    {"css", TASK_CODE, 4},
    {"bash", TASK_CODE, 3},
    {"regex", TASK_CODE, 4},
    {"compile", TASK_CODE, 3},
    {"compiler", TASK_CODE, 3},
    {"debug", TASK_CODE, 4},
    {"bug", TASK_CODE, 3},
    {"refactor", TASK_CODE, 5},
    {"algorithm", TASK_CODE, 3},
    {"script", TASK_CODE, 2},
    {"api", TASK_CODE, 2},
    {"exception", TASK_CODE, 2},
    {"segfault", TASK_CODE, 5},
    {"program", TASK_CODE, 2},
    {"implement", TASK_CODE, 2},
    {"array", TASK_CODE, 2},
    {"kubernetes", TASK_CODE, 3},
    {"docker", TASK_CODE, 3},
    {"git", TASK_CODE, 3},
    {"unittest", TASK_CODE, 4},
    /* numbers */
    {"calculate", TASK_MATH, 5},
    {"compute", TASK_MATH, 4},
    {"plus", TASK_MATH, 3},
    {"minus", TASK_MATH, 3},
    {"times", TASK_MATH, 1},
    {"divided", TASK_MATH, 3},
    {"multiply", TASK_MATH, 4},
    {"multiplied", TASK_MATH, 4},
    {"percent", TASK_MATH, 2},
    {"percentage", TASK_MATH, 2},
    {"solve", TASK_MATH, 3},
    {"equation", TASK_MATH, 4},
    {"integral", TASK_MATH, 5},
    {"derivative", TASK_MATH, 5},
    {"theorem", TASK_MATH, 3},
    {"convert", TASK_MATH, 3},
    {"sum", TASK_MATH, 2},
    {"add", TASK_MATH, 2},
    {"subtract", TASK_MATH, 4},
    {"total", TASK_MATH, 1},
    /* units, days, months: reckoning with time and measures is arithmetic too */
    {"feet", TASK_MATH, 2},
    {"foot", TASK_MATH, 1},
    {"inches", TASK_MATH, 2},
    {"inch", TASK_MATH, 2},
    {"meters", TASK_MATH, 2},
    {"metres", TASK_MATH, 2},
    {"cm", TASK_MATH, 2},
    {"mm", TASK_MATH, 2},
    {"km", TASK_MATH, 2},
    {"kg", TASK_MATH, 2},
    {"kilometers", TASK_MATH, 2},
    {"kilometres", TASK_MATH, 2},
    {"miles", TASK_MATH, 2},
    {"grams", TASK_MATH, 2},
    {"kilograms", TASK_MATH, 2},
    {"pounds", TASK_MATH, 1},
    {"liters", TASK_MATH, 2},
    {"litres", TASK_MATH, 2},
    {"hours", TASK_MATH, 2},
    {"hour", TASK_MATH, 1},
    {"seconds", TASK_MATH, 2},
    {"minutes", TASK_MATH, 1},
    {"days", TASK_MATH, 2},
    {"weeks", TASK_MATH, 2},
    {"months", TASK_MATH, 2},
    {"month", TASK_MATH, 2},
    {"years", TASK_MATH, 1},
    {"dozen", TASK_MATH, 2},
    {"cents", TASK_MATH, 2},
    {"monday", TASK_MATH, 3},
    {"tuesday", TASK_MATH, 3},
    {"wednesday", TASK_MATH, 3},
    {"thursday", TASK_MATH, 3},
    {"friday", TASK_MATH, 3},
    {"saturday", TASK_MATH, 3},
    {"sunday", TASK_MATH, 3},
    {"january", TASK_MATH, 2},
    {"february", TASK_MATH, 2},
    {"june", TASK_MATH, 2},
    {"july", TASK_MATH, 2},
    {"august", TASK_MATH, 2},
    {"september", TASK_MATH, 2},
    {"october", TASK_MATH, 2},
    {"november", TASK_MATH, 2},
    {"december", TASK_MATH, 2},
    {"product", TASK_MATH, 1},
    {"sqrt", TASK_MATH, 5},
    {"probability", TASK_MATH, 3},
    /* thinking */
    {"why", TASK_REASON, 3},
    {"prove", TASK_REASON, 5},
    {"proof", TASK_REASON, 3},
    {"explain", TASK_REASON, 3},
    {"compare", TASK_REASON, 4},
    {"analyse", TASK_REASON, 4},
    {"analyze", TASK_REASON, 4},
    {"evaluate", TASK_REASON, 3},
    {"argue", TASK_REASON, 3},
    {"argument", TASK_REASON, 2},
    {"deduce", TASK_REASON, 4},
    {"puzzle", TASK_REASON, 4},
    {"riddle", TASK_REASON, 4},
    {"logic", TASK_REASON, 3},
    {"strategy", TASK_REASON, 2},
    {"tradeoffs", TASK_REASON, 4},
    {"pros", TASK_REASON, 3},
    {"cons", TASK_REASON, 3},
    {"plan", TASK_REASON, 2},
    {"recommend", TASK_REASON, 2},
    {"should", TASK_REASON, 1},
    {"difference", TASK_REASON, 2},
    {"because", TASK_REASON, 1},
    /* making */
    {"write", TASK_CREATE, 2},
    {"compose", TASK_CREATE, 4},
    {"draft", TASK_CREATE, 4},
    {"poem", TASK_CREATE, 5},
    {"haiku", TASK_CREATE, 5},
    {"story", TASK_CREATE, 4},
    {"essay", TASK_CREATE, 4},
    {"lyrics", TASK_CREATE, 4},
    {"slogan", TASK_CREATE, 4},
    {"novel", TASK_CREATE, 2},
    {"blog", TASK_CREATE, 3},
    {"brainstorm", TASK_CREATE, 4},
    {"imagine", TASK_CREATE, 3},
    {"ideas", TASK_CREATE, 4},
    {"tale", TASK_CREATE, 4},
    {"pretend", TASK_CREATE, 4},
    {"invent", TASK_CREATE, 3},
    {"limerick", TASK_CREATE, 5},
    {"screenplay", TASK_CREATE, 5},
    {"email", TASK_CREATE, 1},
    {"letter", TASK_CREATE, 1},
    {"speech", TASK_CREATE, 2},
    {"dialogue", TASK_CREATE, 2},
    /* facts of the world */
    {"who", TASK_KNOWLEDGE, 2},
    {"when", TASK_KNOWLEDGE, 1},
    {"where", TASK_KNOWLEDGE, 2},
    {"which", TASK_KNOWLEDGE, 1},
    {"what", TASK_KNOWLEDGE, 1},
    {"whats", TASK_KNOWLEDGE, 1},
    {"capital", TASK_KNOWLEDGE, 4},
    {"define", TASK_KNOWLEDGE, 4},
    {"describe", TASK_KNOWLEDGE, 3},
    {"about", TASK_KNOWLEDGE, 1},
    {"definition", TASK_KNOWLEDGE, 3},
    {"meaning", TASK_KNOWLEDGE, 2},
    {"history", TASK_KNOWLEDGE, 3},
    {"population", TASK_KNOWLEDGE, 3},
    {"president", TASK_KNOWLEDGE, 3},
    {"invented", TASK_KNOWLEDGE, 3},
    {"discovered", TASK_KNOWLEDGE, 3},
    {"born", TASK_KNOWLEDGE, 2},
    {"country", TASK_KNOWLEDGE, 2},
    {"planet", TASK_KNOWLEDGE, 2},
    {"tallest", TASK_KNOWLEDGE, 3},
    {"largest", TASK_KNOWLEDGE, 2},
    /* company; greetings need no line, for TASK_CHAT is what remains */
    {"joke", TASK_CHAT, 4},
    {"you", TASK_CHAT, 2},
    {"your", TASK_CHAT, 3},
    {"yourself", TASK_CHAT, 4},
    {"youre", TASK_CHAT, 2},
    {"weir", TASK_CHAT, 9},
    {"gguf", TASK_CHAT, 9},
};

struct task_phrase {
    const char *phrase;
    enum task task;
    int weight;
};

static const struct task_phrase task_phrases[] = {
    {"who are you", TASK_CHAT, 12},
    {"what are you", TASK_CHAT, 12},
    {"how are you", TASK_CHAT, 12},
    {"what can you do", TASK_CHAT, 12},
    {"your name", TASK_CHAT, 9},
    {"good morning", TASK_CHAT, 9},
    {"good night", TASK_CHAT, 9},
    {"good evening", TASK_CHAT, 9},
    {"are you a", TASK_CHAT, 9},
    {"step by step", TASK_REASON, 6},
    {"think about", TASK_REASON, 3},
    {"what would happen", TASK_REASON, 6},
    {"how does", TASK_REASON, 4},
    {"how do", TASK_REASON, 2},
    {"how can i", TASK_REASON, 3},
    {"how many", TASK_MATH, 2},
    {"how much", TASK_MATH, 2},
    {"square root", TASK_MATH, 6},
    {"what is the intent", TASK_INTENT, 8},
    {"this request", TASK_INTENT, 18},
    {"the request:", TASK_INTENT, 18},
    {"the user want", TASK_INTENT, 12},
    {"type of request", TASK_INTENT, 12},
    {"request type", TASK_INTENT, 12},
    {"classify:", TASK_INTENT, 18},
    {"categorize:", TASK_INTENT, 18},
    {"categorise:", TASK_INTENT, 18},
    {"who r u", TASK_CHAT, 12},
    {"ping me", TASK_COMMAND, 9},
    {"wake me", TASK_COMMAND, 9},
    {"count down", TASK_COMMAND, 6},
    {"first word", TASK_REWRITE, 9},
    {"last word", TASK_REWRITE, 9},
    {"which word", TASK_REWRITE, 9},
    {"email address", TASK_EXTRACT, 9},
    {"e-mail address", TASK_EXTRACT, 9},
    {"names in", TASK_EXTRACT, 6},
    {"what time", TASK_MATH, 6},
    {"what day", TASK_MATH, 6},
    {"which day", TASK_MATH, 6},
    {"the time", TASK_MATH, 3},
    {"difference between", TASK_REASON, 1},
    {"in arabic", TASK_TRANSLATE, 5},
    {"in chinese", TASK_TRANSLATE, 5},
    {"in japanese", TASK_TRANSLATE, 5},
    {"in russian", TASK_TRANSLATE, 5},
    {"in portuguese", TASK_TRANSLATE, 5},
    {"to do list", TASK_COMMAND, 3},
    {"shopping list", TASK_COMMAND, 3},
    {"tl;dr", TASK_SUMMARISE, 6},
    {"in one sentence", TASK_SUMMARISE, 2},
    {"in french", TASK_TRANSLATE, 5},
    {"in german", TASK_TRANSLATE, 5},
    {"in spanish", TASK_TRANSLATE, 5},
    {"in italian", TASK_TRANSLATE, 5},
    {"into english", TASK_TRANSLATE, 5},
    {"to english", TASK_TRANSLATE, 4},
    {"upper case", TASK_REWRITE, 4},
    {"lower case", TASK_REWRITE, 4},
    {"positive or negative", TASK_CLASSIFY, 6},
    {"```", TASK_CODE, 14},
    {"#include", TASK_CODE, 14},
    {"def ", TASK_CODE, 3},
    {"();", TASK_CODE, 6},
    {"select *", TASK_CODE, 6},
    {"stack trace", TASK_CODE, 6},
    {"unit test", TASK_CODE, 5},
    {"c++", TASK_CODE, 5},
};

enum language { EN, DE, FR, ES, IT, PT, NL, SV, PL, TR, LANGUAGES };
static const char *const language_names[LANGUAGES] = {"en", "de", "fr", "es", "it",
                                                      "pt", "nl", "sv", "pl", "tr"};

/* Frequent words that few other of these languages have; one string per language. */
static const char *const language_words[LANGUAGES] = {
    [EN] =
        "the and is are you of to my what how with for please this that it on was have can do not from write who",
    [DE] =
        "der das und ist nicht ich sie mit ein eine auf wie bitte den wird f\xc3\xbcr kannst mir warum schreibe",
    [FR] =
        "le les et est vous une dans pour que qui avec je sur pas quel quelle comment des moi traduis",
    [ES] =
        "el los y es una por para que con c\xc3\xb3mo qu\xc3\xa9 las del est\xc3\xa1 mi cu\xc3\xa1l escribe yo",
    [IT] =
        "il gli e \xc3\xa8 che di una per non con sono come questo della mi scrivi perch\xc3\xa9 cosa",
    [PT] = "o os \xc3\xa9 uma n\xc3\xa3o para com que voc\xc3\xaa como em do da eu qual escreva",
    [NL] = "het een van en niet ik je dat met voor wat hoe zijn kun schrijf waarom deze",
    [SV] = "och \xc3\xa4r att det en jag inte som f\xc3\xb6r p\xc3\xa5 hur vad med kan skriv",
    [PL] = "jest nie si\xc4\x99 na i w z co jak czy to dla napisz prosz\xc4\x99",
    [TR] = "bir ve bu i\xc3\xa7in ne nas\xc4\xb1l de\xc4\x9fil mi benim yaz l\xc3\xbctfen",
};

/* ---- one table of all words, built once ---- */

struct slot {
    char word[WORD_MAX];
    unsigned char len;
    unsigned char task, weight; /* weight 0 = no task */
    uint16_t languages;
};

static struct slot slots[SLOTS];
/* What a byte is inside a word: itself in lower case; 0 = not part of one. Bytes over 0x7f are letters. */
static unsigned char letters[256];
/* Phrases by their first two bytes, as chains of index + 1. */
static unsigned char phrase_first[256], phrase_next[ARRAY_LEN(task_phrases)],
    phrase_len[ARRAY_LEN(task_phrases)];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

#define HASH_START 2166136261u

static uint32_t hash_add(uint32_t h, unsigned char c)
{
    return (h ^ c) * 16777619u;
}

/* The word's slot, or the free one where it belongs. */
static struct slot *find(const char *word, size_t len, uint32_t h)
{
    uint32_t at = (h ^ (h >> 15)) & (SLOTS - 1);
    while (slots[at].len && (slots[at].len != len || memcmp(slots[at].word, word, len) != 0)) {
        at = (at + 1) & (SLOTS - 1);
    }
    return &slots[at];
}

static struct slot *add(struct span word)
{
    ASSERT(word.len > 0 && word.len < WORD_MAX);
    uint32_t h = HASH_START;
    for (size_t i = 0; i < word.len; i++) {
        h = hash_add(h, (unsigned char)word.data[i]);
    }
    struct slot *s = find(word.data, word.len, h);
    memcpy(s->word, word.data, word.len);
    s->len = (unsigned char)word.len;
    return s;
}

static unsigned char two_bytes(const char *s)
{
    return (unsigned char)(s[0] * 31 + s[1]);
}

static void build_tables(void)
{
    for (int c = 0; c < 256; c++) {
        bool letter = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        letters[c] = (unsigned char)(!letter ? 0 : c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    static_assert(ARRAY_LEN(task_phrases) < 255, "an index fits a byte");
    for (size_t i = 0; i < ARRAY_LEN(task_phrases); i++) {
        unsigned char *first = &phrase_first[two_bytes(task_phrases[i].phrase)];
        phrase_next[i] = *first;
        *first = (unsigned char)(i + 1);
        phrase_len[i] = (unsigned char)strlen(task_phrases[i].phrase);
    }
    for (size_t i = 0; i < ARRAY_LEN(task_words); i++) {
        struct slot *s = add(span_c(task_words[i].word));
        s->task = (unsigned char)task_words[i].task;
        s->weight = (unsigned char)task_words[i].weight;
    }
    for (int l = 0; l < LANGUAGES; l++) {
        struct span rest = span_c(language_words[l]);
        while (rest.len) {
            add(span_cut(&rest, ' '))->languages |= (uint16_t)(1u << l);
        }
    }
}

/* ---- walking over words ---- */

/* The next word's slot, NULL when it is in no list; false = no more words. ASCII case is ignored, and the
 * apostrophe: "what's" is "whats". */
static bool next_word(struct span text, size_t *at, const struct slot **out)
{
    const unsigned char *p = (const unsigned char *)text.data + *at;
    const unsigned char *end = (const unsigned char *)text.data + text.len;
    char word[WORD_MAX];
    size_t len = 0;
    uint32_t h = HASH_START;
    while (p < end && !letters[*p]) {
        p++;
    }
    for (; p < end && (letters[*p] || *p == '\''); p++) {
        unsigned char c = letters[*p];
        if (c) {
            if (len < WORD_MAX) {
                word[len] = (char)c;
            }
            len++;
            h = hash_add(h, c);
        }
    }
    *at = (size_t)(p - (const unsigned char *)text.data);
    const struct slot *s = len > 0 && len < WORD_MAX ? find(word, len, h) : NULL;
    *out = s && s->len ? s : NULL;
    return len > 0;
}

struct counts {
    int words;
    int tasks[TASK_COUNT];
    int languages[LANGUAGES];
};

static void count_words(struct span text, uint32_t tasks, int first_factor, struct counts *c)
{
    size_t at = 0;
    for (const struct slot *s; next_word(text, &at, &s); c->words++) {
        if (!s) {
            continue;
        }
        if (s->weight && (tasks & (1u << s->task))) {
            c->tasks[s->task] += s->weight * (c->words < FIRST_WORDS ? first_factor : 1);
        }
        for (uint32_t set = s->languages; set; set &= set - 1) {
            c->languages[__builtin_ctz(set)]++;
        }
    }
}

/* ---- task ---- */

#define TASKS_OF_SYSTEM                                                                            \
    (1u << TASK_INTENT | 1u << TASK_EXTRACT | 1u << TASK_CLASSIFY | 1u << TASK_REWRITE |           \
     1u << TASK_SUMMARISE | 1u << TASK_TRANSLATE)

/* Each phrase counts once, and only where a word begins. */
static void add_phrases(struct span text, uint32_t tasks, int scores[TASK_COUNT])
{
    char lower[PHRASE_BYTES];
    bool seen[ARRAY_LEN(task_phrases)] = {false};
    size_t len = MIN(text.len, sizeof lower);
    bool in_word[PHRASE_BYTES];
    for (size_t i = 0; i < len; i++) {
        char c = text.data[i];
        in_word[i] = letters[(unsigned char)c] != 0;
        lower[i] = in_word[i] ? (char)letters[(unsigned char)c] : c;
    }
    for (size_t i = 0; i + 1 < len; i++) { /* no phrase is shorter than two bytes */
        if (i > 0 && in_word[i] && in_word[i - 1]) {
            continue;
        }
        for (unsigned p = phrase_first[two_bytes(lower + i)]; p; p = phrase_next[p - 1]) {
            const struct task_phrase *phrase = &task_phrases[p - 1];
            size_t n = phrase_len[p - 1];
            if (!seen[p - 1] && n <= len - i && memcmp(lower + i, phrase->phrase, n) == 0) {
                seen[p - 1] = true;
                scores[phrase->task] += tasks & (1u << phrase->task) ? phrase->weight : 0;
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

#define SHORT_WORDS 16

/* "12 + 30", "7*8", "3 x 4": a digit, an operator, a digit; or two numbers in a short prompt. Dates (1-2-3) and
 * telephone numbers count too; they are harmless. */
static void add_arithmetic(struct span text, struct counts *c)
{
    int numbers = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            continue;
        }
        numbers += i == 0 || !is_digit(text.data[i - 1]);
        size_t op = skip_spaces(text, i + 1);
        if (op < text.len && memchr("+-*/x^%", text.data[op], 7)) {
            size_t next = skip_spaces(text, op + 1);
            if (next < text.len && is_digit(text.data[next])) {
                c->tasks[TASK_MATH] += 10;
                return;
            }
        }
    }
    if (numbers >= 2 && c->words <= SHORT_WORDS) {
        c->tasks[TASK_MATH] += 10;
    } else if (numbers > 0 && c->tasks[TASK_MATH] > 0) {
        c->tasks[TASK_MATH] += 4; /* "how many … 12 …" */
    }
}

static enum task best_task(const struct counts *c, struct span user)
{
    enum task best = TASK_CHAT;
    for (int t = 1; t < TASK_COUNT; t++) {
        bool more = c->tasks[t] > c->tasks[best];
        if (more || (best == TASK_CHAT && c->tasks[t] > 0 && c->tasks[t] == c->tasks[best])) {
            best = (enum task)t;
        }
    }
    bool question = c->tasks[best] == 0 && c->words > 3 && span_ends(span_trim(user), SPAN("?"));
    return question ? TASK_KNOWLEDGE : best;
}

static enum task task_from_counts(const struct counts *words, struct span user, struct span system)
{
    struct counts c = *words;
    struct counts of_system = {0};
    system = system.len ? span_first(system, WORDS_BYTES_MAX / 4) : SPAN("");
    add_phrases(user, ~0u, c.tasks);
    add_arithmetic(user, &c);
    count_words(system, TASKS_OF_SYSTEM, 1, &of_system);
    add_phrases(system, TASKS_OF_SYSTEM, of_system.tasks);
    for (int t = 0; t < TASK_COUNT; t++) {
        c.tasks[t] += of_system.tasks[t];
    }
    return best_task(&c, user);
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
    bool ascii = true;
    for (size_t i = 0; i < text.len && ascii; i++) {
        ascii = (unsigned char)text.data[i] < 0x80;
    }
    const char *language = ascii ? NULL : language_of_script(text);
    return language ? language : language_of_words(c);
}

void words_guess(struct span user, struct span system, enum task *out_task,
                 const char **out_language)
{
    (void)pthread_once(&tables_once, build_tables);
    struct counts c = {0};
    user = user.len ? span_first(user, WORDS_BYTES_MAX) : SPAN("");
    count_words(user, ~0u, FIRST_FACTOR, &c);
    *out_task = task_from_counts(&c, user, system);
    *out_language = language_from_counts(&c, user);
}
