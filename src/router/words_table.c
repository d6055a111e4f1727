/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of words.c, long on purpose. Each word stands once; to find the row of a word is to
 * read this file. Weights were set by hand and moved by looking at the development halves of
 * bench/router/run's sets, never at the held-out ones.
 */
#include "router/words_table.h"

const struct task_words task_words[] = {
    /* to a machine in the house, a phone, a bank, a travel office */
    {TASK_COMMAND, 4, false,
     "weather forecast playlist playlists playing cinema theatre theater theatres theaters timezone dice coin flip "
     "roll reserve calorie calories nutrition nutritional declined overcast cloudy rain rainy snow snowy snowfall "
     "storm stormy blizzard hail fog foggy humidity temperate colder warmer hotter chillier freezing "
     "showtimes trailer fuel airlines airport rent rewards expiration expire"},
    {TASK_COMMAND, 2, false,
     "movie movies film films now here current currently temperature car cars bus commute drive closest nearby neighborhood "
     "neighbourhood area location settings accent owe spend spent spending paid money interest fridge oven cook "
     "cooking meal food eat pizza chicken date holiday holidays benefits purchase purchases minimum due score schedules "
     "scheduled available vaccines shots plug plugs socket alert alerts repeat slower faster slow male female "
     "battery series painting photograph picture saga game television locate job employer vegan bake recently delta "
     "american mastercard visa amex chase carry return replacement lost stolen damaged jump hold wait busy health"},
    {TASK_COMMAND, 3, false,
     "turn switch dim mute unmute thermostat heating heater alarm alarms timer remind "
     "reminder reminders radiator humidifier blinds curtains shades skip vacuum "
     "traffic directions uber taxi reservation reservations reschedule "
     "snooze unlock whisper"},
    {TASK_COMMAND, 2, false,
     "play pause lock shut raise volume light lights lamp speaker radio garage call "
     "message send book schedule cancel order pay transfer freeze block activate "
     "deactivate report freezer sync reset balance bill bills account accounts card cards "
     "credit debit bank banking paycheck payday payment deposit deposits savings checking "
     "pin loan loans mortgage apr fraud fraudulent transaction transactions flight flights "
     "hotel luggage passport rental restaurant restaurants calendar meeting meetings "
     "appointment appointments shopping todo groceries grocery song songs album artist "
     "music track tune soundtrack podcast vacation pto insurance tire tires oil gas mpg "
     "mechanic cinemas showing "
     "screening screenings spotify itunes deezer pandora youtube stars points bar bistro "
     "tavern diner cafe brasserie chilly humid sunny windy snowing raining"},
    {TASK_COMMAND, 1, false,
     "set start stop open close add put show find get give make tell need want id phone "
     "device wifi bluetooth kitchen bedroom hallway living bathroom fan tv window door "
     "lower increase decrease wake next update change check status my me i tonight "
     "tomorrow today nearest near spot table seats rate rating watch hear listen fees fee "
     "rollover limit shipping delivery package routing number taxes tax income "
     "salary recipe dinner ingredients recommend am trip travel"},
    {TASK_COMMAND, 3, false,
     "schalte stell stelle spiel spiele wecker licht lampe heizung mach dreh lauter leiser "
     "erinnere allume éteins mets lumière minuteur réveil musique chauffage rappelle joue "
     "baisse monte apaga enciende pon luz alarma temporizador televisión sube reproduce "
     "recuérdame accendi spegni luce riscaldamento sveglia metti alza abbassa suona "
     "ricordami toque desligue ligue acenda apague lâmpada luzes alarme ligar desligar "
     "aumenta zet verwarming wekker doe speel tänd släck lampan spela höj sänk väck włącz "
     "wyłącz zgaś zapal światło budzik ustaw kapat ışığını aç ışıkları çal kur alarmı "
     "включи выключи поставь свет будильник"},
    /* what does the speaker want */
    {TASK_INTENT, 12, false,
     "intent intents intention utterance intención intenzione intenção intentie intencja "
     "intencję absicht намерение niyet"},
    {TASK_INTENT, 3, false, "caller"},
    /* data out of text */
    {TASK_EXTRACT, 7, false,
     "extract slots entities hashtag hashtags keywords extrahiere extrais extraire extrae "
     "extraer estrai extraia extrahera wypisz извлеки"},
    {TASK_EXTRACT, 4, false,
     "mentioned named parse pull occurring receipt invoice fields genannt erwähnt "
     "mentionnés mencionados"},
    {TASK_EXTRACT, 2, false,
     "slot entity names dates amounts addresses emails form keys column columns haal alle "
     "datums noms nombres nomi nomes imiona namen orte list identify copy contains "
     "paragraph text note details address drug doses trouve encuentra devuelve companies"},
    {TASK_CLASSIFY, 7, false,
     "classify categorize categorise classification sentiment spam categories sentimento "
     "sentimiento stimmung klassifiziere classifique clasifica clasificar classe "
     "classifica klassificera sklasyfikuj тональность"},
    {TASK_CLASSIFY, 4, false,
     "category label emotion positive negative neutral positiv negativ positif négatif "
     "positiva negativa positief negatief kategorie catégorie categoría categoria tone "
     "formal informal urgent topic tag toxic hate opinion ordne"},
    {TASK_CLASSIFY, 2, false,
     "assign decide predict labels review reviews tickets comment true false sort choose "
     "bewertung rezension avis reseña recensione avaliação recensie recensionen отзыва "
     "star whether"},
    /* text into other text */
    {TASK_REWRITE, 8, false,
     "rewrite rephrase paraphrase proofread reword uppercase lowercase capitalize "
     "capitalise formuliere umformulieren reformule reformuler reescribe riscrivi "
     "reescreva herschrijf przeredaguj перепиши korrigiere corrige corrija correggi "
     "corriger corregir popraw исправь rättа"},
    {TASK_REWRITE, 4, false,
     "politely polite höflicher poliment educadamente grammar spelling wording shorten "
     "shorter bullets bullet rechtschreibung fautes ortografía gramática grammatik "
     "punctuation passive tense alphabetically alphabetical professional friendlier filler "
     "beleefder błędy cortesemente"},
    {TASK_REWRITE, 2, false,
     "correct fix improve reverse spell formale formeel sentence replace expand remove "
     "commas comma kürzer satz phrase frase zin zdaniu simpler clearer third mistakes "
     "initials"},
    {TASK_SUMMARISE, 9, false,
     "summarise summarize summary summaries tldr recap condense gist takeaways "
     "zusammenfassung zusammen fasse résume résumé resume resumen resumir riassumi "
     "riassunto resumo resuma samenvatting samenvatten samen vat sammanfatta "
     "sammanfattning streszczenie streść özetle перескажи резюме"},
    {TASK_SUMMARISE, 4, false,
     "abstract essentials outline digest brief headline kernpunkte wichtigsten overview "
     "boil"},
    {TASK_SUMMARISE, 1, false, "article articles passage transcript thread document"},
    {TASK_TRANSLATE, 9, false,
     "translate translates translating translation übersetze übersetzen übersetzung "
     "traduis traduire traduction traduce traducir traduzca traduci tradurre traduza "
     "traduzir vertaal vertalen översätt przetłumacz переведи çevir uebersetze"},
    {TASK_TRANSLATE, 3, false,
     "spanish french german italian portuguese japanese chinese korean russian arabic "
     "turkish dutch swedish greek latin hebrew hindi danish norwegian finnish "
     "hungarian thai vietnamese englische französische englisch anglais allemand español "
     "inglés francés alemán inglese tedesco francese inglês francês engels duits angielski "
     "английский spanisch deutsche"},
    {TASK_TRANSLATE, 1, false, "english say word into sagt "},
    /* programs */
    {TASK_CODE, 6, false,
     "python javascript typescript golang sql html css regex segfault segmentation "
     "refactor unittest dockerfile kubernetes pandas numpy react django flask nodejs "
     "nullpointerexception java kompiliert leetcode pythonie pythonfunktion fibonacci "
     "quicksort stdin stdout"},
    {TASK_CODE, 4, false,
     "code coding debug compile compiler compiles bash function functions bug algorithm "
     "script docker git commit component endpoint endpoints array arrays exception "
     "stacktrace snippet json api rest recursion pointer funktion funzione función função "
     "functie funkcję funktionen programm codesnippet binary heap"},
    {TASK_CODE, 2, false,
     "implement implementation program programming software library server method class "
     "variable loop query queries string strings lists linked tree sorting database rust "
     "schema file folder unit tests parses returns"},
    /* numbers */
    {TASK_MATH, 6, false,
     "calculate compute sqrt integral derivative equation équation ecuación equazione "
     "multiplied multiply subtract divisor multiplication perimeter fahrenheit celsius "
     "berechne calcule calcula calcola geteilt gedeeld умножить сколько cuánto quanto "
     "combien hoeveel"},
    {TASK_MATH, 4, false,
     "monday tuesday wednesday thursday friday saturday sunday month months "
     "january february june july august september october november december added adding yards"},
    {TASK_MATH, 3, false,
     "plus minus divided times percent percentage solve theorem probability polynomial "
     "triangle rectangle radius hypotenuse modulo factorial prime odd even sum average "
     "median ratio gallons gallon litres liters ounces kilometers kilometres résous "
     "resuelve risolvi fois veces vezes mal cups cup teaspoons tablespoons inches"},
    {TASK_MATH, 2, false,
     "convert total product integer integers numbers feet inch meters metres cm mm km kg "
     "miles grams kilograms pounds hours days weeks cents dollars dozen half twice "
     "each per left cost costs earn earns "
     "quedan"},
    {TASK_MATH, 1, false,
     "hour minutes seconds years distance speed "
     "more than many much week day buys sells "
     "gives"},
    /* thinking */
    {TASK_REASON, 6, false,
     "why warum weshalb pourquoi perché waarom dlaczego neden nedendir pros cons compare "
     "vergleiche compara confronta vergelijk porównaj tradeoffs vorteile nachteile "
     "avantages inconvénients ventajas desventajas vantagens desvantagens varför почему "
     "erkläre explique explica spiega riddle puzzle"},
    {TASK_REASON, 4, false,
     "explain analyse analyze discuss argue deduce implications argument strengths "
     "weaknesses causes evaluate difference ethical clues imply"},
    {TASK_REASON, 2, false,
     "should how reason logic strategy because convincing effect effects affect "
     "consequences matter could would if must plan works"},
    /* what only claims to be hard */
    {TASK_REASON, 3, true,
     "expert experts rigorous rigorously phd advanced proof thorough thoroughly meticulous "
     "meticulously complex sophisticated carefully deeply profound chainofthought "
     "reasoning"},
    {TASK_REASON, 4, false, "prove"},
    /* making */
    {TASK_CREATE, 6, false,
     "poem haiku story stories tale lyrics slogan limerick screenplay brainstorm compose "
     "invent fiction gedicht geschichte gutenachtgeschichte poème histoire poesía poema "
     "poesia cuento storia história verhaal dikt wiersz opowiadanie стихотворение "
     "рассказ şiir erfinde invente inventa imagine pretend roleplay novel"},
    {TASK_CREATE, 4, false,
     "draft essay blog speech toast dialogue ideas scenario post marketing creative rédige "
     "redacta correo write generate create"},
    {TASK_CREATE, 2, false,
     "letter email announcing design fictional character describe act persona suggest menu "
     "description opening party schreibe écris escribe scrivi escreva schrijf skriv napisz "
     "напиши"},
    /* facts of the world */
    {TASK_KNOWLEDGE, 4, false,
     "who capital define definition president invented discovered population hauptstadt "
     "capitale hoofdstad stolica столица stands quién wer chi quem kto кто painted wrote "
     "born synonym meaning means"},
    {TASK_KNOWLEDGE, 3, false,
     "where when cuándo wann quand quando kiedy wanneer history planet tallest largest "
     "longest highest biggest country continent element language symbol"},
    {TASK_KNOWLEDGE, 2, false,
     "what whats which qué qual quel quelle quelles was welche welcher wat welk wie co "
     "который какая year river ocean city century war king queen mean name fact member "
     "desert"},
    {TASK_KNOWLEDGE, 1, false, "about are did does were world state"},
    /* company; greetings need no line, for TASK_CHAT what remains */
    {TASK_CHAT, 9, false,
     "weir gguf hello hi hey hallo hola ciao bonjour salut oi merhaba привет hoi olá "
     "thanks thank goodbye bye danke merci gracias grazie obrigado joke jokes lol haha"},
    {TASK_CHAT, 4, false,
     "yourself feel feeling bored lonely hobbies hobby favourite favorite nice yes no "
     "maybe nope yeah yep sure ok okay pets"},
    {TASK_CHAT, 2, false, "you your youre u chat talk du dir te tu você je sen"},
};
const size_t task_words_count = ARRAY_LEN(task_words);

