# SPDX-License-Identifier: Apache-2.0
"""The fault matrix against the whole program.

A cell is: script of the upstream x strategy x stream or not x transport. Its outcome follows from the script's row in
SCRIPTS and is checked at the client, at the upstream (how often was it asked?) and on the receipt. The same table is
printed by `python3 faults.py --table` into docs/internals/faults.md, and a test compares the two.
"""
import concurrent.futures
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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
import harness  # noqa: E402
from harness import WEIR, free_port, make_model  # noqa: E402

harness.HERE = HERE

WORDS = "one two three"
STRATEGIES = ("cloud", "fallback", "cascade", "split", "device")
RETRIES = 1

# script: (what it does, when it shows: ok | early | late, wire code, sends, text shown before the end)
#   early: nothing of the answer reached the client, so the next backend may answer
#   late:  text reached the client, so nobody else may
#   sends: requests that reach the upstream for one answer; 2 = tried again once
SCRIPTS = {
    "ok": ("a good stream", "ok", None, 1, WORDS),
    "whole": ("one JSON object in place of a stream", "ok", None, 1, WORDS),
    "no-done": ("finish reason, no [DONE]", "ok", None, 1, WORDS),
    "done-open": ("[DONE], then the connection stays open", "ok", None, 1, WORDS),
    "no-usage": ("no usage", "ok", None, 1, WORDS),
    "usage-twice": ("usage on every chunk, repeated", "ok", None, 1, "w1 w2 w3 "),
    "interim": ("100 Continue first", "ok", None, 1, WORDS),
    "refuse": ("nobody listens", "early", "upstream_failed", 0, ""),
    "no-name": ("a host name that does not exist", "early", "upstream_failed", 0, ""),
    "bad-cert": ("a certificate nobody vouches for (TLS)", "early", "upstream_failed", 0, ""),
    "hang": ("takes the request, never answers", "early", "deadline_exceeded", 1, ""),
    "stall-first": ("headers, then silence", "early", "deadline_exceeded", 1, ""),
    "drip": ("the first event comes byte by byte", "early", "deadline_exceeded", 1, ""),
    "comments": ("only comments, for ever", "early", "deadline_exceeded", 1, ""),
    "close": ("closes instead of answering", "early", "upstream_failed", 2, ""),
    "reset": ("resets instead of answering", "early", "upstream_failed", 2, ""),
    "not-http": ("answers, but not HTTP", "early", "upstream_failed", 1, ""),
    "header-flood": ("7 MB of headers", "early", "upstream_failed", 1, ""),
    "500": ("500", "early", "upstream_failed", 2, ""),
    "503": ("503, Retry-After: 3", "early", "upstream_failed", 1, ""),
    "429": ("429, Retry-After: 7", "early", "rate_limited", 1, ""),
    "429-ms": ("429, retry-after-ms: 50", "early", "rate_limited", 2, ""),
    "401": ("401, repeats half of the key", "early", "upstream_failed", 1, ""),
    "403": ("403", "early", "upstream_failed", 1, ""),
    "400": ("400", "early", "invalid_request", 1, ""),
    "404": ("404", "early", "upstream_failed", 1, ""),
    "302": ("302", "early", "upstream_failed", 1, ""),
    "context": ("400, context_length_exceeded", "early", "context_length_exceeded", 1, ""),
    "html": ("200 with a web page", "early", "upstream_failed", 1, ""),
    "html-502": ("502 with a web page", "early", "upstream_failed", 2, ""),
    "malformed": ("JSON that is none", "early", "upstream_failed", 1, ""),
    "truncated": ("JSON that stops, well framed", "early", "upstream_failed", 1, ""),
    "short": ("JSON that stops, badly framed", "early", "upstream_failed", 1, ""),
    "cut-first": ("cut before the first event", "early", "upstream_failed", 1, ""),
    "garbage-first": ("the first event is garbage", "early", "upstream_failed", 1, ""),
    "error-first": ("an error as the first event", "early", "upstream_failed", 1, ""),
    "big": ("a JSON body of 50 MB", "early", "upstream_failed", 1, ""),
    "big-error": ("500 with a body of 50 MB", "early", "upstream_failed", 2, ""),
    "big-event": ("one event of 50 MB", "early", "upstream_failed", 1, ""),
    "stall": ("three words, then silence", "late", "deadline_exceeded", 1, WORDS),
    "drip-late": ("a word, then comments for ever", "late", "deadline_exceeded", 1, "one "),
    "endless": ("words for ever", "late", "deadline_exceeded", 1, None),
    "cut": ("cut after three words", "late", "upstream_failed", 1, WORDS),
    "cut-clean": ("three words, closed politely, no end", "late", "upstream_failed", 1, WORDS),
    "cut-done": ("three words, [DONE], no finish reason", "late", "upstream_failed", 1, WORDS),
    "garbage": ("three words, then a broken event", "late", "upstream_failed", 1, WORDS),
    "utf8": ("three words, then invalid UTF-8", "late", "upstream_failed", 1, WORDS),
    "error": ("three words, then an error event", "late", "upstream_failed", 1, WORDS),
}
# Those that make a difference when the backend speaks Anthropic's Messages API.
ANTHROPIC = ("ok", "hang", "500", "401", "html", "garbage-first", "stall", "cut", "cut-clean", "error")
STATUS = {"upstream_failed": 502, "deadline_exceeded": 504, "rate_limited": 429, "invalid_request": 400,
          "context_length_exceeded": 400, "no_backend_available": 503}
