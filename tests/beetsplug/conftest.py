"""beets with its own library and real files."""

import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import mutagen
import numpy as np
import pytest

from tests.support.audio import encode, tone
from tests.support.beets import CODECS, Beets
from tests.support.models import make_card, make_model

# The model predicts hip hop for a low tone (0.80 to 0.20), and metal for a high one (0.73 to 0.27).
LABELS = ("hiphop", "metal")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail on network access."""

    def refuse(*_: object) -> None:
        raise AssertionError("tests must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def genre_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model that predicts hip hop (low tones) and metal (high tones)."""
    return make_model(tmp_path_factory.mktemp("beets") / "tilt.onnx", make_card(labels=LABELS))


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a low tone, a high tone and silence, in four formats."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {"low": tone(300, 1.5), "high": tone(9000, 1.5), "silent": np.zeros((2, 66_150), np.float32)}
    for name, samples in made.items():
        for extension, codec in CODECS.items():
            encode(folder / f"{name}.{extension}", samples, codec=codec)
    return folder


@pytest.fixture
def beet(tmp_path: Path, genre_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beets]:
    """Return beets with an empty library."""
    monkeypatch.setenv("BEETSDIR", str(tmp_path))
    beets_ = Beets(tmp_path, genre_model)
    yield beets_
    beets_._reset()


@pytest.fixture
def track(tmp_path: Path, sounds: Path) -> Callable[..., Path]:
    """Return a function that makes a file to import: track("a.mp3", "low", album="Al", genres=["Jazz", "Soul"])."""

    def make(
        name: str, sound: str = "low", *, album: str = "Al", artist: str = "X", genres: Sequence[str] = ()
    ) -> Path:
        file = tmp_path / "new" / album / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sounds / f"{sound}{file.suffix}", file)
        tags = mutagen.File(file, easy=True)
        if tags.tags is None:
            tags.add_tags()
        tags.update({"title": [file.stem], "artist": [artist], "albumartist": [artist], "album": [album]})
        if genres:
            tags["genre"] = list(genres)
        tags.save()
        return file

    return make
