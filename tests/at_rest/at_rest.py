# SPDX-License-Identifier: Apache-2.0
"""At rest: what a person can check about their data, with the real program and real files."""
import contextlib
import http.server
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
from harness import WEIR, free_port, raw_http, run_tests  # noqa: E402
import harness  # noqa: E402

harness.HERE = os.path.dirname(os.path.abspath(__file__))  # so that a failure names a line of this file

CONFIG = """
listen: 127.0.0.1:{port}
workers: {workers}
{auth}
backends:
  - {{ name: cloud, tier: cloud, api: openai, url: "http://127.0.0.1:{upstream}/v1", model: m, retries: 0, labels: [us, dpa],
      price: {{ input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 }} }}
policy: {{ strategy: cloud }}
privacy: {{ default: {privacy} }}
ledger: {{ path: {tmp}/weir.db{ledger} }}
"""
MAIL = "ada.byron@corp-mail.com"
ANSWER = b"""data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"fine"},"finish_reason":"stop"}]}

data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}

data: [DONE]

"""


class Recorder(http.server.BaseHTTPRequestHandler):
    """A provider that keeps the bytes as they came."""
    protocol_version = "HTTP/1.1"
    bodies = []
    scold = 0  # a status: answer with an error that repeats the body, as some providers do

    def log_message(self, *args):
        pass

    def do_POST(self):
        Recorder.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        if Recorder.scold:
            said = json.dumps({"error": {"message": "bad: " + json.dumps(json.loads(Recorder.bodies[-1])["messages"])}}).encode()
            self.send_response(Recorder.scold)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)


class Weir:
    def __init__(self, tmp, upstream, privacy="redact", ledger="", workers=1, auth=""):
        self.tmp, self.port, self.process = tmp, free_port(), None
        self.base = f"http://127.0.0.1:{self.port}"
        self.config = tmp + "/weir.yaml"
        with open(self.config, "w") as f:
            f.write(CONFIG.format(port=self.port, tmp=tmp, upstream=upstream, privacy=privacy, ledger=ledger,
                                  workers=workers, auth=auth))

    def start(self, **kwargs):
        self.log = open(self.tmp + "/log", "ab")
        self.process = subprocess.Popen([WEIR, "serve", "--config", self.config], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, **kwargs)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if raw_http(self.base, "GET", "/readyz")[0] == 200:
                    return self
            except OSError:
                pass
            assert self.process.poll() is None, open(self.tmp + "/log").read()
            time.sleep(0.02)
        raise AssertionError("never ready")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)

    def ask(self, text="hi", headers=None, **body):
        status, _, answer = raw_http(self.base, "POST", "/v1/chat/completions",
                                     {"model": "auto", "messages": [{"role": "user", "content": text}], **body}, headers)
        assert status == 200, answer
        return json.loads(answer)

    def run(self, *args, **kwargs):
        env = {**os.environ, "HOME": self.tmp, "NO_COLOR": "1", "WEIR_CONFIG": self.config}
        kwargs.setdefault("text", True)
        if "input" not in kwargs:
            kwargs["stdin"] = subprocess.DEVNULL
        return subprocess.run([WEIR, *args], env=env, cwd=self.tmp, capture_output=True, timeout=120, **kwargs)

    def json(self, *args):
        done = self.run(*args)
        assert done.returncode in (0, 1) and done.stdout, done
        return json.loads(done.stdout)

    def settled(self, receipts):
        """Waits until that many are on disk."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            done = self.run("receipts", "--verify", "--json")
            if done.stdout and json.loads(done.stdout)["receipts"] == receipts:
                return
            time.sleep(0.05)
        raise AssertionError(self.run("receipts", "--verify", "--json"))

    def holds(self, word):
        """Names of the ledger's files that hold these bytes."""
        found = []
        for name in sorted(os.listdir(self.tmp)):
            if name.startswith("weir.db"):
                with open(os.path.join(self.tmp, name), "rb") as f:
                    found += [name] if word.encode() in f.read() else []
        return found


