# SPDX-License-Identifier: Apache-2.0
"""Copy-type text work: the answer is made of pieces of the question.  Nano gets
short texts, mini gets short and long ones (up to about 60 words)."""
from names import FIRST, LAST, NOUNS, VERBS, ADJ, PLACES, MAIL, THINGS, pseudo

FIRST_WORD = ["first word", "What is the first word[ of this sentence| of this text|]?", "Give me the first word", "Return the first word[ of the text|]", "what's the first word here", "Say only the first word", "extract the first word",
              "tell me the first word", "Which word comes first?", "the first word of this", "print the first word", "copy the first word", "Output just the first word", "get the first word", "write down the first word", "find the first word of the sentence",
              "I want the first word", "Which word does it start with?", "first word only", "show the first word",
              "What is the first word", "Reply with the first word", "just the first word", "Take the first word", "which word is the first one?", "first word of this sentence", "the very first word", "Answer with the first word", "Read me the first word", "What word is first here?", "pick the first word", "repeat the first word", "Isolate the first word", "state the first word", "Quote the first word", "I only need the first word", "can you give me the first word?", "could you find the first word", "first word here", "first word in the text"]
LAST_WORD = [p.replace("first", "last").replace("comes last", "comes last").replace("start with", "end with") for p in FIRST_WORD]
NUMBERS = ["[Extract|List|Find|Get|Show|Return] [all|the|all the] numbers[ in this text| from this text|]", "which numbers are in this text?", "What numbers appear here?", "numbers only", "numbers", "pull out the numbers", "give me the numbers[ in this|]",
           "what are the numbers in this sentence?", "write down every number", "copy all numbers", "Which numbers are mentioned?", "tell me the numbers", "pick out the numbers", "list every number you see", "I need the numbers from this", "only the numbers", "what numbers do you see", "collect the numbers", "all the numbers in the following",
           "Which numbers does the text contain?", "numbers in this sentence", "numbers in", "find every number", "look for numbers", "Write out the numbers", "keep only the numbers", "What figures are in this text?", "all numbers", "every number", "digits and numbers in this", "Read out the numbers", "name the numbers", "Search the text for numbers", "can you find the numbers?", "could you list the numbers", "just the numbers", "numbers found", "number list", "isolate the numbers"]
EMAILS = ["[Extract|List|Find|Get|Show|Return] [the|all|all the] [e-mail|email] addresses[ in this text| from this text|]", "which email addresses are in this text?", "What e-mail addresses appear here?", "emails only", "emails", "pull out the emails", "give me the email addresses", "give me the email[ in this|]",
          "what is the email address in this sentence?", "what's the email here", "copy the email address", "Which email addresses are mentioned?", "tell me the e-mail address", "pick out the emails", "find the mail address", "I need the email from this", "only the e-mail", "who can I mail? give the address", "collect the email addresses",
          "Which e-mail addresses does the text contain?", "emails in this sentence", "email in", "find every email address", "look for email addresses", "Write out the email addresses", "keep only the email addresses", "all emails", "e-mails", "e-mail", "email address", "every email", "Read out the email address", "Search the text for emails", "can you find the email?", "could you list the email addresses", "just the email", "mail addresses found", "email list", "isolate the emails"]
NAMES = ["[Extract|List|Find|Get|Show|Return] [the|all|all the] names[ in this text| from this text|]", "which names are in this text?", "What names appear here?", "names only", "names", "pull out the names", "give me the names", "who is mentioned[ here| in this text|]?", "what are the names of the people in this sentence?",
         "who is this about?", "copy the names", "Which people are mentioned?", "tell me the names", "pick out the names", "list every person", "I need the names from this", "only the names", "Who appears in the text?", "collect the people's names",
         "Which names does the text contain?", "names in this sentence", "names in", "find every name", "look for names", "Write out the names", "keep only the names", "all names", "every name", "people", "list the people", "persons", "who", "Read out the names", "Search the text for people", "can you find the names?", "could you list the names", "just the names", "names found", "name list", "isolate the names", "person names", "Which persons are in it?"]
TO_COMMAS = ["[Turn|Make|Convert|Change|Rewrite] [this|these|the] [list|bullets|bullet points|lines] into [a comma separated list|commas|one line with commas]", "join these with commas", "comma separated please", "put these on one line with commas", "as a comma list", "bullets to commas", "make it comma separated", "write this list on one line",
             "one line, commas", "separate these by commas instead", "list with commas", "use commas instead of bullets", "flatten this list", "convert to a comma list", "replace the bullets by commas", "I want these separated by commas", "inline this list", "join the lines", "remove the bullets and use commas",
             "comma list", "commas", "commas please", "as one comma separated line", "rewrite with commas", "into one line", "bullets into commas", "list to commas", "give me this on one line with commas", "change bullets to commas", "can you join these with commas?", "could you write them with commas", "merge into a comma list", "csv please", "make one line of it", "Put commas between the items", "Write the items in one line", "turn the bullets into a sentence list", "separate with commas"]
