"""Quality of similarity, and recall and speed of the approximate index compared with exact search.

    python benchmarks/similar.py [--gtzan FOLDER] [--out FILE.json]

FOLDER contains tracks.csv (track, genre, artist_group, fault_filtered, audio) and the recordings it lists.
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
from genrelens.classifier import Classifier
from genrelens.library.playlists.ordering import smooth_order
from genrelens.library.similarity.embeddings import EmbeddingMatrix, FloatArray, normalise
from genrelens.library.similarity.neighbours import ApproximateIndex, ExactIndex, NeighbourIndex, create_hnsw_index
from genrelens.model.windows import window_batches

ROOT = Path(__file__).resolve().parents[1]
TRACKS, CHANNELS, CLUSTERS, QUERIES, NEAREST = 300_000, 256, 3_000, 200, 10
Figures = dict[str, float]


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gtzan", type=Path, help="also measure on these recordings")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "similar.json")
    arguments = parser.parse_args()
    figures = recall(synthetic_embeddings(), f"{TRACKS:,} synthetic")
    if arguments.gtzan:
        recordings = Recordings(arguments.gtzan)
        figures |= (
            neighbour_quality(recordings)
            | recall(recordings.windows, "GTZAN's windows")
            | playlist_smoothness(recordings.rows)
        )
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "figures": {key: round(value, 4) for key, value in figures.items()},
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    for key, value in figures.items():
        print(f"{key:<72}{value:>10.3f}")


def synthetic_embeddings() -> FloatArray:
    """Generate vectors in clusters of about a hundred, like tracks of a style, in a low-dimensional subspace."""
    rng = np.random.default_rng(0)
    plane = rng.standard_normal((32, CHANNELS), np.float32)
    centres = rng.standard_normal((CLUSTERS, 32), np.float32)
    rows = np.empty((TRACKS, CHANNELS), np.float32)
    for start in range(0, TRACKS, 10_000):
        latent = centres[rng.integers(0, CLUSTERS, 10_000)] + 0.5 * rng.standard_normal((10_000, 32), np.float32)
        rows[start : start + 10_000] = latent @ plane + 0.3 * rng.standard_normal((10_000, CHANNELS), np.float32)
    return rows


def recall(rows: FloatArray, name: str) -> Figures:
    """Measure the recall@10 of the index, and the cost of both searches."""
    scaled, tracks = normalise(rows), np.arange(len(rows))
    index = create_hnsw_index(rows.shape[1])
    start = time.perf_counter()
    index.add(tracks, scaled)
    building = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index"
        index.save(file)
        size = file.stat().st_size
    queries = np.random.default_rng(1).choice(len(rows), QUERIES, replace=False)
    exact, exact_ms = search(ExactIndex(EmbeddingMatrix(tracks, scaled)), scaled[queries])
    found, found_ms = search(ApproximateIndex(index), scaled[queries])
    shared = [len(set(exact_ids) & set(found_ids)) / NEAREST for exact_ids, found_ids in zip(exact, found, strict=True)]
    return {
        f"{name}, vectors": len(rows),
        f"{name}, recall@10 of the index": float(np.mean(shared)),
        f"{name}, exact (ms per query)": exact_ms,
        f"{name}, index (ms per query)": found_ms,
        f"{name}, building the index (s)": building,
        f"{name}, index (MB)": size / 1e6,
    }


def search(index: NeighbourIndex, queries: FloatArray) -> tuple[list[list[int]], float]:
    """Return the ten nearest neighbours of each query, itself included, and the median time of a query in ms."""
    found, times = [], []
    for vector in queries:
        start = time.perf_counter()
        found.append([int(track) for track in next(index.neighbours(vector))[0][:NEAREST]])
        times.append(time.perf_counter() - start)
    return found, 1000 * median(times)


class Recordings:
    """Embeddings of GTZAN's recordings by `lens`, three windows each, with their genres and artists."""

    def __init__(self, folder: Path) -> None:
        with (folder / "tracks.csv").open(encoding="utf-8") as file:
            entries = [entry for entry in csv.DictReader(file) if entry["audio"]]
        classifier = Classifier(threads=1)
        windows = [embeddings(classifier, folder / entry["audio"]) for entry in entries]
        self.windows = np.concatenate(windows)
        self.rows = np.stack([track.mean(axis=0) for track in windows])
        self.genres = np.array([entry["genre"] for entry in entries])
        self.artists = np.array([entry["artist_group"] for entry in entries])
        self.valid = np.array([entry["fault_filtered"] == "valid" for entry in entries])


