"""What docs/backbones.md says is what was measured."""

import pytest

from tests.support.paths import ROOT


def test_the_table_is_made_from_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import backbones_page

    assert backbones_page.PAGE.read_text("utf-8") == backbones_page.page()
    assert "| probe |" in backbones_page.page()
