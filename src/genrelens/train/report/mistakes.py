"""The most confident wrong predictions, with the input of the model."""

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
from genrelens.train.report.drawing import WIDTH, Drawing

_TICKS_HZ = (256, 1024, 4096, 16_384)  # more do not fit


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Attributes:
        path: path of the track.
        truth: true label.
        predicted: predicted label.
        confidence: probability of the predicted label.
        probability: probability of the true label.
    """

    path: str
    truth: str
    predicted: str
    confidence: float
    probability: float

    @property
    def name(self) -> str:
        """Display name of the track, such as "array.npy#17" or "song.mp3"."""
        return Path(self.path).name


def worst_mistakes(result: Evaluation, count: int) -> list[Mistake]:
    """Return up to `count` wrong predictions, the most confident first."""
    mistakes = []
    for answer in result.answers:
        probability_of = dict(zip(result.labels, answer.probabilities, strict=True))
        predicted = result.labels[int(np.argmax(answer.probabilities))]
        if predicted != answer.truth:
            mistakes.append(
                Mistake(answer.path, answer.truth, predicted, probability_of[predicted], probability_of[answer.truth])
            )
    return sorted(mistakes, key=lambda mistake: -mistake.confidence)[:count]


def mistake_drawing(mistake: Mistake, number: int, input_spec: InputSpec) -> Drawing:
    """Draw the log-mel of a track, or its picture.

    Raises:
        GenrelensError: the file can no longer be read.
    """
    alt = f"{mistake.name}, which is {mistake.truth} and was predicted as {mistake.predicted}"
    if isinstance(input_spec, PictureInput):
        pixels = read_picture(mistake.path)
        return Drawing(f"mistake-{number}", f"Picture of {alt}.", lambda _: _draw_picture(pixels))
    front_end = input_spec.front_end
    log_mel = _load_log_mel(mistake.path, front_end)
    return Drawing(
        f"mistake-{number}", f"Log-mel spectrogram of {alt}.", lambda _: _draw_spectrogram(log_mel, front_end)
    )


def _load_log_mel(path: str, front_end: FrontEnd) -> Floats:
    """Return the log-mel of a whole track in decibels below its maximum, shape (n_mels, frames)."""
    if is_array_row(path):
        log_mel: Floats = load_array_row(path, LogMelSpec(front_end=front_end)).astype(np.float32)
    else:
        log_mel = mel_decibels(load(path, front_end.rate), front_end)
    return apply_floor(log_mel, front_end.floor_db)


def _draw_spectrogram(log_mel: Floats, front_end: FrontEnd) -> Figure:
    seconds = log_mel.shape[1] * front_end.seconds_per_frame
    figure = draw_log_mel(log_mel, front_end, PictureStyle(axes=True), seconds)
    figure.set_size_inches(WIDTH, 2)
    axes = figure.axes[0]
    axes.images[0].set_interpolation("nearest")  # makes the file much smaller
    ticks = [hz for hz in _TICKS_HZ if front_end.fmin < hz < front_end.highest]
    axes.set_yticks(hz_to_mel(np.array(ticks, float), front_end.mel_scale), list(map(str, ticks)))
    return figure


def _draw_picture(pixels: NDArray[np.uint8]) -> Figure:
    figure = Figure(figsize=(WIDTH, WIDTH * min(1.5, pixels.shape[0] / pixels.shape[1])), layout="constrained")
    axes = figure.subplots()
    axes.imshow(pixels)
    axes.set_axis_off()
    return figure
