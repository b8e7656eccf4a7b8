"""A Ray cluster of two nodes on this machine, compared with the local engine: results, cost, and a lost node.

    python benchmarks/cluster.py [FOLDER] [--tracks 1000] [--out FILE.json]

Without a folder of audio, 4-minute mp3s are synthesised. Each node has one core. In a second run the second node is
killed (SIGKILL to its raylet) after a third of the tracks. The needs of a million tracks are computed from the figures.
"""

import argparse
import json
import os
import pickle
import platform
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

for name in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
):  # before numpy is imported: its own threads would distort the timings
    os.environ[name] = "1"
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}

import ray
from music import write_mp3
from ray.cluster_utils import Cluster

from genrelens import workers
from genrelens.audio.containers import audio_files
from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError
from genrelens.library.classify.results import DecodedFile, TrackResult, classify_tracks, decode_file
from genrelens.library.classify.run import classify_files
from genrelens.library.cluster.ray_engine import classify_on_cluster
from genrelens.library.cluster.result_folder import ResultFolder, from_table
from genrelens.model import zoo
from genrelens.model.session import Model
from genrelens.prediction import Prediction

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 4
SONGS = 6  # distinct songs; further tracks are hard links to them
WINDOWS = 3
NODES = 2
STORE = 200 << 20  # bytes of object store per node
MISSING = 20_000  # paths without a file, which measure the overhead of the cluster

Results = dict[str, TrackResult]


@dataclass
class Run:
    """A run on the cluster: its results, and the time of each (s after the start)."""

    results: Results = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    killed: float | None = None
    size: int = 0  # bytes of all results


