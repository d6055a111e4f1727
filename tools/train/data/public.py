# SPDX-License-Identifier: Apache-2.0
"""CLINC150 and SNIPS, read from the data folder (never committed).

Intents and slots overlap with device commands and small talk, so they are asked
for: by an instruction around the text or by a system message.  Held out are
whole instructions; the sentences of the sets' own tests are the values."""
import glob
import json
import os
import re
from common import REFUSAL
import talk

CLASSIFY = ["Classify", "Classify this", "Classify the request", "Classify the following [request|message|sentence|utterance]", "Intent", "intent", "What is the intent[ of this request| here|]?", "What's the intent of", "Which intent is this?", "Name the intent", "name the intent of this [request|message|sentence]", "Detect the intent", "detect intent", "Find the intent[ of this|]", "Give the intent of",
            "Return the intent[ as JSON|]", "Get the intent", "Label this request", "Label the intent", "Tell me the intent of this message", "Identify the intent", "identify the user's intent", "Determine the intent of the request", "Predict the intent", "What does the user want?", "what is the user asking for", "Recognise the intent", "intent of", "intent classification", "Classify intent", "user intent", "Which category is this request?",
            "Categorise this request", "Categorize", "Put this request into a category", "Assign an intent", "Route this request", "What kind of request is this?", "JSON intent", "Intent as JSON", "classify the intent of the text", "Sort this request into an intent", "Which of the 150 intents is it", "Choose the intent", "Pick the right intent", "state the intent", "classify utterance", "guess the intent of",
            "Analyse the intent", "what intent does this have", "Run intent detection on", "request type", "type of request", "output the intent of", "please classify", "Can you classify this?", "I need the intent of", "Which intent fits", "Match this to an intent", "tag the intent", "figure out the intent of", "decode the intent"]
EXTRACT = ["Extract slots", "Extract the slots", "Extract the slots from", "extract slots and intent", "Extract slots as JSON", "Slots", "slots", "Fill the slots", "Fill in the slots for", "Slot filling", "slot values", "Get the slots", "get slots from", "Find the slots", "What are the slots[ here|]?", "What slots are in", "Parse", "Parse this", "Parse this request", "Parse the command", "parse the following request", "Parse into JSON", "Parse to slots", "Return the slots", "Give me the slots",
           "Give the slots of this request", "List the slots", "Pull out the slots", "Identify the slots", "Detect slots", "Tag the slots", "label the slots", "Which slots does this contain?", "Convert this request to JSON", "Turn this request into JSON", "Request to JSON", "Make JSON of this request", "JSON slots", "Slots as JSON", "Intent and slots", "intent with slots", "Find intent and slots", "Return intent and slots as JSON", "extract the entities", "Entities", "entities and intent", "Extract entities from",
           "Get the entities", "Extract the fields", "Structure this request", "structured request", "Make this structured", "Understand this request", "Analyse this request", "NLU", "semantic parse", "Annotate", "Find the parameters", "Extract the parameters of", "Parameters", "Read the slots from", "Extract all details as JSON", "Extract the arguments", "write the slots of"]
SYS_C = ["Classify the user's request. Answer with the intent as JSON.", "You name the intent of each request as JSON.", "Return the intent of the message as JSON.", "You are an intent classifier.", "Reply with {{\"intent\": ...}} only.", "Intent detection. Unknown requests get unknown."]
SYS_E = ["Extract intent and slots of the user's request as JSON.", "You fill slots. Answer as JSON.", "You are a slot filler for a voice assistant.", "Return intent and slots as JSON.", "Parse each request into JSON slots."]


def spec(text):
    return json.dumps(text, ensure_ascii=False, separators=(",", ":"))


