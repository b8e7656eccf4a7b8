"""Input specification of a model, windows of audio or pictures; shared by recipes and model cards."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator

from genrelens.audio.containers import audio_files
from genrelens.features.frontend import FrontEnd
from genrelens.features.pictures import Border, picture_files
from genrelens.features.spectral import Feature, Layout, input_shape, row_count
from genrelens.records import FrozenModel

Shape = tuple[int, int, int]  # channels, rows, frames; for a picture: colours, height, width


class AudioInput(FrozenModel):
    """Windows of audio.

    Attributes:
        window: length of a window in seconds.
        hop: seconds from one window to the next, when all of a track is analysed.
        front_end: log-mel parameters.
        features: features to compute; see `genrelens.features.spectral`.
        layout: "stack" for one channel per feature, "concat" for one channel with the rows of all features.
    """

    kind: Literal["sound"] = "sound"
    window: Annotated[float, Field(gt=0)]
    hop: Annotated[float, Field(gt=0)]
    front_end: FrontEnd = FrontEnd()
    features: Annotated[tuple[Feature, ...], Field(min_length=1)] = ("mel",)
    layout: Layout = "stack"

    @field_validator("features")
    @classmethod
    def _check_unique(cls, features: tuple[Feature, ...]) -> tuple[Feature, ...]:
        if len(set(features)) < len(features):
            raise ValueError("a feature is listed twice")
        return features

    @model_validator(mode="after")
    def _check_front_end(self) -> Self:
        for feature in self.features:
            row_count(feature, self.front_end)  # raises if the front end is too coarse for the feature
        return self

    @property
    def frames(self) -> int:
        """Number of frames in a window."""
        return self.front_end.frames(round(self.window * self.front_end.rate))

    @property
    def shape(self) -> Shape:
        """Shape of one window as model input: channels, rows, frames."""
        return input_shape(self.features, self.layout, self.front_end, self.frames)


class PictureInput(FrozenModel):
    """A picture of a spectrogram.

    Attributes:
        width, height: size in pixels to which pictures are scaled.
        border: whether to "remove" margins, axes and titles around the plot first, or "keep" them.
    """

    kind: Literal["picture"]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    border: Border = "remove"

    @property
    def shape(self) -> Shape:
        """Shape of one picture as model input: colours, height, width."""
        return 3, self.height, self.width


def _kind(value: Any) -> Any:
    return value.get("kind", "sound") if isinstance(value, dict) else getattr(value, "kind", None)


InputSpec = Annotated[
    Annotated[AudioInput, Tag("sound")] | Annotated[PictureInput, Tag("picture")], Discriminator(_kind)
]


def file_finder(spec: InputSpec) -> Callable[..., list[Path]]:
    """Return the function that lists suitable files in a folder: `audio_files` or `picture_files`."""
    return picture_files if isinstance(spec, PictureInput) else audio_files


INPUT_KINDS: dict[str, type[BaseModel]] = {"sound": AudioInput, "picture": PictureInput}
