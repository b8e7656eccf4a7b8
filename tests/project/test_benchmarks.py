"""Broken files and many clients, in small; benchmarks/ does it in earnest."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.paths import ROOT
from tests.support.processes import run_coroutine
from tests.support.server import Server


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_broken_files_do_the_server_no_harm(server: Server, tmp_path: Path) -> None:
    import fuzz
    from server import Served

    lost = server.metric("genrelens_workers_lost_total")
    seeds = fuzz.songs(tmp_path)
    assert len(seeds) > 10
    fuzzed = fuzz.fuzz(Served(server.url, server.process.pid), seeds, 20, np.random.default_rng(1))
    assert sum(fuzzed.statuses.values()) == 20
    assert set(fuzzed.statuses) <= {200, 413, 422}
    assert fuzzed.statuses[422] > 0
    assert fuzzed.workers_lost == lost
    assert server.spooled() == []


def test_load_is_measured(server: Server, song: Path) -> None:
    import load
    from server import Served

    served = Served(server.url, server.process.pid)
    case = load.Case("one window", "windows=1", live_sessions=1)
    measured = run_coroutine(load.measure(served, song.read_bytes(), 2, 6, case))
    assert measured.statuses == {200: 6}
    assert 0 < measured.p50 <= measured.p95
    assert 0 < measured.idle.now < measured.busy.peak
    assert load.divided(["--clients", "1", "--", "--workers", "2"]) == (["--clients", "1"], ["--workers", "2"])
