import csv
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.library.catalog.lookup import TrackDetails
from genrelens.library.catalog.status import LibraryStatus
from genrelens.prediction import Failure, Prediction
from tests.support.audio import encode, tone
from tests.support.models import make_card, make_mapped_model
from tests.support.processes import restore_interrupts

Library = Callable[..., Result]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mapped_model(tmp_path_factory.mktemp("models") / "mapped.onnx", make_card())


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, mapped: Path) -> Path:
    """A catalog of two songs that were judged, and a file that could not be; the songs are in `music` beside it."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "music").mkdir()
    for name, hz in (("low.wav", 100), ("high.wav", 3500)):
        encode(folder / "music" / name, tone(hz, 1.5, 8000, 1), codec="pcm_s16le", rate=8000)
    (folder / "music" / "bad.mp3").write_bytes(b"no music")
    scanned = invoke(folder / "library.db", "scan", folder / "music")
    assert scanned.stdout == f"{folder / 'music'}: 3 audio files; 3 new\n"
    ran = invoke(folder / "library.db", "run", "--model", mapped, "--threads", 1, "--nice", 0)
    assert ran.exit_code == 1
    assert ran.stdout == "2 judged, 1 failed, 0 still to do\n"
    assert "bad.mp3 is not audio" in ran.stderr
    return folder / "library.db"


@pytest.fixture
def library(judged: Path) -> Library:
    return lambda *arguments: invoke(judged, *arguments)


def invoke(catalog: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["library", "--catalog", str(catalog), *map(str, arguments)])


def test_status(library: Library) -> None:
    told = library("status").stdout
    assert "  judged                        2  ██████▋" in told
    assert "  tilt 1, 3 windows             2" in told
    status = LibraryStatus.from_json(library("status", "--json").stdout)
    assert (status.tracks, status.judged, status.failed, status.pending, status.vanished) == (3, 2, 1, 0, 0)
    assert status.genres == {"high": 1, "low": 1}
    assert status.errors == {"UndecodableAudioError": 1}
    assert [(one.model, one.windows, one.tracks) for one in status.models] == [("tilt", "3", 2)]


def test_errors(library: Library, judged: Path) -> None:
    assert library("errors").stdout.startswith(f"UndecodableAudioError: {judged.parent}/music/bad.mp3 is not audio")
    failure = Failure.from_json(library("errors", "--json").stdout)
    assert failure.path == str(judged.parent / "music" / "bad.mp3")


def test_show_by_path_and_by_number(library: Library, judged: Path) -> None:
    song = judged.parent / "music" / "low.wav"
    known = TrackDetails.from_json(library("show", song, "--json").stdout)
    assert known.answer is not None
    assert known.answer.genre == "low"
    told = library("show", known.id).stdout
    assert told == library("show", song).stdout
    assert told.startswith(f"{song}\ntrack {known.id}, ")
    assert "by tilt 1, 2 s" in told
    bad = library("show", judged.parent / "music" / "bad.mp3").stdout
    assert "UndecodableAudioError" in bad
    missing = library("show", "4711")
    assert missing.exit_code == 1
    assert "the catalog has no track 4711" in str(missing.exception)


def test_search(library: Library, judged: Path) -> None:
    assert library("search", "--genre", "low").stdout.rstrip().endswith("low.wav")
    found = [Prediction.from_json(line) for line in library("search", "--json").stdout.splitlines()]
    assert [one.genre for one in found] == ["high", "low"]
    assert library("search", "--path", judged.parent / "music" / "high.wav").stdout.startswith("high")
    assert library("search", "--path", "*/low.*").stdout.startswith("low")
    nothing = library("search", "--min-confidence", 1)
    assert nothing.exit_code == 1
    assert "no judged track is like that" in str(nothing.exception)


def test_export(library: Library, tmp_path: Path) -> None:
    table = tmp_path / "out.csv"
    assert library("export", table).stdout == f"2 tracks written to {table}\n"
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["genre"] for row in rows] == ["high", "low"]
    library("export", tmp_path / "lines", "--format", "jsonl", "--genre", "low")
    (line,) = (tmp_path / "lines").read_text().splitlines()
    assert Prediction.from_json(line).genre == "low"
    library("export", tmp_path / "out.parquet")
    columns = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pydict()
    assert columns["genre"] == ["high", "low"]
    assert [len(embedding) for embedding in columns["embedding"]] == [2, 2]
    assert columns["scores"][0][0]["label"] == "high"
    assert library("export", tmp_path / "out.txt").exit_code == 2


def test_parquet_without_pyarrow(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "genrelens.library.catalog.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = library("export", tmp_path / "out.parquet")
    assert "pip install 'genrelens[library]'" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


def test_scan_with_digests_knows_a_renamed_file(judged: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    shutil.copytree(judged.parent / "music", music)
    catalog = tmp_path / "own.db"
    first = invoke(catalog, "scan", "--digest", music)
    assert first.exit_code == 1  # of the bad file
    assert "bad.mp3 is not audio" in first.stderr
    (music / "bad.mp3").unlink()
    (music / "low.wav").rename(music / "renamed.wav")
    assert invoke(catalog, "scan", "--digest", music).stdout.splitlines() == [
        f"{music}: 2 audio files; 1 new, 2 vanished",
        "1 of the new files are known by their audio, and keep what was told of them",
    ]
    assert invoke(catalog, "scan", music).stdout == f"{music}: 2 audio files; nothing has changed\n"


def test_a_run_is_nice(judged: Path, mapped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(os, "nice", given.append)
    assert invoke(judged, "run", "--model", mapped, "--threads", 1).exit_code == 0
    assert given == [10]


def test_ctrl_c_keeps_what_was_judged(judged: Path, mapped: Path, tmp_path: Path) -> None:
    catalog, music = tmp_path / "own.db", tmp_path / "music"
    music.mkdir()
    for number in range(300):
        shutil.copy(judged.parent / "music" / "low.wav", music / f"{number}.wav")
    invoke(catalog, "scan", music)
    options = ["--model", str(mapped), "--threads", "1", "--nice", "0"]
    command = [sys.executable, "-m", "genrelens.cli.main", "library", "--catalog", str(catalog), "run", *options]
    with (
        sqlite3.connect(catalog) as kept,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=restore_interrupts,
            start_new_session=True,
        ) as process,
    ):
        while process.poll() is None and not kept.execute("SELECT COUNT(*) FROM answers").fetchone()[0]:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        told, errors = process.communicate(timeout=60)
    kept.close()
    assert process.returncode == 130
    assert errors == ""
    done = json.loads(invoke(catalog, "status", "--json").stdout)["judged"]
    assert 0 < done < 300
    assert told == f"{done} judged, 0 failed, {300 - done} still to do\n"