KEPT = ("close", "reset")  # asked twice when it happens on a kept connection
ONLY_HTTP_1 = ("interim", "not-http")  # raw bytes of HTTP/1.1
NEED_OWN_SERVER = ("refuse", "no-name", "bad-cert")

CONFIG = """
listen: 127.0.0.1:{port}
backends:
  - {{ name: device, tier: device, model: {tmp}/letters.gguf, slots: 4, context: 512 }}
  - {{ name: cloud, tier: cloud, api: {api}, url: "{url}", model: m, key_env: FAULTS_KEY, retries: {retries},
      price: {{ input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 }},
      timeout: {{ connect_ms: {connect}, first_token_ms: {first}, idle_ms: {idle}, total_ms: {total} }} }}
policy: {{ strategy: cascade, threshold: {threshold} }}
privacy: {{ default: open }}
ledger: {{ path: {tmp}/weir.db }}
"""
KEY = "sk-faults-secret-4711-abcdef"
# One busy machine may need a while even for a good answer: wide enough for that, small enough for a minute.
SETTINGS = {"connect": 2000, "first": 500, "idle": 500, "total": 900, "retries": RETRIES, "threshold": "1.0",
            "api": "openai"}
# A debug build under sanitizers takes its time over 8 MiB.
SLOW_SCRIPTS = ("big", "big-error", "big-event", "header-flood")


# ---- the upstream ----

class Upstream:
    def __init__(self, tmp):
        self.ca = tmp + "/ca.pem"
        self.process = subprocess.Popen([self.program(tmp), self.ca], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ports = json.loads(self.process.stdout.readline())
        self.port, self.tls_port, self.h2_port = ports["port"], ports["tls_port"], ports["h2_port"]

    @staticmethod
    def program(tmp):
        built = os.path.join(os.path.dirname(os.path.abspath(WEIR)), "tests", "bad_upstream")
        sources = [os.path.join(ROOT, "tests/support", n) for n in ("bad_upstream.c", "bad_upstream_main.c")]
        if os.path.exists(built) and os.path.getmtime(built) >= max(os.path.getmtime(s) for s in sources):
            return built
        made = tmp + "/bad_upstream"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-I", ROOT + "/tests", "-o", made, *sources, "-lssl", "-lcrypto",
                        "-lpthread"], check=True)
        return made

    def log(self, marker):
        text = raw(self.port, "GET", "/_log", timeout=30).body.decode(errors="replace")
        return [json.loads(line, strict=False) for line in text.splitlines() if marker in line]

    def url(self, tls):
        return f"https://127.0.0.1:{self.tls_port}/v1" if tls else f"http://127.0.0.1:{self.port}/v1"

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


