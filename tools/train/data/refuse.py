# SPDX-License-Identifier: Apache-2.0
"""What the models must not try.  Wide refusals (poems, knowledge, code, ...)
and near ones: requests that look like a task and are not one.  For nano, the
mini's tasks are near refusals."""
import arith
import clock
import text
from common import REFUSAL
from names import ADJ, FIRST, NOUNS, PLACES, THINGS

TOPIC = """the sea|love|autumn|my mother|a lonely robot|climate change|the French revolution|black holes|quantum physics|football|the stock market|gardening|the moon|world peace|coffee|cats|my grandfather|artificial intelligence|the Roman empire|photosynthesis|dinosaurs|democracy|vaccines|electric cars|the internet|my holiday|friendship|time travel|cooking pasta|yoga|chess|jazz|the brain|volcanoes|bitcoin|inflation|Shakespeare|the ocean|my job|a dragon|rain|winter|music theory|the human heart|solar panels|school uniforms|history|the weather|marriage|running|tea|the alphabet|Mars|my garden|evolution|gravity|a lost dog|the night sky|my best friend|the city|a broken heart|snow""".split("|")
LANG = "French|German|Spanish|Italian|Portuguese|Japanese|Chinese|Russian|Dutch|Polish|Turkish|Arabic|Latin|Swedish|Greek".split("|")
CODE = "Python|C|Java|JavaScript|Rust|Go|SQL|bash|C++|Ruby|PHP|Haskell".split("|")
JOB = "sorts a list|reverses a string|reads a file|prints primes|finds the maximum|counts words|parses JSON|downloads a page|checks a palindrome|computes fibonacci|merges two lists|removes duplicates|connects to a database|opens a socket".split("|")
COUNTRY = "France|Germany|Japan|Brazil|Canada|Kenya|India|Norway|Peru|Egypt|Spain|Poland|China|Turkey|Mexico|Chile|Ghana|Australia".split("|")
WHO = "Einstein|Napoleon|Cleopatra|Mozart|Newton|Gandhi|Picasso|Beethoven|Darwin|Marie Curie|Plato|Shakespeare|Lincoln|Tesla|Columbus".split("|")
GROUPS = {
    "create": ["write a [short |long |nice |funny |sad |]poem about {t}", "write me a poem about {t}", "poem about {t}", "compose a poem on {t}", "write a [short |long |funny |]story about {t}", "tell me a story about {t}", "story about {t}", "write an essay about {t}", "write a song about {t}", "a haiku about {t}", "compose a haiku about {t}", "write a letter to {n} about {t}",
               "write an email to {n} about {t}", "draft an email to my boss about {t}", "make up a fairy tale about {t}", "invent a slogan for {t}", "give me ideas for {t}", "create a blog post about {t}", "write a speech about {t}", "can you write a poem about {t}?", "could you write something about {t}?", "I need a poem about {t}", "compose a sonnet about {t}", "write lyrics about {t}", "write a limerick about {t}",
               "please make a rhyme about {t}", "write a paragraph about {t}", "write a dialogue about {t}", "plan a party about {t}", "brainstorm names for a shop about {t}", "write a product description for {t}", "draft a press release about {t}", "write a cover letter for a {x}", "imagine a world without {t}", "write two verses about {t}", "make a poem of {t}", "pen a short ballad about {t}"],
    "knowledge": ["what is the capital of {c}?", "who was {w}?", "who is {w}?", "when was {w} born?", "when did {w} die?", "what did {w} do?", "who is the president of {c}?", "how many people live in {c}?", "what is the population of {c}?", "where is {c}?", "how far is it from {p} to {c}?", "what is the tallest mountain in {c}?", "what language do they speak in {c}?", "explain {t}", "explain {t} to me", "tell me about {t}",
                  "what is {t}?", "how does {t} work?", "why is {t} important?", "give me facts about {t}", "what do you know about {t}?", "describe {t}", "define {x}", "what does {x} mean?", "who invented the {x}?", "history of {t}", "what is the meaning of {x}?", "who won the world cup?", "what is the speed of light?", "why is the sky blue?", "how tall is the Eiffel tower?", "what is the best restaurant in {p}?", "what's on tv tonight?", "what is the news today?",
                  "what's the weather in {p}?", "what time is it?", "what is today's date?", "how do I cook {x}?", "how do I get to {p}?", "what is the price of gold?", "who wrote Hamlet?", "what is DNA?", "list the planets", "how old is the universe?", "which river flows through {p}?", "what causes {t}?", "what's the currency of {c}?", "is {t} dangerous?", "what are the symptoms of flu?", "what year did the war end?", "who painted the Mona Lisa?", "teach me about {t}", "talk about {t}", "compare {t} and {t2}", "what is the difference between {t} and {t2}?"],
    "translate": ["translate '{x}' to {l}", "translate this to {l}: {s}", "how do you say {x} in {l}?", "what is {x} in {l}?", "say {s} in {l}", "{l} translation of {x}", "translate into {l}: {s}", "can you translate {x} into {l}?", "put this in {l}: {s}", "{x} in {l} please", "what's the {l} word for {x}?", "how would I say '{s}' in {l}", "turn this into {l}: {s}"],
    "summarise": ["summarise this: {s} {s2}", "summarize: {s} {s2}", "give me a summary: {s} {s2}", "tl;dr {s} {s2}", "sum up this text: {s} {s2}", "shorten this: {s} {s2}", "what is the main idea? {s} {s2}", "summarize the following text: {s} {s2}", "in one sentence: {s} {s2}", "make this shorter: {s} {s2}"],
    "code": ["write a {k} function that {j}", "write {k} code that {j}", "{k} program that {j}", "how do I write a program that {j} in {k}?", "give me a {k} script which {j}", "fix this {k} code: print(x", "what is wrong with this code: for i in x:", "explain this {k} code: x = x + 1", "how do I install {k}?", "write a regex that {j}", "code a function in {k} that {j}", "debug my {k} program", "what is a pointer in {k}?", "refactor this {k} class", "write a unit test in {k}", "make a website in {k}", "implement quicksort in {k}", "show me hello world in {k}"],
    "chat": ["I feel sad today", "what should I wear?", "should I buy {t}?", "give me advice about {t}", "what do you think about {t}?", "do you believe in {t}?", "what is your opinion on {t}?", "recommend a movie", "recommend a book about {t}", "what should I eat tonight?", "plan my holiday in {p}", "help me with my homework about {t}", "I am bored, entertain me", "let's play a game", "sing a song", "roleplay as {w}", "pretend you are {w}", "what is the meaning of life?",
             "who will win the election?", "predict the future", "should I invest in {t}?", "diagnose my headache", "is it going to rain?", "book a flight to {p}", "order a pizza", "call {n}", "send a message to {n}", "play some music", "buy {y}", "remind me to call {n}", "what is my name?", "where am I?", "how much money do I have?", "draw a picture of {t}", "show me a photo of {t}", "browse the web for {t}", "search for {t}", "write my thesis on {t}", "solve the equation x^2 + {a}x = {b}", "prove that there are infinitely many primes", "integrate x^2", "what is the square root of {a}?",
             "what is {a} percent of {b}?", "what is {a} to the power of {b}?", "what is the derivative of x^{a}?", "is {a} a prime number?", "uppercase this: {s}", "reverse the word {x}", "spell {x}", "how many letters are in {x}?", "sort these words: {x} {x2} {y}", "rhyme with {x}", "what is the opposite of {x}?", "give me a synonym for {x}", "is this sentence positive or negative? {s}", "paraphrase: {s}", "correct the grammar: {s}", "rewrite this politely: {s}", "count the words: {s}", "middle word of: {s}", "second word of: {s}", "lower case: {s}",
             "what is {a} factorial?", "convert {a} dollars to euros", "convert {a} fahrenheit to celsius", "round {a}.{b}", "what is half of the sum of {a} and {b} squared?", "write {a} in roman numerals", "write {a} in binary"],
}
KINDS = ["create", "create", "knowledge", "knowledge", "knowledge", "translate", "summarise", "code", "chat", "chat", "chat"]