def main() -> None:
    """Measure and compare all runs, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "cluster.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or make_songs(Path(scratch) / "songs", arguments.tracks)
        files = audio_files(folder)[: arguments.tracks]
        model = Model(zoo.find("lens"), threads=1)
        figures = stage_costs(files, model)
        here, figures["local, 2 processes (tracks/s)"] = local(files, model)
        with two_nodes() as cluster:
            whole = run(files, model, Path(scratch) / "whole")
            figures |= overhead(model)
            lost = run(files, model, Path(scratch) / "lost", cluster)
        figures |= run_figures(whole, lost)
    agreement = {"whole cluster": compare(here, whole.results), "a node lost": compare(here, lost.results)}
    show(here, lost.results)
    write(arguments.out, len(files), figures, agreement)


def make_songs(folder: Path, count: int) -> Path:
    """Write some songs, and hard links to them until there are `count` files."""
    folder.mkdir()
    songs = [write_mp3(folder / f"{i:05}.mp3", 60 * MINUTES, seed=i) for i in range(min(SONGS, count))]
    for i in range(len(songs), count):
        os.link(songs[i % len(songs)], folder / f"{i:05}.mp3")
    return folder


def stage_costs(files: list[Path], model: Model) -> dict[str, float]:
    """Measure the cost of one track in each stage, on one core."""
    sample = files[:40]
    classifier = Classifier(model)
    start = time.process_time()
    decoded = [track for track in (_decode(file, model) for file in sample) if track]
    decoding = time.process_time() - start
    start = time.process_time()
    for at in range(0, len(decoded), 4):
        classify_tracks(classifier, decoded[at : at + 4])
    classifying = time.process_time() - start
    return {
        "decoding and log-mels (CPU ms per track)": 1000 * decoding / len(sample),
        "the model (CPU ms per track)": 1000 * classifying / len(decoded),
        "through the object store (kB per track)": sum(len(pickle.dumps(track)) for track in decoded)
        / len(decoded)
        / 1000,
        "audio file (MB per track)": sum(file.stat().st_size for file in sample) / len(sample) / 1e6,
    }


def _decode(file: Path, model: Model) -> DecodedFile | None:
    try:
        return decode_file(file, model.card.audio_input, WINDOWS)
    except GenrelensError:
        return None


def local(files: list[Path], model: Model) -> tuple[Results, float]:
    """Classify the files with the local engine; return the results and the tracks per second."""
    batches = [files[at : at + 8] for at in range(0, len(files), 8)]
    results: Results = {}
    start = time.perf_counter()
    classify = partial(classify_files, model=model.path, windows=WINDOWS)
    for _, batch in workers.map_unordered(classify, batches, NODES):
        assert not isinstance(batch, GenrelensError)
        results |= {str(result.path): result for result in batch}
    return results, len(files) / (time.perf_counter() - start)


class two_nodes:  # noqa: N801 (used as a function)
    """A cluster of two nodes of one core each, with this program connected to the first."""

    def __enter__(self) -> Any:
        """Start the nodes."""
        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.cluster.add_node(num_cpus=1, object_store_memory=STORE)
        ray.init(address=self.cluster.address, log_to_driver=False, logging_level="error")
        return self.cluster

    def __exit__(self, *_: object) -> None:
        """Stop the nodes."""
        ray.shutdown()
        self.cluster.shutdown()


def run(files: list[Path], model: Model, target: Path, cluster: Any = None) -> Run:
    """Classify the files on the cluster, and kill its second node after a third of them."""
    cluster_run = Run()
    start = time.perf_counter()
    with ResultFolder(str(target)) as folder:
        for table in classify_on_cluster([str(file) for file in files], model, WINDOWS):
            folder.add(table)
            cluster_run.size += table.nbytes
            cluster_run.times += [time.perf_counter() - start] * len(table)
            cluster_run.results |= {str(result.path): result for result in from_table(table)}
            if cluster and cluster_run.killed is None and len(cluster_run.results) >= len(files) / 3:
                (second,) = cluster.worker_nodes
                os.kill(second.all_processes["raylet"][0].process.pid, signal.SIGKILL)
                cluster_run.killed = time.perf_counter() - start
    return cluster_run


def overhead(model: Model) -> dict[str, float]:
    """Measure the overhead of the cluster with paths that have no file."""
    start = time.perf_counter()
    rows = sum(len(table) for table in classify_on_cluster((f"/none/{i}.mp3" for i in range(MISSING)), model, WINDOWS))
    return {"cluster, paths without a file (tracks/s)": rows / (time.perf_counter() - start)}


def run_figures(whole: Run, lost: Run) -> dict[str, float]:
    """Return the rates and times of both runs."""
    assert lost.killed is not None
    times, count = whole.times, len(whole.times)
    quarter = count // 4  # some cores are idle at the start and the end
    return {
        "cluster, until the first results (s)": times[0],
        "cluster, the middle half (tracks/s)": (count - 2 * quarter) / (times[-quarter] - times[quarter]),
        "cluster, in total (tracks/s)": count / times[-1],
        "a node lost, time of the loss (s)": lost.killed,
        "a node lost, longest time without results after it (s)": max(_pauses(lost.times, lost.killed)),
        "a node lost, in total (s)": lost.times[-1],
        "results, before compression (kB per track)": whole.size / count / 1000,
    }


def _pauses(times: list[float], since: float) -> Iterator[float]:
    after = [since, *(at for at in times if at > since)]
    return (later - earlier for earlier, later in pairwise(after))


def compare(here: Results, there: Results) -> dict[str, float]:
    """Compare the results of two engines."""
    apart = 0.0
    genres = kinds = 0
    for path, mine in here.items():
        theirs = there[path]
        kinds += type(mine.result) is type(theirs.result)
        if isinstance(mine.result, Prediction) and isinstance(theirs.result, Prediction):
            genres += mine.result.genres == theirs.result.genres
            other = {score.label: score.score for score in theirs.result.scores}
            apart = max(apart, *(abs(score.score - other[score.label]) for score in mine.result.scores))
        else:
            genres += mine.result == theirs.result
    return {
        "tracks": len(there),
        "equal kinds of result": kinds,
        "equal genres or failures": genres,
        "largest difference of a score": apart,
    }


def show(here: Results, there: Results) -> None:
    """Print the results of both engines for some tracks."""
    for path in sorted(here)[:10]:
        print(f"{Path(path).name:<24}local: {_describe(here[path]):<28}cluster: {_describe(there[path])}")


def _describe(track: TrackResult) -> str:
    result = track.result
    return f"{result.genre} {result.confidence:.6f}" if isinstance(result, Prediction) else result.error.type


def write(out: Path, tracks: int, figures: dict[str, float], agreement: dict[str, dict[str, float]]) -> None:
    """Save and print the report."""
    report = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {name: version(name) for name in ("genrelens", "av", "numpy", "onnxruntime", "pyarrow", "ray")},
        "tracks": tracks,
        "figures": {key: round(value, 3) for key, value in figures.items()},
        "agreement with the local engine": agreement,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


if __name__ == "__main__":
    main()
