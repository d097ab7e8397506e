"""Toolbeam beside two ways of doing the same on transformers: `cargo xtask bench peers`.

All sides search the same prompts with the same weights, threads and settings, in turn. Every ratio is
of one prompt's times, so that what else the machine does meets all sides alike.
"""

import argparse
import json
import platform
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import transformers
from toolbeam import Client

from .models import Policy, RewardModel
from .search import greedy, search
from .served import served

# Options that are files.
PLACES = ("data", "toolbeam", "policy", "toolprm", "out")


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    prompts = load(options.data, options.prompts)
    peers = {"recompute": models(options, False), "prompt_cache": models(options, True)}
    serve = ["--threads", str(options.threads), "--dtype", options.dtype]
    serve += ["--policy-model", options.policy, "--scorer-model", options.toolprm]
    with served(options.toolbeam, serve) as address, Client(address) as client, torch.inference_mode():
        records = one_at_a_time(client, peers, prompts, options)
        agreement = agree(client, peers, prompts)
    together = [at_once(serve, prompts, options) for _ in range(options.repeats)]
    together = against(together, rate(records, "recompute"))
    found = {"agreement": agreement, "one_at_a_time": summary(records), "at_once": together}
    conditions = {
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "options": {key: value for key, value in vars(options).items() if key not in PLACES},
    }
    Path(options.out).write_text(json.dumps({"conditions": conditions, **found, "records": records}, indent=1))
    print(json.dumps(found, indent=1))


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask bench peers", description=__doc__)
    parser.add_argument("--data", required=True, help="a folder with BFCL_v4_simple_python.json")
    parser.add_argument("--toolbeam", required=True, help="the binary")
    parser.add_argument("--policy", required=True, help="a model folder")
    parser.add_argument("--toolprm", required=True, help="a model folder")
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--num-beams", type=int, default=4)
    parser.add_argument("--expansions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=64, help="of a search, the most, on all sides")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of all sides")
    parser.add_argument("--repeats", type=int, default=3, help="of the searches at once")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", default="peers.json")
    return parser.parse_args()


def load(folder, count):
    """Prompts as (messages, tools in OpenAI's form)."""
    lines = Path(folder, "BFCL_v4_simple_python.json").read_text().splitlines()[:count]
    records = [json.loads(line) for line in lines]
    openai = lambda tool: {"type": "function", "function": tool}
    return [(record["question"][0], list(map(openai, record["function"]))) for record in records]


def models(options, keep_prompt):
    dtype = getattr(torch, options.dtype)
    return Policy(options.policy, keep_prompt, dtype), RewardModel(options.toolprm, keep_prompt, dtype)


def ask(client, prompt, options, seed):
    """One search; the result and its seconds."""
    start = time.perf_counter()
    result = client.search(
        *prompt,
        strategy={"num_beams": options.num_beams, "expansions_per_beam": options.expansions},
        sampling={"temperature": options.temperature},
        limits={"max_rounds": options.rounds},
        validation="VALIDATION_SYNTAX",
        seed=seed,
    )
    return result, time.perf_counter() - start


def agree(client, peers, prompts):
    """Whether all sides answer greedily alike and give the same rewards."""
    same, largest, rewards = 0, 0.0, 0
    for prompt in prompts:
        strategy = {"kind": "STRATEGY_KIND_GREEDY"}
        reply = client.search(*prompt, strategy=strategy, validation="VALIDATION_SYNTAX")
        calls = [{"name": c.name, "arguments": c.arguments_dict()} for c in reply.calls]
        ours = calls if reply.message.answers else None
        same += all(greedy(policy, *prompt) == ours for policy, _ in peers.values())
        for answer in reply.message.answers:
            steps = [read_step(judged.step) for judged in answer.steps]
            for _, reward_model in peers.values():
                [theirs] = reward_model.rewards(reward_model.begin(*prompt), [steps])
                differences = [abs(a.reward - b) for a, b in zip(answer.steps, theirs, strict=True)]
                largest, rewards = max(largest, *differences), rewards + len(differences)
    return {"prompts": len(prompts), "same_greedy": same, "rewards": rewards, "largest_difference": largest}


