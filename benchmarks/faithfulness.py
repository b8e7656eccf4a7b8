"""Do explanations point at what the model goes by? Deletion and insertion curves over real tracks.

    python benchmarks/faithfulness.py --data gtzan:FOLDER [--model MODEL] [--tracks 60]

Places of a window are blurred, or brought back into a blurred one, in the order of their evidence for what the track
is told to be, and the probability of that is watched (Petsiuk, Das & Saenko, RISE, BMVC 2018). They delete to grey;
but holes of one colour are sounds of their own, and the finer they are strewn, the sooner they change any answer. Each
method is set against maps of its own grain that know nothing of the model: random ones, and the edges in the
spectrogram, by which many a map looks right (Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018).

On *valid*, where choices are made. Writes benchmarks/results/faithfulness.json, from which docs/explanations.md has
its table.
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
from genrelens.classifier import Classifier, window_batches
from genrelens.defaults import DEFAULT_MODEL
from genrelens.explain.explainer import window_attribution
from genrelens.explain.explanation import Method
from genrelens.model.session import Model, ModelInput
from genrelens.train.data.manifest import LabelledTrack, read_manifest
from genrelens.train.data.splits import assign_splits

RESULTS = Path(__file__).parent / "results" / "faithfulness.json"
METHODS: tuple[Method, ...] = ("cam", "occlusion")
WINDOWS = 3  # of each track
BLUR_SHARE, BLUR_SECONDS = 1 / 16, 1.0  # of the rows, and in time: the deviations of the bell that blurs
STEPS = 20  # of a curve, from nothing to all
DRAWS = 5  # of random maps
CHOSEN_ON = 10  # tracks, the first drawn: occlusion's grey and the blur were chosen on them, so they are not measured
RESAMPLES = 2000  # of the bootstrap over tracks
SEED = 1

Floats = NDArray[np.floating[Any]]
Areas = dict[str, tuple[float, float]]  # under the curves of deletion and insertion, by the map


@dataclass(frozen=True)
class Measured:
    """The areas of a track, by its map; and how far a method's map goes along with the edges (Spearman)."""

    areas: Areas
    edges: float


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="recordings, as gtzan:FOLDER")
    parser.add_argument("--split", default="fault-filtered", help="whose valid side is measured on")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--tracks", type=int, default=60, help="of valid, drawn evenly from its genres")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    classifier = Classifier(arguments.model)
    items = drawn(assign_splits(read_manifest(arguments.data), arguments.split, SEED).in_split("valid"), arguments.tracks)
    methods = [method for method in METHODS if classifier.model.traceable or method != "cam"]
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "data": f"{read_manifest(arguments.data).name}, {arguments.split}, valid",
        "model": f"{classifier.card.name} {classifier.card.version}",
        "tracks": len(items),
        "windows": WINDOWS,
        "methods": {method: summary([measured(classifier, item, method) for item in items]) for method in methods},
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def drawn(items: Sequence[LabelledTrack], count: int) -> list[LabelledTrack]:
    """So many tracks that nothing was chosen on, the genres taking turns as long as they last."""
    order = np.random.default_rng(SEED).permutation(len(items))
    turns: dict[str, int] = {}
    ranked: list[tuple[int, str, LabelledTrack]] = []
    for item in (items[place] for place in order):
        turns[item.label] = turns.get(item.label, -1) + 1
        ranked.append((turns[item.label], item.label, item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])[CHOSEN_ON:][:count]]


def measured(classifier: Classifier, item: LabelledTrack, method: Method) -> Measured:
    """The mean over the windows of a track, for what the track is told to be."""
    rng = np.random.default_rng([SEED, *item.name.encode()])
    model = classifier.model
    genre = model.card.labels.index(classifier.predict(item.path, windows=WINDOWS).scores[0].label)
    areas: dict[str, list[tuple[float, float]]] = {}
    alike: list[float] = []
    for window in windows(item, model):
        evidence = window_attribution(model, window[None], method)[0]
        own = (evidence - evidence.mean(axis=0))[genre]
        edges = edge_map(window, own.shape)
        alike.append(float(spearmanr(own.ravel(), edges.ravel()).statistic))
        maps = [(method, own), ("edges", edges), *(("random", rng.random(own.shape)) for _ in range(DRAWS))]
        for name, ranking in maps:
            areas.setdefault(name, []).append(curves(model, window, ranking, genre))
    means = {name: np.mean(pairs, axis=0) for name, pairs in areas.items()}
    return Measured({name: (float(mean[0]), float(mean[1])) for name, mean in means.items()}, float(np.mean(alike)))


def windows(item: LabelledTrack, model: Model) -> Iterator[ModelInput]:
    """Each window of a track that is heard, as the net takes it: (planes, rows, frames)."""
    sound = model.card.audio_input
    with AudioReader(item.path, sound.front_end.rate) as track:
        for heard in window_batches(track, sound, WINDOWS):
            yield from heard.inputs[~np.array(heard.silent)]


def edge_map(window: ModelInput, shape: tuple[int, ...]) -> Floats:
    """How steep the spectrogram is in each cell of a grid (rows, columns), on the mean."""
    steep = np.hypot(sobel(window[0], axis=0), sobel(window[0], axis=1))
    row, column = cells(window.shape[1], shape[0]), cells(window.shape[2], shape[1])
    total = np.zeros(shape)
    np.add.at(total, (row[:, None], column), steep)
    return total / np.outer(np.bincount(row, minlength=shape[0]), np.bincount(column, minlength=shape[1]))


def curves(model: Model, window: ModelInput, ranking: Floats, genre: int) -> tuple[float, float]:
    """The areas under the probability of a genre, as the highest cells are blurred first, and as they come back first.

    Args:
        model: to ask.
        window: (planes, rows, frames).
        ranking: of cells, (rows, columns).
        genre: the label whose probability is watched.
    """
    rank = np.empty(ranking.size, np.int64)
    rank[np.argsort(-ranking.ravel(), kind="stable")] = np.arange(ranking.size)
    grid = rank.reshape(ranking.shape)[cells(window.shape[1], ranking.shape[0])]
    grid = grid[:, cells(window.shape[2], ranking.shape[1])]
    counts = np.linspace(0, ranking.size, STEPS + 1)[:, None, None, None]
    blur = blurred(window, model.card.audio_input.window)
    highest = grid < counts  # the first so many cells
    deleted = model.probabilities(np.where(highest, blur, window))[:, genre]
    inserted = model.probabilities(np.where(highest, window, blur))[:, genre]
    return float(np.trapezoid(deleted) / STEPS), float(np.trapezoid(inserted) / STEPS)


def blurred(window: ModelInput, seconds: float) -> ModelInput:
    """A window (planes, rows, frames) that lasts so long, without its detail."""
    _, rows, frames = window.shape
    return np.asarray(gaussian_filter(window, (0, BLUR_SHARE * rows, BLUR_SECONDS * frames / seconds)), np.float32)


def cells(size: int, parts: int) -> NDArray[np.int64]:
    """Which of so many equal parts each of `size` places is in."""
    return np.arange(size) * parts // size


def summary(tracks: Sequence[Measured]) -> dict[str, Any]:
    """Mean areas, and by how much a method is better than maps that know nothing, with 95 % intervals over tracks."""
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
    """The mean, and percentiles over bootstrap resamples of the tracks (Efron, 1979)."""
    rng = np.random.default_rng(SEED)
    means = differences[rng.integers(0, len(differences), (RESAMPLES, len(differences)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"value": round(float(differences.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


if __name__ == "__main__":
    main()
