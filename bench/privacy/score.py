# SPDX-License-Identifier: Apache-2.0
"""Comparing findings with gold spans. Everything is in bytes of the UTF-8 text.

A gold span and a finding of an accepted type match when their intersection is at least IOU of their union; each
counts once, best pairs first. A name in two halves is one, and so is an address that is marked in pieces (street, flat,
town, postcode with nothing but blanks and punctuation between), on both sides. A finding counts as false when its
type is one that the set marks at all and no gold span, target or not, lies under it.
"""
import hashlib
import re

BLANKS = re.compile(rb"^[ \n]{1,2}$")
GLUE = re.compile(rb"^[\s,.;:()>?\-]{0,6}$")
WORD = re.compile(rb"[\w\x80-\xff]+(?:['\xe2\x80\x99-][\w\x80-\xff]+)*")


def _runs(spans, text, glue, alike):
    """Neighbours that are alike, with nothing but glue between them, in lists."""
    out = []
    for span in sorted(spans, key=lambda s: s[:2]):
        last = out[-1][-1] if out else None
        if last and alike(last[2], span[2]) and span[0] >= last[1] and glue.match(text[last[1]:span[0]]):
            out[-1].append(span)
        else:
            out.append([span])
    return out


def merged(spans, text, addresses, places):
    """Spans (start, end, kind) with the pieces of one value put together: a name in two halves, and an address with
    the town, the state and the postcode beside it. `addresses`, `places`: the kinds that say so."""
    halves = [(r[0][0], r[-1][1], r[0][2]) for r in _runs(spans, text, BLANKS, lambda a, b: a == b)]
    out = []
    for run in _runs(halves, text, GLUE, lambda a, b: {a, b} <= addresses | places):
        street = [s[2] for s in run if s[2] in addresses]
        out += [(run[0][0], run[-1][1], street[0])] if street else run
    return out


def iou(a, b):
    inter = min(a[1], b[1]) - max(a[0], b[0])
    return inter / (max(a[1], b[1]) - min(a[0], b[0])) if inter > 0 else 0.0


def pairs(gold, found, least, accepts):
    """Indices of matching (gold, finding), each used once."""
    every = sorted(((iou(g, f), i, k) for i, g in enumerate(gold) for k, f in enumerate(found)
                    if accepts(g[2], f[2])), reverse=True)
    used_g, used_f, out = set(), set(), []
    for value, i, k in every:
        if value >= least and i not in used_g and k not in used_f:
            used_g.add(i)
            used_f.add(k)
            out.append((i, k))
    return out


def covered(span, found):
    """Bytes of the span under some finding."""
    marks = bytearray(span[1] - span[0])
    for f in found:
        a, b = max(f[0], span[0]) - span[0], min(f[1], span[1]) - span[0]
        if b > a:
            marks[a:b] = b"\1" * (b - a)
    return sum(marks)


def f_beta(right, gold, found, beta):
    if not gold or not found or not right:
        return 0.0
    p, r = right / found, right / gold
    return (1 + beta * beta) * p * r / (beta * beta * p + r)


def words_hit(text, found, outside_of):
    """(ordinary words, those a finding touches)."""
    total = hit = 0
    for m in WORD.finditer(text):
        if any(s[0] < m.end() and s[1] > m.start() for s in outside_of):
            continue
        total += 1
        hit += any(s[0] < m.end() and s[1] > m.start() for s in found)
    return total, hit


# ---- what is developed on and what is held out ----

def skeleton(row):
    """The template of a generated text: its first letters with values and digits taken out."""
    text, out, at = row["text"].encode(), b"", 0
    for s in sorted(row["spans"], key=lambda s: s["start"]):
        out += text[at:s["start"]] + b"{}"
        at = s["end"]
    out += text[at:]
    return re.sub(rb"(\{\}[\s,]*)+|\d+|\s+", b" ", out).strip().lower()


def groups(sets):
    """One key for each row, the same for all rows of all sets that share a template; documents stand alone."""
    parent = {}

    def root(x):
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    keys = {}
    for name, rows in sets.items():
        keys[name] = []
        for row in rows:
            if name.startswith("presidio"):
                template, shape = name + row["id"].split("-")[-1], skeleton(row)
                parent[root(template)] = root(shape)
                keys[name].append(template)
            elif name == "piianon_clinical":
                keys[name].append(skeleton(row)[:24])
            else:
                keys[name].append(row["id"])
    return {name: [str(root(k)) for k in ks] for name, ks in keys.items()}


def is_held_out(key):
    return hashlib.sha256(key.encode()).digest()[0] % 2 == 1
