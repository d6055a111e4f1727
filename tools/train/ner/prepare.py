# SPDX-License-Identifier: Apache-2.0
"""prepare.py OUT [--data ../shared/data] [--without btc_en,...] [--language-out es,...] [--all] [--seed 1]

Writes OUT/lists.tsv and OUT/train.docs for ./train, and OUT/dev-*.docs to judge on: from each corpus of the data
folder every tenth block of 20 sentences, unless --all trains on them too. --without leaves corpora out altogether,
--language-out our own sentences of a language (texts.py).

`prepare.py judge IN.jsonl OUT.docs` turns a set with gold spans into documents for ./judge.
"""
import argparse
import glob
import json
import os
import random
import re
import sys

import lists
import texts

LABEL = {"PERSON": 1, "LOCATION": 3, "ORGANIZATION": 5,
         "PER": 1, "LOC": 3, "ORG": 5, "PERSON_NAME": 1, "ORGANIZATION_NAME": 5, "GPE": 3,
         "NOMBRE_SUJETO_ASISTENCIA": 1, "NOMBRE_PERSONAL_SANITARIO": 1, "TERRITORIO": 3, "PAIS": 3, "HOSPITAL": 5, "INSTITUCION": 5}
SOMETHING = 9  # marked as another kind of value: neither a name nor an ordinary word
LANG = {"btc_en": "en", "germeval_de": "de", "re3d_en": "en", "sec_en": "en", "uner_da": "da", "uner_en": "en", "uner_hr": "hr",
        "uner_pt": "pt", "uner_sk": "cs", "uner_sv": "sv", "wiki_tr": "tr"}
THINGS = ["invoice", "report", "table", "order", "car", "bike", "phone", "parcel", "contract", "project", "printer", "house", "game", "laptop", "ticket", "door", "service"]


def record(out, pieces):
    """`pieces`: (text, label or 0) in order."""
    at, spans, text = 0, [], b""
    for piece, label in pieces:
        raw = piece.encode("utf-8", "replace")
        if label:
            spans.append((at, at + len(raw), label))
        text += raw
        at += len(raw)
    out.write(f"{len(text)} {len(spans)}{''.join(' %d %d %d' % s for s in spans)}\n".encode() + text + b"\n")


def pieces_of(d, keep_others=False):
    raw, at, out = d["text"].encode(), 0, []
    for s in sorted(d["spans"], key=lambda s: s["start"]):
        label = LABEL.get(s["label"], SOMETHING if keep_others else 0)
        if label and s["start"] >= at:
            out += [(raw[at:s["start"]].decode(), 0), (raw[s["start"]:s["end"]].decode(), label)]
            at = s["end"]
    return [p for p in out + [(raw[at:].decode(), 0)] if p[0]]


def title(word):
    return word[:1].upper() + word[1:] if len(word) > 3 else word


CASES = {
    "lower": str.lower,
    "upper": str.upper,
    "title": lambda s: re.sub(r"[^\W\d_]+", lambda m: title(m.group()), s),
    "bare": lambda s: re.sub(r"[.,;:!?\"']", "", s).lower(),
}


def dressed(pieces, how):
    return [(CASES[how](t), l) for t, l in pieces]


