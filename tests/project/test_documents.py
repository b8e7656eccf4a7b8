"""The documents agree with the results, the recipes and the bundled model."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from genrelens.model import zoo
from genrelens.model.session import Model
from genrelens.train.export import count_parameters
from genrelens.train.networks import build
from genrelens.train.recipes.recipe import ProbeRecipe
from genrelens.train.recipes.recipe_file import read_any_recipe
from tests.support.paths import ROOT

DOCS = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "docs").glob("*.md"))


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def test_generated_parts_are_up_to_date() -> None:
    command = [sys.executable, "-m", "cogapp", "--check", "-I", "scripts", "README.md", "MODEL_CARD.md", *DOCS]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"run `cog -r` as in CONTRIBUTING.md: {result.stdout}{result.stderr}"


def test_explanations_are_marked_as_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tables = import_module("model_tables")
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert tables.explanations() == "Not yet measured."
    assert "Not yet measured." not in (ROOT / "docs" / "explanations.md").read_text("utf-8")


def test_explanations_are_compared_with_uninformed_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    areas = {name: {"deletion": 0.25, "insertion": 0.5} for name in ("cam", "edges", "random")}
    better = {
        "deletion": {"value": 0.1, "low": -0.05, "high": 0.2},
        "insertion": {"value": 0.3, "low": 0.1, "high": 0.4},
    }
    content: dict[str, Any] = {
        "model": "lens 2", "data": "GTZAN", "tracks": 60, "windows": 3, "machine": "any", "date": "2026-01-01",
        "methods": {"cam": {"areas": areas, "better": {"edges": better, "random": better}, "edges": 0.07}},
    }  # fmt: skip
    tables = import_module("model_tables")
    monkeypatch.setattr(tables, "read_results", {"faithfulness": content}.get)
    text = tables.explanations()
    assert "| class activation | its own | 0.250 |  | 0.500 |  |" in text
    row = "| class activation | edges | 0.250 | +0.100 (-0.050 to +0.200) | 0.500 | +0.300 (+0.100 to +0.400) |"
    assert row in text
    assert "`lens 2`; GTZAN, 60 tracks, 3 windows of each" in text


def test_no_cluster_is_faster_than_its_driver() -> None:
    tables = import_module("performance_tables")
    figures = tables.read_results("cluster")["figures"]
    rows = [line.split("|")[2] for line in tables.cluster_sizing().splitlines() if line.startswith("|")][2:]
    rates = [float(rate.replace(",", "")) for rate in rows]
    assert len(rates) == len(tables.CLUSTERS)
    assert rates == sorted(rates)
    assert rates[-1] <= figures["cluster, paths without a file (tracks/s)"] + 0.5
    assert rates[0] <= 8 * figures["cluster, in total (tracks/s)"] + 0.5


def test_all_recipes_are_listed_with_their_sizes() -> None:
    rows = re.findall(
        r"^\| \[([\w-]+)\]\(\.\./(\S+)\) .* \| ([\d,]+) \|$", (ROOT / "docs" / "recipes.md").read_text(), re.M
    )
    assert {file for _, file, _ in rows} == {f"recipes/{file.name}" for file in (ROOT / "recipes").glob("*.toml")}
    for name, file, size in rows:
        recipe = read_any_recipe(ROOT / file)
        if isinstance(recipe, ProbeRecipe):
            assert int(size.replace(",", "")) == (384 + 1) * 10  # the linear layer
            continue
        pretrained = "weights" in recipe.net.arguments
        table = recipe.net.model_copy(update={"weights": "", "frozen": False}) if pretrained else recipe.net
        assert count_parameters(build(table, 10, recipe.input.shape)) == int(size.replace(",", "")), name


def test_the_bundled_card_has_the_measured_accuracy() -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / "lens.json").read_text())
    card = Model(zoo.find("lens"), threads=1).card
    accuracy = next(figure for figure in card.figures if figure.metric == "accuracy")
    assert accuracy.value == pytest.approx(results["test"]["accuracy"]["value"], abs=1e-4)
    assert accuracy.tracks == 290
    assert zoo.find("lens").stat().st_size < 8_000_000
    assert card.labels == tuple(row["label"] for row in results["test"]["genres"])


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "MODEL_CARD.md", *DOCS])
def test_linked_files_exist(name: str) -> None:
    file = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
        if not target.startswith("http"):
            assert (file.parent / target).exists(), target


@pytest.mark.parametrize("name", ["http.md", "live.md"])
def test_json_examples_are_of_the_bundled_model(name: str) -> None:
    card = Model(zoo.find("lens"), threads=1).card
    for block in re.findall(r"```json\n(.*?)```", (ROOT / "docs" / name).read_text(), re.S):
        content = json.loads(block)
        for result in content.get("results", [content] if "music" in content else []):
            assert result["music"] is not None
            assert result.get("version", card.version) == card.version
            assert result["genre"] in card.labels
