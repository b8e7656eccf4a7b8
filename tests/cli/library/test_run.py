import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.library import RunLibrary, make_music
from tests.support.processes import restore_interrupts


def test_a_run_classifies_the_pending_tracks_and_lists_failures(
    run: RunLibrary, mapped_model: Path, tmp_path: Path
) -> None:
    run("scan", make_music(tmp_path / "music"))
    result = run("run", "--model", mapped_model, "--threads", 1, "--nice", 0)
    assert result.exit_code == 1
    assert result.stdout == "2 classified, 1 failed, 0 pending\n"
    assert "bad.mp3 is not audio" in result.stderr


def test_a_run_lowers_its_priority(library: RunLibrary, mapped_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    increments: list[int] = []
    monkeypatch.setattr(os, "nice", increments.append)
    assert library("run", "--model", mapped_model, "--threads", 1).exit_code == 0
    assert increments == [10]


def test_an_interrupted_run_keeps_its_predictions(
    run: RunLibrary, classified_catalog: Path, mapped_model: Path, tmp_path: Path
) -> None:
    catalog, music = tmp_path / "library.db", tmp_path / "music"
    music.mkdir()
    for number in range(300):
        shutil.copy(classified_catalog.parent / "music" / "low.wav", music / f"{number}.wav")
    run("scan", music)
    options = ["--model", str(mapped_model), "--threads", "1", "--nice", "0"]
    command = [sys.executable, "-m", "genrelens.cli.main", "library", "--catalog", str(catalog), "run", *options]
    with (
        sqlite3.connect(catalog) as connection,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=restore_interrupts,
            start_new_session=True,
        ) as process,
    ):
        while process.poll() is None and not connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0]:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        output, errors = process.communicate(timeout=60)
    connection.close()
    assert process.returncode == 130
    assert errors == ""
    count = json.loads(run("status", "--json").stdout)["judged"]
    assert 0 < count < 300
    assert output == f"{count} classified, 0 failed, {300 - count} pending\n"


def test_options_of_ray_need_its_engine_and_each_other(run: RunLibrary, tmp_path: Path) -> None:
    assert "need --engine ray" in run("run", "--to", tmp_path).output
    assert "pass --to" in run("run", "--engine", "ray", "--from", tmp_path).output