class Maker:
    def __init__(self, rng, names, bits):
        self.rng, self.names = rng, names
        self.words = sorted(w for w, b in bits.items() if b == lists.ORDINARY and len(w) > 2 and w[0] < "\u0530")
        self.latin_words = [w for w in self.words if w.isascii()]
        self.locales = sorted(l for l in names.given if names.family.get(l) and len(names.given[l]) > 20)
        self.latin = [l for l in self.locales if self.names.given[l][0][0] < "\u0250"]
        self.countries = sorted(names.countries)

    def locale(self, own):
        own = [l for l in own if l in self.locales]
        foreign = own[:1] and ord(self.names.given[own[0]][-1][0]) > 0x250
        if own and (foreign or self.rng.random() < 0.6):
            return self.rng.choice(own)
        return self.rng.choice(self.latin)

    def person(self, locale):
        r = self.rng
        g, f = (lambda: r.choice(self.names.given[locale])), (lambda: r.choice(self.names.family[locale]))
        how = r.random()
        if locale[:2] in ("es", "pt") and how < 0.3:
            return r.choice([f"{g()} {f()} {f()}", f"{g()} {g()} {f()} {f()}", f"{g()} {r.choice(['de', 'del', 'De', 'da', 'dos'])} {f()} {f()}"])
        if locale in ("zh_CN", "zh_TW", "ja_JP", "ko_KR"):
            return f() + (" " if how < 0.2 else "") + g()
        if how < 0.55:
            return f"{g()} {f()}"
        if how < 0.65:
            return g()
        if how < 0.71:
            return f()
        if how < 0.77:
            return f"{g()} {g()[0]}. {f()}"
        if how < 0.82:
            return f"{g()[0]}. {f()}"
        if how < 0.85:
            return f"{g()} {g()} {f()}"
        if how < 0.88:
            return f"{g()} {f()}-{f()}"
        if how < 0.91:
            return f"{g()} {f()} {f()}"
        if how < 0.94:
            return f"{f()}, {g()}"
        if how < 0.97:
            return f"{g()} {r.choice(['van', 'de', 'von', 'da', 'di', 'bin', 'al', 'del', 'van der', 'de la'])} {f()}"
        return f"{g()} {f()} {r.choice(['Jr.', 'Sr.', 'III', 'II'])}"

    def organisation(self, locale):
        f = self.rng.choice(self.names.family[locale])
        end = self.rng.choice(["Ltd", "Inc.", "GmbH", "S.A.", "Group", "Bank", "Systems", "Partners", "& Sons", "LLC", "University", "Hospital", "Holding", "AB", "Foods"])
        return self.rng.choice([f"{f} {end}", f"{f} {end}", "Acme", "Contoso", "Initech", "Northwind", "Globex", "Vandelay Industries", "Bluebird Logistics", "Sunrise Media"])

    def handle(self, locale):
        r = self.rng
        g, f, w = r.choice(self.names.given[locale]), r.choice(self.names.family[locale]), r.choice(self.words)
        n = r.choice(["", "", "", str(r.randint(1, 99)), str(r.randint(1950, 2020)), "x", "_"])
        made = r.choice([g + f, g + "_" + f, g + n, w + g, g + w.capitalize(), "the" + g, "Its" + g, "xX" + g, g[0] + f, f + n, w + w.capitalize(), w + "_" + w, "I" + w + f, g + g[-1] * 2, "Real" + g + f])
        made = re.sub(r"\W", "", made)
        return r.choice([made, made, made.lower(), made.lower(), made.upper()])

    def slot(self, kind, own):
        r, locale = self.rng, self.locale(own)
        if kind == "p":
            return self.person(locale), 1
        if kind in "gf":
            return r.choice((self.names.given if kind == "g" else self.names.family)[locale]), 1
        if kind == "l":
            places = [l for l in own if self.names.place.get(l)]
            return r.choice(self.names.place[r.choice(places)] if places else texts.CITIES), 3
        if kind == "c":
            return r.choice(self.countries), 3
        if kind == "o":
            return self.organisation(locale), 5
        if kind == "h":
            return self.handle(locale), 1
        number = r.randint(2, 2500)
        plain = {"n": str(number), "w": r.choice(THINGS), "t": f"+{r.randint(1, 99)} {r.randint(100, 999)} {r.randint(1000, 9999)}",
                 "d": r.choice([f"{r.randint(1, 28)}.{r.randint(1, 12)}.{r.randint(1930, 2026)}", f"{r.randint(1930, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"]),
                 "i": self.identifier(), "k": "".join(r.choice(self.latin_words).capitalize() for _ in range(r.choice([1, 2, 2, 2, 3]))), "x": self.ordinary(), "a": "".join(r.choice("ABCDEFGHIJKLMNOPRSTVXZ") for _ in range(r.choice([2, 3, 3, 3, 4, 5]))),
                 "e": f"{r.choice(['info', 'jd', 'a.b', 'x' + str(number)])}@{r.choice(['example.com', 'mail.test', 'firma.example'])}"}
        return plain[kind], 0

    def ordinary(self):
        """One to three ordinary words, written with capitals."""
        return " ".join(self.rng.choice(self.words).capitalize() for _ in range(self.rng.choice([1, 1, 2, 2, 3])))

    def identifier(self):
        r = self.rng
        words = [r.choice(self.latin_words) for _ in range(r.choice([1, 1, 2, 2, 3]))]
        how = r.random()
        if how < 0.25:  # fmant, nframes
            return r.choice("abcdefhilmnprstux") + r.choice(words)
        if how < 0.4:
            return words[0] + "".join(w.capitalize() for w in words[1:])
        if how < 0.5:
            return "_".join(words).upper()
        return "_".join(words)

    def form(self, lang):
        """A few lines "key: value"."""
        r, own = self.rng, texts.LANGUAGES[lang][0]
        person, given, family, place, others = texts.FORMS[lang]
        between, end = r.choice([(": ", "\n"), (": ", "\n"), (":", "\n"), (": ", ", "), (": ", "; "), (" : ", "\n"), (": ", ".\n"), (": ", " | "), (" = ", "\n"), ("\t", "\n"), (": ", "  ")])
        out = []
        for _ in range(r.choice([1, 2, 3, 5, 8])):
            what = r.random()
            if what < 0.3:
                line = [(r.choice(person) + between, 0)] + self.fill(r.choice(["{p}"] * 4 + ["Dr. {p}", "{p} ({d})", "{p}, {t}"]), own)
            elif what < 0.4:
                line = [(r.choice(given) + between, 0), self.slot("g", own), (end, 0), (r.choice(family) + between, 0), self.slot("f", own)]
            elif what < 0.5:
                line = [(r.choice(place) + between, 0), self.slot("l", own)]
            else:
                key, values = r.choice(others)
                line = [(key + between, 0)] + self.fill(r.choice(values), own)
            out += line + [(end, 0)]
        return out

    def fill(self, template, own):
        out, at = [], 0
        for m in re.finditer(r"\{([a-z])\}", template):
            out += [(template[at:m.start()], 0), self.slot(m.group(1), own)]
            at = m.end()
        out = merge(out + [(template[at:], 0)])
        return [p for p in out if p[0]]

    def renamed(self, pieces, own):
        """The same sentence about somebody else."""
        out = []
        for text, label in pieces:
            if label == 1 and re.fullmatch(r"[^\W\d_]+( [^\W\d_]+)?", text):
                locale = self.locale(own)
                g, f = self.rng.choice(self.names.given[locale]), self.rng.choice(self.names.family[locale])
                text = f"{g} {f}" if " " in text else self.rng.choice([g, f])
            out.append((text, label))
        return out