def wide(ctx):
    kind = ctx.one(KINDS)
    t = ctx.phrase(GROUPS[kind])
    v = dict(t=ctx.one(TOPIC) if ctx.chance(0.6) else "a %s %s" % (ctx.one(ADJ), ctx.one(NOUNS)), t2=ctx.one(TOPIC), n=ctx.one(FIRST), c=ctx.one(COUNTRY), w=ctx.one(WHO), p=ctx.one(PLACES), x=ctx.one(NOUNS), x2=ctx.one(NOUNS), y=ctx.one(THINGS), l=ctx.one(LANG), k=ctx.one(CODE),
             j=ctx.one(JOB), s=text.sentence(ctx, text.SENT)[0], s2=text.sentence(ctx, text.SENT)[0], a=ctx.r.randint(2, 99), b=ctx.r.randint(2, 99))
    return [("user", ctx.dress(t).format(**v)), ("assistant", REFUSAL)], "refuse"


def beyond_nano(ctx):
    """The mini's sums, dates and word problems, which nano must pass on."""
    k = ctx.r.random()
    if k < 0.24:
        turns = arith.times(ctx)[0]
    elif k < 0.4:
        turns = arith.long_sum(ctx)[0]
    elif k < 0.5:
        turns = arith.divide(ctx)[0]
    elif k < 0.7:
        turns = arith.word_problem(ctx)[0]
    elif k < 0.8:
        turns = clock.hours_and_minutes(ctx)[0]
    elif k < 0.84:
        turns = [("user", ctx.ask(clock.NDAYS, d=ctx.one(clock.DAYS), n=ctx.r.randint(7, 20)))]
    elif k < 0.88:
        x, y, f = ctx.one([u for u in clock.UNITS if u[2] in (3, 7, 12, 24, 60)])
        turns = [("user", ctx.ask(clock.UNIT, n=ctx.r.randint(11, 40), x=x, y=y))]
    else:
        a, b, c = ctx.r.randint(2, 99), ctx.r.randint(2, 99), ctx.r.randint(2, 99)
        turns = [("user", ctx.ask(arith.ADD, a="%d %s %d" % (a, ctx.one("+-*"), b), b=c)), None]
    return [turns[0], ("assistant", REFUSAL)], "refuse"


def beyond_mini(ctx):
    a, b = ctx.r.randint(100, 9999), ctx.r.randint(100, 9999)
    k = ctx.r.random()
    if k < 0.5:
        return [("user", ctx.ask(arith.MUL, a=a, b=b)), ("assistant", REFUSAL)], "refuse"
    if k < 0.75:
        return [("user", ctx.ask(arith.ADD if k < 0.65 else arith.SUB, a=a * 1009 + 9999, b=b * 97)), ("assistant", REFUSAL)], "refuse"
    return [("user", ctx.ask(arith.DIV, a=a, b=ctx.r.randint(13, 99))), ("assistant", REFUSAL)], "refuse"


def near(ctx):
    return beyond_nano(ctx) if ctx.model == "nano" else beyond_mini(ctx)
