"""The one result: what the command line prints, a program receives and a server sends."""

import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, SkipValidation

from genrelens.errors import GenrelensError

# A file name on disk is bytes, and Python spells the ones that are not UTF-8 with lone surrogates.
# Pydantic's own string type refuses those, so a path is carried unvalidated and written as ASCII JSON.
PathText = Annotated[str, SkipValidation]

UNKNOWN = "unknown"  # the genre of what is no music, or of what a model is not sure enough of

_MUSIC = 0.5


class Record(BaseModel):
    """What crosses a border as one line of JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> str:
        """Write one line of ASCII JSON, whatever bytes the path is made of."""
        return json.dumps(self.model_dump(), ensure_ascii=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            pydantic.ValidationError: the JSON has another shape.
        """
        return cls.model_validate(json.loads(text))


class Score(Record):
    """A label and its probability, 0 to 1."""

    label: str
    score: float


class Segment(Record):
    """What the model heard in one window, `start` to `end` in seconds from the beginning of the track.

    `music` is as of a track.
    """

    start: float
    end: float
    scores: tuple[Score, ...]
    music: float | None = None


class Prediction(Record):
    """The answer for one track.

    Attributes:
        genre: what is told; the first of `genres`.
        genres: all that is told. Of a model with several labels, those that reach their thresholds, the most
            probable first, or the most probable one if none does; of a tree, the path, backed off to a parent
            where the leaf is unsure; else the one genre. What is no music, and what is told with less confidence
            than was asked for, is "unknown".
        confidence: the probability of `genre`; of an unknown one, of what would else have been told.
        music: how probably this is music at all, 0 to 1, if the model can tell; below 1/2 it counts as none.
        scores: the labels from the most to the least probable; of a tree, all nodes, a parent with the sum of
            its parts. With several labels, each is a probability for itself.
        duration: in seconds.
        version: the model's.
    """

    path: PathText
    genre: str
    genres: tuple[str, ...]
    confidence: float
    scores: tuple[Score, ...]
    segments: tuple[Segment, ...]
    music: float | None = None
    duration: float
    model: str
    version: str
    warnings: tuple[str, ...] = ()

    def top(self, k: int) -> "Prediction":
        """Keep the scores of the `k` most probable labels, of the track and of each segment."""
        segments = tuple(s.model_copy(update={"scores": s.scores[:k]}) for s in self.segments)
        return self.model_copy(update={"scores": self.scores[:k], "segments": segments})


class ErrorInfo(Record):
    """The name of an error of `genrelens.errors`, and its sentence."""

    type: str
    message: PathText


class Failure(Record):
    """What stands in a stream of predictions for an input that could not be used."""

    path: PathText
    error: ErrorInfo

    @classmethod
    def from_error(cls, path: str, error: GenrelensError) -> "Failure":
        """Tell of `error` at `path`."""
        return cls(path=path, error=ErrorInfo(type=type(error).__name__, message=str(error)))


def is_not_music(music: float | None) -> bool:
    """Whether so low a probability of music counts as none; where a model cannot tell, all is music."""
    return music is not None and music < _MUSIC


def rank_scores(labels: tuple[str, ...], probabilities: Any) -> tuple[Score, ...]:
    """Pair labels with probabilities (one each), the most probable first; equals keep the labels' order."""
    pairs = zip(labels, (float(p) for p in probabilities), strict=True)
    return tuple(Score(label=label, score=p) for label, p in sorted(pairs, key=lambda pair: -pair[1]))
