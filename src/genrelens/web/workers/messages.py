"""What the server and its worker processes tell each other, and how: mostly JSON, each with its length before it.

It is JSON and not pickle, because a worker that a hostile file has taken over must not be able to run code in the
server.
"""

import asyncio
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict

from genrelens.errors import WorkerError
from genrelens.explain.explanation import Method
from genrelens.prediction import Failure

Windows = int | Literal["all"]

_LENGTH = 4  # bytes of the number before a message
_LONGEST = 1 << 25  # bytes; why, by occlusion and for 527 labels, takes 19 MB


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Setup(_Message):
    """What a worker is told first: see `genrelens.web.core.settings.Settings`."""

    models: tuple[str, ...]
    worker_mb: int
    max_seconds: float
    file_seconds: float


class Offer(_Message):
    """A model that a worker has loaded, by the name on its card."""

    name: str
    summary: str
    card: dict[str, Any]


class Ready(_Message):
    """What a worker answers to its setup: the models it has; or why it cannot work."""

    offers: tuple[Offer, ...] = ()
    failure: Failure | None = None


class Job(_Message):
    """A file to judge: where it lies, and what its sender calls it."""

    path: str
    name: str
    model: str
    windows: Windows = "all"
    top: int | None = None
    explain: Method | None = None


class Outcome(_Message):
    """What became of a job: a prediction, perhaps explained, as JSON; or why there is none."""

    result: dict[str, Any] | None = None
    failure: Failure | None = None


def packed(message: BaseModel | bytes) -> bytes:
    """A message with its length before it."""
    content = message if isinstance(message, bytes) else message.model_dump_json().encode()
    return len(content).to_bytes(_LENGTH, "big") + content


def read(stream: IO[bytes]) -> bytes | None:
    """The next message of a stream, or None at its end."""
    head = stream.read(_LENGTH)
    return stream.read(int.from_bytes(head, "big")) if len(head) == _LENGTH else None


async def receive(stream: asyncio.StreamReader) -> bytes:
    """The next message from a worker.

    Raises:
        EOFError: the worker is gone.
        WorkerError: this is no message of ours.
    """
    length = int.from_bytes(await stream.readexactly(_LENGTH), "big")
    if length > _LONGEST:
        raise WorkerError(f"a worker process announces {length} bytes, which no answer has; try again")
    return await stream.readexactly(length)
