# SPDX-License-Identifier: Apache-2.0
"""What quantising changes, through llama.cpp: accuracy and agreement per task.

  drift.py CKPT TEST.jsonl... --tokenizer T --server LLAMA-SERVER --quantize LLAMA-QUANTIZE [--limit 400]

Exports f16, quantises it to q8_0 and q4_K_M, asks llama-server for the greedy
answer to each prompt and prints a table: bytes, exact match, share of outputs
equal to f16's, and how many went wrong->right and right->wrong.  The last lines
show the same per operation."""
import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from eval import prompt_of, read
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))


class Server:
    """llama-server with one model, some slots, one thread."""

    def __init__(self, binary, model, slots=4):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.p = subprocess.Popen([binary, "-m", model, "--port", str(self.port), "-t", "1", "-c", str(1024 * slots), "-np", str(slots), "--no-webui"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen("http://127.0.0.1:%d/health" % self.port, timeout=2).read()
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit("llama-server did not come up")

    def post(self, path, body):
        r = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), json.dumps(body).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(r, timeout=300))

    def close(self):
        self.p.terminate()
        self.p.wait()


def answers(server, model, tok, records, slots=4):
    s = Server(server, model, slots)
    try:
        with ThreadPoolExecutor(slots) as pool:
            return list(pool.map(lambda r: s.post("/completion", {"prompt": prompt_of(tok, r), "n_predict": 96, "temperature": 0, "cache_prompt": False})["content"], records))
    finally:
        s.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ckpt")
    p.add_argument("tests", nargs="+")
    p.add_argument("--tokenizer", required=True)
    p.add_argument("--server", required=True)
    p.add_argument("--quantize", required=True)
    p.add_argument("--limit", type=int, default=400)
    a = p.parse_args()
    tok, recs = Tokenizer.from_file(a.tokenizer), read(a.tests)
    recs = recs[::max(1, len(recs) // a.limit)]
    out, size = {}, {}
    with tempfile.TemporaryDirectory() as d:
        f16 = os.path.join(d, "f16.gguf")
        subprocess.run([sys.executable, os.path.join(HERE, "export_gguf.py"), a.ckpt, f16, "--tokenizer", a.tokenizer, "--type", "f16"], check=True, stdout=subprocess.DEVNULL)
        for kind in ("f16", "q8_0", "q4_K_M"):
            path = os.path.join(d, kind + ".gguf")
            if kind != "f16":
                subprocess.run([a.quantize, f16, path, kind, "1"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            size[kind] = os.path.getsize(path)
            out[kind] = answers(a.server, path, tok, recs)
    right = {k: [o == r["expect"] for o, r in zip(v, recs)] for k, v in out.items()}
    print("| file | bytes | exact match (n = %d) | same output as f16 | wrong->right / right->wrong |\n|---|---|---|---|---|" % len(recs))
    for k in out:
        same = sum(x == y for x, y in zip(out[k], out["f16"])) / len(recs)
        up, down = (sum(x == u and y != u for x, y in zip(right[k], right["f16"])) for u in (True, False))
        print("| %s | %s | %.3f | %.3f | %d / %d |" % (k, format(size[k], ","), sum(right[k]) / len(recs), same, up, down))
    print("\n| task | n | %s | same as f16: q8_0 | q4_K_M |\n|---|---|---|---|---|---|---|" % " | ".join(out))
    for op in dict.fromkeys(r["op"] for r in recs):
        i = [n for n, r in enumerate(recs) if r["op"] == op]
        print("| %s | %d | %s | %s |" % (op, len(i), " | ".join("%.2f" % (sum(right[k][n] for n in i) / len(i)) for k in out), " | ".join("%.2f" % (sum(out[k][n] == out["f16"][n] for n in i) / len(i)) for k in ("q8_0", "q4_K_M"))))


if __name__ == "__main__":
    main()
