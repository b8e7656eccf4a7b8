"""What docs/explanations.md says is what was measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT


@pytest.fixture
def explanations_page(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import explanations_page

    return explanations_page


def test_the_table_is_made_from_the_results(explanations_page: Any) -> None:
    text = explanations_page.PAGE.read_text("utf-8")
    assert text == explanations_page.page()
    assert (explanations_page.UNMEASURED in text) != explanations_page.RESULTS.is_file()


def test_a_method_is_set_against_maps_that_know_nothing(
    explanations_page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = {name: {"deletion": 0.25, "insertion": 0.5} for name in ("cam", "edges", "random")}
    better = {
        "deletion": {"value": 0.1, "low": -0.05, "high": 0.2},
        "insertion": {"value": 0.3, "low": 0.1, "high": 0.4},
    }
    content = {
        "model": "lens 2", "data": "GTZAN", "tracks": 60, "windows": 3, "machine": "any", "date": "2026-01-01",
        "methods": {"cam": {"areas": areas, "better": {"edges": better, "random": better}, "edges": 0.07}},
    }  # fmt: skip
    monkeypatch.setattr(explanations_page, "RESULTS", tmp_path / "results.json")
    (tmp_path / "results.json").write_text(json.dumps(content))
    text = explanations_page.page()
    assert "| class activation | its own | 0.250 |  | 0.500 |  |" in text
    assert (
        "| class activation | edges | 0.250 | +0.100 (-0.050 to +0.200) | 0.500 | +0.300 (+0.100 to +0.400) |" in text
    )
    assert "`lens 2`; GTZAN, 60 tracks, 3 windows of each" in text
    assert explanations_page.UNMEASURED not in text
