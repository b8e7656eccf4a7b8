import shutil
from pathlib import Path

import pytest

from genrelens.errors import ManifestError
from genrelens.train.benchmark import benchmark as module
from genrelens.train.benchmark.benchmark import read_cells, run_benchmark
from genrelens.train.benchmark.protocols import Protocol
from genrelens.train.recipes.recipe import Recipe
from tests.support.benchmark import make_cell, make_inputs
from tests.support.recipes import make_recipe

BUDGETS: dict[Protocol, float] = {"windows": 60.0, "tracks": 60.0}


def test_each_cell_is_run_once(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make_inputs(genres, tmp_path)
    recipe = make_recipe(train={"epochs": 8})
    messages: list[str] = []
    run_benchmark([(recipe, BUDGETS)], inputs, messages.append)
    first, second = read_cells(inputs.results)
    assert {first.protocol, second.protocol} == set(BUDGETS)
    by_window = next(cell for cell in (first, second) if cell.protocol == "windows")
    assert by_window.answers == ("windows", 18)  # 15 % of the windows: 24 tracks of five each
    assert by_window.accuracy.value > 0.8
    assert by_window.epochs <= by_window.planned == 8
    assert by_window.cpu_ms is not None
    assert by_window.cpu_ms > 0

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "run_cell", fail)
    run_benchmark([(recipe, BUDGETS)], inputs, messages.append)
    (inputs.results / "small.tracks.json").unlink()
    with pytest.raises(AssertionError):
        run_benchmark([(recipe, BUDGETS)], inputs, messages.append)


def test_picture_recipe_without_pictures_is_skipped(genres: Path, tmp_path: Path) -> None:
    tables = {**make_recipe().model_dump(), "input": {"kind": "picture", "width": 32, "height": 32}, "augment": {}}
    recipe = Recipe.model_validate(tables)
    messages: list[str] = []
    run_benchmark([(recipe, BUDGETS)], make_inputs(genres, tmp_path), messages.append)
    assert messages == ["small is skipped: its input is pictures, but --pictures is not given"]


def test_recipe_with_augmented_copies_is_skipped(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(augment={"expand": 2, "waveform": {"noise": 20.0}})
    messages: list[str] = []
    run_benchmark([(recipe, BUDGETS)], make_inputs(genres, tmp_path), messages.append)
    assert messages == [
        "small is skipped: benchmarks do not create augmented copies; set augment.expand = 1 and augment.waveform = {}"
    ]


def test_unreadable_tracks_are_reported(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(genres, tmp_path / "data")
    (tmp_path / "data" / "low" / "broken.wav").write_text("no audio")
    monkeypatch.setattr(module, "run_cell", lambda *_: make_cell("small", "tracks", 0.5))
    messages: list[str] = []
    run_benchmark([(make_recipe(), {"tracks": 1.0})], make_inputs(tmp_path / "data", tmp_path), messages.append)
    assert messages[0].startswith("Skipped: ")
    assert "broken.wav is not audio" in messages[0]


def test_file_other_than_a_cell_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ManifestError, match=r"a\.json is not a result of `genrelens benchmark`; delete it"):
        read_cells(tmp_path)
