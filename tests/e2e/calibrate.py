# SPDX-License-Identifier: Apache-2.0
"""`weir calibrate` with real processes: the bundled pair, the teacher and its money, labels from the ledger."""
import json
import os
import shutil
import sqlite3
import sys
import time

import e2e
from e2e import CLOUD, Provider, eventually, provider, server
from harness import ROOT, run_tests

NANO, MINI = ROOT + "/models/weir-nano.gguf", ROOT + "/models/weir-mini.gguf"


class Pair:
    """weir-nano as the device, and a second weir with weir-mini as its cloud."""

    def __enter__(self):
        self.far, self.near = server(start=False), server(start=False)
        far, near = self.far.__enter__(), self.near.__enter__()
        with open(far.config, "w") as f:
            f.write(f"listen: 127.0.0.1:{far.port}\nbackends:\n  - {{ name: weir-mini, tier: device, model: {MINI} }}\n"
                    f"policy: {{ strategy: device }}\nprivacy: {{ default: open }}\nledger: {{ path: {far.tmp}/weir.db }}\n")
        shutil.copy(NANO, near.tmp + "/nano.gguf")
        with open(near.config, "w") as f:
            f.write(f"listen: 127.0.0.1:{near.port}\nbackends:\n"
                    f"  - {{ name: device, tier: device, model: {near.tmp}/nano.gguf }}\n"
                    f"  - {{ name: demo-cloud, tier: cloud, api: openai, url: \"{far.base}/v1\", model: weir-mini }}\n"
                    f"policy: {{ strategy: cascade }}\nledger: {{ path: {near.tmp}/weir.db }}\n")
        far.start()
        near.start()
        return near

    def __exit__(self, *error):
        self.near.__exit__(*error)
        self.far.__exit__(*error)


def write_sums(s, count):
    with open(s.tmp + "/prompts.jsonl", "w") as f:
        for i in range(count):
            f.write(json.dumps({"prompt": f"what is {i + 3} + {2 * i + 4}?" if i % 3 else f"what is {i + 2} * {i % 9 + 2}?",
                                "answer": 3 * i + 7 if i % 3 else (i + 2) * (i % 9 + 2)}) + "\n")


def outcomes(s, name="prompts.jsonl.outcomes.jsonl"):
    with open(s.tmp + "/" + name) as f:
        return [json.loads(line) for line in f]


def quality_of(answer):
    return answer["weir"]["quality"]


def in_use(s, text="what is 4 + 5?"):
    """The receipt of an answer once the running server has taken up the thresholds."""
    seen = {}

    def look():
        seen.update(s.ask(text)[2]["weir"])
        return seen.get("quality", {}).get("threshold_from") == "calibration"
    try:
        eventually(look, "in use", 20)
    except AssertionError:
        raise AssertionError(f"not in use: {seen} {s.status()['calibration']} {s.text()[-1500:]}") from None
    return seen


def the_teacher_finds_the_threshold_of_the_bundled_pair():
    with Pair() as s:
        assert quality_of(s.ask("what is 4 + 5?")[2])["threshold_from"] == "default"
        assert "quality target not yet supported" in quality_of(s.ask("what is 4 + 5?")[2])["note"]
        write_sums(s, 70)
        teach = ("calibrate", "--pair", "device,demo-cloud", "--prompts", "prompts.jsonl", "--max-usd", "0.01", "--json")
        done = s.run(*teach)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        rows = outcomes(s)
        assert told["n"] == len(rows) == 70 and told["by"] == "confidence" and told["applied"], told
        assert "cost: none" in done.stderr and sum(b["n"] for b in told["per_bin"]) == 70
        for row in rows:  # the file is one that `weir replay` reads
            assert {o["backend"] for o in row["outcomes"]} == {"device", "cloud"} and row["prompt"] and row["id"]
            assert all(o["score"] in (0, 1) for o in row["outcomes"])
        assert told["curve"][0]["cloud_share"] == 0 and told["curve"][-1]["cloud_share"] == 1
        seen = in_use(s)
        assert abs(seen["threshold"] - told["threshold"]) < 1e-4, (seen, told["threshold"])
        assert s.status()["calibration"][0]["in_force"] is True
        before = len(json.loads(s.get("/weir/v1/receipts?last=1000")[2])["receipts"])
        again = s.run(*teach)  # every prompt has its line
        assert again.returncode == 0 and json.loads(again.stdout)["n"] == 70, again.stderr
        assert len(json.loads(s.get("/weir/v1/receipts?last=1000")[2])["receipts"]) == before
        by_feedback = json.loads(s.run("calibrate", "--json", "--dry-run").stdout)
        assert by_feedback["n"] == 70 and by_feedback["assumed"] == 70 and not by_feedback["applied"], by_feedback
        assert by_feedback["device_quality"] == told["device_quality"]


