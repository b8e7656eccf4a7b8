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
from genrelens.library.catalog.catalog import Catalog, catalog_lock
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


def make_library(folder: Path, count: int, seconds: float = 1.2) -> Path:
    """Create small files of five kinds."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [
        encode(folder.parent / f"{hz}.wav", tone(hz, seconds, 8000, 1), codec="pcm_s16le", rate=8000)
        for hz in (100, 500, 900, 2000, 3500)
    ]
    for number in range(count):
        shutil.copy(kinds[number % len(kinds)], folder / f"{number:04}.wav")
    return folder


def rows(catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """Return all predictions and failures, independent of the track ids."""
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


def test_pending_tracks_are_classified_once(catalog: Catalog, model: Model, tmp_path: Path) -> None:
    music = make_library(tmp_path / "music", 10)
    write_file(music / "bad.mp3", b"not music")
    scan_folder(catalog, music)
    assert count_pending(catalog, model, windows=3) == 11
    results = [result for batch in run(catalog, model, windows=3, processes=1) for result in batch]
    assert len(results) == 11
    tracks = list(iter_tracks(catalog, embeddings=True))
    assert [track.path for track in tracks] == sorted(music.glob("*.wav"))
    assert {track.prediction.genre for track in tracks} == {"low", "high"}
    assert all(track.embedding is not None and track.embedding.shape == (2,) for track in tracks)
    assert [failure.path for failure in iter_failures(catalog)] == [str(music / "bad.mp3")]
    assert list(run(catalog, model, windows=3, processes=1)) == []


def test_tracks_become_pending_again(catalog: Catalog, mapped: Path, tmp_path: Path) -> None:
    music = make_library(tmp_path / "music", 3)
    bad = write_file(music / "bad.mp3", b"not music")
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


def test_a_file_changed_since_the_scan_gets_its_new_stamp(catalog: Catalog, model: Model, tmp_path: Path) -> None:
    music = make_library(tmp_path / "music", 2)
    scan_folder(catalog, music)
    changed = encode(music / "0000.wav", tone(200, 3.0, 8000, 1), codec="pcm_s16le", rate=8000)
    (music / "0001.wav").rename(music / "away")
    (batch,) = run(catalog, model, windows=3, processes=1)
    assert {type(result.result) for result in batch} == {Prediction, Failure}
    found = load_details(catalog, track_id(catalog, changed))
    assert found.size == changed.stat().st_size
    assert not found.outdated
    (music / "away").rename(music / "0001.wav")  # like a disk that was unmounted for a while
    assert list(pending_paths(catalog, model, windows=3)) == [music / "0001.wav"]


def make_result(genre: str | None, path: Path) -> TrackResult:
    """Return the prediction of a genre, or the failure of a file that cannot be decoded."""
    if genre:
        return TrackResult(path, FileStamp.from_path(path), scored_prediction(path, **{genre: 0.9}))
    return failed_result(path, FileStamp.from_path(path), UndecodableAudioError("not audio"))


def test_a_prediction_survives_a_later_failure(catalog: Catalog, tmp_path: Path) -> None:
    song, other = write_file(tmp_path / "music" / "a.wav", b"1"), write_file(tmp_path / "music" / "b.wav", b"2")
    scan_folder(catalog, song.parent)
    save_results(catalog, [make_result("jazz", song), make_result("rock", other)], 3)
    save_results(catalog, [make_result(None, song)], 5)
    write_file(other, b"changed")
    save_results(catalog, [make_result(None, other)], 5)
    assert [track.path for track in iter_tracks(catalog)] == [song]
    assert [failure.path for failure in iter_failures(catalog)] == [str(other)]
    counted = library_status(catalog)
    assert (counted.tracks, counted.judged, counted.failed, counted.pending) == (2, 1, 1, 0)
    assert (counted.genres, counted.errors) == ({"jazz": 1}, {"UndecodableAudioError": 1})


def test_predictions_for_changed_files_are_not_counted(catalog: Catalog, tmp_path: Path) -> None:
    song = write_file(tmp_path / "music" / "a.wav", b"1")
    scan_folder(catalog, song.parent)
    save_results(catalog, [make_result("jazz", song)], 3)
    scan_folder(catalog, write_file(song, b"changed").parent)
    counted = library_status(catalog)
    assert (counted.judged, counted.pending, counted.genres, counted.models) == (0, 1, {}, ())


def test_an_unreadable_file_stays_pending(catalog: Catalog, model: Model, tmp_path: Path) -> None:
    (song,) = make_library(tmp_path / "music", 1).iterdir()
    scan_folder(catalog, song.parent)
    save_results(
        catalog, [failed_result(song, FileStamp.from_path(song), AudioUnreadableError("Permission denied"))], 3
    )
    assert list(iter_failures(catalog)) == []
    assert list(pending_paths(catalog, model, windows=3)) == [song]


def test_a_file_that_kills_its_process_affects_no_other(
    catalog: Catalog, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "classify_files", classify_or_die)
    music = make_library(tmp_path / "music", 5)
    shutil.copy(music / "0000.wav", music / "0002 hostile.wav")
    scan_folder(catalog, music)
    list(run(catalog, model, windows=3, processes=1))
    assert len(list(iter_tracks(catalog))) == 5
    (failure,) = iter_failures(catalog)
    assert failure.path == str(music / "0002 hostile.wav")
    assert failure.error.type == "WorkerError"
    assert "crashed its worker process" in failure.error.message


def test_files_do_not_fail_if_every_process_crashes(
    catalog: Catalog, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "classify_files", classify_or_die)
    music = make_library(tmp_path / "hostile", 2)
    for song in music.iterdir():
        song.rename(song.with_name(f"hostile {song.name}"))
    scan_folder(catalog, music)
    with pytest.raises(WorkerError, match="every worker process crashes"):
        list(run(catalog, model, windows=3, processes=1))
    assert list(iter_failures(catalog)) == []


def test_a_second_run_is_rejected_while_one_is_active(catalog: Catalog, model: Model) -> None:
    with catalog_lock(catalog, "run"), pytest.raises(LibraryBusyError, match="another `genrelens library run`"):
        next(run(catalog, model, windows=3, processes=1))
    assert list(run(catalog, model, windows=3, processes=1)) == []


def test_an_unusable_model_ends_the_run_without_failures(
    catalog: Catalog, model: Model, mapped: Path, tmp_path: Path
) -> None:
    scan_folder(catalog, make_library(tmp_path / "music", 1))
    pictures = make_card(input=PictureInput(kind="picture", width=8, height=8))
    broken = Model(shutil.copy(mapped, tmp_path / "broken.onnx"), threads=1)
    Path(broken.path).write_bytes(b"not a model")
    with pytest.raises(InvalidModelError):
        list(run(catalog, broken, windows=3, processes=1))
    model.card = pictures
    with pytest.raises(WrongInputError):
        list(run(catalog, model, windows=3, processes=1))
    assert list(iter_failures(catalog)) == []


def test_a_run_killed_twenty_times_gives_the_same_results(mapped: Path, tmp_path: Path) -> None:
    music = make_library(tmp_path / "music", 600, seconds=2.0)
    write_file(music / "0003 bad.mp3", b"not music")
    with Catalog(tmp_path / "whole.db") as whole, Catalog(tmp_path / "killed.db") as killed:
        scan_folder(whole, music)
        scan_folder(killed, music)
        list(run(whole, Model(mapped, threads=1), windows=3, processes=1))
        rng = random.Random(0)
        kills = 0
        while kills < KILLS:
            kills += _killed_midway(killed, mapped, 1 + rng.randrange(12))
        list(run(killed, Model(mapped, threads=1), windows=3, processes=1))
        assert rows(killed) == rows(whole)


def _killed_midway(catalog: Catalog, model: Path, more: int) -> bool:
    """Start a run, kill it after a number of classified tracks, and return whether it was still running."""

    def count() -> int:
        return int(catalog.connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    before = count()
    options = ["--model", str(model), "--threads", "1", "--quiet", "--nice", "0"]
    command = [sys.executable, "-m", "genrelens.cli.main", "library", "--catalog", str(catalog.path), "run", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and count() < before + more:
            time.sleep(0.002)  # leave the core to the process
        seen = count()
        process.kill()
    assert count() >= seen >= before
    if process.returncode != -signal.SIGKILL:
        catalog.connection.execute("DELETE FROM answers")  # it finished first: start again
    return process.returncode == -signal.SIGKILL
