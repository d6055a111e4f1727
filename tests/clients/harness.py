# SPDX-License-Identifier: Apache-2.0
"""What the client tests stand on: a scripted provider, a `weir serve` in front of it, and a runner of test functions.

Run as a program it starts both, prints "BASE_URL UPSTREAM_URL" and waits until its input or its parent ends.
"""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WEIR = os.environ.get("WEIR_BIN", ROOT + "/build/weir")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # what the generated device model always says

CONFIG = """
listen: 127.0.0.1:{port}
backends:
  - {{ name: device, tier: device, model: {tmp}/letters.gguf, slots: 4 }}
{clouds}
policy: {{ strategy: cascade, threshold: 0.0 }}
privacy: {{ default: redact }}
ledger: {{ path: {tmp}/weir.db }}
"""
CLOUD = """  - {{ name: {name}, tier: cloud, api: openai, url: "http://127.0.0.1:{upstream}/v1", model: {name}, retries: 0,
      price: {{ input_usd_per_mtok: 1.0, output_usd_per_mtok: 2.0 }}{more} }}"""
# The provider behaves as the model's name says.
CLOUDS = {
    "cloud": ', aliases: [gpt-4o-mini, "gpt-*"], labels: [us]',
    "m-echo": "", "m-tools": "", "m-reason": "", "m-cut": "", "m-slow": "", "m-429": "", "m-401": "", "m-500": "",
    "m-html": "", "m-nousage": "",
}


class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies = []         # of every request, newest last
    cut_after = []      # monotonic times at which a client was seen to leave

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=(), kind="application/json"):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(data)

    def event(self, payload):
        data = ("data: " + (payload if isinstance(payload, str) else json.dumps(payload)) + "\n\n").encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        if self.path == "/seen":
            return self.reply(200, json.dumps({"bodies": Provider.bodies, "left": len(Provider.cut_after)}))
        self.reply(200, json.dumps({"object": "list", "data": [{"id": "cloud", "object": "model", "created": 1,
                                                                "owned_by": "test"}]}))

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw)
        Provider.bodies.append(body)
        model = body["model"]
        error = {"error": {"message": f"no luck with {model}", "type": "x", "param": None, "code": "y"}}
        if model == "m-429":
            return self.reply(429, json.dumps(error), [("Retry-After", "7")])
        if model == "m-401":
            return self.reply(401, json.dumps(error))
        if model == "m-500":
            return self.reply(500, json.dumps(error))
        if model == "m-html":
            return self.reply(200, "<html>welcome to the wifi</html>", kind="text/html")
        if not body.get("stream"):
            return self.reply(400, json.dumps(error))  # Weir always asks to stream
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.stream(model, body)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            Provider.cut_after.append(time.monotonic())

    def stream(self, model, body):
        def chunk(delta, finish=None, **more):
            self.event({"id": "up-1", "object": "chat.completion.chunk", "created": 1700000000, "model": model,
                        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})
        finish = "stop"
        chunk({"role": "assistant", "content": ""})
        if model == "m-tools":
            finish = "tool_calls"
            for i, name in enumerate(("get_weather", "get_time")):
                chunk({"tool_calls": [{"index": i, "id": f"call_{i}", "type": "function",
                                       "function": {"name": name, "arguments": ""}}]})
                for part in ('{"ci', 'ty": "O', 'slo"}'):
                    chunk({"tool_calls": [{"index": i, "function": {"arguments": part}}]})
        elif model == "m-reason":
            chunk({"reasoning_content": "Let me "})
            chunk({"reasoning_content": "think."})
            chunk({"content": "42"})
        elif model == "m-cut":
            chunk({"content": "half an ans"})
            self.connection.shutdown(socket.SHUT_RDWR)
            raise OSError("cut")
        elif model == "m-slow":
            for i in range(200):
                chunk({"content": f"w{i} "})
                time.sleep(0.05)
        elif model == "m-echo":
            last = body["messages"][-1]["content"]
            text = last if isinstance(last, str) else "".join(p.get("text", "") for p in last)
            for i in range(0, len(text), 3):  # names are split over chunks on purpose
                chunk({"content": text[i:i + 3]})
        else:
            for word in ("The ", "cloud ", "says ", "hello."):
                chunk({"content": word})
        chunk({}, finish)
        if model != "m-nousage":
            self.event({"id": "up-1", "object": "chat.completion.chunk", "created": 1700000000, "model": model,
                        "choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
                                                 "prompt_tokens_details": {"cached_tokens": 3}}})
        self.event("[DONE]")


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_model(path):
    tool = os.path.join(os.path.dirname(path), "gguf-make")
    sources = [os.path.join(ROOT, "tools/gguf", n) for n in ("gguf_make.c", "testmodel.c")]
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-I", ROOT + "/tools/gguf", "-I", ROOT + "/src", "-o", tool,
                    *sources, "-lm"], check=True)
    subprocess.run([tool, "--mode", "chain", "--context", "2048", "--name", "letters", path], check=True)


