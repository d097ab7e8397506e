"""What can go wrong, typed: gRPC's codes with the details that Toolbeam sends along."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2


@dataclass(frozen=True)
class FieldViolation:
    """A field of the request that breaks the contract, such as `prompt.tools[1].name`, and the remedy."""

    field: str
    description: str


class ToolbeamError(Exception):
    """A call without a reply; subclasses are the codes that a caller tells apart.

    `violations` are the fields that break the contract (`google.rpc.BadRequest`), `retry_after` the
    seconds to wait before the next try (`google.rpc.RetryInfo`), if the service said so.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, violations: list[FieldViolation], retry_after: float | None
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code, self.message, self.violations, self.retry_after = code, message, violations, retry_after


class InvalidArgument(ToolbeamError):
    """The request breaks the contract; `violations` names the fields."""


class FailedPrecondition(ToolbeamError):
    """The models cannot do what was asked."""


class ResourceExhausted(ToolbeamError):
    """The service is full; try again after `retry_after` seconds."""


class DeadlineExceeded(ToolbeamError):
    """The time was over before anything was complete."""


class Unavailable(ToolbeamError):
    """No service answers."""


_ERRORS: dict[grpc.StatusCode, type[ToolbeamError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
}


@contextmanager
def typed_errors() -> Generator[None]:
    """Raises errors of gRPC as `ToolbeamError`, with what the service says in their details."""
    try:
        yield
    except grpc.RpcError as error:
        # Every error of a call is the call too.
        call = cast(grpc.Call, error)
        kind = _ERRORS.get(call.code(), ToolbeamError)
        raise kind(call.code(), call.details() or "", *_details(call.trailing_metadata() or ())) from error


def _details(metadata: Iterable[tuple[str, str | bytes]]) -> tuple[list[FieldViolation], float | None]:
    violations: list[FieldViolation] = []
    retry_after = None
    status = status_pb2.Status()
    with suppress(DecodeError):
        status.ParseFromString(dict(metadata).get("grpc-status-details-bin", b""))
    for detail in status.details:
        request, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(request):
            violations += (FieldViolation(v.field, v.description) for v in request.field_violations)
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    return violations, retry_after
