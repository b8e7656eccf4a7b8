from pathlib import Path

import pytest

from genrelens.errors import RecipeError
from genrelens.model.input_spec import AudioInput
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides, read_any_recipe, read_backbone_card, read_recipe
from tests.support.backbones import CARD, FRAMES, ROWS, make_backbone
from tests.support.paths import ROOT
from tests.support.recipes import make_recipe

RECIPES = sorted((ROOT / "recipes").glob("*.toml"))

SMALL = """
name = "x"
summary = "y"
data = { split = "stratified" }
input = { window = 1.0, hop = 0.5 }
net = { name = "lens", width = 8 }
train = { epochs = 1, lr = 0.1 }
"""


def test_finds_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_recipes_are_valid_and_named_after_their_file(file: Path) -> None:
    assert read_any_recipe(file).name == file.stem


def test_reads_a_minimal_recipe(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(SMALL)
    recipe = read_recipe(tmp_path / "x.toml")
    assert isinstance(recipe.input, AudioInput)
    assert recipe.input.front_end.hop == 512
    assert recipe.net.arguments == {"width": 8}
    assert recipe.augment.noise == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("lr = 0.1", "lr = 0.1, epoch = 2"), r"train\.epoch is not a key of a recipe; did you mean epochs\?"),
        (
            ("hop = 0.5", "hop = 0.5, front_end = { nmels = 64 }"),
            r"input\.front_end\.nmels is not.*did you mean n_mels",
        ),
        (('name = "x"', 'name = "x"\nseeds = 3'), "did you mean seed"),
        (("lr = 0.1", "lr = 0"), r"train\.lr: Input should be greater than 0"),
        (("lr = 0.1", "lr = 0.1, validate_every = 5"), "validate_every is 5, but there are only 1 epochs"),
        (("summary", "#"), "summary: Field required"),
        (
            ("hop = 0.5", 'hop = 0.5, features = ["mel", "cromah"]'),
            r"input\.features\.1: 'cromah' is not one of mel, mfcc, .*; did you mean chroma\?",
        ),
        (("hop = 0.5", "hop = 0.5, windwo = 1"), r"input\.windwo is not.*did you mean window\?"),
        (("window = 1.0, hop = 0.5", 'kind = "picture", widht = 3, height = 9'), "widht is not.*did you mean width"),
        (
            ("window = 1.0, hop = 0.5", 'kind = "picture", width = 3, height = 9 }\npreprocess = { denoise = true'),
            r"x\.toml: preprocess\.denoise would have no effect on pictures; leave it out",
        ),
        (("=", "=="), "is not TOML"),
    ],
)
def test_explains_mistakes(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    (tmp_path / "x.toml").write_text(SMALL.replace(*change))
    with pytest.raises(RecipeError, match=words):
        read_recipe(tmp_path / "x.toml")


def test_reports_a_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ('"train.lrr" = { low = 1, high = 2 }', r"\[tune\] train\.lrr is not a key of a recipe; did you mean lr\?"),
        ('"trian.lr" = { low = 1, high = 2 }', r"trian is not a key of a recipe; did you mean train\?"),
        ('"train.lr" = { low = 1, hihg = 2 }', r"hihg is not a key of a recipe; did you mean high\?"),
        ('"train.lr" = { low = 0, high = 2 }', r"\[tune\] train\.lr: Input should be greater than 0"),
        ('"train.lr" = { low = 2, high = 1 }', "with low below high"),
        ('"train.lr" = { low = 1 }', "give low and high"),
        ('"train.lr" = { low = 0, high = 1, log = true }', "low must be above 0"),
        ('"train.lr" = { low = 1, high = 2, choices = [1] }', "give either choices, or low and high"),
        ('"name.lr" = { choices = [1] }', "name.lr is not a key of a recipe; name is a value, not a table"),
    ],
)
def test_explains_mistakes_in_search_spaces(tmp_path: Path, space: str, words: str) -> None:
    (tmp_path / "x.toml").write_text(f"{SMALL}[tune]\n{space}\n")
    with pytest.raises(RecipeError, match=words):
        read_recipe(tmp_path / "x.toml")


def test_applies_overrides() -> None:
    recipe = make_recipe()
    changed = apply_overrides(recipe, {"train.lr": 0.5, "net.depth": 2, "seed": 3})
    assert (changed.train.lr, changed.net.arguments["depth"], changed.seed) == (0.5, 2, 3)
    assert changed.augment == recipe.augment
    with pytest.raises(RecipeError, match=r"train\.epoch is not a key of a recipe; did you mean epochs\?"):
        apply_overrides(recipe, {"train.epoch": 3})
    with pytest.raises(RecipeError, match=r"train\.lr: "):
        apply_overrides(recipe, {"train.lr": "fast"})


def test_resolves_the_backbone_card_relative_to_the_recipe(tmp_path: Path) -> None:
    backbone = make_backbone(tmp_path, [ROWS, FRAMES], axes='["rows", "frames"]')
    file = tmp_path / "distilled.toml"
    text = """
name = "distilled"
summary = "A test."
data = { split = "stratified" }
input = { window = 1.0, hop = 0.5 }
net = { name = "lens" }
train = { epochs = 1, lr = 1e-3 }
distil = { backbone = "small.toml", {weight} }
"""
    file.write_text(text.replace("{weight}", "weight = 2.0"))
    recipe = read_recipe(file)
    assert recipe.distil is not None
    assert recipe.distil.backbone == backbone
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    file.write_text(text.replace("{weight}", "wait = 2.0"))
    with pytest.raises(RecipeError, match=r"distil\.wait is not a key of a recipe; did you mean weight\?"):
        read_recipe(file)


@pytest.mark.parametrize(
    ("axes", "words"),
    [('["rows"]', "the input has 10 frames"), ('["rows", "rows"]', "named twice"), ('["time"]', "axes")],
)
def test_rejects_invalid_backbone_cards(tmp_path: Path, axes: str, words: str) -> None:
    (tmp_path / "bad.toml").write_text(CARD.format(axes=axes))
    with pytest.raises(RecipeError, match=rf"bad\.toml: .*{words}"):
        read_backbone_card(tmp_path / "bad.toml")
