"""The plan of a benchmark: a TOML file that lists recipes, protocols, budgets and settings for the data."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from genrelens.errors import RecipeError, display_name
from genrelens.model.input_spec import AudioInput
from genrelens.records import FrozenModel
from genrelens.train.benchmark.protocols import PROTOCOLS, Protocol
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides, read_recipe, read_toml

Seconds = Annotated[float, Field(gt=0)]


class PlannedRecipe(FrozenModel):
    """A recipe of a benchmark.

    Attributes:
        file: path to the recipe, relative to the plan.
        settings: values that override the recipe, by key.
        budgets: seconds of CPU time for each training run, by protocol; the plan's budget by default.
    """

    file: str
    settings: dict[str, Any] = Field(default_factory=dict)
    budgets: dict[Protocol, Seconds] = Field(default_factory=dict)


class BenchmarkPlan(FrozenModel):
    """Recipes and protocols to compare.

    Attributes:
        protocols: ways to split the tracks; see `genrelens.train.benchmark.protocols`.
        budget: seconds of CPU time for each training run.
        sound: settings for all recipes with audio input, such as the front end of an array of log-mels.
        recipes: recipes in the order of the table.
    """

    protocols: tuple[Protocol, ...] = PROTOCOLS
    budget: Seconds
    sound: dict[str, Any] = Field(default_factory=dict)
    recipes: Annotated[tuple[PlannedRecipe, ...], Field(min_length=1)]

    def load_recipes(self, folder: Path) -> list[tuple[Recipe, dict[Protocol, float]]]:
        """Read the recipes from files relative to a folder, apply the settings, and add the budgets by protocol.

        Raises:
            RecipeError: a recipe cannot be read, or a setting does not fit it.
        """
        recipes = []
        for planned in self.recipes:
            recipe = read_recipe(folder / planned.file)
            common = self.sound if isinstance(recipe.input, AudioInput) else {}
            budgets = {protocol: planned.budgets.get(protocol, self.budget) for protocol in self.protocols}
            recipes.append((apply_overrides(recipe, {**common, **planned.settings}), budgets))
        return recipes


def read_plan(file: Path) -> BenchmarkPlan:
    """Read and check a plan.

    Raises:
        RecipeError: the file is missing, is not TOML, or has an invalid key or value.
    """
    content = read_toml(file, RecipeError)
    try:
        return BenchmarkPlan.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise RecipeError(f"{display_name(file)}: {key}: {problem['msg']}") from error
