"""The path from audio to a prediction: windows, features, model, and the mean over the windows of a track."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice, pairwise, zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.containers import Source
from genrelens.audio.decoder import ArrayReader, AudioReader
from genrelens.audio.windows import SampleReader, WindowCount, is_silent, iter_windows
from genrelens.defaults import DEFAULT_MODEL, DEFAULT_WINDOWS
from genrelens.errors import GenrelensError
from genrelens.features.pictures import picture_to_model_input, read_picture
from genrelens.features.spectral import extract_features, to_model_input
from genrelens.model import zoo
from genrelens.model.card import Card
from genrelens.model.input_spec import AudioInput, PictureInput
from genrelens.model.labels import labels_above_thresholds
from genrelens.model.session import Model, ModelInput, ModelOutput, Probabilities, music_probability
from genrelens.prediction import UNKNOWN, Failure, Prediction, Score, Segment, is_not_music, rank_scores

PathOrBytes = str | os.PathLike[str] | bytes
Number = TypeVar("Number", bound=np.floating)

BATCH_WINDOWS = 12  # windows of several tracks per model run: 4 % faster than three; more bring no gain
_STREAM_WINDOWS = 4  # windows of one track per model run: more need memory without being faster


@dataclass(frozen=True)
class WindowBatch:
    """Windows of audio as model input. Slices and concatenates along the windows.

    Attributes:
        inputs: model input, shape (windows, channels, rows, frames).
        starts: start of each window, in seconds from the beginning of its track.
        silent: whether each window is digital silence.
    """

    inputs: ModelInput
    starts: tuple[float, ...]
    silent: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, windows: slice) -> "WindowBatch":
        return WindowBatch(self.inputs[windows], self.starts[windows], self.silent[windows])

    @classmethod
    def concatenate(cls, batches: Sequence["WindowBatch"]) -> "WindowBatch":
        """Join one or more batches."""
        return cls(
            np.concatenate([batch.inputs for batch in batches]),
            tuple(start for batch in batches for start in batch.starts),
            tuple(silent for batch in batches for silent in batch.silent),
        )


@dataclass(frozen=True)
class DecodedTrack:
    """The windows of a track, ready to be classified; picklable, so that another process can decode.

    Attributes:
        path: path or name of the track.
        windows: at least one window.
        duration: duration of the track in seconds.
        warnings: defects of the file that did not prevent decoding.
    """

    path: str
    windows: WindowBatch
    duration: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classification:
    """The prediction for a decoded track, and its embedding.

    Attributes:
        prediction: the prediction.
        embedding: mean over the windows that are not silent, shape (channels,), if the model outputs embeddings.
    """

    prediction: Prediction
    embedding: NDArray[np.float32] | None


@dataclass(frozen=True)
class TrackScores:
    """The model output for a track.

    Attributes:
        probabilities: mean probability of each label, shape (labels,).
        music: probability that the track is music, if the model has a detector.
        silent: whether all windows are silent.
    """

    probabilities: Probabilities
    music: float | None = None
    silent: bool = False


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
            windows: as for `predict`.

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
            windows: as for `predict`.
            processes: number of processes; all cores by default. With 1, no process is started.
        """
        count = processes or workers.available_cores()
        if count == 1:
            predict: Callable[[PathOrBytes], Prediction] = partial(self.predict, windows=windows)
        else:
            predict = partial(
                _predict_in_worker, model=self.model.path, min_confidence=self.min_confidence, windows=windows
            )
        for source, result in workers.map_in_order(predict, sources, count):
            yield Failure.from_error(_source_name(source), result) if isinstance(result, GenrelensError) else result

    def classify(self, tracks: Sequence[DecodedTrack]) -> list[Classification]:
        """Classify decoded tracks in shared model runs; no result depends on the other tracks."""
        if not tracks:
            return []
        windows = WindowBatch.concatenate([track.windows for track in tracks])
        batches = (windows[start : start + BATCH_WINDOWS] for start in range(0, len(windows), BATCH_WINDOWS))
        output = ModelOutput.concatenate([self.run_model(batch) for batch in batches])
        bounds = np.cumsum([0, *(len(track.windows) for track in tracks)])
        return [
            self._classification(track, output[start:end])
            for track, (start, end) in zip(tracks, pairwise(bounds), strict=True)
        ]

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

    def track_scores(self, output: ModelOutput, silent: NDArray[np.bool_]) -> TrackScores:
        """Combine the output for windows, of which those marked in `silent` (windows,) are silent."""
        music = None
        if output.ood_scores is not None:
            music = self._music_probability(float(mean_over_windows(output.ood_scores, silent)))
        return TrackScores(mean_over_windows(output.probabilities, silent), music, silent=bool(silent.all()))

    def to_prediction(
        self,
        path: str,
        scores: TrackScores,
        segments: tuple[Segment, ...] = (),
        duration: float = 0.0,
        warnings: tuple[str, ...] = (),
    ) -> Prediction:
        """Turn scores into a prediction: "unknown" for silence, audio that is not music, and low confidence."""
        ranked = label_scores(self.card, scores.probabilities)
        genres = predicted_labels(self.card, scores.probabilities)
        confidence = next(score.score for score in ranked if score.label == genres[0])
        if scores.silent or is_not_music(scores.music) or confidence < self.min_confidence:
            genres = (UNKNOWN,)
        return Prediction(
            path=path,
            genre=genres[0],
            genres=genres,
            confidence=confidence,
            scores=ranked,
            segments=segments,
            music=scores.music,
            duration=round(duration, 3),
            model=self.card.name,
            version=self.card.version,
            warnings=warnings,
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
        output = ModelOutput.concatenate(outputs)
        return self._track_prediction(path, output, starts, silent, reader.duration or 0.0, reader.warnings)

    def _predict_picture(self, source: Source, spec: PictureInput) -> Prediction:
        name = _source_name(source)
        inputs = picture_to_model_input(read_picture(source), spec.width, spec.height, spec.border, name)
        return self.to_prediction(name, TrackScores(self.model.probabilities(inputs[None])[0]))

    def _classification(self, track: DecodedTrack, output: ModelOutput) -> Classification:
        windows = track.windows
        prediction = self._track_prediction(
            track.path, output, windows.starts, windows.silent, track.duration, track.warnings
        )
        embeddings = output.embeddings
        return Classification(
            prediction, None if embeddings is None else mean_over_windows(embeddings, np.array(windows.silent))
        )

    def _track_prediction(
        self,
        path: str,
        output: ModelOutput,
        starts: Sequence[float],
        silent: Sequence[bool],
        duration: float,
        warnings: Sequence[str],
    ) -> Prediction:
        silence = np.array(silent)
        notes = tuple(warnings)
        if silence.any():
            notes += (f"{silence.sum()} of {len(silence)} windows are digital silence and were not classified",)
        segments = self._segments(starts, output, duration)
        return self.to_prediction(path, self.track_scores(output, silence), segments, duration, notes)

    def _segments(self, starts: Sequence[float], output: ModelOutput, duration: float) -> tuple[Segment, ...]:
        ood_scores = () if output.ood_scores is None else output.ood_scores
        return tuple(
            Segment(
                start=round(start, 3),
                end=round(min(start + self.card.audio_input.window, duration), 3),
                scores=label_scores(self.card, probabilities),
                music=None if ood_score is None else self._music_probability(ood_score),
            )
            for start, probabilities, ood_score in zip_longest(starts, output.probabilities, ood_scores)
        )

    def _music_probability(self, ood_score: float) -> float | None:
        return music_probability(self.card.detector, ood_score) if self.card.detector else None


def window_batches(reader: SampleReader, audio_input: AudioInput, windows: WindowCount) -> Iterator[WindowBatch]:
    """Cut audio into windows and convert them to model input, a few windows at a time."""
    remaining = iter_windows(reader, audio_input.window, audio_input.hop, windows)
    while batch := list(islice(remaining, _STREAM_WINDOWS)):
        samples = np.stack([window.samples for window in batch])
        features = extract_features(samples, audio_input.features, audio_input.front_end)
        yield WindowBatch(
            inputs=to_model_input(features, audio_input.features, audio_input.layout, audio_input.front_end),
            starts=tuple(window.start for window in batch),
            silent=tuple(is_silent(window.samples) for window in batch),
        )


def decode_track(path: str, reader: SampleReader, audio_input: AudioInput, windows: WindowCount) -> DecodedTrack:
    """Decode a track for `Classifier.classify`; needs no model, only its input specification.

    Args:
        path: path or name of the track in the prediction.
        reader: the audio, at the rate of the front end.
        audio_input: input specification of the model; see `Card.audio_input`.
        windows: number of windows, evenly spaced, or "all".

    Raises:
        AudioError: the audio cannot be used; the message says why.
    """
    batches = list(window_batches(reader, audio_input, windows))
    return DecodedTrack(path, WindowBatch.concatenate(batches), reader.duration or 0.0, tuple(reader.warnings))


def mean_over_windows(values: NDArray[Number], silent: NDArray[np.bool_]) -> NDArray[Number]:
    """Return the mean of `values` (windows, ...) over the windows that are not silent, or over all if all are."""
    return np.asarray(values[~silent if not silent.all() else slice(None)].mean(axis=0))


def predicted_labels(card: Card, probabilities: Probabilities) -> tuple[str, ...]:
    """Return the predicted genres for probabilities of the labels (labels,); see `Prediction.genres`."""
    if card.labelling == "several":
        return tuple(labels_above_thresholds(card.labels, probabilities, card.thresholds))
    if card.tree:
        return (card.tree.predicted_node(probabilities, card.certainty),)
    return (card.labels[int(probabilities.argmax())],)


def label_scores(card: Card, probabilities: Probabilities) -> tuple[Score, ...]:
    """Return the labels, or the nodes of their tree, from the most to the least probable."""
    if card.tree:
        return rank_scores(card.tree.nodes, card.tree.node_probabilities(probabilities))
    return rank_scores(card.labels, probabilities)


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