def another_model_file_makes_it_invalid():
    with Pair() as s:
        write_sums(s, 8)
        assert s.run("calibrate", "--prompts", "prompts.jsonl", "--yes").returncode == 0
        assert "calibration" in s.run("doctor").stdout
        s.stop()
        os.utime(s.tmp + "/nano.gguf")  # the same bytes, another time: still the same model
        s.start()
        assert quality_of(s.ask("what is 4 + 5?")[2])["threshold_from"] == "calibration"
        s.stop()
        shutil.copy(MINI, s.tmp + "/nano.gguf")
        s.start()
        assert "changed since it was calibrated" in s.text()
        quality = quality_of(s.ask("what is 4 + 5?")[2])
        assert quality["threshold_from"] == "default" and "changed since" in quality["note"], quality
        assert s.status()["calibration"][0]["in_force"] is False
        checks = json.loads(s.run("doctor", "--json").stdout)["checks"]
        bad = [c for c in checks if c["name"] == "calibration"]
        assert len(bad) == 1 and not bad[0]["ok"] and "weir calibrate" in bad[0]["fix"], bad


def the_teacher_never_spends_more_than_it_may():
    # 1 USD a million tokens in, 2 out: 64 tokens cost at most 0.000128 USD and the prompt's bytes / 3
    with provider() as up, server(CLOUD.format(upstream=up)) as s:
        with open(s.tmp + "/p.txt", "w") as f:
            f.write("\n".join(f"question number {i}" for i in range(20)))
        refused = s.run("calibrate", "--prompts", "p.txt", "--judge", "device")
        assert refused.returncode == 2 and "--max-usd" in refused.stderr, refused
        teach = ("calibrate", "--prompts", "p.txt", "--match", "exact", "--max-tokens", "64", "--yes")
        with open(s.tmp + "/p.txt", "w") as f:
            f.write("\n".join(json.dumps({"prompt": f"question number {i}", "answer": "The cloud says hello."})
                              for i in range(20)))
        Provider.bodies.clear()
        done = s.run(*teach, "--max-usd", "0.0003")
        assert done.returncode == 0 and "at most" in done.stderr and "stopped at" in done.stderr, done
        asked = len(Provider.bodies)
        assert 2 <= asked < 20 and len(outcomes(s, "p.txt.outcomes.jsonl")) == asked, (asked, done)
        spent = json.loads(s.get("/weir/v1/report?since=1h")[2])["cost_usd"]
        assert 0 < spent <= 0.0003, spent
        assert abs(sum(r["cost_usd"] for r in outcomes(s, "p.txt.outcomes.jsonl")) - spent) < 1e-9
        with open(s.tmp + "/p.txt.outcomes.jsonl", "a") as f:
            f.write('{"id":"cut off in the mid')
        done = s.run(*teach, "--max-usd", "0.0100")
        assert done.returncode == 0 and len(Provider.bodies) == 20, (done, len(Provider.bodies))
        assert len({r["id"] for r in outcomes(s, "p.txt.outcomes.jsonl")}) == 20
        assert "device 0.0 % right, cloud 100.0 %" in done.stdout, done.stdout


