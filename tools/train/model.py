# SPDX-License-Identifier: Apache-2.0
"""The network: Llama layout (RMSNorm, half-split RoPE, grouped-query attention,
SwiGLU, tied embeddings), small enough to read at one sitting.

Attention is written out instead of scaled_dot_product_attention: its backward
pass is two to four times faster on a CPU at these sizes."""
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    dim: int = 256
    layers: int = 6
    heads: int = 4
    kv: int = 2
    ff: int = 768
    vocab: int = 2048
    rope: float = 10000.0
    eps: float = 1e-5


SHAPES = {"nano": Shape(), "mini": Shape(layers=9), "toy": Shape(dim=64, layers=2, heads=2, kv=1, ff=128)}


def norm(x, w, eps):
    return (x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * w.to(x.dtype)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        hd = s.dim // s.heads
        self.s, self.hd = s, hd
        self.attn_norm, self.ffn_norm = nn.Parameter(torch.ones(s.dim)), nn.Parameter(torch.ones(s.dim))

        def mat(o, i, gain=1.0):
            return nn.Parameter(torch.randn(o, i) * gain * i ** -0.5)
        self.wq, self.wk, self.wv = mat(s.dim, s.dim), mat(s.kv * hd, s.dim), mat(s.kv * hd, s.dim)
        self.wo = mat(s.dim, s.dim, 0.1)
        self.gate, self.up, self.down = mat(s.ff, s.dim), mat(s.ff, s.dim), mat(s.dim, s.ff, 0.1)

    def forward(self, x, cos, sin, mask, cache=None):
        s, (b, t, _), c = self.s, x.shape, x.dtype
        h = norm(x, self.attn_norm, s.eps)
        q = F.linear(h, self.wq.to(c)).view(b, t, s.heads, self.hd).transpose(1, 2)
        k = F.linear(h, self.wk.to(c)).view(b, t, s.kv, self.hd).transpose(1, 2)
        v = F.linear(h, self.wv.to(c)).view(b, t, s.kv, self.hd).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = [k, v]
        k, v = k.repeat_interleave(s.heads // s.kv, 1), v.repeat_interleave(s.heads // s.kv, 1)
        a = (q @ k.transpose(-1, -2)) * self.hd ** -0.5
        a = torch.softmax(a.float().masked_fill(~mask, -1e30), -1).to(c)
        x = x + F.linear((a @ v).transpose(1, 2).reshape(b, t, s.dim), self.wo.to(c))
        h = norm(x, self.ffn_norm, s.eps)
        return x + F.linear(F.silu(F.linear(h, self.gate.to(c))) * F.linear(h, self.up.to(c)), self.down.to(c))


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.s = shape
        self.embed = nn.Parameter(torch.randn(shape.vocab, shape.dim) * 0.02)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.out_norm = nn.Parameter(torch.ones(shape.dim))

    def angles(self, pos, dtype):
        hd = self.s.dim // self.s.heads
        f = self.s.rope ** (-torch.arange(0, hd, 2, device=pos.device).float() / hd)
        a = pos[:, None, :, None].float() * f
        return torch.cos(a).to(dtype), torch.sin(a).to(dtype)

    def hidden(self, ids, pos, mask, dtype=torch.float32, caches=None):
        """ids, pos [B,T]; mask [B,1,T,S] true = may look; the post-norm state (what llama.cpp calls the embedding)."""
        cos, sin = self.angles(pos, dtype)
        x = F.embedding(ids, self.embed).to(dtype)
        for i, b in enumerate(self.blocks):
            x = b(x, cos, sin, mask, caches[i] if caches is not None else None)
        return norm(x, self.out_norm, self.s.eps)

    def logits(self, h):
        return F.linear(h, self.embed.to(h.dtype)).float()


def grow(state, layers_from, layers_to):
    """Weights of a shallow model for a deeper one: new blocks, spread evenly, that at first add nothing."""
    extra = layers_to - layers_from
    new = {(i + 1) * layers_to // extra - 1 for i in range(extra)}
    old = iter(range(layers_from))
    source = {i: None if i in new else next(old) for i in range(layers_to)}

    def fill(full):
        for k in full:
            if not k.startswith("blocks."):
                full[k] = state[k].clone()
                continue
            _, i, rest = k.split(".", 2)
            if source[int(i)] is not None:
                full[k] = state["blocks.%d.%s" % (source[int(i)], rest)].clone()
            elif rest in ("wo", "down"):
                full[k] = torch.zeros_like(full[k])
        return full
    return fill


def save(path, net, **more):
    torch.save(dict(more, shape=asdict(net.s)), path)


def load(path, ema=True):
    """A model from a checkpoint of train.py; the averaged weights unless ema=False."""
    c = torch.load(path, map_location="cpu", weights_only=False)
    m = Model(Shape(**c["shape"]))
    m.load_state_dict(c["ema" if ema else "model"])
    return m.eval(), c
