from pathlib import Path

import pytest

from genrelens.errors import RecipeError
from genrelens.model.input_spec import AudioInput
from genrelens.train.recipes.probe_recipe import is_probe_recipe, read_probe_recipe
from genrelens.train.recipes.recipe_file import read_recipe, apply_overrides
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


def test_there_are_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_is_valid_and_named_after_its_file(file: Path) -> None:
    assert (read_probe_recipe(file) if is_probe_recipe(file) else read_recipe(file)).name == file.stem


def test_a_small_recipe(tmp_path: Path) -> None:
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
            r"input\.features\.1: 'cromah' is none of mel, mfcc, .*; did you mean chroma\?",
        ),
        (("hop = 0.5", "hop = 0.5, windwo = 1"), r"input\.windwo is not.*did you mean window\?"),
        (("window = 1.0, hop = 0.5", 'kind = "picture", widht = 3, height = 9'), "widht is not.*did you mean width"),
        (
            ("window = 1.0, hop = 0.5", 'kind = "picture", width = 3, height = 9 }\npreprocess = { denoise = true'),
            r"x\.toml: preprocess\.denoise would do nothing to pictures; leave it out",
        ),
        (("=", "=="), "is not TOML"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    (tmp_path / "x.toml").write_text(SMALL.replace(*change))
    with pytest.raises(RecipeError, match=words):
        read_recipe(tmp_path / "x.toml")


def test_a_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ('"train.lrr" = { low = 1, high = 2 }', r"\[tune\] train\.lrr is not a key of a recipe; did you mean lr\?"),
        ('"trian.lr" = { low = 1, high = 2 }', r"trian is not a key of a recipe; did you mean train\?"),
        ('"train.lr" = { low = 1, hihg = 2 }', r"hihg is not a key of a recipe; did you mean high\?"),
        ('"train.lr" = { low = 0, high = 2 }', r"\[tune\] train\.lr: Input should be greater than 0"),
        ('"train.lr" = { low = 2, high = 1 }', "low being the lower"),
        ('"train.lr" = { low = 1 }', "give low and high"),
        ('"train.lr" = { low = 0, high = 1, log = true }', "low must be above 0"),
        ('"train.lr" = { low = 1, high = 2, choices = [1] }', "give choices alone"),
        ('"name.lr" = { choices = [1] }', "name.lr is not a key of a recipe; name is a value, not a table"),
    ],
)
def test_mistakes_in_what_to_tune_are_told(tmp_path: Path, search: str, words: str) -> None:
    (tmp_path / "x.toml").write_text(f"{SMALL}[tune]\n{search}\n")
    with pytest.raises(RecipeError, match=words):
        read_recipe(tmp_path / "x.toml")


def test_other_settings() -> None:
    recipe = make_recipe()
    changed = apply_overrides(recipe, {"train.lr": 0.5, "net.depth": 2, "seed": 3})
    assert (changed.train.lr, changed.net.arguments["depth"], changed.seed) == (0.5, 2, 3)
    assert changed.augment == recipe.augment
    with pytest.raises(RecipeError, match=r"train\.epoch is not a key of a recipe; did you mean epochs\?"):
        apply_overrides(recipe, {"train.epoch": 3})
    with pytest.raises(RecipeError, match=r"train\.lr: "):
        apply_overrides(recipe, {"train.lr": "fast"})
