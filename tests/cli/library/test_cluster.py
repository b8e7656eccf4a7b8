# ruff: noqa: E402 (what follows is imported only where Ray is installed)

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import iter_tracks
from genrelens.library.cluster.results import ResultFolder, run_settings
from genrelens.model.session import Model
from tests.support.audio import encode, tone

# Ray warns of its own ways.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, log_to_driver=False, logging_level=40)
    yield
    ray.shutdown()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three songs, and a file that is none."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, hz in (("low.wav", 200.0), ("high.wav", 9000.0), ("odd \udcff.wav", 300.0)):
        encode(folder / "plain.wav", tone(hz, 2.0, 22_050, 1), codec="pcm_s16le", rate=22_050).rename(folder / name)
    (folder / "words.mp3").write_bytes(b"words")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["library", *map(str, arguments)])


def told(catalog: Path) -> dict[str, str]:
    with Catalog(catalog) as opened:
        return {track.path.name: track.prediction.to_json() for track in iter_tracks(opened)}


def test_a_catalog_gets_the_answers_of_the_local_engine(music: Path, model_file: Path, tmp_path: Path) -> None:
    answers = []
    for engine in ("ray", "local"):
        catalog = tmp_path / f"{engine}.db"
        run("--catalog", catalog, "scan", music)
        result = run(
            "--catalog", catalog, "run", "--engine", engine, "--nice", 0, "--model", model_file, "--threads", 1
        )
        assert result.exit_code == 1
        assert "3 judged, 1 failed, 0 still to do" in result.stdout
        assert "words.mp3 is not audio" in result.stderr
        answers.append(told(catalog))
    assert answers[0] == answers[1]
    assert len(answers[0]) == 3


def test_a_catalog_takes_over_what_is_still_true_of_a_folder(music: Path, model_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "outcomes"
    first = run("run", "--engine", "ray", "--nice", 0, "--model", model_file, "--from", music, "--to", target)
    assert "3 judged, 1 failed, 0 still to do" in first.stdout
    files = sorted(target.iterdir())
    encode(music / "low.wav", tone(8000.0, 3.0, 22_050, 1), codec="pcm_s16le", rate=22_050)  # another song, by now

    catalog = tmp_path / "library.db"
    run("--catalog", catalog, "scan", music)
    second = run("--catalog", catalog, "run", "--engine", "ray", "--nice", 0, "--model", model_file, "--to", target)
    assert "3 judged, 1 failed, 0 still to do" in second.stdout
    genres = {name: json.loads(answer)["genre"] for name, answer in told(catalog).items()}
    assert genres == {"low.wav": "high", "high.wav": "high", "odd \udcff.wav": "low"}
    assert len(sorted(target.iterdir())) == len(files) + 1  # of what was judged anew


def test_goes_on_where_a_run_was_ended(music: Path, model_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "outcomes"
    listed = tmp_path / "songs.txt"
    arguments = ("run", "--engine", "ray", "--nice", 0, "--model", model_file, "--from", listed, "--to", target)
    listed.write_text(f"{music}/low.wav\nfile://{music}/words.mp3\n")
    assert "1 judged, 1 failed, 0 still to do" in run(*arguments).stdout
    listed.write_text(f"{music}/low.wav\nfile://{music}/words.mp3\nfile://{music}/high.wav\n")
    assert "1 judged, 0 failed, 0 still to do" in run(*arguments).stdout
    assert "0 judged, 0 failed, 0 still to do" in run(*arguments).stdout
    shutil.copy(music / "low.wav", music / "words.mp3")
    assert "1 judged, 0 failed, 0 still to do" in run(*arguments, "--retry").stdout
    paths = ResultFolder(str(target)).paths(run_settings(Model(model_file).card, 3), failed=False)
    assert paths == {f"{music}/low.wav", f"file://{music}/words.mp3", f"file://{music}/high.wav"}


def test_says_what_goes_together(music: Path, tmp_path: Path) -> None:
    assert "need --engine ray" in run("run", "--to", tmp_path).output
    assert "give --to" in run("run", "--engine", "ray", "--from", music).output
