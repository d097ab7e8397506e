"""A client for Toolbeam: given tools and a conversation, which function calls should be made?"""

from toolbeam.client import AsyncClient, Call, Client, SearchResult, Settings
from toolbeam.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    ResourceExhausted,
    ToolbeamError,
    Unavailable,
)

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "DeadlineExceeded",
    "FailedPrecondition",
    "FieldViolation",
    "InvalidArgument",
    "ResourceExhausted",
    "SearchResult",
    "Settings",
    "ToolbeamError",
    "Unavailable",
]