def merge(pieces):
    """Two persons that touch ("{f}{g}") are one."""
    out = []
    for text, label in pieces:
        if not text:
            continue
        if out and label == 1 and out[-1][1] == 1:
            out[-1] = (out[-1][0] + text, 1)
        else:
            out.append((text, label))
    return out


NO_NAMES = {"i", "he", "she", "it", "they", "we", "you", "him", "her", "them", "us", "me", "who", "himself", "herself", "his", "my", "sources"}


def names_only(name, d):
    """False for a sentence whose marks are not names: "she", "the former leader" (re3d), common words (wiki_tr)."""
    persons = [s["text"] for s in d["spans"] if s["label"] == "PERSON"]
    if name == "re3d_en":
        return all(p.lower() not in NO_NAMES and p[:1].isupper() and not p.startswith("The ") and len(p.split()) < 6 for p in persons)
    if name == "wiki_tr":
        return bool(persons) and all(w[:1].isupper() for p in persons for w in p.split())
    return True


def as_tweeted(pieces):
    """The tweets' "@ name" as people write it."""
    out = []
    for text, label in pieces:
        if out and label and out[-1][0].endswith("@ ") and not out[-1][1]:
            out[-1] = (out[-1][0][:-1], 0)
        if out and label and out[-1] == (" ", 0) and len(out) > 1 and out[-2][0] == "@":
            out.pop()
        out.append((re.sub(r"@ (?=\w)", "@", text), label))
    return merge(out)


def with_at(pieces, spaced):
    """A user name is marked with its @."""
    out = []
    for text, label in pieces:
        if label == 1 and out and out[-1][0].endswith("@"):
            out[-1] = (out[-1][0][:-1], 0)
            text = "@" + " " * spaced + text
        out.append((text, label))
    return [p for p in out if p[0]]


