"""From a song to its genre: audio, windows, log-mels, a model, and one answer for the track."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.containers import Source
from genrelens.audio.decoder import ArrayReader, AudioReader
from genrelens.audio.windows import SampleReader, WindowCount, is_silent, iter_windows
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

DEFAULT_WINDOWS = 3  # windows of a track, unless told otherwise
_BATCH = 4  # windows judged at a time: more are no faster, and take more memory


@dataclass(frozen=True)
class WindowBatch:
    """Windows of a track as the net takes them: when each starts (s), and whether it is silent."""

    to_model_input: ModelInput
    starts: tuple[float, ...]
    silent: tuple[bool, ...]


@dataclass(frozen=True)
class TrackScores:
    """What a model makes of a track: probabilities (labels,), how probably it is music, and whether it is silent."""

    probabilities: Probabilities
    music: float | None = None
    silent: bool = False


class Classifier:
    """A model that names the genre of audio.

    Args:
        model: a name, path or address (see `genrelens.model.zoo.find`), or a loaded model.
        threads: that the net may use; all cores if none is given.
        min_confidence: 0 to 1; what is told with less is "unknown".

    Raises:
        ModelError: it cannot be found or used.
        ValueError: `min_confidence` is not within 0 and 1.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = zoo.DEFAULT_MODEL,
        *,
        threads: int | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"min_confidence must be within 0 and 1, not {min_confidence}")
        self.model = model if isinstance(model, Model) else Model(zoo.find(model), threads=threads)
        self.min_confidence = min_confidence

    @property
    def card(self) -> Card:
        """What the model is."""
        return self.model.card

    def predict(self, source: Source, *, windows: WindowCount = DEFAULT_WINDOWS) -> Prediction:
        """Name the genre of a path, bytes or file object.

        Args:
            source: audio in any format that `genrelens.audio.decoder` reads, or a video with sound; for a model that
                looks at pictures, a picture of a spectrogram.
            windows: how many to hear, spread over the track; or "all", overlapping.

        Raises:
            AudioError: it cannot be used; the message says why.
            PictureError: the same for a picture.
        """
        if isinstance(self.card.input, PictureInput):
            return self._predict_picture(source, self.card.input)
        with AudioReader(source, self.card.audio_input.front_end.rate) as track:
            return self._predict(_path(source), track, windows)

    def predict_samples(self, samples: NDArray[np.floating], rate: int, *, windows: WindowCount = "all") -> Prediction:
        """Name the genre of samples at `rate` Hz, shape (samples,) or (samples, channels).

        Raises:
            AudioError: there are too few of them.
            WrongInputError: the model looks at pictures.
        """
        recording = ArrayReader(samples, self.card.audio_input.front_end.rate, stored_rate=rate)
        return self._predict(recording.name, recording, windows)

    def predict_many(
        self,
        sources: Iterable[PathOrBytes],
        *,
        windows: WindowCount = DEFAULT_WINDOWS,
        processes: int | None = None,
    ) -> Iterator[Prediction | Failure]:
        """Name the genres of many paths, in their order, in worker processes with the model in each.

        Decoding takes most of the time, and threads do not speed it up. A bad file gives a `Failure` in its
        place. Programs that call this with more than one process need the usual `if __name__ == "__main__":`
        of multiprocessing.

        Args:
            sources: read only a little ahead of the answers.
            windows: as for `predict`.
            processes: as many as there are cores if none is given; with one, nothing is started.
        """
        count = processes or workers.available_cores()
        if count == 1:
            predict: Callable[[PathOrBytes], Prediction] = partial(self.predict, windows=windows)
        else:
            predict = partial(
                _predict_in_worker, model=self.model.path, min_confidence=self.min_confidence, windows=windows
            )
        for source, outcome in workers.map_in_order(predict, sources, count):
            yield Failure.from_error(_path(source), outcome) if isinstance(outcome, GenrelensError) else outcome

    def judge(self, heard: WindowBatch) -> ModelOutput:
        """What the model says of windows; silence is no music, and all labels are as probable in it, or none is."""
        judged, silent = self.model.run(heard.planes), list(heard.silent)
        judged.probabilities[silent] = 0.0 if self.card.labelling == "several" else 1 / len(self.card.labels)
        if judged.ood_scores is not None:
            judged.ood_scores[silent] = np.inf
        return judged

    def verdict(self, judged: ModelOutput, silent: NDArray[np.bool_]) -> TrackScores:
        """What windows say together, of which these are silent (windows,)."""
        strange = judged.ood_scores
        music = None if strange is None else self._music(float(mean_over_windows(strange, silent)))
        return TrackScores(mean_over_windows(judged.probabilities, silent), music, silent=bool(silent.all()))

    def conclude(
        self,
        path: str,
        judged: ModelOutput,
        starts: Sequence[float],
        silences: Sequence[bool],
        duration: float,
        warnings: Sequence[str],
    ) -> Prediction:
        """What the windows of a whole track say together.

        Args:
            path: of the track.
            judged: what `judge` made of its windows.
            starts: of each window, in seconds.
            silences: whether each is silent.
            duration: of the track, in seconds.
            warnings: that were left with it.
        """
        silent = np.array(silences)
        heard = tuple(warnings)
        if silent.any():
            heard += (f"{silent.sum()} of {len(silent)} windows are digital silence and say nothing of a genre",)
        segments = self._segments(starts, judged, duration)
        return self.answer(path, self.verdict(judged, silent), segments, duration, heard)

    def answer(
        self,
        path: str,
        verdict: TrackScores,
        segments: tuple[Segment, ...] = (),
        duration: float = 0.0,
        warnings: tuple[str, ...] = (),
    ) -> Prediction:
        """A verdict in words: "unknown" of silence, of what is no music, and of what is told unsurely."""
        scores = label_scores(self.card, verdict.probabilities)
        genres = predicted_labels(self.card, verdict.probabilities)
        confidence = next(score.score for score in scores if score.label == genres[0])
        nothing = verdict.silent or is_not_music(verdict.music)
        if nothing or confidence < self.min_confidence:
            genres = (UNKNOWN,)
        return Prediction(
            path=path,
            genre=genres[0],
            genres=genres,
            confidence=confidence,
            scores=scores,
            segments=segments,
            music=verdict.music,
            duration=round(duration, 3),
            model=self.card.name,
            version=self.card.version,
            warnings=warnings,
        )

    def _predict(self, path: str, track: SampleReader, windows: WindowCount) -> Prediction:
        starts: list[float] = []
        silences: list[bool] = []
        batches: list[ModelOutput] = []
        for heard in window_batches(track, self.card.audio_input, windows):
            batches.append(self.judge(heard))
            starts += heard.starts
            silences += heard.silent
        return self.conclude(path, concatenate_outputs(batches), starts, silences, track.duration or 0.0, track.warnings)

    def _predict_picture(self, source: Source, picture: PictureInput) -> Prediction:
        looked_at = picture_to_model_input(read_picture(source), picture.width, picture.height, picture.border, _path(source))
        return self.answer(_path(source), TrackScores(self.model.probabilities(looked_at[None])[0]))

    def _music(self, strange: float) -> float | None:
        return music_probability(self.card.detector, strange) if self.card.detector else None

    def _segments(self, starts: Sequence[float], judged: ModelOutput, duration: float) -> tuple[Segment, ...]:
        strange = () if judged.ood_scores is None else judged.ood_scores
        return tuple(
            Segment(
                start=round(start, 3),
                end=round(min(start + self.card.audio_input.window, duration), 3),
                scores=label_scores(self.card, row),
                music=None if far is None else self._music(far),
            )
            for start, row, far in zip_longest(starts, judged.probabilities, strange)
        )


