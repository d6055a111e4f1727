# SPDX-License-Identifier: Apache-2.0
"""A provider that keeps every byte it receives and says back what it was told, in pieces.

It speaks OpenAI's and Anthropic's streams. Tokens like <EMAIL_ADDRESS_1> come back as a model might write them: in
other case, with spaces, cut anywhere. `say` decides what: text, or the arguments of a tool call.
"""
import json
import os
import random
import re
import socket
import threading

TOKEN = re.compile(r"<([A-Z][A-Z_]*)_(\d+)>")


class Recorder:
    """Listens on 127.0.0.1, or on a Unix socket when `path` is given."""

    def __init__(self, path=None, seed=1):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        if not path:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.socket.listen(128)
        self.address = f"unix:{path}:" if path else "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.received = []      # raw bytes of each request, head and body
        self.bodies = []
        self.connections = 0
        self.random = random.Random(seed)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.socket.close()

    def serve(self, client):
        data = b""
        if client.family == socket.AF_INET:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    part = client.recv(65536)
                    if not part:
                        return
                    data += part
                head, _, rest = data.partition(b"\r\n\r\n")
                match = re.search(rb"(?i)content-length: *(\d+)", head)
                length = int(match.group(1)) if match else 0
                while len(rest) < length:
                    part = client.recv(65536)
                    if not part:
                        break
                    rest += part
                data = rest[length:]
                self.received.append(head + b"\r\n\r\n" + rest[:length])
                self.answer(client, head.split(b" ", 2)[1].decode(), rest[:length])
        except OSError:
            pass
        finally:
            client.close()

    # ---- the answer ----

    def answer(self, client, path, raw):
        if not raw or path.endswith("/api/show"):
            body = json.dumps({"object": "list", "data": []}).encode()
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                           % (len(body), body))
            return
        body = json.loads(raw)
        self.bodies.append(body)
        anthropic = path.endswith("/messages")
        tools = bool(body.get("tools"))
        text = self.bend(last_user(body))
        events = (anthropic_events if anthropic else openai_events)(self.pieces(text, tools), tools)
        stream = b"".join(events)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while stream:  # TCP cuts where it likes
            n = self.random.choice((1, 3, 40, 700, 5000))
            client.sendall(b"%x\r\n%s\r\n" % (len(stream[:n]), stream[:n]))
            stream = stream[n:]
            if n == 5000:
                break
        if stream:
            client.sendall(b"%x\r\n%s\r\n" % (len(stream), stream))
        client.sendall(b"0\r\n\r\n")

    def bend(self, text):
        def bent(m):
            name, number = m.group(1), m.group(2)
            return self.random.choice((
                f"<{name}_{number}>", f"<{name}_{number}>", f"<{name.lower()}_{number}>", f"< {name}_{number} >",
                f"<{name.replace('_', ' ').title()} {number}>"))
        return TOKEN.sub(bent, text)

    def pieces(self, text, tools):
        if tools:
            text = json.dumps({"said": text}, ensure_ascii=self.random.random() < 0.5)
            if self.random.random() < 0.3:  # some models escape angle brackets in JSON
                text = text.replace("<", "\\u003c").replace(">", "\\u003e")
        out = []
        while text:
            n = self.random.choice((1, 2, 3, 5, 8, 40))
            out.append(text[:n])
            text = text[n:]
        return out


def last_user(body):
    for m in reversed(body["messages"]):
        content = m.get("content")
        if m["role"] == "user" and content:
            if isinstance(content, str):
                return content if len(content) < 100000 else "long"
            return "".join(p.get("text", "") for p in content if p.get("type") == "text")
    return "nothing"


def sse(payload, event=None):
    data = payload if isinstance(payload, str) else json.dumps(payload)
    return ((f"event: {event}\n" if event else "") + f"data: {data}\n\n").encode()


def openai_events(pieces, tools):
    def chunk(delta, finish=None, **more):
        return sse({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})
    yield chunk({"role": "assistant", "content": None if tools else ""})
    if tools:
        yield chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                                     "function": {"name": "say", "arguments": ""}}]})
    for p in pieces:
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": p}}]} if tools else {"content": p})
    yield chunk({}, "tool_calls" if tools else "stop")
    yield sse({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
               "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}})
    yield sse("[DONE]")


def anthropic_events(pieces, tools):
    yield sse({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m",
                                                    "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}},
              "message_start")
    block = {"type": "tool_use", "id": "toolu_1", "name": "say", "input": {}} if tools else {"type": "text", "text": ""}
    yield sse({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
    for p in pieces:
        delta = {"type": "input_json_delta", "partial_json": p} if tools else {"type": "text_delta", "text": p}
        yield sse({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
    yield sse({"type": "content_block_stop", "index": 0}, "content_block_stop")
    yield sse({"type": "message_delta", "delta": {"stop_reason": "tool_use" if tools else "end_turn"},
               "usage": {"output_tokens": 9}}, "message_delta")
    yield sse({"type": "message_stop"}, "message_stop")