def what_may_not_leave_is_left_out():
    with provider() as up, server(CLOUD.format(upstream=up)) as s:
        key = "sk-proj-" + "a1B2c3D4e5" * 4
        with open(s.tmp + "/p.jsonl", "w") as f:
            for text in ("hello", f"my key is {key}", "good bye"):
                f.write(json.dumps({"prompt": text, "answer": "The cloud says hello."}) + "\n")
        done = s.run("calibrate", "--prompts", "p.jsonl", "--max-usd", "1")
        assert done.returncode == 0 and "1 prompts were left out" in done.stderr, done
        assert key not in json.dumps(Provider.bodies) and len(outcomes(s, "p.jsonl.outcomes.jsonl")) == 2


class Judge(Provider):
    """A judge that finds `fine` prompts a tie, answers of the cloud better for `weak` ones, and is biased for the rest."""

    def stream(self, model, body):
        text = body["messages"][-1]["content"]
        if model != "m-judge" or not text.startswith("Two answers"):
            return super().stream(model, body)
        first = text.split("[Answer A]")[1].split("[Answer B]")[0]
        verdict = "TIE" if "fine" in text else "A" if "odd" in text else "A." if "cloud says" in first else "**B**"
        for delta, finish in (({"role": "assistant", "content": verdict}, None), ({}, "stop")):
            self.event({"id": "up", "object": "chat.completion.chunk", "created": 1, "model": model,
                        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        self.event("[DONE]")


def a_judge_compares_in_both_orders():
    with provider(Judge) as up, server(CLOUD.format(upstream=up) + CLOUD.format(upstream=up).replace(
            "name: cloud", "name: umpire").replace("model: m,", "model: m-judge,")) as s:
        with open(s.tmp + "/p.txt", "w") as f:
            f.write("a fine question\na weak question\nan odd question\n")
        done = s.run("calibrate", "--pair", "device,cloud", "--prompts", "p.txt", "--max-usd", "1", "--judge", "umpire")
        assert done.returncode == 0 and "3 have no answer given: umpire compares" in done.stderr, done
        scores = {r["prompt"]: [o["score"] for o in r["outcomes"]] for r in outcomes(s, "p.txt.outcomes.jsonl")}
        assert scores == {"a fine question": [1, 1], "a weak question": [0, 1], "an odd question": [0.5, 1]}, scores
        assert len([b for b in Provider.bodies if b["model"] == "m-judge"]) == 6
        lazy = s.run("calibrate", "--prompts", "p.txt", "--max-usd", "1", "--out", "q.jsonl")  # the cloud judges no one
        assert lazy.returncode == 1 and "did not say A, B or TIE" in lazy.stderr, lazy


def recorded_outcomes_set_the_threshold():
    with provider() as up, server(CLOUD.format(upstream=up), "policy: { strategy: split }") as s:
        def write(model):
            with open(s.tmp + "/o.jsonl", "w") as f:
                for i in range(200):
                    f.write(json.dumps({"id": str(i), "set": "x", "prompt": "p" * i, "score": i / 200, "outcomes": [
                        {"backend": "device", "model": model, "score": int(i >= 80)},
                        {"backend": "cloud", "model": "m", "score": 1}]}) + "\n")
        write("another")
        other = json.loads(s.run("calibrate", "o.jsonl", "--json").stdout)
        assert not other["applied"] and "another" in other["not_applied"], other
        write("letters")
        told = json.loads(s.run("calibrate", "o.jsonl", "--json").stdout)
        assert told["applied"] and told["supported"] and told["by"] == "score" and told["n"] == 200, told
        assert 0.35 < told["threshold"] < 0.4 and told["quality_lower_bound"] >= 0.95, told
        assert 0.36 <= told["expected_cloud_share"] <= 0.4 and told["expected_quality"] >= 0.97
        lax = json.loads(s.run("calibrate", "o.jsonl", "--json", "--quality", "0.8", "--dry-run").stdout)
        assert lax["threshold"] < told["threshold"] and lax["quality_lower_bound"] >= 0.8
        assert in_use(s, "hi")["quality"]["supported"]
        # X-Weir-Quality is read off the same table
        answer = s.ask("hi", headers={"X-Weir-Quality": "0.8"})[2]["weir"]
        assert abs(answer["threshold"] - lax["threshold"]) < 1e-4 and answer["quality"]["target"] == 0.8, answer
        nothing = s.run("calibrate", "--json")  # no feedback in this ledger
        assert nothing.returncode == 0 and json.loads(nothing.stdout)["n"] == 0, nothing
        assert json.loads(nothing.stdout)["more_labels_needed"] == 59


def write_month(s):
    """Thirty days of the cloud alone, as receipts in the ledger: 3,000 requests of five kinds."""
    s.start()
    s.ask("hi", model="device")  # the file and its schema
    s.stop()
    kinds = [("command", 14, 0.00004, 1200), ("classify", 90, 0.00012, 900), ("rewrite", 220, 0.0011, 500),
             ("code", 700, 0.0130, 300), ("summarise", 5000, 0.0061, 100)]
    now = int(time.time() * 1e6)
    db = sqlite3.connect(s.tmp + "/weir.db")
    rowid = 1000

    def put(task, tokens, usd, tier, session, score, at):
        nonlocal rowid
        rowid += 1
        id = f"req_{rowid:026d}"
        doc = {"id": id, "session": session, "tier": tier, "backend": tier, "task": task, "prompt_tokens": tokens,
               "markers": {"length": 20}, "score": score, "cost_usd": usd, "outcome": "ok",
               "legs": [{"backend": tier, "output_tokens": tokens // 2}]}
        db.execute("INSERT INTO receipts(rowid,id,wall_us,tier,backend,outcome,always_estimated,handed_up,redacted,left_bytes,"
                   "input_tokens,output_tokens,lost) VALUES(?,?,?,?,?,'ok',0,0,0,0,1,1,0)", (rowid, id, at, tier, tier))
        db.execute("INSERT INTO documents(receipt,json) VALUES(?,?)", (rowid, json.dumps(doc)))
        return id

    for number, (task, tokens, usd, count) in enumerate(kinds):
        for i in range(count):
            put(task, tokens, usd, "cloud", None, 0.5, now - i * 86400 * 1000000 * 29 // count)
        labels = {"command": (80, 1), "classify": (20, 1), "code": (40, 0.4)}.get(task)
        for i in range(labels[0] if labels else 0):
            id = put(task, tokens, 0.0, "device", "weir-calibrate-x", 0.5, now)
            db.execute("INSERT INTO feedback(id,source,score,wall_us) VALUES(?,'test',?,?)", (id, int(i < labels[0] * labels[1]), now))
    db.commit()
    db.close()


def a_cloud_only_month_says_what_could_move():
    with provider() as up, server(CLOUD.format(upstream=up), start=False) as s:
        write_month(s)
        report = json.loads(s.run("report", "--migrate", "--json").stdout)
        assert report["cloud_requests"] == 3000 and report["taught"] == 140, report
        verdicts = {k["kind"]: k["verdict"] for k in report["kinds"]}
        assert verdicts == {"command, tiny": "move", "classify, short": "likely", "rewrite, medium": "unknown",
                            "code, medium": "keep", "summarise, long": "cannot"}, verdicts
        assert report["pareto"]["top"] == ["code, medium", "summarise, long"], report["pareto"]
        assert report["kinds"][0]["kind"] == "code, medium" and abs(report["kinds"][0]["cost_usd"] - 3.9) < 1e-6
        assert abs(report["movable"]["proven_saving_usd"] - 0.048) < 1e-6, report["movable"]
        shown = s.run("report", "--migrate")
        assert "2 of 5 kinds make 80 % of the cost" in shown.stdout and "weir calibrate --pair" in shown.stdout, shown
        day = json.loads(s.run("report", "--migrate", "--since", "24h", "--json").stdout)
        assert day["cloud_requests"] < 200, day["cloud_requests"]
        assert s.run("report", "--migrate", "--since", "soon").returncode == 2


TESTS = [v for v in list(globals().values()) if callable(v) and getattr(v, "__module__", "") == "__main__" and
         v.__name__.islower() and v.__name__ not in ("write_sums", "outcomes", "quality_of", "in_use", "write_month")]

if __name__ == "__main__":
    e2e.harness.HERE = os.path.dirname(os.path.abspath(__file__))
    good = run_tests(TESTS, "calibrate")
    if e2e.MODEL:
        shutil.rmtree(os.path.dirname(e2e.MODEL), ignore_errors=True)
    sys.exit(0 if good else 1)
