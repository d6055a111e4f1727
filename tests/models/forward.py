# SPDX-License-Identifier: Apache-2.0
"""A Llama forward pass straight from a GGUF, in NumPy: the independent opinion that llama.cpp is held against.

`Forward(path).logprobs(ids)` gives natural log-probabilities [vocabulary] of the token after `ids`; float32, no cache,
any tensor type that the gguf package can read (f32, f16, q8_0, K-quants). Llama architecture with tied embeddings."""
import gguf
import numpy as np


def norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


class Forward:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)

        def field(key):
            return reader.get_field(key).contents()
        self.layers, self.heads = field("llama.block_count"), field("llama.attention.head_count")
        self.kv, self.eps = field("llama.attention.head_count_kv"), field("llama.attention.layer_norm_rms_epsilon")
        self.base = field("llama.rope.freq_base")
        self.w = {t.name.removesuffix(".weight"): gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32)
                  for t in reader.tensors}

    def turn(self, x):
        """Rotary position, neighbouring pairs as in the file: x [heads, positions, size]."""
        _, n, size = x.shape
        angle = np.arange(n)[:, None] * self.base ** (-np.arange(0, size, 2) / size)
        a, b, cos, sin = x[..., 0::2], x[..., 1::2], np.cos(angle), np.sin(angle)
        return np.stack((a * cos - b * sin, b * cos + a * sin), -1).reshape(x.shape)

    def attention(self, x, p):
        n, dim = x.shape
        size = dim // self.heads

        def heads(name, count):
            return (x @ self.w[p + name].T).reshape(n, count, size).transpose(1, 0, 2)
        q, k = self.turn(heads("attn_q", self.heads)), self.turn(heads("attn_k", self.kv))
        k, v = (np.repeat(t, self.heads // self.kv, 0) for t in (k, heads("attn_v", self.kv)))
        a = q @ k.transpose(0, 2, 1) / size ** 0.5 + np.triu(np.full((n, n), -np.inf, np.float32), 1)
        a = np.exp(a - a.max(-1, keepdims=True))
        mixed = (a / a.sum(-1, keepdims=True)) @ v
        return mixed.transpose(1, 0, 2).reshape(n, dim) @ self.w[p + "attn_output"].T

    def logprobs(self, ids):
        x = self.w["token_embd"][ids]
        for i in range(self.layers):
            p = "blk.%d." % i
            x = x + self.attention(norm(x, self.w[p + "attn_norm"], self.eps), p)
            h = norm(x, self.w[p + "ffn_norm"], self.eps)
            gate = h @ self.w[p + "ffn_gate"].T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ self.w[p + "ffn_up"].T)) @ self.w[p + "ffn_down"].T
        logits = (norm(x[-1], self.w["output_norm"], self.eps) @ self.w["token_embd"].T).astype(np.float64)
        top = logits.max()
        return logits - top - np.log(np.exp(logits - top).sum())
