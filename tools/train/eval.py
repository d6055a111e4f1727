# SPDX-License-Identifier: Apache-2.0
"""The test set and the judge.

  eval.py make OUT_DIR [--data DIR] [--each 60]     writes the test set
  eval.py run CKPT TEST.jsonl... --tokenizer T [--quant q8_0] [--out RECORDS.jsonl]

Our own texts go to tools/train/eval/{nano,mini}.jsonl and are committed; those
of the public sets are made on the spot (OUT_DIR/public-*.jsonl, never committed).
A record: {"id","model","op","task","split","messages","tools","expect"}.

`run` judges by exact match.  It first runs the expected answer through the
model (one pass): if every token is the model's first choice, greedy decoding
gives just that.  Only the wrong ones are decoded.  Each output keeps what the
confidence needs: log-probability, margin, and (with --hidden) the mean state."""
import argparse
import json
import os
import sys
import time

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "data"))
import chatml  # noqa: E402
import mix  # noqa: E402
from common import Ctx  # noqa: E402
from model import load  # noqa: E402
from prepare import DATA  # noqa: E402

MAX_NEW = 120


def make(folder, data, each, seed=1000):
    """Test set: `each` records per operation, model and split; public ones three times as many."""
    from public import Public
    pub = Public(data)
    os.makedirs(folder, exist_ok=True)
    for model in ("nano", "mini"):
        files = {}
        for op, shares in mix.SHARES.items():
            if not shares[model == "mini"]:
                continue
            for split in ("seen", "unseen"):
                ctx, got, tries = Ctx("%s %s %s %d" % (model, op, split, seed), split, model), {}, 0
                want = each * (4 if op in ("intent", "slots") else 2 if op in ("refuse_public", "text") else 1)
                while len(got) < want and tries < 20 * want:
                    tries += 1
                    c = mix.chat(ctx, pub, op, turns_before=0 if ctx.chance(0.9) else 1)
                    key = json.dumps(c["messages"][:-1])
                    if key in got or c["public"] and op not in mix.PUBLIC:
                        continue
                    got[key] = dict(id="%s-%s-%s-%d" % (model, op, split, len(got)), model=model, op=op, task=c["task"], split=split, messages=c["messages"][:-1], tools=c["tools"], expect=c["messages"][-1]["content"])
                files.setdefault("public-" + model if op in mix.PUBLIC else model, []).extend(got.values())
        for name, rows in files.items():
            with open(os.path.join(folder, name + ".jsonl"), "w", encoding="utf-8") as f:
                f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
            print("%s: %d records" % (name, len(rows)))


def fake_q8(model):
    """Every matrix as q8_0 would hold it (blocks of 32, one f16 scale)."""
    for n, p in model.named_parameters():
        if p.dim() == 2:
            b = p.data.reshape(-1, 32)
            d = (b.abs().amax(1, keepdim=True) / 127).half().float()
            q = torch.where(d > 0, torch.round(b / torch.where(d > 0, d, 1)), torch.zeros_like(b))
            p.data = (q * d).reshape(p.shape)


def read(paths):
    out = []
    for p in paths:
        with open(p, encoding="utf-8") as f:
            out += [json.loads(line) for line in f]
    return out


def prompt_of(tok, r):
    text = "".join(t for t, _ in chatml.segments(r["messages"], r["tools"]))
    return tok.encode(text).ids


@torch.no_grad()
def padded(model, rows, dtype):
    """Left-aligned batch of token lists -> hidden states [B,T,D]."""
    n = max(map(len, rows))
    n = (n + 15) // 16 * 16
    ids = torch.zeros(len(rows), n, dtype=torch.long)
    for i, r in enumerate(rows):
        ids[i, :len(r)] = torch.tensor(r)
    pos = torch.arange(n).expand(len(rows), n)
    mask = torch.ones(n, n, dtype=torch.bool).tril()[None, None]
    return model.hidden(ids, pos, mask, dtype)


@torch.no_grad()
def greedy(model, prompts, end, dtype):
    """Greedy decoding of a batch, right-padded prompts, key-value cache."""
    n, b = max(map(len, prompts)), len(prompts)
    ids, ok = torch.zeros(b, n, dtype=torch.long), torch.zeros(b, n, dtype=torch.bool)
    for i, p in enumerate(prompts):
        ids[i, n - len(p):] = torch.tensor(p)
        ok[i, n - len(p):] = True
    pos = (ok.cumsum(1) - 1).clamp(min=0)
    mask = (torch.ones(n, n, dtype=torch.bool).tril()[None] & ok[:, None, :])[:, None]
    mask = mask | torch.eye(n, dtype=torch.bool)[None, None]
    caches = [[] for _ in model.blocks]
    h = model.hidden(ids, pos, mask, dtype, caches)[:, -1]
    out, alive, last = [[] for _ in range(b)], [True] * b, pos[:, -1]
    for _ in range(MAX_NEW):
        nxt = model.logits(h).argmax(-1)
        for i, t in enumerate(nxt.tolist()):
            if alive[i]:
                out[i].append(t)
                alive[i] = t != end
        if not any(alive):
            break
        ok, last = torch.cat((ok, torch.ones(b, 1, dtype=torch.bool)), 1), last + 1
        h = model.hidden(nxt[:, None], last[:, None], ok[:, None, None, :], dtype, caches)[:, -1]
    return out


