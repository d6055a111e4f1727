# SPDX-License-Identifier: Apache-2.0
"""What every generator shares: held-out phrasings, held-out values, dress.

A generator is a function `make(ctx) -> (turns, task)` where `turns` is a list
of (role, text) that ends with the assistant's right answer.  `ctx.split` says
which world it speaks for:

  train   phrasings and values the model learns from
  seen    phrasings it learned from, values it never saw
  unseen  phrasings it never saw (and values it never saw)

A phrasing is one whole template.  About one in five of every list is kept for
`unseen`, chosen by a hash of its text, so adding a line never moves another
one.  `[a|b|]` in a template is a free choice and does not make a new phrasing.
Values are held out by a hash too, one in ten.  Dress (politeness, lower case,
typing errors, missing punctuation) is applied to the template and never to the
values, so the right answer stays right.
"""
import hashlib
import random
import re

REFUSAL = "Sorry, that is beyond this small demonstration model."

_choice = re.compile(r"\[([^\[\]]*)\]")
_split_cache = {}
NEVER_HELD = set()  # phrasings a generator always trains on

BEFORE = ["please ", "hey, ", "hi, ", "ok, ", "quick question: ", "so ", "hello, ", "um, ",
          "could you please help: ", "hey weir, ", "weir, ", "now ", "I need this: ",
          "one more thing: ", "alright, ", "just curious, ", "yo, ", "well, ", "pls ",
          "Dear assistant, ", "Question: ", "Q: ", "good morning, ", "excuse me, "]
AFTER = [" please", ", please", " thanks", ", thanks", " asap", " :)", " thank you", " pls", "?",
         " for me", " now", ", thank you very much", " quickly", "!", ".", " ?"]
BEFORE_UNSEEN = ["sorry to bother you, ", "right, ", "if you don't mind, ", "task: ", "oh, "]
AFTER_UNSEEN = [" cheers", " when you can", ", if possible", " thx", "..."]

SYSTEM = ["You are a helpful assistant.", "You are a helpful, concise assistant.",
          "Answer briefly.", "You are an AI assistant.", "Be short.", "Be concise and correct.",
          "You are a helpful assistant. Answer as briefly as possible.",
          "You answer the user's questions.", "You are Weir, a small assistant on this device.",
          "Help the user.", "Assistant", "You are a friendly assistant that runs on the device.",
          "Follow the instructions of the user.", "Reply in English.", "Do what the user asks.",
          "You are a knowledgeable and careful assistant.", "Respond with the answer only.",
          "You are a chatbot.", "Today is a good day. Be kind.", "You are an expert.",
          "You are a smart home assistant.", "Keep answers short and to the point."]
SYSTEM_UNSEEN = ["You are a useful assistant that gives short answers.", "Be brief and polite.",
                 "You are a careful helper.", "Give only the result."]


def digest(text):
    return int.from_bytes(hashlib.md5(text.encode()).digest()[:6], "big")


def split_list(items):
    """(kept for training, held out): one in five by hash, at least one each if the list has 5."""
    key = (len(items), items[0], items[-1])
    if key not in _split_cache:
        held = [t for t in items if digest(t) % 5 == 0 and t not in NEVER_HELD]
        if not held and len(items) >= 5:
            held = [min(items, key=digest)]
        _split_cache[key] = ([t for t in items if t not in held], held or list(items))
    return _split_cache[key]


class Ctx:
    """One stream of chats: a random source, the split, the model it is for, the stage (mix.py)."""

    def __init__(self, seed, split="train", model="nano", stage="wide"):
        self.r = random.Random(seed)
        self.stage = stage
        self.split = split
        self.model = model

    def one(self, seq):
        return seq[int(self.r.random() * len(seq))]

    def chance(self, p):
        return self.r.random() < p

    def held(self, key):
        """True if this value may be used in this split."""
        return (digest(key) % 10 == 0) != (self.split == "train")

    def value(self, draw, key=str):
        """Draws until the value belongs to this split."""
        for _ in range(300):
            v = draw()
            if self.held(key(v)):
                return v
        return v

    def phrase(self, items):
        kept, held = split_list(items)
        t = self.one(held if self.split == "unseen" else kept)
        while "[" in t:
            t = _choice.sub(lambda m: self.one(m.group(1).split("|")), t, count=1)
        return t

    def dress(self, t, before=True, after=True):
        """Registers: polite, terse, lower case, no punctuation, typing errors; not on {values}."""
        r = self.r.random
        if r() < 0.45:
            return t
        unseen = self.split == "unseen"
        if r() < 0.35 and t[-1:] in "?.!":
            t = t[:-1]
        if before and r() < 0.22:
            if t[:1].isupper() and t[:2] != "I " and t[1:2].islower():
                t = t[:1].lower() + t[1:]
            t = self.one(BEFORE + BEFORE_UNSEEN if unseen else BEFORE) + t
        if after and r() < 0.18 and t[-1:] not in ":":
            if t[-1:] in "?.!":
                t = t[:-1]
            t += self.one(AFTER + AFTER_UNSEEN if unseen else AFTER)
        if r() < 0.25:
            t = t.lower() if "{" not in t else re.sub(r"[^{}]+(?![^{]*})", lambda m: m.group().lower(), t)
        elif r() < 0.25:
            t = t[:1].upper() + t[1:]
        if r() < 0.12:
            t = self.typo(t)
        return t

    def typo(self, t):
        spots = [m for m in re.finditer(r"[a-zA-Z]{4,}", t)
                 if t.count("{", 0, m.start()) == t.count("}", 0, m.start())]
        if not spots:
            return t
        m = self.one(spots)
        w, i = m.group(), 1 + int(self.r.random() * (len(m.group()) - 2))
        k = self.r.random()
        if k < 0.35:
            w = w[:i] + w[i + 1:]
        elif k < 0.7:
            w = w[:i] + w[i + 1] + w[i] + w[i + 2:]
        elif k < 0.85:
            w = w[:i] + w[i] + w[i:]
        else:
            w = w[:i] + self.one("abcdefghijklmnopqrstuvwxyz") + w[i + 1:]
        return t[:m.start()] + w + t[m.end():]

    def ask(self, items, **values):
        """A dressed phrasing with its values filled in."""
        return self.dress(self.phrase(items)).format(**values)
