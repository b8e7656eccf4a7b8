"""What an explanation is: how much each place of a track speaks for which genre."""

from statistics import fmean
from typing import Literal

from genrelens.prediction import Prediction, Record

Method = Literal["cam", "occlusion"]


class Explanation(Record):
    """How much each place of a track speaks for a genre.

    Attributes:
        times: where columns begin, in seconds, and where the last one ends.
        bands: where rows begin, in Hz, from low to high, and where the last one ends. One row tells of time alone.
        evidence: (rows, columns), the lowest row first, in logits. By "cam" it is the logit that a window would
            have if all of it were like this place, but for a constant; by "occlusion", how far the logit falls when
            nothing happens at this place. Unless there are several labels to a track, logits are relative to their
            mean: positive speaks for the genre, negative for others, and the evidence of all labels adds up to 0.
            What is silent, or was not heard, has 0.
    """

    genre: str
    method: Method
    times: tuple[float, ...]
    bands: tuple[float, ...]
    evidence: tuple[tuple[float, ...], ...]

    def over_time(self) -> tuple[float, ...]:
        """The mean over the bands, (columns,)."""
        return tuple(map(fmean, zip(*self.evidence, strict=True)))


class Spectrogram(Record):
    """The log-mel of a track, to draw explanations on.

    Attributes:
        times: as of explanations of the track.
        bands: where rows begin, in Hz, from low to high, and where the last one ends.
        levels: base64 of uint8 (rows, columns), the lowest row first: 255 is the maximum, 0 is 80 dB below it
            or not heard. Of a track that is all but silent, the maximum is darker: silence is dark.
    """

    times: tuple[float, ...]
    bands: tuple[float, ...]
    levels: str


class TrackExplanation(Record):
    """The answer for a track, and why it is that."""

    prediction: Prediction
    spectrogram: Spectrogram
    explanations: tuple[Explanation, ...]
