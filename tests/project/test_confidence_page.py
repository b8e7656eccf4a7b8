"""docs/confidence.md says what was measured; and what makes the sounds says so when it cannot."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.paths import ROOT


def test_the_page_has_the_measured_figures() -> None:
    page = (ROOT / "docs" / "confidence.md").read_text("utf-8")
    measured = json.loads((ROOT / "benchmarks" / "results" / "notmusic.json").read_text("utf-8"))
    for kind, row in measured["sounds"].items():
        assert f"| {kind} | {row['sounds']} | {100 * row['told unknown']:.0f} % |\n" in page
    for name, row in measured["music"].items():
        figures = f"{100 * row['told unknown']:.1f} % | {row['AUROC']:.3f} | {row['AUROC of the confidence']:.3f}"
        assert f"| from {name} | {row['tracks']} | {figures} |\n" in page


def test_sounds_need_their_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    make_sounds = import_module("sounds").make_sounds
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="espeak-ng makes what is not music, and is not installed; `apt-get install"):
        next(make_sounds(tmp_path))
