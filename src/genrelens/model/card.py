"""The model card: everything needed to use a model and to trust it, stored in the metadata of its ONNX file."""

import json
from functools import cache
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from genrelens.errors import InvalidModelError, NewerCardError, WrongInputError, display_name
from genrelens.model.input_spec import AudioInput, InputSpec
from genrelens.model.labels import DEFAULT_CERTAINTY, GenreTree, Labelling, has_empty_parts, labels_above_thresholds
from genrelens.prediction import Score, rank_scores
from genrelens.records import FrozenModel

CARD_KEY = "genrelens.card"  # in the ONNX metadata
CARD_FORMAT = 3

Probability = Annotated[float, Field(ge=0, le=1)]


class MetricEstimate(FrozenModel):
    """A measured metric and how it was measured; `low` and `high` bound its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    data: str
    split: str
    tracks: int
    protocol: str


class TrainingRecord(FrozenModel):
    """A record of the training run that produced the weights."""

    recipe: str
    data: str
    split: str
    tracks: int
    seed: int
    date: str
    machine: str


class Calibration(FrozenModel):
    """The effect of the temperature on the tracks of *valid*; each pair is before and after.

    Attributes:
        tracks: number of tracks.
        log_loss: log loss of the predictions by track.
        error: expected calibration error of the predictions; None for multi-label models, whose predictions are
            neither right nor wrong.
    """

    tracks: int
    log_loss: tuple[float, float]
    error: tuple[float, float] | None = None


class MusicDetector(FrozenModel):
    """An out-of-distribution detector that recognises audio that is not music by its distance from music.

    Embeddings of music lie near a subspace of few dimensions. The distance of an embedding is the norm of what remains
    after subtracting the `centre` and projecting out the `axes` (the residual of ViM; Wang et al., CVPR 2022).

    Attributes:
        centre: mean embedding of *train*, shape (channels,).
        axes: orthonormal directions in which music varies most, shape (axes, channels).
        usual: distance of the median track of *valid*, where the probability of music is 99 %.
        limit: distance where the probability of music is one half; hardly a track of *valid* exceeds it.
    """

    centre: Annotated[tuple[float, ...], Field(min_length=1)]
    axes: tuple[tuple[float, ...], ...]
    usual: Annotated[float, Field(gt=0)]
    limit: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if any(len(axis) != len(self.centre) for axis in self.axes):
            raise ValueError(f"an axis does not have the {len(self.centre)} channels of the centre")
        if not self.usual < self.limit:
            raise ValueError("the usual distance must be less than the limit")
        return self


class Card(FrozenModel):
    """A model card: labels, input, training and evaluation of a model.

    Attributes:
        format: version of the card format; a card newer than `CARD_FORMAT` is rejected.
        name, version: name and version of the model.
        summary: one-line description.
        labels: labels of the outputs, in order; for a tree, its leaves.
        labelling: "one" label per track; "several", each with its own sigmoid; or a node in a "tree" of genres
            whose leaves are the labels.
        thresholds: for "several", the probability from which each label is predicted.
        certainty: for a tree, the probability below which a prediction backs off to the parent.
        input: input specification.
        temperature: divisor of the logits before the softmax (Guo et al., ICML 2017) or sigmoid.
        calibration: effect of the temperature; None if it was not fitted.
        detector: detector of audio that is not music; None if the model outputs no embeddings, or too few tracks were
            available to fit it.
        parameters: number of parameters.
        training: how the weights were trained.
        figures: measured metrics.
        licence: licence of the model.
        package: version of GenreLens that wrote the file.
    """

    format: Annotated[int, Field(ge=1, le=CARD_FORMAT)] = CARD_FORMAT
    name: str
    version: str
    summary: str
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    labelling: Labelling = "one"
    thresholds: tuple[Probability, ...] = ()
    certainty: Probability = DEFAULT_CERTAINTY
    input: InputSpec
    temperature: Annotated[float, Field(gt=0)] = 1.0
    calibration: Calibration | None = None
    detector: MusicDetector | None = None
    parameters: int
    training: TrainingRecord
    figures: tuple[MetricEstimate, ...] = ()
    licence: str
    package: str

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels are the same")
        if len(self.thresholds) != (len(self.labels) if self.labelling == "several" else 0):
            counts = f"{len(self.thresholds)} thresholds do not match {len(self.labels)} labels"
            raise ValueError(f"{counts} with labelling {self.labelling!r}")
        if self.labelling == "tree" and any(map(has_empty_parts, self.labels)):
            raise ValueError("a label of the tree has an empty part")
        _ = self.tree  # raises if a leaf has subgenres
        return self

    @property
    def tree(self) -> GenreTree | None:
        """The tree of genres whose leaves are the labels, if the model has one."""
        return _tree(self.labels) if self.labelling == "tree" else None

    def rank_scores(self, probabilities: NDArray[np.floating[Any]]) -> tuple[Score, ...]:
        """Return the labels, or the nodes of their tree, from the most to the least probable."""
        if self.tree:
            return rank_scores(self.tree.nodes, self.tree.node_probabilities(probabilities))
        return rank_scores(self.labels, probabilities)

    def predicted_labels(self, probabilities: NDArray[np.floating[Any]]) -> tuple[str, ...]:
        """Return the predicted genres for probabilities of the labels (labels,); see `Prediction.genres`."""
        if self.labelling == "several":
            return tuple(labels_above_thresholds(self.labels, probabilities, self.thresholds))
        if self.tree:
            return (self.tree.predicted_node(probabilities, self.certainty),)
        return (self.labels[int(probabilities.argmax())],)

    @property
    def audio_input(self) -> AudioInput:
        """The input specification of an audio model.

        Raises:
            WrongInputError: the model takes pictures.
        """
        if not isinstance(self.input, AudioInput):
            remedy = "create them from audio with `genrelens data pictures`"
            raise WrongInputError(f"{self.name} takes pictures of spectrograms; {remedy}")
        return self.input


@cache
def _tree(leaves: tuple[str, ...]) -> GenreTree:
    return GenreTree(leaves)


def read_card(metadata: dict[str, str], path: Any) -> Card:
    """Parse the card in the metadata of the ONNX file at `path`.

    Raises:
        InvalidModelError: the card is missing or malformed.
        NewerCardError: a later GenreLens wrote the card.
    """
    name = display_name(path)
    if CARD_KEY not in metadata:
        raise InvalidModelError(f"{name} is an ONNX file without a GenreLens card; export it with `genrelens train`")
    try:
        content = json.loads(metadata[CARD_KEY])
        card_format = content.get("format", 0)
        if isinstance(card_format, int) and card_format > CARD_FORMAT:
            raise NewerCardError(
                f"{name} has a card of format {card_format}, but this GenreLens reads formats up to {CARD_FORMAT}; "
                "upgrade with `pip install -U genrelens`"
            )
        return Card.model_validate(_upgrade(content))
    except (json.JSONDecodeError, AttributeError, ValidationError) as error:
        raise InvalidModelError(f"{name} has a malformed card ({_first_problem(error)}); get the file again") from error


def _upgrade(content: dict[str, Any]) -> dict[str, Any]:
    """Convert a card of an earlier format to the current one.

    In format 1, the input was spread over three keys; format 2 had no ceiling, calibration or detector.
    """
    if content.get("format") == 2:
        return {**content, "format": CARD_FORMAT}
    if content.get("format") != 1:
        return content
    spec = {key: content[key] for key in ("front_end", "window", "hop") if key in content}
    return {**{key: value for key, value in content.items() if key not in spec}, "format": CARD_FORMAT, "input": spec}


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    return str(error)
