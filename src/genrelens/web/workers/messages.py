"""Messages between the server and its worker processes: JSON with a length prefix.

JSON rather than pickle, so that a worker compromised by a hostile file cannot run code in the server.
"""

import asyncio
from typing import IO, Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, TypeAdapter

from genrelens.defaults import DEFAULT_WINDOWS
from genrelens.errors import WorkerError
from genrelens.explain.explanation import Explanation, Method, Spectrogram
from genrelens.prediction import Failure, Prediction
from genrelens.records import FrozenModel
from genrelens.web.core.settings import Settings

Windows = int | Literal["all"]

_LENGTH_BYTES = 4  # of the prefix
_MAX_MESSAGE = 1 << 25  # bytes; an explanation of 527 labels by occlusion takes 19 MB


class WorkerSetup(FrozenModel):
    """The first message to a worker: the settings that concern it."""

    models: tuple[str, ...]
    worker_mb: int
    max_seconds: float
    file_seconds: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Select the settings that concern a worker."""
        return cls(**settings.model_dump(include=set(cls.model_fields)))


class LoadedModel(FrozenModel):
    """A model that a worker has loaded, with the name on its card."""

    name: str
    summary: str
    card: dict[str, Any]


class WorkerReady(FrozenModel):
    """A worker's response to its setup: the models it has loaded, or the failure to load them."""

    models: tuple[LoadedModel, ...] = ()
    failure: Failure | None = None


class Job(FrozenModel):
    """A file to classify: its path, the client's name for it, and the options of the request."""

    path: str
    name: str
    model: str
    windows: Windows = DEFAULT_WINDOWS
    top: int | None = None
    explain: Method | None = None


class Result(Prediction):
    """The prediction for a file; `path` is the client's name for it.

    `spectrogram` and `explanations` are present if the request asked for explanations.
    """

    spectrogram: Spectrogram | None = None
    explanations: tuple[Explanation, ...] | None = None


JobResult = Result | Failure
JOB_RESULT: TypeAdapter[JobResult] = TypeAdapter(Annotated[JobResult, Field(union_mode="left_to_right")])


def encode_message(message: BaseModel | bytes) -> bytes:
    """Return a message with its length prefix."""
    content = message if isinstance(message, bytes) else message.model_dump_json().encode()
    return len(content).to_bytes(_LENGTH_BYTES, "big") + content


def read_message(stream: IO[bytes]) -> bytes | None:
    """Read the next message of a stream; None at its end."""
    prefix = stream.read(_LENGTH_BYTES)
    return stream.read(int.from_bytes(prefix, "big")) if len(prefix) == _LENGTH_BYTES else None


async def receive_message(stream: asyncio.StreamReader) -> bytes:
    """Read the next message of a worker.

    Raises:
        EOFError: the worker has exited.
        WorkerError: the length prefix exceeds every valid message.
    """
    length = int.from_bytes(await stream.readexactly(_LENGTH_BYTES), "big")
    if length > _MAX_MESSAGE:
        raise WorkerError(f"a worker process announced {length} bytes, more than any valid message has; try again")
    return await stream.readexactly(length)
