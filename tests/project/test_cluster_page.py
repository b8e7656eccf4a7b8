"""What docs/cluster.md says is what was measured."""

import json

import pytest

from tests.support.paths import ROOT


def test_the_tables_are_made_from_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import cluster_page

    assert cluster_page.PAGE.read_text("utf-8") == cluster_page.page()
    assert "| 256 |" in cluster_page.page()


def test_no_cluster_is_faster_than_what_hands_out_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import cluster_page

    figures = json.loads(cluster_page.RESULTS.read_text("utf-8"))["figures"]
    rows = [line.split("|")[2] for line in cluster_page.sizing(figures).splitlines() if line.startswith("|")][2:]
    rates = [float(rate.replace(",", "")) for rate in rows]
    assert rates == sorted(rates)
    assert rates[-1] <= figures["cluster, paths without a file (tracks/s)"] + 0.5
    assert rates[0] <= 8 * figures["cluster, in all (tracks/s)"] + 0.5
