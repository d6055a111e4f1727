# SPDX-License-Identifier: Apache-2.0
"""Values to plant, conversations to plant them in, and the search for them in any disguise."""
import base64
import json
import re
import string
import unicodedata
import urllib.parse

DIGITS = string.digits


def luhn(r, prefix, length):
    body = prefix + "".join(r.choice(DIGITS) for _ in range(length - len(prefix) - 1))
    total = sum(sum(divmod(int(c) * 2, 10)) if i % 2 == 0 else int(c) for i, c in enumerate(reversed(body)))
    return body + str(-total % 10)


def iban(r):
    country, length = r.choice((("DE", 22), ("AT", 20), ("ES", 24), ("PL", 28)))
    bban = "".join(r.choice(DIGITS) for _ in range(length - 4))
    number = int("".join(str(int(c, 36)) for c in bban + country + "00"))
    return f"{country}{98 - number % 97:02d}{bban}"


def grouped(text, n, by=" "):
    return by.join(text[i:i + n] for i in range(0, len(text), n))


def word(r, n, alphabet=string.ascii_lowercase):
    return "".join(r.choice(alphabet) for _ in range(n))


def email(r):
    host = r.choice(("corp-mail.com", "acme-labs.io", "uni-nord.de", "mail.co.uk"))
    return f"{word(r, 6)}.{word(r, 7)}{r.randrange(90) + 10}@{host}"


def ssn(r):
    return f"{r.randrange(101, 665)}-{r.randrange(10, 99)}-{r.randrange(1001, 9999)}"


def card(r):
    number = luhn(r, r.choice(("4", "51", "55")), 16)
    return r.choice((number, grouped(number, 4), grouped(number, 4, "-")))


def phone(r):
    return r.choice((f"+1 {r.randrange(212, 989)} {r.randrange(220, 989)} {r.randrange(1000, 9999)}",
                     f"({r.randrange(212, 989)}) {r.randrange(220, 989)}-{r.randrange(1000, 9999)}",
                     f"+49 30 {r.randrange(10000000, 99999999)}"))


def address(r):
    return ".".join(str(r.randrange(101, 223)) for _ in range(4)).replace("127.", "128.").replace("172.", "173.") \
        .replace("192.", "193.").replace("169.", "170.").replace("198.", "199.").replace("203.", "204.")


KINDS = {
    "EMAIL_ADDRESS": email,
    "US_SSN": ssn,
    "CREDIT_CARD": card,
    "IBAN_CODE": lambda r: r.choice((iban(r), grouped(iban(r), 4))),
    "PHONE_NUMBER": phone,
    "IP_ADDRESS": address,
}
SECRETS = (
    lambda r: "sk-proj-" + word(r, 40, string.ascii_letters + DIGITS),
    lambda r: "AKIA" + word(r, 16, string.ascii_uppercase + "234567"),
    lambda r: "ghp_" + word(r, 36, string.ascii_letters + DIGITS),
)
AROUND = ("my {what} is {v}, thanks", "please use {v} for the {what}", "{what}: {v}", "Is {v} the right {what}?",
          "Notes\n- {what} = {v}\n- call back")
WHAT = {"EMAIL_ADDRESS": "e-mail", "US_SSN": "SSN", "CREDIT_CARD": "card number", "IBAN_CODE": "IBAN",
        "PHONE_NUMBER": "phone", "IP_ADDRESS": "server address", "SECRET": "api key"}


def full_width(s):
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in s)


def disguised(r, kind, value, sentence):
    """The same sentence with the value as somebody might write it to get past a filter."""
    ways = [full_width, lambda v: v[:5] + "\u200b" + v[5:]]
    if kind == "CREDIT_CARD" or (kind == "US_SSN" and sentence.startswith(("my ", "SSN", "Notes"))):  # nine digits need a word before
        ways += [lambda v: " ".join(c for c in v if c.isdigit()), lambda v: v.replace("-", ".").replace(" ", ".")]
    if kind == "EMAIL_ADDRESS":
        ways += [lambda v: v.replace("@", " at ").replace(".", " dot "), lambda v: v.replace("@", "%40"),
                 lambda v: v.replace("@", "\\u0040")]
    if r.random() < 0.15:
        return base64.b64encode(sentence.encode()).decode()
    return sentence.replace(value, r.choice(ways)(value))


