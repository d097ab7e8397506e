"""Searches what its input asks for, a line each, at the address in its argument; prints a line each."""

import json
import sys

import toolbeam
from toolbeam.v1 import search_pb2


def answer(found: search_pb2.Answer) -> dict[str, object]:
    return {
        "calls": [{"name": call.name, "arguments": json.loads(call.arguments)} for call in found.calls],
        "reward": found.reward if found.HasField("reward") else None,
        "rewards": [step.reward if step.HasField("reward") else None for step in found.steps],
        "log_probability": found.log_probability,
    }


with toolbeam.Client(sys.argv[1]) as client:
    for line in sys.stdin:
        asked = json.loads(line)
        result = client.search(asked["messages"], asked["tools"], **asked["settings"])
        answers = [answer(found) for found in result.message.answers]
        print(json.dumps({"stop_reason": result.stop_reason, "answers": answers}), flush=True)
