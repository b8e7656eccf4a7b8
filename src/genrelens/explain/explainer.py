"""Why a model tells a genre: how much each moment and pitch of a track speaks for it."""

import base64
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from genrelens.audio.containers import Source, open_source
from genrelens.audio.decoder import AudioReader
from genrelens.audio.windows import WindowCount, is_silent, iter_windows
from genrelens.classifier import Classifier
from genrelens.explain.attribution import Floats, TimeAxis, class_activation, occlusion
from genrelens.explain.explanation import Explanation, Method, Spectrogram, TrackExplanation
from genrelens.features.frontend import FrontEnd, hz_to_mel, mel_to_hz, power_to_db
from genrelens.features.spectral import extract_features, to_model_input
from genrelens.model.card import Card
from genrelens.model.labels import lineage
from genrelens.model.session import Model, ModelInput
from genrelens.prediction import Prediction

MAX_COLUMNS = 600  # of the time axis
RANGE_DB = 80.0  # from the maximum of a spectrogram down to its lowest level

_BANDS = 8  # that are occluded one by one
_SECONDS = 1.0  # that are occluded at a time, or so
_LEAST_STRETCHES, _MOST_STRETCHES = 4, 24  # of a window
_MOMENT = 3.0  # s that a moment lasts


@dataclass(frozen=True)
class Moment:
    """A stretch of a track, in seconds, and its mean evidence."""

    start: float
    end: float
    evidence: float


def explain(
    classifier: Classifier,
    source: Source,
    *,
    genres: Sequence[str] | None = None,
    method: Method | None = None,
    windows: WindowCount = "all",
) -> TrackExplanation:
    """Tell the genre of a track, and what in the track speaks for which genre.

    The track is read twice: to be judged, and, its length being known, to be explained.

    Args:
        classifier: whose answer is explained; its model must hear.
        source: as for `Classifier.predict`.
        genres: to explain, in that order; all labels if none are given. A genre of a tree speaks as its leaves do,
            each by how probable it is.
        method: "cam" for class activation, which is quick and needs a model that can be traced; "occlusion" for any
            model, about a hundred times as slow. The first that the model is good for, if none is given.
        windows: as for `Classifier.predict`.

    Raises:
        AudioError: the track cannot be used.
        WrongInputError: the model looks at pictures.
        UntraceableError: it does not give what "cam" needs.
        ValueError: the model knows no such genre.
    """
    card, sound = classifier.card, classifier.card.audio_input
    wanted = card.labels if genres is None else tuple(genres)
    belonging = np.array([_leaves(card, genre) for genre in wanted])
    method = method or ("cam" if classifier.model.traceable else "occlusion")
    with contextlib.ExitStack() as stack:
        kept = source if isinstance(source, bytes) else open_source(source, stack)  # a pipe cannot be opened twice
        prediction = classifier.predict(kept, windows=windows)
        track = stack.enter_context(AudioReader(kept, sound.front_end.rate))
        edges = _edges(prediction.duration, sound.front_end)
        level, evidence = TimeAxis(edges, sound.front_end.n_mels), TimeAxis(edges, len(card.labels), 1)
        for window in iter_windows(track, sound.window, sound.hop, windows):
            end = window.start + sound.window
            analysed = extract_features(window.samples, sound.features, sound.front_end)
            level.add(analysed[: sound.front_end.n_mels], window.start, end)
            if not is_silent(window.samples):  # in silence the net would find something all the same
                heard = to_model_input(analysed, sound.features, sound.layout, sound.front_end)
                evidence.add(window_attribution(classifier.model, heard[None], method)[0], window.start, end)
    mixed = np.tensordot(_shares(card, belonging, prediction), evidence.mean(), axes=1)
    return TrackExplanation(
        prediction=prediction,
        spectrogram=_spectrogram(level, sound.front_end),
        explanations=tuple(
            _explanation(genre, method, own, edges, sound.front_end) for genre, own in zip(wanted, mixed, strict=True)
        ),
    )