@contextlib.contextmanager
def weir(start=True, **kwargs):
    tmp = tempfile.mkdtemp(prefix="weir-at-rest-")
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    Recorder.bodies = []
    Recorder.scold = 0
    w = Weir(tmp, upstream.server_address[1], **kwargs)
    try:
        yield w.start() if start else w
        w.stop()
        log = open(tmp + "/log").read() if os.path.exists(tmp + "/log") else ""
        assert "Sanitizer" not in log, log[-3000:]
    finally:
        w.stop()
        upstream.shutdown()
        upstream.server_close()
        shutil.rmtree(tmp, ignore_errors=True)


def change(w, *statements):
    with contextlib.closing(sqlite3.connect(w.tmp + "/weir.db", timeout=10)) as db:
        for s in statements:
            db.execute(s)
        db.commit()


# ---- proof ----

def the_payload_shown_is_the_payload_sent():
    for privacy in ("redact", "open"):
        with weir(privacy=privacy) as w:
            text = f'mail {MAIL} "quoted" \\ tab\t and \u00fc\u2028\U0001f600 </script> 4111 1111 1111 1111'
            shown = w.run("explain", "--payload", text, text=False)
            assert shown.returncode == 0 and Recorder.bodies == [], shown
            w.ask(text)
            assert shown.stdout == Recorder.bodies[0] + b"\n", (shown.stdout, Recorder.bodies)
            assert (MAIL.encode() in shown.stdout) == (privacy == "open"), shown.stdout
            body = {"model": "auto", "messages": [
                {"role": "system", "content": f"owner {MAIL}"},
                {"role": "user", "content": [{"type": "text", "text": "what\u2029now"}]}],
                "tools": [{"type": "function", "function": {"name": "f", "description": MAIL, "parameters": {
                    "type": "object", "properties": {"a": {"type": "number", "minimum": 1.50}}}}}],
                "temperature": 0.70, "seed": 12345678901234567, "stop": ["<END>"], "metadata": {"who": MAIL}, "max_tokens": 9}
            status, _, raw = raw_http(w.base, "POST", "/weir/v1/explain?payload=raw", body)
            assert status == 200, raw
            assert raw_http(w.base, "POST", "/v1/chat/completions", body)[0] == 200
            assert raw == Recorder.bodies[1], (raw, Recorder.bodies[1])


def a_receipt_lists_what_left_and_no_value():
    with weir() as w:
        rid = w.ask(f"tell {MAIL} and bob@corp-mail.com")["weir"]["id"]
        one = w.run("receipts", rid)
        assert "2 EMAIL_ADDRESS" in one.stdout and "bytes left this device to us, dpa" in one.stdout, one
        assert MAIL not in one.stdout and MAIL not in w.run("receipts", rid, "--json").stdout
        assert w.json("receipts", rid, "--json")["legs"][0]["left_device_bytes"] == len(Recorder.bodies[0])


def the_privacy_report_names_recipients_types_and_bytes():
    with weir() as w:
        for i in range(3):
            w.ask(f"tell {MAIL} number {i}")
        w.ask("plain")
        w.settled(4)
        report = w.json("report", "--privacy", "--json")
        assert report["requests"] == 4 and report["left_requests"] == 4, report
        assert report["left_device_bytes"] == sum(len(b) for b in Recorder.bodies), report
        assert report["redactions"] == {"EMAIL_ADDRESS": 3}, report
        to = report["recipients"][0]
        assert (to["backend"], to["model"], to["labels"], to["requests"]) == ("cloud", "m", ["us", "dpa"], 4), report
        shown = w.run("report", "--privacy").stdout
        assert "cloud" in shown and "[us, dpa]" in shown and "3 EMAIL_ADDRESS" in shown, shown
        w.stop()  # and without the server
        assert w.json("report", "--privacy", "--json")["left_device_bytes"] == report["left_device_bytes"]
    with weir() as w:
        status = raw_http(w.base, "POST", "/v1/chat/completions", {"model": "auto", "messages": [
            {"role": "user", "content": "use AKIAIOSFODNN7EXAMPLQ and ghp_0123456789abcdefghijABCDEFGHIJ012345"}]})[0]
        w.settled(1)
        report = w.json("report", "--privacy", "--json")
        assert status == 403 and Recorder.bodies == [] and report["left_requests"] == 0, (status, report)
        assert report["kept_requests"] == 1 and list(report["kept"]) == ["SECRET"], report
    with weir(privacy="open") as w:
        w.ask(f"tell {MAIL}")
        w.settled(1)
        report = w.json("report", "--privacy", "--json")
        assert report["left_in_clear"] == {"EMAIL_ADDRESS": 1}, report


