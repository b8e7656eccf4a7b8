"""The recipe of a probe: a backbone that is left as it is, and one linear layer fitted to what it gives."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from genrelens.errors import RecipeError, display_name
from genrelens.model.input_spec import AudioInput
from genrelens.train.distillation.backbone import BackboneCard, read_backbone_card
from genrelens.train.recipes.recipe import DataTable, PreprocessTable, Table
from genrelens.train.recipes.recipe_file import describe_error
from genrelens.train.recipes.toml import read_toml


class ProbeTable(Table):
    """How the linear layer is fitted.

    Attributes:
        penalties: on the squared weights, beside the mean log loss on *train*; each is tried, and the one with
            the lowest log loss on *valid* is kept.
        unit_length: whether embeddings are scaled to length 1 first, which makes them deaf to loudness.
        class_weights: "balanced" lets each genre count the same, however many tracks it has.
    """

    penalties: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    unit_length: bool = False
    class_weights: Literal["none", "balanced"] = "none"


class ProbeRecipe(Table):
    """All of a probe but the place of the data; as `Recipe`, where they have the same.

    Attributes:
        seed: of the draw of the split; there is no other.
    """

    name: str
    summary: str
    version: str = "1"
    licence: str
    seed: int = 1
    backbone: BackboneCard
    data: DataTable
    probe: ProbeTable

    @model_validator(mode="after")
    def _tells_one(self) -> Self:
        if self.data.labels == "several":
            raise ValueError("a probe tells one label a track; train a net to tell several")
        return self

    @property
    def input(self) -> AudioInput:
        """The backbone's."""
        return self.backbone.input

    @property
    def preprocess(self) -> PreprocessTable:
        """None: the backbone takes recordings as they are."""
        return PreprocessTable()


def is_probe_recipe(file: Path) -> bool:
    """Whether a recipe is that of a probe.

    Raises:
        RecipeError: it is not there, or is not TOML.
    """
    return "probe" in read_toml(file, RecipeError)


def read_probe_recipe(file: Path, seed: int | None = None) -> ProbeRecipe:
    """Read and check a recipe, and the card of its backbone.

    Args:
        file: the recipe; the path of the card is taken from where it is.
        seed: in place of the recipe's.

    Raises:
        RecipeError: one of them is not there, is not TOML, or says something that it cannot say.
    """
    content = read_toml(file, RecipeError)
    if isinstance(content.get("backbone"), str):
        content["backbone"] = read_backbone_card(file.parent / content["backbone"])
    if seed is not None:
        content["seed"] = seed
    try:
        return ProbeRecipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{display_name(file)}: {describe_error(error)}") from error
