"""Cells: run once each, within a budget, and shown in a table."""

import shutil
from pathlib import Path

import pytest

from genrelens.errors import ManifestError, RecipeError
from genrelens.train.benchmark import benchmark as module
from genrelens.train.benchmark import budget
from genrelens.train.benchmark.benchmark import BenchmarkInputs, Cell, read_cells, run_benchmark
from genrelens.train.benchmark.plan import read_plan
from genrelens.train.benchmark.protocols import Protocol, split_windows
from genrelens.train.benchmark.table import benchmark_page
from genrelens.train.data.dataset import LoadingOptions, load_inputs, read_recipe_manifest
from genrelens.train.evaluation.bootstrap import Estimate
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe

BUDGETS: dict[Protocol, float] = {"windows": 60.0, "tracks": 60.0}


def bench_of(genres: Path, tmp_path: Path) -> BenchmarkInputs:
    return BenchmarkInputs(
        LoadingOptions(str(genres), tmp_path / "cache", 1, allow_leak=True), None, tmp_path / "results"
    )


def a_cell(recipe: str, protocol: Protocol, accuracy: float) -> Cell:
    return Cell(
        recipe=recipe,
        protocol=protocol,
        data="GTZAN",
        claim="94 %",
        seed=1,
        budget=300,
        answers=("tracks", 100),
        accuracy=Estimate(value=accuracy, low=accuracy - 0.05, high=accuracy + 0.05),
        macro_f1=Estimate(value=accuracy, low=0, high=1),
        log_loss=1.0,
        valid_accuracy=accuracy,
        parameters=11_218,
        macs=5_153_962,
        epochs=3,
        planned=40,
        training_seconds=123.4,
        cpu_ms=12.4,
        date="2026-01-01",
        machine="any",
        package="0",
    )