def corpora(args):
    for path in sorted(glob.glob(args.data + "/pii/ner/*.jsonl")):
        name = os.path.basename(path)[:-6]
        if name not in args.without:
            yield name, [json.loads(line) for line in open(path)]


def is_dev(i):
    return i // 20 % 10 == 9


def from_corpora(args, maker, write):
    r = maker.rng
    for name, docs in corpora(args):
        own = texts.LANGUAGES.get(LANG[name], ([], []))[0]
        dev = None if args.all else open(f"{args.out}/dev-{name}.docs", "wb")
        waiting = []
        for i, d in enumerate(docs):
            if not names_only(name, d):
                continue
            pieces = pieces_of(d)
            if not args.all and is_dev(i):
                record(dev, pieces)
                continue
            if name == "btc_en" and r.random() < 0.5:
                pieces = as_tweeted(pieces)
            named = any(l == 1 for _, l in pieces)
            waiting = waiting + [(r.choice([" ", " ", "\n"]), 0)] + pieces if waiting else pieces
            if r.random() < 0.75 or sum(len(t) for t, _ in waiting) > 500:
                write(waiting)
                waiting = []
            for how, share in (("lower", 0.15), ("bare", 0.15), ("upper", 0.06), ("title", 0.08)):
                if r.random() < share * (1.6 if named else 1):
                    write(dressed(pieces, how))
            if named and r.random() < 0.6:
                other = maker.renamed(pieces, own)
                write(dressed(other, r.choice(["lower", "bare", "upper", "title"])) if r.random() < 0.35 else other)
        if waiting:
            write(waiting)


def from_texts(args, maker, write):
    r = maker.rng
    for lang, (own, templates) in texts.LANGUAGES.items():
        if lang in args.language_out:
            continue
        for _ in range(int(args.generated * (3 if lang == "en" else 1))):
            n = r.choice([1, 1, 1, 1, 2, 3, 5])
            pieces = []
            for k in range(n):
                t = r.choice(templates + texts.ANYWHERE[:0])
                pieces += ([(r.choice([" ", "\n"]), 0)] if k else []) + maker.fill(t, own)
            how = r.random()
            write(dressed(pieces, "lower" if how < 0.12 else "bare" if how < 0.2 else "upper" if how < 0.25 else "title") if how < 0.3 else pieces)
    for _ in range(int(args.generated * 6)):
        own = texts.LANGUAGES[r.choice(sorted(texts.LANGUAGES))][0]
        pieces = maker.fill(r.choice(texts.ANYWHERE), own)
        how = r.random()
        write(dressed(pieces, "lower" if how < 0.1 else "upper") if how < 0.2 else pieces)
    prose = lists.prose_by_locale()
    far = [l for l in texts.LANGUAGES if ord(texts.LANGUAGES[l][1][0][0]) > 0x250]
    for _ in range(int(args.generated * 6)):
        lang = r.choice([l for l in far if l not in args.language_out])
        own, templates = texts.LANGUAGES[lang]
        words = prose.get(own[0], [])
        gap = "" if lang in ("zh", "ja") else " "
        filler = gap.join(r.choice(words) for _ in range(r.randint(3, 12))) + r.choice([gap, ". ", "\n", "。"]) if words else ""
        what = r.random()
        pieces = maker.fill(r.choice(texts.NOBODY_ELSEWHERE if what < 0.6 else templates), own)
        write([p for p in [(filler, 0)] + pieces if p[0]])
    for _ in range(int(args.generated * 3)):
        pieces = maker.fill(r.choice(texts.SOCIAL), texts.LANGUAGES[r.choice(["en", "en", "es", "pt", "id", "fr"])][0])
        pieces = with_at(pieces, r.random() < 0.3)
        how = r.random()
        write(dressed(pieces, "lower" if how < 0.2 else "upper") if how < 0.25 else pieces)
    for _ in range(int(args.generated * 4)):
        pieces = [p for k in range(r.choice([1, 2, 4, 6])) for p in ([("\n" + " " * r.choice([0, 0, 4, 8]), 0)] if k else []) + maker.fill(r.choice(texts.CODE), [])]
        write(pieces)
    for _ in range(int(args.generated * 3)):
        pieces = maker.fill(r.choice(texts.PLACES), [])
        write(dressed(pieces, "lower") if r.random() < 0.6 else pieces)
    for lang in texts.FORMS:
        for _ in range(0 if lang in args.language_out else int(args.generated * (2 if lang == "en" else 0.7))):
            pieces = maker.form(lang)
            write(dressed(pieces, r.choice(["lower", "upper"])) if r.random() < 0.15 else pieces)
    for _ in range(int(args.generated * 4)):
        pieces = [p for k in range(r.choice([1, 1, 2, 4])) for p in ([("\n", 0)] if k else []) + maker.fill(r.choice(texts.NOBODY), [])]
        write(dressed(pieces, "lower") if r.random() < 0.3 else pieces)