@contextlib.contextmanager
def weir_server(extra=""):
    """(base url, provider url, process) of a fresh server; everything is gone afterwards."""
    tmp = tempfile.mkdtemp(prefix="weir-clients-")
    provider = QuietServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    port, upstream = free_port(), provider.server_address[1]
    make_model(tmp + "/letters.gguf")
    clouds = "\n".join(CLOUD.format(name=n, upstream=upstream, more=m) for n, m in CLOUDS.items())
    with open(tmp + "/weir.yaml", "w") as f:
        f.write(CONFIG.format(port=port, tmp=tmp, clouds=clouds) + extra)
    log = open(tmp + "/log", "wb")
    env = {k: v for k, v in os.environ.items() if k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
    process = subprocess.Popen([WEIR, "serve", "--config", tmp + "/weir.yaml"], stdin=subprocess.DEVNULL, stdout=log,
                               stderr=log, env=env)
    try:
        wait_ready(port, process, tmp + "/log")
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{upstream}", process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print("not ok clients - the server did not end within 15 s of SIGTERM")
        provider.shutdown()
        text = open(tmp + "/log", errors="replace").read()
        if re.search(r"Sanitizer|runtime error|assert", text):
            print("not ok clients - the server's log holds a sanitizer report or a failed assertion")
            print(text[-4000:], file=sys.stderr)
        elif os.environ.get("SHOW_LOG"):
            print(text[-20000:], file=sys.stderr)
        shutil.rmtree(tmp, ignore_errors=True)


def wait_ready(port, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status, _, _ = raw_http(f"http://127.0.0.1:{port}", "GET", "/readyz")
            if status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("weir did not become ready:\n" + open(log, errors="replace").read()[-3000:])


def raw_http(base, method, path, body=None, headers=None):
    """(status, headers in lower case, body) with nothing between us and the bytes."""
    port = int(base.rsplit(":", 1)[1])
    head = {"Host": f"127.0.0.1:{port}", "Connection": "close", **(headers or {})}
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    if body is not None:
        head.setdefault("Content-Type", "application/json")
        head["Content-Length"] = str(len(data))
    lines = "".join(f"{k}: {v}\r\n" for k, v in head.items())
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        s.settimeout(30)
        s.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + data)
        answer = b""
        while part := s.recv(65536):
            answer += part
    top, _, rest = answer.partition(b"\r\n\r\n")
    status = int(top.split()[1])
    names = {}
    for line in top.decode().split("\r\n")[1:]:
        k, _, v = line.partition(":")
        names[k.strip().lower()] = v.strip()
    if names.get("transfer-encoding") == "chunked":
        out = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            n = int(size, 16)
            out, rest = out + rest[:n], rest[n + 2:]
            if n == 0:
                break
        rest = out
    return status, names, rest


def run_tests(tests, label):
    """Each test is a function without arguments; prints ok lines. True when all held."""
    good = True
    only = os.environ.get("ONLY")
    for test in tests:
        if only and only not in test.__name__:
            continue
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {label} - {name}", flush=True)
        except Exception as e:  # noqa: BLE001 - a failed test, whatever it was
            good = False
            frame = [f for f in traceback.extract_tb(e.__traceback__) if f.filename.startswith(HERE)][-1]
            print(f"not ok {label} - {name}: {type(e).__name__}: {str(e)[:600]} (line {frame.lineno}: {frame.line})",
                  flush=True)
    return good


if __name__ == "__main__":
    with weir_server() as (base_url, provider_url, server):
        print(base_url, provider_url, flush=True)
        signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))
        parent = os.getppid()
        while os.getppid() == parent and server.poll() is None:
            time.sleep(0.2)
