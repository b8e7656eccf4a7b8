"""What the server answers, as it stands in the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from genrelens.explain.explanation import Explanation, Spectrogram
from genrelens.prediction import Failure, Prediction


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Result(Prediction):
    """The answer for a file; `path` is the name that the client gave it. The last two are there if asked for."""

    spectrogram: Spectrogram | None = None
    explanations: tuple[Explanation, ...] | None = None


class FailedResult(Failure):
    """What stands in the place of a result for a file that could not be used."""

    status: int


class Results(_Answer):
    """One for each file, in their order."""

    results: tuple[Result | FailedResult, ...]


class ModelSummary(_Answer):
    """A model that can be asked."""

    name: str
    summary: str
    default: bool


class Models(_Answer):
    """All of them, the default first."""

    models: tuple[ModelSummary, ...]


class Status(_Answer):
    """How the server is."""

    status: Literal["alive", "ready"]


CardJson = dict[str, Any]  # a card, which travels from the worker to the client as it is
