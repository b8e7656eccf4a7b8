"""The plan of a benchmark: a TOML file that names recipes, protocols, a budget, and what the data make necessary."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genrelens.errors import RecipeError, display_name
from genrelens.model.input_spec import AudioInput
from genrelens.train.benchmark.protocols import PROTOCOLS, Protocol
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides, read_recipe, read_toml

Seconds = Annotated[float, Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedRecipe(_Table):
    """A recipe by its file, relative to the plan's; values and budgets by protocol that it has in this benchmark."""

    file: str
    settings: dict[str, Any] = {}
    budgets: dict[Protocol, Seconds] = {}


class BenchmarkPlan(_Table):
    """What to compare.

    Attributes:
        protocols: how the tracks are divided; see `train.protocols`.
        budget: seconds of CPU time for each training, unless its recipe has another.
        sound: values for all recipes that hear, such as the front end of an array of log-mels.
        recipes: in the order of the table.
    """

    protocols: tuple[Protocol, ...] = PROTOCOLS
    budget: Seconds
    sound: dict[str, Any] = {}
    recipes: Annotated[tuple[PlannedRecipe, ...], Field(min_length=1)]

    def read(self, folder: Path) -> list[tuple[Recipe, dict[Protocol, float]]]:
        """The recipes as they are to be trained, from files relative to a folder, with their budgets by protocol.

        Raises:
            RecipeError: one cannot be read, or cannot have a value of the plan.
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
        RecipeError: it is not there, is not TOML, or says something that a plan cannot say.
    """
    content = read_toml(file, RecipeError)
    try:
        return BenchmarkPlan.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise RecipeError(f"{display_name(file)}: {place}: {problem['msg']}") from error
