"""Live classification: audio that arrives in chunks and never ends, classified again and again."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from genrelens.audio.decoder import ArrayReader, Samples, usable_mask
from genrelens.audio.windows import MIN_SECONDS
from genrelens.classifier import Classifier
from genrelens.model.session import ModelOutput
from genrelens.model.windows import window_batches
from genrelens.prediction import Record, Score

UPDATE_SECONDS = 0.5  # s of audio from one prediction to the next
# Windows that a prediction is the mean of. On 20 tracks of GTZAN in a row, the genre that `lens` predicts changed 11
# times a minute within a track without averaging, and once with it; it followed a new track after 6.5 s instead of
# 5.5 s (median).
SMOOTHING_WINDOWS = 4
MIN_DBFS = -120.0  # dBFS reported for digital silence

_CHUNK_SECONDS = 1.0  # s that are resampled at a time


class LivePrediction(Record):
    """The prediction for the most recent audio.

    Attributes:
        at: seconds of audio processed so far.
        genre, genres, confidence, music, scores: as in a `Prediction`, over the most recent windows.
        level: peak since the previous prediction, in dBFS.
        filling: whether less than one window was processed so far, which is repeated to fill a window.
        missed: seconds of audio since the previous prediction that were dropped because processing was too slow.
    """

    at: float
    genre: str
    genres: tuple[str, ...]
    confidence: float
    music: float | None
    scores: tuple[Score, ...]
    level: float
    filling: bool = False
    missed: float = 0.0

    def top(self, k: int) -> "LivePrediction":
        """Return a copy with only the `k` most probable labels."""
        return self.model_copy(update={"scores": self.scores[:k]})


class LiveClassifier:
    """A classifier for live audio that predicts every half second, and holds a single window in memory.

    The predictions do not depend on how the audio is divided into chunks. `name` is the name of the audio in errors.

    Raises:
        WrongInputError: the model takes pictures.
    """

    def __init__(self, classifier: Classifier, name: str = "the audio") -> None:
        self._name = name
        self._classifier = classifier
        self._spec = classifier.card.audio_input
        self._rate = self._spec.front_end.rate
        self._window_size = round(self._spec.window * self._rate)
        self._step_size = round(UPDATE_SECONDS * self._rate)
        self._resampler: soxr.ResampleStream | None = None
        self._input_rate = 0
        self._window: Samples = np.empty(0, np.float32)  # the last window up to the previous prediction
        self._step: Samples = np.empty(0, np.float32)  # samples since the previous prediction
        self._total_samples = 0
        self._missed = 0.0
        self._recent: deque[tuple[ModelOutput, bool]] = deque(maxlen=SMOOTHING_WINDOWS)

    def process(self, samples: NDArray[np.floating[Any]], rate: int) -> list[LivePrediction]:
        """Process the next chunk of audio.

        Args:
            samples: audio in -1..1, shape (samples,) or (samples, channels), of any length.
            rate: sampling rate in Hz, which may change between chunks.

        Returns:
            A prediction for each half second that the chunk completes.
        """
        chunks = _split_to_mono(samples, round(_CHUNK_SECONDS * rate))
        blocks = (block for chunk in chunks for block in self._resample(chunk, rate))
        return [prediction for block in blocks for prediction in self._add(block)]

    def report_missed(self, seconds: float) -> None:
        """Report audio that was dropped before it could be processed; the next prediction mentions it."""
        self._missed += seconds

    def finish(self) -> list[LivePrediction]:
        """Return the prediction for the audio since the previous one, unless it is negligible.

        Raises:
            TooShortError: the audio was too short as a whole.
        """
        predictions = [prediction for block in self._flush() for prediction in self._add(block)]
        is_relevant = len(self._step) >= MIN_SECONDS * self._rate or not self._total_samples
        return [*predictions, *([self._predict()] if len(self._step) and is_relevant else [])]

    def _resample(self, samples: Samples, rate: int) -> Iterator[Samples]:
        if rate != self._input_rate:
            yield from self._flush()
            self._input_rate = rate
            if rate != self._rate:
                self._resampler = soxr.ResampleStream(rate, self._rate, 1, dtype="float32")
        yield self._resampler.resample_chunk(samples) if self._resampler else samples

    def _flush(self) -> Iterator[Samples]:
        """Return the samples that the resampler still holds, and drop the resampler."""
        if self._resampler:
            yield self._resampler.resample_chunk(np.empty(0, np.float32), last=True)
        self._resampler, self._input_rate = None, 0

    def _add(self, block: Samples) -> Iterator[LivePrediction]:
        while len(block):
            part, block = np.split(block, [self._step_size - len(self._step)])
            self._step = np.concatenate([self._step, part])
            if len(self._step) == self._step_size:
                yield self._predict()

    def _predict(self) -> LivePrediction:
        """Predict from the most recent windows, including the one that ends now."""
        step, self._step = self._step, np.empty(0, np.float32)
        self._total_samples += len(step)
        self._window = np.concatenate([self._window, step])[-self._window_size :]
        (batch,) = window_batches(ArrayReader(self._window, self._rate, self._rate, self._name), self._spec, 1)
        self._recent.append((self._classifier.run_model(batch), batch.silent[0]))
        outputs, silent = zip(*self._recent, strict=True)
        prediction = self._classifier.to_prediction("", ModelOutput.concatenate(outputs), silent)
        missed, self._missed = self._missed, 0.0
        return LivePrediction(
            at=round(self._total_samples / self._rate, 3),
            **{name: getattr(prediction, name) for name in ("genre", "genres", "confidence", "music", "scores")},
            level=_peak_dbfs(step),
            filling=self._total_samples < self._window_size,
            missed=round(missed, 3),
        )


def _split_to_mono(samples: NDArray[np.floating[Any]], size: int) -> Iterator[Samples]:
    """Yield mono chunks of `size` samples; unusable samples become silence."""
    for start in range(0, len(samples), size):
        chunk = samples[start : start + size]
        usable = np.where(usable_mask(chunk), chunk, 0)
        yield (usable.mean(axis=1) if usable.ndim == 2 else usable).astype(np.float32)


def _peak_dbfs(samples: Samples) -> float:
    peak = float(np.abs(samples).max())
    return round(max(MIN_DBFS, 20 * np.log10(peak)), 1) if peak > 0 else MIN_DBFS