def a_changed_ledger_is_noticed():
    with weir(workers=2) as w:
        ids = [w.ask(f"n {i}")["weir"]["id"] for i in range(6)]
        w.settled(6)
        done = w.run("receipts", "--verify")
        assert done.returncode == 0 and "whole" in done.stdout, done
        head = w.json("receipts", "--verify", "--json")["head"]["hash"]
        w.ask("one more")
        w.settled(7)
        assert w.run("receipts", "--verify", "--head", head).returncode == 0
        change(w, f"UPDATE receipts SET cost_nano=0 WHERE id='{ids[2]}'", f"DELETE FROM receipts WHERE id='{ids[4]}'")
        done = w.run("receipts", "--verify")
        assert done.returncode == 1 and ids[2] in done.stdout and ids[4] in done.stdout, done
        problems = {p["id"]: p["problem"] for p in w.json("receipts", "--verify", "--json")["problems"]}
        assert problems == {ids[2]: "changed", ids[4]: "removed"}, problems
    with weir(start=False) as w:
        assert w.run("receipts", "--verify").returncode == 1
        assert w.run("receipts", "--verify", "--last", "3").returncode == 2
        assert w.run("receipts", "--head", head).returncode == 2


def the_chain_survives_a_killed_worker():
    with weir(workers=2) as w:
        for i in range(10):
            w.ask(f"n {i}")
        children = open(f"/proc/{w.process.pid}/task/{w.process.pid}/children").read().split()
        os.kill(int(children[0]), signal.SIGKILL)
        for i in range(10):
            for _ in range(100):
                with contextlib.suppress(OSError, AssertionError):
                    w.ask(f"m {i}")
                    break
                time.sleep(0.05)
        w.stop()
        done = w.run("receipts", "--verify")
        assert done.returncode == 0, done


def no_word_of_a_prompt_is_in_any_file_log_or_metric():
    words = [f"zyzzyva{i}quux" for i in range(12)]
    mails = [f"zyzzyva{i}@corp-mail.com" for i in range(12)]
    for privacy in ("redact", "open", "local"):
        with weir(privacy=privacy, ledger=", keep_days: 30") as w:
            def post(i, **more):
                body = {"model": "auto", "user": f"u {words[i]}", "metadata": {"k": mails[i]}, "stop": [words[i]],
                        "messages": [{"role": "system", "content": words[i]}, {"role": "user", "name": "zyzzyva", "content": [
                            {"type": "text", "text": f"{words[i]} and {mails[i]}"}]}], **more}
                return raw_http(w.base, "POST", "/v1/chat/completions", body)
            post(0)
            post(1, stream=True)
            Recorder.scold = 400
            post(2)
            post(3, stream=True)
            Recorder.scold = 500
            post(4)
            post(5, temperature=words[5])           # refused before it is routed
            post(6, tools=[{"type": "function", "function": {"name": words[6], "description": mails[6]}}])
            raw_http(w.base, "POST", "/weir/v1/explain?payload=1", {"messages": [{"role": "user", "content": mails[7]}]})
            raw_http(w.base, "POST", "/weir/v1/redact", {"text": mails[8]})
            with socket.create_connection(("127.0.0.1", w.port)) as c:  # broken JSON, and a body that never ends
                c.sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 40\r\n\r\n{"' +
                          words[9].encode())
            raw_http(w.base, "POST", "/v1/completions", {"model": "auto", "prompt": f"{words[10]} {mails[10]}"})
            raw_http(w.base, "POST", "/weir/v1/feedback", {"id": words[11], "score": 1})
            said = b"".join(raw_http(w.base, "GET", path)[2] for path in (
                "/metrics", "/weir/v1/status", "/weir/v1/receipts?last=100", "/weir/v1/report", "/weir/v1/report?privacy=1"))
            w.stop()
            for name in sorted(os.listdir(w.tmp)):
                with open(os.path.join(w.tmp, name), "rb") as f:
                    said += name.encode() + b":" + f.read()
            at = said.find(b"zyzzyva")
            assert at < 0, (privacy, said[max(0, at - 300):at + 100])


def children(pid):
    return [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]