def window_attribution(model: Model, heard: ModelInput, method: Method) -> Floats:
    """How much each place of windows speaks for each label, (windows, labels, rows, columns), in logits.

    There is one row where the rows of the model's input are more than mel bands.

    Args:
        model: to ask.
        heard: windows as it takes them, (windows, planes, rows, frames).
        method: how.

    Raises:
        UntraceableError: it does not give what "cam" needs.
    """
    sound = model.card.audio_input
    by_band = sound.features == ("mel",)
    if method == "cam":
        evidence = class_activation(*model.trace(heard))
        return evidence if by_band else evidence.mean(axis=2, keepdims=True)
    stretches = min(max(_LEAST_STRETCHES, round(sound.window / _SECONDS)), _MOST_STRETCHES)
    return occlusion(model.logits, heard, _BANDS if by_band else 1, stretches)


def strongest_moments(explanation: Explanation, count: int) -> list[Moment]:
    """The stretches of 3 s that speak most for the genre: none overlap, and there are fewer if less speaks for it."""
    edges = np.array(explanation.times)
    width = max(1, min(round(_MOMENT / (edges[1] - edges[0])), len(edges) - 1))
    means = np.convolve(explanation.over_time(), np.ones(width) / width, "valid")  # by the column that they begin with
    moments: list[Moment] = []
    while len(moments) < count and means.max() > 0:
        first = int(means.argmax())
        moments.append(Moment(float(edges[first]), float(edges[first + width]), float(means[first])))
        means[max(0, first - width + 1) : first + width] = -np.inf
    return moments


def spectrogram_pixels(spectrogram: Spectrogram) -> NDArray[np.uint8]:
    """The levels of a spectrogram, (rows, columns), the lowest row first."""
    flat = np.frombuffer(base64.b64decode(spectrogram.levels), np.uint8)
    return flat.reshape(len(spectrogram.bands) - 1, len(spectrogram.times) - 1)


def explainable_genres(card: Card) -> tuple[str, ...]:
    """All that a model can be asked about: its labels, or the nodes of their tree."""
    return card.tree.nodes if card.tree else card.labels


def _leaves(card: Card, genre: str) -> list[bool]:
    """Which labels are the genre, or parts of it.

    Raises:
        ValueError: none is.
    """
    known = explainable_genres(card)
    if genre not in known:
        raise ValueError(f"{card.name} does not know {genre!r}; it tells {', '.join(known)}")
    return [genre in lineage(label) if card.tree else genre == label for label in card.labels]


def _shares(card: Card, belonging: NDArray[np.bool_], prediction: Prediction) -> Floats:
    """How much of each label's evidence makes that of each genre, (genres, labels)."""
    probable = {score.label: max(score.score, np.finfo(np.float32).tiny) for score in prediction.scores}
    shares = belonging * np.array([probable[label] for label in card.labels])
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares if card.labelling == "several" else shares - 1 / len(card.labels))


def _edges(duration: float, front_end: FrontEnd) -> Floats:
    """Of columns that are as short as a frame, or longer if there would be too many."""
    columns = min(max(1, ceil(duration / front_end.seconds_per_frame)), MAX_COLUMNS)
    return np.linspace(0, duration, columns + 1)


def _spectrogram(level: TimeAxis, front_end: FrontEnd) -> Spectrogram:
    decibels = level.mean(nothing=-np.inf)
    silence = float(power_to_db(np.zeros(1))[0])
    raised = 1 + (decibels - max(decibels.max(), silence + RANGE_DB)) / RANGE_DB
    levels = np.round(255 * raised.clip(0, 1)).astype(np.uint8)
    return Spectrogram(
        times=_rounded(level.edges, 3),
        bands=_bands(front_end, len(levels)),
        levels=base64.b64encode(levels.tobytes()).decode(),
    )


def _explanation(genre: str, method: Method, evidence: Floats, edges: Floats, front_end: FrontEnd) -> Explanation:
    return Explanation(
        genre=genre,
        method=method,
        times=_rounded(edges, 3),
        bands=_bands(front_end, len(evidence)),
        evidence=tuple(_rounded(row, 4) for row in evidence),
    )


def _bands(front_end: FrontEnd, rows: int) -> tuple[float, ...]:
    """Where in Hz rows begin and end that share the mel scale evenly."""
    low, high = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    return _rounded(mel_to_hz(np.linspace(low, high, rows + 1), front_end.mel_scale), 1)


def _rounded(values: Floats, digits: int) -> tuple[float, ...]:
    return tuple((np.asarray(values, np.float64).round(digits) + 0.0).tolist())  # a sum knows no -0.0
