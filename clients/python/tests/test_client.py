"""Both clients against a gateway that is written here."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Generator
from contextlib import aclosing, closing
from typing import Any

import grpc
import pytest
import toolbeam
from fake_gateway import CALL, Gateway, serving
from toolbeam.v1 import prompt_pb2, search_pb2

TOOLS = [{"name": "get_weather", "parameters": {"city": {"type": "str"}}}]


class Blocking:
    """An `AsyncClient` that is called as a `Client` is, a loop and a connection per call."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __getattr__(self, method: str) -> Any:
        async def call(*args: Any, **settings: Any) -> Any:
            async with toolbeam.AsyncClient(self.address) as client:
                called = getattr(client, method)(*args, **settings)
                if isinstance(called, AsyncIterator):
                    return [event async for event in called]
                return await called

        return lambda *args, **settings: asyncio.run(call(*args, **settings))


@pytest.fixture(name="gateway")
def fixture_gateway() -> Generator[Gateway]:
    with serving() as gateway:
        yield gateway


@pytest.fixture(name="client", params=[toolbeam.Client, Blocking])
def fixture_client(request: pytest.FixtureRequest, gateway: Gateway) -> Any:
    return request.param(gateway.address)


def test_a_search_gives_calls_whose_arguments_are_text(client: Any) -> None:
    result = client.search("How is the weather in Oslo?", TOOLS)
    assert result.calls == [toolbeam.Call(CALL.name, CALL.arguments)]
    assert result.calls[0].arguments_dict() == {"city": "Oslo", "days": 3.0}
    assert (result.reward, result.stop_reason) == (0.75, "FINISHED")
    nothing = client.search("Hello", TOOLS, search_id="none")
    assert (nothing.calls, nothing.reward, nothing.stop_reason) == ([], None, "NO_VALID_ANSWER")


def test_settings_are_the_fields_of_the_request(client: Any, gateway: Gateway) -> None:
    client.search(
        "Hello",
        TOOLS,
        timeout=5,
        strategy={"kind": "STRATEGY_KIND_GREEDY", "num_beams": 2},
        sampling={"temperature": 0.5},
        limits={"max_duration": datetime.timedelta(seconds=3)},
        validation="VALIDATION_SYNTAX",
        seed=2**64 - 1,
        tool_choice={"named": "get_weather"},
    )
    asked = gateway.asked
    assert (asked.strategy.kind, asked.strategy.num_beams) == (search_pb2.STRATEGY_KIND_GREEDY, 2)
    assert (asked.sampling.temperature, asked.limits.max_duration.seconds) == (0.5, 3)
    assert (asked.validation, asked.seed) == (search_pb2.VALIDATION_SYNTAX, 2**64 - 1)
    assert asked.tool_choice.named == "get_weather"
    assert gateway.seconds is not None and 3 < gateway.seconds < 6
    for wrong in ({"seed": -1}, {"no_such_field": 1}, {"validation": "VALIDATION_X"}):
        with pytest.raises(ValueError):
            client.search("Hello", TOOLS, **wrong)
    fields = {field.name for field in search_pb2.SearchRequest.DESCRIPTOR.fields}
    assert fields - {"prompt"} == set(toolbeam.Settings.__annotations__)


def test_conversations_and_tools_are_written_as_openai_does(client: Any, gateway: Gateway) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"b":1,  "a":1.0}'}}
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Grüße"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "name": "f", "content": ""},
        {"role": "nobody", "content": "?"},
    ]
    openai = {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"b": {}, "ä": {}}},
    }
    client.search(turns, [openai, {"name": "g", "parameters": '{"raw":  1.0}'}, {}])
    prompt = gateway.asked.prompt
    roles = [prompt_pb2.ROLE_SYSTEM, prompt_pb2.ROLE_USER, prompt_pb2.ROLE_ASSISTANT, prompt_pb2.ROLE_TOOL]
    assert [turn.role for turn in prompt.messages] == [*roles, prompt_pb2.ROLE_UNSPECIFIED]
    assert [turn.content for turn in prompt.messages] == ["Be brief.", "Grüße", "", "", "?"]
    made = prompt.messages[2].tool_calls[0]
    assert (made.id, made.name, made.arguments) == ("1", "f", '{"b":1,  "a":1.0}')
    assert (prompt.messages[3].tool_call_id, prompt.messages[3].name) == ("1", "f")
    assert [tool.name for tool in prompt.tools] == ["f", "g", ""]
    assert [tool.parameters for tool in prompt.tools] == ['{"b": {}, "ä": {}}', '{"raw":  1.0}', ""]


def test_errors_are_typed(client: Any, gateway: Gateway) -> None:
    def check(search_id: str, kind: type[toolbeam.ToolbeamError], code: str, **settings: Any) -> Any:
        with pytest.raises(kind) as raised:
            client.search("Hello", TOOLS, search_id=search_id, **settings)
        assert type(raised.value) is kind
        assert (raised.value.code, str(raised.value)[: len(code)]) == (grpc.StatusCode[code], code)
        return raised.value

    invalid = check("invalid", toolbeam.InvalidArgument, "INVALID_ARGUMENT")
    assert invalid.violations == [toolbeam.FieldViolation("prompt.tools", "empty")]
    full = check("full", toolbeam.ResourceExhausted, "RESOURCE_EXHAUSTED")
    assert (full.retry_after, full.violations) == (1.5, [])
    check("no models", toolbeam.FailedPrecondition, "FAILED_PRECONDITION")
    check("defect", toolbeam.ToolbeamError, "INTERNAL")
    check("slow", toolbeam.DeadlineExceeded, "DEADLINE_EXCEEDED", timeout=0.2)
    assert gateway.abandoned.wait(5), "the service still searches"
    with pytest.raises(toolbeam.InvalidArgument):
        list(client.search_stream("Hello", TOOLS, search_id="invalid"))


def test_grpc_itself_tries_again_what_nobody_answered(client: Any, gateway: Gateway) -> None:
    assert client.search("Hello", TOOLS, search_id="down twice").calls
    assert gateway.calls == 3


@pytest.mark.parametrize("client", [toolbeam.Client, Blocking])
def test_nobody_there_is_unavailable(client: Any) -> None:
    with pytest.raises(toolbeam.Unavailable):
        client("127.0.0.1:1").search("Hello", TOOLS, timeout=5)


def test_a_stream_ends_with_the_response(client: Any) -> None:
    events = list(client.search_stream("Hello", TOOLS))
    assert [event.WhichOneof("event") for event in events] == ["expanded", "finished"]
    assert toolbeam.SearchResult(events[-1].finished).calls[0].name == "get_weather"


def test_leaving_a_stream_early_cancels_the_search(gateway: Gateway) -> None:
    def sync() -> None:
        with toolbeam.Client(gateway.address) as client:
            with closing(client.search_stream("Hello", TOOLS, search_id="slow")) as events:
                assert next(events).sequence == 1

    async def coroutine() -> None:
        async with toolbeam.AsyncClient(gateway.address) as client:
            async with aclosing(client.search_stream("Hello", TOOLS, search_id="slow")) as events:
                assert (await anext(events)).sequence == 1

    for leave in (sync, lambda: asyncio.run(coroutine())):
        gateway.abandoned.clear()
        leave()
        assert gateway.abandoned.wait(5), "the service still searches"


def test_other_calls(client: Any) -> None:
    assert [client.cancel(name) for name in ("running", "gone")] == [True, False]
    assert client.get_model_info().policy.model == "a policy"
