"""The answers that were wrong and most confident, with what the net heard or saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genrelens.audio.decoder import load
from genrelens.features.frontend import Floats, FrontEnd, apply_floor, hz_to_mel, mel_decibels
from genrelens.features.pictures import read_picture
from genrelens.model.input_spec import InputSpec, PictureInput
from genrelens.train.data.log_mels import LogMelSpec, is_array_row, load_array_row
from genrelens.train.data.render import PictureStyle, draw_log_mel
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.report.figures import WIDTH, Drawing

_HERTZ = (256, 1024, 4096, 16_384)


@dataclass(frozen=True)
class Mistake:
    """A wrong answer: the track, what it is, what it was told as, and both probabilities."""

    path: str
    truth: str
    predicted: str
    confidence: float
    probability: float

    @property
    def name(self) -> str:
        """What to call the track: "array.npy#17" or "song.mp3"."""
        return Path(self.path).name


def worst_mistakes(result: Evaluation, count: int) -> list[Mistake]:
    """The most confident wrong answers, the most confident first."""
    mistakes = []
    for answer in result.answers:
        best = int(np.argmax(answer.probabilities))
        if result.labels[best] != answer.truth:
            own = answer.probabilities[result.labels.index(answer.truth)]
            mistakes.append(Mistake(answer.path, answer.truth, result.labels[best], answer.probabilities[best], own))
    return sorted(mistakes, key=lambda mistake: -mistake.confidence)[:count]


def mistake_drawing(mistake: Mistake, number: int, own: InputSpec) -> Drawing:
    """The log-mel of a track, or its picture.

    Raises:
        GenrelensError: the file cannot be read any more.
    """
    alt = f"{mistake.name}, which is {mistake.truth} and was told as {mistake.predicted}"
    if isinstance(own, PictureInput):
        pixels = read_picture(mistake.path)
        return Drawing(f"mistake-{number}", f"PictureInput of {alt}.", lambda _: _picture(pixels))
    level = _level(mistake.path, own.front_end)
    return Drawing(f"mistake-{number}", f"Log-mel spectrogram of {alt}.", lambda _: _spectrogram(level, own.front_end))


def _level(path: str, front_end: FrontEnd) -> Floats:
    """Decibels below the maximum of a whole track, (n_mels, frames)."""
    if is_array_row(path):
        level: Floats = load_array_row(path, LogMelSpec(front_end=front_end)).astype(np.float32)
    else:
        level = mel_decibels(load(path, front_end.rate), front_end)
    return apply_floor(level, front_end.floor_db)


def _spectrogram(level: Floats, front_end: FrontEnd) -> Figure:
    figure = draw_log_mel(level, front_end, PictureStyle(axes=True), level.shape[1] * front_end.seconds_per_frame)
    figure.set_size_inches(WIDTH, 2)
    axes = figure.axes[0]
    axes.images[0].set_interpolation("nearest")  # which makes a much smaller file
    hertz = [hz for hz in _HERTZ if front_end.fmin < hz < front_end.highest]  # more would not fit
    axes.set_yticks(hz_to_mel(np.array(hertz, float), front_end.mel_scale), list(map(str, hertz)))
    return figure


def _picture(pixels: NDArray[np.uint8]) -> Figure:
    figure = Figure(figsize=(WIDTH, WIDTH * min(1.5, pixels.shape[0] / pixels.shape[1])), layout="constrained")
    axes = figure.subplots()
    axes.imshow(pixels)
    axes.set_axis_off()
    return figure
