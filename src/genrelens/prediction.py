"""The result type: what the command line prints, Python returns, the server sends and the catalog stores."""

import json
import re
from typing import Annotated, Any, Self

from pydantic import SkipValidation

from genrelens.errors import GenrelensError
from genrelens.records import FrozenModel

# File names are bytes, and Python decodes those that are not UTF-8 to lone surrogates. Pydantic's string type
# rejects surrogates, so paths are not validated, and are written as ASCII JSON.
PathText = Annotated[str, SkipValidation]

UNKNOWN = "unknown"  # genre of audio that is not music, or that the model is not confident enough about

_MUSIC_THRESHOLD = 0.5

# Genre names that are not just the capitalised label.
_DISPLAY_NAMES = {
    "edm": "EDM",
    "hip hop": "Hip-hop",
    "hip-hop": "Hip-hop",
    "hiphop": "Hip-hop",
    "idm": "IDM",
    "r&b": "R&B",
    "rnb": "R&B",
}
_LEVEL_SEPARATORS = re.compile("---|/")


class Record(FrozenModel):
    """An immutable record that is serialised as one line of JSON."""

    def to_json(self) -> str:
        """Return one line of ASCII JSON, even if a path is not valid UTF-8."""
        return json.dumps(self.model_dump(), ensure_ascii=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse the output of `to_json`.

        Raises:
            pydantic.ValidationError: the JSON does not match the record.
        """
        return cls.model_validate(json.loads(text))


class Score(Record):
    """A label and its probability, 0 to 1."""

    label: str
    score: float


class Segment(Record):
    """The scores of one window.

    Attributes:
        start, end: seconds from the beginning of the track.
        scores: labels from the most to the least probable, as in `Prediction`.
        music: probability that the window is music, as in `Prediction`.
    """

    start: float
    end: float
    scores: tuple[Score, ...]
    music: float | None = None


class Prediction(Record):
    """The prediction for one track.

    Attributes:
        path: raw path text, may contain surrogates.
        genre: predicted genre, the first of `genres`.
        genres: all predicted genres. For a multi-label model, the labels that reach their thresholds, most probable
            first, or the most probable one if none does. For a tree of genres, one path, which backs off to a parent
            where the leaf is uncertain. Otherwise a single genre. ("unknown",) if the audio is not music, or if the
            confidence is below the requested minimum.
        confidence: probability of `genre`; if it is "unknown", of the genre that would have been predicted.
        music: probability that the track is music at all, 0 to 1, if the model can detect it; a track below 0.5
            is treated as not music.
        scores: labels from the most to the least probable. For a tree, all its nodes, each parent with the sum of
            its children. For a multi-label model, the probabilities are independent.
        segments: scores of each analysed window.
        duration: duration of the track in seconds.
        model, version: name and version of the model.
        warnings: non-fatal problems with the file that did not prevent the prediction.
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
        """Return a copy with only the `k` most probable labels, for the track and for each segment."""
        segments = tuple(s.model_copy(update={"scores": s.scores[:k]}) for s in self.segments)
        return self.model_copy(update={"scores": self.scores[:k], "segments": segments})


class ErrorInfo(Record):
    """The class name of a `genrelens.errors` error, and its message."""

    type: str
    message: PathText


class Failure(Record):
    """The entry in a stream of predictions for an input that could not be processed."""

    path: PathText
    error: ErrorInfo

    @classmethod
    def from_error(cls, path: str, error: GenrelensError) -> "Failure":
        """Create the failure for an error raised while processing `path`."""
        return cls(path=path, error=ErrorInfo(type=type(error).__name__, message=str(error)))


def display_genre(label: str) -> str:
    """Return a genre label as people write it: "hiphop" as "Hip-hop", "rock---metal" as "Rock / Metal"."""
    return " / ".join(_DISPLAY_NAMES.get(part.lower(), _capitalise(part)) for part in _LEVEL_SEPARATORS.split(label))


def is_not_music(music: float | None) -> bool:
    """Return whether a probability of music is low enough to count as not music; None counts as music."""
    return music is not None and music < _MUSIC_THRESHOLD


def rank_scores(labels: tuple[str, ...], probabilities: Any) -> tuple[Score, ...]:
    """Pair labels with probabilities of shape (labels,), most probable first; ties keep the order of the labels."""
    pairs = zip(labels, (float(p) for p in probabilities), strict=True)
    return tuple(Score(label=label, score=p) for label, p in sorted(pairs, key=lambda pair: -pair[1]))


def _capitalise(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.replace("_", " ").split())
