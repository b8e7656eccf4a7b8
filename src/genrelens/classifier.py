"""The path from audio to a prediction: windows, features, model, and the mean over the windows of a track."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.containers import Source
from genrelens.audio.decoder import ArrayReader, AudioReader
from genrelens.audio.windows import SampleReader, WindowCount
from genrelens.defaults import DEFAULT_MODEL, DEFAULT_WINDOWS
from genrelens.errors import GenrelensError
from genrelens.features.pictures import picture_to_model_input, read_picture
from genrelens.model import zoo
from genrelens.model.card import Card
from genrelens.model.input_spec import PictureInput
from genrelens.model.session import Model, ModelOutput, music_probability
from genrelens.model.windows import DecodedTrack, WindowBatch, window_batches
from genrelens.prediction import UNKNOWN, Failure, Prediction, Segment, is_not_music

PathOrBytes = str | os.PathLike[str] | bytes

BATCH_WINDOWS = 12  # windows of several tracks per model run: 4 % faster than three; more bring no gain


class Classifier:
    """A model that predicts the genre of audio.

    Args:
        model: name, path or URL of a model (see `genrelens.model.zoo.find`), or a loaded model.
        threads: number of threads that the model may use; all cores by default.
        min_confidence: minimum confidence, 0 to 1; predictions below it become "unknown".

    Raises:
        ModelError: the model cannot be found or used.
        ValueError: `min_confidence` is not between 0 and 1.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"min_confidence must be between 0 and 1, not {min_confidence}")
        self.model = model if isinstance(model, Model) else Model(zoo.find(model), threads=threads)
        self.min_confidence = min_confidence

    @property
    def card(self) -> Card:
        """The model card."""
        return self.model.card

    def predict(self, source: Source, *, windows: WindowCount = DEFAULT_WINDOWS) -> Prediction:
        """Predict the genre of a path, bytes or a file object.

        Args:
            source: audio in any format that `genrelens.audio.decoder` reads, or a video with sound; for a model of
                spectrogram pictures, a picture.
            windows: number of windows to analyse, evenly spaced, or "all" (overlapping).

        Raises:
            AudioError: the audio cannot be used; the message says why.
            PictureError: the picture cannot be used; the message says why.
        """
        if isinstance(self.card.input, PictureInput):
            return self._predict_picture(source, self.card.input)
        with AudioReader(source, self.card.audio_input.front_end.rate) as reader:
            return self._predict(_source_name(source), reader, windows)

    def predict_samples(
        self, samples: NDArray[np.floating], rate: int, *, windows: WindowCount = DEFAULT_WINDOWS
    ) -> Prediction:
        """Predict the genre of decoded samples.

        Args:
            samples: audio in -1..1, shape (samples,) or (samples, channels).
            rate: sampling rate in Hz.
            windows: see `predict`.

        Raises:
            AudioError: there are too few samples.
            WrongInputError: the model takes pictures.
        """
        reader = ArrayReader(samples, self.card.audio_input.front_end.rate, stored_rate=rate)
        return self._predict(reader.name, reader, windows)

    def predict_many(
        self,
        sources: Iterable[PathOrBytes],
        *,
        windows: WindowCount = DEFAULT_WINDOWS,
        processes: int | None = None,
    ) -> Iterator[Prediction | Failure]:
        """Predict the genres of many sources, in order, in worker processes that each load the model.

        Most of the time goes into decoding, which threads do not speed up. A file that cannot be used yields a
        `Failure` in its place. Programs that use more than one process need the usual
        `if __name__ == "__main__":` of multiprocessing.

        Args:
            sources: paths or bytes, read only slightly ahead of the results.
            windows: see `predict`.
            processes: number of processes; all cores by default. With 1, no process is started.
        """
        count = processes or workers.available_cores()
        if count == 1:
            predict: Callable[[PathOrBytes], Prediction] = partial(self.predict, windows=windows)
        else:
            model, minimum = self.model.path, self.min_confidence
            predict = partial(_predict_in_worker, model=model, min_confidence=minimum, windows=windows)
        for source, result in workers.map_in_order(predict, sources, count):
            yield Failure.from_error(_source_name(source), result) if isinstance(result, GenrelensError) else result

    def classify(self, tracks: Sequence[DecodedTrack]) -> list[tuple[Prediction, NDArray[np.float32] | None]]:
        """Classify decoded tracks in shared model runs; no result depends on the other tracks.

        Returns:
            The prediction for each track, and its embedding: the mean over the windows that are not silent, shape
            (channels,), if the model outputs embeddings.
        """
        if not tracks:
            return []
        windows = WindowBatch.concatenate([track.windows for track in tracks])
        batches = (windows[start : start + BATCH_WINDOWS] for start in range(0, len(windows), BATCH_WINDOWS))
        output = ModelOutput.concatenate([self.run_model(batch) for batch in batches])
        bounds = np.cumsum([0, *(len(track.windows) for track in tracks)])
        results: list[tuple[Prediction, NDArray[np.float32] | None]] = []
        for track, (start, end) in zip(tracks, pairwise(bounds), strict=True):
            track_output, silent, starts = output[start:end], track.windows.silent, track.windows.starts
            prediction = self.to_prediction(track.path, track_output, silent, starts, track.duration, track.warnings)
            embeddings = track_output.embeddings
            results.append((prediction, None if embeddings is None else mean_over_windows(embeddings, silent)))
        return results

    def run_model(self, windows: WindowBatch) -> ModelOutput:
        """Run the model on windows, and replace its output for silent ones.

        A silent window is certainly not music. Its labels are all equally probable; in a multi-label model, all are
        improbable.
        """
        output, silent = self.model.run(windows.inputs), list(windows.silent)
        output.probabilities[silent] = 0.0 if self.card.labelling == "several" else 1 / len(self.card.labels)
        if output.ood_scores is not None:
            output.ood_scores[silent] = np.inf
        return output

    def to_prediction(
        self,
        path: str,
        output: ModelOutput,
        silent: Sequence[bool],
        starts: Sequence[float] = (),
        duration: float = 0.0,
        warnings: Sequence[str] = (),
    ) -> Prediction:
        """Combine the output of `run_model` for the windows of a track into its prediction.

        The genre is "unknown" for silence, audio that is not music, and low confidence. `silent` marks the windows
        that are digital silence; without their `starts`, in seconds, the prediction has no segments.
        """
        probabilities = mean_over_windows(output.probabilities, silent)
        ood_score = None if output.ood_scores is None else float(mean_over_windows(output.ood_scores, silent))
        music = self._music_probability(ood_score)
        scores, genres = self.card.rank_scores(probabilities), self.card.predicted_labels(probabilities)
        confidence = next(score.score for score in scores if score.label == genres[0])
        if all(silent) or is_not_music(music) or confidence < self.min_confidence:
            genres = (UNKNOWN,)
        if any(silent):
            note = f"{sum(silent)} of {len(silent)} windows are digital silence and were not classified"
            warnings = (*warnings, note)
        return Prediction(
            path=path,
            genre=genres[0],
            genres=genres,
            confidence=confidence,
            scores=scores,
            segments=self._segments(starts, output, duration) if starts else (),
            music=music,
            duration=round(duration, 3),
            model=self.card.name,
            version=self.card.version,
            warnings=tuple(warnings),
        )

    def _predict(self, path: str, reader: SampleReader, windows: WindowCount) -> Prediction:
        """Predict in bounded memory: of the windows analysed so far, only the model output is kept."""
        starts: list[float] = []
        silent: list[bool] = []
        outputs: list[ModelOutput] = []
        for batch in window_batches(reader, self.card.audio_input, windows):
            outputs.append(self.run_model(batch))
            starts += batch.starts
            silent += batch.silent
        output, duration = ModelOutput.concatenate(outputs), reader.duration or 0.0
        return self.to_prediction(path, output, silent, starts, duration, reader.warnings)

    def _predict_picture(self, source: Source, spec: PictureInput) -> Prediction:
        name = _source_name(source)
        inputs = picture_to_model_input(read_picture(source), spec.width, spec.height, spec.border, name)
        return self.to_prediction(name, ModelOutput(self.model.probabilities(inputs[None])), [False])

    def _segments(self, starts: Sequence[float], output: ModelOutput, duration: float) -> tuple[Segment, ...]:
        segments: list[Segment] = []
        ood_scores = () if output.ood_scores is None else output.ood_scores
        for start, probabilities, ood_score in zip_longest(starts, output.probabilities, ood_scores):
            end = round(min(start + self.card.audio_input.window, duration), 3)
            scores, music = self.card.rank_scores(probabilities), self._music_probability(ood_score)
            segments.append(Segment(start=round(start, 3), end=end, scores=scores, music=music))
        return tuple(segments)

    def _music_probability(self, ood_score: float | None) -> float | None:
        detector = self.card.detector
        return None if detector is None or ood_score is None else music_probability(detector, ood_score)


def mean_over_windows(values: NDArray[Any], silent: Sequence[bool]) -> NDArray[Any]:
    """Return the mean of `values` (windows, ...) over the windows that are not silent, or over all if all are."""
    classified = slice(None) if all(silent) else ~np.array(silent)
    return np.asarray(values[classified].mean(axis=0))


def _predict_in_worker(source: PathOrBytes, model: Path, min_confidence: float, windows: WindowCount) -> Prediction:
    return cached_classifier(model, min_confidence).predict(source, windows=windows)


@lru_cache(maxsize=1)
def cached_classifier(model: Path, min_confidence: float = 0.0) -> Classifier:
    """Return the single-threaded classifier that a worker process keeps loaded."""
    return Classifier(model, threads=1, min_confidence=min_confidence)


def _source_name(source: Source) -> str:
    """Return the path of a source in a result, or a placeholder for bytes and unnamed streams."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    return "<bytes>" if isinstance(source, bytes) else str(getattr(source, "name", None) or "<stream>")
