# SPDX-License-Identifier: Apache-2.0
"""What leaves: a campaign of planted values, headers, connections, consent, taint, files. See run."""
import contextlib
import ctypes
import fcntl
import glob
import http.client
import json
import os
import pty
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
sys.path.insert(1, HERE)
import harness  # noqa: E402
from harness import WEIR, free_port, raw_http, run_tests  # noqa: E402
from planted import conversation, leaks  # noqa: E402
from provider import Recorder  # noqa: E402

harness.HERE = HERE
CONVERSATIONS = int(os.environ.get("WEIR_LEAK_CONVERSATIONS", "2500"))
SEED = int(os.environ.get("WEIR_LEAK_SEED", "7"))

CONFIG = """
listen: {listen}
workers: {workers}
backends:
  - {{ name: device, tier: device, api: openai, url: "{device}", model: local }}
{clouds}
policy: {policy}
privacy: {privacy}
ledger: {{ path: {tmp}/weir.db }}
log: {{ level: debug }}
{more}
"""
CLOUD = '  - {{ name: {name}, tier: cloud, api: {api}, url: "{url}", model: m-{name}, retries: 0, key_env: LEAK_KEY }}\n'


class Server:
    """`weir serve` before recorders: a device on a Unix socket, `cloud` (OpenAI) and `claude` (Anthropic)."""

    def __init__(self, privacy="{ default: redact }", policy="{ strategy: fallback }", workers=1, more="", listen=None,
                 clouds=None):
        self.tmp = tempfile.mkdtemp(prefix="weir-leaks-")
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.base = f"http://127.0.0.1:{self.port}"
        self.device = Recorder(self.tmp + "/device.sock")
        self.cloud, self.claude = Recorder(seed=2), Recorder(seed=3)
        if clouds is None:
            clouds = CLOUD.format(name="cloud", api="openai", url=self.cloud.address + "/v1") + \
                CLOUD.format(name="claude", api="anthropic", url=self.claude.address + "/v1")
        with open(self.tmp + "/weir.yaml", "w") as f:
            f.write(CONFIG.format(listen=self.listen.format(tmp=self.tmp), workers=workers, tmp=self.tmp, clouds=clouds,
                                  device=self.device.address + "/v1", policy=policy, privacy=privacy, more=more))

    def start(self):
        self.log = open(self.tmp + "/log", "ab")
        env = {k: v for k, v in os.environ.items() if k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
        env["LEAK_KEY"] = "the-key-of-the-provider"
        self.process = subprocess.Popen([WEIR, "serve", "--config", self.tmp + "/weir.yaml"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env=env)
        if self.listen.startswith("127"):
            harness.wait_ready(self.port, self.process, self.tmp + "/log")
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def text(self):
        return open(self.tmp + "/log", errors="replace").read()

    def ask(self, text="hi", model="auto", headers=None, **body):
        status, names, answer = raw_http(self.base, "POST", "/v1/chat/completions", {
            "model": model, "messages": [{"role": "user", "content": text}], **body}, headers)
        return status, names, json.loads(answer)

    def post(self, path, body, headers=None):
        status, names, answer = raw_http(self.base, "POST", path, body, headers)
        return status, json.loads(answer)


@contextlib.contextmanager
def server(**options):
    s = Server(**options)
    try:
        yield s.start()
    finally:
        s.stop()
        for r in (s.device, s.cloud, s.claude):
            r.close()
        text = s.text()
        shutil.rmtree(s.tmp, ignore_errors=True)
        assert "Sanitizer" not in text and "runtime error" not in text, text[-3000:]


# ---- the campaign ----------------------------------------------------------------------------------------------


def answer_of(stream, data):
    """(text, tool arguments) as a client reads them."""
    if not stream:
        message = json.loads(data)["choices"][0]["message"]
        calls = message.get("tool_calls") or []
        return message.get("content") or "", "".join(c["function"]["arguments"] for c in calls)
    text = arguments = ""
    for event in data.decode().split("\n\n"):
        if event.startswith("data: {"):
            chunk = json.loads(event[6:])
            assert "error" not in chunk, chunk
            for choice in chunk.get("choices", []):
                text += choice["delta"].get("content") or ""
                for call in choice["delta"].get("tool_calls") or []:
                    arguments += call["function"].get("arguments") or ""
    return text, arguments


def said_of(body):
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(p["text"] for p in content)


def to_anthropic(body):
    """The same conversation as a client of /v1/messages would send it."""
    out = {k: v for k, v in body.items() if k in ("stream", "max_tokens", "metadata", "x_vendor")}
    out["messages"] = []
    for m in body["messages"]:
        if m["role"] in ("system", "developer"):
            out["system"] = m["content"]
        elif m.get("tool_calls"):
            out["messages"].append({"role": "assistant", "content": [
                {"type": "tool_use", "id": c["id"], "name": c["function"]["name"],
                 "input": json.loads(c["function"]["arguments"])} for c in m["tool_calls"]]})
        elif m["role"] == "tool":
            out["messages"].append({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": m["tool_call_id"], "content": m["content"]}]})
        else:
            out["messages"].append({"role": m["role"], "content": m["content"]})
    if "stop" in body:
        out["stop_sequences"] = body["stop"]
    if "tools" in body:
        out["tools"] = [{"name": t["function"]["name"], "description": t["function"]["description"],
                         "input_schema": t["function"]["parameters"]} for t in body["tools"]]
    return out


def anthropic_answer(stream, data):
    text = arguments = ""
    if not stream:
        for block in json.loads(data)["content"]:
            text += block.get("text", "")
            arguments += json.dumps(block["input"]) if block["type"] == "tool_use" else ""
        return text, arguments
    for event in data.decode().split("\n\n"):
        for line in event.split("\n"):
            if line.startswith("data: {"):
                delta = json.loads(line[6:]).get("delta") or {}
                text += delta.get("text", "")
                arguments += delta.get("partial_json", "")
    return text, arguments


def to_completion(body):
    """Only a prompt, and the fields beside it."""
    out = {k: v for k, v in body.items() if k not in ("messages", "tools")}
    content = body["messages"][-1]["content"]
    return {**out, "prompt": content if isinstance(content, str) else "\n".join(p["text"] for p in content)}


def completion_answer(stream, data):
    if not stream:
        return json.loads(data)["choices"][0]["text"], ""
    text = ""
    for event in data.decode().split("\n\n"):
        if event.startswith("data: {"):
            text += "".join(c.get("text") or "" for c in json.loads(event[6:]).get("choices", []))
    return text, ""


DIALECTS = {
    "openai": ("/v1/chat/completions", lambda b: b, answer_of),
    "completions": ("/v1/completions", to_completion, completion_answer),
    "anthropic": ("/v1/messages", to_anthropic, anthropic_answer),
}


def spoken(s):
    return [n for n, (path, _, _) in DIALECTS.items() if raw_http(s.base, "POST", path, {})[0] != 404]


def a_campaign_of_planted_values():
    r = random.Random(SEED)
    with server(workers=2) as s:
        dialects = spoken(s)
        client = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
        planted, restored, kept, leaked, began = [], 0, 0, [], time.monotonic()
        for i in range(CONVERSATIONS):
            secrets = r.random() < 0.1  # never_leave: these stay
            body, values = conversation(r, secrets)
            dialect, backend = r.choice(dialects), r.choice(("cloud", "claude"))
            path, translate, read = DIALECTS[dialect]
            sent = translate({**body, "model": "auto" if secrets else backend})
            sent["model"] = "auto" if secrets else backend
            up = s.cloud if backend == "cloud" else s.claude
            before = len(s.cloud.received) + len(s.claude.received)
            client.request("POST", path, json.dumps(sent), {"Content-Type": "application/json", "x-api-key": "k"})
            answer = client.getresponse()
            data = answer.read()
            assert answer.status == 200, (i, answer.status, data[:300], body)
            planted += values
            new = up.received[-1:] if len(s.cloud.received) + len(s.claude.received) > before else []
            if secrets and not leaks(json.dumps(sent).encode(), values):
                continue  # this dialect has no place for what was planted
            if secrets:
                assert not new, ("a secret left", i, dialect, values, sent, new[0][-700:])
                kept += 1
                continue
            assert new, "nothing came to the provider"
            assert b'"model":"m-%s"' % backend.encode() in new[0], new[0][-900:]
            leaked += [(path, backend, v) for v in leaks(new[0], values)]
            text, arguments = read(body["stream"], data)
            if "tools" in sent:
                text = json.loads(arguments)["said"]
            said = sent.get("prompt") or said_of(body)
            assert text == said, (i, dialect, backend, text, said, new[0][-900:])
            restored += 1
        took = time.monotonic() - began
        metrics = raw_http(s.base, "GET", "/metrics")[2]
        s.stop()
        files = [s.tmp + "/log"] + [f for f in glob.glob(s.tmp + "/**", recursive=True)
                                    if os.path.isfile(f) and not f.endswith(("/log", "weir.yaml"))]
        kept_data = b"\n".join(open(f, "rb").read() for f in files) + metrics
        kept_data = kept_data.replace(b"\0", b"")  # the page is mostly empty
        looked_for = r.sample(planted, min(len(planted), 1000))
        at_rest = [v for v in looked_for if v[1].encode() in kept_data]
        print(f"# {CONVERSATIONS} conversations ({', '.join(dialects)} to OpenAI and Anthropic), {len(planted)} values, "
              f"{len(s.cloud.received) + len(s.claude.received)} requests left, {len(leaked)} values leaked, {restored} "
              f"answers restored exactly, {kept} kept for a secret, {len(at_rest)} values in {len(files)} files, "
              f"{took:.1f} s", flush=True)
        assert not leaked, leaked[:5]
        assert not at_rest, at_rest[:5]
        s.start()


# ---- headers ---------------------------------------------------------------------------------------------------

ALLOWED = {"host", "content-type", "content-length", "accept", "user-agent", "authorization", "x-api-key",
           "anthropic-version"}


def only_listed_headers_leave():
    with server() as s:
        told = {"Authorization": "Bearer client-key", "Cookie": "id=42", "User-Agent": "Janes-App/1.0 (janes-laptop)",
                "X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Real-IP": "198.51.100.7",
                "OpenAI-Organization": "org-jane", "OpenAI-Project": "proj-jane", "X-Stainless-OS": "Linux",
                "Referer": "http://intranet/jane", "Origin": "http://localhost:3000", "X-Client-Request-Id": "jane-1",
                "X-Weir-Session": "jane-session", "Accept-Language": "de-AT", "Via": "1.1 janes-proxy",
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Anthropic-Beta": "x",
                "X-Custom-User": "jane"}
        for model in ("cloud", "claude"):
            status, _, answer = s.ask(model=model, headers=told)
            assert status == 200, answer
        for up, key in ((s.cloud, b"authorization: bearer the-key"), (s.claude, b"x-api-key: the-key")):
            head = up.received[-1].partition(b"\r\n\r\n")[0].decode()
            names = {line.split(":")[0].lower() for line in head.split("\r\n")[1:]}
            assert names <= ALLOWED, names - ALLOWED
            assert key in head.lower().encode(), head
            for word in ("jane", "198.51.100.7", "client-key", "de-AT", "id=42", socket.gethostname()):
                assert word not in head, (word, head)


# ---- nothing at all --------------------------------------------------------------------------------------------

def counters():
    """Connections that TCP opened and datagrams that UDP sent in this network namespace."""
    rows = {}
    lines = open("/proc/self/net/snmp").read().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        kind = names.split(":")[0]
        rows.update({f"{kind}.{n}": int(v) for n, v in zip(names.split()[1:], values.split()[1:])})
    return rows["Tcp.ActiveOpens"], rows["Udp.OutDatagrams"]


def inside_namespace():
    """Runs as root of a network namespace of its own: whatever is counted here, weir did."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # ifconfig lo up
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
    tmp = tempfile.mkdtemp(prefix="weir-leaks-")
    with open(tmp + "/resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    libc = ctypes.CDLL(None, use_errno=True)
    seen_dns = libc.mount((tmp + "/resolv.conf").encode(), b"/etc/resolv.conf", None, 4096, None) == 0  # MS_BIND
    s = Server(listen="unix:{tmp}/weir.sock", privacy="{ default: redact }")
    away = CLOUD.format(name="away", api="openai", url="https://api.provider.example/v1")
    config = open(s.tmp + "/weir.yaml").read().replace("policy:", away + "policy:", 1)
    open(s.tmp + "/weir.yaml", "w").write(config)
    s.start()
    try:
        path = s.tmp + "/weir.sock"
        deadline = time.monotonic() + 60
        while not os.path.exists(path) and time.monotonic() < deadline:
            time.sleep(0.05)

        def ask(headers, model="auto"):
            body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(60)
                c.connect(path)
                lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
                c.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}"
                          f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                data = b""
                while part := c.recv(65536):
                    data += part
                return int(data.split()[1])
        start = counters()
        statuses = []
        for model in ("auto", "device", "cloud", "away", "claude"):
            statuses.append(ask({"X-Weir-Privacy": "local"}, model))
            statuses.append(ask({"X-Weir-Mode": "only_on_device"}, model))
        quiet = counters()
        ask({}, "cloud")
        ask({}, "away")
        loud = counters()
        print(json.dumps({"statuses": statuses, "tcp": quiet[0] - start[0], "udp": quiet[1] - start[1],
                          "tcp_control": loud[0] - quiet[0], "udp_control": loud[1] - quiet[1], "dns": seen_dns,
                          "bodies": len(s.cloud.received) - 1 + len(s.claude.received)}))
    finally:
        s.stop()
        shutil.rmtree(s.tmp, ignore_errors=True)
        if seen_dns:
            libc.umount(b"/etc/resolv.conf")
        shutil.rmtree(tmp, ignore_errors=True)


def local_and_only_on_device_open_no_connection():
    if subprocess.run(["unshare", "-rnm", "true"], capture_output=True).returncode:
        print("skip leaks - connections seen from outside: no network namespace may be made here", flush=True)
        return
    done = subprocess.run(["unshare", "-rnm", sys.executable, os.path.abspath(__file__), "inside"], capture_output=True,
                          text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    print(f"# {len(seen['statuses'])} requests under local and only_on_device: {seen['tcp']} connections, {seen['udp']} "
          f"datagrams; the control: {seen['tcp_control']} and {seen['udp_control']}", flush=True)
    assert seen["statuses"][:4] == [200, 200, 200, 200] and set(seen["statuses"][4:]) <= {403, 503}, seen
    assert seen["tcp"] == 0 and seen["udp"] == 0 and seen["bodies"] == 0, seen
    assert seen["tcp_control"] >= 1, "the counters see nothing"
    assert seen["udp_control"] >= 1 or not seen["dns"], "a name that is looked up should have been seen"


# ---- what stays ------------------------------------------------------------------------------------------------

def pictures_stay_and_the_error_prints_the_line_that_lets_them_go():
    part = [{"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
    sound = [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]
    with server() as s:
        for content in (part, sound):
            status, _, answer = s.ask(content, model="cloud")
            assert status == 403 and answer["error"]["code"] == "policy_forbids", answer
        line = answer["error"]["message"].split(": - ", 1)[1]
        rule = line[:line.index("} }") + 3]
        assert s.cloud.received == []
    with server(policy="{ strategy: fallback, rules: [ %s ] }" % rule) as s:
        status, _, answer = s.ask(part, model="cloud")
        assert status == 200 and b"iVBORw0KGgo=" in s.cloud.received[-1], answer


def a_request_kept_home_says_why_and_what_can_be_done():
    with server(policy="{ strategy: cloud }") as s:
        status, _, answer = s.ask("my key is sk-proj-" + "a1B2c3D4e5" * 4)
        weir = answer["weir"]
        assert status == 200 and weir["tier"] == "device" and weir["kept"] == {"rule": "never_leave", "type": "SECRET"}
        assert "privacy: { consent: [ { types: [SECRET]" in weir["hint"], weir["hint"]
        assert s.cloud.received == [] and s.claude.received == []


def a_session_stays_tainted_across_workers_and_a_restart():
    with server(policy="{ strategy: cloud }", workers=3, privacy="{ default: redact, never_leave: [US_SSN] }") as s:
        mine = {"X-Weir-Session": "s-1"}
        assert s.ask("my ssn is 123-45-6789", headers=mine)[2]["weir"]["tier"] == "device"
        for _ in range(8):  # the client no longer resends it
            weir = s.ask("and now?", headers=mine)[2]["weir"]
            assert weir["tier"] == "device" and weir["kept"]["type"] == "US_SSN", weir
        assert s.ask("and now?", headers={"X-Weir-Session": "s-2"})[2]["weir"]["tier"] == "cloud"
        s.stop()
        s.start()
        assert s.ask("and now?", headers=mine)[2]["weir"]["tier"] == "device"
        s.stop()
        config = open(s.tmp + "/weir.yaml").read().replace("never_leave: [US_SSN]", "never_leave: []")
        open(s.tmp + "/weir.yaml", "w").write(config)  # the policy says otherwise
        s.start()
        assert s.ask("and now?", headers=mine)[2]["weir"]["tier"] == "cloud"


def a_caller_can_tighten_but_not_loosen():
    with server(privacy="{ default: redact }") as s:
        assert s.ask(model="cloud", headers={"X-Weir-Privacy": "local"})[0] == 403
        status, _, answer = s.ask(model="cloud", headers={"X-Weir-Privacy": "open"})
        assert status == 403 and answer["error"]["code"] == "policy_forbids", answer
        assert s.cloud.received == []


def too_much_text_stays():
    with server(policy="{ strategy: cloud }") as s:
        status, _, answer = s.ask("word " * (900 * 1024))
        assert answer["weir"]["tier"] == "device" and "could not be scanned" in json.dumps(answer["weir"]), status
        assert s.cloud.received == []


# ---- consent ---------------------------------------------------------------------------------------------------

CARD = "pay with 4111 1111 1111 1111 please"
AGREE = "{ default: redact, never_leave: [CREDIT_CARD], consent: [ { types: [CREDIT_CARD], to: [claude] } ] }"


def consent_lets_one_request_go_once():
    with server(privacy=AGREE, policy="{ strategy: cloud }", workers=3) as s:
        chat = {"model": "auto", "messages": [{"role": "user", "content": CARD}]}
        weir = s.ask(CARD)[2]["weir"]
        assert weir["tier"] == "device" and "POST /weir/v1/consent" in weir["hint"], weir
        status, offer = s.post("/weir/v1/consent", chat)
        assert status == 200 and offer["backend"] == "claude", offer
        assert offer["types"] == {"CREDIT_CARD": {"count": 1, "leaves": "as a pseudonym"}} and offer["bytes"] > 50, offer
        assert s.claude.received == []
        status, _, answer = s.ask(CARD, headers={"X-Weir-Consent": offer["consent"]})
        assert status == 200 and answer["weir"]["backend"] == "claude", answer
        assert answer["weir"]["consent"]["id"] == offer["consent"] and answer["choices"][0]["message"]["content"] == CARD
        raw = s.claude.received[-1]
        assert b"4111" not in raw and b"<CREDIT_CARD_1>" in raw
        assert len(raw.partition(b"\r\n\r\n")[2]) == offer["bytes"]
        assert s.ask(CARD, headers={"X-Weir-Consent": offer["consent"]})[0] == 403  # used
        offer = s.post("/weir/v1/consent", chat)[1]
        status, _, answer = s.ask(CARD + " now", headers={"X-Weir-Consent": offer["consent"]})
        assert status == 403 and "not what consent was given for" in answer["error"]["message"], answer
        assert len(s.claude.received) == 1 and s.cloud.received == []


def without_an_entry_nobody_is_asked():
    with server(privacy="{ default: redact, never_leave: [CREDIT_CARD] }") as s:
        status, answer = s.post("/weir/v1/consent", {"messages": [{"role": "user", "content": CARD}]})
        assert status == 403 and answer["error"]["code"] == "policy_forbids", answer
        status, answer = s.post("/weir/v1/consent", {"messages": [{"role": "user", "content": "hi"}]})
        assert status == 200 and answer["consent"] is None, answer


def on_terminal(s, args, typed):
    """Runs weir on a terminal of its own; types each (wait for, type) pair. The text that came."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(WEIR_CONFIG=s.tmp + "/weir.yaml", LEAK_KEY="k", NO_COLOR="1", HOME=s.tmp, TERM="dumb")
        os.execv(WEIR, [WEIR, *args])
    text, steps, deadline = "", list(typed), time.monotonic() + 60
    while time.monotonic() < deadline:
        if steps and steps[0][0] in text.rpartition("\x00")[2]:
            os.write(fd, steps.pop(0)[1].encode())
            text += "\x00"
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        text += part.decode("utf-8", "replace")
    os.close(fd)
    os.waitpid(pid, 0)
    return text.replace("\x00", "")


def ask_and_chat_ask_on_the_terminal():
    with server(privacy=AGREE, policy="{ strategy: cloud }") as s:
        text = on_terminal(s, ["ask", CARD], [("[y/N]", "n\n")])
        assert "1 CREDIT_CARD as a pseudonym" in text and "claude (m-claude)" in text, text
        assert s.claude.received == []
        text = on_terminal(s, ["ask", CARD], [("[y/N]", "y\n")])
        assert len(s.claude.received) == 1 and b"4111" not in s.claude.received[0], text
        on_terminal(s, ["chat"], [("> ", CARD + "\n"), ("[y/N]", "y\n"), ("> ", "/quit\n")])
        assert len(s.claude.received) == 2


# ---- the canary ------------------------------------------------------------------------------------------------

def the_canary_says_what_would_leave():
    for privacy, said in (("{ default: redact }", "0 values that policy keeps"),
                          ("{ default: open }", "0 values that policy keeps; some left as they are"),
                          ("{ default: local }", "0 requests arrived, 0 values")):
        with server(privacy=privacy) as s:
            done = subprocess.run([WEIR, "doctor", "--canary", "--json", "--config", s.tmp + "/weir.yaml"],
                                  capture_output=True, text=True, timeout=120, env={**os.environ, "LEAK_KEY": "k"})
            check = [c for c in json.loads(done.stdout)["checks"] if c["name"] == "canary"][0]
            assert check["ok"] and said in check["detail"], (privacy, check, done.stderr)
            assert s.cloud.received == [] and s.claude.received == [], "it went to the real ones"


TESTS = [a_campaign_of_planted_values, only_listed_headers_leave, local_and_only_on_device_open_no_connection,
         pictures_stay_and_the_error_prints_the_line_that_lets_them_go, a_request_kept_home_says_why_and_what_can_be_done,
         a_session_stays_tainted_across_workers_and_a_restart, a_caller_can_tighten_but_not_loosen, too_much_text_stays,
         consent_lets_one_request_go_once, without_an_entry_nobody_is_asked, ask_and_chat_ask_on_the_terminal,
         the_canary_says_what_would_leave]

if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside_namespace()
    else:
        sys.exit(0 if run_tests(TESTS, "leaks") else 1)
