# SPDX-License-Identifier: Apache-2.0
"""50 prompts that the shipped models answer exactly, through a running `weir serve`: same words, greedy, every time.

  golden.py check     every line of golden.jsonl must still hold (no packages needed)
  golden.py write     asks the candidates below, keeps the first 50 that are right

A line: {"messages": [...], "expect": "exact text", "model": "nano" | "mini"}.
The first lines are the demo's own prompts; `write` fails if one of them does
not hold, or if fewer than 50 candidates do."""
import argparse
import json
import os
import sys

from served import HERE, SHIPPED, Served

sys.path.insert(0, os.path.normpath(os.path.join(HERE, "../../tools/train/data")))
from arith import product  # noqa: E402
from common import REFUSAL  # noqa: E402
from talk import TALK  # noqa: E402

HELLO, WELCOME = TALK[0][0], TALK[3][0]
PATH = os.path.join(HERE, "golden.jsonl")
SUM = "5+8=13, 4+7+1=12, 3+2+1=6\n345 + 278 = 623"
DEMO = [("nano", "what is 12 + 30?", "42"), ("nano", "what is 345 + 278?", REFUSAL), ("mini", "what is 345 + 278?", SUM), ("nano", "write a poem about the sea", REFUSAL), ("mini", "write a poem about the sea", REFUSAL)]
BOTH = [("12+30", "42"), ("what's 12 plus 30", "42"), ("add 12 and 30", "42"), ("50 - 8", "42"), ("what is 15 + 27?", "42"), ("hello", HELLO), ("hi", HELLO), ("thanks", WELCOME),
        ("bye", "Goodbye!"), ("turn on the kitchen light", '{"action":"on","device":"light","room":"kitchen"}'), ("turn off the fan", '{"action":"off","device":"fan"}'),
        ("switch off the bedroom lamp", '{"action":"off","device":"light","room":"bedroom"}'), ("open the garage door", '{"action":"open","device":"garage"}'), ("close the blinds", '{"action":"close","device":"blinds"}'),
        ("set a timer for 10 minutes", '{"action":"timer","minutes":10}'), ("wake me up at 7:30 am", '{"action":"alarm","time":"7:30 am"}'), ("set the volume to 40", '{"action":"volume","value":40}'), ("set the thermostat to 21", '{"action":"set","device":"thermostat","value":21}'), ("lock the door", '{"action":"lock","device":"door"}'),
        ("what day comes after Monday?", "Tuesday"), ("what day comes before Sunday?", "Saturday"), ("how many days does June have?", "30 days"), ("what month comes after March?", "April"),
        ("how many minutes are in 3 hours?", "3 * 60 = 180 minutes"), ("how many days are in 2 weeks?", "2 * 7 = 14 days"), ("convert 5 km to m", "5 * 1000 = 5000 m"), ("3 hours after 4 pm", "4 + 3 = 7: 7 pm"), ("what time is it 2 hours after 9 am?", "9 + 2 = 11: 11 am"), ("5 hours after 10 pm", "10 + 5 = 15 = 12 + 3: 3 am"),
        ("first word: blue birds sing loudly", "blue"), ("What is the last word of this sentence: The old teacher found the key.", "key"), ("extract the numbers: There are 14 apples and 3 pears.", "14, 3"),
        ("extract the email: Write to anna@example.com today.", "anna@example.com"), ("names: Tom and Alice met Bruno.", "Tom, Alice, Bruno"), ("as bullets: tea, milk, bread", "- tea\n- milk\n- bread"), ("comma separated please:\n- tea\n- milk\n- bread", "tea, milk, bread"),
        ("Classify: what is the weather like tomorrow", '{"intent":"weather"}'), ("Classify: please transfer 100 dollars to my savings account", '{"intent":"transfer"}'), ("Intent: book a flight to paris", '{"intent":"book_flight"}'), ("Classify: tell me a joke", '{"intent":"tell_joke"}'),
        ("Classify: how do you say hello in french", '{"intent":"translate"}'), ("who invented the telephone?", REFUSAL), ("translate 'house' to German", REFUSAL), ("explain quantum physics", REFUSAL), ("write a Python function that reverses a string", REFUSAL), ("write me a story about a dragon", REFUSAL), ("what is the capital of France?", REFUSAL), ("what is Weir?", TALK[7][0]), ("is this private?", TALK[9][0]), ("how do I use my own model?", TALK[11][0])]
MINI = [("6 * 7", "42"), ("what is 12 * 11?", product(12, 11)), ("56 / 8", "8 * 7 = 56, so 7"), ("Tom has 12 apples and buys 7 more. How many apples does Tom have?", "12 + 7 = 19"), ("There are 40 books in a box. Anna takes 15. How many remain?", "40 - 15 = 25"), ("what is 345 + 278?", "5+8=13, 4+7+1=12, 3+2+1=6\n345 + 278 = 623"), ("what is 900 - 350?", "0-0=0, 10-5=5, 9-3-1=5\n900 - 350 = 550")]


def candidates():
    out = [(m, [{"role": "user", "content": p}], a) for m, p, a in DEMO]
    out.append(("nano", [{"role": "user", "content": "what is 23 * 47?"}], REFUSAL))
    out.append(("nano", [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "what is 12 + 30?"}], "42"))
    four = []
    for p, a in (("hello", HELLO), ("what is 12 + 30?", "42"), ("turn on the kitchen light", '{"action":"on","device":"light","room":"kitchen"}')):
        four += [{"role": "user", "content": p}, {"role": "assistant", "content": a}]
    out.append(("nano", four + [{"role": "user", "content": "what day comes after Monday?"}], "Tuesday"))
    out += [("nano", [{"role": "user", "content": p}], a) for p, a in BOTH]
    out += [("mini", [{"role": "user", "content": p}], a) for p, a in MINI + BOTH]
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=["write", "check"])
    ap.add_argument("--number", type=int, default=50)
    a = ap.parse_args()
    if a.what == "write":
        rows = [dict(messages=m, expect=e, model=k) for k, m, e in candidates()]
    else:
        with open(PATH, encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
    with Served(SHIPPED) as weir:
        for r in rows:
            said = weir.say(r["model"], r["messages"])
            r["ok"] = said == r["expect"]
            if not r["ok"]:
                print("%sgolden %s - %r: said %r, not %r" % ("not ok " if a.what == "check" else "", r["model"], r["messages"][-1]["content"], said, r["expect"]))
    good = [r for r in rows if r["ok"]]
    if a.what == "check":
        print("%s golden - %d of %d prompts" % ("ok" if len(good) == len(rows) else "not ok", len(good), len(rows)))
        sys.exit(len(good) != len(rows))
    demo = [r["ok"] for r in rows[:len(DEMO)]]
    nano, mini = ([r for r in good if r["model"] == m] for m in ("nano", "mini"))
    half = max(a.number // 2, a.number - len(mini))
    pick = nano[:half] + mini[:a.number - len(nano[:half])]
    with open(PATH, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({k: r[k] for k in ("messages", "expect", "model")}, ensure_ascii=False) + "\n" for r in pick)
    print("demo prompts hold: %s; %d of %d hold, %d written" % (demo, len(good), len(rows), len(pick)))
    sys.exit(not (all(demo) and len(pick) == a.number))


if __name__ == "__main__":
    main()
