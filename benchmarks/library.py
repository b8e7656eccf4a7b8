"""Speed of scanning and classifying a library, per stage, and of other tools for comparison.

    python benchmarks/library.py [--out FILE.json] [--files 50000] [--tracks 200] [--essentia PYTHON]

The tracks are synthetic mp3s of 4 minutes; three windows of each are analysed. `--essentia` is a Python interpreter
with essentia, whose music extractor is measured for comparison. The machine, its load, date and versions go into the
JSON.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

for name in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
):  # before numpy is imported: its own threads would distort the timings
    os.environ[name] = "1"

import numpy as np
import soxr
from music import RATE, write_mp3

from genrelens.audio.decoder import AudioReader, Samples, to_mono
from genrelens.audio.windows import spread_starts, windows_at
from genrelens.classifier import Classifier
from genrelens.features.spectral import extract_features, to_model_input
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.classify.results import TrackResult, classify_tracks, decode_file
from genrelens.library.classify.run import classify_files, run, save_results
from genrelens.library.scan.scan import scan_folder
from genrelens.model import zoo
from genrelens.model.session import Model, ModelInput

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 4
SONGS = 8  # distinct songs; the others are copies
WINDOWS = 3
REFERENCE_TRACKS = 8
Figures = dict[str, float]

# Run in a separate process to measure its memory.
_SCAN = """
import resource, sys, time
from pathlib import Path
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.scan.scan import scan_folder
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Catalog(Path(sys.argv[1])) as catalog:
    start = time.perf_counter()
    found = scan_folder(catalog, Path(sys.argv[2]))
    seconds = time.perf_counter() - start
print(found.new, seconds, before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_ESSENTIA = """
import sys, time
import essentia.standard as es
extract = es.MusicExtractor(lowlog_mels_Stats=["mean"], rhythmStats=["mean"], tonalStats=["mean"])
start = time.perf_counter()
for song in sys.argv[1:]:
    extract(song)
print((time.perf_counter() - start) / len(sys.argv[1:]))
"""


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "library.json")
    parser.add_argument("--files", type=int, default=50_000, help="files to scan")
    parser.add_argument("--tracks", type=int, default=200, help="tracks to classify")
    parser.add_argument("--essentia", help="a Python interpreter with essentia")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        songs = [write_mp3(folder / f"{seed}.mp3", 60 * MINUTES, seed) for seed in range(SONGS)]
        figures = measure_scan(folder, arguments.files) | measure_run(folder, songs, arguments.tracks)
        figures |= measure_stages(songs[0], folder) | measure_others(songs[:REFERENCE_TRACKS], arguments.essentia)
    report = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "load before": round(load, 2),
        "versions": {name: version(name) for name in ("genrelens", "av", "librosa", "numpy", "onnxruntime", "torch")},
        "figures": {key: round(value, 3) for key, value in figures.items()},
    }
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    for key, value in figures.items():
        print(f"{key:<62}{value:>10.2f}")


def measure_scan(folder: Path, count: int) -> Figures:
    """Measure a first scan of empty files, 20 per folder, and scans without changes."""
    music = folder / "many"
    for number in range(count):
        file = music / f"artist {number // 200}" / f"album {number // 20}" / f"{number % 20:02} a song with a name.mp3"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    command = [sys.executable, "-c", _SCAN, str(folder / "many.db"), str(music)]

    def scan() -> list[float]:
        return [float(field) for field in subprocess.check_output(command, text=True).split()]

    first, *rescans = [scan() for _ in range(4)]
    assert [figures[0] for figures in (first, *rescans)] == [count, 0, 0, 0]
    shutil.rmtree(music)
    return {
        f"scan of {count:,} new files (files/s)": count / first[1],
        f"scan of {count:,} unchanged files (files/s)": count / median(figures[1] for figures in rescans),
        "memory before a scan (MB)": rescans[0][2],
        "peak memory of a scan (MB)": max(figures[3] for figures in rescans),
    }


def measure_run(folder: Path, songs: list[Path], count: int) -> Figures:
    """Measure a whole run including the catalog, once the processes have started."""
    music = folder / "music"
    music.mkdir()
    for number in range(count):
        shutil.copy(songs[number % len(songs)], music / f"{number:05}.mp3")
    model = Model(zoo.find("lens"), threads=1)
    figures = {}
    for processes in (1, 2):
        with Catalog(folder / f"{processes}.db") as catalog:
            scan_folder(catalog, music)
            batches = run(catalog, model, windows=WINDOWS, processes=processes)
            first_batch = len(next(batches))
            start = time.perf_counter()
            classified = sum(len(batch) for batch in batches)
            figures[f"tracks per second, {processes} process{'es' * (processes > 1)}"] = classified / (
                time.perf_counter() - start
            )
            assert first_batch + classified == count
    shutil.rmtree(music)
    return figures


