"""Explanation of predictions: how much each moment and frequency of a track contributes to a genre."""

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
RANGE_DB = 80.0  # dynamic range of a spectrogram

_OCCLUDED_BANDS = 8  # occluded patches from the lowest to the highest band
_OCCLUDED_SECONDS = 1.0  # s, approximate length of an occluded patch
_MIN_PATCHES, _MAX_PATCHES = 4, 24  # occluded patches along a window
_MOMENT_SECONDS = 3.0


@dataclass(frozen=True)
class Moment:
    """A part of a track, `start` to `end` in seconds, and its mean attribution in logits."""

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
    """Predict the genre of a track, and attribute genres to places in the track.

    The track is read twice: to predict its genre, and, once its duration is known, to explain it.

    Args:
        classifier: classifier with an audio model.
        source: see `Classifier.predict`.
        genres: genres to explain, in order; all labels by default. The attribution of a genre in a tree is the mean of
            its leaves, weighted by their probabilities.
        method: "cam" for class activation maps, which are fast and need a traceable model; "occlusion" for any model,
            about a hundred times slower. By default, "cam" if the model supports it.
        windows: see `Classifier.predict`.

    Raises:
        AudioError: the track cannot be used.
        WrongInputError: the model takes pictures.
        UntraceableError: the model does not support "cam".
        ValueError: a genre is unknown to the model.
    """
    card, spec = classifier.card, classifier.card.audio_input
    explained_genres = card.labels if genres is None else tuple(genres)
    membership = np.array([_label_mask(card, genre) for genre in explained_genres])
    method = method or ("cam" if classifier.model.traceable else "occlusion")
    with contextlib.ExitStack() as stack:
        file = source if isinstance(source, bytes) else open_source(source, stack)  # a pipe cannot be opened twice
        prediction = classifier.predict(file, windows=windows)
        reader = stack.enter_context(AudioReader(file, spec.front_end.rate))
        # A column per frame, or fewer and longer ones for a long track.
        columns = min(max(1, ceil(prediction.duration / spec.front_end.seconds_per_frame)), MAX_COLUMNS)
        edges = np.linspace(0, prediction.duration, columns + 1)
        log_mel, attribution = TimeAxis(edges, spec.front_end.n_mels), TimeAxis(edges, len(card.labels), 1)
        for window in iter_windows(reader, spec.window, spec.hop, windows):
            end = window.start + spec.window
            features = extract_features(window.samples, spec.features, spec.front_end)
            log_mel.add(features[: spec.front_end.n_mels], window.start, end)
            if not is_silent(window.samples):  # models find attributions even in silence
                inputs = to_model_input(features, spec.features, spec.layout, spec.front_end)
                by_label = window_attribution(classifier.model, inputs[None], method)[0]
                attribution.add(by_label, window.start, end)
    by_genre = np.tensordot(_label_weights(card, membership, prediction), attribution.mean(), axes=1)
    times, bands = _rounded(edges, 3), _band_edges(spec.front_end, by_genre.shape[1])
    evidence = (tuple(_rounded(row, 4) for row in rows) for rows in by_genre)
    explanations = tuple(
        Explanation(genre=genre, method=method, times=times, bands=bands, evidence=values)
        for genre, values in zip(explained_genres, evidence, strict=True)
    )
    spectrogram = _spectrogram(log_mel, spec.front_end)
    return TrackExplanation(prediction=prediction, spectrogram=spectrogram, explanations=explanations)


def window_attribution(model: Model, inputs: ModelInput, method: Method) -> Floats:
    """Return the attribution of each label to places in windows, in logits, shape (windows, labels, rows, columns).

    There is a single row if the model input (windows, channels, rows, frames) has other rows than mel bands.

    Raises:
        UntraceableError: the model does not support "cam".
    """
    spec = model.card.audio_input
    by_band = spec.features == ("mel",)
    if method == "cam":
        attribution = class_activation(*model.trace(inputs))
        return attribution if by_band else attribution.mean(axis=2, keepdims=True)
    patches = min(max(_MIN_PATCHES, round(spec.window / _OCCLUDED_SECONDS)), _MAX_PATCHES)
    return occlusion(model.logits, inputs, _OCCLUDED_BANDS if by_band else 1, patches)


def strongest_moments(explanation: Explanation, count: int) -> list[Moment]:
    """Return up to `count` disjoint moments of 3 s with the highest positive attribution, highest first."""
    edges = np.array(explanation.times)
    width = max(1, min(round(_MOMENT_SECONDS / (edges[1] - edges[0])), len(edges) - 1))
    means = np.convolve(explanation.over_time(), np.ones(width) / width, "valid")  # by the first column of the moment
    moments: list[Moment] = []
    while len(moments) < count and means.max() > 0:
        first = int(means.argmax())
        moments.append(Moment(float(edges[first]), float(edges[first + width]), float(means[first])))
        means[max(0, first - width + 1) : first + width] = -np.inf
    return moments


def spectrogram_pixels(spectrogram: Spectrogram) -> NDArray[np.uint8]:
    """Return the levels of a spectrogram, shape (rows, columns), lowest row first."""
    pixels = np.frombuffer(base64.b64decode(spectrogram.levels), np.uint8)
    return pixels.reshape(len(spectrogram.bands) - 1, len(spectrogram.times) - 1)


def explainable_genres(card: Card) -> tuple[str, ...]:
    """Return the genres that can be explained: the labels of the model, or the nodes of their tree."""
    return card.tree.nodes if card.tree else card.labels


def _label_mask(card: Card, genre: str) -> list[bool]:
    """Return which labels are the genre or its subgenres.

    Raises:
        ValueError: the genre is unknown.
    """
    genres = explainable_genres(card)
    if genre not in genres:
        raise ValueError(f"{card.name} does not know {genre!r}; use one of {', '.join(genres)}")
    return [genre in lineage(label) if card.tree else genre == label for label in card.labels]


def _label_weights(card: Card, membership: NDArray[np.bool_], prediction: Prediction) -> Floats:
    """Return the weight of each label in the attribution of each genre, shape (genres, labels)."""
    probabilities = {score.label: max(score.score, np.finfo(np.float32).tiny) for score in prediction.scores}
    weights = membership * np.array([probabilities[label] for label in card.labels])
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights if card.labelling == "several" else weights - 1 / len(card.labels))


def _spectrogram(log_mel: TimeAxis, front_end: FrontEnd) -> Spectrogram:
    decibels = log_mel.mean(fill_value=-np.inf)
    silence = float(power_to_db(np.zeros(1))[0])
    brightness = 1 + (decibels - max(decibels.max(), silence + RANGE_DB)) / RANGE_DB
    levels = np.round(255 * brightness.clip(0, 1)).astype(np.uint8)
    times, bands = _rounded(log_mel.edges, 3), _band_edges(front_end, len(levels))
    return Spectrogram(times=times, bands=bands, levels=base64.b64encode(levels.tobytes()).decode())


def _band_edges(front_end: FrontEnd, rows: int) -> tuple[float, ...]:
    """Return the edges in Hz of rows that divide the mel scale evenly."""
    low, high = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    return _rounded(mel_to_hz(np.linspace(low, high, rows + 1), front_end.mel_scale), 1)


def _rounded(values: Floats, digits: int) -> tuple[float, ...]:
    return tuple((np.asarray(values, np.float64).round(digits) + 0.0).tolist())  # adding 0.0 turns -0.0 into 0.0
