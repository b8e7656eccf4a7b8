"""What the server and the process that listens tell each other; see `genrelens.web.workers.messages` for how."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genrelens.prediction import Failure


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Begin(_Message):
    """A session begins, in which this model listens."""

    kind: Literal["begin"] = "begin"
    session: int
    model: str


class Hear(_Message):
    """Samples came, float32 little-endian and interleaved; `missed` seconds were dropped before them.

    They follow as a message of their own, which is no JSON.
    """

    kind: Literal["hear"] = "hear"
    session: int
    rate: int
    channels: int
    missed: float


class End(_Message):
    """A session ends."""

    kind: Literal["end"] = "end"
    session: int


Instruction = Annotated[Begin | Hear | End, Field(discriminator="kind")]


class Told(_Message):
    """What is answered to any of these: what the client is to be told, message by message; or why it cannot be."""

    messages: tuple[dict[str, Any], ...] = ()
    failure: Failure | None = None