def statistics(logits, ids):
    """What the C engine computes too: from raw logits, natural logs, the end token included."""
    lp = torch.log_softmax(logits.float(), -1)
    mine = lp.gather(1, ids[:, None])[:, 0]
    top = lp.topk(2, -1).values
    return dict(sum_logprob=float(mine.sum()), min_logprob=float(mine.min()), mean_logprob=float(mine.mean()), first_logprob=float(mine[0]), min_margin=float((top[:, 0] - top[:, 1]).min()), n_tokens=len(ids))


@torch.no_grad()
def judge(model, tok, records, hidden=False, dtype=torch.float32, batch=48, decode=True):
    """Adds output, right, stats (and hidden) to each record."""
    end = tok.token_to_id("<|im_end|>")
    for r in records:
        r["_p"] = prompt_of(tok, r)
        r["_a"] = tok.encode(r["expect"]).ids + [end]
    order = sorted(range(len(records)), key=lambda i: len(records[i]["_p"]) + len(records[i]["_a"]))

    def measure(part, key):
        h = padded(model, [r["_p"] + r[key] for r in part], dtype)
        for i, r in enumerate(part):
            a, b = len(r["_p"]) - 1, len(r["_p"]) + len(r[key]) - 1
            logits, ids = model.logits(h[i, a:b]), torch.tensor(r[key])
            r["stats"] = statistics(logits, ids)
            if hidden:  # the states of the positions that produced the tokens
                r["hidden"] = h[i, a:b].float().mean(0).numpy()
            yield r, bool((logits.argmax(-1) == ids).all())
    wrong = []
    for at in range(0, len(order), batch):
        for r, ok in measure([records[i] for i in order[at:at + batch]], "_a"):
            r["right"], r["output"] = ok, r["expect"]
            if not ok:
                wrong.append(r)
    if decode:
        wrong.sort(key=lambda r: len(r["_p"]))
        for at in range(0, len(wrong), 64):
            part = wrong[at:at + 64]
            for r, ids in zip(part, greedy(model, [r["_p"] for r in part], end, dtype)):
                r["_o"] = ids
                r["output"] = tok.decode([t for t in ids if t != end], skip_special_tokens=False)
                r["right"] = r["output"] == r["expect"] and ids[-1] == end
        for at in range(0, len(wrong), batch):
            for _ in measure(wrong[at:at + batch], "_o"):
                pass
    for r in records:
        for k in ("_p", "_a", "_o"):
            r.pop(k, None)
    return records


def interval(k, n):
    """Wilson's 95 % interval."""
    if not n:
        return 0.0, 0.0
    p, z = k / n, 1.96
    m, w = (p + z * z / 2 / n) / (1 + z * z / n), z * (p * (1 - p) / n + z * z / 4 / n / n) ** 0.5 / (1 + z * z / n)
    return max(0.0, m - w), min(1.0, m + w)


def table(records, key="op"):
    """Markdown: exact match per operation, seen and unseen phrasing; the last row weighs operations equally."""
    rows, means = [], {"seen": [], "unseen": []}
    for op in list(dict.fromkeys(r[key] for r in records)):
        cells = []
        for split in ("seen", "unseen"):
            part = [r for r in records if r[key] == op and r["split"] == split]
            if not part:
                cells.append("-")
                continue
            k = sum(r["right"] for r in part)
            lo, hi = interval(k, len(part))
            means[split].append(k / len(part))
            cells.append("%.2f (%.2f-%.2f, %d)" % (k / len(part), lo, hi, len(part)))
        rows.append("| %s | %s | %s |" % (op, *cells))
    pooled = ["%.3f" % (sum(r["right"] for r in records if r["split"] == s) / max(1, sum(r["split"] == s for r in records))) for s in ("seen", "unseen")]
    return "\n".join(["| %s | seen phrasing | unseen phrasing |" % key, "|---|---|---|"] + rows + ["| mean of the rows | %.3f | %.3f |" % tuple(np.mean(means[s]) if means[s] else 0 for s in ("seen", "unseen")), "| all records | %s | %s |" % tuple(pooled)])


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["make", "run"])
    p.add_argument("args", nargs="+")
    p.add_argument("--data", default=DATA)
    p.add_argument("--each", type=int, default=60)
    p.add_argument("--seed", type=int, default=1000)
    p.add_argument("--tokenizer")
    p.add_argument("--quant", default="f32", choices=["f32", "q8_0"])
    p.add_argument("--out")
    p.add_argument("--limit", type=int, default=0, help="every k-th record so that about this many are left")
    p.add_argument("--errors", type=int, default=0, help="show this many wrong answers per operation")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if a.what == "make":
        make(a.args[0], a.data, a.each, a.seed)
        sys.exit()
    from tokenizers import Tokenizer
    m, c = load(a.args[0])
    if a.quant == "q8_0":
        fake_q8(m)
    recs = read(a.args[1:])
    if a.limit and len(recs) > a.limit:
        recs = recs[::max(1, len(recs) // a.limit)]
    t0 = time.time()
    judge(m, Tokenizer.from_file(a.tokenizer), recs)
    print(table(recs))
    print("%d records, %.0f s, %.2f M tokens trained" % (len(recs), time.time() - t0, c["tokens"] / 1e6))
    if a.errors:
        for op in dict.fromkeys(r["op"] for r in recs):
            for r in [r for r in recs if r["op"] == op and not r["right"]][:a.errors]:
                print("%-12s %-6s %r -> %r, not %r" % (op, r["split"], r["messages"][-1]["content"][-150:], r["output"][:110], r["expect"][:110]))
    if a.out:
        with open(a.out, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in recs)
