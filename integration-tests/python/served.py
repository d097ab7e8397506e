"""What the Python client meets at a real gateway, whose address is the argument."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import toolbeam
from grpc import StatusCode
from toolbeam.v1 import search_pb2

QUERY = "What is the weather in Oslo?"
TOOLS = [{"name": "getWeather", "parameters": {"city": {"type": "str", "required": True}}}]
SETTINGS: dict[str, Any] = {
    "strategy": {"num_beams": 2, "expansions_per_beam": 4},
    "validation": "VALIDATION_SYNTAX",
    "deterministic": True,
    "seed": 3,
}


def refused(kind: type[toolbeam.ToolbeamError], call: Callable[[], object]) -> toolbeam.ToolbeamError:
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


async def asynchronous(address: str) -> toolbeam.SearchResult:
    async with toolbeam.AsyncClient(address) as client:
        first, second = await asyncio.gather(*(client.search(QUERY, TOOLS, **SETTINGS) for _ in range(2)))
        assert first.message.answers == second.message.answers
        return first


def streamed(client: toolbeam.Client, searched: search_pb2.SearchResponse) -> None:
    try:
        events = list(client.search_stream(QUERY, TOOLS, **SETTINGS))
        assert events[-1].finished.answers == searched.answers, "a stream ends with another response"
        assert not client.cancel("nobody runs this"), "an unknown search was cancelled"
    except toolbeam.ToolbeamError as error:
        # The contract has both, and a gateway may not serve them.
        assert error.code == StatusCode.UNIMPLEMENTED, error


def main(address: str) -> None:
    with toolbeam.Client(address) as client:
        searched = client.search(QUERY, TOOLS, **SETTINGS).message
        assert searched.answers == asyncio.run(asynchronous(address)).message.answers
        streamed(client, searched)
        models = client.get_model_info()
        assert models.policy.model_fingerprint == searched.model_fingerprints.policy
        wrong = refused(toolbeam.InvalidArgument, lambda: client.search(QUERY, TOOLS * 2, num_answers=0))
        assert [violation.field for violation in wrong.violations] == ["prompt.tools[1].name", "num_answers"]
        refused(toolbeam.DeadlineExceeded, lambda: client.search(QUERY, TOOLS, timeout=0.001))
        assert client.search(QUERY, TOOLS, **SETTINGS).message.answers == searched.answers
    print("the Python client works")


main(sys.argv[1])