class Public:
    def __init__(self, root):
        with open(os.path.join(root, "intents/clinc150.json"), encoding="utf-8") as f:
            d = json.load(f)
        self.train = d["train"] + d["val"]
        self.test = d["test"]
        self.oos_train = [x[0] for x in d["oos_train"] + d["oos_val"]]
        self.oos_test = [x[0] for x in d["oos_test"]]
        # In train and val 150 intents are in scope; the same words as plain chat are a refusal
        # unless a fixed answer or a command of ours fits them.
        mine = set(talk.CLINC) | {"calculator", "smart_home", "timer", "alarm", "change_volume", "measurement_conversion", "time", "date", "yes", "no", "maybe", "cancel", "repeat",
                                  "definition", "spelling", "greeting", "fun_fact", "meaning_of_life", "change_ai_name", "user_name"}
        self.talk_train = [x for x in self.train if x[1] in talk.CLINC]
        self.talk_test = [x for x in self.test if x[1] in talk.CLINC]
        self.other_train = [x[0] for x in self.train if x[1] not in mine] + self.oos_train * 3
        self.other_test = [x[0] for x in self.test if x[1] not in mine] + self.oos_test
        self.gsm = [self.read_gsm(root, s) for s in ("train", "test")]
        self.snips = [self.read_snips(root, s) for s in ("train", "validate")]
        self.values = {}
        for intent, parts in self.snips[0]:
            for t, e in parts:
                if e:
                    self.values.setdefault((intent, e), []).append(t)
        self.vocab = [w for x in self.train for w in x[0].split()]

    @staticmethod
    def read_gsm(root, part):
        with open(os.path.join(root, "prompts/gsm8k_%s.jsonl" % part), encoding="utf-8") as f:
            q = [json.loads(line)["question"] for line in f]
        return [x for x in q if 80 < len(x) < 320]

    @staticmethod
    def read_snips(root, part):
        out = []
        for path in sorted(glob.glob(os.path.join(root, "slots/snips_%s_*.json" % part))):
            with open(path, encoding="utf-8", errors="replace") as f:
                for intent, rows in json.load(f).items():
                    out += [(intent, [(t["text"], t.get("entity")) for t in r["data"]]) for r in rows]
        return out

    def noise(self, ctx, s):
        """Small accidents to the training sentences, so that they are not learned by heart."""
        if ctx.split != "train" or ctx.chance(0.5):
            return s
        w, k = s.split(), ctx.r.random()
        i = ctx.r.randint(0, len(w) - 1)
        if k < 0.35 and len(w) > 4:
            del w[i]
        elif k < 0.5 and len(w) > 3:
            j = min(i + 1, len(w) - 1)
            w[i], w[j] = w[j], w[i]
        elif k < 0.65:
            return ctx.typo(s)
        elif k < 0.8:
            w.insert(i, ctx.one(["please", "just", "really", "now", "um", "so", "actually", "maybe", "the"]))
        else:
            return ctx.one(["hey ", "please ", "ok ", "can you ", "i need to know ", "so "]) + s
        return " ".join(w)

    def wrap(self, ctx, forms, systems, text):
        if ctx.chance(0.1):
            return [("system", ctx.phrase(systems).replace("{{", "{").replace("}}", "}")), ("user", text)]
        i = ctx.dress(ctx.phrase(forms), before=ctx.chance(0.4), after=False)
        k = ctx.r.random()
        bare = i.rstrip("?.: ")
        if k < 0.6:
            return [("user", bare + ": " + text)]
        if k < 0.72:
            return [("user", bare + ":\n" + text)]
        if k < 0.8:
            return [("user", i + "\n" + text)]
        if k < 0.92:
            return [("user", bare + ': "' + text + '"')]
        return [("user", i + " " + text if i[-1:] in "?." else bare + " '" + text + "'")]

    def clinc(self, ctx):
        train = ctx.split == "train"
        if ctx.chance(0.07):
            s, label = ctx.one(self.oos_train if train else self.oos_test), "unknown"
        elif train and ctx.chance(0.03):  # nonsense and texts that ask for nothing are out of scope too
            s, label = " ".join(ctx.one(self.vocab) for _ in range(ctx.r.randint(3, 9))), "unknown"
        else:
            s, label = ctx.one(self.train if train else self.test)
        return self.wrap(ctx, CLASSIFY, SYS_C, self.noise(ctx, s)) + [("assistant", '{"intent":"%s"}' % label)], "intent" if label != "unknown" else "intent_oos"

    def slots(self, ctx):
        train = ctx.split == "train"
        intent, parts = ctx.one(self.snips[0 if train else 1])
        text, found = "", {}
        for t, e in parts:
            if e and train and ctx.chance(0.45):
                t = ctx.one(self.values[intent, e])
            text += t
            if e:
                v = t.strip()
                if e in found:
                    found[e] = (found[e] if isinstance(found[e], list) else [found[e]]) + [v]
                else:
                    found[e] = v
        text = re.sub(r"\s+", " ", text).strip()
        found = {k: v if isinstance(v, list) else re.sub(r"\s+", " ", v) for k, v in found.items()}
        return self.wrap(ctx, EXTRACT, SYS_E, text) + [("assistant", spec(dict({"intent": intent}, **found)))], "extract_slots"

    def small_talk(self, ctx):
        s, label = ctx.one(self.talk_train if ctx.split == "train" else self.talk_test)
        return [("user", s), ("assistant", talk.answer(ctx, talk.CLINC[label]))], "chat"

    def refuse(self, ctx):
        train = ctx.split == "train"
        if ctx.chance(0.15):
            s = ctx.one(self.gsm[0 if train else 1])
        else:
            s = self.noise(ctx, ctx.one(self.other_train if train else self.other_test))
        return [("user", s), ("assistant", REFUSAL)], "refuse"
