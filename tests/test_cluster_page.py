"""What docs/cluster.md says is what was measured."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_tables_are_made_from_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import cluster_page

    assert cluster_page.PAGE.read_text("utf-8") == cluster_page.page()
    assert "| 256 |" in cluster_page.page()