TO_BULLETS = ["[Turn|Make|Convert|Change|Rewrite] [this|these|the list] into [bullets|bullet points|a bulleted list|a bullet list]", "as bullets", "bullet points", "bullets please", "make a bulleted list", "put each on its own line with a dash", "list these as bullets", "commas to bullets", "one bullet per item", "write these as bullet points",
              "bulleted list of this", "make bullets out of this", "use bullets instead of commas", "split this into bullets", "one item per line with a dash", "I want these as a bullet list", "format as bullet list", "give me this as bullets", "itemize this", "show as bullet points",
              "bulleted", "bullet list", "make bullets", "into bullets", "list form with dashes", "as a list with dashes", "rewrite as bullets", "commas into bullets", "one line per item with dashes", "change this to bullets", "can you make bullets of this?", "could you turn this into a bullet list", "break into bullet points", "Put the items under each other with dashes", "Write the items as a list", "bullet it", "dash list please", "separate into bullets", "give me bullets"]
SPACING = ["[Fix|Correct|Clean up|Repair] the [spacing|spaces]", "remove the extra spaces", "fix the spaces in this", "there are too many spaces, fix it", "clean the whitespace", "single spaces please", "make the spacing right", "delete double spaces", "normalise the spaces", "tidy the spacing of this text", "too many blanks here, remove them",
           "squeeze the spaces", "get rid of extra spaces", "fix spacing", "one space between words please", "please repair the whitespace", "strip the surplus spaces", "correct the blanks", "this has weird spacing, repair it", "collapse the spaces",
           "fix the whitespace", "clean up the spaces", "one space only", "remove double spaces", "extra spaces, please remove", "correct the whitespace", "can you fix the spacing?", "could you remove the extra blanks", "spaces are wrong", "trim the spaces", "reduce multiple spaces to one", "make it single spaced", "take out the additional spaces", "spacing is off, fix", "sort out the spaces", "put single spaces in", "eliminate extra spaces", "repair spacing in"]

SENT = ["The {a} {n} {v} the {n2}.", "{p} {v} a {a} {n} in {c}.", "My {n} is {a} and the {n2} is {a2}.", "A {a} {n} {v} {p}.", "Yesterday {p} {v} the {n} near the {n2}.", "Every {n} in {c} is {a}.", "{p} and {p2} {v} the {a} {n}.",
        "We {v} the {n} before the {n2}.", "In {c} the {n} was {a}.", "Nobody {v} the {a} {n2}.", "This {n} belongs to {p}.", "Our {n} {v} {p} and a {n2}.", "Some {a} people {v} the {n}.", "{c} has a {a} {n}.", "I {v} it with a {n}.", "Please bring the {n} to {p}.", "{n} {n2} {a}", "{a} {n} and {a2} {n2}", "They {v} a {n} from {c}"]
NUM_SENT = ["There are {x} {t} and {y} {u}.", "{p} has {x} {t}.", "The {n} costs {x} dollars and the {n2} {y}.", "Call {x} or {y} today.", "In {x} {p} {v} {y} {t}.", "Room {x}, floor {y}.", "I bought {x} {t}, {y} {u} and {z} pens.", "The bus {x} leaves at {y}.", "{p} is {x} and {p2} is {y}.", "We {v} {x} of the {t} in {c}.",
            "Page {x} has {y} words.", "Order {x} was {v} after {y} days.", "Only {x} {t} left", "From {x} to {y} in {z} steps."]
MAIL_SENT = ["Write to {m}.", "My address is {m}, please reply.", "Contact {m} or {m2}.", "Send the {n} to {m} today.", "{p} ({m}) {v} the {n}.", "You can reach {p} at {m}.", "From: {m}", "Questions? Ask {m}.", "Please add {m} and {m2} to the list.", "The {n} came from {m} yesterday.", "cc {m}", "{m} {v} the {a} {n}.", "My email is {m} and my {n} is {a}."]
NAME_SENT = ["{p} {v} the {n}.", "{p} and {p2} {v} a {a} {n}.", "I met {p} in {c}.", "The {n} belongs to {p}.", "Yesterday {p} called {p2}.", "Please ask {p} about the {n}.", "{p}, {p2} and {p3} {v} the {n2}.", "My {n} was {v} by {p}.", "Tell {p} that the {n} is {a}.", "We visited {p} before {p2}.", "The meeting with {p} is about the {n}.", "{p} is the {n} of {p2}."]


def person(ctx):
    return ctx.one(FIRST) if ctx.chance(0.55) else ctx.one(FIRST) + " " + ctx.one(LAST)


