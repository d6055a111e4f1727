# SPDX-License-Identifier: Apache-2.0
"""Makes the tokenizer and shards of tokenised training chats.

  prepare.py tokenizer OUT [--data DIR]          byte-level BPE, 2,048 entries, one token per digit
  prepare.py shard OUT --model nano --seed 1 --chats 100000 [--stage wide] [--data DIR]

A shard is one .npz: `tokens` (uint16, top bit set = the loss counts), `ends`
(where each chat stops).  Chats of up to 128 tokens fill the short rows; longer
ones, and chats joined into conversations of up to 1,024 tokens, the long rows."""
import argparse
import os
import sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "data"))
import chatml  # noqa: E402
import mix  # noqa: E402
from common import Ctx  # noqa: E402
from public import Public  # noqa: E402

VOCAB = 2048
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DATA = os.path.normpath(os.path.join(HERE, "../../../shared/data"))
SHORT, LONG = 128, 1024
LEARN = 0x8000


def build_tokenizer(path, data):
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    pub, texts = Public(data), []
    for model in ("nano", "mini"):
        ctx = Ctx(4, "train", model)
        for _ in range(40000):
            c = mix.chat(ctx, pub)
            texts += [t for t, _ in chatml.segments(c["messages"], c["tools"])]
    for s in SPECIAL:
        texts = [t.replace(s, "\n") for t in texts]
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tok.save(path)


def encode(tok, chats):
    """List of uint16 arrays, the learned tokens marked."""
    segs = [chatml.segments(c["messages"], c["tools"]) for c in chats]
    flat = tok.encode_batch_fast([t for s in segs for t, _ in s])
    out, i = [], 0
    for s in segs:
        parts = []
        for _, learned in s:
            ids = np.array(flat[i].ids, dtype=np.uint16)
            parts.append(ids | LEARN if learned else ids)
            i += 1
        out.append(np.concatenate(parts))
    return out


def conversation(ctx, pub):
    """A long one: many turns, up to about 1,000 tokens."""
    want = ctx.r.randint(3, 22)
    msgs, tools = [], None
    first = mix.chat(ctx, pub, op="tools" if ctx.chance(0.3) else None, turns_before=0)
    tools = first["tools"]
    msgs += first["messages"]
    for _ in range(want):
        c = mix.chat(ctx, pub, turns_before=0, system=False)
        if c["tools"] is None and c["messages"][0]["role"] == "user":
            msgs += c["messages"]
    return {"messages": msgs, "tools": tools}


def shard(out, model, seed, n, data, stage):
    from tokenizers import Tokenizer
    tok = Tokenizer.from_file(os.path.join(os.path.dirname(out) or ".", "tokenizer.json"))
    pub, ctx = Public(data), Ctx(seed, "train", model, stage)
    arrays = []
    for at in range(0, n, 5000):
        arrays += encode(tok, [mix.chat(ctx, pub) for _ in range(min(5000, n - at))])
    arrays += [a for a in encode(tok, [conversation(ctx, pub) for _ in range(max(1, n // 100))]) if len(a) <= LONG]
    arrays = [a for a in arrays if len(a) <= LONG]
    np.savez(out + ".tmp.npz", tokens=np.concatenate(arrays), ends=np.cumsum([len(a) for a in arrays]))
    os.replace(out + ".tmp.npz", out)
    short = [len(a) for a in arrays if len(a) <= SHORT]
    print("%s: %d chats, %d tokens (%d in long rows), %.1f per short chat" % (out, len(arrays), sum(map(len, arrays)), sum(len(a) for a in arrays if len(a) > SHORT), np.mean(short)))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["tokenizer", "shard"])
    p.add_argument("out")
    p.add_argument("--model", default="nano")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--chats", type=int, default=100000)
    p.add_argument("--stage", default="wide", choices=list(mix.STAGES))
    p.add_argument("--data", default=DATA)
    a = p.parse_args()
    if a.what == "tokenizer":
        build_tokenizer(a.out, a.data)
    else:
        shard(a.out, a.model, a.seed, a.chats, a.data, a.stage)
