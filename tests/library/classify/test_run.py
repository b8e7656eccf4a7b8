import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genrelens.errors import (
    AudioUnreadableError,
    InvalidModelError,
    LibraryBusyError,
    UndecodableAudioError,
    WorkerError,
    WrongInputError,
)
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.catalog import catalog_lock
from genrelens.library.catalog.lookup import load_details
from genrelens.library.catalog.status import library_status
from genrelens.library.catalog.tracks import FileStamp, iter_failures, iter_tracks
from genrelens.library.classify import run as running
from genrelens.library.classify.results import TrackResult, failed_result
from genrelens.library.classify.run import count_pending, pending_paths, run, save_results
from genrelens.library.scan.scan import scan_folder
from genrelens.model.input_spec import PictureInput
from genrelens.model.session import Model
from genrelens.prediction import Failure, Prediction
from tests.support.audio import encode, tone
from tests.support.catalog import scored_prediction, track_id, write_file
from tests.support.hostile import classify_or_die
from tests.support.models import make_card, make_mapped_model

KILLS = 20


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mapped_model(tmp_path_factory.mktemp("models") / "mapped.onnx", make_card())


@pytest.fixture
def model(mapped: Path) -> Model:
    return Model(mapped, threads=1)


def library(folder: Path, count: int, seconds: float = 1.2) -> Path:
    """Small files of five kinds."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [
        encode(folder.parent / f"{hz}.wav", tone(hz, seconds, 8000, 1), codec="pcm_s16le", rate=8000)
        for hz in (100, 500, 900, 2000, 3500)
    ]
    for number in range(count):
        shutil.copy(kinds[number % len(kinds)], folder / f"{number:04}.wav")
    return folder


def rows(catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """All that was told, whatever the numbers of the tracks are."""
    queries = {
        "answers": "SELECT path, genre, confidence, model, windows, prediction, embedding",
        "failures": "SELECT path, type, message",
    }
    return {
        table: [
            tuple(row) for row in catalog.connection.execute(f"{q} FROM {table} JOIN tracks ON id = track ORDER BY 1")
        ]
        for table, q in queries.items()
    }


def test_what_is_pending_is_judged_once(catalog: Catalog, model: Model, tmp_path: Path) -> None:
    music = library(tmp_path / "music", 10)
    write_file(music / "bad.mp3", b"no music")
    scan_folder(catalog, music)
    assert count_pending(catalog, model, windows=3) == 11
    outcomes = [outcome for batch in run(catalog, model, windows=3, processes=1) for outcome in batch]
    assert len(outcomes) == 11
    tracks = list(iter_tracks(catalog, embeddings=True))
    assert [track.path for track in tracks] == sorted(music.glob("*.wav"))
    assert {track.prediction.genre for track in tracks} == {"low", "high"}
    assert all(track.embedding is not None and track.embedding.shape == (2,) for track in tracks)
    assert [failure.path for failure in iter_failures(catalog)] == [str(music / "bad.mp3")]
    assert list(run(catalog, model, windows=3, processes=1)) == []


def test_what_makes_a_track_pending_again(catalog: Catalog, mapped: Path, tmp_path: Path) -> None:
    music = library(tmp_path / "music", 3)
    bad = write_file(music / "bad.mp3", b"no music")
    scan_folder(catalog, music)
    model = Model(mapped, threads=1)
    list(run(catalog, model, windows=3, processes=1))
    other = Model(make_mapped_model(tmp_path / "other.onnx", make_card(version="2")), threads=1)
    assert count_pending(catalog, model, windows=3) == 0
    assert count_pending(catalog, model, windows=2) == 3
    assert count_pending(catalog, other, windows=3) == 3
    assert list(pending_paths(catalog, model, windows=3, retry=True)) == [bad]
    changed = encode(music / "0001.wav", tone(200, 2.0, 8000, 1), codec="pcm_s16le", rate=8000)
    (music / "0002.wav").unlink()
    shutil.copy(changed, bad)
    scan_folder(catalog, music)
    assert list(pending_paths(catalog, model, windows=3)) == [changed, bad]
    list(run(catalog, model, windows=3, processes=1))
    assert list(iter_failures(catalog)) == []


def test_a_file_that_changed_since_the_scan_is_known_as_it_is(catalog: Catalog, model: Model, tmp_path: Path) -> None:
    music = library(tmp_path / "music", 2)
    scan_folder(catalog, music)
    changed = encode(music / "0000.wav", tone(200, 3.0, 8000, 1), codec="pcm_s16le", rate=8000)
    (music / "0001.wav").rename(music / "away")
    (batch,) = run(catalog, model, windows=3, processes=1)
    assert {type(outcome.result) for outcome in batch} == {Prediction, Failure}
    found = load_details(catalog, track_id(catalog, changed))
    assert found.size == changed.stat().st_size
    assert not found.outdated
    (music / "away").rename(music / "0001.wav")  # as a disk that was away for a while
    assert list(pending_paths(catalog, model, windows=3)) == [music / "0001.wav"]


def told(genre: str | None, path: Path) -> TrackResult:
    """What came of a file: a genre, or that it cannot be decoded."""
    if genre:
        return TrackResult(path, FileStamp.from_path(path), scored_prediction(path, **{genre: 0.9}))
    return failed_result(path, FileStamp.from_path(path), UndecodableAudioError("not by this model"))


def test_a_good_answer_outlives_a_bad_second_try(catalog: Catalog, tmp_path: Path) -> None:
    song, other = write_file(tmp_path / "music" / "a.wav", b"1"), write_file(tmp_path / "music" / "b.wav", b"2")
    scan_folder(catalog, song.parent)
    save_results(catalog, [told("jazz", song), told("rock", other)], 3)
    save_results(catalog, [told(None, song)], 5)
    write_file(other, b"changed")
    save_results(catalog, [told(None, other)], 5)
    assert [track.path for track in iter_tracks(catalog)] == [song]
    assert [failure.path for failure in iter_failures(catalog)] == [str(other)]
    counted = library_status(catalog)
    assert (counted.tracks, counted.judged, counted.failed, counted.pending) == (2, 1, 1, 0)
    assert (counted.genres, counted.errors) == ({"jazz": 1}, {"UndecodableAudioError": 1})


def test_answers_to_files_that_have_changed_are_not_counted(catalog: Catalog, tmp_path: Path) -> None:
    song = write_file(tmp_path / "music" / "a.wav", b"1")
    scan_folder(catalog, song.parent)
    save_results(catalog, [told("jazz", song)], 3)
    scan_folder(catalog, write_file(song, b"changed").parent)
    counted = library_status(catalog)
    assert (counted.judged, counted.pending, counted.genres, counted.models) == (0, 1, {}, ())


def test_a_file_that_may_not_be_read_is_tried_again(catalog: Catalog, model: Model, tmp_path: Path) -> None:
    (song,) = library(tmp_path / "music", 1).iterdir()
    scan_folder(catalog, song.parent)
    save_results(catalog, [failed_result(song, FileStamp.from_path(song), AudioUnreadableError("Permission denied"))], 3)
    assert list(iter_failures(catalog)) == []
    assert list(pending_paths(catalog, model, windows=3)) == [song]


def test_a_hostile_file_costs_only_itself(
    catalog: Catalog, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "classify_files", classify_or_die)
    music = library(tmp_path / "music", 5)
    shutil.copy(music / "0000.wav", music / "0002 hostile.wav")
    scan_folder(catalog, music)
    list(run(catalog, model, windows=3, processes=1))
    assert len(list(iter_tracks(catalog))) == 5
    (failure,) = iter_failures(catalog)
    assert failure.path == str(music / "0002 hostile.wav")
    assert failure.error.type == "WorkerError"
    assert "made its process die" in failure.error.message


def test_files_are_not_blamed_where_no_process_lives(
    catalog: Catalog, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "classify_files", classify_or_die)
    music = library(tmp_path / "hostile", 2)
    for song in music.iterdir():
        song.rename(song.with_name(f"hostile {song.name}"))
    scan_folder(catalog, music)
    with pytest.raises(WorkerError, match="no worker process stays alive"):
        list(run(catalog, model, windows=3, processes=1))
    assert list(iter_failures(catalog)) == []


def test_two_runs_do_not_double_the_work(catalog: Catalog, model: Model) -> None:
    with catalog_lock(catalog, "run"), pytest.raises(LibraryBusyError, match="another `genrelens library run`"):
        next(run(catalog, model, windows=3, processes=1))
    assert list(run(catalog, model, windows=3, processes=1)) == []


def test_a_model_that_cannot_be_used(catalog: Catalog, model: Model, mapped: Path, tmp_path: Path) -> None:
    scan_folder(catalog, library(tmp_path / "music", 1))
    pictures = make_card(input=PictureInput(kind="picture", width=8, height=8))
    broken = Model(shutil.copy(mapped, tmp_path / "broken.onnx"), threads=1)
    Path(broken.path).write_bytes(b"no model")
    with pytest.raises(InvalidModelError):
        list(run(catalog, broken, windows=3, processes=1))
    model.card = pictures
    with pytest.raises(WrongInputError):
        list(run(catalog, model, windows=3, processes=1))
    assert list(iter_failures(catalog)) == []


def test_a_run_killed_twenty_times_ends_as_one_that_was_not(mapped: Path, tmp_path: Path) -> None:
    music = library(tmp_path / "music", 600, seconds=2.0)
    write_file(music / "0003 bad.mp3", b"no music")
    with Catalog(tmp_path / "whole.db") as whole, Catalog(tmp_path / "killed.db") as killed:
        scan_folder(whole, music)
        scan_folder(killed, music)
        list(run(whole, Model(mapped, threads=1), windows=3, processes=1))
        rng = random.Random(0)
        deaths = 0
        while deaths < KILLS:
            deaths += _killed_midway(killed, mapped, 1 + rng.randrange(12))
        list(run(killed, Model(mapped, threads=1), windows=3, processes=1))
        assert rows(killed) == rows(whole)


def _killed_midway(catalog: Catalog, model: Path, more: int) -> bool:
    """Start a run and kill it once so many more tracks are judged; whether it was still at work."""

    def count() -> int:
        return int(catalog.connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    before = count()
    options = ["--model", str(model), "--threads", "1", "--quiet", "--nice", "0"]
    command = [sys.executable, "-m", "genrelens.cli.main", "library", "--catalog", str(catalog.path), "run", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and count() < before + more:
            time.sleep(0.002)  # not to take the core from it
        seen = count()
        process.kill()
    assert count() >= seen >= before
    if process.returncode != -signal.SIGKILL:
        catalog.connection.execute("DELETE FROM answers")  # it was quicker than we: let it begin again
    return process.returncode == -signal.SIGKILL
