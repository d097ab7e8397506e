"""Training tokens per second of Toolbeam beside PyTorch: `cargo xtask bench train`.

Both sides have the same folder, rows, threads and release of torch. A round measures every side once, in
random order; a ratio is of one round's speeds. Rows of a case have one length, so that every batch has the
same shape on every side.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers

DTYPES = ["float32", "bfloat16"]


@dataclass(frozen=True)
class Case:
    """Rows of a prompt with answers, in tokens; every `every`-th token of an answer has a label."""

    name: str
    kind: str
    prompt: int
    answers: int
    answer: int
    every: int = 9

    def rows(self, count, vocabulary, seed):
        draw = random.Random(seed)

        def tokens(length):
            return [draw.randrange(vocabulary) for _ in range(length)]

        def answer():
            marks = [[at, draw.randrange(2)] for at in range(self.every - 1, self.answer, self.every)]
            return {"tokens": tokens(self.answer), "marks": marks if self.kind == "labels" else []}

        return [
            {"prompt": tokens(self.prompt), "answers": [answer() for _ in range(self.answers)]} for _ in range(count)
        ]


CASES = [
    Case("sft", "answers", 448, 1, 64),
    Case("prm-one", "labels", 440, 1, 72),
    Case("prm-eight", "labels", 448, 8, 72),
]


class Peer:
    """A usual PyTorch loop, tuned: SDPA, autocast, fused AdamW, only wanted positions reach the vocabulary."""

    def __init__(self, folder, dtype, labels, compiled):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        )
        self.dtype, self.labels = dtype, labels
        self.backbone = torch.compile(self.model.model) if compiled else self.model.model
        matrices = [p for n, p in self.model.named_parameters() if p.dim() == 2 and "embed" not in n]
        rest = [p for n, p in self.model.named_parameters() if p.dim() < 2 or "embed" in n]
        groups = [{"params": matrices, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.98), fused=True)

    def step(self, batch):
        ids, positions, mask, wanted, classes, kind = batch
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.dtype == "bfloat16"):
            if mask is not None and self.dtype == "bfloat16":
                mask = mask.to(torch.bfloat16)
            hidden = self.backbone(ids, attention_mask=mask, position_ids=positions, use_cache=False)
            hidden = hidden.last_hidden_state.reshape(-1, self.model.config.hidden_size)[wanted]
            if kind == "labels":
                logits = F.linear(hidden, self.model.lm_head.weight[self.labels])
            else:
                logits = self.model.lm_head(hidden)
        loss = F.cross_entropy(logits.float(), classes)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def measure(self, batches, warm_up):
        losses = []
        for number, batch in enumerate(batches):
            if number == warm_up:
                began = time.perf_counter()
            losses.append(self.step(batch))
        seconds = time.perf_counter() - began
        tokens = sum(batch[0].numel() for batch in batches[warm_up:])
        return {"tokens": tokens, "seconds": seconds, "losses": losses}


def collate(rows, kind):
    """Rows of one length as tensors: ids, positions, an additive mask where answers share prompts, targets."""
    ids, positions, segments, wanted, classes = [], [], [], [], []
    for row in rows:
        start, prompt = len(ids), len(row["prompt"])
        ids += row["prompt"]
        positions += range(prompt)
        segments += [0] * prompt
        for number, answer in enumerate(row["answers"], 1):
            first, length = len(ids), len(answer["tokens"])
            ids += answer["tokens"]
            positions += range(prompt, prompt + length)
            segments += [number] * length
            if kind == "labels":
                wanted += [first + at for at, _ in answer["marks"]]
                classes += [label for _, label in answer["marks"]]
            else:
                wanted += [start + prompt - 1, *range(first, first + length - 1)]
                classes += answer["tokens"]
    shape = (len(rows), -1)
    segments = torch.tensor(segments).view(shape)
    mask = None
    if len(rows[0]["answers"]) > 1:
        own = segments[:, :, None] == segments[:, None]
        open_ = (own | (segments[:, None] == 0)) & torch.ones(segments.shape[1], segments.shape[1]).tril().bool()
        mask = torch.zeros(open_.shape).masked_fill(~open_, float("-inf"))[:, None]
    return (
        torch.tensor(ids).view(shape),
        torch.tensor(positions).view(shape),
        mask,
        torch.tensor(wanted),
        torch.tensor(classes),
        kind,
    )


def ours(case, dtype, rows, options):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(rows, file)
        file.flush()
        command = [options.toolbeam, "train", "bench", "--model", options.policy, "--rows", file.name]
        command += ["--case", case.kind, "--dtype", dtype, "--threads", str(options.threads)]
        command += ["--steps", str(options.steps), "--warm-up", str(options.warm_up)]
        command += ["--batch-tokens", str(options.batch_tokens), "--labels", *map(str, options.labels)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    vocabulary = 8000
    order, records = random.Random(0), []
    for case in [case for case in CASES if case.name in options.cases]:
        length = case.prompt + case.answers * case.answer
        each = options.batch_tokens // length
        for number in range(options.rounds):
            rows = case.rows(each * (options.warm_up + options.steps), vocabulary, number)
            batches = [collate(rows[i : i + each], case.kind) for i in range(0, len(rows), each)]
            sides = [(side, dtype) for side in ("toolbeam", *options.peers) for dtype in options.dtypes]
            for side, dtype in order.sample(sides, len(sides)):
                if side == "toolbeam":
                    found = ours(case, dtype, rows, options)
                else:
                    peer = Peer(options.policy, dtype, options.labels, side == "compiled")
                    found = peer.measure(batches, options.warm_up)
                record = {"case": case.name, "round": number, "side": side, "dtype": dtype}
                record |= {"tokens_per_second": found["tokens"] / found["seconds"], "first_loss": found["losses"][0]}
                records.append(record)
                print(json.dumps(record), flush=True)
    found = {"processor": platform.processor(), "torch": torch.__version__, "options": vars(options)}
    Path(options.out).write_text(json.dumps(found | {"records": records}, indent=1))
    print(table(records, options))


def table(records, options):
    lines = ["| case | dtype | toolbeam | peer | tokens/s | ratio |", "| --- | --- | ---: | --- | ---: | ---: |"]

    def speeds(case, side, dtype):
        wanted = (case, side, dtype)
        return [r["tokens_per_second"] for r in records if (r["case"], r["side"], r["dtype"]) == wanted]

    for case in options.cases:
        for dtype in options.dtypes:
            mine = speeds(case, "toolbeam", dtype)
            for peer in options.peers:
                theirs = speeds(case, peer, dtype)
                ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
                cells = [case, dtype, f"{statistics.median(mine):.0f}", peer, f"{statistics.median(theirs):.0f}"]
                lines.append("| " + " | ".join([*cells, f"{ratio:.2f}"]) + " |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask bench train", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--toolbeam", required=True, help="the binary")
    parser.add_argument("--policy", required=True, help="the folder of the model that is trained")
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    parser.add_argument("--peers", nargs="+", choices=["eager", "compiled"], default=["eager"])
    parser.add_argument("--labels", nargs=2, type=int, default=[10, 12], help="the tokens of + and -")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", default="train.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
