# SPDX-License-Identifier: Apache-2.0
"""GGUF files behind a running `weir serve`, each as a device of its own name."""
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

SHIPPED = {name: "%s/models/weir-%s.gguf" % (ROOT, name) for name in ("nano", "mini")}
BACKEND = '  - {{ name: {name}, tier: device, model: "{path}", slots: 1{more} }}\n'
CONFIG = """
listen: 127.0.0.1:{port}
backends:
{backends}policy: {{ strategy: device }}
ledger: {{ path: {tmp}/weir.db }}
log: {{ level: error }}
"""


class Served:
    """`with Served({"nano": path}) as s: s.ask("nano", messages)`; `more` = further keys of each backend."""

    def __init__(self, models, more=""):
        self.models, self.more = models, more

    def __enter__(self):
        self.tmp, self.port = tempfile.mkdtemp(prefix="weir-models-"), free_port()
        backends = "".join(BACKEND.format(name=n, path=p, more=self.more) for n, p in self.models.items())
        with open(self.tmp + "/weir.yaml", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=self.port, tmp=self.tmp, backends=backends))
        with open(self.tmp + "/log", "wb") as log:
            self.process = subprocess.Popen([WEIR, "serve", "--config", self.tmp + "/weir.yaml"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_ready(self.port, self.process, self.tmp + "/log")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def ask(self, name, messages, **more):
        """The answer's body, greedy; a bad status ends the program."""
        status, _, body = raw_http("http://127.0.0.1:%d" % self.port, "POST", "/v1/chat/completions", {
            "model": name, "messages": messages, "temperature": 0, "max_tokens": 160, "weir": {"deterministic": True},
            **more})
        if status != 200:
            raise SystemExit("status %d: %s" % (status, body))
        return json.loads(body)

    def say(self, name, messages, **more):
        return self.ask(name, messages, **more)["choices"][0]["message"]["content"]