# ---- a client that sees every byte ----

class Answer:
    def __init__(self, status, headers, body, clean):
        self.status, self.headers, self.body, self.clean = status, headers, body, clean

    def json(self):
        return json.loads(self.body)

    def events(self):
        return [e[6:] for e in self.body.decode().split("\n\n") if e.startswith("data: ")]


def dechunk(data):
    """(bytes, whether the last chunk came)"""
    out = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        n = int(size or b"-1", 16)
        if n == 0:
            return out, True
        out, data = out + rest[:n], rest[n + 2:]
        if len(rest) < n + 2:
            break
    return out, False


def parse(data):
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    clean = True
    if headers.get("transfer-encoding") == "chunked":
        rest, clean = dechunk(rest)
    elif "content-length" in headers:
        clean = len(rest) == int(headers["content-length"])
    return Answer(int(lines[0].split()[1]), headers, rest, clean)


def request_bytes(port, method, path, body=None, headers=None):
    data = json.dumps(body).encode() if body is not None else b""
    head = {"Host": f"127.0.0.1:{port}", "Connection": "close", "Content-Type": "application/json",
            "Content-Length": str(len(data)), **(headers or {})}
    lines = "".join(f"{k}: {v}\r\n" for k, v in head.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + data


def raw(port, method, path, body=None, headers=None, timeout=20):
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(request_bytes(port, method, path, body, headers))
        answer = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while part := s.recv(65536):
                answer += part
    return parse(bytes(answer))


# ---- weir ----

class Server:
    def __init__(self, tmp, url, model, env=None, **settings):
        self.tmp, self.port = tmp, free_port()
        os.makedirs(tmp)
        os.symlink(model, tmp + "/letters.gguf")
        with open(tmp + "/weir.yaml", "w") as f:
            f.write(CONFIG.format(port=self.port, tmp=tmp, url=url, **{**SETTINGS, **settings}))
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "SSL_CERT_FILE"}
        self.log = open(tmp + "/log", "wb")
        self.process = subprocess.Popen([WEIR, "serve", "--config", tmp + "/weir.yaml"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env={**clean, "FAULTS_KEY": KEY, **(env or {})})
        self.wait_ready()

    def text(self):
        with open(self.tmp + "/log", errors="replace") as f:
            return f.read()

    def wait_ready(self):
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit("weir ended:\n" + self.text()[-3000:])
            with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
                if self.ask("ready?", "device", False, timeout=5).status == 200:
                    return
            time.sleep(0.05)
        raise SystemExit("weir did not become ready:\n" + self.text()[-3000:])

    @staticmethod
    def body(text, stream, **more):
        return {"model": "auto", "messages": [{"role": "user", "content": text}], "stream": stream, "max_tokens": 12, **more}

    @staticmethod
    def headers(strategy):
        # `fallback` goes to the cloud first because the caller prefers it; the others need no help.
        return {"X-Weir-Mode": "prefer_in_cloud"} if strategy == "fallback" else {"X-Weir-Strategy": strategy}

    def ask(self, text, strategy, stream, timeout=20, **more):
        return raw(self.port, "POST", "/v1/chat/completions", self.body(text, stream, **more), self.headers(strategy),
                   timeout)

    def receipt(self, request_id):
        deadline = time.monotonic() + 5
        while True:
            a = raw(self.port, "GET", f"/weir/v1/receipts/{request_id}")
            if a.status == 200 or time.monotonic() > deadline:
                return a.json()
            time.sleep(0.02)

    def breaker(self):
        backends = raw(self.port, "GET", "/weir/v1/status").json()["backends"]
        return [b["breaker"] for b in backends if b["name"] == "cloud"][0]

    def pids(self, prefix):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            pids = [int(p) for p in f.read().split()]
        out = []
        for pid in pids:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                if f.read().startswith(prefix.encode()):
                    out.append(pid)
        return out

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return "the server did not end within 20 s of SIGTERM"
        text = self.text()
        if "Sanitizer" in text or "runtime error" in text or "assert" in text.lower():
            return "sanitizer report or failed assertion:\n" + text[-3000:]
        if KEY in text:
            return "the key is in the log"
        return None


# ---- one cell ----

class Wrong(Exception):
    pass


class Busy(Exception):
    """The machine was too slow for the tight time-outs of the matrix: nothing was learnt."""


def must(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(w) for w in what))


