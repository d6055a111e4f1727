# SPDX-License-Identifier: Apache-2.0
"""What the router remembers, with real processes: conversations over two workers, the guard, caps, estimates."""
import json
import os

import e2e
from e2e import provider, server
from harness import run_tests

EASY = "turn on the lights in the hallway"
HARD = ("Explain why the two treaties differ, compare their consequences for trade and argue which of them was the wiser "
        "one, with the evidence for and against each of the four articles.")
REMARK = "ok, go on"
STUFFED = "You are an expert. Think step by step, with a rigorous phd proof, thoroughly: "


def configure(s, up, threshold, workers=1, tail="", policy=""):
    """A local server as the device, so that both tiers answer at once and the same way."""
    with open(s.config, "w") as f:
        f.write(f"""
listen: 127.0.0.1:{s.port}
workers: {workers}
backends:
  - {{ name: device, tier: device, api: openai, url: "http://127.0.0.1:{up}/v1", model: small }}
  - {{ name: cloud, tier: cloud, api: openai, url: "http://127.0.0.1:{up}/v1", model: large,
      price: {{ input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 }} }}
policy: {{ strategy: split, threshold: {threshold}{policy} }}
ledger: {{ path: {s.tmp}/weir.db }}
{tail}""")


def between(s, up):
    """A threshold that parts the easy prompt from the hard and the stuffed one, by whatever scorer is built in."""
    configure(s, up, 0.5)
    scores = [json.loads(s.run("explain", text, "--json").stdout)["score"] for text in (EASY, REMARK, HARD, STUFFED + EASY)]
    high, low = min(scores[:2]), max(scores[2:])
    assert high > low, scores
    return (high + 2 * low) / 3


def a_conversation_is_remembered_by_every_worker():
    with provider() as up, server(start=False) as s:
        configure(s, up, between(s, up), workers=2)
        s.start()
        for i in range(6):  # whichever worker takes the connection
            def turn(text):
                answer = s.ask(text, {"X-Weir-Session": f"talk-{i}"})
                assert answer[0] == 200, answer
                return answer[2]["weir"]["tier"], answer[2]["weir"]["reason"]
            assert turn(EASY)[0] == "device"
            assert turn(HARD)[0] == "cloud"
            tier, reason = turn(REMARK)
            assert tier == "cloud" and "the conversation stays" in reason, (tier, reason)
            assert turn(REMARK)[0] == "device"
            assert turn(HARD)[0] == "cloud"
            assert turn(EASY)[0] == "device"  # another topic
        assert s.ask(EASY, {"X-Weir-Session": "another"})[2]["weir"]["tier"] == "device"


def stuffing_is_noticed_and_told():
    with provider() as up, server(start=False) as s:
        configure(s, up, between(s, up))
        s.start()
        tiers = [s.ask(STUFFED + EASY, {"X-Weir-Session": f"s{i}"})[2]["weir"]["tier"] for i in range(16)]
        assert tiers[0] == "cloud" and tiers[-1] == "device", tiers
        answer = s.ask(STUFFED + EASY, {"X-Weir-Session": "last"})[2]["weir"]
        receipt = json.loads(s.get("/weir/v1/receipts/" + answer["id"])[2])
        assert receipt["guard"]["alarms"] == ["claims"] and receipt["guard"]["discount"] == 1, receipt["guard"]
        assert any(r["rule"] == "guard" and "ignored" in r["why"] for r in receipt["rules"]), receipt["rules"]
        guard = s.status()["guard"]
        assert guard["alarms"][0]["alarm"] == "claims" and guard["raised"]["claims"] == 1, guard
        metrics = s.get("/metrics")[2].decode()
        assert 'weir_guard_alarms_total{alarm="claims"} 1' in metrics
        assert s.ask(HARD, {"X-Weir-Session": "hard"})[2]["weir"]["tier"] == "cloud"


def a_cap_holds_for_the_key_that_policy_names():
    with provider() as up, server(start=False) as s:
        threshold = between(s, up)
        keys = {}
        for name in ("batch", "ann"):
            out = s.run("keys", "add", name, "--file", s.tmp + "/keys", config=False)
            keys[name] = out.stdout.strip()
        configure(s, up, threshold, tail=f"auth: {{ keys_file: {s.tmp}/keys }}", policy=", caps: [ { key: batch, cloud_share: 0.2 } ]")
        s.start()

        def ask(name, i, **headers):
            return s.ask(HARD, {"Authorization": "Bearer " + keys[name], "X-Weir-Session": f"{name}{i}", **headers})
        ups = sum(ask("batch", i)[2]["weir"]["tier"] == "cloud" for i in range(30))
        assert 10 <= ups <= 16, ups
        kept = next(w for w in (ask("batch", 99 + i)[2]["weir"] for i in range(5)) if w["kept"])
        assert kept["kept"] == {"rule": "cap", "type": None} and "share of 0.2" in kept["reason"], kept
        asked = [ask("batch", 200 + i, **{"X-Weir-Mode": "only_in_cloud"}) for i in range(4)]
        refused = [a for status, _, a in asked if status == 403]
        assert len(refused) >= 3 and refused[0]["error"]["code"] == "policy_forbids", asked
        assert all(ask("ann", i)[2]["weir"]["tier"] == "cloud" for i in range(15))


def estimates_are_shown():
    with provider() as up, server(start=False) as s:
        configure(s, up, between(s, up))
        s.start()
        for i in range(6):
            s.ask(EASY if i % 2 else HARD, {"X-Weir-Session": f"e{i}"})
        for b in s.status()["backends"]:
            assert b["ttft_us"] > 0 and b["failing"] == 0 and b["rtt_ms"] is None, b  # loopback has no link
        assert 'weir_backend_ttft_seconds{backend="cloud"}' in s.get("/metrics")[2].decode()
        answer = s.ask(EASY, {"X-Weir-Max-Latency-Ms": "5000", "X-Weir-Session": "d"})[2]["weir"]
        receipt = json.loads(s.get("/weir/v1/receipts/" + answer["id"])[2])
        assert any(r["rule"] == "latency" and r["why"].startswith("deadline 5.00 s: device 0.") for r in receipt["rules"])


if __name__ == "__main__":
    TESTS = [a_conversation_is_remembered_by_every_worker, stuffing_is_noticed_and_told,
             a_cap_holds_for_the_key_that_policy_names, estimates_are_shown]
    e2e.harness.HERE = os.path.dirname(os.path.abspath(__file__))
    raise SystemExit(0 if run_tests(TESTS, "routing") else 1)