const struct task_phrase task_phrases[] = {
    {"who is your", TASK_CHAT, 24},
    {"what's up", TASK_CHAT, 30},
    {"were you born", TASK_CHAT, 24},
    {"my prompt", TASK_CHAT, 24},
    {"who are you", TASK_CHAT, 30},
    {"what are you", TASK_CHAT, 20},
    {"how are you", TASK_CHAT, 36},
    {"how's it going", TASK_CHAT, 36},
    {"what can you do", TASK_CHAT, 36},
    {"can i ask you", TASK_CHAT, 30},
    {"your name", TASK_CHAT, 30},
    {"good morning", TASK_CHAT, 30},
    {"good night", TASK_CHAT, 15},
    {"good evening", TASK_CHAT, 30},
    {"are you a", TASK_CHAT, 27},
    {"do you ", TASK_CHAT, 9},
    {"made you", TASK_CHAT, 20},
    {"meet you", TASK_CHAT, 12},
    {"who r u", TASK_CHAT, 36},
    {"see you later", TASK_CHAT, 27},
    {"i'm feeling", TASK_CHAT, 20},
    {"i think", TASK_CHAT, 9},
    {"wie geht", TASK_CHAT, 36},
    {"bist du", TASK_CHAT, 36},
    {"\xc3\xa7"
     "a va",
     TASK_CHAT, 30},
    {"qu\xc3\xa9 tal", TASK_CHAT, 36},
    {"come stai", TASK_CHAT, 36},
    {"tudo bem", TASK_CHAT, 36},
    {"hoe gaat", TASK_CHAT, 36},
    {"\xe4\xbd\xa0\xe5\xa5\xbd", TASK_CHAT, 30}, /* 你好 */
    {"\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf", TASK_CHAT,
     30}, /* こんにちは */
    {"step by step", TASK_REASON, 18, true},
    {"think hard", TASK_REASON, 12, true},
    {"think deeply", TASK_REASON, 12, true},
    {"think it through", TASK_REASON, 12, true},
    {"take a deep breath", TASK_REASON, 12, true},
    {"world-class", TASK_REASON, 9, true},
    {"as an expert", TASK_REASON, 9, true},
    {"show your reasoning", TASK_REASON, 12, true},
    {"what would happen", TASK_REASON, 24},
    {"what happens", TASK_REASON, 15},
    {"how does", TASK_REASON, 15},
    {"how do ", TASK_REASON, 6},
    {"how can ", TASK_REASON, 9},
    {"difference between", TASK_REASON, 12},
    {"both sides", TASK_REASON, 15},
    {"\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88", TASK_REASON, 36}, /* 为什么 */
    {"\xe3\x81\xaa\xe3\x81\x9c", TASK_REASON, 36},             /* なぜ */
    {"how many", TASK_MATH, 12},
    {"how much", TASK_MATH, 10},
    {"if i add", TASK_MATH, 24},
    {"if you add", TASK_MATH, 24},
    {"if today is", TASK_MATH, 24},
    {"what comes after", TASK_MATH, 18},
    {"square root", TASK_MATH, 30},
    {"what day", TASK_MATH, 18},
    {"which day", TASK_MATH, 18},
    {"what percent", TASK_MATH, 18},
    {"common divisor", TASK_MATH, 18},
    {"wie viel", TASK_MATH, 24},
    {"wie schnell", TASK_MATH, 15},
    {"quanto \xc3\xa9", TASK_MATH, 24},
    {"quanto fa", TASK_MATH, 24},
    {"what is the intent", TASK_INTENT, 30},
    {"this request", TASK_INTENT, 40},
    {"the request:", TASK_INTENT, 40},
    {"the user want", TASK_INTENT, 40},
    {"the user asking", TASK_INTENT, 40},
    {"type of request", TASK_INTENT, 40},
    {"kind of request", TASK_INTENT, 40},
    {"request type", TASK_INTENT, 40},
    {"classify:", TASK_INTENT, 50},
    {"categorize:", TASK_INTENT, 50},
    {"categorise:", TASK_INTENT, 50},
    {"\xe6\x84\x8f\xe5\x9b\xbe", TASK_INTENT, 40}, /* 意图 */
    {"\xe6\x84\x8f\xe5\x9b\xb3", TASK_INTENT, 40}, /* 意図 */
    {"how long", TASK_COMMAND, 12, false},
    {"how do i", TASK_COMMAND, 9, false},
    {"going to be", TASK_COMMAND, 9, false},
    {"will it", TASK_COMMAND, 9, false},
    {"is it ", TASK_COMMAND, 6, false},
    {"tell me how to", TASK_REASON, 6, false},
    {"ping me", TASK_COMMAND, 27},
    {"wake me", TASK_COMMAND, 27},
    {"count down", TASK_COMMAND, 18},
    {"to do list", TASK_COMMAND, 15},
    {"to-do list", TASK_COMMAND, 15},
    {"shopping list", TASK_COMMAND, 15},
    {"turn on", TASK_COMMAND, 9},
    {"turn off", TASK_COMMAND, 9},
    {"i need to", TASK_COMMAND, 9},
    {"i want to", TASK_COMMAND, 9},
    {"i would like", TASK_COMMAND, 9},
    {"i'd like", TASK_COMMAND, 9},
    {"do i have", TASK_COMMAND, 12},
    {"do i need", TASK_COMMAND, 9},
    {"can i ", TASK_COMMAND, 8},
    {"is my ", TASK_COMMAND, 6},
    {"my name", TASK_CHAT, 12},
    {"what time", TASK_COMMAND, 15},
    {"the time", TASK_COMMAND, 6},
    {"add this", TASK_COMMAND, 12},
    {"out of 6", TASK_COMMAND, 24},
    {"out of 5", TASK_COMMAND, 24},
    {"bullet points", TASK_REWRITE, 24, false},
    {"first word", TASK_REWRITE, 27},
    {"last word", TASK_REWRITE, 27},
    {"which word", TASK_REWRITE, 18},
    {"upper case", TASK_REWRITE, 18},
    {"lower case", TASK_REWRITE, 18},
    {"active voice", TASK_REWRITE, 18},
    {"make it sound", TASK_REWRITE, 24},
    {"make this sound", TASK_REWRITE, 24},
    {"make it short", TASK_REWRITE, 24},
    {"make this short", TASK_REWRITE, 24},
    {"more formal", TASK_REWRITE, 15},
    {"say this more", TASK_REWRITE, 24},
    {"alphabetical order", TASK_REWRITE, 24},
    {"\xe4\xb8\xaa\xe5\x86\x99", TASK_REWRITE, 9},
    {"\xe6\x94\xb9\xe5\x86\x99", TASK_REWRITE, 36},             /* 改写 */
    {"\xe6\x9b\xb8\xe3\x81\x8d\xe7\x9b\xb4", TASK_REWRITE, 36}, /* 書き直 */
    {"email address", TASK_EXTRACT, 27},
    {"e-mail address", TASK_EXTRACT, 27},
    {"names in", TASK_EXTRACT, 18},
    {"pull out", TASK_EXTRACT, 18},
    {"as json", TASK_EXTRACT, 15},
    {"json object", TASK_EXTRACT, 18},
    {"from the following", TASK_EXTRACT, 15},
    {"from the text", TASK_EXTRACT, 15},
    {"the following text", TASK_EXTRACT, 6},
    {"in this note", TASK_EXTRACT, 12},
    {"in the text", TASK_EXTRACT, 9},
    {"\xe6\x8f\x90\xe5\x8f\x96", TASK_EXTRACT, 36}, /* 提取 */
    {"\xe6\x8a\xbd\xe5\x87\xba", TASK_EXTRACT, 36}, /* 抽出 */
    {"positive or negative", TASK_CLASSIFY, 30},
    {"true or false", TASK_CLASSIFY, 24},
    {"yes or no", TASK_CLASSIFY, 12},
    {"which language", TASK_CLASSIFY, 18},
    {"is the following", TASK_CLASSIFY, 18},
    {"does the following", TASK_CLASSIFY, 18},
    {"is this", TASK_CLASSIFY, 4},
    {"spam or", TASK_CLASSIFY, 12},
    {"tl;dr", TASK_SUMMARISE, 30},
    {"in one sentence", TASK_SUMMARISE, 9},
    {"sum up", TASK_SUMMARISE, 36},
    {"key points", TASK_SUMMARISE, 24},
    {"main points", TASK_SUMMARISE, 24},
    {"main idea", TASK_SUMMARISE, 24},
    {"main arguments", TASK_SUMMARISE, 24},
    {"in brief", TASK_SUMMARISE, 24},
    {"boil this down", TASK_SUMMARISE, 24},
    {"most important", TASK_SUMMARISE, 9},
    {"\xe6\x80\xbb\xe7\xbb\x93", TASK_SUMMARISE, 36}, /* 总结 */
    {"\xe8\xa6\x81\xe7\xb4\x84", TASK_SUMMARISE, 36}, /* 要約 */
    {"in arabic", TASK_TRANSLATE, 15},
    {"in chinese", TASK_TRANSLATE, 15},
    {"in japanese", TASK_TRANSLATE, 15},
    {"in russian", TASK_TRANSLATE, 15},
    {"in portuguese", TASK_TRANSLATE, 15},
    {"in french", TASK_TRANSLATE, 15},
    {"in german", TASK_TRANSLATE, 15},
    {"in spanish", TASK_TRANSLATE, 15},
    {"in italian", TASK_TRANSLATE, 15},
    {"in korean", TASK_TRANSLATE, 15},
    {"in polish", TASK_TRANSLATE, 15},
    {"in turkish", TASK_TRANSLATE, 15},
    {"into english", TASK_TRANSLATE, 24},
    {"to english", TASK_TRANSLATE, 24},
    {"how do you say", TASK_TRANSLATE, 30},
    {"how do i say", TASK_TRANSLATE, 30},
    {"wie sagt man", TASK_TRANSLATE, 36},
    {"comment dit", TASK_TRANSLATE, 36},
    {"c\xc3\xb3mo se dice", TASK_TRANSLATE, 36},
    {"come si dice", TASK_TRANSLATE, 36},
    {"como se diz", TASK_TRANSLATE, 36},
    {"ins englische", TASK_TRANSLATE, 24},
    {"\xe7\xbf\xbb\xe8\xaf\x91", TASK_TRANSLATE, 40}, /* 翻译 */
    {"\xe8\xa8\xb3\xe3\x81\x97", TASK_TRANSLATE, 36}, /* 訳し */
    {"```", TASK_CODE, 42},
    {"#include", TASK_CODE, 42},
    {"def ", TASK_CODE, 15},
    {"();", TASK_CODE, 24},
    {"select *", TASK_CODE, 24},
    {"print(", TASK_CODE, 18},
    {"int main", TASK_CODE, 24},
    {"stack trace", TASK_CODE, 18},
    {"unit test", TASK_CODE, 15},
    {"time complexity", TASK_CODE, 24},
    {"c++", TASK_CODE, 24},
    {" in go", TASK_CODE, 9},
    {" in c ", TASK_CODE, 12},
    {"act as", TASK_CREATE, 36, false},
    {"the role of", TASK_CREATE, 36, false},
    {"pretend yourself", TASK_CREATE, 24, false},
    {"you are a ", TASK_CREATE, 18, false},
    {"you are now", TASK_CREATE, 18, false},
    {"edit the", TASK_REWRITE, 24, false},
    {"following data", TASK_EXTRACT, 15, false},
    {"relationship between", TASK_REASON, 18, false},
    {"what could be", TASK_REASON, 15, false},
    {"answer the question", TASK_REASON, 12, false},
    {"por qu\xc3\xa9", TASK_REASON, 30, false},
    {"write a", TASK_CREATE, 6},
    {"blog post", TASK_CREATE, 15},
    {"make up a", TASK_CREATE, 24},
    {"names for", TASK_CREATE, 18},
    {"write me", TASK_CREATE, 9},
    {"\xe5\x86\x99\xe4\xb8\x80", TASK_CREATE, 18}, /* 写一 */
    {"stand for", TASK_KNOWLEDGE, 18},
    {"of the following", TASK_KNOWLEDGE, 9},
    {"how tall", TASK_KNOWLEDGE, 18},
    {"how old is", TASK_KNOWLEDGE, 15},
    {"tell me about", TASK_KNOWLEDGE, 24},
    {"boiling point", TASK_KNOWLEDGE, 12},
    {"what is a", TASK_KNOWLEDGE, 9},
    {"what is the", TASK_KNOWLEDGE, 3},
    {"member states", TASK_KNOWLEDGE, 12},
    {"\xe6\x98\xaf\xe4\xbb\x80\xe4\xb9\x88", TASK_KNOWLEDGE, 12},             /* 是什么 */
    {"\xe4\xbd\x95\xe3\x81\xa7\xe3\x81\x99\xe3\x81\x8b", TASK_KNOWLEDGE, 12}, /* 何ですか */
};
const size_t task_phrases_count = ARRAY_LEN(task_phrases);
static_assert(ARRAY_LEN(task_phrases) <= TASK_PHRASES_MAX, "an index fits a byte");

