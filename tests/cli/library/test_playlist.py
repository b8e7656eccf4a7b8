from pathlib import Path

import pytest

from genrelens.errors import GenrelensError
from tests.support.library import RunLibrary

pytestmark = pytest.mark.usefixtures("embedded_tracks")


def test_a_playlist_of_similar_tracks_is_written(run: RunLibrary, tmp_path: Path) -> None:
    out = tmp_path / "lists" / "a.m3u8"
    result = run("playlist", "--like", "1", "--minutes", "10", "--smooth", "-o", out)
    assert result.stdout == f"{out}: 3 tracks, 10 minutes\n"
    assert out.read_text("utf-8").splitlines()[:3] == ["#EXTM3U", "#EXTINF:200,0", "../0.mp3"]


def test_a_seed_has_no_effect_on_similar_tracks_and_is_refused(run: RunLibrary, tmp_path: Path) -> None:
    assert run("playlist", "--like", "1", "--seed", "1", "-o", tmp_path / "a.m3u8").exit_code == 2


def test_an_unsupported_playlist_format_is_refused(run: RunLibrary, tmp_path: Path) -> None:
    assert isinstance(run("playlist", "-o", tmp_path / "a.pls").exception, GenrelensError)
