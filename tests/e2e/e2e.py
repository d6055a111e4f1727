# SPDX-License-Identifier: Apache-2.0
"""`weir` as its users meet it: serve, reload, drain, crash, keys, hosts, offline, and every command."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
from harness import ALPHABET, WEIR, Provider, QuietServer, free_port, make_model, raw_http, run_tests  # noqa: E402
import harness  # noqa: E402

harness.HERE = os.path.dirname(os.path.abspath(__file__))  # so that a failure names a line of this file

BASE = """
listen: {listen}
backends:
  - {{ name: device, tier: device, model: {tmp}/letters.gguf, slots: 2, context: 512 }}
{more}
ledger: {{ path: {tmp}/weir.db }}
facts: {{ override: {tmp}/facts.json }}
"""
CLOUD = """  - {{ name: cloud, tier: cloud, api: openai, url: "http://127.0.0.1:{upstream}/v1", model: m, retries: 0,
      price: {{ input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 }} }}
"""


def eventually(check, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"never happened: {what}")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(p) for p in f.read().split()]


def title(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().split(b"\0")[0].decode()
    except OSError:
        return ""


class Server:
    """One `weir serve` in a folder of its own."""

    def __init__(self, tmp, listen=None):
        self.tmp = tmp
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.base = f"http://127.0.0.1:{self.port}"
        self.config = tmp + "/weir.yaml"
        self.process = None
        with open(tmp + "/facts.json", "w") as f:
            f.write("{}")

    def write(self, more="", tail=""):
        with open(self.config, "w") as f:
            f.write(BASE.format(listen=self.listen, tmp=self.tmp, more=more) + tail)
        return self

    def start(self, *args, wait=True):
        self.log = open(self.tmp + "/log", "ab")
        self.process = subprocess.Popen([WEIR, "serve", "--config", self.config, *args], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        if wait:
            eventually(lambda: self.ready() or self.process.poll() is not None, "ready", 60)
            assert self.process.poll() is None, self.text()
        return self

    def ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def text(self):
        with open(self.tmp + "/log", errors="replace") as f:
            return f.read()

    def get(self, path, **headers):
        status, names, body = raw_http(self.base, "GET", path, headers=headers)
        return status, names, body

    def ask(self, text="hi", headers=None, **body):
        status, names, answer = raw_http(self.base, "POST", "/v1/chat/completions", {
            "model": "auto", "messages": [{"role": "user", "content": text}], **body}, headers)
        return status, names, json.loads(answer) if not body.get("stream") else answer

    def status(self):
        return json.loads(self.get("/weir/v1/status")[2])

    def run(self, *args, config=True, **kwargs):
        env = {**os.environ, "HOME": self.tmp, "XDG_DATA_HOME": self.tmp + "/data", "XDG_STATE_HOME": self.tmp + "/state",
               "NO_COLOR": "1"}
        if config:
            env["WEIR_CONFIG"] = self.config
        return subprocess.run([WEIR, *args], env=env, cwd=self.tmp, capture_output=True, text=True, timeout=120, **kwargs)

    def pids(self, prefix):
        return [p for p in children(self.process.pid) if title(p).startswith(prefix)]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)


MODEL = None


@contextlib.contextmanager
def server(more="", tail="", start=True, args=(), listen=None):
    global MODEL
    tmp = tempfile.mkdtemp(prefix="weir-e2e-")
    if MODEL is None:
        MODEL = tempfile.mkdtemp(prefix="weir-e2e-model-") + "/letters.gguf"
        make_model(MODEL)
    shutil.copy(MODEL, tmp + "/letters.gguf")
    s = Server(tmp, listen.format(tmp=tmp) if listen else None).write(more, tail)
    try:
        if start:
            s.start(*args)
        yield s
        s.stop()
        assert "Sanitizer" not in s.text() if os.path.exists(tmp + "/log") else True, s.text()[-3000:]
    finally:
        if s.process and s.process.poll() is None:
            s.process.kill()
            s.process.wait()
        shutil.rmtree(tmp, ignore_errors=True)


@contextlib.contextmanager
def provider(kind=Provider):
    p = QuietServer(("127.0.0.1", 0), kind)
    threading.Thread(target=p.serve_forever, daemon=True).start()
    Provider.bodies.clear()
    try:
        yield p.server_address[1]
    finally:
        p.shutdown()


# ---- answering -------------------------------------------------------------------------------------------------


def a_device_answer_has_a_receipt():
    with server() as s:
        status, names, answer = s.ask()
        assert status == 200 and answer["choices"][0]["message"]["content"] == ALPHABET, answer
        assert names["x-weir-tier"] == "device" and names["x-request-id"] == answer["weir"]["id"]
        status, _, receipt = s.get("/weir/v1/receipts/" + names["x-request-id"])
        receipt = json.loads(receipt)
        assert status == 200 and receipt["outcome"] == "ok" and receipt["legs"][0]["left_device_bytes"] == 0, receipt
        assert "rules" in receipt and receipt["total_us"] >= receipt["ttft_us"] >= 0


def a_prompt_is_escalated_and_both_legs_are_on_the_receipt():
    with provider() as up, server(CLOUD.format(upstream=up), "policy: { strategy: cascade, threshold: 1.0 }") as s:
        status, names, answer = s.ask("what is the meaning of all this?")
        assert status == 200 and names["x-weir-tier"] == "cloud", (status, names, answer)
        assert answer["choices"][0]["message"]["content"] == "The cloud says hello."
        assert [leg["tier"] for leg in answer["weir"]["legs"]][-1] == "cloud"
        assert answer["weir"]["cost_usd"] > 0 and len(Provider.bodies) == 1


def a_dead_cloud_gives_the_device_answer_and_says_so():
    with server(CLOUD.format(upstream=free_port()), "policy: { strategy: cascade, threshold: 1.0 }") as s:
        status, names, answer = s.ask("tell me", headers={"X-Weir-Strategy": "cascade"})
        assert status == 200 and names["x-weir-tier"] == "device", (status, names, answer)
        assert names["x-weir-degraded"] == "cloud_failed", names


def offline_is_said_and_nothing_leaves():
    with provider() as up, server(CLOUD.format(upstream=up), "policy: { strategy: cascade, threshold: 1.0 }") as s:
        assert s.run("offline", "on").returncode == 0
        status, names, answer = s.ask("tell me", weir={"disclose": "model"})
        assert status == 200 and names["x-weir-degraded"] == "offline" and names["x-weir-tier"] == "device", names
        assert answer["model"].endswith(" (offline)"), answer["model"]
        status, _, answer = s.ask("tell me", headers={"X-Weir-Mode": "only_in_cloud"})
        assert status == 503 and answer["error"]["code"] == "no_backend_available", answer
        assert Provider.bodies == []
        assert s.run("offline", "off").returncode == 0
        assert s.ask("tell me")[1]["x-weir-tier"] == "cloud"


def personal_data_is_replaced_on_the_way_out_and_restored():
    with provider() as up, server(CLOUD.format(upstream=up).replace("model: m,", "model: m-echo,")) as s:
        status, names, answer = s.ask("write to maria.lopez@corp-mail.com please", model="cloud")
        assert status == 200, answer
        sent = json.dumps(Provider.bodies[-1])
        assert "maria.lopez" not in sent and "<EMAIL_ADDRESS_1>" in sent, sent
        assert "maria.lopez@corp-mail.com" in answer["choices"][0]["message"]["content"], answer
        assert names["x-weir-redacted"] == "1" and answer["weir"]["legs"][0]["redactions"] == {"EMAIL_ADDRESS": 1}


def a_secret_never_leaves():
    key = "sk-proj-" + "a1B2c3D4e5" * 4
    with provider() as up, server(CLOUD.format(upstream=up), "policy: { threshold: 1.0 }") as s:
        status, names, answer = s.ask("my key is " + key)
        assert status == 200 and names["x-weir-tier"] == "device" and answer["weir"]["kept"]["type"] == "SECRET", answer
        status, _, answer = s.ask("my key is " + key, model="cloud")
        assert status == 403 and answer["error"]["code"] == "policy_forbids", answer
        assert Provider.bodies == []


def the_budget_is_a_wall():
    with provider() as up, server(CLOUD.format(upstream=up), "budget: { usd_per_day: 0.000001, on_exhausted: refuse }") as s:
        status, names, answer = s.ask(model="cloud", max_tokens=1000)
        assert status == 402 and answer["error"]["code"] == "budget_exhausted", answer
        assert names["x-should-retry"] == "false" and Provider.bodies == []


def a_stream_ends_with_done_and_one_weir():
    with server() as s:
        status, names, body = s.ask(stream=True)
        events = [e[6:] for e in body.decode().split("\n\n") if e.startswith("data: ")]
        assert status == 200 and events[-1] == "[DONE]", body
        chunks = [json.loads(e) for e in events[:-1]]
        assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == ALPHABET
        assert sum("weir" in c for c in chunks) == 1 and chunks[-1]["choices"][0]["finish_reason"] == "stop"


# ---- the door --------------------------------------------------------------------------------------------------


def strange_hosts_and_origins_are_refused():
    with server() as s:
        for headers, expected in (({"Host": "evil.example"}, 403), ({"Origin": "https://evil.example"}, 403),
                                  ({"Origin": "null"}, 403), ({"Origin": "http://localhost:3000"}, 200),
                                  ({"Host": "localhost"}, 200)):
            status, names, body = s.get("/v1/models", **headers)
            assert status == expected, (headers, status, body)
            assert names["x-request-id"].startswith("req_")
        status, names, _ = raw_http(s.base, "OPTIONS", "/v1/chat/completions", headers={
            "Origin": "http://localhost:3000", "Access-Control-Request-Headers": "authorization,x-stainless-lang"})
        assert status == 204 and "x-stainless-lang" in names["access-control-allow-headers"]


def unknown_paths_methods_and_models_say_so():
    with server() as s:
        for method, path, expected in (("GET", "/nothing", 404), ("GET", "/v1/chat/completions", 405),
                                       ("GET", "/v1/models/none", 404), ("GET", "/models/auto/", 200),
                                       ("GET", "/weir/v1/receipts/req_none", 404)):
            status, names, body = raw_http(s.base, method, path)
            assert status == expected and names["content-type"] == "application/json", (path, status, body)
            if status != 200:
                assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
        assert s.ask(model="gpt-nothing")[2]["error"]["code"] == "model_not_found"


def a_key_sees_its_own_receipts_and_admin_sees_all():
    with server(tail="auth: { keys_file: keys }", start=False) as s:
        keys = {}
        for name, extra in (("ann", ()), ("bob", ()), ("root", ("--admin",))):
            done = s.run("keys", "add", name, *extra, "--file", s.tmp + "/keys", config=False)
            assert done.returncode == 0 and done.stdout.startswith("weir_"), done
            keys[name] = {"Authorization": "Bearer " + done.stdout.strip()}
        s.start()
        assert s.ask()[0] == 401 and s.ask(headers={"Authorization": "Bearer nope"})[0] == 401
        ids = {n: s.ask(headers=keys[n])[1]["x-request-id"] for n in ("ann", "bob")}
        assert s.get("/weir/v1/receipts/" + ids["bob"], **keys["ann"])[0] == 404
        assert s.get("/weir/v1/receipts/" + ids["bob"], **keys["root"])[0] == 200
        listed = json.loads(s.get("/weir/v1/receipts", **keys["ann"])[2])["receipts"]
        assert [r["id"] for r in listed] == [ids["ann"]], listed
        assert raw_http(s.base, "POST", "/weir/v1/offline", {"on": True}, keys["ann"])[0] == 403
        with open(s.tmp + "/keys") as f:
            assert all(k["Authorization"][7:] not in f.read() for k in keys.values())


def a_unix_socket_serves_too():
    with server(listen="unix:{tmp}/weir.sock", start=False) as s:
        s.start(wait=False)
        eventually(lambda: os.path.exists(s.tmp + "/weir.sock"), "the socket")
        with socket.socket(socket.AF_UNIX) as u:
            eventually(lambda: not u.connect_ex(s.tmp + "/weir.sock"), "a connection")
            u.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert u.recv(4096).startswith(b"HTTP/1.1 200")
        assert s.run("ask", "hi").stdout.strip() == ALPHABET


# ---- processes -------------------------------------------------------------------------------------------------


def processes_are_named():
    with server(args=("--workers", "2")) as s:
        eventually(lambda: len(s.pids("weir: worker ")) == 2 and len(s.pids("weir: engine device")) == 1, "the children")
        assert title(s.process.pid) == "weir: supervisor"


def a_killed_engine_comes_back():
    with server() as s:
        old = eventually(lambda: s.pids("weir: engine"), "the engine")
        os.kill(old[0], signal.SIGKILL)
        eventually(lambda: s.pids("weir: engine") not in ([], old), "another engine")
        eventually(lambda: s.ask()[0] == 200, "an answer")


def a_killed_worker_comes_back_and_its_leg_is_lost():
    with provider() as up, server(CLOUD.format(upstream=up).replace("model: m,", "model: m-slow,")) as s:
        started = threading.Event()

        def stream():
            with contextlib.suppress(OSError, IndexError, ValueError):
                started.set()
                s.ask(model="cloud", stream=True)
        thread = threading.Thread(target=stream)
        thread.start()
        started.wait()
        eventually(lambda: Provider.bodies, "the leg upstream")
        old = s.pids("weir: worker")
        os.kill(old[0], signal.SIGKILL)
        thread.join(20)
        eventually(lambda: s.pids("weir: worker") not in ([], old), "another worker")
        eventually(s.ready, "ready again")

        def lost():
            receipts = json.loads(s.get("/weir/v1/receipts")[2])["receipts"]
            return any(leg["outcome"] == "lost" for r in receipts for leg in r["legs"])
        eventually(lost, "a receipt that says lost")


def a_reload_takes_the_new_file_and_keeps_the_old_one_when_broken():
    with provider() as up, server() as s:
        assert s.ask(model="cloud")[0] == 404
        s.write(CLOUD.format(upstream=up))
        s.process.send_signal(signal.SIGHUP)
        eventually(lambda: s.ask(model="cloud")[0] == 200, "the new backend")
        with open(s.config, "a") as f:
            f.write("\nno_such_key: 1\n")
        s.process.send_signal(signal.SIGHUP)
        eventually(lambda: "kept the old config" in s.text(), "the log line")
        assert "no_such_key" in s.text() and s.ask(model="cloud")[0] == 200


def a_drain_finishes_what_runs():
    with provider() as up, server(CLOUD.format(upstream=up).replace("model: m,", "model: m-slow,")) as s:
        result = []
        thread = threading.Thread(target=lambda: result.append(s.ask(model="cloud", stream=True, max_tokens=1)))
        Provider.bodies.clear()
        thread.start()
        eventually(lambda: Provider.bodies, "the leg upstream")
        began = time.monotonic()
        s.process.send_signal(signal.SIGTERM)
        s.process.wait(12)
        thread.join(5)
        assert s.process.returncode == 0 and time.monotonic() - began < 10, s.text()
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", s.port)) != 0  # the port is free


def two_weirs_do_not_share_a_ledger_or_a_port():
    with server() as s:
        again = s.run("serve", "--config", s.config)
        assert again.returncode == 1 and "in use" in again.stderr, again.stderr
        again = s.run("serve", "--config", s.config, "--listen", f"127.0.0.1:{free_port()}")
        assert again.returncode == 1 and "serves this ledger" in again.stderr, again.stderr


def a_bad_model_leaves_the_others_serving():
    with provider() as up, server(CLOUD.format(upstream=up), start=False) as s:
        with open(s.tmp + "/letters.gguf", "r+b") as f:
            f.truncate(1000)
        s.start()
        status, names, answer = s.ask()
        assert status == 200 and names["x-weir-tier"] == "cloud", answer
        backend = s.status()["backends"][0]
        assert not backend["usable"] and "letters.gguf" in backend["why"], backend
    with server(start=False) as s:
        os.unlink(s.tmp + "/letters.gguf")
        s.start(wait=False)
        assert s.process.wait(10) == 1 and "letters.gguf" in s.text()


def a_client_that_leaves_frees_its_slot():
    with server(start=False) as s:
        tool = os.path.dirname(MODEL) + "/gguf-make"
        subprocess.run([tool, "--mode", "chain", "--loop", "--context", "4096", s.tmp + "/letters.gguf"], check=True)
        s.write()
        with open(s.config) as f:
            text = f.read().replace("context: 512", "context: 4096")
        with open(s.config, "w") as f:
            f.write(text)
        s.start()
        body = json.dumps({"model": "device", "stream": True, "messages": [{"role": "user", "content": "go"}]})
        for _ in range(6):  # more than there are slots
            with socket.create_connection(("127.0.0.1", s.port)) as c:
                c.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                          .encode())
                assert c.recv(100).startswith(b"HTTP/1.1 200")
        eventually(lambda: s.status()["running"] == 0, "no flow left", 10)
        eventually(lambda: json.loads(s.get("/weir/v1/report")[2])["cancelled"] == 6, "six cancelled receipts", 10)


# ---- commands --------------------------------------------------------------------------------------------------


def ask_works_without_a_server_and_with_one():
    with server(start=False) as s:
        alone = s.run("ask", "hi")
        assert alone.returncode == 0 and alone.stdout.strip() == ALPHABET, alone
        s.start()
        done = s.run("ask", "--json", "hi")
        answer = json.loads(done.stdout)
        assert answer["text"] == ALPHABET and answer["weir"]["rules"], answer
        piped = s.run("ask", "-", input="hi from a pipe")
        assert piped.stdout.strip() == ALPHABET, piped
        assert len(json.loads(s.run("receipts", "--json").stdout)["receipts"]) == 3
        assert answer["weir"]["id"] in s.run("receipts").stdout
        assert "device" in s.run("receipts", answer["weir"]["id"]).stdout


def asks_side_by_side_all_get_their_answer():
    with server(start=False) as s:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(s.run("ask", "hi"))) for _ in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert [a.stdout.strip() for a in answers] == [ALPHABET] * 5, answers


def wrong_calls_say_how_it_is_done():
    with server(start=False) as s:
        for args in (["nonsense"], ["ask"], ["ask", "--mode", "fast", "x"], ["serve", "--workers", "0"], ["explain"],
                     ["ask", "--frobnicate", "x"], ["keys", "add"], ["models", "fly"], ["offline", "maybe"]):
            done = s.run(*args)
            assert done.returncode == 2 and done.stderr, (args, done)
        for name in ("serve", "ask", "chat", "explain", "receipts", "report", "doctor", "models", "backends", "keys",
                     "config", "offline", "redact", "forget"):
            done = s.run(name, "--help")
            assert done.returncode == 0 and "example" in done.stdout and "usage:" in done.stdout, name


def explain_runs_nothing():
    with provider() as up, server(CLOUD.format(upstream=up)) as s:
        done = s.run("explain", "--json", "--payload", "--tier", "cloud", "mail ada.byron@corp-mail.com now")
        told = json.loads(done.stdout)
        assert told["runs"] is False and told["decision"]["backends"] == ["cloud"], told
        assert "<EMAIL_ADDRESS_1>" in json.dumps(told["payload"]) and Provider.bodies == []
        assert s.run("explain", "what is 12 + 30?").returncode == 0
        assert json.loads(s.run("receipts", "--json").stdout)["receipts"] == []


def report_sums_up():
    with provider() as up, server(CLOUD.format(upstream=up)) as s:
        s.ask(model="device")
        s.ask(model="cloud")
        report = json.loads(s.run("report", "--json").stdout)
        assert report["requests"] == 2 and report["by_tier"]["device"]["requests"] == 1, report
        assert report["always_cloud_cost_usd"] > report["cost_usd"] > 0, report
        assert "always-cloud" in s.run("report", "--since", "1h").stdout
        assert s.run("report", "--since", "soon").returncode == 1


def config_check_prints_every_mistake():
    with server(start=False) as s:
        assert s.run("config", "check").returncode == 0
        s.write(tail="nonsense: 1\npolicy: { strategy: fly, quality: 7 }\n")
        done = s.run("config", "check")
        lines = done.stdout.strip().splitlines()
        assert done.returncode == 2 and len(lines) == 3 and all(":" in line for line in lines), done


def doctor_finds_what_is_wrong():
    with server(start=False) as s:
        done = s.run("doctor", "--json")
        checks = json.loads(done.stdout)["checks"]
        assert done.returncode == 0 and all(set(c) == {"name", "ok", "detail", "fix"} for c in checks), done.stdout
        os.unlink(s.tmp + "/letters.gguf")
        done = s.run("doctor", "--json")
        bad = [c for c in json.loads(done.stdout)["checks"] if not c["ok"]]
        assert done.returncode == 1 and bad and bad[0]["fix"], done.stdout


def a_model_is_added_and_used_without_a_restart():
    with server() as s:
        tool = os.path.dirname(MODEL) + "/gguf-make"
        subprocess.run([tool, "--mode", "chain", "--text", "xyz", "--name", "other", s.tmp + "/other.gguf"], check=True)
        done = s.run("models", "add", s.tmp + "/other.gguf", "--use")
        assert done.returncode == 0, done
        assert s.ask()[2]["choices"][0]["message"]["content"] == "xyz"
        listed = json.loads(s.run("models", "--json").stdout)["models"]
        assert [m["name"] for m in listed if m["in_use"]] == ["other"], listed
        bad = s.run("models", "add", s.config)
        assert bad.returncode == 1 and "GGUF" in bad.stderr, bad
        assert s.run("models", "rm", "other").returncode == 0


def backends_test_lists_and_calls():
    with provider() as up, server(CLOUD.format(upstream=up)) as s:
        done = s.run("backends", "test", "cloud")
        assert done.returncode == 0 and "cloud" in done.stdout and "ok" in done.stdout, done
        assert s.run("backends", "test", "nobody").returncode == 1
        assert "device" in s.run("backends").stdout


def chat_talks_through_a_pipe():
    with server() as s:
        done = s.run("chat", input="hello\n/why\n/tier cloud\n/tier\nagain\n/quit\n")
        assert done.returncode == 0 and done.stdout.count(ALPHABET) == 2, done


def metrics_and_health_are_there():
    with server() as s:
        s.ask()
        status, names, body = s.get("/metrics")
        assert status == 200 and b"weir_requests_total 1" in body and names["content-type"].startswith("text/plain")
        assert s.get("/healthz")[0] == 200 and s.status()["ready"]


def prompts_are_in_no_file():
    with provider() as up, server(CLOUD.format(upstream=up)) as s:
        word = "xylophonequartz"
        s.ask(f"tell me about {word}", model="cloud")
        s.ask(f"tell me about {word}")
        s.stop()
        for name in os.listdir(s.tmp):
            with open(os.path.join(s.tmp, name), "rb") as f:
                assert word.encode() not in f.read(), name


TESTS = [v for k, v in list(globals().items()) if callable(v) and getattr(v, "__module__", "") == "__main__" and
         k.islower() and k not in ("eventually", "children", "title", "server", "provider")]

if __name__ == "__main__":
    good = run_tests(TESTS, "e2e")
    if MODEL:
        shutil.rmtree(os.path.dirname(MODEL), ignore_errors=True)
    sys.exit(0 if good else 1)