def from_commands(args, bits, write):
    """Short commands and questions (training parts): nobody in them; those with a listed name are left out."""
    def clean(text):
        words = re.findall(r"[^\W\d_]+", text.lower())
        return all(not bits.get(w, 0) & 7 or bits[w] & lists.ORDINARY for w in words)

    for text, _ in json.load(open(args.data + "/intents/clinc150.json"))["train"]:
        if clean(text):
            write([(text, 0)])
    for path in sorted(glob.glob(args.data + "/slots/snips_train_*.json")):
        for item in next(iter(json.load(open(path, encoding="utf-8", errors="replace")).values()))[:1200]:
            if not any(x.get("entity") in ("artist", "playlist_owner") for x in item["data"]):
                places = ("city", "country", "state", "geographic_poi", "poi")
                pieces = [(x["text"], 3 if x.get("entity") in places else 0) for x in item["data"]]
                if clean("".join(t for t, l in pieces if not l)):
                    write([p for p in pieces if p[0]])


def from_code(write):
    """This repository's own sources and pages, ten lines at a time: nobody in them."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
    for pattern in ("src/**/*.[ch]", "cmake/*", "tools/train/*.py", "tests/e2e/*.py", "docs/internals/*.md", "README.md", "ARCHITECTURE.md"):
        for path in sorted(glob.glob(os.path.join(root, pattern), recursive=True)):
            lines = open(path).read().split("\n")
            if "/privacy" in path or "et al" in "\n".join(lines):
                continue
            for i in range(0, len(lines) - 10, 40):
                write([("\n".join(lines[i:i + 10])[:1500], 0)])


def judge_file(source, target):
    with open(target, "wb") as out:
        if "clinc" in source:
            for part in ("test", "oos_test"):
                for text, _ in json.load(open(source))[part]:
                    record(out, [(text, 0)])
        elif "snips" in source:
            for item in next(iter(json.load(open(source, encoding="utf-8", errors="replace")).values())):
                record(out, [(x["text"], SOMETHING if "entity" in x else 0) for x in item["data"] if x["text"]])
        else:
            name = os.path.basename(source)[:-6]
            for line in open(source):
                d = json.loads(line)
                if names_only(name, d) or name == "wiki_tr":
                    record(out, pieces_of(d, keep_others=True))


def main():
    if sys.argv[1:2] == ["judge"]:
        return judge_file(*sys.argv[2:4])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out")
    p.add_argument("--data", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../../shared/data"))
    p.add_argument("--without", type=lambda s: s.split(","), default=[])
    p.add_argument("--language-out", type=lambda s: s.split(","), default=[])
    p.add_argument("--all", action="store_true")
    p.add_argument("--generated", type=int, default=1500, help="documents of our own per language")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    names = lists.Names()
    prose = [f"{args.data}/pii/ner/{n}.jsonl" for n in LANG if n not in args.without and n not in ("btc_en", "wiki_tr")]
    prose += [args.data + "/routing/mmlu.jsonl", args.data + "/prompts/gsm8k_train.jsonl"]
    bits = lists.write_lists(args.out + "/lists.tsv", names, lists.lower_case_counts(prose))
    maker = Maker(random.Random(args.seed), names, bits)
    with open(args.out + "/train.docs", "wb") as out:
        def write(pieces):
            record(out, pieces)
        from_corpora(args, maker, write)
        from_texts(args, maker, write)
        from_commands(args, bits, write)
        from_code(write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
