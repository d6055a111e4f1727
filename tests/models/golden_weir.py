# SPDX-License-Identifier: Apache-2.0
"""Asks a running `weir serve` every line of golden.jsonl. Each model is a device of its own in one config."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
from harness import ROOT, WEIR, free_port, raw_http, wait_ready  # noqa: E402

CONFIG = """
listen: 127.0.0.1:{port}
backends:
  - {{ name: nano, tier: device, model: {root}/models/weir-nano.gguf, slots: 1 }}
  - {{ name: mini, tier: device, model: {root}/models/weir-mini.gguf, slots: 1 }}
policy: {{ strategy: device }}
ledger: {{ path: {tmp}/weir.db }}
log: {{ level: error }}
"""


def answer(base, line):
    status, _, body = raw_http(base, "POST", "/v1/chat/completions", {
        "model": line["model"], "messages": line["messages"], "temperature": 0, "max_tokens": 160,
        "weir": {"deterministic": True}})
    return json.loads(body)["choices"][0]["message"]["content"] if status == 200 else f"status {status}: {body}"


def main():
    with open(os.path.join(HERE, "golden.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    tmp, port = tempfile.mkdtemp(prefix="weir-golden-"), free_port()
    with open(tmp + "/weir.yaml", "w") as f:
        f.write(CONFIG.format(port=port, root=ROOT, tmp=tmp))
    with open(tmp + "/log", "wb") as log:
        process = subprocess.Popen([WEIR, "serve", "--config", tmp + "/weir.yaml"], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
    failed = 0
    try:
        wait_ready(port, process, tmp + "/log")
        for line in lines:
            said = answer(f"http://127.0.0.1:{port}", line)
            prompt = line["messages"][-1]["content"]
            if said != line["expect"]:
                failed += 1
                print(f"not ok golden {line['model']} - {prompt!r}: said {said!r}, not {line['expect']!r}")
        print(f"ok golden - {len(lines) - failed} of {len(lines)} prompts")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        shutil.rmtree(tmp, ignore_errors=True)
    sys.exit(1 if failed else 0)


main()
