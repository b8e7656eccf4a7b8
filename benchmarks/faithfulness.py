"""Faithfulness of explanations: deletion and insertion curves over real tracks.

    python benchmarks/faithfulness.py --data gtzan:FOLDER [--model MODEL] [--tracks 60]

Places of a window are blurred, or restored in a blurred window, in the order of their evidence for the predicted
genre, while its probability is recorded (Petsiuk, Das & Saenko, RISE, BMVC 2018). They delete to grey; but holes of one
colour are events of their own, and the finer they are scattered, the sooner they change any prediction. Each method is
compared with maps of the same resolution that are independent of the model: random ones, and the edges of the
spectrogram, which make many a map look plausible (Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018).

Measured on *valid*, where choices are made. Writes benchmarks/results/faithfulness.json, the source of the table in
docs/explanations.md.
"""

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, sobel
from scipy.stats import spearmanr

from genrelens import workers
from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier
from genrelens.defaults import DEFAULT_MODEL
from genrelens.explain.explainer import window_attribution
from genrelens.explain.explanation import Method
from genrelens.model.session import Model, ModelInput
from genrelens.model.windows import window_batches
from genrelens.train.data.manifest import LabelledTrack, read_manifest
from genrelens.train.data.splits import assign_splits

RESULTS = Path(__file__).parent / "results" / "faithfulness.json"
METHODS: tuple[Method, ...] = ("cam", "occlusion")
WINDOWS = 3  # per track
BLUR_SHARE, BLUR_SECONDS = 1 / 16, 1.0  # standard deviations of the Gaussian blur: fraction of the rows, and time
STEPS = 20  # points of a curve, from none to all cells
DRAWS = 5  # random maps per window
CHOSEN_ON = 10  # tracks used to choose occlusion's grey and the blur; excluded from the measurement
RESAMPLES = 2000  # bootstrap resamples over tracks
SEED = 1

Floats = NDArray[np.floating[Any]]
Areas = dict[str, tuple[float, float]]  # areas under the deletion and insertion curves, by map


@dataclass(frozen=True)
class TrackResult:
    """The areas of a track by map, and the rank correlation (Spearman) of the method's map with the edges."""

    areas: Areas
    edges: float


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="recordings, as gtzan:FOLDER")
    parser.add_argument("--split", default="fault-filtered", help="the split whose valid part is used")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--tracks", type=int, default=60, help="tracks of valid, drawn evenly from its genres")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    classifier = Classifier(arguments.model)
    items = sample_tracks(
        assign_splits(read_manifest(arguments.data), arguments.split, SEED).in_split("valid"), arguments.tracks
    )
    methods = [method for method in METHODS if classifier.model.traceable or method != "cam"]
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "data": f"{read_manifest(arguments.data).name}, {arguments.split}, valid",
        "model": f"{classifier.card.name} {classifier.card.version}",
        "tracks": len(items),
        "windows": WINDOWS,
        "methods": {method: summary([measure_track(classifier, item, method) for item in items]) for method in methods},
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def sample_tracks(items: Sequence[LabelledTrack], count: int) -> list[LabelledTrack]:
    """Sample tracks that no choice was made on, evenly over the genres as long as they last."""
    order = np.random.default_rng(SEED).permutation(len(items))
    turns: dict[str, int] = {}
    ranked: list[tuple[int, str, LabelledTrack]] = []
    for item in (items[place] for place in order):
        turns[item.label] = turns.get(item.label, -1) + 1
        ranked.append((turns[item.label], item.label, item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])[CHOSEN_ON:][:count]]


def measure_track(classifier: Classifier, item: LabelledTrack, method: Method) -> TrackResult:
    """Return the means over the windows of a track, for its predicted genre."""
    rng = np.random.default_rng([SEED, *item.name.encode()])
    model = classifier.model
    genre = model.card.labels.index(classifier.predict(item.path, windows=WINDOWS).scores[0].label)
    areas: dict[str, list[tuple[float, float]]] = {}
    correlations: list[float] = []
    for window in windows(item, model):
        evidence = window_attribution(model, window[None], method)[0]
        attribution = (evidence - evidence.mean(axis=0))[genre]
        edges = edge_map(window, attribution.shape)
        correlations.append(float(spearmanr(attribution.ravel(), edges.ravel()).statistic))
        maps = [
            (method, attribution),
            ("edges", edges),
            *(("random", rng.random(attribution.shape)) for _ in range(DRAWS)),
        ]
        for name, ranking in maps:
            areas.setdefault(name, []).append(curves(model, window, ranking, genre))
    means = {name: np.mean(pairs, axis=0) for name, pairs in areas.items()}
    return TrackResult(
        {name: (float(mean[0]), float(mean[1])) for name, mean in means.items()}, float(np.mean(correlations))
    )


