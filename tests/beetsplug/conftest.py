"""Beets itself, with a library of its own and real files."""

import contextlib
import io
import logging
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import beets
import beets.logging
import mutagen
import numpy as np
import pytest
import yaml
from beets import plugins, ui

from tests.conftest import encode, make_card, make_model, tone

# A low tone is told as hip hop (0.80 to 0.20), a high one as metal (0.73 to 0.27).
LABELS = ("hiphop", "metal")
CODECS = {"mp3": "libmp3lame", "flac": "flac", "m4a": "aac", "ogg": "vorbis"}


class Beets:
    """A configuration, a library, and the commands of beets in this process."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        self.sources: list[type[plugins.BeetsPlugin]] = []  # of metadata, in the place of MusicBrainz
        self.log: list[str] = []
        self.configure()

    def configure(self, write: bool = True, **options: Any) -> None:
        """Set the options of our plugin."""
        config = {
            "directory": str(self.folder / "library"),
            "library": str(self.folder / "library.db"),
            "plugins": ["genrelens"],
            "threaded": False,
            "create_backup_before_migrations": False,
            "ui": {"color": False},
            "import": {"write": write, "quiet_fallback": "asis"},
            "genrelens": {"model": str(self.model), "min_weight": 0.1, "processes": 1, **options},
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def __call__(self, *arguments: str) -> str:
        """What a command prints.

        Raises:
            SystemExit: the command failed; `log` says why.
        """
        self._reset()
        beets.config.read()
        plugins.load_plugins()
        plugins._instances.extend(source() for source in self.sources)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), self._logged():
            ui.main(list(arguments))
        self._reset()
        return out.getvalue()

    def listed(self, *query: str) -> dict[str, str]:
        """Titles of tracks, and their genres with " + " between."""
        lines = self("ls", "-f", "$title=$genres", *query).splitlines()
        return {title: genres.replace("; ", " + ") for title, _, genres in (line.partition("=") for line in lines)}

    def albums(self) -> dict[str, str]:
        """Names of albums, and their genres."""
        return dict(line.split("=") for line in self("ls", "-a", "-f", "$album=$genres").splitlines())

    def files(self) -> list[Path]:
        """The files in the library."""
        return sorted(path for path in (self.folder / "library").rglob("*.*") if path.is_file())

    @contextlib.contextmanager
    def _logged(self) -> Iterator[None]:
        handler = logging.Handler()
        handler.emit = lambda record: self.log.append(record.getMessage())  # type: ignore[method-assign]
        logger = beets.logging.getLogger("beets")
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    def _reset(self) -> None:
        plugins.BeetsPlugin.listeners.clear()
        plugins.BeetsPlugin._raw_listeners.clear()
        plugins._instances.clear()
        beets.config.clear()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where anything is looked up."""

    def refuse(*_: object) -> None:
        raise AssertionError("there is to be no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def genre_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of hip hop (low) and metal (high)."""
    return make_model(tmp_path_factory.mktemp("beets") / "tilt.onnx", make_card(labels=LABELS))


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A low and a high tone, and silence, in four formats."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {"low": tone(300, 1.5), "high": tone(9000, 1.5), "silent": np.zeros((2, 66_150), np.float32)}
    for name, samples in made.items():
        for extension, codec in CODECS.items():
            encode(folder / f"{name}.{extension}", samples, codec=codec)
    return folder


@pytest.fixture
def beet(tmp_path: Path, genre_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beets]:
    """Beets with an empty library."""
    monkeypatch.setenv("BEETSDIR", str(tmp_path))
    beets_ = Beets(tmp_path, genre_model)
    yield beets_
    beets_._reset()


@pytest.fixture
def track(tmp_path: Path, sounds: Path) -> Callable[..., Path]:
    """Make a file to import: track("a.mp3", "low", album="Al", genres=["Jazz", "Soul"])."""

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


def written(file: Path) -> list[str]:
    """The genres in the tags of a file, one by one."""
    return list(mutagen.File(file, easy=True).get("genre", []))
