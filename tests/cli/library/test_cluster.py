# ruff: noqa: E402 (these modules are imported only where Ray is installed)

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import iter_tracks
from genrelens.library.cluster.result_folder import ResultFolder, run_settings
from genrelens.model.session import Model
from tests.support.audio import encode, tone
from tests.support.library import RunLibrary, run_library

# Ray itself causes these warnings.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, log_to_driver=False, logging_level=40)
    yield
    ray.shutdown()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Write three audio files, and one that is not audio, to a folder."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, hz in (("low.wav", 200.0), ("high.wav", 9000.0), ("odd \udcff.wav", 300.0)):
        encode(folder / "plain.wav", tone(hz, 2.0, 22_050, 1), codec="pcm_s16le", rate=22_050).rename(folder / name)
    (folder / "words.mp3").write_bytes(b"words")
    return folder


def predictions(catalog: Path) -> dict[str, str]:
    """Return the prediction of each track as JSON, by file name."""
    with Catalog(catalog) as opened:
        return {track.path.name: track.prediction.to_json() for track in iter_tracks(opened)}


def test_the_catalog_receives_the_predictions_of_the_local_engine(
    music: Path, model_file: Path, tmp_path: Path
) -> None:
    results = []
    for engine in ("ray", "local"):
        catalog = tmp_path / f"{engine}.db"
        run_library(catalog, "scan", music)
        options = ("--engine", engine, "--nice", 0, "--model", model_file, "--threads", 1)
        result = run_library(catalog, "run", *options)
        assert result.exit_code == 1
        assert "3 classified, 1 failed, 0 pending" in result.stdout
        assert "words.mp3 is not audio" in result.stderr
        results.append(predictions(catalog))
    assert results[0] == results[1]
    assert len(results[0]) == 3


def test_results_of_unchanged_files_are_taken_over_into_a_catalog(
    run: RunLibrary, music: Path, model_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "results"
    first = run("run", "--engine", "ray", "--nice", 0, "--model", model_file, "--from", music, "--to", target)
    assert "3 classified, 1 failed, 0 pending" in first.stdout
    files = sorted(target.iterdir())
    encode(music / "low.wav", tone(8000.0, 3.0, 22_050, 1), codec="pcm_s16le", rate=22_050)  # a different recording

    run("scan", music)
    second = run("run", "--engine", "ray", "--nice", 0, "--model", model_file, "--to", target)
    assert "3 classified, 1 failed, 0 pending" in second.stdout
    genres = {
        name: json.loads(prediction)["genre"] for name, prediction in predictions(tmp_path / "library.db").items()
    }
    assert genres == {"low.wav": "high", "high.wav": "high", "odd \udcff.wav": "low"}
    assert len(sorted(target.iterdir())) == len(files) + 1  # with the results of this run


def test_a_run_resumes_from_the_results_of_earlier_runs(
    run: RunLibrary, music: Path, model_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "results"
    file_list = tmp_path / "songs.txt"
    arguments = ("run", "--engine", "ray", "--nice", 0, "--model", model_file, "--from", file_list, "--to", target)
    file_list.write_text(f"{music}/low.wav\nfile://{music}/words.mp3\n")
    assert "1 classified, 1 failed, 0 pending" in run(*arguments).stdout
    file_list.write_text(f"{music}/low.wav\nfile://{music}/words.mp3\nfile://{music}/high.wav\n")
    assert "1 classified, 0 failed, 0 pending" in run(*arguments).stdout
    assert "0 classified, 0 failed, 0 pending" in run(*arguments).stdout
    shutil.copy(music / "low.wav", music / "words.mp3")
    assert "1 classified, 0 failed, 0 pending" in run(*arguments, "--retry").stdout
    paths = ResultFolder(str(target)).paths(run_settings(Model(model_file).card, 3), include_failed=False)
    assert paths == {f"{music}/low.wav", f"file://{music}/words.mp3", f"file://{music}/high.wav"}