def embeddings(classifier: Classifier, file: Path) -> FloatArray:
    """Return the embeddings of three windows of a file, shape (3, channels)."""
    with AudioReader(file, classifier.card.audio_input.front_end.rate) as track:
        outputs = [
            classifier.run_model(batch).embeddings for batch in window_batches(track, classifier.card.audio_input, 3)
        ]
    return np.concatenate([output for output in outputs if output is not None])


def neighbour_quality(recordings: Recordings) -> Figures:
    """Measure how often neighbours by other artists share the genre, and whether the artist is found again."""
    figures: Figures = {}
    variants = {"raw": recordings.rows, "centred": recordings.rows - recordings.rows.mean(axis=0)}
    variants |= {
        "standardised": (recordings.rows - recordings.rows.mean(axis=0)) / recordings.rows.std(axis=0).clip(1e-6)
    }
    variants |= {"whitened": whiten(recordings.rows)}
    for name, rows in variants.items():
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        products = unit @ unit.T
        np.fill_diagonal(products, -2)
        shares = neighbour_shares(products, recordings)
        figures |= {f"GTZAN, {name}: {metric}": value for metric, value in shares.items()}
    return figures


def neighbour_shares(products: NDArray[np.floating], recordings: Recordings) -> Figures:
    """Return the fraction of ten neighbours with the same genre, and of tracks with their artist among five."""
    known = recordings.artists != ""
    same_artist = np.asarray(recordings.artists[:, None] == recordings.artists) & known
    others = np.argsort(np.where(same_artist, -2, products), axis=1)[:, : -NEAREST - 1 : -1]
    same = np.asarray(recordings.genres[others] == recordings.genres[:, None]).mean(axis=1)
    top5 = np.argsort(products, axis=1)[:, :-6:-1]
    artist_hit = np.asarray(np.take_along_axis(same_artist, top5, 1).any(axis=1))
    has_other_track = known & (same_artist.sum(axis=1) > 1)
    return {
        "genre of 10 neighbours by others": float(same.mean()),
        "the same, mean of genres": float(
            np.mean([same[np.flatnonzero(recordings.genres == genre)].mean() for genre in set(recordings.genres)])
        ),
        "the same, tracks of valid": float(same[recordings.valid].mean()),
        "own artist among 5 neighbours": float(artist_hit[has_other_track].mean()),
    }


def whiten(rows: FloatArray) -> NDArray[np.floating]:
    """Whiten embeddings, regularised for the small sample."""
    centred = rows - rows.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(centred.T))
    return np.asarray(centred @ axes / np.sqrt(variances + 0.1 * variances.mean()))


def playlist_smoothness(rows: FloatArray) -> Figures:
    """Measure the distance of consecutive tracks on playlists of 15 tracks."""
    scaled, rng = normalise(rows), np.random.default_rng(2)
    drawn, ordered = list[float](), list[float]()
    for _ in range(100):
        chosen = scaled[rng.choice(len(scaled), 15, replace=False)]
        distances = 1 - chosen @ chosen.T
        for lengths, order in ((drawn, list(range(15))), (ordered, smooth_order(distances, [None] * 15))):
            lengths.append(float(distances[order[:-1], order[1:]].mean()))
    return {
        "playlists of 15: distance of neighbours, as drawn": float(np.mean(drawn)),
        "playlists of 15: distance of neighbours, smooth": float(np.mean(ordered)),
    }


if __name__ == "__main__":
    main()