def a_crash_leaves_no_prompt():
    word = "zyzzyvadump"
    for full in ("full", ""):
        with weir(start=False) as w:
            os.environ["WEIR_CORE_DUMPS"] = full
            resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
            try:
                w.start(cwd=w.tmp)
            finally:
                del os.environ["WEIR_CORE_DUMPS"]
            for pid in [w.process.pid, *children(w.process.pid)]:
                assert full or resource.prlimit(pid, resource.RLIMIT_CORE) == (1, 1), pid
            with socket.create_connection(("127.0.0.1", w.port)) as c:  # the prompt is being read when the worker dies
                c.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\n{" +
                          word.encode() * 20)
                time.sleep(0.3)
                os.kill(children(w.process.pid)[0], signal.SIGABRT)
                time.sleep(0.5)
            w.stop()
            said = b"".join(open(os.path.join(w.tmp, n), "rb").read() for n in os.listdir(w.tmp))
            if full:  # where dumps go elsewhere, or a sanitizer forbids them, this much cannot be shown
                print(f"# a full dump {'holds' if word.encode() in said else 'was not written, or does not hold'} the prompt")
            else:
                assert word.encode() not in said


# ---- forgetting ----

def a_key_is_forgotten_while_the_server_runs():
    with weir(start=False, auth="") as w:
        w.config_text = open(w.config).read()
        with open(w.config, "w") as f:
            f.write(w.config_text.replace("\nbackends:", f"\nauth: {{ keys_file: {w.tmp}/keys }}\nbackends:", 1))
        keys = {}
        for name in ("anna-key", "bert-key"):
            done = w.run("keys", "add", name)
            keys[name] = {"Authorization": "Bearer " + [x for x in done.stdout.split() if x.startswith("weir_")][0]}
        w.start()
        for i in range(40):
            w.ask(f"n {i}", {**keys["anna-key" if i % 2 else "bert-key"], "X-Weir-Session": f"session-of-{i % 4}"})
        # not waited for: what the server still holds must go as well
        assert w.run("forget", "--key", "anna-key").returncode == 2, "nobody to ask, no --yes"
        told = w.json("forget", "--key", "anna-key", "--yes", "--json")
        assert told == {"forgotten": 20, "wal_busy": False}, told
        assert w.holds("anna-key") == [] and "weir.db" in w.holds("bert-key"), (w.holds("anna-key"), w.holds("bert-key"))
        check = w.json("receipts", "--verify", "--json")
        assert check["ok"] and (check["receipts"], check["forgotten"]) == (20, 20), check
        w.ask("again", keys["anna-key"])
        told = w.json("forget", "--session", "session-of-2", "--yes", "--json")
        assert told["forgotten"] == 10 and w.holds("session-of-2") == [], (told, w.holds("session-of-2"))
        assert w.run("receipts", "--verify").returncode == 0
        report = w.run("report", "--json")
        assert "no receipts" in w.run("forget", "--session", "session-of-2", "--yes").stdout, report


