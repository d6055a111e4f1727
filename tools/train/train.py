# SPDX-License-Identifier: Apache-2.0
"""Trains nano, mini or the toy, on a CPU or a CUDA device; resumes by itself.

  train.py --model nano --shards DIR --out DIR (--steps N | --minutes M) [--teacher CKPT]

The happy path is: shards (prepare.py) are packed first-fit into rows of 128
tokens, every 14th step into rows of 1,024; the loss counts answers (short ones more per
token) and a sample of the prompts at a tenth; Muon moves the matrices, AdamW the embedding
and the norms; the rate is constant, then falls linearly to 0 over the last 60 %.
An average of the weights (EMA) is kept: before the fall it is worth most of it.
New shards in the folder are picked up when the present one ends.

--minutes counts wall time over all restarts; OUT/minutes, if it exists, replaces
the number while running (a shared machine makes plans wrong).  --steps with a
fixed --seed and unchanged shards is repeatable on one machine.
SIGTERM writes a checkpoint and ends; a harder kill loses at most --save minutes."""
import argparse
import glob
import math
import os
import signal
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from model import SHAPES, Model, grow, save

LEARN, SHORT, LONG = 0x8000, 128, 1024
# Polar Express with a safety margin: without it the fifth product now and then
# blows up in bf16 and one step destroys a matrix.
POLAR = [(8.156554524902461, -22.48329292557795, 15.878769915207462), (4.042929935166739, -2.808917465908714, 0.5000178451051316), (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
         (3.285753657755655, -2.3681294933425376, 0.46449024233003106), (2.3465413258596377, -1.7097828382687081, 0.42323551169305323)]


def weigh(chat):
    """Prompts count a tenth; an answer's tokens the more the shorter it is: "42" is as much of
    an answer as a line of JSON, and exact match counts answers, not tokens."""
    learned = (chat & LEARN) > 0
    edge = np.flatnonzero(np.diff(np.concatenate(([0], learned, [0]))))
    w = np.full(len(chat), 0.1, np.float32)
    for a, b in zip(edge[::2], edge[1::2]):
        w[a:b] = min(4.0, max(0.5, 12 / (b - a)))
    return w


class Rows:
    """Packs chats into rows; a chat never sees its neighbour."""

    def __init__(self, folder, seed, tokens):
        self.folder, self.tokens, self.rng = folder, tokens, np.random.default_rng(seed)
        self.used, self.short, self.long = {}, [], []
        self.chats = 0

    def refill(self):
        files = sorted(glob.glob(os.path.join(self.folder, "*.npz")))
        least = min(self.used.get(f, 0) for f in files)
        path = [f for f in files if self.used.get(f, 0) == least][0]
        self.used[path] = least + 1
        with np.load(path) as z:
            parts = np.split(z["tokens"], z["ends"][:-1])
        order = self.rng.permutation(len(parts))
        self.short += [parts[i] for i in order if len(parts[i]) <= SHORT]
        fresh = [parts[i] for i in order if len(parts[i]) > SHORT]
        self.long = (self.long + fresh)[-4000:]

    def batch(self, width):
        """(ids, doc, weight) as arrays [rows, width]; doc 0 is padding."""
        pool = self.short if width == SHORT else self.long
        n = max(1, self.tokens // width)
        if len(self.short) < 4000 or not self.long:
            self.refill()
            pool = self.short if width == SHORT else self.long
        ids, doc = np.zeros((n, width), np.int64), np.zeros((n, width), np.int64)
        weight, room, count = np.zeros((n, width), np.float32), [width] * n, [0] * n
        misses = 0
        while pool and misses < 12:
            c = pool.pop()
            row = next((i for i in range(n) if room[i] >= len(c)), None)
            if row is None:
                misses += 1
                pool.insert(int(self.rng.integers(0, len(pool) + 1)) if width != SHORT else 0, c)
                continue
            at = width - room[row]
            count[row] += 1
            ids[row, at:at + len(c)] = c & (LEARN - 1)
            doc[row, at:at + len(c)] = count[row]
            weight[row, at:at + len(c) - 1] = weigh(c)[1:]  # it sits at the position that predicts
            room[row] -= len(c)
            self.chats += 1
        return ids, doc, weight

    def pick(self, weight, k):
        """k positions for the head: every learned one, then a sample of the others."""
        flat = weight.reshape(-1)
        sure, rest = np.flatnonzero(flat >= 0.5), np.flatnonzero((flat > 0) & (flat < 0.5))
        self.rng.shuffle(sure)
        sure = sure[:k]
        rest = self.rng.choice(rest, min(k - len(sure), len(rest)), replace=False) if len(rest) else rest
        idx = np.concatenate([sure, rest, np.zeros(k - len(sure) - len(rest), np.int64)])
        w = flat[idx]
        w[len(sure) + len(rest):] = 0
        return idx, w


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised per matrix; equal shapes go through one batch of products."""

    def __init__(self, params, lr):
        super().__init__(params, dict(lr=lr, momentum=0.95, decay=0.05))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            by_shape = {}
            for p in g["params"]:
                by_shape.setdefault(p.shape, []).append(p)
            for shape, ps in by_shape.items():
                m = [self.state[p].setdefault("m", torch.zeros_like(p)) for p in ps]
                torch._foreach_lerp_(m, [p.grad for p in ps], 1 - g["momentum"])
                u = torch.stack(torch._foreach_lerp([p.grad for p in ps], m, g["momentum"])).bfloat16()
                if shape[0] > shape[1]:
                    u = u.mT
                u = u / (u.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
                for a, b, c in POLAR:
                    s = u @ u.mT
                    u = a * u + (b * s + c * (s @ s)) @ u
                if shape[0] > shape[1]:
                    u = u.mT
                scale = g["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for p, d in zip(ps, u.float()):
                    p.mul_(1 - g["lr"] * g["decay"]).add_(d, alpha=-scale)


def loss_fn(model, ids, doc, idx, target, weight, pos, dtype, teacher=None, mix=0.5):
    t = ids.shape[1]
    causal = torch.ones(t, t, dtype=torch.bool, device=ids.device).tril()
    mask = ((doc[:, :, None] == doc[:, None, :]) & causal)[:, None]
    h = model.hidden(ids, pos, mask, dtype).reshape(-1, model.s.dim)[idx]
    logits = model.logits(h)
    loss = F.cross_entropy(logits, target, reduction="none")
    if teacher is not None:
        kl = F.kl_div(torch.log_softmax(logits, -1), teacher, reduction="none", log_target=True).sum(-1)
        knows = teacher.gather(1, target[:, None])[:, 0] > math.log(0.05)  # mini answers what nano must refuse: there it is no teacher
        loss = torch.where(knows, (1 - mix) * loss + mix * kl, loss)
    return (loss * weight).sum() / weight.sum()


def args():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", choices=list(SHAPES), default="nano")
    p.add_argument("--shards", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--steps", type=int, default=0)
    p.add_argument("--minutes", type=float, default=0)
    p.add_argument("--tokens", type=int, default=4096, help="per step")
    p.add_argument("--lr", type=float, default=0.015)
    p.add_argument("--adam", type=float, default=0.003)
    p.add_argument("--fall", type=float, default=0.6, help="last share of the run in which the rate falls")
    p.add_argument("--warm", help="start from the weights of this checkpoint, of a shallower model too")
    p.add_argument("--teacher", help="checkpoint whose distribution is half of the target, wherever it gives the right token 5 % or more")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--save", type=float, default=2, help="minutes between checkpoints")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--compile", type=int, default=1)
    return p.parse_args()


def main():
    a = args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    dev = "cuda" if torch.cuda.is_available() else "cpu"
    bf16 = dev == "cuda" or torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    dtype = torch.bfloat16 if bf16 else torch.float32
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, "last.pt")
    model = Model(SHAPES[a.model]).to(dev)
    matrices = [p for b in model.blocks for p in b.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if not any(p is m for m in matrices)]
    muon = Muon(matrices, a.lr)
    adam = torch.optim.AdamW(others, lr=a.adam, betas=(0.9, 0.95), weight_decay=0.0, fused=False, foreach=True)
    rows = Rows(a.shards, a.seed, a.tokens)
    step, spent, tokens, cpu = 0, 0.0, 0, 0.0
    ema = {k: v.clone() for k, v in model.state_dict().items()}
    if a.warm and not os.path.exists(path):
        c = torch.load(a.warm, map_location=dev, weights_only=False)
        deeper = model.s.layers - c["shape"]["layers"]
        model.load_state_dict(grow(c["model"], c["shape"]["layers"], model.s.layers)(model.state_dict()) if deeper else c["model"])
        ema = {k: v.clone() for k, v in model.state_dict().items()}
        tokens, cpu = c["tokens"], c["cpu"]
    if os.path.exists(path):
        c = torch.load(path, map_location=dev, weights_only=False)
        model.load_state_dict(c["model"])
        ema = c["ema"]
        muon.load_state_dict(c["muon"])
        adam.load_state_dict(c["adam"])
        step, spent, tokens, cpu = c["step"], c["spent"], c["tokens"], c["cpu"]
        rows.used, rows.chats = c["used"], c["chats"]
        rows.rng = np.random.default_rng(a.seed + step)
    teacher = None
    if a.teacher:
        from model import load
        teacher = load(a.teacher)[0].to(dev)
    fn = torch.compile(loss_fn, dynamic=False) if a.compile else loss_fn
    params = dict(model.named_parameters())
    began, saved, shown, cpu0 = time.time() - spent, time.time(), 0.0, time.process_time() - cpu
    mean = None

    def checkpoint():
        save(path + ".tmp", model, model=model.state_dict(), ema=ema, muon=muon.state_dict(), adam=adam.state_dict(), step=step, spent=time.time() - began, tokens=tokens,
             cpu=time.process_time() - cpu0, used=rows.used, chats=rows.chats, name=a.model, seed=a.seed, teacher=bool(a.teacher))
        os.replace(path + ".tmp", path)

    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    while not ended:
        minutes = a.minutes
        if step % 20 == 0 and os.path.exists(os.path.join(a.out, "minutes")):
            with open(os.path.join(a.out, "minutes"), encoding="ascii") as f:
                a.minutes = minutes = float(f.read() or minutes)
        done = step / a.steps if a.steps else (time.time() - began) / 60 / minutes
        if done >= 1:
            break
        rate = min(1.0, (1 - done) / a.fall) * min(1.0, (step + 1) / 60)
        muon.param_groups[0].update(lr=a.lr * rate, momentum=0.85 + 0.1 * min(1.0, step / 300))
        adam.param_groups[0]["lr"] = a.adam * rate
        width = LONG if step % 14 == 13 else SHORT
        ids, doc, weight = rows.batch(width)
        idx, w = rows.pick(weight, int(0.45 * ids.size))
        target = np.roll(ids, -1, 1).reshape(-1)[idx]
        pos = np.broadcast_to(np.arange(width), ids.shape)
        ids_t, doc_t, idx_t, tgt_t, w_t, pos_t = (torch.from_numpy(np.ascontiguousarray(x)).to(dev) for x in (ids, doc, idx, target, w, pos))
        soft = None
        if teacher is not None:
            with torch.no_grad():
                causal = torch.ones(width, width, dtype=torch.bool, device=dev).tril()
                mask = ((doc_t[:, :, None] == doc_t[:, None, :]) & causal)[:, None]
                soft = torch.log_softmax(teacher.logits(teacher.hidden(ids_t, pos_t, mask, dtype).reshape(-1, teacher.s.dim)[idx_t]), -1)
        loss = fn(model, ids_t, doc_t, idx_t, tgt_t, w_t, pos_t, dtype, soft)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        muon.step()
        adam.step()
        model.zero_grad(set_to_none=True)
        step += 1
        tokens += int((doc > 0).sum())
        keep = min(0.995, 1 - 1 / (step + 1))
        with torch.no_grad():
            names = list(params)
            torch._foreach_lerp_([ema[n] for n in names], [params[n].detach() for n in names], 1 - keep)
        value = float(loss.detach())
        mean = value if mean is None else 0.95 * mean + 0.05 * value
        now = time.time()
        if now - shown > 5:
            shown, bar = now, int(30 * done)
            print("\r[%s%s] %3.0f %%  step %d  loss %.3f  %.1f M tokens  %.0f min  %.0f cpu-s  %.1fk tok/cpu-s " %
                  ("#" * bar, "." * (30 - bar), 100 * done, step, mean, tokens / 1e6, (now - began) / 60, time.process_time() - cpu0,
                   tokens / 1e3 / max(1e-9, time.process_time() - cpu0)), end="" if sys.stdout.isatty() else "\n", flush=True)
        if now - saved > a.save * 60:
            checkpoint()
            saved = now
    checkpoint()
    print("\ndone: %d steps, %.2f M tokens, %.0f cpu-s, loss %.3f" % (step, tokens / 1e6, time.process_time() - cpu0, mean))


if __name__ == "__main__":
    main()
