"""The answers that were wrong and most confident, with what the net heard or saw."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genrelens.audio import Track
from genrelens.frontend import FrontEnd, decibels, hz_to_mel, refloor
from genrelens.inputs import Input, Picture
from genrelens.pictures import read_picture
from genrelens.train.evaluate import Evaluation
from genrelens.train.figures import WIDTH, Drawing
from genrelens.train.mels import Analysis, is_row, load_row

_HERTZ = (250, 1_000, 4_000, 16_000)


@dataclass(frozen=True)
class Mistake:
    """A wrong answer: the track, what it is, what it was told as, and both probabilities."""

    path: str
    truth: str
    told: str
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


def mistake_drawing(mistake: Mistake, number: int, own: Input) -> Drawing:
    """The log-mel of a track, or its picture.

    Raises:
        GenrelensError: the file cannot be read any more.
    """
    alt = f"{mistake.name}, which is {mistake.truth} and was told as {mistake.told}"
    if isinstance(own, Picture):
        pixels = read_picture(mistake.path)
        return Drawing(f"mistake-{number}", f"Picture of {alt}.", lambda _: _picture(pixels))
    level = _level(mistake.path, own.front_end)
    return Drawing(f"mistake-{number}", f"Log-mel spectrogram of {alt}.", lambda _: _spectrogram(level, own.front_end))


def _level(path: str, front_end: FrontEnd) -> NDArray[np.floating[Any]]:
    """Decibels below the maximum of a whole track, (n_mels, frames)."""
    if is_row(path):
        level = load_row(path, Analysis(front_end=front_end))
    else:
        with Track(path, front_end.rate) as track:
            level = decibels(track.samples(), front_end)
    return refloor(level.astype(np.float32), front_end.floor_db)


def _spectrogram(level: NDArray[np.floating[Any]], front_end: FrontEnd) -> Figure:
    figure = Figure(figsize=(WIDTH, 2), layout="constrained")
    axes = figure.subplots()
    seconds = level.shape[1] * front_end.seconds_per_frame
    image = axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        vmin=-front_end.floor_db,
        vmax=0,
        extent=(0, seconds, 0, front_end.n_mels),
    )
    hertz = np.array([hz for hz in _HERTZ if front_end.fmin < hz < front_end.highest], float)
    axes.set_yticks(_bands(hertz, front_end), [_hertz_text(hz) for hz in hertz])
    axes.set_xlabel("seconds")
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("dB")
    return figure


def _bands(hertz: NDArray[np.float64], front_end: FrontEnd) -> NDArray[np.float64]:
    """Which mel band, counted in fractions from the lowest, each frequency is in."""
    ends = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    share = (hz_to_mel(hertz, front_end.mel_scale) - ends[0]) / (ends[1] - ends[0])
    return np.asarray(share * (front_end.n_mels + 1) - 0.5)


def _hertz_text(hz: float) -> str:
    return f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz"


def _picture(pixels: NDArray[np.uint8]) -> Figure:
    figure = Figure(figsize=(WIDTH, WIDTH * min(1.5, pixels.shape[0] / pixels.shape[1])), layout="constrained")
    axes = figure.subplots()
    axes.imshow(pixels)
    axes.set_axis_off()
    return figure
