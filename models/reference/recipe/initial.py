"""The policy's first weights: an induction circuit and a lookup circuit written into random ones.

    python initial.py OUT

writes a Hugging Face folder with the configuration and tokenizer of ../policy. Nothing in it is learned. It
needs torch, tokenizers and safetensors.

A model of this size that starts from random weights spends most of what two cores can train in hours on
finding out that names are to be copied, and that a query and a description share words. Both are attention
patterns that can be written down (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"), and
training then has only to refine them. The residual stream is cut into channels:

    E  0..128    the token itself. Tokens of one word (case, space before it, common endings) have similar
                 embeddings, so that "list", "List" and " lists" find each other.
    A1 128..160  the token before           A3 160..176  the token three before
    T  176..216  the first token of the name of the tool in whose text the token stands
    O  216..256  what may be written next

and these heads are written, the others start small:

    layer 0  head 0 looks one token back (into A1), head 2 three (into A3), by biases and rotary positions alone
    layer 1  head 0 is an induction head: after a token as here, what came then (into O)
             head 2 finds the latest token behind `"name": "`, the name of one's tool (into T)
    layer 2  all heads find the same word elsewhere, never themselves; 0 and 1 fetch its tool's name (into O)
    layer 3  head 0 gathers O from the context
    layer 4  heads 0 and 2 take the token itself off E, which is also what is predicted from
    layer 5  head 0 turns O into a prediction

Long distances leave only slow rotary pairs to compare contents with, hence the high base of 1e7.
"""

import json
import math
import pathlib
import re
import shutil
import sys
import zlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

POLICY = pathlib.Path(__file__).parent.parent / "policy"
VOCABULARY, HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, MLP = 8192, 256, 6, 4, 2, 64, 1024
BASE = 1e7
CHANNELS = {"E": (0, 128), "A1": (128, 160), "A3": (160, 176), "T": (176, 216), "O": (216, 256)}
TOKEN_NORM = 1.28
ENDINGS = ("ing", "ers", "er", "ed", "es", "s", "e", "y")

