# SPDX-License-Identifier: Apache-2.0
"""Checkpoint -> GGUF (f32, f16 or q8_0), loadable by any llama.cpp.

  export_gguf.py CKPT OUT.gguf --tokenizer tokenizer.json [--type q8_0]

Traps: no `output.weight` (the llama architecture then ties it to the
embedding); norms stay F32; our rotary halves are interleaved for llama.cpp, so
the rows of q and k are permuted.  q8_0 here is the gguf package's, equal to
llama-quantize's."""
import argparse
import json
import os
import sys

import gguf
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "data"))
import chatml  # noqa: E402
from common import REFUSAL  # noqa: E402
from model import load  # noqa: E402
from prepare import SPECIAL  # noqa: E402

CONTEXT = 1024
TASKS = {"nano": "intent,command,extract,math,rewrite,chat", "mini": "intent,command,extract,math,reason,rewrite,chat", "toy": ""}
CARD = {"nano": "Demonstration model of Weir, 5.2 M parameters: intents, device commands, two-digit sums, units and times, short copy-type text work. Refuses the rest. See models/weir-nano.md.",
        "mini": "Demonstration model of Weir, 7.6 M parameters: as weir-nano, and slots, longer sums and products with working, short word problems. Refuses the rest. See models/weir-mini.md.", "toy": "test"}
TYPES = {"f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32), "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16), "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0)}


def interleave(w, heads):
    """Half-split rotary rows to llama.cpp's interleaved order."""
    o, i = w.shape
    return w.reshape(heads, 2, o // heads // 2, i).swapaxes(1, 2).reshape(o, i)


def export(ckpt, out, tokenizer, kind, tasks=None):
    model, c = load(ckpt)
    s, name = model.s, c["name"]
    qtype, ftype = TYPES[kind]
    w = gguf.GGUFWriter(out, "llama")
    w.add_name("weir-" + name)
    w.add_license("Apache-2.0")
    w.add_description(CARD[name])
    w.add_file_type(ftype)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(s.dim)
    w.add_block_count(s.layers)
    w.add_feed_forward_length(s.ff)
    w.add_head_count(s.heads)
    w.add_head_count_kv(s.kv)
    w.add_layer_norm_rms_eps(s.eps)
    w.add_rope_dimension_count(s.dim // s.heads)
    w.add_rope_freq_base(s.rope)
    w.add_vocab_size(s.vocab)
    with open(tokenizer, encoding="utf-8") as f:
        tok = json.load(f)["model"]
    ids = sorted(tok["vocab"], key=tok["vocab"].get)
    assert len(ids) == s.vocab
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(ids)
    w.add_token_types([int(gguf.TokenType.CONTROL) if t in SPECIAL else int(gguf.TokenType.NORMAL) for t in ids])
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tok["merges"]])
    w.add_eos_token_id(ids.index("<|im_end|>"))
    w.add_pad_token_id(ids.index("<|endoftext|>"))
    w.add_bos_token_id(ids.index("<|endoftext|>"))
    w.add_add_bos_token(False)
    w.add_chat_template(chatml.TEMPLATE)
    w.add_string("weir.tasks", TASKS[name] if tasks is None else tasks)
    w.add_bool("weir.demo", True)
    w.add_string("weir.refusal", REFUSAL)
    w.add_string("weir.card", CARD[name])

    def put(key, t, norm=False):
        a = np.ascontiguousarray(t.detach().float().numpy())
        if norm or kind == "f32":
            w.add_tensor(key, a)
        elif kind == "f16":
            w.add_tensor(key, a.astype(np.float16))
        else:
            w.add_tensor(key, gguf.quants.quantize(a, qtype), raw_dtype=qtype)
    put("token_embd.weight", model.embed)
    put("output_norm.weight", model.out_norm, True)
    for i, b in enumerate(model.blocks):
        p = "blk.%d." % i
        put(p + "attn_norm.weight", b.attn_norm, True)
        put(p + "ffn_norm.weight", b.ffn_norm, True)
        put(p + "attn_q.weight", interleave(b.wq, s.heads))
        put(p + "attn_k.weight", interleave(b.wk, s.kv))
        put(p + "attn_v.weight", b.wv)
        put(p + "attn_output.weight", b.wo)
        put(p + "ffn_gate.weight", b.gate)
        put(p + "ffn_up.weight", b.up)
        put(p + "ffn_down.weight", b.down)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ckpt")
    p.add_argument("out")
    p.add_argument("--tokenizer", required=True)
    p.add_argument("--type", choices=list(TYPES), default="q8_0")
    p.add_argument("--tasks", help="comma separated router task names, instead of the built-in list")
    a = p.parse_args()
    export(a.ckpt, a.out, a.tokenizer, a.type, a.tasks)
    print("%s: %d bytes" % (a.out, os.path.getsize(a.out)))
