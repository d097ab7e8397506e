"""Tokens per second of Toolbeam's runtime beside transformers: `cargo xtask bench tokens`.

Both sides have the same folders, threads and release of torch, and random prompts that are new in
every run. Rounds measure every side once, in random order; a ratio is of one round's speeds.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import transformers

from .folders import endless, random_qwen2
from .generation import Transformers

THEIRS = ["float32", "bfloat16"]


@dataclass(frozen=True)
class Case:
    """What is timed: `toolbeam bench --case KIND`, and sizes in sequences and tokens."""

    name: str
    kind: str
    batch: int
    prompt_tokens: int


CASES = [Case(f"decode-{batch}", "decode", batch, 16) for batch in (1, 8, 32, 64)] + [
    Case("shared-prompt-32", "shared-prompt", 32, 400),
    Case("prefill-512", "prefill", 1, 512),
]
MODELS = {"reference": endless, "random-100m": random_qwen2}


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    Path(options.cache).mkdir(parents=True, exist_ok=True)
    records = []
    for model in options.models:
        folder = MODELS[model](options.policy, options.cache)
        theirs = {dtype: Transformers(folder, dtype, options.device) for dtype in THEIRS}
        for case in [case for case in CASES if case.name in options.cases]:
            records += measure_case(model, folder, case, theirs, options)
    pairs = compare(records)
    conditions = {
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "options": {key: value for key, value in vars(options).items() if key not in PATHS},
        "cases": [asdict(case) for case in CASES],
    }
    found = {"conditions": conditions, "ratios": pairs, "records": records}
    Path(options.out).write_text(json.dumps(found, indent=1))
    print(table(pairs))


PATHS = ("policy", "toolbeam", "cache", "out")


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask bench tokens", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--toolbeam", required=True, help="the binary")
    parser.add_argument("--policy", required=True, help="the reference policy's folder")
    parser.add_argument("--cache", required=True, help="where copies and random models are kept")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--dtypes", nargs="+", help="Toolbeam's, each given as --dtype; by default its own choice")
    parser.add_argument("--tokens", type=int, default=128, help="that each sequence decodes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1, help="of a side in a round, after one for warmth")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", help="cpu, or cuda:N")
    parser.add_argument("--out", default="tokens.json")
    return parser.parse_args()


def measure_case(model, folder, case, theirs, options):
    """Every side in every round: records with tokens per second, the median of the round's runs."""
    order = random.Random(0)
    sides = [("transformers", dtype) for dtype in theirs]
    sides += [("toolbeam", dtype) for dtype in options.dtypes or ["auto"]]
    records = []
    for number in range(options.rounds):
        for side, dtype in order.sample(sides, len(sides)):
            if side == "toolbeam":
                report = ours(folder, case, dtype, number, options)
            else:
                report = peer(theirs[dtype], dtype, case, number, options)
            record = {"model": model, "case": case.name, "round": number, "side": side, "asked": dtype, **report}
            records.append(record)
            print(json.dumps(record), flush=True)
    return records


def ours(folder, case, dtype, seed, options):
    command = [options.toolbeam, "bench", "--json", "--model", folder, "--case", case.kind]
    sizes = {"batch": case.batch, "prompt-tokens": case.prompt_tokens, "tokens": options.tokens}
    sizes |= {"runs": options.runs, "seed": seed, "threads": options.threads, "device": options.device}
    command += [f"--{flag}={value}" for flag, value in sizes.items()]
    command += [f"--dtype={dtype}"] if options.dtypes else []
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    runs = [(run["tokens"], run["seconds"]) for run in report["runs"]]
    return summary(runs, report["dtype"], case, options)


def peer(model, dtype, case, seed, options):
    runs = [model.measure(case, options.tokens, 1000 * seed + run) for run in range(1 + options.runs)]
    return summary(runs[1:], dtype, case, options)


def summary(runs, dtype, case, options):
    each = case.prompt_tokens if case.kind == "prefill" else options.tokens
    return {
        "dtype": dtype,
        "tokens_per_second": statistics.median(tokens / seconds for tokens, seconds in runs),
        "ended_early": any(tokens < case.batch * each for tokens, _ in runs),
    }


def compare(records):
    """Toolbeam's speed over transformers', per case: in the same dtype, and as Toolbeam chooses."""
    speeds = {}
    for record in records:
        key = (record["model"], record["case"], record["side"], record["asked"])
        speeds.setdefault(key, []).append(record["tokens_per_second"])
    dtypes = {(r["model"], r["case"], r["asked"]): r["dtype"] for r in records if r["side"] == "toolbeam"}
    early = {(r["model"], r["case"]) for r in records if r["ended_early"]}
    pairs = []
    for (model, case, asked), dtype in dtypes.items():
        mine = speeds[model, case, "toolbeam", asked]
        for theirs in [theirs for theirs in THEIRS if asked in ("auto", theirs)]:
            other = speeds[model, case, "transformers", theirs]
            low, middle, high = quartiles([a / b for a, b in zip(mine, other, strict=True)])
            pairs.append(
                {
                    "model": model,
                    "case": case,
                    "toolbeam": asked if asked == dtype else f"{asked} ({dtype})",
                    "toolbeam_tokens_per_second": statistics.median(mine),
                    "transformers": theirs,
                    "transformers_tokens_per_second": statistics.median(other),
                    "ratio": {"first_quartile": low, "median": middle, "third_quartile": high},
                    "ended_early": (model, case) in early,
                }
            )
    return pairs


def quartiles(values):
    """The quartiles within the values; of one value, itself."""
    return statistics.quantiles(values * 2 if len(values) == 1 else values, n=4, method="inclusive")


def table(pairs):
    lines = [
        "| model | case | Toolbeam | tokens/s | transformers | tokens/s | ratio | quartiles |",
        "| --- | --- | --- | ---: | --- | ---: | ---: | --- |",
    ]
    for pair in pairs:
        ratio = pair["ratio"]
        cells = [
            pair["model"],
            pair["case"] + (" (some ended early)" if pair["ended_early"] else ""),
            pair["toolbeam"],
            f"{pair['toolbeam_tokens_per_second']:.0f}",
            pair["transformers"],
            f"{pair['transformers_tokens_per_second']:.0f}",
            f"{ratio['median']:.2f}",
            f"{ratio['first_quartile']:.2f} to {ratio['third_quartile']:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
