"""Explanation records: how much each place of a track contributes to a genre."""

from statistics import fmean
from typing import Literal

from genrelens.prediction import Prediction, Record

Method = Literal["cam", "occlusion"]


class Explanation(Record):
    """The attribution of one genre to places in a track.

    Attributes:
        genre: the explained genre.
        method: attribution method: class activation maps or occlusion.
        times: start of each column and end of the last one, in seconds.
        bands: start of each row and end of the last one, in Hz, ascending. A single row attributes only over time.
        evidence: attribution in logits, shape (rows, columns), lowest row first. For "cam", the logit of a window
            that consists only of this place, up to a constant; for "occlusion", the drop of the logit when this place
            is occluded. Except for multi-label models, logits are relative to their mean: positive values support
            the genre, negative values others, and the attributions of all labels sum to 0. Silence, and places that
            were not analysed, have 0.
    """

    genre: str
    method: Method
    times: tuple[float, ...]
    bands: tuple[float, ...]
    evidence: tuple[tuple[float, ...], ...]

    def over_time(self) -> tuple[float, ...]:
        """Return the mean over the bands, shape (columns,)."""
        return tuple(map(fmean, zip(*self.evidence, strict=True)))


class Spectrogram(Record):
    """The log-mel of a track, as a background for explanations.

    Attributes:
        times: start of each column and end of the last one, in seconds, as in the explanations of the track.
        bands: start of each row and end of the last one, in Hz, ascending.
        levels: base64 of uint8 (rows, columns), lowest row first: 255 is the maximum; 0 is 80 dB below it, or not
            analysed. In a nearly silent track, the maximum is below 255: silence is dark.
    """

    times: tuple[float, ...]
    bands: tuple[float, ...]
    levels: str


class TrackExplanation(Record):
    """The prediction for a track, with explanations of its genres."""

    prediction: Prediction
    spectrogram: Spectrogram
    explanations: tuple[Explanation, ...]
