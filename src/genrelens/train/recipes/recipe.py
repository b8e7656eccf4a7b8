"""A recipe: one small TOML file that says all there is to say of a training."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from genrelens.model.input_spec import AudioInput, InputSpec, PictureInput
from genrelens.model.labels import Labelling
from genrelens.train.distillation.backbone import BackboneCard

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(gt=0)]

_FOR_PICTURES = ("time_masks", "time_mask", "band_masks", "band_mask")  # what is done to windows of any kind


class Table(BaseModel):
    """A part of a recipe: it never changes, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataTable(Table):
    """Which tracks are learnt from, and what.

    Attributes:
        split: which side a track stands on; see `train.splits.split`.
        exclude: names of tracks that are not trained on.
        labels: "one" for each track; "several", written as "rock; jazz", each told for itself; or paths in a
            "tree", written as "Rock---Metal", which make what is told of a genre agree with its parts.
    """

    split: str
    exclude: tuple[str, ...] = ()
    labels: Labelling = "one"


class NetworkTable(Table):
    """A net of `train.nets` by its name, and the arguments that it is built with."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """All but the name."""
        return dict(self.model_extra or {})


class TrainTable(Table):
    """How the weights are found.

    Attributes:
        epochs: passes over the tracks of *train*.
        crops: windows taken at random from each track in each epoch; or "all", the same ones every time, one
            every `input.hop` seconds.
        echo: epochs that learn from the same views, once drawn.
        optimiser, lr, weight_decay: the usual.
        schedule, warmup: in that share of the steps the rate rises to `lr`; after it the rate falls to 0 along
            a "cosine", stays "constant", or is halved on a "plateau" of the log loss on *valid*.
        stall: looks at *valid* without a better log loss that make a plateau.
        class_weights: "balanced" lets each genre count the same, however many tracks it has (King & Zeng, 2001).
        mixup: share of the windows that are mixed with others (Zhang et al., ICLR 2018).
        mixup_alpha: of the Beta distribution of the weights that they are mixed by.
        average: decay of the moving average of the weights that is kept in their place; 0 keeps them. See
            `train.averaging`.
        clip: largest norm of the gradient; 0 leaves it as it is.
        keep: the weights of the "last" epoch, or of the "best" by the log loss on *valid*.
        validate_every: epochs from one look at *valid* to the next.
        patience: looks without a better log loss on *valid* after which to stop; none never stops early.
        precision: of the arithmetic; "bf16" and "fp16" mix it with 32 bits.
    """

    epochs: Count
    crops: Count | Literal["all"] = 1
    batch: Count = 32
    echo: Count = 1
    optimiser: Literal["adam", "adamw"] = "adamw"
    lr: Annotated[float, Field(gt=0)]
    weight_decay: Amount = 0.0
    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    warmup: Share = 0.1
    stall: Count = 3
    class_weights: Literal["none", "balanced"] = "none"
    mixup: Share = 0.0
    mixup_alpha: Annotated[float, Field(gt=0)] = 0.3
    label_smoothing: Share = 0.0
    clip: Amount = 0.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    keep: Literal["last", "best"] = "last"
    validate_every: Count = 1
    patience: Count | None = None
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"

    @model_validator(mode="after")
    def _is_validated(self) -> Self:
        if self.validate_every > self.epochs:
            raise ValueError(f"validate_every is {self.validate_every}, but there are only {self.epochs} epochs")
        return self


class PreprocessTable(Table):
    """What is done to recordings before anything else, in training and serving; see `train.preprocess`.

    Attributes:
        denoise: whether to lower the noise that the quietest half second tells of.
        trim: decibels below the loudest frame from which both ends count as silence, and go.
        low, high: edges of the band of frequencies that is kept, in Hz.
    """

    denoise: bool = False
    trim: Annotated[float, Field(gt=0)] | None = None
    low: Annotated[float, Field(gt=0)] | None = None
    high: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _band_is_one(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low is {self.low:g} Hz and high {self.high:g} Hz; low must lie below high")
        return self


class WaveformTable(Table):
    """How copies of recordings are varied; every part is off unless asked for. See `train.waveform`.

    Attributes:
        stretch: change of tempo, at most this share faster or as much slower.
        shift: of pitch, at most this many semitones up or down.
        equaliser: greatest gain or loss of each of seven bands, in decibels.
        noise: least ratio of the signal to Gaussian noise, in decibels.
        gain: of all, at most this many decibels up or down. By itself it is lost on a log-mel, which is set
            below its own maximum.
    """

    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shift: Annotated[float, Field(ge=0, le=24)] = 0.0
    equaliser: Amount = 0.0
    noise: float | None = None
    gain: Amount = 0.0


class AugmentTable(Table):
    """How windows are varied in training; every part is off unless asked for. See `train.augment`.

    Attributes:
        expand: versions of each recording that is trained on: itself, and copies varied once as `waveform` says.
        waveform: changes to the samples of those copies.
        stretch: change of tempo, at most this share faster or slower.
        shift: of pitch, at most this many semitones up or down.
        equaliser: greatest deviation of a random, smooth curve over the bands, in decibels.
        tilt: deviation of a slope from the lowest band to the highest, in decibels.
        low_pass: share of the windows whose highest bands are cut off.
        noise: share of the windows that get a floor of noise.
        overlay: share of the windows that are heard together with one of another track.
        time_masks, time_mask: how many stretches are blanked, and up to how many frames each.
        band_masks, band_mask: the same for mel bands (SpecAugment, Park et al., Interspeech 2019).
    """

    expand: Count = 1
    waveform: WaveformTable = WaveformTable()
    stretch: Share = 0.0
    shift: Amount = 0.0
    equaliser: Amount = 0.0
    tilt: Amount = 0.0
    low_pass: Share = 0.0
    noise: Share = 0.0
    overlay: Share = 0.0
    time_masks: Annotated[int, Field(ge=0)] = 0
    time_mask: Annotated[int, Field(ge=0)] = 0
    band_masks: Annotated[int, Field(ge=0)] = 0
    band_mask: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _copies_differ(self) -> Self:
        varied = self.waveform != WaveformTable()
        if self.expand > 1 and not varied:
            raise ValueError(
                f"expand is {self.expand}, but nothing makes the copies differ; "
                f"set one of {', '.join(WaveformTable.model_fields)} under waveform"
            )
        if varied and self.expand == 1:
            raise ValueError("waveform says how to vary copies, but there are none; set expand to 2 or more")
        return self


class DistilTable(Table):
    """What is learnt from another net, beside the labels; see `train.distil`.

    Attributes:
        backbone: the adapter card of the other net; in a recipe's file, its path from there.
        weight: of the loss on its embedding, beside that on the labels.
        penalties: of a linear layer that is fitted to the labels in the end, in place of what was learnt of them on
            the way; see `train.refit`. Each is tried, as of a probe; without any, all stays as learnt.
    """

    backbone: BackboneCard
    weight: Annotated[float, Field(gt=0)] = 1.0
    penalties: tuple[Annotated[float, Field(gt=0)], ...] = ()


class SearchSpace(Table):
    """Where `genrelens tune` looks for a value: from `low` to `high` (whole numbers if both are), or among `choices`.

    With `log`, as many trials lie between 0.001 and 0.01 as between 0.01 and 0.1.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[bool | int | float | str, ...] = ()

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("give choices alone, or low and high")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("give low and high, low being the lower, or choices")
        elif self.log and self.low <= 0:
            raise ValueError("with log, low must be above 0")
        return self

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The values that show whether all are possible."""
        return self.choices or (self.low, self.high)


class Recipe(Table):
    """All of a training but the place of the data.

    Attributes:
        claim: what others state for what the recipe follows.
        tune: what may vary in a search, by keys such as "train.lr".
    """

    name: str
    summary: str
    claim: str = ""
    version: str = "1"
    licence: str = "MIT"
    seed: int = 1
    data: DataTable
    input: InputSpec
    preprocess: PreprocessTable = PreprocessTable()
    net: NetworkTable
    augment: AugmentTable = AugmentTable()
    distil: DistilTable | None = None
    train: TrainTable
    tune: dict[str, SearchSpace] = {}

    @model_validator(mode="after")
    def _is_heard_as_it_is(self) -> Self:
        plain = isinstance(self.input, AudioInput) and self.input.features == ("mel",)
        if not plain and (self.distil or self.augment.overlay):
            raise ValueError(f"{'distil' if self.distil else 'augment.overlay'} needs an input of the log-mel alone")
        if self.distil and self.distil.penalties and self.data.labels == "several":
            raise ValueError("distil.penalties are of a layer that tells one label a track, not several")
        if self.distil and self.train.mixup:
            raise ValueError("train.mixup makes windows that no teacher can hear; use augment.overlay with distil")
        return self

    @model_validator(mode="after")
    def _suits_pictures(self) -> Self:
        if isinstance(self.input, PictureInput):
            idle = [f"preprocess.{key}" for key in _changed(self.preprocess)]
            idle += [f"augment.{key}" for key in _changed(self.augment) if key not in _FOR_PICTURES]
            if idle:
                raise ValueError(f"{', '.join(idle)} would do nothing to pictures; leave it out")
        return self


def _changed(table: Table) -> list[str]:
    """The keys of a table that has a default for each, and another value."""
    return [key for key, field in type(table).model_fields.items() if getattr(table, key) != field.default]
