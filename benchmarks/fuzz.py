"""Fuzzing of the server with broken files: availability and memory growth.

    python benchmarks/fuzz.py [--files 2000] [--seed 0] [-- --workers 2 ...]

Files of two seconds, in all formats that FFmpeg can write here, are cut, spliced, overwritten and uploaded. Options
after `--` are passed to `genrelens serve`. Files that crash a worker are saved to --keep. Writes
benchmarks/results/fuzz.json, and fails if the server's memory grows by more than a tenth in the second half.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import httpx
import numpy as np
from load import split_options
from server import Memory, Served, serve

from genrelens import workers

RESULTS = Path(__file__).parent / "results" / "fuzz.json"
GROWTH = 1.1  # tolerated growth of memory in the second half
RATE = 48_000

_FORMATS = {
    "a.mp3": "libmp3lame",
    "a.flac": "flac",
    "a.ogg": "libvorbis",
    "a.opus": "libopus",
    "a.wav": "pcm_s16le",
    "a.m4a": "aac",
    "a.aac": "aac",
    "a.webm": "libopus",
    "a.mka": "flac",
    "a.aiff": "pcm_s16be",
    "a.wma": "wmav2",
    "a.au": "pcm_s16be",
    "a.ac3": "ac3",
    "a.wv": "wavpack",
    "a.tta": "tta",
    "a.caf": "alac",
    "a.avi": "mp2",
}
_LOST = "genrelens_workers_lost_total "
_HEADER = 200  # bytes at the start, where most misleading values are
_WORST = (b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00", b"\x01\x00\x00\x00")


@dataclass(frozen=True)
class FuzzResult:
    """The result of a fuzzing run."""

    files: int
    statuses: dict[int, int]
    workers_lost: int
    before: Memory
    halfway: Memory
    after: Memory


def main() -> None:
    """Upload all files, and write the results."""
    own_arguments, options = split_options(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for files that killed a worker")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--limit-mb", type=int, help="memory of the whole server, by a control group (needs root)")
    arguments = parser.parse_args(own_arguments)
    with tempfile.TemporaryDirectory() as folder:
        seeds = make_seeds(Path(folder))
    with serve(*options, limit_mb=arguments.limit_mb) as server:
        fuzzed = fuzz(server, seeds, arguments.files, np.random.default_rng(arguments.seed), arguments.keep)
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "seed": arguments.seed,
        "limit_mb": arguments.limit_mb,
        **asdict(fuzzed),
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    if fuzzed.after.now > GROWTH * fuzzed.halfway.now:
        sys.exit(f"the server has grown from {fuzzed.halfway.now:.0f} to {fuzzed.after.now:.0f} MB; it forgets nothing")


def fuzz(
    server: Served, seeds: list[bytes], files: int, rng: np.random.Generator, keep: Path | None = None
) -> FuzzResult:
    """Upload broken files; the server must be ready afterwards."""
    statuses = Counter[int]()
    with httpx.Client(base_url=server.url, timeout=300) as client:
        for seed in seeds:  # intact files, so that all decoders are loaded
            client.post("/v1/predictions", files={"file": ("whole", seed)})
        before = halfway = server.memory()
        for number in range(files):
            content = corrupt(seeds, rng)
            response = client.post("/v1/predictions", files={"file": ("broken", content)})
            statuses[response.status_code] += 1
            if keep and "WorkerError" in response.text:
                (keep / f"{number}.bin").write_bytes(content)
            if number == files // 2:
                halfway = server.memory()
        client.get("/healthz").raise_for_status()
        client.post("/v1/predictions", files={"file": ("whole", seeds[0])}).raise_for_status()
        lost = next(line for line in client.get("/metrics").text.splitlines() if line.startswith(_LOST))
    return FuzzResult(files, dict(statuses), int(float(lost.split()[1])), before, halfway, server.memory())


def make_seeds(folder: Path) -> list[bytes]:
    """Return two seconds of a tone in noise in each format that this build of FFmpeg can write."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    samples = (0.3 * np.sin(2 * np.pi * 330 * time) + 0.05 * rng.standard_normal((2, len(time)))).astype(np.float32)
    written = []
    for name, codec in _FORMATS.items():
        try:
            _write(folder / name, codec, samples)
        except (av.FFmpegError, ValueError):
            continue
        written.append((folder / name).read_bytes())
    return written


def corrupt(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """Return one of the files after one to four random modifications."""
    content = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 5)):
        change = _CHANGES[rng.integers(len(_CHANGES))]
        content = change(content, seeds, rng)
    return bytes(content)


def _flip(content: bytearray, _: list[bytes], rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, max(1, len(content)), rng.integers(1, 64)):
        content[place : place + 1] = bytes([rng.integers(256)])
    return content


def _flip_header(content: bytearray, _: list[bytes], rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, _HEADER, rng.integers(1, 8)):
        content[place : place + 1] = bytes([rng.integers(256)])
    return content


def _overstate(content: bytearray, _: list[bytes], rng: np.random.Generator) -> bytearray:
    place = int(rng.integers(0, _HEADER))
    content[place : place + 4] = _WORST[rng.integers(len(_WORST))]
    return content


def _cut(content: bytearray, _: list[bytes], rng: np.random.Generator) -> bytearray:
    return content[: rng.integers(0, len(content) + 1)]


def _delete(content: bytearray, _: list[bytes], rng: np.random.Generator) -> bytearray:
    start, length = rng.integers(0, len(content) + 1), rng.integers(1, 5000)
    del content[start : start + length]
    return content


def _splice(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> bytearray:
    other = seeds[rng.integers(len(seeds))]
    start = int(rng.integers(0, len(other)))
    place = int(rng.integers(0, len(content) + 1))
    content[place:place] = other[start : start + int(rng.integers(1, 20_000))]
    return content


_Change = Callable[[bytearray, list[bytes], np.random.Generator], bytearray]
_CHANGES: tuple[_Change, ...] = (_flip, _flip_header, _overstate, _cut, _delete, _splice)


def _write(file: Path, codec: str, samples: np.ndarray) -> None:
    with av.open(str(file), "w") as output:
        stream = output.add_stream(codec, rate=RATE, layout="stereo", options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        if codec in ("wmav2", "ac3"):
            stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format, stream.layout, RATE, stream.codec_context.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))


if __name__ == "__main__":
    main()