def read_step(step):
    kinds = {1: "name", 2: "arg", 3: "args_end", 4: "call_end", 5: "end"}
    kind = kinds[step.marker]
    return {"name": (kind, step.name), "arg": (kind, step.key, step.value)}.get(kind, (kind,))


def one_at_a_time(client, peers, prompts, options):
    """Times every prompt on every side, in random order."""
    order = random.Random(0)
    records = []
    for index, prompt in enumerate(prompts):
        record = {"prompt": index}
        for side in order.sample(["toolbeam", *peers], 1 + len(peers)):
            record[side] = measure(side, client, peers, prompt, options, index)
        records.append(record)
        print(json.dumps(record), flush=True)
    return records


def measure(side, client, peers, prompt, options, seed):
    """One search on one side: its seconds, and the tokens that each model computed."""
    if side == "toolbeam":
        result, seconds = ask(client, prompt, options, seed)
        usage = result.message.usage
        policy = usage.policy.prompt_tokens + usage.policy.decode_tokens
        reward = usage.reward.prompt_tokens + usage.reward.answer_tokens
        distinct = usage.policy.distinct_tokens, usage.reward.distinct_tokens
        return {
            "seconds": seconds,
            "policy_tokens": policy,
            "reward_tokens": reward,
            "policy_distinct": distinct[0],
            "reward_distinct": distinct[1],
            "rounds": usage.rounds,
        }
    counts = [model.count for model in peers[side]]
    before = [count.total() for count in counts]
    torch.manual_seed(seed)
    start = time.perf_counter()
    sizes = options.num_beams, options.expansions
    search(*peers[side], *prompt, *sizes, options.temperature, options.rounds)
    seconds = time.perf_counter() - start
    policy, reward = [count.total() - was for count, was in zip(counts, before)]
    return {"seconds": seconds, "policy_tokens": policy, "reward_tokens": reward}


def at_once(serve, prompts, options):
    """Many searches at a time, in a process that has seen none of the prompts: searches per second."""
    with served(options.toolbeam, serve) as address, Client(address) as client:
        with ThreadPoolExecutor(options.concurrency) as pool:
            start = time.perf_counter()
            jobs = zip(prompts, range(len(prompts)))
            list(pool.map(lambda job: ask(client, job[0], options, job[1]), jobs))
            return len(prompts) / (time.perf_counter() - start)


def against(rates, peer):
    """Searches per second of every repeat, and how many times a peer's they are."""
    return {
        "searches_per_second": rates,
        "recompute_searches_per_second": peer,
        "ratios_to_recompute": sorted(rate / peer for rate in rates),
    }


def rate(records, side):
    return len(records) / sum(record[side]["seconds"] for record in records)


def summary(records):
    """Ratios to Toolbeam: the median over prompts and its quartiles."""
    sides = {}
    for side in records[0].keys() - {"prompt"}:
        keys = ("seconds", "policy_tokens", "reward_tokens")
        total = {key: sum(record[side][key] for record in records) for key in keys}
        tokens = total["policy_tokens"] + total["reward_tokens"]
        total["microseconds_per_token"] = 1e6 * total["seconds"] / tokens
        if side == "toolbeam":
            for model in ("policy", "reward"):
                distinct = sum(record[side][f"{model}_distinct"] for record in records)
                total[f"{model}_waste_ratio"] = total[f"{model}_tokens"] / distinct
        if side != "toolbeam":
            ratios = [record[side]["seconds"] / record["toolbeam"]["seconds"] for record in records]
            low, middle, high = statistics.quantiles(ratios, n=4)
            total["times_toolbeams_seconds"] = {"first_quartile": low, "median": middle, "third_quartile": high}
        sides[side] = total
    return sides


if __name__ == "__main__":
    main()
