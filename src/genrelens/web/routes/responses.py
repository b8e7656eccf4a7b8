"""Response models of the REST API, with examples for the OpenAPI document."""

from typing import Any, Literal

from genrelens.errors import UndecodableAudioError
from genrelens.library.catalog.browse import LibraryTrack
from genrelens.prediction import Failure, Prediction
from genrelens.records import FrozenModel
from genrelens.web.core.openapi import EXAMPLE_DETAILS
from genrelens.web.workers.messages import Result

CardJson = dict[str, Any]  # a model card, forwarded from the worker unchanged


class FailedResult(Failure):
    """The entry of a failed file; `status` is the HTTP status of a request with this file alone."""

    status: int


class Results(FrozenModel):
    """One entry per file, in the order of the request."""

    results: tuple[Result | FailedResult, ...]


class ModelSummary(FrozenModel):
    """A model of this server."""

    name: str
    summary: str
    default: bool


class Models(FrozenModel):
    """All models, the default first."""

    models: tuple[ModelSummary, ...]


class Status(FrozenModel):
    """The state of the server."""

    status: Literal["alive", "ready"]


class LibraryTracks(FrozenModel):
    """A page of tracks; `count` is the total number found."""

    count: int
    tracks: tuple[LibraryTrack, ...]


class LibraryDetails(FrozenModel):
    """A track and its complete prediction."""

    track: LibraryTrack
    prediction: Prediction


class SimilarTrack(LibraryTrack):
    """A track, and the cosine similarity of its embedding to that of the requested track, -1 to 1."""

    similarity: float


class SimilarTracks(FrozenModel):
    """Similar tracks, the most similar first."""

    tracks: tuple[SimilarTrack, ...]


class LibraryMap(FrozenModel):
    """All tracks, as columns of equal length; `genre` and `folder` are indices into `genres` and `folders`.

    `x` and `y` are coordinates on the map, 0 to 1 with `y` upwards, or null for a track that is not on the map.
    """

    genres: tuple[str, ...]
    folders: tuple[str, ...]
    id: tuple[int, ...]
    title: tuple[str, ...]
    folder: tuple[int, ...]
    genre: tuple[int, ...]
    confidence: tuple[float, ...]
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]


_SCORES = [{"label": "jazz", "score": 0.91}, {"label": "blues", "score": 0.04}]
_PREDICTION = {
    "path": "song.mp3",
    "genre": "jazz",
    "genres": ["jazz"],
    "confidence": 0.91,
    "scores": _SCORES,
    "segments": [{"start": 0.0, "end": 10.0, "scores": _SCORES, "music": 0.98}],
    "music": 0.98,
    "duration": 10.0,
    "model": "lens",
    "version": "2",
    "warnings": [],
}
_ERROR = {"type": "UndecodableAudioError", "message": EXAMPLE_DETAILS[UndecodableAudioError]}
_TRACK = {"id": 7, "title": "So What", "folder": "Miles", "genre": "jazz", "confidence": 0.91, "duration": 10.0}

EXAMPLE_RESULTS = {"results": [_PREDICTION, {"path": "notes.txt", "error": _ERROR, "status": 422}]}
EXAMPLE_MODELS = {"models": [{"name": "lens", "summary": "Ten genres, a small model", "default": True}]}
EXAMPLE_CARD = {"name": "lens", "version": "2", "labels": ["blues", "classical", "jazz"], "licence": "MIT"}
EXAMPLE_TRACKS = {"count": 1, "tracks": [_TRACK]}
EXAMPLE_SIMILAR = {"tracks": [_TRACK | {"similarity": 0.83}]}
EXAMPLE_TRACK_DETAILS = {"track": _TRACK, "prediction": _PREDICTION | {"path": "So What"}}
EXAMPLE_MAP = {
    "genres": ["jazz", "rock"],
    "folders": ["Black Sabbath", "Miles"],
    "id": [7, 8],
    "title": ["So What", "Paranoid"],
    "folder": [1, 0],
    "genre": [0, 1],
    "confidence": [0.91, 0.8],
    "x": [0.2, 0.9],
    "y": [0.4, None],
}
