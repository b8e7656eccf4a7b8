"""Schemas of recipes, TOML files that describe one training run completely; paths of data are not part of them."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from genrelens.model.input_spec import AudioInput, InputSpec, PictureInput
from genrelens.model.labels import Labelling
from genrelens.records import FrozenModel
from genrelens.train.recipes.backbone_card import BackboneCard

Fraction = Annotated[float, Field(ge=0, le=1)]

_PICTURE_AUGMENTATIONS = ("time_masks", "time_mask", "band_masks", "band_mask")


class DataTable(FrozenModel):
    """Selection of the tracks, and of their labels.

    Attributes:
        split: name of the split; see `genrelens.train.data.splits.assign_splits`.
        exclude: names of tracks that are left out of *train*.
        labels: "one" label per track; "several", written "rock; jazz", each predicted independently; or paths in a
            "tree", written "Rock---Metal", where the probability of a genre is the sum over its subgenres.
    """

    split: str
    exclude: tuple[str, ...] = ()
    labels: Labelling = "one"


class NetworkTable(FrozenModel, extra="allow"):
    """Name of a network in `genrelens.train.networks`, and the arguments of its constructor."""

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """All keys except the name."""
        return dict(self.model_extra or {})


class TrainTable(FrozenModel):
    """Settings of the optimisation.

    Attributes:
        epochs: number of passes over the tracks of *train*.
        crops: number of windows drawn at random from each track per epoch; or "all", the same windows in every
            epoch, one every `input.hop` seconds.
        batch: number of windows per step.
        echo: number of epochs that share one set of augmented windows (data echoing).
        optimiser, lr, weight_decay: optimiser, its peak learning rate, and its weight decay.
        schedule, warmup: the learning rate rises to `lr` during the `warmup` fraction of the steps; then it falls to 0
            along a "cosine", stays "constant", or is halved on a "plateau" of the log loss on *valid*.
        stall: number of validations without a lower log loss that make a plateau.
        class_weights: "balanced" gives each genre the same total weight, however many tracks it has (King & Zeng,
            2001).
        mixup: fraction of the windows that are mixed with others (Zhang et al., ICLR 2018).
        mixup_alpha: parameter of the Beta distribution of the mixing weights.
        label_smoothing: fraction of each target that is spread evenly over all labels.
        clip: maximum norm of the gradient; 0 disables clipping.
        average: decay of the moving average of the weights, which replaces them; 0 disables averaging. See
            `genrelens.train.fit.task`.
        keep: weights to keep: from the "last" epoch, or with the "best" log loss on *valid*.
        validate_every: number of epochs between validations.
        patience: number of validations without a lower log loss after which training stops; None never stops early.
        precision: numerical precision; "bf16" and "fp16" are mixed with 32 bits.
    """

    epochs: PositiveInt
    crops: PositiveInt | Literal["all"] = 1
    batch: PositiveInt = 32
    echo: PositiveInt = 1
    optimiser: Literal["adam", "adamw"] = "adamw"
    lr: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    warmup: Fraction = 0.1
    stall: PositiveInt = 3
    class_weights: Literal["none", "balanced"] = "none"
    mixup: Fraction = 0.0
    mixup_alpha: PositiveFloat = 0.3
    label_smoothing: Fraction = 0.0
    clip: NonNegativeFloat = 0.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    keep: Literal["last", "best"] = "last"
    validate_every: PositiveInt = 1
    patience: PositiveInt | None = None
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"

    @model_validator(mode="after")
    def _check_validation(self) -> Self:
        if self.validate_every > self.epochs:
            raise ValueError(f"validate_every is {self.validate_every}, but there are only {self.epochs} epochs")
        return self


class PreprocessTable(FrozenModel):
    """Processing of recordings before the front end, in training and serving; see `genrelens.train.data.preprocess`.

    Attributes:
        denoise: whether to reduce stationary noise, estimated from the quietest half second.
        trim: trim both ends while they are this many decibels below the loudest frame; None does not trim.
        low, high: edges of the pass band in Hz; None leaves a side open.
    """

    denoise: bool = False
    trim: PositiveFloat | None = None
    low: PositiveFloat | None = None
    high: PositiveFloat | None = None

    @model_validator(mode="after")
    def _check_band(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low is {self.low:g} Hz and high {self.high:g} Hz; low must be below high")
        return self


class WaveformTable(FrozenModel):
    """Augmentation of copies of recordings; everything is off by default. See `genrelens.train.augment.waveform`.

    Attributes:
        stretch: maximum change in tempo, as a fraction: 0.2 is up to 1.2 times as fast or as slow.
        shift: maximum pitch shift, in semitones up or down.
        equaliser: maximum gain or cut of each of seven bands, in decibels.
        noise: minimum signal-to-noise ratio of added Gaussian noise, in decibels; None adds none.
        gain: maximum change in level, in decibels up or down. A log-mel is relative to its own maximum, so this has
            no effect without other augmentations.
    """

    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shift: Annotated[float, Field(ge=0, le=24)] = 0.0
    equaliser: NonNegativeFloat = 0.0
    noise: float | None = None
    gain: NonNegativeFloat = 0.0


class AugmentTable(FrozenModel):
    """Augmentation of windows in training; everything is off by default. See `genrelens.train.augment.spectrogram`.

    Attributes:
        expand: number of versions of each recording to train on: the original, and copies augmented by `waveform`.
        waveform: augmentation of the samples of those copies.
        stretch: maximum change in tempo, as a fraction.
        shift: maximum pitch shift, in semitones up or down.
        equaliser: maximum standard deviation of a random, smooth curve over the mel bands, in decibels.
        tilt: standard deviation of a spectral tilt from the lowest band to the highest, in decibels.
        low_pass: fraction of the windows whose highest bands are attenuated.
        noise: fraction of the windows that get a noise floor.
        overlay: fraction of the windows that are summed with a window of another track.
        time_masks, time_mask: number of time masks, and their maximum width in frames.
        band_masks, band_mask: number of frequency masks, and their maximum width in mel bands (SpecAugment, Park et
            al., Interspeech 2019).
    """

    expand: PositiveInt = 1
    waveform: WaveformTable = WaveformTable()
    stretch: Fraction = 0.0
    shift: NonNegativeFloat = 0.0
    equaliser: NonNegativeFloat = 0.0
    tilt: NonNegativeFloat = 0.0
    low_pass: Fraction = 0.0
    noise: Fraction = 0.0
    overlay: Fraction = 0.0
    time_masks: NonNegativeInt = 0
    time_mask: NonNegativeInt = 0
    band_masks: NonNegativeInt = 0
    band_mask: NonNegativeInt = 0

    @model_validator(mode="after")
    def _check_copies(self) -> Self:
        augmented = self.waveform != WaveformTable()
        if self.expand > 1 and not augmented:
            raise ValueError(
                f"expand is {self.expand}, but all copies would be the same; "
                f"set one of {', '.join(WaveformTable.model_fields)} under waveform"
            )
        if augmented and self.expand == 1:
            raise ValueError("waveform augments copies, but expand is 1; set expand to 2 or more")
        return self


class DistilTable(FrozenModel):
    """Distillation from a pretrained backbone, in addition to the labels; see `genrelens.train.distillation`.

    Attributes:
        backbone: adapter card of the teacher; in a recipe file, its path relative to the file.
        weight: weight of the loss on the teacher's embedding; that on the labels has weight 1.
        penalties: L2 penalties of a linear layer that is fitted to the labels at the end, and replaces the output
            layer; the best one is selected like a probe's penalty. Empty keeps the trained output layer.
    """

    backbone: BackboneCard
    weight: PositiveFloat = 1.0
    penalties: tuple[PositiveFloat, ...] = ()


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


class SearchSpace(FrozenModel):
    """Values `genrelens tune` tries: from `low` to `high` (integers if both are), or among `choices`.

    With `log`, values are uniform on a log scale: as many between 0.001 and 0.01 as between 0.01 and 0.1.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[bool | int | float | str, ...] = ()

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("give either choices, or low and high")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("give low and high, with low below high, or choices")
        elif self.log and self.low <= 0:
            raise ValueError("with log, low must be above 0")
        return self

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Values that are all valid only if the whole space is."""
        return self.choices or (self.low, self.high)


class Recipe(FrozenModel):
    """A recipe of a network that is trained.

    Attributes:
        name, summary, version, licence: name, description, version and licence of the trained model.
        claim: figures that the authors of the method report.
        seed: seed of splits, initial weights and batches.
        data, input, preprocess, net, augment, distil, train: the tables of the recipe; see their classes.
        tune: search spaces by key, such as "train.lr".
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
    tune: dict[str, SearchSpace] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_distillation(self) -> Self:
        log_mel_only = isinstance(self.input, AudioInput) and self.input.features == ("mel",)
        if not log_mel_only and (self.distil or self.augment.overlay):
            key = "distil" if self.distil else "augment.overlay"
            raise ValueError(f"{key} needs the log-mel as the only input feature")
        if self.distil and self.distil.penalties and self.data.labels == "several":
            raise ValueError("distil.penalties fit a layer that predicts one label per track, not several")
        if self.distil and self.train.mixup:
            raise ValueError(
                "train.mixup mixes normalised windows, which the teacher cannot process; use augment.overlay"
            )
        return self

    @model_validator(mode="after")
    def _check_pictures(self) -> Self:
        if isinstance(self.input, PictureInput):
            augment = self.augment.model_dump(exclude_defaults=True)
            unused = [f"preprocess.{key}" for key in self.preprocess.model_dump(exclude_defaults=True)]
            unused += [f"augment.{key}" for key in augment if key not in _PICTURE_AUGMENTATIONS]
            if unused:
                raise ValueError(f"{', '.join(unused)} would have no effect on pictures; leave it out")
        return self


class ProbeRecipe(FrozenModel):
    """A recipe of a linear probe: a frozen backbone, and one linear layer fitted to its embeddings.

    Attributes:
        name, summary, version, licence: name, description, version and licence of the model.
        seed: seed of the split; nothing else is random.
        backbone: adapter card of the backbone.
        data, probe: the tables of the recipe; see their classes.
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