def test_cells_are_run_once(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_of(genres, tmp_path)
    recipe = make_recipe(train={"epochs": 8})
    said: list[str] = []
    run_benchmark([(recipe, BUDGETS)], bench, said.append)
    first, second = read_cells(bench.results)
    assert {first.protocol, second.protocol} == set(BUDGETS)
    by_window = next(cell for cell in (first, second) if cell.protocol == "windows")
    assert by_window.answers == ("windows", 18)  # 24 tracks of five windows, 15 %
    assert by_window.accuracy.value > 0.8
    assert by_window.epochs <= by_window.planned == 8
    assert by_window.cpu_ms is not None
    assert by_window.cpu_ms > 0

    def again(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "run_cell", again)
    run_benchmark([(recipe, BUDGETS)], bench, said.append)
    (bench.results / "small.tracks.json").unlink()
    with pytest.raises(AssertionError):
        run_benchmark([(recipe, BUDGETS)], bench, said.append)


def test_a_small_budget_holds_fewer_epochs(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_recipe(train={"epochs": 50, "crops": "all"})
    bench = bench_of(genres, tmp_path)
    manifest = read_recipe_manifest(recipe, str(genres))
    levels = load_inputs(manifest.tracks, recipe, bench.sound).inputs
    assert recipe.input.kind == "sound"
    data = split_windows(manifest, levels, recipe.input, seed=1)
    monkeypatch.setattr(budget, "seconds_per_step", lambda *_: 1.0)
    steps = 84 // 4  # windows to learn from, in batches of four
    look = 18 / 4 / 3
    fitted = budget.fit_to_budget(recipe, data, 10 * steps + 8 * look + 1).train
    assert (fitted.epochs, fitted.validate_every) == (10, 2)
    assert budget.fit_to_budget(recipe, data, 1.0).train.epochs == 1
    assert budget.fit_to_budget(recipe, data, 1e6).train.epochs == 50


def test_pictures_need_pictures(genres: Path, tmp_path: Path) -> None:
    tables = {**make_recipe().model_dump(), "input": {"kind": "picture", "width": 32, "height": 32}, "augment": {}}
    recipe = Recipe.model_validate(tables)
    said: list[str] = []
    run_benchmark([(recipe, BUDGETS)], bench_of(genres, tmp_path), said.append)
    assert said == ["small is left out: it looks at pictures, and --pictures does not say where there are some."]


def test_copies_are_not_forgotten_silently(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(augment={"expand": 2, "waveform": {"noise": 20.0}})
    said: list[str] = []
    run_benchmark([(recipe, BUDGETS)], bench_of(genres, tmp_path), said.append)
    assert said == ["small is left out: no copies are made here; set augment.expand = 1 and augment.waveform = {}."]


def test_tracks_that_cannot_be_read_are_named(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(genres, tmp_path / "data")
    (tmp_path / "data" / "low" / "broken.wav").write_text("no audio")
    monkeypatch.setattr(module, "run_cell", lambda *_: a_cell("small", "tracks", 0.5))
    said: list[str] = []
    run_benchmark([(make_recipe(), {"tracks": 1.0})], bench_of(tmp_path / "data", tmp_path), said.append)
    assert said[0].startswith("Left out: ")
    assert "broken.wav is not audio" in said[0]


def test_what_is_no_cell(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ManifestError, match=r"a\.json is not a result of `genrelens benchmark`; delete it"):
        read_cells(tmp_path)


def test_the_page_shows_the_leak() -> None:
    cells = [a_cell("vgg", "windows", 0.92), a_cell("vgg", "fault-filtered", 0.5)]
    cells += [a_cell("other", "windows", 0.4), a_cell("other", "tracks", 0.3)]
    text = benchmark_page(cells, ["other", "vgg", "missing"], "genrelens benchmark x.toml")
    assert "| vgg | 94 % | 92.0 (87.0-97.0) |  | 50.0 (45.0-55.0) | +42.0 |" in text
    assert "| other | 94 % | 40.0 (35.0-45.0) | 30.0 (25.0-35.0) |  |  |" in text
    assert "| vgg | 11,218 | 5.15 M | 12 | 3; 3 of 40 | 123; 123 |" in text
    assert "missing" not in text
    assert "Leak alarm" not in text
    assert text.index("| other") < text.index("| vgg")


def test_a_page_without_cells() -> None:
    assert benchmark_page([], ["vgg"], "x") == "Nothing has been measured yet.\n"


def test_too_good_a_figure_raises_the_alarm() -> None:
    assert "above 94.5 % on the fault-filtered split: vgg" in benchmark_page(
        [a_cell("vgg", "fault-filtered", 0.95)], ["vgg"], "x"
    )
    assert "Leak alarm" not in benchmark_page([a_cell("vgg", "windows", 0.99)], ["vgg"], "x")


RECIPE = """
name = "x"
summary = "y"
data = { split = "stratified" }
input = { window = 1.0, hop = 0.5 }
net = { name = "lens" }
train = { epochs = 1, lr = 0.1 }
"""


def test_a_plan_gives_recipes_their_values(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(RECIPE)
    (tmp_path / "plan.toml").write_text(
        'budget = 10\nprotocols = ["windows", "tracks"]\nsound = { "input.front_end.hop" = 1920 }\n'
        '[[recipes]]\nfile = "x.toml"\n'
        '[[recipes]]\nfile = "x.toml"\nsettings = { "train.lr" = 0.5 }\nbudgets = { windows = 20, stratified = 30 }\n'
    )
    plan = read_plan(tmp_path / "plan.toml")
    (plain, ten), (changed, twenty) = plan.read(tmp_path)
    assert ten == {"windows": 10, "tracks": 10}
    assert twenty == {"windows": 20, "tracks": 10}
    assert plain.input.kind == changed.input.kind == "sound"
    assert plain.input.front_end.hop == changed.input.front_end.hop == 1920
    assert (plain.train.lr, changed.train.lr) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("budget = 0\nrecipes = []", "budget: Input should be greater than 0"),
        ("budget = 1\nrecipes = []", "recipes: Tuple should have at least 1 item"),
        ('budget = 1\nprotocols = ["lists"]\nrecipes = [{ file = "x" }]', "protocols"),
        ("budget == 1", "is not TOML"),
    ],
)
def test_mistakes_in_a_plan_are_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(RecipeError, match=words):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_plan(tmp_path / "missing.toml")
