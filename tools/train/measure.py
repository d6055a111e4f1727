# SPDX-License-Identifier: Apache-2.0
"""Figures of the cards that only a running Weir can give, for both shipped models.

  measure.py [grammar] [context] [speed]        all three without a name; WEIR_BIN=... says which weir

grammar   device commands, and prompts that fit none, with a JSON schema: share of answers that are JSON of that schema
context   the same questions alone and at the end of a chat that fills the 1,024 tokens, and of a four-turn chat: exact match
speed     one thread: time to first token of a 60-token prompt, tokens a second, memory (PSS of the engine process)"""
import json
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "data"), os.path.join(HERE, "..", "..", "tests", "models")]
import mix  # noqa: E402
from common import Ctx  # noqa: E402
from eval import interval, prompt_of, read  # noqa: E402
from prepare import LONG  # noqa: E402
from served import SHIPPED, Served  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

SCHEMA = {"type": "object", "additionalProperties": False, "required": ["action", "device"], "properties": {
    "action": {"type": "string", "enum": ["on", "off", "open", "close", "lock", "unlock", "set", "timer", "alarm", "volume"]},
    "device": {"type": "string", "maxLength": 40}, "room": {"type": "string", "maxLength": 40}, "value": {"type": "integer", "minimum": 0, "maximum": 300}}}
# What a chat is filled with: short answers, no system messages in the middle.
FILL = ["device", "sum2", "unit", "calendar", "text", "talk"]
ASKED = ["device", "sum2", "unit", "calendar", "text"]


def share(right, n):
    return "%.3f (%.3f-%.3f, %d)" % (right / n, *interval(right, n), n)


def fits(text):
    """Is it JSON of the schema? (By hand: the schema is small, and no package is needed.)"""
    try:
        d = json.loads(text)
    except ValueError:
        return False
    props = SCHEMA["properties"]
    return (isinstance(d, dict) and set(SCHEMA["required"]) <= set(d) <= set(props) and d["action"] in props["action"]["enum"]
            and all(isinstance(v, int if k == "value" else str) for k, v in d.items()))


def grammar(weir, name):
    rows = read([os.path.join(HERE, "eval", name + ".jsonl")])
    plan = {"type": "json_schema", "json_schema": {"name": "command", "strict": True, "schema": SCHEMA}}
    for op in ("device", "refuse"):
        part = [r for r in rows if r["op"] == op][:120]
        good = sum(fits(weir.say(name, r["messages"], response_format=plan)) for r in part)
        print("| %s | JSON of the schema, %s prompts | %s |" % (name, op, share(good, len(part))), flush=True)


def filled(ctx, tok, last, turns, limit):
    """`last` after as many turns as fit into `limit` tokens with room for the answer, at most `turns` of them."""
    before = []
    while len(before) // 2 < turns:
        more = mix.chat(ctx, None, ctx.one(FILL), turns_before=0, system=False)["messages"]
        r = {"messages": before + more + last["messages"][-1:], "tools": None}
        if len(prompt_of(tok, r)) > limit - 100:
            break
        before += more
    return before + last["messages"][-1:]


def context(weir, name, tok):
    ctx = Ctx(4242, "seen", name)
    asked = [mix.chat(ctx, None, ASKED[i % len(ASKED)], turns_before=0, system=False) for i in range(100)]
    for what, turns in (("alone", 0), ("after three turns", 3), ("after a chat that fills the context", 1000)):
        right, tokens = 0, []
        for c in asked:
            messages = filled(ctx, tok, {"messages": c["messages"][:-1]}, turns, LONG)
            a = weir.ask(name, messages)
            tokens.append(a["usage"]["prompt_tokens"])
            right += a["choices"][0]["message"]["content"] == c["messages"][-1]["content"]
        print("| %s | %s (%.0f tokens, longest %d) | %s |" % (name, what, statistics.mean(tokens), max(tokens), share(right, len(asked))), flush=True)


def engine_pss_mb(process):
    """Memory of the engine process of this weir, shared pages by share."""
    todo, total = [process.pid], 0
    while todo:
        pid = todo.pop()
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            todo += [int(p) for p in f.read().split()]
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            if f.read().startswith(b"weir: engine"):
                with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as s:
                    total += sum(int(line.split()[1]) for line in s if line.startswith("Pss:"))
    return total / 1024


def speed(name, path, tok):
    words = "names: " + "Tom and Alice met Bruno near the river in Paris. " * 8
    while len(prompt_of(tok, {"messages": [{"role": "user", "content": words}], "tools": None})) > 60:
        words = words[:-1]
    first, rate = [], []
    with Served({name: path}, ", threads: 1") as weir:
        for i in range(21):
            leg = weir.ask(name, [{"role": "user", "content": words[:-2] + "%02d" % i}])["weir"]["legs"][0]  # another end each time, so that the prefix cache is of little use
            long = weir.ask(name, [{"role": "user", "content": "as bullets: " + ", ".join(["tea", "milk", "bread", "fish", "rice", "corn"][:4 + i % 3])}])["weir"]["legs"][0]
            if i:
                first.append(leg["ttft_us"] / 1000)
                rate.append(1e6 * (long["output_tokens"] - 1) / (long["total_us"] - long["ttft_us"]))
        memory = engine_pss_mb(weir.process)
    print("| %s | one thread: first token of a 60-token prompt %.0f ms, then %.0f tokens/s (medians of 20); %.0f MB | load %.1f |" %
          (name, statistics.median(first), statistics.median(rate), memory, os.getloadavg()[0]), flush=True)


def main():
    what = sys.argv[1:] or ["grammar", "context", "speed"]
    if set(what) - {"grammar", "context", "speed"}:
        sys.exit(__doc__)
    tok = Tokenizer.from_file(os.path.join(HERE, "tokenizer.json"))
    print("| model | what | figure |\n|---|---|---|")
    if "grammar" in what or "context" in what:
        with Served(SHIPPED) as weir:
            for name in SHIPPED:
                if "grammar" in what:
                    grammar(weir, name)
                if "context" in what:
                    context(weir, name, tok)
    for name, path in SHIPPED.items() if "speed" in what else ():
        speed(name, path, tok)


if __name__ == "__main__":
    main()