def windows(item: LabelledTrack, model: Model) -> Iterator[ModelInput]:
    """Yield each window of a track that is not silent, shape (channels, rows, frames)."""
    sound = model.card.audio_input
    with AudioReader(item.path, sound.front_end.rate) as track:
        for batch in window_batches(track, sound, WINDOWS):
            yield from batch.inputs[~np.array(batch.silent)]


def edge_map(window: ModelInput, shape: tuple[int, ...]) -> Floats:
    """Return the mean gradient magnitude of the spectrogram in each cell of a grid (rows, columns)."""
    gradient = np.hypot(sobel(window[0], axis=0), sobel(window[0], axis=1))
    row, column = cells(window.shape[1], shape[0]), cells(window.shape[2], shape[1])
    total = np.zeros(shape)
    np.add.at(total, (row[:, None], column), gradient)
    return total / np.outer(np.bincount(row, minlength=shape[0]), np.bincount(column, minlength=shape[1]))


def curves(model: Model, window: ModelInput, ranking: Floats, genre: int) -> tuple[float, float]:
    """Return the areas under the deletion and insertion curves of a genre's probability.

    Args:
        model: model to evaluate.
        window: model input of one window, shape (channels, rows, frames).
        ranking: importance of each cell, shape (rows, columns); the highest cells are blurred or restored first.
        genre: index of the label.
    """
    rank = np.empty(ranking.size, np.int64)
    rank[np.argsort(-ranking.ravel(), kind="stable")] = np.arange(ranking.size)
    grid = rank.reshape(ranking.shape)[cells(window.shape[1], ranking.shape[0])]
    grid = grid[:, cells(window.shape[2], ranking.shape[1])]
    counts = np.linspace(0, ranking.size, STEPS + 1)[:, None, None, None]
    blur = blur_window(window, model.card.audio_input.window)
    highest = grid < counts  # the cells changed at each step
    deleted = model.probabilities(np.where(highest, blur, window))[:, genre]
    inserted = model.probabilities(np.where(highest, window, blur))[:, genre]
    return float(np.trapezoid(deleted) / STEPS), float(np.trapezoid(inserted) / STEPS)


def blur_window(window: ModelInput, seconds: float) -> ModelInput:
    """Blur a window (channels, rows, frames) of this length in seconds."""
    _, rows, frames = window.shape
    return np.asarray(gaussian_filter(window, (0, BLUR_SHARE * rows, BLUR_SECONDS * frames / seconds)), np.float32)


def cells(size: int, parts: int) -> NDArray[np.int64]:
    """Return the index of the part, of `parts` equal ones, that each of `size` positions is in."""
    return np.arange(size) * parts // size


def summary(tracks: Sequence[TrackResult]) -> dict[str, Any]:
    """Return mean areas, and the improvement over model-independent maps with 95 % intervals over tracks."""
    names = list(tracks[0].areas)
    table = np.array([[track.areas[name] for name in names] for track in tracks])  # (tracks, maps, 2)
    means = table.mean(axis=0)
    return {
        "areas": {
            name: {"deletion": round(float(deletion), 4), "insertion": round(float(insertion), 4)}
            for name, (deletion, insertion) in zip(names, means, strict=True)
        },
        "better": {
            other: {
                "deletion": interval(table[:, place, 0] - table[:, 0, 0]),
                "insertion": interval(table[:, 0, 1] - table[:, place, 1]),
            }
            for place, other in enumerate(names)
            if place
        },
        "edges": round(float(np.mean([track.edges for track in tracks])), 3),
    }


def interval(differences: Floats) -> dict[str, float]:
    """Return the mean, and percentiles over bootstrap resamples of the tracks (Efron, 1979)."""
    rng = np.random.default_rng(SEED)
    means = differences[rng.integers(0, len(differences), (RESAMPLES, len(differences)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"value": round(float(differences.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


if __name__ == "__main__":
    main()
