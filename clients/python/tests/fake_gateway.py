"""A gateway that does what its requests' search ids say."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from toolbeam.v1 import model_pb2, prompt_pb2, search_pb2, search_pb2_grpc

CALL = prompt_pb2.FunctionCall(name="get_weather", arguments='{"city": "Oslo", "days": 3.0}')


class Gateway(search_pb2_grpc.SearchServiceServicer):
    """Answers, fails or waits; remembers the last request and its time limit."""

    def __init__(self) -> None:
        self.asked = search_pb2.SearchRequest()
        self.seconds: float | None = None
        self.calls = 0
        self.address = ""
        self.abandoned = threading.Event()

    def Search(self, request: search_pb2.SearchRequest, context: Any) -> search_pb2.SearchResponse:
        self.asked, self.seconds, self.calls = request, context.time_remaining(), self.calls + 1
        match request.search_id:
            case "invalid":
                field = error_details_pb2.BadRequest.FieldViolation(field="prompt.tools", description="empty")
                detail = error_details_pb2.BadRequest(field_violations=[field])
                self._abort(context, grpc.StatusCode.INVALID_ARGUMENT, detail)
            case "full":
                delay = duration_pb2.Duration(seconds=1, nanos=500_000_000)
                retry = error_details_pb2.RetryInfo(retry_delay=delay)
                self._abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, retry)
            case "slow":
                context.add_callback(self.abandoned.set)
                self.abandoned.wait(10)
            case "no models":
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the models differ")
            case "defect":
                context.abort(grpc.StatusCode.INTERNAL, "a defect")
            case "down twice" if self.calls < 3:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
            case "none":
                return search_pb2.SearchResponse(stop_reason=search_pb2.STOP_REASON_NO_VALID_ANSWER)
        answer = search_pb2.Answer(calls=[CALL], reward=0.75)
        return search_pb2.SearchResponse(answers=[answer], stop_reason=search_pb2.STOP_REASON_FINISHED)

    def SearchStream(
        self, request: search_pb2.SearchRequest, context: Any
    ) -> Iterator[search_pb2.SearchEvent]:
        context.add_callback(self.abandoned.set)
        yield search_pb2.SearchEvent(sequence=1, expanded=search_pb2.SearchEvent.Expanded(candidates=2))
        if request.search_id == "slow":
            self.abandoned.wait(10)
        yield search_pb2.SearchEvent(sequence=2, finished=self.Search(request, context))

    def CancelSearch(
        self, request: search_pb2.CancelSearchRequest, context: Any
    ) -> search_pb2.CancelSearchResponse:
        return search_pb2.CancelSearchResponse(cancelled=request.search_id == "running")

    def GetModelInfo(
        self, request: search_pb2.GetSearchModelsRequest, context: Any
    ) -> search_pb2.GetSearchModelsResponse:
        return search_pb2.GetSearchModelsResponse(policy=model_pb2.GetModelInfoResponse(model="a policy"))

    def _abort(self, context: Any, code: grpc.StatusCode, detail: Message) -> None:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=code.value[0], message="refused", details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, "refused")


@contextmanager
def serving() -> Generator[Gateway]:
    """A gateway that listens on a free port."""
    gateway, server = Gateway(), grpc.server(futures.ThreadPoolExecutor(4))
    search_pb2_grpc.add_SearchServiceServicer_to_server(gateway, server)
    gateway.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield gateway
    finally:
        gateway.abandoned.set()
        server.stop(None)
