"""Whether similar tracks are alike, and how many of the nearest an index finds, beside comparing with all.

    python benchmarks/similar.py [--gtzan FOLDER] [--out FILE.json]

FOLDER holds tracks.csv (track, genre, artist_group, fault_filtered, audio) and the recordings that it names.
"""

import argparse
import csv
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier, window_batches
from genrelens.library.playlists.ordering import path_length, separate_artists, smooth_order
from genrelens.library.similarity.embeddings import EmbeddingMatrix, FloatArray, normalise
from genrelens.library.similarity.neighbours import ApproximateIndex, ExactIndex, NeighbourIndex, create_hnsw_index

ROOT = Path(__file__).resolve().parents[1]
TRACKS, CHANNELS, CLUSTERS, ASKED, NEAREST = 300_000, 256, 3_000, 200, 10
Figures = dict[str, float]


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gtzan", type=Path, help="measure on these recordings, too")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "similar.json")
    arguments = parser.parse_args()
    figures = recall(clustered(), f"{TRACKS:,} synthetic")
    if arguments.gtzan:
        heard = Heard(arguments.gtzan)
        figures |= alike(heard) | recall(heard.windows, "GTZAN's windows") | smoother(heard.rows)
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "figures": {key: round(value, 4) for key, value in figures.items()},
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    for key, value in figures.items():
        print(f"{key:<72}{value:>10.3f}")


def clustered() -> FloatArray:
    """Generate vectors in clusters of about a hundred, like tracks of a style, in a low-dimensional subspace."""
    rng = np.random.default_rng(0)
    plane = rng.standard_normal((32, CHANNELS), np.float32)
    centres = rng.standard_normal((CLUSTERS, 32), np.float32)
    rows = np.empty((TRACKS, CHANNELS), np.float32)
    for start in range(0, TRACKS, 10_000):
        own = centres[rng.integers(0, CLUSTERS, 10_000)] + 0.5 * rng.standard_normal((10_000, 32), np.float32)
        rows[start : start + 10_000] = own @ plane + 0.3 * rng.standard_normal((10_000, CHANNELS), np.float32)
    return rows


def recall(rows: FloatArray, name: str) -> Figures:
    """How many of the ten nearest the index finds, and what both ways take."""
    scaled, tracks = normalise(rows), np.arange(len(rows))
    index = create_hnsw_index(rows.shape[1])
    start = time.perf_counter()
    index.add(tracks, scaled)
    building = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index"
        index.save(file)
        size = file.stat().st_size
    asked = np.random.default_rng(1).choice(len(rows), ASKED, replace=False)
    exact, exact_ms = nearest_of(ExactIndex(EmbeddingMatrix(tracks, scaled)), scaled[asked])
    found, found_ms = nearest_of(ApproximateIndex(index), scaled[asked])
    shared = [len(set(one) & set(other)) / NEAREST for one, other in zip(exact, found, strict=True)]
    return {
        f"{name}, vectors": len(rows),
        f"{name}, recall@10 of the index": float(np.mean(shared)),
        f"{name}, exact (ms per query)": exact_ms,
        f"{name}, index (ms per query)": found_ms,
        f"{name}, building the index (s)": building,
        f"{name}, index (MB)": size / 1e6,
    }


def nearest_of(knower: NeighbourIndex, asked: FloatArray) -> tuple[list[list[int]], float]:
    """The ten nearest of each, itself among them, and the time for one."""
    found, times = [], []
    for vector in asked:
        start = time.perf_counter()
        found.append([int(track) for track in next(knower.neighbours(vector))[0][:NEAREST]])
        times.append(time.perf_counter() - start)
    return found, 1000 * median(times)


class Heard:
    """GTZAN's recordings as `lens` hears three windows of each: rows (tracks, channels), and what they are."""

    def __init__(self, folder: Path) -> None:
        with (folder / "tracks.csv").open(encoding="utf-8") as file:
            entries = [entry for entry in csv.DictReader(file) if entry["audio"]]
        classifier = Classifier(threads=1)
        windows = [embeddings(classifier, folder / entry["audio"]) for entry in entries]
        self.windows = np.concatenate(windows)
        self.rows = np.stack([own.mean(axis=0) for own in windows])
        self.genres = np.array([entry["genre"] for entry in entries])
        self.artists = np.array([entry["artist_group"] for entry in entries])
        self.valid = np.array([entry["fault_filtered"] == "valid" for entry in entries])


def embeddings(classifier: Classifier, file: Path) -> FloatArray:
    """Of three windows: (3, channels)."""
    with AudioReader(file, classifier.card.audio_input.front_end.rate) as track:
        judged = [
            classifier.run_model(heard).embeddings for heard in window_batches(track, classifier.card.audio_input, 3)
        ]
    return np.concatenate([own for own in judged if own is not None])


def alike(heard: Heard) -> Figures:
    """How often neighbours share the genre, by other artists than one's own; and whether an artist is found again."""
    figures: Figures = {}
    ways = {"raw": heard.rows, "centred": heard.rows - heard.rows.mean(axis=0)}
    ways |= {"standardised": (heard.rows - heard.rows.mean(axis=0)) / heard.rows.std(axis=0).clip(1e-6)}
    ways |= {"whitened": whitened(heard.rows)}
    for name, rows in ways.items():
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        products = unit @ unit.T
        np.fill_diagonal(products, -2)
        figures |= {f"GTZAN, {name}: {what}": value for what, value in shares(products, heard).items()}
    return figures


def shares(products: NDArray[np.floating], heard: Heard) -> Figures:
    """Of ten neighbours, those of one's genre; of five, whether one is of one's artist."""
    known = heard.artists != ""
    own_artist = np.asarray(heard.artists[:, None] == heard.artists) & known
    others = np.argsort(np.where(own_artist, -2, products), axis=1)[:, : -NEAREST - 1 : -1]
    same = np.asarray(heard.genres[others] == heard.genres[:, None]).mean(axis=1)
    five = np.argsort(products, axis=1)[:, :-6:-1]
    again = np.asarray(np.take_along_axis(own_artist, five, 1).any(axis=1))
    several = known & (own_artist.sum(axis=1) > 1)
    return {
        "genre of 10 neighbours by others": float(same.mean()),
        "the same, mean of genres": float(
            np.mean([same[np.flatnonzero(heard.genres == genre)].mean() for genre in set(heard.genres)])
        ),
        "the same, tracks of valid": float(same[heard.valid].mean()),
        "own artist among 5 neighbours": float(again[several].mean()),
    }


def whitened(rows: FloatArray) -> NDArray[np.floating]:
    """Correlations undone, as far as the small sample allows."""
    centred = rows - rows.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(centred.T))
    return np.asarray(centred @ axes / np.sqrt(variances + 0.1 * variances.mean()))


def smoother(rows: FloatArray) -> Figures:
    """How far neighbours on playlists of 15 tracks are from each other."""
    scaled, rng = normalise(rows), np.random.default_rng(2)
    drawn, ordered = [], []
    for _ in range(100):
        own = scaled[rng.choice(len(scaled), 15, replace=False)]
        distances = 1 - own @ own.T
        drawn.append(path_length(separate_artists(range(15), [None] * 15), distances) / 14)
        ordered.append(path_length(smooth_order(distances, [None] * 15), distances) / 14)
    return {
        "playlists of 15: distance of neighbours, as drawn": float(np.mean(drawn)),
        "playlists of 15: distance of neighbours, smooth": float(np.mean(ordered)),
    }


if __name__ == "__main__":
    main()
