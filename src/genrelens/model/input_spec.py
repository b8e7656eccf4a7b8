"""What a net takes in, windows of sound or pictures: said in the same words by a recipe and by a model's card."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from genrelens.audio.containers import audio_files
from genrelens.features.frontend import FrontEnd
from genrelens.features.pictures import Border, picture_files
from genrelens.features.spectral import Feature, Layout, input_shape, row_count

Shape = tuple[int, int, int]  # planes, rows, frames; of a picture: colours, height, width


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AudioInput(_Part):
    """Windows of a track.

    Attributes:
        window: how long each is, in seconds.
        hop: seconds from one to the next, where all of a track is heard.
        front_end: from samples to log-mel.
        features: what is computed; see `genrelens.features.spectral`.
        layout: each feature a plane of its own ("stack"), or one plane with their rows one under another.
    """

    kind: Literal["sound"] = "sound"
    window: Annotated[float, Field(gt=0)]
    hop: Annotated[float, Field(gt=0)]
    front_end: FrontEnd = FrontEnd()
    features: Annotated[tuple[Feature, ...], Field(min_length=1)] = ("mel",)
    layout: Layout = "stack"

    @field_validator("features")
    @classmethod
    def _differ(cls, features: tuple[Feature, ...]) -> tuple[Feature, ...]:
        if len(set(features)) < len(features):
            raise ValueError("a feature is named twice")
        return features

    @model_validator(mode="after")
    def _has_rows(self) -> Self:
        for feature in self.features:
            row_count(feature, self.front_end)  # which may be too coarse for it
        return self

    @property
    def frames(self) -> int:
        """Frames of a window."""
        return self.front_end.frames(round(self.window * self.front_end.rate))

    @property
    def shape(self) -> Shape:
        """Of one window, as the net takes it."""
        return input_shape(self.features, self.layout, self.front_end, self.frames)


class PictureInput(_Part):
    """A picture of a spectrogram, scaled to `width` x `row_count` pixels, with or without the border round the plot."""

    kind: Literal["picture"]
    width: Annotated[int, Field(gt=0)]
    row_count: Annotated[int, Field(gt=0)]
    border: Border = "remove"

    @property
    def shape(self) -> Shape:
        """Of one picture, as the net takes it."""
        return 3, self.height, self.width


def _kind(value: Any) -> Any:
    return value.get("kind", "sound") if isinstance(value, dict) else getattr(value, "kind", None)


InputSpec = Annotated[Annotated[AudioInput, Tag("sound")] | Annotated[PictureInput, Tag("picture")], Discriminator(_kind)]


def file_finder(own: InputSpec) -> Callable[..., list[Path]]:
    """What finds files in a folder that can be taken in: `sources.audio_files` or `pictures.picture_files`."""
    return picture_files if isinstance(own, PictureInput) else audio_files


INPUT_KINDS: dict[str, type[BaseModel]] = {"sound": AudioInput, "picture": PictureInput}