def stream_parts(answer):
    """(text, error or None, finish reasons, ended with [DONE])"""
    text, error, finishes = "", None, []
    events = answer.events()
    for e in events:
        if e == "[DONE]":
            continue
        must(error is None, "an event after the error event")
        chunk = json.loads(e)
        if chunk.get("error"):
            error = chunk["error"]
            continue
        for choice in chunk.get("choices", []):
            text += choice.get("delta", {}).get("content") or ""
            if choice.get("finish_reason"):
                finishes.append(choice["finish_reason"])
    return text, error, finishes, bool(events) and events[-1] == "[DONE]"


def check_error_body(error, code):
    must(error["code"] == code, "code", error["code"], "instead of", code, ":", error["message"])
    must(error["message"], "an empty message")
    for secret in (KEY, "sk-test", "127.0.0.1", "http://", "https://"):
        must(secret not in error["message"], "the message shows", secret, ":", error["message"])
    must(set(error) >= {"message", "type", "param", "code"}, "keys of the error:", list(error))


def check_good(answer, stream, text, degraded):
    must(answer.status == 200, "status", answer.status, answer.body[:300])
    must(answer.clean, "the framing of the answer is broken")
    if stream:
        shown, error, finishes, done = stream_parts(answer)
        must(error is None, "error in a good stream", error)
        must(done and finishes, "no [DONE] or finish reason")
    else:
        shown = answer.json()["choices"][0]["message"]["content"]
        must(answer.json()["choices"][0]["finish_reason"], "no finish reason")
    must(shown == text if text is not None else shown, "text", repr(shown), "instead of", repr(text))
    must(answer.headers.get("x-weir-degraded") == degraded or stream, "degraded",
         answer.headers.get("x-weir-degraded"), "instead of", degraded)


def check_broken(answer, stream, code, text):
    """Text was on its way when it broke."""
    if not stream:
        must(answer.status == STATUS[code], "status", answer.status, "instead of", STATUS[code])
        check_error_body(answer.json()["error"], code)
        return
    must(answer.status == 200, "status", answer.status)
    shown, error, finishes, done = stream_parts(answer)
    must(not done, "a broken stream ended with [DONE]")
    must(not finishes, "a broken stream has the finish reason", finishes)
    must(error, "a broken stream without an error event:", answer.body[-300:])
    check_error_body(error, code)
    must(shown == text if text is not None else shown, "text", repr(shown), "instead of", repr(text))


def check_refused(answer, code):
    must(answer.status == STATUS[code], "status", answer.status, "instead of", STATUS[code], answer.body[:300])
    must(answer.clean, "the framing of the error is broken")
    must(answer.headers["content-type"].startswith("application/json"), answer.headers["content-type"])
    check_error_body(answer.json()["error"], code)


def check_receipt(receipt, strategy, when, degraded, sends):
    outcome = {"ok": "ok", "late": "partial"}.get(when, "ok" if strategy != "cloud" else "failed")
    must(receipt["outcome"] == outcome, "outcome", receipt["outcome"], "instead of", outcome)
    must(receipt["degraded"] == degraded, "degraded", receipt["degraded"], "instead of", degraded)
    cloud = [leg for leg in receipt["legs"] if leg["backend"] == "cloud"]
    if degraded == "offline" and not cloud:
        return  # known to be offline: not even tried
    if receipt["outcome"] == "failed" and not receipt["legs"]:
        return
    if degraded == "cloud_failed" and not cloud and strategy == "split":  # it failed so often that the device went first
        must("hardly works" in receipt["reason"], "no cloud leg, and the reason is", receipt["reason"])
        return
    must(len(cloud) == 1, len(cloud), "cloud legs")
    must((cloud[0]["outcome"] == "ok") == (when == "ok"), "the cloud leg is", cloud[0]["outcome"])
    must(when == "ok" or cloud[0]["error"], "a failed leg without an error")
    must(cloud[0]["left_device_bytes"] > 0 or sends == 0, "nothing left the device, it says")
    if when == "ok":
        must(cloud[0]["cost_usd"] is not None, "no cost")


