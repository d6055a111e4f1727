# SPDX-License-Identifier: Apache-2.0
"""Knows what it does not know: fits the probe of one model and writes it.

  probe.py CKPT GGUF OUT.probe.json --tokenizer T --fit A.jsonl... --test B.jsonl... [--quant q8_0]

score = bias + weights . ((x - mean) / scale), where x is the mean of the final,
post-norm hidden states at the positions that produced the answer (`hidden`
numbers, none if they do not pay) followed by the statistics in their order.
`calibration` maps a score to P(right), piecewise linear, monotone (pooled
adjacent violators, few knots); below the first and above the last knot it is
flat.  The file is bound to its GGUF by sha256.  Log-probabilities are natural,
from raw logits, the end token included.  See README.md for the format."""
import argparse
import hashlib
import json
import os

import numpy as np
import torch
from eval import fake_q8, judge, read, table
from model import load
from prepare import HERE  # noqa: F401  (puts data/ on the path)
from common import REFUSAL

STATS = ["sum_logprob", "min_logprob", "mean_logprob", "first_logprob", "min_margin", "n_tokens", "is_refusal", "is_unknown"]


def vector(r, hidden):
    s = dict(r["stats"], is_refusal=float(r["output"].strip() == REFUSAL), is_unknown=float('"unknown"' in r["output"]))
    x = np.array([s[k] for k in STATS], np.float64)
    return np.concatenate([r["hidden"].astype(np.float64), x]) if hidden else x


def fit(x, y, l2):
    """Logistic regression on standardised columns."""
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z, t = torch.tensor((x - mean) / scale), torch.tensor(y)
    w = torch.zeros(z.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    opt = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z @ w[1:] + w[0], t) + l2 * (w[1:] ** 2).sum() / len(t)
        loss.backward()
        return loss
    opt.step(closure)
    w = w.detach().numpy()
    return mean, scale, w[1:], w[0]


def auroc(score, y):
    order = np.argsort(score, kind="stable")
    s, ranks = score[order], np.empty(len(score))
    i = 0
    while i < len(s):  # equal scores share their mean rank
        j = i
        while j + 1 < len(s) and s[j + 1] == s[i]:
            j += 1
        ranks[order[i:j + 1]] = (i + j) / 2 + 1
        i = j + 1
    p, n = y.sum(), len(y) - y.sum()
    return float((ranks[y > 0].sum() - p * (p + 1) / 2) / (p * n)) if p and n else float("nan")


def isotonic(score, y, knots=20):
    """Ascending score knots and their probabilities."""
    order = np.argsort(score)
    blocks = []  # [sum of y, count, sum of score]
    for s, t in zip(score[order], y[order]):
        blocks.append([t, 1, s])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            b = blocks.pop()
            blocks[-1] = [blocks[-1][i] + b[i] for i in range(3)]
    while len(blocks) > knots:  # join the smallest block with its nearer neighbour
        i = min(range(len(blocks)), key=lambda k: blocks[k][1])
        j = i + 1 if i == 0 or (i + 1 < len(blocks) and blocks[i + 1][0] / blocks[i + 1][1] - blocks[i][0] / blocks[i][1] < blocks[i][0] / blocks[i][1] - blocks[i - 1][0] / blocks[i - 1][1]) else i - 1
        a, b = min(i, j), max(i, j)
        blocks[a:b + 1] = [[blocks[a][k] + blocks[b][k] for k in range(3)]]
    xs = [b[2] / b[1] for b in blocks]
    ps = [(b[0] + 0.5) / (b[1] + 1) for b in blocks]
    return [round(float(v), 5) for v in xs], [round(float(v), 5) for v in np.maximum.accumulate(ps)]


