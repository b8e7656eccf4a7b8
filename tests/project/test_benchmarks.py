"""Small versions of the benchmarks of broken files and load, and the tools they need."""

import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tests.support.paths import ROOT
from tests.support.processes import run_coroutine
from tests.support.server import Server


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_broken_files_do_not_harm_the_server(server: Server, tmp_path: Path) -> None:
    import fuzz
    from server import Served

    workers_lost = server.metric("genrelens_workers_lost_total")
    seeds = fuzz.make_seeds(tmp_path)
    assert len(seeds) > 10
    fuzzed = fuzz.fuzz(Served(server.url, server.process.pid), seeds, 20, np.random.default_rng(1))
    assert sum(fuzzed.statuses.values()) == 20
    assert set(fuzzed.statuses) <= {200, 413, 422}
    assert fuzzed.statuses[422] > 0
    assert fuzzed.workers_lost == workers_lost
    assert server.spooled() == []


def test_load_is_measured(server: Server, song: Path) -> None:
    import load
    from server import Served

    served = Served(server.url, server.process.pid)
    case = load.Case("one window", "windows=1", live_sessions=1)
    result = run_coroutine(load.measure(served, song.read_bytes(), 2, 6, case))
    assert result.statuses == {200: 6}
    assert 0 < result.p50 <= result.p95
    assert 0 < result.idle.now < result.busy.peak
    assert load.split_options(["--clients", "1", "--", "--workers", "2"]) == (["--clients", "1"], ["--workers", "2"])


def test_making_sounds_needs_espeak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_sounds = import_module("sounds").make_sounds
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="espeak-ng generates the sounds and is not installed; `apt-get install"):
        next(make_sounds(tmp_path))
