"""Runs of `genrelens library`, and a folder of music for them."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from tests.support.audio import encode, tone

RunLibrary = Callable[..., Result]


def run_library(catalog: Path, *arguments: object) -> Result:
    """Run `genrelens library` with a catalog; `arguments` are the subcommand and its arguments."""
    return CliRunner().invoke(app, ["library", "--catalog", str(catalog), *map(str, arguments)])


def make_music(folder: Path) -> Path:
    """Write a low and a high tone, low.wav and high.wav, and bad.mp3, which is not audio."""
    folder.mkdir()
    for name, hz in (("low.wav", 100), ("high.wav", 3500)):
        encode(folder / name, tone(hz, 1.5, 8000, 1), codec="pcm_s16le", rate=8000)
    (folder / "bad.mp3").write_bytes(b"no music")
    return folder
