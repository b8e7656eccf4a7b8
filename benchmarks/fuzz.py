"""Broken files, one after another: does the server stay up, and does its memory stay as it is?

    python benchmarks/fuzz.py [--files 2000] [--seed 0] [-- --workers 2 ...]

Files of two seconds in all the formats that can be written here are cut, spliced and overwritten, and sent. What
stands after `--` goes to `genrelens serve`. Files that cost a worker its life are kept in --keep. Writes
benchmarks/results/fuzz.json, and fails if the server has grown by more than a tenth from halfway on.
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
from load import divided
from server import Memory, Served, served

from genrelens import workers

RESULTS = Path(__file__).parent / "results" / "fuzz.json"
GROWTH = 1.1  # from halfway on, that is no leak
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
_HEADER = 200  # bytes at the beginning, in which most of what misleads a decoder stands
_WORST = (b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00", b"\x01\x00\x00\x00")


@dataclass(frozen=True)
class Fuzzed:
    """What came of it."""

    files: int
    statuses: dict[int, int]
    workers_lost: int
    before: Memory
    halfway: Memory
    after: Memory


def main() -> None:
    """Send them all, and write what came of it."""
    own, options = divided(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for files that killed a worker")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--limit-mb", type=int, help="memory of the whole server, by a control group (needs root)")
    arguments = parser.parse_args(own)
    with tempfile.TemporaryDirectory() as folder:
        seeds = songs(Path(folder))
    with served(*options, limit_mb=arguments.limit_mb) as server:
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


def fuzz(server: Served, seeds: list[bytes], files: int, rng: np.random.Generator, keep: Path | None = None) -> Fuzzed:
    """Send broken files; the server must be ready after them."""
    statuses = Counter[int]()
    with httpx.Client(base_url=server.url, timeout=300) as client:
        for seed in seeds:  # whole, so that all decoders are loaded
            client.post("/v1/predictions", files={"file": ("whole", seed)})
        before = halfway = server.memory()
        for number in range(files):
            content = broken(seeds, rng)
            answer = client.post("/v1/predictions", files={"file": ("broken", content)})
            statuses[answer.status_code] += 1
            if keep and "WorkerError" in answer.text:
                (keep / f"{number}.bin").write_bytes(content)
            if number == files // 2:
                halfway = server.memory()
        client.get("/healthz").raise_for_status()
        client.post("/v1/predictions", files={"file": ("whole", seeds[0])}).raise_for_status()
        lost = next(line for line in client.get("/metrics").text.splitlines() if line.startswith(_LOST))
    return Fuzzed(files, dict(statuses), int(float(lost.split()[1])), before, halfway, server.memory())


def songs(folder: Path) -> list[bytes]:
    """Two seconds of a tone in noise, in each format that this build of FFmpeg can write."""
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


def broken(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """One of the files, with one to four things done to it."""
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


def _take_out(content: bytearray, _: list[bytes], rng: np.random.Generator) -> bytearray:
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
_CHANGES: tuple[_Change, ...] = (_flip, _flip_header, _overstate, _cut, _take_out, _splice)


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