const char *const polite_words =
    "please can could would you will kindly bitte kannst du por favor puedes pode puoi hey so ok okay "
    "what whats is are when wheres where which how do does the a i my to s im id";

const char *const language_names[LANGUAGES] = {"en", "de", "fr", "es", "it",
                                               "pt", "nl", "sv", "pl", "tr"};

const char *const language_words[LANGUAGES] = {
    [EN] =
        "the and is are you of to my what how with for please this that it on was have can do not from write who "
        "does did were be has will would your i at by an as or if which when where why his her they we all",
    [DE] =
        "der das und ist nicht ich sie mit ein eine auf wie bitte den wird für kannst mir warum schreibe "
        "die dem im zu von aus wo wer was hat einen einer eines diese dieser wir er uns sich auch dein lieb du "
        "bist sagt man ins spiel mach gib zum vom welche",
    [FR] =
        "le les et est vous une dans pour que qui avec je sur pas quel quelle comment des moi traduis "
        "la du au aux ce cet cette sont où il nous elle ça mets mon ma de se ne un ou écris merci ont",
    [ES] = "el los y es una por para que con cómo qué las del está mi cuál escribe yo "
           "la un en al se de este esta quién cuándo cuánto hoy no me son su cuál hazme le",
    [IT] = "il gli e è che di una per non con sono come questo della mi scrivi perché cosa "
           "la un lo nel dal dell al alla chi qual quanto in più si ho sul una",
    [PT] = "o os é uma não para com que você como em do da eu qual escreva "
           "a as um no na dos das ao se meu minha quais quanto foi nós seu são faça uma",
    [NL] = "het een van en niet ik je dat met voor wat hoe zijn kun schrijf waarom deze "
           "de is op te naar dit mij zin door als zet mijn er welke hoeveel alle uit in",
    [SV] = "och är att det en jag inte som för på hur vad med kan skriv "
           "den här ett av till från om i två nedan bygger var",
    [PL] = "jest nie się na i w z co jak czy to dla napisz proszę "
           "do o gdzie kto która który jaka tej tego wszystkie chcę po zdaniu",
    [TR] = "bir ve bu için ne nasıl değil mi benim yaz lütfen "
           "da de nedir neden kim nerede ile çok var",
};
