"""`genrelens library similar`, `playlist` and `map`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.errors import GenrelensError
from genrelens.library.catalog.catalog import Catalog
from tests.support.catalog import fill_catalog


@pytest.fixture
def library(tmp_path: Path) -> Path:
    file = tmp_path / "library.db"
    with Catalog(file) as catalog:
        fill_catalog(catalog, tmp_path, ["jazz", "rock"] * 10)
    return file


def run(library: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["library", "--catalog", str(library), *words])


def test_similar_tracks_are_told(library: Path) -> None:
    rows = run(library, "similar", "1", "-n", "3").stdout.splitlines()
    assert len(rows) == 3
    assert all(" jazz " in row and "80 %" in row and row.endswith(".mp3") for row in rows)
    told = [json.loads(line) for line in run(library, "similar", "1", "--genre", "rock", "--json").stdout.splitlines()]
    assert len(told) == 10
    assert {tuple(one["genres"]) for one in told} == {("rock",)}
    assert set(told[0]) == {"id", "path", "similarity", "genres", "confidence", "duration"}


def test_a_playlist_is_written(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists" / "a.m3u8"
    done = run(library, "playlist", "--like", "1", "--minutes", "10", "--smooth", "-o", str(out))
    assert done.stdout == f"{out}: 3 tracks, 10 minutes\n"
    assert out.read_text("utf-8").splitlines()[:3] == ["#EXTM3U", "#EXTINF:200,0", "../0.mp3"]
    assert run(library, "playlist", "--like", "1", "--seed", "1", "-o", str(out)).exit_code == 2
    wrong = run(library, "playlist", "-o", str(tmp_path / "a.pls"))
    assert isinstance(wrong.exception, GenrelensError)


def test_a_map_is_drawn(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    assert run(library, "map", "-o", str(out)).stdout == f"{out}: 20 tracks\n"
    assert out.read_bytes().startswith(b"\x89PNG")
    refused = run(library, "map", "-o", str(tmp_path / "map.jpg"))
    assert refused.exit_code == 2
    assert "end its name in .png" in refused.output