def ece(p, y, bins=10):
    return float(sum(abs(p[m].mean() - y[m].mean()) * m.mean() for m in [(np.minimum((p * bins).astype(int), bins - 1) == b) for b in range(bins)] if m.any()))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("ckpt")
    ap.add_argument("gguf")
    ap.add_argument("out")
    ap.add_argument("--tokenizer", required=True)
    ap.add_argument("--fit", nargs="+", required=True)
    ap.add_argument("--test", nargs="+", required=True)
    ap.add_argument("--quant", default="q8_0", choices=["f32", "q8_0"])
    ap.add_argument("--keep", type=float, default=0.93, help="the threshold keeps answers that are right this often")
    ap.add_argument("--hidden", action="store_true", help="let hidden states compete; Weir's engine does not read them, it then uses the plain sum")
    ap.add_argument("--records", help="also writes the test records with the outputs here")
    a = ap.parse_args()
    from tokenizers import Tokenizer
    torch.set_num_threads(1)
    tok, (model, _) = Tokenizer.from_file(a.tokenizer), load(a.ckpt)
    if a.quant == "q8_0":
        fake_q8(model)
    train, test = (judge(model, tok, read(p), hidden=True) for p in (a.fit, a.test))
    if a.records:
        with open(a.records, "w", encoding="utf-8") as f:
            f.writelines(json.dumps({k: v for k, v in r.items() if k != "hidden"}, ensure_ascii=False) + "\n" for r in test)
    print(table(test) + "\n")
    y, yt = (np.array([float(r["right"]) for r in rs]) for rs in (train, test))
    fold = np.arange(len(train)) % 5
    best = None
    for hidden in (False, True) if a.hidden else (False,):
        x = np.stack([vector(r, hidden) for r in train])
        for l2 in (3.0, 30.0, 150.0):
            oof = np.zeros(len(y))
            for k in range(5):
                m, s, w, b = fit(x[fold != k], y[fold != k], l2)
                oof[fold == k] = b + ((x[fold == k] - m) / s) @ w
            q = auroc(oof, y)
            print("hidden %d, l2 %g: out-of-fold AUROC %.3f" % (hidden, l2, q))
            if best is None or q > best[0] + (0.003 if hidden else 0):
                best = (q, hidden, l2, oof)
    _, hidden, l2, oof = best
    mean, scale, w, b = fit(np.stack([vector(r, hidden) for r in train]), y, l2)
    cal = isotonic(oof, y)
    raw = np.array([r["stats"]["sum_logprob"] for r in train])
    raw_t = np.array([r["stats"]["sum_logprob"] for r in test])
    cal_raw = isotonic(raw, y)
    score = b + ((np.stack([vector(r, hidden) for r in test]) - mean) / scale) @ w
    p, p_raw, p_fit = np.interp(score, *cal), np.interp(raw_t, *cal_raw), np.interp(oof, *cal)
    order = np.argsort(-p_fit)
    right = np.cumsum(y[order]) / np.arange(1, len(y) + 1)
    ok = np.flatnonzero(right >= a.keep)
    threshold = float(p_fit[order[ok[-1]]]) if len(ok) else 0.9
    print("\n| task | n | right | AUROC sum of log-probs | AUROC probe | ECE probe |\n|---|---|---|---|---|---|")
    for op in list(dict.fromkeys(r["op"] for r in test)) + ["all"]:
        m = np.array([op in (r["op"], "all") for r in test])
        print("| %s | %d | %.2f | %.3f | %.3f | %.3f |" % (op, m.sum(), yt[m].mean(), auroc(raw_t[m], yt[m]), auroc(score[m], yt[m]), ece(p[m], yt[m])))
    kept = p >= threshold
    print("threshold %.3f: keeps %.2f of the answers, %.3f of them right; ECE of the plain sum %.3f" % (threshold, kept.mean(), yt[kept].mean(), ece(p_raw, yt)))
    with open(a.gguf, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()

    def short(v):
        return [float("%.6g" % t) for t in v]
    out = {"format": "weir-probe-1", "model": os.path.basename(a.gguf), "model_sha256": digest, "refusal": REFUSAL, "statistics": STATS, "hidden": len(mean) - len(STATS),
           "mean": short(mean), "scale": short(scale), "weights": short(w), "bias": float("%.6g" % b), "calibration": {"score": cal[0], "p": cal[1]}, "sum_logprob_calibration": {"score": cal_raw[0], "p": cal_raw[1]},
           "threshold": round(threshold, 4), "auroc": round(auroc(score, yt), 4), "ece": round(ece(p, yt), 4), "auroc_sum_logprob": round(auroc(raw_t, yt), 4), "fitted_on": len(train), "tested_on": len(test), "quantisation": a.quant}
    with open(a.out, "w", encoding="ascii") as f:
        json.dump(out, f)
        f.write("\n")


if __name__ == "__main__":
    main()