def check_cell(server, upstream, script, strategy, stream, marker):
    what, when, code, sends, text = SCRIPTS[script]
    began = time.monotonic()
    answer = server.ask(f"hi [[{script}]] {marker}", strategy, stream)
    took = time.monotonic() - began
    asked = upstream.log(marker)
    if code != "deadline_exceeded" and strategy != "device":
        receipt = server.receipt(answer.headers["x-request-id"])
        if any(leg["outcome"] == "timeout" for leg in receipt.get("legs", [])):
            raise Busy(receipt["legs"])
    if strategy == "device":
        check_good(answer, stream, None, None)
        must(not asked, "the upstream was asked", len(asked), "times")
        return
    degraded = None
    if when == "early" and strategy != "cloud":
        degraded = "offline" if script == "no-name" else "cloud_failed"
    if when == "ok":
        check_good(answer, stream, text, None)
    elif when == "late":
        check_broken(answer, stream, code, text)
    elif strategy == "cloud":
        if script == "no-name" and answer.status == 503:
            code = "no_backend_available"  # the second time it is known to be offline, and is not even tried
        check_refused(answer, code)
        if script == "429":
            must(answer.headers.get("retry-after") == "7", "Retry-After", answer.headers.get("retry-after"))
    else:
        check_good(answer, stream, None, degraded)
    most = (1, sends) if script in KEPT else (sends,)
    must(len(asked) in most, "the upstream was asked", len(asked), "times instead of", sends)
    must(all(KEY in line["head"] or line["head"] == "HTTP/2" for line in asked), "asked without the key")
    must(took < 10, f"{took:.1f} s")
    check_receipt(server.receipt(answer.headers["x-request-id"]), strategy, when, degraded, sends)


# ---- the matrix ----

class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.good, self.bad = {}, []

    def cell(self, name, script, fn):
        try:
            fn()
            with self.lock:
                self.good.setdefault(script, []).append(name)
        except Exception as e:  # noqa: BLE001 - a wrong cell, whatever it was
            kind = "" if isinstance(e, Wrong) else type(e).__name__ + ": "
            with self.lock:
                self.bad.append(f"not ok faults - {name}: {kind}{str(e)[:500]}")
                print(self.bad[-1], flush=True)


def close_breaker(server, script):
    """Good answers in between, or the breaker rightly opens: after five bad ones in a row, or more bad than good."""
    if script in NEED_OWN_SERVER:
        return
    for _ in range(SCRIPTS[script][3]):
        server.ask("before [[ok]]", "cloud", False)
    deadline = time.monotonic() + 30
    while server.breaker() != "closed" and time.monotonic() < deadline:
        time.sleep(0.3)
        server.ask("before [[ok]]", "cloud", False)


def patiently(server, script, check):
    for attempt in range(5):
        try:
            if SCRIPTS[script][1] != "ok":
                close_breaker(server, script)
            return check(attempt)
        except Busy as e:
            last = e
            time.sleep(0.3)
    raise last


def run_scripts(server, upstream, scripts, strategies, transport, tally):
    """All cells of these scripts on one server, one after the other: the breaker judges what came in a row."""
    for script in scripts:
        for strategy in strategies:
            for stream in (True, False):
                name = f"{script} / {strategy} / {'stream' if stream else 'whole'} / {transport}"
                marker = f"cell-{abs(hash(name))}"
                tally.cell(name, script, lambda s=script, y=strategy, t=stream, m=marker: patiently(
                    server, s, lambda n: check_cell(server, upstream, s, y, t, f"{m}-{n}-")))