def plant(r, secrets):
    """(type, value, sentence)"""
    kind = "SECRET" if secrets else r.choice(list(KINDS))
    value = r.choice(SECRETS)(r) if secrets else KINDS[kind](r)
    sentence = r.choice(AROUND).format(what=WHAT[kind], v=value)
    return kind, value, disguised(r, kind, value, sentence) if r.random() < 0.2 else sentence


# ---- where ----

def in_system(body, s, r):
    body["messages"].insert(0, {"role": r.choice(("system", "developer")), "content": "Be brief. " + s})


def in_user(body, s, r):
    last = body["messages"][-1]
    if isinstance(last["content"], str):
        last["content"] += " " + s
    else:
        last["content"][-1]["text"] += " " + s


def in_parts(body, s, r):
    last = body["messages"][-1]
    last["content"] = [{"type": "text", "text": last["content"]}, {"type": "text", "text": s}] \
        if isinstance(last["content"], str) else last["content"] + [{"type": "text", "text": s}]


def in_history(body, s, r):
    body["messages"][-1:-1] = [{"role": "user", "content": s}, {"role": "assistant", "content": "Noted: " + s}]


def in_tool_call(body, s, r):
    arguments = json.dumps({"note": s, "deep": {"list": [s]}}, ensure_ascii=r.random() < 0.5)
    body["messages"][-1:-1] = [
        {"role": "user", "content": "look it up"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_9", "type": "function", "function": {"name": "lookup", "arguments": arguments}}]},
        {"role": "tool", "tool_call_id": "call_9", "content": json.dumps({"result": s})}]


def in_tools(body, s, r):
    body["tools"] = [{"type": "function", "function": {
        "name": "say", "description": "Says it. " + s,
        "parameters": {"type": "object", "properties": {"said": {"type": "string", "description": s, "enum": [s]}}}}}]


def in_stop(body, s, r):
    body["stop"] = ["\n\n", s]


def in_user_field(body, s, r):
    body["user"] = s


def in_metadata(body, s, r):
    body["metadata"] = {"ticket": s, s: "a key"}


def in_unknown(body, s, r):
    body["x_vendor"] = {"file": {"filename": s + ".txt"}, "rows": [[s], {"k": {"k": s}}]}


OPENAI_PLACES = (in_user, in_user, in_system, in_parts, in_history, in_tool_call, in_tools, in_stop, in_user_field,
                 in_metadata, in_unknown)


def conversation(r, secrets=False):
    """(body, planted values)"""
    body = {"messages": [{"role": "user", "content": r.choice(("Hello.", "Tell me more.", "Write a letter."))}]}
    values = []
    for _ in range(r.randrange(1, 4)):
        kind, value, sentence = plant(r, secrets)
        r.choice(OPENAI_PLACES)(body, sentence, r)
        values.append((kind, value))
    body["stream"] = r.random() < 0.5
    body["max_tokens"] = 400
    return body, values


# ---- the search ----

def plain(s):
    return re.sub(r"[^0-9a-z]", "", unicodedata.normalize("NFKC", s).lower())


def unfolded(raw):
    """What somebody could read in these bytes: as they are, JSON and percent escapes undone, base64 decoded."""
    text = raw.decode("utf-8", "replace")
    layers = [text]
    for _ in range(3):
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), text).replace('\\"', '"') \
            .replace("\\n", "\n").replace("\\\\", "\\")
        layers.append(text)
    layers.append(urllib.parse.unquote(text))
    for run in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        try:
            layers.append(base64.b64decode(run + "=" * (-len(run) % 4)).decode("latin-1"))
        except ValueError:
            pass
    return "\n".join(layers), "|".join(plain(layer) for layer in layers)


def leaks(raw, values):
    """Those of `values` that can be read in `raw`, in any disguise."""
    text, letters = unfolded(raw)
    found = []
    for kind, value in values:
        forms = [base64.b64encode(value.encode())[:-3].decode().rstrip("="), value.encode().hex(),
                 urllib.parse.quote(value, safe="")]
        spelt = plain(value.replace("@", " at ").replace(".", " dot ")) if kind == "EMAIL_ADDRESS" else plain(value)
        if plain(value) in letters or spelt in letters or value in text or any(f in text for f in forms):
            found.append((kind, value))
    return found
