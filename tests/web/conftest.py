"""Real servers for the tests, with the small model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audio import encode, tone
from tests.support.server import Server, serve_process


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a low tone."""
    return encode(tmp_path_factory.mktemp("songs") / "low.wav", tone(110, 2.0, 22_050), codec="pcm_s16le", rate=22_050)


@pytest.fixture(scope="session")
def no_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text."""
    file = tmp_path_factory.mktemp("texts") / "notes.txt"
    file.write_text("These are words, and no music. " * 10)
    return file


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Server]:
    """A server with the usual settings."""
    with serve_process(tmp_path_factory.mktemp("spool"), "--model", str(model_file)) as running:
        yield running