def mail(ctx):
    a = ctx.one(FIRST).lower()
    if ctx.chance(0.4):
        a += ctx.one(".-_") + ctx.one(LAST).lower()
    elif ctx.chance(0.3):
        a = pseudo(ctx.r)
    if ctx.chance(0.25):
        a += str(ctx.r.randint(1, 99))
    return a + "@" + (ctx.one(MAIL) if ctx.chance(0.6) else pseudo(ctx.r) + ctx.one([".com", ".org", ".net", ".de"]))


def number(ctx):
    return str(ctx.r.randint(0, 10 ** ctx.one([1, 2, 2, 3, 4]) - 1))


def noun(ctx):
    return ctx.one(NOUNS) if ctx.chance(0.75) else pseudo(ctx.r)


def sentence(ctx, forms):
    f = ctx.one(forms)
    v = dict(p=person(ctx), p2=person(ctx), p3=person(ctx), n=noun(ctx), n2=noun(ctx), v=ctx.one(VERBS), a=ctx.one(ADJ), a2=ctx.one(ADJ), c=ctx.one(PLACES),
             x=number(ctx), y=number(ctx), z=number(ctx), t=ctx.one(THINGS), u=ctx.one(THINGS), m=mail(ctx), m2=mail(ctx))
    s = f.format(**v)
    keys = [k for k in ("p", "p2", "p3", "x", "y", "z", "m", "m2") if "{%s}" % k in f]
    keys.sort(key=lambda k: f.index("{%s}" % k))
    return s, [v[k] for k in keys if k[0] == "p"], [v[k] for k in keys if k in "xyz"], [v[k] for k in keys if k[0] == "m"]


def layout(ctx, instruction, text):
    """How people put an instruction and a text together."""
    i = ctx.dress(instruction)
    bare = i.rstrip("?.!: ")
    k = ctx.r.random()
    if k < 0.45:
        return bare + ": " + text
    if k < 0.6:
        return bare + ":\n" + text
    if k < 0.68:
        return i + "\n" + text
    if k < 0.78 and "\n" not in text:
        return bare + ': "' + text + '"'
    if k < 0.84 and "\n" not in text:
        return bare + " in '" + text + "'" if ctx.chance(0.3) else i + " '" + text + "'"
    if k < 0.92:
        return text + "\n\n" + i
    return i + "\n\n" + text


def items(ctx):
    n = ctx.r.randint(2, 4 if ctx.model == "nano" else 7)
    pool = ctx.one([NOUNS, THINGS, FIRST, PLACES, ADJ])
    return [ctx.one(pool) if ctx.chance(0.8) else ctx.one(ADJ) + " " + noun(ctx) for _ in range(n)]


def texts(ctx, forms):
    """One to three sentences for nano, up to six for mini; facts of all of them."""
    n = 1 if ctx.chance(0.75) else 2
    if ctx.model == "mini" and ctx.chance(0.4):
        n = ctx.r.randint(2, 6)
    got = [sentence(ctx, forms) for _ in range(n)]
    return " ".join(g[0] for g in got), [sum((g[i] for g in got), []) for i in (1, 2, 3)]


def words(ctx):
    s = texts(ctx, SENT)[0] if ctx.chance(0.75) else " ".join(noun(ctx) for _ in range(ctx.r.randint(2, 6)))
    first = ctx.chance(0.5)
    w = s.split()
    return layout(ctx, ctx.phrase(FIRST_WORD if first else LAST_WORD), s), (w[0] if first else w[-1]).strip(".,?!"), "extract"


def facts(ctx):
    k = ctx.r.randint(0, 2)
    ask, forms = [(NAMES, NAME_SENT), (NUMBERS, NUM_SENT), (EMAILS, MAIL_SENT)][k]
    s, found = texts(ctx, forms)
    if ctx.chance(0.06):
        s, found = sentence(ctx, ["The {a} {n} is {a2}.", "Every {n} {v} the {n2}.", "It was a {a} {n}."])[0], [[], [], []]
    return layout(ctx, ctx.phrase(ask), s), ", ".join(found[k]) or "none", "extract"


def bullets(ctx):
    it = items(ctx)
    mark = ctx.one(["- ", "- ", "* "])
    if ctx.chance(0.5):
        return layout(ctx, ctx.phrase(TO_COMMAS), "\n".join(mark + i for i in it)), ", ".join(it), "rewrite"
    return layout(ctx, ctx.phrase(TO_BULLETS), ", ".join(it)), "\n".join("- " + i for i in it), "rewrite"


def spacing(ctx):
    s = sentence(ctx, SENT)[0]
    bad = "".join(c + " " * ctx.r.randint(1, 3) if c == " " and ctx.chance(0.5) else c for c in s)
    if bad == s:
        bad = s.replace(" ", "  ")
    return layout(ctx, ctx.phrase(SPACING), bad), s, "rewrite"


def text_op(ctx):
    f = ctx.one([words, words, facts, facts, facts, bullets, bullets, spacing])
    q, a, task = f(ctx)
    return [("user", q), ("assistant", a)], task
