"""Messages between the server and the live worker; `genrelens.web.workers.messages` defines their encoding."""

from typing import Annotated, Any, Literal

from pydantic import Field

from genrelens.prediction import Failure
from genrelens.records import FrozenModel


class StartSession(FrozenModel):
    """Starts a session with a model."""

    kind: Literal["start"] = "start"
    session: int
    model: str


class AddAudio(FrozenModel):
    """Adds audio to a session; `missed` seconds were dropped before it.

    The samples follow as a message of their own: float32, little-endian, interleaved.
    """

    kind: Literal["audio"] = "audio"
    session: int
    rate: int
    channels: int
    missed: float


class EndSession(FrozenModel):
    """Ends a session."""

    kind: Literal["end"] = "end"
    session: int


Command = Annotated[StartSession | AddAudio | EndSession, Field(discriminator="kind")]


class LiveReply(FrozenModel):
    """The reply to a command: JSON objects to forward to the client, or the failure of the command."""

    messages: tuple[dict[str, Any], ...] = ()
    failure: Failure | None = None