def forgetting_under_load_keeps_one_chain():
    with weir(workers=2) as w:
        stop = threading.Event()
        asked = [0] * 4

        def ask(i):
            while not stop.is_set():
                w.ask(f"n {asked[i]}", {"X-Weir-Session": f"s-{asked[i] % 3}"})
                asked[i] += 1
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        gone = 0
        for _ in range(4):
            told = w.json("forget", "--session", "s-1", "--yes", "--json")
            gone += told["forgotten"]
            assert not told["wal_busy"], told
            assert w.run("receipts", "--verify").returncode == 0, w.run("receipts", "--verify")
        stop.set()
        for t in threads:
            t.join()
        gone += w.json("forget", "--session", "s-1", "--yes", "--json")["forgotten"]
        w.stop()
        assert w.holds("s-1") == [] and gone == sum((n + 1) // 3 for n in asked), (gone, asked, w.holds("s-1"))
        check = w.json("receipts", "--verify", "--json")
        assert check["ok"] and check["receipts"] + check["forgotten"] == sum(asked) and check["forgotten"] == gone, check


def forgetting_asks_first_and_checks_its_words():
    with weir() as w:
        w.ask("n")
        w.settled(1)
        for wrong in (["forget"], ["forget", "--before", "soon", "--yes"], ["forget", "--key", "a", "--json"],
                      ["forget", "--before", "2026-13-01", "--yes"], ["forget", "x"]):
            assert w.run(*wrong).returncode == 2, wrong
        assert w.json("forget", "--before", "1h", "--yes", "--json")["forgotten"] == 0
        assert w.json("forget", "--before", "2000-01-01", "--yes", "--json")["forgotten"] == 0
        assert w.json("forget", "--before", "2200-01-01T00:00:00Z", "--yes", "--json")["forgotten"] == 1
        import pty
        w.ask("n")
        for answer, left in (("n\n", 1), ("y\n", 0)):
            pid, fd = pty.fork()
            if pid == 0:
                os.execve(WEIR, [WEIR, "forget", "--before", "2200-01-01"], {**os.environ, "WEIR_CONFIG": w.config})
            os.write(fd, answer.encode())
            shown = b""
            with contextlib.suppress(OSError):
                while chunk := os.read(fd, 4096):
                    shown += chunk
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and b"Erase" in shown, shown
            assert w.json("receipts", "--verify", "--json")["receipts"] == left, shown


# ---- sealing ----

def stored_prompts_are_sealed_and_read_with_the_key():
    word = "xylophonequartz"
    with weir(ledger=", store_prompts: true") as w:
        rid = w.ask(f"tell me about {word}", {"X-Weir-Session": "s-1"})["weir"]["id"]
        w.settled(1)
        assert w.holds(word) == [], w.holds(word)
        assert os.stat(w.tmp + "/weir.db.key").st_mode & 0o777 == 0o600
        assert json.loads(w.run("receipts", rid, "--prompt").stdout)["messages"][0]["content"] == f"tell me about {word}"
        os.rename(w.tmp + "/weir.db.key", w.tmp + "/elsewhere")
        done = w.run("receipts", rid, "--prompt")
        assert done.returncode == 1 and "weir.db.key" in done.stderr and done.stdout == "", done
        with open(w.tmp + "/weir.db.key", "w") as f:
            f.write("00" * 32)
        os.chmod(w.tmp + "/weir.db.key", 0o600)
        done = w.run("receipts", rid, "--prompt")
        assert done.returncode == 1 and "sealed with the key" in done.stderr, done
        os.rename(w.tmp + "/elsewhere", w.tmp + "/weir.db.key")
        assert w.run("receipts", rid, "--prompt").returncode == 0
        w.ask("many words, of which pages are full. " * 2000, {"X-Weir-Session": "s-1"})
        w.settled(2)
        assert "weir.db-wal" in w.holds("WSL1")  # how sealed bytes begin
        assert w.json("forget", "--session", "s-1", "--yes", "--json")["forgotten"] == 2
        assert w.run("receipts", rid, "--prompt").returncode == 1 and w.holds("WSL1") == [], w.holds("WSL1")
    with weir(start=False, ledger=", store_prompts: true, key_file: nowhere.key") as w:
        done = w.run("config", "check", w.config)
        assert done.returncode == 2 and "weir.yaml:10: ledger.key_file" in done.stderr + done.stdout, done


# ---- redacting ----

def redact_is_a_filter():
    with weir(start=False) as w:
        os.unlink(w.config)
        run = lambda *a, **k: subprocess.run([WEIR, "redact", *a], capture_output=True, text=True, cwd=w.tmp,  # noqa: E731
                                             env={**os.environ, "HOME": w.tmp}, timeout=60, **k)
        assert run(f"mail {MAIL}.").stdout == "mail <EMAIL_ADDRESS_1>.\n", run(f"mail {MAIL}.")
        assert run("-", input=f"mail {MAIL}").stdout == "mail <EMAIL_ADDRESS_1>"
        assert run("-", input=f"mail {MAIL}\n").stdout == "mail <EMAIL_ADDRESS_1>\n"
        assert run(input=f"mail {MAIL}\n").stdout == "mail <EMAIL_ADDRESS_1>\n"
        told = json.loads(run(f"\u00fc {MAIL}", "--json").stdout)
        f = told["findings"][0]
        assert told["text"] == "\u00fc <EMAIL_ADDRESS_1>" and f["type"] == "EMAIL_ADDRESS" and f["token"] == "<EMAIL_ADDRESS_1>"
        assert f"\u00fc {MAIL}".encode()[f["start"]:f["end"]].decode() == MAIL and 0 < f["score"] <= 1
        lines = [{"id": i, "text": f"to {MAIL} and user{i}@corp-mail.com"} for i in range(3000)]
        lines[7] = {"id": "x", "text": "nothing"}
        done = run("--jsonl", input="".join(json.dumps(x) + "\n" for x in lines))
        out = [json.loads(x) for x in done.stdout.splitlines()]
        assert done.returncode == 0 and [x["id"] for x in out] == [x["id"] for x in lines]
        assert out[9]["text"] == "to <EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2>" and len(out[9]["findings"]) == 2, out[9]
        assert out[7] == {"id": "x", "text": "nothing", "findings": []} and "corp-mail" not in done.stdout
        for threads in ("1", "3", "64"):
            assert run("--jsonl", "--threads", threads, input="".join(json.dumps(x) + "\n" for x in lines)).stdout == done.stdout
        done = run("--jsonl", input='{"id":1,"text":"a"}\n{"id":2}\n[1\n\n{"id":3,"text":"b"}')
        assert done.returncode == 1 and [json.loads(x)["id"] for x in done.stdout.splitlines()] == [1, 3], done
        assert "line 2:" in done.stderr and "line 3:" in done.stderr, done
        doc = {"to": MAIL, "n": [4111111111111111, 1.5, None, {MAIL: True}]}
        done = run("--format", "json", input=json.dumps(doc))
        assert json.loads(done.stdout) == {"to": "<EMAIL_ADDRESS_1>", "n": ["<CREDIT_CARD_1>", 1.5, None,
                                                                          {"<EMAIL_ADDRESS_1>": True}]}, done
        told = json.loads(run("--format", "json", "--json", input=json.dumps(doc)).stdout)
        assert told["redactions"] == {"EMAIL_ADDRESS": 1, "CREDIT_CARD": 1}, told
        assert run("--format", "json", input="{").returncode == 1 and run("--format", "xml", "x").returncode == 2
        assert run("a", "b").returncode == 2 and run("x", "--jsonl").returncode == 2


def redact_obeys_the_policy_when_told():
    with weir(start=False) as w:
        text = open(w.config).read()
        with open(w.config, "w") as f:
            f.write(text.replace("privacy: { default: redact }", 'privacy: { types: [CREDIT_CARD], allow: ["boss@corp-mail.com"], '
                                 'custom: [ { type: EMPLOYEE_ID, pattern: "\\\\bE[0-9]{6}\\\\b" } ] }'))
        line = f"{MAIL} boss@corp-mail.com E123456 4111 1111 1111 1111"
        assert w.run("redact", "--policy", line).stdout == f"{MAIL} boss@corp-mail.com <EMPLOYEE_ID_1> <CREDIT_CARD_1>\n", \
            w.run("redact", "--policy", line)
        assert w.run("redact", line).stdout == "<EMAIL_ADDRESS_1> <EMAIL_ADDRESS_2> <EMPLOYEE_ID_1> <CREDIT_CARD_1>\n"
        with open(w.config, "a") as f:
            f.write("nonsense: 1\n")
        done = w.run("redact", line)
        assert done.returncode == 1 and "weir.yaml:" in done.stderr and done.stdout == "", done


def redact_over_http():
    with weir() as w:
        status, _, raw = raw_http(w.base, "POST", "/weir/v1/redact", {"text": f"mail {MAIL}"})
        told = json.loads(raw)
        assert status == 200 and told["text"] == "mail <EMAIL_ADDRESS_1>" and told["findings"][0]["start"] == 5, raw
        for wrong in ({}, {"text": 1}, {"text": "x", "policy": 3}, [1]):
            status, _, raw = raw_http(w.base, "POST", "/weir/v1/redact", wrong)
            assert status == 400 and json.loads(raw)["error"]["code"] == "invalid_request", (wrong, raw)
        assert raw_http(w.base, "POST", "/weir/v1/redact", {"text": "x" * (1 << 21)})[0] == 413
        assert raw_http(w.base, "GET", "/weir/v1/redact")[0] == 405


TESTS = [v for k, v in list(globals().items()) if callable(v) and getattr(v, "__module__", "") == "__main__" and
         k.islower() and k not in ("weir", "change", "children")]

if __name__ == "__main__":
    sys.exit(0 if run_tests(TESTS, "at rest") else 1)
