"""The hand-written layer over the generated code: connections, deadlines and prompts.

Requests are those of `toolbeam/v1/search.proto`, by the same names; conversations and tools are
written as OpenAI's chat API writes them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, cast

import grpc
import grpc.aio
from typing_extensions import Self, Unpack

from toolbeam.errors import typed_errors
from toolbeam.v1 import policy_pb2, prompt_pb2, search_pb2, search_pb2_grpc

DEFAULT_TIMEOUT = 60.0
"""Seconds of a call that names no other."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

# Calls that nobody answered; gRPC itself makes them again. A search has no effects to repeat.
_RETRY_POLICY = {
    "maxAttempts": 3,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_METHODS = {"name": [{"service": "toolbeam.v1.SearchService"}], "retryPolicy": _RETRY_POLICY}
_CHANNEL_OPTIONS: list[tuple[str, str | int]] = [
    ("grpc.service_config", json.dumps({"methodConfig": [_METHODS]})),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]

_ROLES = {
    role: prompt_pb2.Role.Value(f"ROLE_{role.upper()}") for role in ("system", "user", "assistant", "tool")
}

Messages = str | Iterable[Mapping[str, Any]]
"""A conversation as OpenAI's chat API writes it; text alone is what the user says."""
Tools = Iterable[Mapping[str, Any]]
"""Tools in OpenAI's form, or each as `{"name", "description", "parameters"}`."""


class Settings(TypedDict, total=False):
    """The fields of `SearchRequest` beside its prompt; submessages may be dicts, enums their names."""

    search_id: str
    tool_choice: search_pb2.ToolChoice | Mapping[str, Any]
    max_calls: int
    strategy: search_pb2.Strategy | Mapping[str, Any]
    sampling: policy_pb2.Sampling | Mapping[str, Any]
    seed: int
    limits: search_pb2.Limits | Mapping[str, Any]
    num_answers: int
    model: str
    constraint: policy_pb2.Constraint | str
    validation: search_pb2.Validation | str
    deterministic: bool
    trace: bool
    abstain_below: float
    constraint_fallback: bool


@dataclass(frozen=True)
class Call:
    """A function call."""

    name: str
    arguments: str
    """A JSON object as text, exactly as the service gave it."""

    def arguments_dict(self) -> dict[str, Any]:
        """The arguments, parsed."""
        return cast("dict[str, Any]", json.loads(self.arguments))


@dataclass(frozen=True)
class SearchResult:
    """The outcome of a search."""

    message: search_pb2.SearchResponse
    """The whole reply: alternatives, rewards, usage, rounds."""

    @property
    def abstained(self) -> bool:
        """Whether the best answer is less sure than `abstain_below` demands; its calls are a candidate then."""
        return self.message.abstained

    @property
    def calls(self) -> list[Call]:
        """The calls of the best answer. Empty if it makes none, or if there is no valid answer."""
        best = self.message.answers[:1]
        return [Call(call.name, call.arguments) for answer in best for call in answer.calls]

    @property
    def reward(self) -> float | None:
        """The reward of the best answer, in [0, 1]; None without one or where it was not scored."""
        best = self.message.answers[:1]
        return best[0].reward if best and best[0].HasField("reward") else None

    @property
    def stop_reason(self) -> str:
        """Why the search stopped: `FINISHED`, `NO_VALID_ANSWER`, `DEADLINE`, ..."""
        return search_pb2.StopReason.Name(self.message.stop_reason).removeprefix("STOP_REASON_")


class Client:
    """A connection to a gateway at `host:port`, for threads: calls may run side by side."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, _CHANNEL_OPTIONS)
        self._stub = search_pb2_grpc.SearchServiceStub(self._channel)

    def search(
        self,
        messages: Messages,
        tools: Tools,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        **settings: Unpack[Settings],
    ) -> SearchResult:
        """Searches for the calls that should be made. No valid answer is a normal reply.

        The service stops in time for `timeout` (seconds) and returns the best that it has. Raises
        `ToolbeamError`; `ValueError` or `TypeError` for what cannot be written as a request.
        """
        with typed_errors():
            return SearchResult(self._stub.Search(_request(messages, tools, settings), timeout=timeout))

    def search_stream(
        self,
        messages: Messages,
        tools: Tools,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        **settings: Unpack[Settings],
    ) -> Generator[search_pb2.SearchEvent]:
        """Searches and yields what happens; the last event's `finished` is the reply.

        Closing the generator cancels the search. Raises as `search` does, when it is iterated.
        """
        with typed_errors():
            call = self._stub.SearchStream(_request(messages, tools, settings), timeout=timeout)
            try:
                yield from call
            finally:
                call.cancel()

    def cancel(self, search_id: str, *, timeout: float = DEFAULT_TIMEOUT) -> bool:
        """Ends a running search; whether there was one. Raises `ToolbeamError`."""
        request = search_pb2.CancelSearchRequest(search_id=search_id)
        with typed_errors():
            return self._stub.CancelSearch(request, timeout=timeout).cancelled

    def get_model_info(self, *, timeout: float = DEFAULT_TIMEOUT) -> search_pb2.GetSearchModelsResponse:
        """Which models the gateway searches with. Raises `ToolbeamError`."""
        with typed_errors():
            return self._stub.GetModelInfo(search_pb2.GetSearchModelsRequest(), timeout=timeout)

    def close(self) -> None:
        """Closes the connection, and ends calls in progress."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """What `Client` is, for asyncio. It belongs to the event loop in which it was made."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address, _CHANNEL_OPTIONS)
        self._stub = search_pb2_grpc.SearchServiceStub(self._channel)

    async def search(
        self,
        messages: Messages,
        tools: Tools,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        **settings: Unpack[Settings],
    ) -> SearchResult:
        """As `Client.search`. Cancelling the task cancels the search."""
        with typed_errors():
            return SearchResult(await self._stub.Search(_request(messages, tools, settings), timeout=timeout))

    async def search_stream(
        self,
        messages: Messages,
        tools: Tools,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        **settings: Unpack[Settings],
    ) -> AsyncGenerator[search_pb2.SearchEvent]:
        """As `Client.search_stream`; leave it early inside `contextlib.aclosing`."""
        with typed_errors():
            call = self._stub.SearchStream(_request(messages, tools, settings), timeout=timeout)
            try:
                async for event in call:
                    yield event
            finally:
                call.cancel()

    async def cancel(self, search_id: str, *, timeout: float = DEFAULT_TIMEOUT) -> bool:
        """As `Client.cancel`."""
        request = search_pb2.CancelSearchRequest(search_id=search_id)
        with typed_errors():
            return (await self._stub.CancelSearch(request, timeout=timeout)).cancelled

    async def get_model_info(self, *, timeout: float = DEFAULT_TIMEOUT) -> search_pb2.GetSearchModelsResponse:
        """As `Client.get_model_info`."""
        with typed_errors():
            return await self._stub.GetModelInfo(search_pb2.GetSearchModelsRequest(), timeout=timeout)

    async def close(self) -> None:
        """As `Client.close`."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _request(messages: Messages, tools: Tools, settings: Settings) -> search_pb2.SearchRequest:
    turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    prompt = prompt_pb2.Prompt(messages=map(_message, turns), tools=map(_tool, tools))
    # Generated constructors take dicts and names of values as well; their types do not say so.
    return search_pb2.SearchRequest(prompt=prompt, **cast(Any, settings))


def _message(turn: Mapping[str, Any]) -> prompt_pb2.Message:
    return prompt_pb2.Message(
        # What is no role here is none to the service either, and it says so.
        role=_ROLES.get(turn.get("role", ""), prompt_pb2.ROLE_UNSPECIFIED),
        content=turn.get("content") or "",
        tool_calls=map(_tool_call, turn.get("tool_calls") or ()),
        tool_call_id=turn.get("tool_call_id") or "",
        name=turn.get("name") or "",
    )


def _tool_call(call: Mapping[str, Any]) -> prompt_pb2.FunctionCall:
    function = call.get("function", call)
    return prompt_pb2.FunctionCall(
        name=function.get("name") or "",
        arguments=_json_text(function.get("arguments") or "{}"),
        id=call.get("id") or "",
    )


def _tool(tool: Mapping[str, Any]) -> prompt_pb2.Tool:
    function = tool.get("function", tool)
    return prompt_pb2.Tool(
        name=function.get("name") or "",
        description=function.get("description") or "",
        parameters=_json_text(function.get("parameters") or ""),
    )


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
