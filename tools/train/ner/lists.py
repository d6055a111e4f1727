# SPDX-License-Identifier: Apache-2.0
"""Names and places by locale from the `faker` package (MIT), and the word lists of the tagger."""
import collections
import importlib
import json
import pkgutil
import re

import faker.providers.address
import faker.providers.lorem
import faker.providers.person

import texts

GIVEN, FAMILY, PLACE, COUNTRY, ORDINARY = 1, 2, 4, 8, 16  # enum name_list

GIVEN_KEYS = re.compile(r"^(first_(names|romanized|kana)|middle_names|first_name_(male_|female_)?pairs)")
FAMILY_KEYS = re.compile(r"^(last_(names|romanized|kana|name_pairs)|unisex_last|male_last)")
PLACE_KEYS = {"cities", "city_names", "states", "provinces", "municipalities", "regions", "counties", "towns",
              "villages", "communes", "concelhos", "districts", "prefectures", "wilayas", "departments", "cantons"}
# Their word lists are texts in the language itself, not Latin filler.
PROSE = {"ar_AA", "bn_BD", "cs_CZ", "da_DK", "de_DE", "el_GR", "en_US", "es_ES", "fa_IR", "fr_FR", "he_IL", "hy_AM", "it_IT",
         "ja_JP", "mk_MK", "nl_NL", "pl_PL", "ru_RU", "th_TH", "uk_UA", "vi_VN", "az_AZ", "zh_CN"}


def flat(value):
    for item in value:
        if isinstance(item, str):
            yield item
        elif isinstance(item, (tuple, list)):
            yield from (x for x in item if isinstance(x, str))


def tables(package):
    """(locale, name of the table, its strings) of every provider."""
    for m in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(package.__name__ + "." + m.name).Provider
        for key in sorted(vars(provider)):
            value = vars(provider)[key]
            if not key.startswith("_") and not callable(value) and not isinstance(value, str) and hasattr(value, "__iter__"):
                yield m.name, key, sorted(set(flat(value)))


class Names:
    """given, family, place: locale -> list; countries."""

    def __init__(self):
        self.given, self.family, self.place = (collections.defaultdict(list) for _ in range(3))
        self.countries = set()
        for locale, key, words in tables(faker.providers.person):
            words = [w for w in words if (1 if w > "\u3000" else 2) <= len(w) < 40 and "{" not in w]
            if "romanized" in key:
                locale += "_latin"
            if GIVEN_KEYS.match(key):
                self.given[locale] += words
            elif FAMILY_KEYS.match(key):
                self.family[locale] += words
        for locale, key, words in tables(faker.providers.address):
            words = [w for w in words if 1 < len(w) < 40 and "{" not in w]
            if key in PLACE_KEYS:
                self.place[locale] += words
            elif key == "countries":
                self.countries.update(words)
        self.place["en"] = texts.CITIES
        for table in (self.given, self.family, self.place):
            for locale in table:
                table[locale] = sorted(set(table[locale]))


def prose_by_locale():
    return {locale: words for locale, key, words in tables(faker.providers.lorem) if key == "word_list" and locale in PROSE}


def prose_words():
    for words in prose_by_locale().values():
        yield from (w for w in words if w == w.lower())


def write_lists(path, names, counts):
    """`counts`: how often each word stands in lower case in running text."""
    bits = collections.Counter()
    for table, bit in ((names.given, GIVEN), (names.family, FAMILY), (names.place, PLACE), ({"": names.countries}, COUNTRY)):
        for locale in table:
            for entry in table[locale]:
                parts = [p for p in re.split(r"[^\w]+", entry) if len(p) > 1 or ord(p[:1] or "a") > 0x2E80]
                if bit in (PLACE, COUNTRY) and len(parts) > 3:
                    continue
                for part in parts:
                    if not (bit in (PLACE, COUNTRY) and len(parts) > 1 and (len(part) < 4 or part[0].islower())):
                        bits[part.lower()] |= bit
    for word in prose_words():
        bits[word] |= ORDINARY
    for word, n in counts.items():
        if n >= 3 and len(word) > 1:
            bits[word] |= ORDINARY
    with open(path, "w") as out:
        for word in sorted(bits):
            for part in ([word] if ord(word[0]) < 0x2E80 else list(word) if ord(word[0]) > 0x3400 and not "\u30a0" < word[0] < "\u3100" else [word]):
                out.write(f"{bits[word]}\t{part}\n")
    return bits


def lower_case_counts(paths):
    counts = collections.Counter()
    for path in paths:
        for line in open(path):
            d = json.loads(line)
            text = d.get("text") or d.get("prompt") or d.get("question") or ""
            if not isinstance(text, str):
                continue
            raw = text.encode()
            for s in reversed(d.get("spans", [])):
                raw = raw[:s["start"]] + b" " + raw[s["end"]:]
            counts.update(re.findall(r"(?<![\w@#/.])[^\W\d_]+(?![\w@/])", raw.decode("utf-8", "replace")))
    return {w: n for w, n in counts.items() if w == w.lower()}