FREQUENCIES = [1.0 / BASE ** (2 * i / HEAD_DIM) for i in range(HEAD_DIM // 2)]
# Rotary pairs that hardly turn over a prompt, in which contents are compared; and those that tell near from far.
SLOW = [i for i, f in enumerate(FREQUENCIES) if f < 6e-4]
SLOW_DIMS = SLOW + [i + HEAD_DIM // 2 for i in SLOW]
MIDDLE = [i for i, f in enumerate(FREQUENCIES) if 2e-3 <= f < 2e-2]


def rows(number, width):
    """`number` orthonormal rows (number, width)."""
    return torch.linalg.qr(torch.randn(max(number, width), max(number, width)))[0][:number, :width]


def embeddings(tokenizer):
    """(vocabulary, hidden): unit vectors by what tokens have in common, in channel E."""

    def unit(key):
        v = torch.randn(HIDDEN, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
        return v / v.norm()

    table = torch.zeros(VOCABULARY, HIDDEN)
    for text, i in tokenizer.get_vocab().items():
        own, word = unit(f"own:{i}"), re.sub("[ĠĊ_]", "", text).lower()
        vector = own
        if re.fullmatch("[a-z]{3,}", word):
            stem = word
            for ending in ENDINGS:
                if stem.endswith(ending) and len(stem) - len(ending) >= 3:
                    stem = stem[: -len(ending)]
                    break
            vector = 0.8 * unit("stem:" + stem) + 0.3 * unit("word:" + word) + 0.5 * own
        elif re.fullmatch("[a-z]{1,2}", word):
            vector = 0.5 * unit("word:" + word) + 0.85 * own
        table[i] = vector / vector.norm()
    missing = table.norm(dim=1) == 0
    table[missing] = torch.nn.functional.normalize(torch.randn(int(missing.sum()), HIDDEN), dim=1)
    width = CHANNELS["E"][1]
    table = torch.nn.functional.normalize(table[:, :width], dim=1) * TOKEN_NORM
    return torch.cat([table, torch.zeros(VOCABULARY, HIDDEN - width)], 1) + torch.randn(VOCABULARY, HIDDEN) * 0.002


class Weights:
    """Small random weights, of which heads are written over. Per layer, float32: `qkv` (512, 256) the queries of all
    heads, then the keys and the values of the KV heads, `bias` (512,), `out` (256, 256), `gate_up` (2048, 256), `down`
    (256, 1024)."""

    def __init__(self):
        deep, wide = 1 / math.sqrt(2 * LAYERS), (HEADS + 2 * KV_HEADS) * HEAD_DIM

        def stack(std, *shape):
            return [torch.randn(*shape) * std for _ in range(LAYERS)]

        torch.randn(VOCABULARY, HIDDEN)  # not used; the weights that ship were drawn behind it
        self.qkv = [w * 0.2 for w in stack(HIDDEN**-0.5, wide, HIDDEN)]
        self.bias = [b * 0 for b in stack(0.0, wide)]
        self.out = [w * 0.1 for w in stack(HIDDEN**-0.5 * deep, HIDDEN, HIDDEN)]
        self.gate_up = stack(HIDDEN**-0.5, 2 * MLP, HIDDEN)
        self.down = [w * 0.1 for w in stack(MLP**-0.5 * deep, HIDDEN, MLP)]

    def part(self, layer, kind, head, bias=False):
        """The rows of a query (by head), key or value (by KV head)."""
        first = {"q": 0, "k": HEADS, "v": HEADS + KV_HEADS}[kind] + head
        whole = self.bias[layer] if bias else self.qkv[layer]
        return whole[first * HEAD_DIM : (first + 1) * HEAD_DIM]

    def look_back(self, layer, head, distance, strength=6.0, pairs=9):
        """Attend to the token so far back, whatever it is."""
        for i in range(pairs):
            turn = distance * FREQUENCIES[i]
            self.part(layer, "k", head // 2, bias=True)[i] = strength
            self.part(layer, "q", head, bias=True)[i] = strength * math.cos(turn)
            self.part(layer, "q", head, bias=True)[i + HEAD_DIM // 2] = -strength * math.sin(turn)

    def not_self(self, layer, head, strength=3.8, pairs=12):
        """Do not attend to where one stands."""
        for i in range(pairs):
            self.part(layer, "k", head // 2, bias=True)[i] = strength
            self.part(layer, "q", head, bias=True)[i] = -strength

    def value(self, layer, kv_head, channel, matrix):
        """Carry `matrix` times the channel."""
        self.part(layer, "v", kv_head)[: matrix.shape[0]] = read(channel, matrix)

    def write(self, layer, head, channel, matrix, scale):
        """Add `matrix` times what the head carries to the channel."""
        out = self.out[layer][:, head * HEAD_DIM : (head + 1) * HEAD_DIM]
        out[:, : matrix.shape[1]] = 0
        out[slice(*CHANNELS[channel]), : matrix.shape[1]] = matrix * scale


def read(channel, matrix):
    """`matrix` (r, width of the channel) as (r, hidden)."""
    wide = torch.zeros(matrix.shape[0], HIDDEN)
    wide[:, slice(*CHANNELS[channel])] = matrix
    return wide


def slow(matrix):
    """Rows put into the slow rotary pairs of a head: (head, hidden)."""
    placed = torch.zeros(HEAD_DIM, HIDDEN)
    placed[SLOW_DIMS] = matrix
    return placed


def circuits(tokenizer):
    """The embeddings and the weights with their heads."""
    torch.manual_seed(1)
    w, table = Weights(), embeddings(tokenizer)
    before, three_before, name = rows(32, 128), rows(16, 128), rows(40, 128)
    n = len(SLOW_DIMS)

    for kv in range(KV_HEADS):
        w.part(0, "k", kv).mul_(0.1)
    for head, distance in ((0, 1), (2, 3)):
        w.look_back(0, head, distance)
    for head in (0, 2):
        w.part(0, "q", head).mul_(0.1)
    w.value(0, 0, "E", before)
    w.write(0, 0, "A1", torch.eye(32), 0.16)
    w.value(0, 1, "E", three_before)
    w.write(0, 2, "A3", torch.eye(16), 0.16)

    compare = rows(n, 32)
    w.part(1, "q", 0).copy_(slow(1.6 * compare @ read("E", before)))
    w.part(1, "k", 0).copy_(slow(1.6 * 1.3 * compare @ read("A1", torch.eye(32))))
    w.value(1, 0, "E", name)
    w.write(1, 0, "O", torch.eye(40), 0.12)
    opening = tokenizer.encode('[{"name": "x', add_special_tokens=False).ids
    token = table[opening][:, :128] / TOKEN_NORM
    begins_name = torch.zeros(HIDDEN)
    begins_name[slice(*CHANNELS["A1"])] = before @ token[3]
    begins_name[slice(*CHANNELS["A3"])] = three_before @ token[1] * 1.5
    w.part(1, "k", 1).mul_(0.1)
    for i in MIDDLE:
        w.part(1, "k", 1)[i] = begins_name / begins_name.norm() * 1.2
        w.part(1, "q", 2, bias=True)[i] = 12.0
    w.part(1, "q", 2).mul_(0.1)
    w.value(1, 1, "E", name)
    w.write(1, 2, "T", torch.eye(40), 0.16)

    for kv in range(KV_HEADS):
        same = slow(rows(n, 128) @ read("E", torch.eye(128)) * 2.6)
        w.part(2, "k", kv).copy_(same)
        for head in (2 * kv, 2 * kv + 1):
            w.part(2, "q", head).copy_(same + torch.randn_like(same) * 0.05 / 16)
            w.not_self(2, head)
    w.value(2, 0, "T", torch.eye(40))
    w.write(2, 0, "O", torch.eye(40), 0.2)
    w.write(2, 1, "O", torch.eye(40), 0.1)
    w.value(2, 1, "E", rows(64, 128))

    w.value(3, 0, "O", torch.eye(40))
    w.write(3, 0, "O", torch.eye(40), 0.2)
    for kind in "kq":
        w.part(3, kind, 0).mul_(0.3)
        for i in MIDDLE:
            w.part(3, kind, 0, bias=True)[i] = 2.0

    for kv in range(KV_HEADS):
        w.look_back(4, 2 * kv, 0)
        w.part(4, "k", kv).mul_(0.1)
        w.part(4, "q", 2 * kv).mul_(0.1)
        half = torch.eye(128)[kv * 64 : kv * 64 + 64]
        w.part(4, "v", kv).copy_(read("E", half))
        out = w.out[4][:, 2 * kv * HEAD_DIM : (2 * kv + 1) * HEAD_DIM]
        out.zero_()
        out[kv * 64 : kv * 64 + 64] = -torch.eye(64) * 0.22

    w.look_back(5, 0, 0)
    w.part(5, "k", 0).mul_(0.1)
    w.part(5, "q", 0).mul_(0.1)
    w.value(5, 0, "O", torch.eye(40))
    w.write(5, 0, "E", name.t(), 0.3)
    return table, w


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    table, w = circuits(Tokenizer.from_file(str(POLICY / "tokenizer.json")))
    tensors = {"model.embed_tokens.weight": table, "model.norm.weight": torch.full((HIDDEN,), 0.5)}
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        sizes = [HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM]
        for kind, weight, bias in zip("qkv", w.qkv[i].split(sizes), w.bias[i].split(sizes)):
            tensors[f"{layer}self_attn.{kind}_proj.weight"] = weight
            tensors[f"{layer}self_attn.{kind}_proj.bias"] = bias
        tensors[layer + "self_attn.o_proj.weight"] = w.out[i]
        for kind, weight in zip(("gate", "up"), w.gate_up[i].chunk(2)):
            tensors[f"{layer}mlp.{kind}_proj.weight"] = weight
        tensors[layer + "mlp.down_proj.weight"] = w.down[i]
        for kind in ("input", "post_attention"):
            tensors[f"{layer}{kind}_layernorm.weight"] = torch.ones(HIDDEN)
    save_file({k: t.contiguous() for k, t in tensors.items()}, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((POLICY / "config.json").read_text())
    config |= {"rope_theta": BASE, "rope_parameters": {"rope_theta": BASE, "rope_type": "default"}}
    (out / "config.json").write_text(json.dumps(config | {"dtype": "float32", "torch_dtype": "float32"}, indent=2) + "\n")
    for file in POLICY.iterdir():
        if file.name not in ("model.safetensors", "config.json"):
            shutil.copyfile(file, out / file.name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