def shares(scripts, n):
    """Deals the scripts out so that the slow ones are spread."""
    slow = [s for s in scripts if SCRIPTS[s][2] == "deadline_exceeded"]
    rest = [s for s in scripts if s not in slow]
    out = [[] for _ in range(n)]
    for i, s in enumerate(slow + rest):
        out[i % n].append(s)
    return out


def plan(tmp, upstream, wanted):
    """(name of the server's folder, url, environment, settings, scripts, strategies, transport)"""
    jobs = []
    ordinary = [s for s in SCRIPTS if s in wanted and s not in NEED_OWN_SERVER and s not in SLOW_SCRIPTS]
    heavy = [s for s in SLOW_SCRIPTS if s in wanted]
    relaxed = {"first": 8000, "idle": 8000, "total": 9000}
    unreachable = {"first": 5000, "total": 6000, "connect": 5000, "retries": 0}
    for tls in (False, True):
        transport = "tls" if tls else "plain"
        env = {"SSL_CERT_FILE": upstream.ca}
        for i, share in enumerate(shares(ordinary, 4)):
            jobs.append((f"{transport}{i}", upstream.url(tls), env, {}, share, STRATEGIES, transport))
        jobs.append((f"{transport}-heavy", upstream.url(tls), env, relaxed, heavy, STRATEGIES, transport))
        # Five failures in a row open the breaker: an upstream that is never there gets four on each server.
        scheme = "https" if tls else "http"
        for i, strategies in enumerate((STRATEGIES[:2], STRATEGIES[2:])):
            for script, url in (("refuse", f"{scheme}://127.0.0.1:{free_port()}/v1"),
                                ("no-name", f"{scheme}://no-such-host.invalid/v1")):
                jobs.append((f"{transport}-{script}{i}", url, env, unreachable, [script] if script in wanted else [],
                             strategies, transport))
        jobs.append((f"{transport}-anthropic", upstream.url(tls), env, {"api": "anthropic"},
                     [s for s in ANTHROPIC if s in wanted], STRATEGIES, transport + " anthropic"))
    over_h2 = [s for s in ordinary if s not in ONLY_HTTP_1]
    for i, share in enumerate(shares(over_h2, 2)):
        jobs.append((f"h2-{i}", f"https://127.0.0.1:{upstream.h2_port}/v1", {"SSL_CERT_FILE": upstream.ca}, {}, share,
                     ("cloud", "fallback"), "http/2"))
    for i, strategies in enumerate((STRATEGIES[:2], STRATEGIES[2:])):
        jobs.append((f"tls-bad-cert{i}", upstream.url(True), {}, unreachable,
                     ["bad-cert"] if "bad-cert" in wanted else [], strategies, "tls"))
    return [j for j in jobs if j[4]]


def the_matrix(tmp, model, upstream, only):
    tally = Tally()
    wanted = [s for s in SCRIPTS if not only or only in s]

    def run_job(job):
        folder, url, env, settings, scripts, strategies, transport = job
        server = Server(f"{tmp}/{folder}", url, model, env, **settings)
        try:
            run_scripts(server, upstream, scripts, strategies, transport, tally)
        finally:
            complaint = server.stop()
            if complaint:
                with tally.lock:
                    tally.bad.append(f"not ok faults - server {folder}: {complaint}")
                    print(tally.bad[-1], flush=True)

    with concurrent.futures.ThreadPoolExecutor(14) as pool:
        list(pool.map(run_job, plan(tmp, upstream, wanted)))
    for script, cells in tally.good.items():
        print(f"ok faults - {script}: {SCRIPTS[script][0]} ({len(cells)} cells)", flush=True)
    return not tally.bad


# ---- kill -9 ----

def open_stream(server, text, strategy, **more):
    s = socket.create_connection(("127.0.0.1", server.port), 20)
    s.settimeout(20)
    s.sendall(request_bytes(server.port, "POST", "/v1/chat/completions", server.body(text, True, **more),
                            server.headers(strategy)))
    data = bytearray()
    while b'"content":"' not in data.replace(b'"content":""', b""):
        part = s.recv(4096)
        must(part, "the stream ended before it began:", bytes(data[-300:]))
        data += part
    return s, data


