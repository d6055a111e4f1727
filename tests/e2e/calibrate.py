# SPDX-License-Identifier: Apache-2.0
"""`weir calibrate` with real processes: the bundled pair, the teacher and its money, labels from the ledger."""
import json
import os
import shutil
import sys


import e2e
from e2e import CLOUD, Provider, eventually, free_port, provider, server
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
        answer = eventually(lambda: (lambda a: quality_of(a)["threshold_from"] == "calibration" and a)(
            s.ask("what is 4 + 5?")[2]), "the running server uses it", 10)
        assert abs(answer["weir"]["threshold"] - told["threshold"]) < 1e-4, (answer["weir"], told["threshold"])
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
        eventually(lambda: quality_of(s.ask("hi")[2])["supported"], "in force", 10)
        # X-Weir-Quality is read off the same table
        answer = s.ask("hi", headers={"X-Weir-Quality": "0.8"})[2]["weir"]
        assert abs(answer["threshold"] - lax["threshold"]) < 1e-4 and answer["quality"]["target"] == 0.8, answer
        nothing = s.run("calibrate", "--json")  # no feedback in this ledger
        assert nothing.returncode == 0 and json.loads(nothing.stdout)["n"] == 0, nothing
        assert json.loads(nothing.stdout)["more_labels_needed"] == 59


TESTS = [v for v in list(globals().values()) if callable(v) and getattr(v, "__module__", "") == "__main__" and
         v.__name__.islower() and v.__name__ not in ("write_sums", "outcomes", "quality_of")]

if __name__ == "__main__":
    e2e.harness.HERE = os.path.dirname(os.path.abspath(__file__))
    good = run_tests(TESTS, "calibrate")
    if e2e.MODEL:
        shutil.rmtree(os.path.dirname(e2e.MODEL), ignore_errors=True)
    sys.exit(0 if good else 1)
