"""The card: all that must be known of a model to use it and to trust it, kept inside its file."""

import json
from functools import cache
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from genrelens.errors import InvalidModelError, NewerCardError, WrongInputError, display_name
from genrelens.model.input_spec import AudioInput, InputSpec
from genrelens.model.labels import DEFAULT_CERTAINTY, GenreTree, Labelling, has_empty_parts

CARD_KEY = "genrelens.card"  # in the ONNX metadata
CARD_FORMAT = 3

Probability = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MetricEstimate(_Part):
    """A measured value and what exactly was measured; `low` and `high` bound its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    data: str
    split: str
    tracks: int
    protocol: str


class TrainingRecord(_Part):
    """Where the weights came from."""

    recipe: str
    data: str
    split: str
    tracks: int
    seed: int
    date: str
    machine: str


class Calibration(_Part):
    """What choosing the temperature changed on the tracks of *valid*: each pair is before and after.

    Attributes:
        tracks: how many there were.
        log_loss: of the answers by track.
        error: their expected calibration error; none with several labels, whose answers are neither right nor wrong.
    """

    tracks: int
    log_loss: tuple[float, float]
    error: tuple[float, float] | None = None


class MusicDetector(_Part):
    """What music looks like to the net, so that what is no music stands out by its distance from it.

    Embeddings of music lie near a flat of few dimensions. The distance of one from it is its norm once the
    `centre` and the share along the `axes` are taken off (the residual of ViM; Wang et al., CVPR 2022).

    Attributes:
        centre: the mean embedding of *train*, (channels,).
        axes: the directions in which music varies most, (axes, channels), orthonormal.
        usual: the distance of the median track of *valid*, which counts as music by 99 %.
        limit: the distance that counts as music by half; hardly a track of *valid* is beyond it.
    """

    centre: Annotated[tuple[float, ...], Field(min_length=1)]
    axes: tuple[tuple[float, ...], ...]
    usual: Annotated[float, Field(gt=0)]
    limit: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _fits_itself(self) -> Self:
        if any(len(axis) != len(self.centre) for axis in self.axes):
            raise ValueError(f"an axis does not have the {len(self.centre)} channels of the centre")
        if not self.usual < self.limit:
            raise ValueError("the usual distance must lie below the limit")
        return self


class Card(_Part):
    """What a model is: its labels, how its input is made, how it was trained, what it is worth.

    Attributes:
        format: version of this shape; a reader refuses one that is newer than its own.
        labels: of the net's outputs, in their order; of a tree, its leaves.
        labelling: what is told of a track: "one" label; "several", each with a sigmoid of its own; or the place
            in a "tree" of genres whose leaves are the labels.
        thresholds: with several labels, the probability from which on each is told.
        certainty: with a tree, the probability below which an answer backs off to the parent.
        input: what the net takes.
        temperature: divides the logits before the softmax (Guo et al., ICML 2017) or sigmoid.
        calibration: what the temperature was chosen by; none if it was not.
        detector: tells music from what is none; none if the net gives no embeddings, or too few tracks were at hand.
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
    def _labels_differ(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels are the same")
        return self

    @model_validator(mode="after")
    def _labels_can_be_told(self) -> Self:
        if len(self.thresholds) != (len(self.labels) if self.labelling == "several" else 0):
            raise ValueError(
                f"{len(self.thresholds)} thresholds do not fit {len(self.labels)} labels told {self.labelling} a track"
            )
        if self.labelling == "tree" and any(map(has_empty_parts, self.labels)):
            raise ValueError("a label of the tree has an empty part")
        _ = self.tree  # a leaf may have parts
        return self

    @property
    def tree(self) -> GenreTree | None:
        """The tree of genres that the labels are the leaves of, if they are."""
        return _tree(self.labels) if self.labelling == "tree" else None

    @property
    def audio_input(self) -> AudioInput:
        """The input of a model that hears.

        Raises:
            WrongInputError: it looks at pictures.
        """
        if not isinstance(self.input, AudioInput):
            raise WrongInputError(
                f"{self.name} looks at pictures of spectrograms; make them of audio with `genrelens data pictures`"
            )
        return self.input


@cache
def _tree(leaves: tuple[str, ...]) -> GenreTree:
    return GenreTree(leaves)


def read_card(metadata: dict[str, str], path: Any) -> Card:
    """Read the card from the metadata of the ONNX file at `path`.

    Raises:
        InvalidModelError: there is no card, or it is broken.
        NewerCardError: a later GenreLens wrote it.
    """
    if CARD_KEY not in metadata:
        raise InvalidModelError(
            f"{display_name(path)} is an ONNX file without a GenreLens card; export it with `genrelens train`"
        )
    try:
        content = json.loads(metadata[CARD_KEY])
        written_by = content.get("format", 0)
        if isinstance(written_by, int) and written_by > CARD_FORMAT:
            raise NewerCardError(
                f"{display_name(path)} has a card of format {written_by}, and this GenreLens reads up to "
                f"{CARD_FORMAT}; upgrade with `pip install -U genrelens`"
            )
        return Card.model_validate(_upgraded(content))
    except (json.JSONDecodeError, AttributeError, ValidationError) as error:
        raise InvalidModelError(
            f"{display_name(path)} has a card that cannot be read ({_first_line(error)}); get the file anew"
        ) from error


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """A card of an earlier format as the present one.

    In the first, the input was spread over three keys; the second knew no ceiling, calibration or detector.
    """
    if content.get("format") == 2:
        return {**content, "format": CARD_FORMAT}
    if content.get("format") != 1:
        return content
    sound = {key: content[key] for key in ("front_end", "window", "hop") if key in content}
    return {**{key: value for key, value in content.items() if key not in sound}, "format": CARD_FORMAT, "input": sound}


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    return str(error)