def rest_of(s, data):
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            data += part
    s.close()
    return parse(bytes(data))


def eventually(check, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, Wrong, ValueError, KeyError):
            if value := check():
                return value
        time.sleep(0.02)
    raise Wrong("never happened: " + what)


def a_killed_engine_breaks_its_stream_and_comes_back(server, upstream):
    broken = 0
    for _ in range(8):  # the tiny model may be faster than we are: then the answer must be whole
        old = server.pids("weir: engine")
        s, data = open_stream(server, "long please", "device", max_tokens=480)
        os.kill(old[0], signal.SIGKILL)
        answer = rest_of(s, data)
        text, error, finishes, done = stream_parts(answer)
        if error:
            must(not done and not finishes, "a broken stream ended like a good one")
            must(server.receipt(answer.headers["x-request-id"])["outcome"] == "partial", "the receipt does not say so")
            broken += 1
        else:
            must(done and finishes, "neither an error nor an end:", answer.body[-300:])
        eventually(lambda o=old: server.pids("weir: engine") not in ([], o), "a new engine")
        eventually(lambda: server.ask("hi", "device", False).status == 200, "an answer of the new engine")
        if broken:
            return
    raise Wrong("never caught the engine in the middle of an answer")


def a_killed_engine_is_no_reason_not_to_answer(server, upstream):
    """The engine dies under a request that nobody has seen a word of: the cloud answers it."""
    failures = []
    stop = threading.Event()

    def ask_on():
        while not stop.is_set():
            a = server.ask("hi [[ok]]", "cascade", False)
            if a.status != 200 or a.json()["choices"][0]["message"]["content"] != WORDS:
                failures.append((a.status, a.body[:300]))

    threads = [threading.Thread(target=ask_on) for _ in range(2)]
    for t in threads:
        t.start()
    for _ in range(3):
        pids = eventually(lambda: server.pids("weir: engine"), "an engine")
        time.sleep(0.15)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[0], signal.SIGKILL)
    time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join()
    must(not failures, len(failures), "answers were lost:", failures[:2])
    eventually(lambda: server.ask("hi", "device", False).status == 200, "an answer of the device")


def a_killed_worker_cuts_its_client_and_leaves_the_upstream(server, upstream):
    old = server.pids("weir: worker")
    s, data = open_stream(server, "hi [[slow]] worker-kill", "cloud")
    os.kill(old[0], signal.SIGKILL)
    killed = time.monotonic()
    answer = rest_of(s, data)
    must(not answer.clean, "the client saw a proper end")
    must("[DONE]" not in answer.events(), "a broken stream ended with [DONE]")
    gone = eventually(lambda: [r for r in upstream.log("worker-kill") if r["gone_ms"] >= 0], "the upstream is left", 5)
    must(len(upstream.log("worker-kill")) == 1, "asked", len(upstream.log("worker-kill")), "times")
    must(time.monotonic() - killed < 5 and gone, "the upstream was held")
    eventually(lambda: server.ask("hi [[ok]]", "cloud", False).status == 200, "a new worker")
    receipt = eventually(lambda: (lambda r: r if r.get("legs") else None)(server.receipt(answer.headers["x-request-id"])),
                         "a receipt of the lost request")
    must([leg["outcome"] for leg in receipt["legs"] if leg["backend"] == "cloud"] == ["lost"], "legs", receipt["legs"])


def a_client_that_leaves_frees_the_upstream_at_once(server, upstream):
    for script in ("hang", "slow", "stall"):
        marker = f"leave-{script}"
        s = socket.create_connection(("127.0.0.1", server.port), 20)
        s.sendall(request_bytes(server.port, "POST", "/v1/chat/completions", server.body(f"[[{script}]] {marker}", True),
                                server.headers("cloud")))
        eventually(lambda m=marker: upstream.log(m), "the upstream is asked")
        left = time.monotonic()
        s.close()
        eventually(lambda m=marker: upstream.log(m)[0]["gone_ms"] >= 0, "the upstream is left", 5)
        must(time.monotonic() - left < 0.5, f"{script}: {time.monotonic() - left:.2f} s until the upstream was left")
        server.ask("again [[ok]]", "cloud", False)


