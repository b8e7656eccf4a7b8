"""What the server answers about a library, as it stands in the OpenAPI document."""

from pydantic import BaseModel, ConfigDict

from genrelens.prediction import Prediction


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LibraryTrack(_Answer):
    """A track: `title` is the name of its file, `folder` the way to it from the folder that all tracks share."""

    id: int
    title: str
    folder: str
    genre: str
    confidence: float
    duration: float


class LibraryTracks(_Answer):
    """Some of `count` tracks."""

    count: int
    tracks: tuple[LibraryTrack, ...]


class LibraryDetails(_Answer):
    """A track, and all that was told of it."""

    track: LibraryTrack
    prediction: Prediction


class SimilarTrack(LibraryTrack):
    """A track, and how similar it is to the one asked about, -1 to 1."""

    similarity: float


class SimilarTracks(_Answer):
    """From the most similar on."""

    tracks: tuple[SimilarTrack, ...]


class LibraryMap(_Answer):
    """All tracks, in columns of the same length: `genre` counts into `genres`, `folder` into `folders`.

    `x` and `y` are 0 to 1, upwards.

    Of a track that is on no map (yet), they are null.
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


_TRACK = {"id": 7, "title": "So What", "folder": "Miles", "genre": "jazz", "confidence": 0.91, "duration": 545.0}

EXAMPLE_TRACKS = {"count": 1, "tracks": [_TRACK]}
EXAMPLE_SIMILAR = {"tracks": [_TRACK | {"similarity": 0.83}]}
EXAMPLE_DETAILS = {
    "track": _TRACK,
    "prediction": {
        "path": "So What",
        "genre": "jazz",
        "genres": ["jazz"],
        "confidence": 0.91,
        "scores": [{"label": "jazz", "score": 0.91}],
        "segments": [{"start": 0.0, "end": 10.0, "scores": [{"label": "jazz", "score": 0.91}], "music": 0.98}],
        "music": 0.98,
        "duration": 545.0,
        "model": "lens",
        "version": "2",
        "warnings": [],
    },
}
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
