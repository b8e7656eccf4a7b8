"""Listening: audio comes piece by piece, without end, and its genre is told again and again."""

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from genrelens.audio.decoder import ArrayReader, Samples, usable_mask
from genrelens.audio.windows import MIN_SECONDS
from genrelens.classifier import Classifier, concatenate_outputs, window_batches
from genrelens.model.session import ModelOutput
from genrelens.prediction import Prediction, Score

UPDATE_SECONDS = 0.5  # s of audio from one answer to the next
# Windows that an answer is the mean of. Of 20 tracks of GTZAN one after another, `lens` told another genre 11 times
# a minute within a track without it and once with it; it followed a change after 6.5 s instead of 5.5 (the median).
SMOOTHING_WINDOWS = 4
MIN_DBFS = -120.0  # dBFS, told of digital silence

_PIECE = 1.0  # s that are resampled at a time


class LivePrediction(BaseModel):
    """What is heard now.

    Attributes:
        at: seconds of audio heard so far.
        genre, genres, confidence, music, scores: as of a `Prediction`, of the last windows together.
        level: the peak since the last answer, in dBFS.
        filling: whether less than a window has been heard, which was then repeated to fill one.
        missed: seconds of audio that came since the last answer and were not heard, as there was no time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float
    genre: str
    genres: tuple[str, ...]
    confidence: float
    music: float | None
    scores: tuple[Score, ...]
    level: float
    filling: bool = False
    missed: float = 0.0

    def to_json(self) -> str:
        """Write one line of ASCII JSON."""
        return json.dumps(self.model_dump(), ensure_ascii=True, allow_nan=False)

    def top(self, k: int) -> "LiveAnswer":
        """Keep the scores of the `k` most probable labels."""
        return self.model_copy(update={"scores": self.scores[:k]})


class LiveClassifier:
    """Tells every half second of audio what the last windows are. It holds one window, however long it runs.

    How the audio is cut into pieces changes nothing: the answers are the same.

    Args:
        classifier: its model must hear.
        name: to call the audio by in errors.

    Raises:
        WrongInputError: it looks at pictures.
    """

    def __init__(self, classifier: Classifier, name: str = "the audio") -> None:
        self._name = name
        self._classifier = classifier
        self._sound = classifier.card.audio_input
        self._rate = self._sound.front_end.rate
        self._size = round(self._sound.window * self._rate)
        self._step = round(UPDATE_SECONDS * self._rate)
        self._resampler: soxr.ResampleStream | None = None
        self._given_rate = 0
        self._window: Samples = np.empty(0, np.float32)  # the last `size` samples, but for the stretch
        self._stretch: list[Samples] = []  # what came since the last answer
        self._gathered = 0  # samples in it
        self._heard = 0
        self._missed = 0.0
        self._recent: deque[tuple[ModelOutput, bool]] = deque(maxlen=SMOOTHING_WINDOWS)

    def process(self, samples: NDArray[np.floating[Any]], rate: int) -> list[LivePrediction]:
        """Listen on.

        Args:
            samples: what came next, -1 to 1, shape (samples,) or (samples, channels); any number.
            rate: that they have, in Hz; it may change.

        Returns:
            An answer for each half second that has become full, none or several.
        """
        blocks = (block for piece in _pieces(samples, round(_PIECE * rate)) for block in self._resampled(piece, rate))
        return [answer for block in blocks for answer in self._take_in(block)]

    def report_missed(self, seconds: float) -> None:
        """Have the next answer tell of audio that was dropped before it could be heard."""
        self._missed += seconds

    def finish(self) -> list[LivePrediction]:
        """The audio has ended: an answer for what has come since the last one, unless that is next to nothing.

        Raises:
            TooShortError: all that came is too short to hear a genre in.
        """
        answers = [answer for block in self._flushed() for answer in self._take_in(block)]
        matters = self._gathered >= MIN_SECONDS * self._rate or not self._heard
        return [*answers, *([self._answer()] if self._gathered and matters else [])]

    def _resampled(self, samples: Samples, rate: int) -> Iterator[Samples]:
        if rate != self._given_rate:
            yield from self._flushed()
            self._given_rate = rate
            if rate != self._rate:
                self._resampler = soxr.ResampleStream(rate, self._rate, 1, dtype="float32")
        yield self._resampler.resample_chunk(samples) if self._resampler else samples

    def _flushed(self) -> Iterator[Samples]:
        """What the resampler still holds; then there is none."""
        if self._resampler:
            yield self._resampler.resample_chunk(np.empty(0, np.float32), last=True)
        self._resampler, self._given_rate = None, 0

    def _take_in(self, block: Samples) -> Iterator[LivePrediction]:
        while len(block):
            part, block = np.split(block, [self._step - self._gathered])
            self._stretch.append(part)
            self._gathered += len(part)
            if self._gathered == self._step:
                yield self._answer()

    def _answer(self) -> LivePrediction:
        stretch = np.concatenate(self._stretch)
        self._stretch, self._gathered = [], 0
        self._heard += len(stretch)
        self._window = np.concatenate([self._window, stretch])[-self._size :]
        prediction = self._judged()
        missed, self._missed = self._missed, 0.0
        return LivePrediction(
            at=round(self._heard / self._rate, 3),
            **{name: getattr(prediction, name) for name in ("genre", "genres", "confidence", "music", "scores")},
            level=_level(stretch),
            filling=self._heard < self._size,
            missed=round(missed, 3),
        )

    def _judged(self) -> Prediction:
        """What the last windows are together, with the one that ends now."""
        (heard,) = window_batches(ArrayReader(self._window, self._rate, self._rate, self._name), self._sound, 1)
        self._recent.append((self._classifier.judge(heard), heard.silent[0]))
        judgements, silent = zip(*self._recent, strict=True)
        return self._classifier.answer("", self._classifier.verdict(concatenate_outputs(judgements), np.array(silent)))


def _pieces(samples: NDArray[np.floating[Any]], size: int) -> Iterator[Samples]:
    """Mono pieces of `size` samples; what is no number is silence."""
    for start in range(0, len(samples), size):
        piece = samples[start : start + size]
        usable = np.where(usable_mask(piece), piece, 0)
        yield (usable.mean(axis=1) if usable.ndim == 2 else usable).astype(np.float32)


def _level(samples: Samples) -> float:
    peak = float(np.abs(samples).max())
    return round(max(MIN_DBFS, 20 * np.log10(peak)), 1) if peak > 0 else MIN_DBFS
