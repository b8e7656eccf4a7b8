"""What the documents say is what the results say."""

import json
import re
import sys

import pytest

from genrelens.model import zoo
from genrelens.model.session import Model
from genrelens.train.export.export import count_parameters
from genrelens.train.networks import build
from genrelens.train.recipes.probe_recipe import ProbeRecipe
from genrelens.train.recipes.recipe_file import read_any_recipe
from tests.support.paths import ROOT

DOCS = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "docs").glob("*.md"))


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    sys.modules.pop("documents", None)


def test_the_model_card_is_made_from_the_results() -> None:
    import documents

    assert (ROOT / "MODEL_CARD.md").read_text() == documents.model_card()


def test_the_figures_in_the_readme_are_made_from_the_results() -> None:
    import documents

    text = (ROOT / "README.md").read_text()
    assert documents.readme() == text
    assert text.count("<!-- ") % 2 == 0


def test_the_benchmarks_are_made_from_the_results() -> None:
    import documents

    assert (ROOT / "docs" / "benchmarks.md").read_text() == documents.benchmarks()


def test_the_stress_table_is_made_from_the_results() -> None:
    import documents

    assert (ROOT / "docs" / "stress.md").read_text() == documents.stress()


def test_the_page_of_recipes_knows_them_all_and_their_sizes() -> None:
    rows = re.findall(
        r"^\| \[([\w-]+)\]\(\.\./(\S+)\) .* \| ([\d,]+) \|$", (ROOT / "docs" / "recipes.md").read_text(), re.M
    )
    assert {file for _, file, _ in rows} == {f"recipes/{file.name}" for file in (ROOT / "recipes").glob("*.toml")}
    for name, file, size in rows:
        recipe = read_any_recipe(ROOT / file)
        if isinstance(recipe, ProbeRecipe):
            assert int(size.replace(",", "")) == (384 + 1) * 10  # the layer that is fitted
            continue
        pretrained = "weights" in recipe.net.arguments
        table = recipe.net.model_copy(update={"weights": "", "frozen": False}) if pretrained else recipe.net
        assert count_parameters(build(table, 10, recipe.input.shape)) == int(size.replace(",", "")), name


def test_the_bundled_card_carries_the_measured_accuracy() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "lens.json").read_text())
    card = Model(zoo.find("lens"), threads=1).card
    accuracy = next(figure for figure in card.figures if figure.metric == "accuracy")
    assert accuracy.value == pytest.approx(measured["test"]["accuracy"]["value"], abs=1e-4)
    assert accuracy.tracks == 290
    assert zoo.find("lens").stat().st_size < 8_000_000
    assert card.labels == tuple(row["label"] for row in measured["test"]["genres"])


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "MODEL_CARD.md", *DOCS])
def test_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
        if not target.startswith("http"):
            assert (file.parent / target).exists(), target


def test_what_a_server_takes_is_told_from_the_results() -> None:
    import http_page

    assert (ROOT / "docs" / "http.md").read_text() == http_page.page()


def test_the_table_of_explanations_is_made_from_the_results() -> None:
    import explanations_page

    assert (ROOT / "docs" / "explanations.md").read_text() == explanations_page.page()


@pytest.mark.parametrize("name", ["http.md", "live.md"])
def test_examples_are_of_the_bundled_model(name: str) -> None:
    card = Model(zoo.find("lens"), threads=1).card
    for block in re.findall(r"```json\n(.*?)```", (ROOT / "docs" / name).read_text(), re.S):
        told = json.loads(block)
        for result in told.get("results", [told] if "music" in told else []):
            assert result["music"] is not None
            assert result.get("version", card.version) == card.version
            assert result["genre"] in card.labels


def test_figures_of_the_library_are_made_from_the_results() -> None:
    import library_page

    assert (ROOT / "docs" / "library.md").read_text() == library_page.page()