def measure_stages(song: Path, folder: Path) -> Figures:
    """Measure each stage of one track separately, on one core (ms)."""
    classifier = Classifier(threads=1)
    sound = classifier.card.audio_input
    rate, length = sound.front_end.rate, sound.window

    def open_file() -> None:
        with AudioReader(song, rate):
            pass

    def decode() -> list[Samples]:
        """Return the samples of the windows at their stored rate, roughly as `decode_file` reads them."""
        with AudioReader(song, rate) as track:
            starts = spread_starts(round((track.duration or 0) * RATE), round(length * RATE), WINDOWS)
            return [np.concatenate(list(_until(track, start / RATE, round(length * RATE)))) for start in starts]

    def log_mel(windows: Samples) -> ModelInput:
        log_mels_ = extract_features(windows, sound.features, sound.front_end)
        return to_model_input(log_mels_, sound.features, sound.layout, sound.front_end)

    stored = decode()
    windows = np.stack([soxr.resample(part, RATE, rate)[: round(length * rate)] for part in stored])
    decoded = decode_file(song, sound, WINDOWS)
    results = classify_tracks(classifier, [decoded] * 8)

    def store() -> None:
        with Catalog(folder / "stages.db") as catalog:
            save_results(catalog, results, WINDOWS)

    music = folder / "one"
    music.mkdir()
    shutil.copy(song, music / "one.mp3")
    with Catalog(folder / "stages.db") as catalog:
        scan_folder(catalog, music)
    results = [TrackResult(music / "one.mp3", track.stamp, track.result, track.embedding) for track in results]
    opening = _median(open_file)
    figures = {
        "opening and counting the packets of a bare mp3": opening,
        "decoding three windows": _median(decode) - opening,
        "resampling": _median(lambda: [soxr.resample(part, RATE, rate) for part in stored]),
        "log-mel": _median(lambda: log_mel(windows)),
        "model": _median(lambda: classifier.model.run(np.concatenate([decoded.track.windows.inputs] * 4))) / 4,
        "catalog, in batches of 8": _median(store) / 8,
        "total": _median(lambda: classify_files([song], classifier.model.path, WINDOWS)),
    }
    return {f"per track: {name} (ms)": 1000 * seconds for name, seconds in figures.items()}


def _until(track: AudioReader, start: float, size: int) -> Iterator[Samples]:
    """Yield stored samples from `start` seconds on, until `size` are read."""
    read = 0
    for frame in track._frames(start):
        samples = to_mono(frame)
        yield samples
        read += len(samples)
        if read >= size:
            return


def measure_others(songs: list[Path], essentia: str | None) -> Figures:
    """Measure a plain loop of librosa and torch over whole tracks and three windows, and essentia's extractor."""
    import librosa
    import torch
    from reference import predict, vgg

    torch.set_num_threads(1)
    network = vgg()

    def three_windows(song: Path) -> None:
        """Load the whole song and cut three windows, as a simple script does."""
        samples, rate = librosa.load(song, sr=22_050, mono=True)
        log_mels_s = [
            librosa.power_to_db(librosa.feature.melspectrogram(y=part, sr=rate, n_mels=128), ref=np.max)
            for _, part in windows_at(
                iter([samples]), spread_starts(len(samples), 10 * int(rate), WINDOWS), 10 * int(rate)
            )
        ]
        with torch.no_grad():
            network(torch.from_numpy(np.stack(log_mels_s)).float()[:, None]).softmax(dim=1).mean(dim=0)

    three_windows(songs[0])
    figures = {
        "librosa and torch, three windows (tracks/s)": 1 / _each(three_windows, songs),
        "librosa and torch, all windows (tracks/s)": 1 / _each(lambda song: predict(network, str(song)), songs[:3]),
    }
    if essentia:
        output = subprocess.check_output([essentia, "-c", _ESSENTIA, *map(str, songs[:3])], text=True)
        figures["essentia's music extractor (tracks/s)"] = 1 / float(output.split()[-1])
    return figures


def _each(action: Callable[[Path], object], songs: list[Path]) -> float:
    return median(_time(lambda song=song: action(song)) for song in songs)  # type: ignore[misc]


def _median(action: Callable[[], object], runs: int = 15) -> float:
    action()
    return median(_time(action) for _ in range(runs))


def _time(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
