# SPDX-License-Identifier: Apache-2.0
"""Task detection on labelled prompts: accuracy and confusion.

Sets: our own (tasks.tsv; odd entries of a task are for development, even ones are held out and are not looked at while
words.c changes), and public ones where ../shared/data is there. Their labels are other than ours; what counts as right:

  clinc    requests to an assistant or a bank: command or intent; its small talk: chat; its sums, conversions, spellings,
           definitions and translations: what they are
  snips    command or extract (the utterances are orders to an assistant)
  gsm8k    math
  mtbench  first turns by category, see MTBENCH
"""
import collections
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "../../../shared/data")
TASKS = ("chat intent command extract classify rewrite summarise translate code math reason create knowledge").split()
CLINC_CHAT = set("""are_you_a_bot do_you_have_pets fun_fact goodbye greeting how_old_are_you maybe meaning_of_life no
 tell_joke thank_you what_are_your_hobbies what_can_i_ask_you what_is_your_name where_are_you_from who_do_you_work_for
 who_made_you yes user_name""".split())
CLINC_OTHER = {"calculator": {"math"}, "measurement_conversion": {"math"}, "translate": {"translate"},
               "definition": {"knowledge"}, "spelling": {"knowledge", "rewrite"}, "fun_fact": {"chat", "knowledge"},
               "meaning_of_life": {"chat", "knowledge"}, "improve_credit_score": {"command", "intent", "reason"}}
MTBENCH = {"writing": {"create", "rewrite"}, "roleplay": {"create", "chat", "math"}, "reasoning": {"reason", "math"},
           "math": {"math"}, "coding": {"code"}, "extraction": {"extract", "classify"},
           "stem": {"knowledge", "reason"}, "humanities": {"knowledge", "reason", "create"}}


def own():
    seen = collections.Counter()
    halves = {"own, development": [], "own, held out": []}
    with open(os.path.join(HERE, "tasks.tsv")) as f:
        for line in f:
            if line.startswith("#"):
                continue
            task, language, text = line.rstrip("\n").split("\t")
            halves["own, held out" if seen[task] % 2 else "own, development"].append((text, {task}, language))
            seen[task] += 1
    return halves


def public():
    sets = {}
    try:
        clinc = json.load(open(DATA + "/intents/clinc150.json"))
        for part in ("train", "test"):
            sets["clinc " + part] = [(t, CLINC_OTHER.get(i) or ({"chat"} if i in CLINC_CHAT else {"command", "intent"}), "en")
                                     for t, i in clinc[part]]
        for part in ("train", "validate"):
            rows = []
            for name in sorted(os.listdir(DATA + "/slots")):
                if part in name:
                    for item in next(iter(json.load(open(f"{DATA}/slots/{name}", encoding="latin-1")).values())):
                        rows.append(("".join(d["text"] for d in item["data"]), {"command", "extract"}, "en"))
            sets["snips " + part] = rows
        for part in ("train", "test"):
            with open(f"{DATA}/prompts/gsm8k_{part}.jsonl") as f:
                sets["gsm8k " + part] = [(json.loads(line)["question"], {"math"}, "en") for line in f]
        with open(DATA + "/prompts/mtbench_questions.jsonl") as f:
            rows = [json.loads(line) for line in f]
        sets["mtbench"] = [(r["turns"][0], MTBENCH[r["category"]], "en") for r in rows]
    except FileNotFoundError as e:
        print("skip public sets: no", e.filename)
    return sets


def guess(program, rows):
    text = b"".join(t.replace("\0", " ").encode() + b"\0" for t, _, _ in rows)
    out = subprocess.run([program], input=text, capture_output=True, check=True).stdout.decode().split("\n")
    return [tuple(line.split()) for line in out[:len(rows)]]


def measure(program, show_wrong=None):
    """Accuracy of each set; the confusion of our own held-out half."""
    result = {"sets": {}}
    for name, rows in {**own(), **public()}.items():
        got = guess(program, rows)
        right = sum(g[0] in want for g, (_, want, _) in zip(got, rows))
        result["sets"][name] = {"n": len(rows), "accuracy": round(right / len(rows), 4)}
        if name.startswith("own"):
            languages = sum(g[1] == l for g, (_, _, l) in zip(got, rows))
            result["sets"][name]["language_accuracy"] = round(languages / len(rows), 4)
            english = [g[0] in want for g, (_, want, l) in zip(got, rows) if l == "en"]
            result["sets"][name]["english"] = round(sum(english) / len(english), 4)
        if name == "own, held out":
            confusion = collections.Counter((next(iter(want)), g[0]) for g, (_, want, _) in zip(got, rows))
            result["confusion"] = {w: {g: confusion[w, g] for g in TASKS if confusion[w, g]} for w in TASKS}
        if show_wrong and name == show_wrong:
            for g, (text, want, language) in zip(got, rows):
                if g[0] not in want:
                    print(f"{'/'.join(sorted(want)):14} {g[0]:10} {language} {g[1]}  {text[:110]!r}")
    return result


def show(result):
    print(f"{'task detection':22} {'prompts':>8} {'right':>7} {'english':>8} {'language':>9}")
    for name, s in result["sets"].items():
        extra = f" {s['english']:8.3f} {s['language_accuracy']:9.3f}" if "english" in s else ""
        print(f"{name:22} {s['n']:8} {s['accuracy']:7.3f}{extra}")
    print("\nconfusion, own held-out half (rows: labelled; columns: guessed)")
    print(f"{'':10}" + "".join(f"{t[:5]:>6}" for t in TASKS))
    for w in TASKS:
        print(f"{w:10}" + "".join(f"{result['confusion'][w].get(g, 0) or '.':>6}" for g in TASKS))


if __name__ == "__main__":
    import sys
    show(measure(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
