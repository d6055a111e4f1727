# SPDX-License-Identifier: Apache-2.0
"""Trains a toy with the shipped code, then holds it against llama.cpp.

  check.py [--server PATH/llama-server] [--steps 40] [--shipped]

1. Generates a few hundred chats without the public sets, trains the toy for
   some steps (loss must fall), resumes it, exports f32.
2. Template: the Jinja text in the GGUF renders what the trainer saw.
3. Tokenizer: round trip of any UTF-8, here and (with llama-server) there.
4. Logits: log-probabilities of llama.cpp and of PyTorch agree.
--shipped also compares the shipped GGUFs' tokenizer and prompts.
Exit 0 passed, 77 skipped (a dependency is missing), 1 failed."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN = os.path.normpath(os.path.join(HERE, "../../tools/train"))
sys.path[:0] = [TRAIN, os.path.join(TRAIN, "data")]
try:
    import gguf
    import jinja2
    import numpy as np
    import tokenizers
    import torch
except ImportError as e:
    print("skipped: %s (pip install -r tools/train/requirements.txt)" % e)
    sys.exit(77)
import chatml  # noqa: E402
import mix  # noqa: E402
from common import Ctx  # noqa: E402
from model import load  # noqa: E402
from prepare import encode  # noqa: E402

TOK = os.path.join(TRAIN, "tokenizer.json")
MODELS = os.path.normpath(os.path.join(HERE, "../../models"))
STRINGS = ["", " ", "a", "12 + 30", "what is 12 + 30?", "  two  spaces \n\n\tand tabs\r\n", "naïve café ÀÉÎ", "日本語テスト", "שלום עולם", "👩‍👩‍👧‍👦 🇩🇪", "e\u0301\u0327 combining", "don't we'll I'M", "{\"a\":[1,2.5,null]}", "x" * 300, "\u200b\ufeff", "ﬀ ﷽ \U0001f600"]


def random_text(r):
    out = []
    for _ in range(r.randint(1, 40)):
        k = r.random()
        c = r.randint(32, 126) if k < 0.5 else r.randint(0xA0, 0x24F) if k < 0.7 else r.randint(0x400, 0xD7FF) if k < 0.9 else r.randint(0xE000, 0x1FFFF)
        out.append(chr(c))
    return "".join(out)


def step(text):
    print("· " + text, flush=True)


class Server:
    """llama-server on a free port, with one model."""

    def __init__(self, binary, model, ctx=1024):
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.p = subprocess.Popen([binary, "-m", model, "--port", str(self.port), "-t", "1", "-c", str(ctx), "-np", "1", "--jinja", "--no-webui", "-ctk", "f32", "-ctv", "f32"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen("http://127.0.0.1:%d/health" % self.port, timeout=2).read()
                return
            except OSError:
                if self.p.poll() is not None:
                    raise SystemExit("llama-server ended with %d" % self.p.returncode)
                time.sleep(0.1)
        raise SystemExit("llama-server did not come up")

    def post(self, path, body):
        r = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), json.dumps(body).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(r, timeout=120))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait()


def toy(folder, steps):
    """Trains, kills nothing, resumes, exports; gives (checkpoint, gguf, chats)."""
    tok = tokenizers.Tokenizer.from_file(TOK)
    ctx, ops = Ctx(3, "train", "nano"), [o for o in mix.LOCAL if mix.SHARES[o][0]] + ["tools"]
    chats = []
    for _ in range(3000):
        tools, turns, _, _ = mix.single(ctx, None, ctx.one(ops))
        chats.append({"messages": [{"role": r, "content": c} for r, c in turns], "tools": tools})
    arrays = encode(tok, chats)
    arrays += [np.concatenate(arrays[i:i + 8])[:900] for i in range(0, 160, 8)]
    np.savez(os.path.join(folder, "s.npz"), tokens=np.concatenate(arrays), ends=np.cumsum([len(a) for a in arrays]))
    losses = []
    for n in (steps // 2, steps):
        out = subprocess.run([sys.executable, os.path.join(TRAIN, "train.py"), "--model", "toy", "--shards", folder, "--out", folder, "--steps", str(n), "--compile", "0"], capture_output=True, text=True, check=False)
        if out.returncode:
            raise SystemExit(out.stdout + out.stderr)
        losses.append(float(out.stdout.rsplit("loss ", 1)[1]))
    assert losses[1] < losses[0] < 7.7, "the loss does not fall: %s" % losses
    step("toy trained, %d steps, loss %.2f then %.2f after resuming" % (steps, *losses))
    ckpt, path = os.path.join(folder, "last.pt"), os.path.join(folder, "toy.gguf")
    subprocess.run([sys.executable, os.path.join(TRAIN, "export_gguf.py"), ckpt, path, "--tokenizer", TOK, "--type", "f32"], check=True, stdout=subprocess.DEVNULL)
    return ckpt, path, chats


def check_template(chats):
    env = jinja2.Environment(keep_trailing_newline=True)
    env.filters["tojson"] = lambda x: json.dumps(x, ensure_ascii=False)
    t = env.from_string(chatml.TEMPLATE)
    for c in chats[:500]:
        msgs = [dict(m) for m in c["messages"]]
        want = "".join(s for s, _ in chatml.segments(msgs, c["tools"])) + "\n"
        got = t.render(messages=msgs, tools=c["tools"], add_generation_prompt=False)
        assert got == want, "template differs:\n%r\n%r" % (got, want)
        call = msgs[-1]["content"]
        if call.startswith("<tool_call>"):
            m = msgs[:-1] + [{"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": json.loads(call[11:-12])}]}]
            assert t.render(messages=m, tools=c["tools"], add_generation_prompt=False) == want
    step("template renders the trainer's text, 500 chats")


def check_tokens(server=None, tok_path=TOK):
    tok, r = tokenizers.Tokenizer.from_file(tok_path), random.Random(5)
    strings = STRINGS + [random_text(r) for _ in range(150)]
    for s in strings:
        ids = tok.encode(s).ids
        assert tok.decode(ids, skip_special_tokens=False) == s, "round trip of %r" % s
        if server and s:
            there = server.post("/tokenize", {"content": s})["tokens"]
            assert there == ids, "tokens of %r: %s here, %s in llama.cpp" % (s, ids, there)
            assert server.post("/detokenize", {"tokens": there})["content"] == s, "llama.cpp's round trip of %r" % s
    step("tokenizer: %d strings%s" % (len(strings), ", equal to llama.cpp's" if server else ""))


@torch.no_grad()
def check_logits(server, ckpt, chats, limit=0.02):
    """Log-probabilities of every vocabulary entry after a prompt."""
    tok, (model, _) = tokenizers.Tokenizer.from_file(TOK), load(ckpt)
    worst = 0.0
    for c in chats[:12]:
        ids = tok.encode("".join(s for s, _ in chatml.segments(c["messages"][:-1], c["tools"]))).ids
        n = len(ids)
        h = model.hidden(torch.tensor([ids]), torch.arange(n)[None], torch.ones(n, n, dtype=torch.bool).tril()[None, None])
        mine = torch.log_softmax(model.logits(h[0, -1]), -1)
        r = server.post("/completion", {"prompt": ids, "n_predict": 1, "n_probs": model.s.vocab, "temperature": 0, "cache_prompt": False})
        for t in r["completion_probabilities"][0]["top_logprobs"]:
            worst = max(worst, abs(t["logprob"] - float(mine[t["id"]])))
    assert worst < limit, "log-probabilities differ by %.4f" % worst
    step("llama.cpp agrees with PyTorch: largest difference of a log-probability %.4f" % worst)


def find_server():
    root = os.environ.get("WEIR_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")
    for folder, _, files in os.walk(root):
        if "llama-server" in files:
            return os.path.join(folder, "llama-server")
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--server", default=find_server())
    p.add_argument("--steps", type=int, default=40)
    p.add_argument("--shipped", action="store_true")
    a = p.parse_args()
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        ckpt, path, chats = toy(folder, a.steps)
        check_template(chats)
        check_tokens()
        if a.server:
            with Server(a.server, path) as s:
                check_tokens(s)
                check_logits(s, ckpt, chats)
            if a.shipped:
                for name in ("nano", "mini"):
                    with Server(a.server, os.path.join(MODELS, "weir-%s.gguf" % name)) as s:
                        check_tokens(s)
        else:
            step("llama-server not found (--server): tokens and logits not compared with llama.cpp")
    fields = gguf.GGUFReader
    for name in ("nano", "mini"):
        f = os.path.join(MODELS, "weir-%s.gguf" % name)
        if os.path.exists(f):
            keys = fields(f).fields
            for k in ("weir.tasks", "weir.demo", "weir.refusal", "weir.card", "general.name", "general.license", "llama.context_length"):
                assert k in keys, "%s lacks %s" % (f, k)
    print("passed, %.0f s" % (time.time() - began))


if __name__ == "__main__":
    main()
