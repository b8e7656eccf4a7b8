from pathlib import Path

import pytest

from tests.support.library import RunLibrary

pytestmark = pytest.mark.usefixtures("embedded_tracks")


def test_a_map_is_drawn_as_png(run: RunLibrary, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    assert run("map", "-o", out).stdout == f"{out}: 20 tracks\n"
    assert out.read_bytes().startswith(b"\x89PNG")


def test_another_picture_format_is_refused(run: RunLibrary, tmp_path: Path) -> None:
    refused = run("map", "-o", tmp_path / "map.jpg")
    assert refused.exit_code == 2
    assert "end its name in .png" in refused.output
