"""Recipe of a linear probe: a frozen backbone, and one linear layer fitted to its embeddings."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from genrelens.model.input_spec import AudioInput
from genrelens.records import FrozenModel
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import DataTable, PreprocessTable


class ProbeTable(FrozenModel):
    """Settings of the logistic regression.

    Attributes:
        penalties: L2 penalties on the weights, relative to the mean log loss on *train*; each is tried, and the
            one with the lowest log loss on *valid* is selected.
        unit_length: whether embeddings are first scaled to length 1, which makes them invariant to loudness.
        class_weights: "balanced" gives each genre the same total weight, however many tracks it has.
    """

    penalties: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    unit_length: bool = False
    class_weights: Literal["none", "balanced"] = "none"


class ProbeRecipe(FrozenModel):
    """A probe recipe. Keys that `Recipe` has too have the same meaning; paths of data are not part of it.

    Attributes:
        seed: seed of the split; nothing else is random.
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
    def _check_labels(self) -> Self:
        if self.data.labels == "several":
            raise ValueError("a probe predicts one label per track; train a network to predict several")
        return self

    @property
    def input(self) -> AudioInput:
        """Input specification of the backbone."""
        return self.backbone.input

    @property
    def preprocess(self) -> PreprocessTable:
        """Default preprocessing, which is none: the backbone takes recordings unchanged."""
        return PreprocessTable()
