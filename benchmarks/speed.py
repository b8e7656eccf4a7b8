"""Speed, memory and size of GenreLens and of the reference pipeline, measured in one run.

    python benchmarks/speed.py [--out FILE.json] [--skip-install]

Every figure is a median; the machine, date and versions go into the JSON.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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

from genrelens.audio.decoder import AudioReader, to_mono
from genrelens.audio.windows import sliding_windows
from genrelens.classifier import Classifier
from genrelens.features.spectral import extract_features, to_model_input

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 4
Figures = dict[str, float]


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "speed.json")
    parser.add_argument("--skip-install", action="store_true", help="do not measure the size of an installation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        song = write_mp3(Path(folder) / "song.mp3", 60 * MINUTES)
        figures = cold_start(song) | warm(song) | stages(song) | spread(song, Path(folder)) | memory(song, Path(folder))
    if not arguments.skip_install:
        figures |= install_size()
    report = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {name: version(name) for name in ("genrelens", "av", "numpy", "onnxruntime", "soxr", "torch")},
        "figures": {key: round(value, 3) for key, value in figures.items()},
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['machine']}, {report['date']}\n")
    for key, value in figures.items():
        print(f"{key:<62}{value:>10.2f}")


def cold_start(song: Path) -> Figures:
    """Measure from the start of the process to the prediction, and to the help."""
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}

    def run(*command: str) -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start

    genrelens = str(Path(sys.executable).with_name("genrelens"))
    reference = str(ROOT / "benchmarks" / "reference.py")
    ours = _median(lambda: run(genrelens, "predict", str(song)))
    ours_all = _median(lambda: run(genrelens, "predict", "--windows", "all", str(song)))
    theirs = _median(lambda: run(sys.executable, reference, str(song)), runs=3)
    return {
        "cold predict, 4-minute mp3 (s)": ours,
        "cold predict, all windows (s)": ours_all,
        "cold reference pipeline, all windows (s)": theirs,
        "cold predict is faster by": theirs / ours,
        "cold predict of all windows is faster by": theirs / ours_all,
        "genrelens --help (s)": _median(lambda: run(genrelens, "--help")),
    }


def warm(song: Path) -> Figures:
    """Measure all windows of the song on one thread, by GenreLens and by the reference."""
    import torch
    from reference import predict, vgg

    torch.set_num_threads(1)
    network = vgg()
    classifier = Classifier(threads=1)
    ours = _median(lambda: _time(lambda: classifier.predict(song, windows="all")))
    theirs = _median(lambda: _time(lambda: predict(network, str(song))), runs=3)
    return {
        "warm, all windows, one thread (s)": ours,
        "warm, times faster than real time": 60 * MINUTES / ours,
        "warm reference, one thread (s)": theirs,
        "warm reference, times faster than real time": 60 * MINUTES / theirs,
        "warm is faster by": theirs / ours,
    }


def stages(song: Path) -> Figures:
    """Measure each stage of `warm` separately (ms)."""
    classifier = Classifier(threads=1)
    sound = classifier.card.audio_input
    rate = sound.front_end.rate
    size, hop = round(sound.window * rate), round(sound.hop * rate)

    def decode() -> list[np.ndarray]:
        with AudioReader(song, rate) as track:
            return [to_mono(frame) for frame in track._frames(0.0)]

    stored = np.concatenate(decode())

    def resample() -> list[np.ndarray]:
        stream = soxr.ResampleStream(RATE, rate, 1, dtype="float32")
        return [stream.resample_chunk(stored[start : start + 65_536]) for start in range(0, len(stored), 65_536)]

    windows = [samples for _, samples in sliding_windows(resample(), size, hop)]
    batches = [np.stack(windows[start : start + 16]) for start in range(0, len(windows), 16)]

    def mel() -> list[np.ndarray]:
        log_mels = (extract_features(batch, sound.features, sound.front_end) for batch in batches)
        return [to_model_input(log_mel, sound.features, sound.layout, sound.front_end) for log_mel in log_mels]

    mels = [np.asarray(batch, np.float32) for batch in mel()]
    steps: dict[str, Callable[[], object]] = {
        "decode": decode,
        "resample": resample,
        "log-mel": mel,
        "model": lambda: [classifier.model.probabilities(batch) for batch in mels],
    }
    return {f"warm, {name} (ms)": 1000 * _median(lambda step=step: _time(step)) for name, step in steps.items()}  # type: ignore[misc]


def spread(song: Path, folder: Path) -> Figures:
    """Measure three windows per song, as one would for a large library."""
    code = (
        "import os, sys, time; os.sched_setaffinity(0, {0})\n"
        "from genrelens import Classifier\n"
        "classifier = Classifier(threads=1); classifier.predict(sys.argv[1]); times = []\n"
        "for _ in range(40):\n"
        "    start = time.perf_counter(); classifier.predict(sys.argv[1]); times.append(time.perf_counter() - start)\n"
        "print(sorted(times)[20])"
    )
    output = subprocess.run([sys.executable, "-c", code, song], check=True, capture_output=True, text=True)
    library = folder / "library"
    library.mkdir()
    content = song.read_bytes()
    songs = [library / f"{number}.mp3" for number in range(200)]
    for copy in songs:
        copy.write_bytes(content)
    inherited = os.environ.pop("OPENBLAS_NUM_THREADS")  # let the workers choose, as they do for users
    results = Classifier(threads=1).predict_many(songs, processes=2)
    next(results)  # the processes have started
    seconds = _time(lambda: list(results))
    os.environ["OPENBLAS_NUM_THREADS"] = inherited
    return {
        "three spread windows of a track, one core (ms)": 1000 * float(output.stdout),
        "tracks per second, two processes": (len(songs) - 1) / seconds,
    }


def memory(song: Path, folder: Path) -> Figures:
    """Measure the peak resident memory of the command on a short and a long file (MB)."""
    hour = write_mp3(folder / "hour.mp3", 3600, seed=1)
    return {
        f"peak memory, {name}, {windows} windows (MB)": _peak(file, windows)
        for name, file in (("4 minutes", song), ("60 minutes", hour))
        for windows in ("3", "all")
    }


def install_size() -> Figures:
    """Install into a fresh environment; return the megabytes beyond an empty one, and whether torch is in it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        before = _size(environment)
        subprocess.run([environment / "bin" / "pip", "install", "-q", ROOT], check=True, stderr=subprocess.DEVNULL)
        site = next((environment / "lib").glob("python*/site-packages"))
        return {
            "base installation (MB)": (_size(environment) - before) / 1e6,
            "torch in the base installation": float((site / "torch").exists()),
        }


def _peak(file: Path, windows: str) -> float:
    command = [str(Path(sys.executable).with_name("genrelens")), "predict", "--windows", windows, str(file)]
    # A child inherits the peak of its parent, so a small process starts it.
    code = (
        "import os, subprocess, sys; child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "_, status, usage = os.wait4(child.pid, 0)\n"
        "assert status == 0; print(usage.ru_maxrss)"
    )
    output = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    return int(output.stdout) / 1024


def _median(measure: Callable[[], float], runs: int = 7) -> float:
    measure()
    return median(measure() for _ in range(runs))


def _time(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