def window_batches(track: SampleReader, sound: AudioInput, windows: WindowCount) -> Iterator[WindowBatch]:
    """Cut a track into windows and turn them into what the net takes, a batch at a time."""
    cut = iter_windows(track, sound.window, sound.hop, windows)
    while batch := list(islice(cut, _BATCH)):
        level = extract_features(np.stack([window.samples for window in batch]), sound.features, sound.front_end)
        yield WindowBatch(
            planes=to_model_input(level, sound.features, sound.layout, sound.front_end),
            starts=tuple(window.start for window in batch),
            silent=tuple(is_silent(window.samples) for window in batch),
        )


def concatenate_outputs(judgements: Sequence[ModelOutput]) -> ModelOutput:
    """What one model says of windows that it was asked about one after another."""
    embeddings = [one.embeddings for one in judgements if one.embeddings is not None]
    strange = [one.ood_scores for one in judgements if one.ood_scores is not None]
    return ModelOutput(
        np.concatenate([one.probabilities for one in judgements]),
        np.concatenate(embeddings) if embeddings else None,
        np.concatenate(strange) if strange else None,
    )


def mean_over_windows(said: NDArray[Number], silent: NDArray[np.bool_]) -> NDArray[Number]:
    """The mean over the windows (windows, ...) in which there is something to hear, or over all."""
    return np.asarray(said[~silent if not silent.all() else slice(None)].mean(axis=0))


def predicted_labels(card: Card, probabilities: Probabilities) -> tuple[str, ...]:
    """What a model tells, given probabilities of its labels (labels,); see `Prediction.genres`."""
    if card.labelling == "several":
        return tuple(labels_above_thresholds(card.labels, probabilities, card.thresholds))
    if card.tree:
        return (card.tree.predicted_node(probabilities, card.certainty),)
    return (card.labels[int(probabilities.argmax())],)


def label_scores(card: Card, probabilities: Probabilities) -> tuple[Score, ...]:
    """The labels, or the nodes of their tree, from the most to the least probable."""
    if card.tree:
        return rank_scores(card.tree.nodes, card.tree.node_probabilities(probabilities))
    return rank_scores(card.labels, probabilities)


def _predict_in_worker(source: PathOrBytes, model: Path, min_confidence: float, windows: WindowCount) -> Prediction:
    return cached_classifier(model, min_confidence).predict(source, windows=windows)


@lru_cache(maxsize=1)
def cached_classifier(model: Path, min_confidence: float = 0.0) -> Classifier:
    """The classifier that a worker process keeps, on one thread."""
    return Classifier(model, threads=1, min_confidence=min_confidence)


def _path(source: Source) -> str:
    """What to call a source in a result: a path as it is, else what it is."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    return "<bytes>" if isinstance(source, bytes) else str(getattr(source, "name", None) or "<stream>")