def an_open_breaker_spares_the_upstream_and_says_so(server, upstream):
    for i in range(6):
        server.ask(f"[[html]] breaker-{i}", "cloud", False)
    before = len(upstream.log("breaker-last"))
    a = server.ask("[[ok]] breaker-last", "cloud", False)
    must(a.status in (502, 503), "status", a.status)
    must(len(upstream.log("breaker-last")) == before == 0, "the upstream was asked")
    b = server.ask("[[ok]] breaker-last", "fallback", False)
    must(b.status == 200, "status", b.status, b.body[:200])
    must(b.headers.get("x-weir-degraded") == "cloud_failed", "degraded", b.headers.get("x-weir-degraded"))


def the_written_table_is_the_tested_one(server, upstream):
    with open(os.path.join(ROOT, "docs/internals/faults.md")) as f:
        must(table() in f.read(), "docs/internals/faults.md differs: python3 tests/faults/faults.py --table")


ACCIDENTS = (
    a_killed_engine_breaks_its_stream_and_comes_back,
    a_killed_engine_is_no_reason_not_to_answer,
    a_killed_worker_cuts_its_client_and_leaves_the_upstream,
    a_client_that_leaves_frees_the_upstream_at_once,
    the_written_table_is_the_tested_one,
    an_open_breaker_spares_the_upstream_and_says_so,  # last: it leaves the breaker open
)


def the_accidents(tmp, model, upstream, only):
    wanted = [t for t in ACCIDENTS if not only or only in t.__name__]
    if not wanted:
        return True
    tally = Tally()
    server = Server(f"{tmp}/accidents", upstream.url(False), model, None, first=9000, idle=9000, total=20000)
    for test in wanted:
        name = test.__name__.replace("_", " ")
        tally.cell(name, name, lambda t=test: t(server, upstream))
        if name in tally.good:
            print(f"ok faults - {name}", flush=True)
    complaint = server.stop()
    if complaint:
        print(f"not ok faults - server accidents: {complaint}")
    return not tally.bad and not complaint


# ---- the written table ----

def outcome_words(when, code, strategy, stream):
    if when == "ok":
        return "its answer"
    if when == "late":
        return f"text, then `{code}` in-band, no `[DONE]`" if stream else f"{STATUS[code]} `{code}`"
    return f"{STATUS[code]} `{code}`" if strategy == "cloud" else "the device's answer, degraded"


def table():
    lines = ["| upstream | script | `cloud` | `fallback`, `cascade`, `split` | asked |", "|---|---|---|---|---|"]
    for script, (what, when, code, sends, _) in SCRIPTS.items():
        first = outcome_words(when, code, "cloud", True)
        whole = outcome_words(when, code, "cloud", False)
        cloud = first if first == whole else f"stream: {first}; whole: {whole}"
        other = cloud if when != "early" else outcome_words(when, code, "fallback", True)
        if script == "no-name":
            cloud += ", then 503 `no_backend_available` while offline"
        degraded = " (`offline`)" if script == "no-name" else " (`cloud_failed`)" if when == "early" else ""
        lines.append(f"| {what} | `{script}` | {cloud} | {other}{degraded} | {'1, or 2 on a kept connection' if script in KEPT else sends} |")
    return "\n".join(lines) + "\n"


def main():
    if "--table" in sys.argv:
        print(table(), end="")
        return 0
    only = os.environ.get("ONLY", "")
    tmp = tempfile.mkdtemp(prefix="weir-faults-")
    began = time.monotonic()
    try:
        model = tmp + "/model/letters.gguf"
        os.makedirs(os.path.dirname(model))
        make_model(model)
        upstream = Upstream(tmp)
        good = the_matrix(tmp, model, upstream, only)
        good = the_accidents(tmp, model, upstream, only) and good
        upstream.stop()
    finally:
        if os.environ.get("KEEP"):
            print("kept", tmp)
        else:
            shutil.rmtree(tmp, ignore_errors=True)
    print(f"# {time.monotonic() - began:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
