"""Throughput, latency and memory of the server.

    python benchmarks/load.py [--clients 4] [--requests 100] [--limit-mb 512] [-- --workers 2 ...]

Each client uploads an mp3 of 30 s, waits for the response, and uploads the next; options after `--` are passed to
`genrelens serve`. Measured for predictions, for predictions with explanations, and with parallel live sessions. Clients
run on the same cores as the server. Writes benchmarks/results/load.json, the source of the table in docs/http.md.
"""

import argparse
import asyncio
import contextlib
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import httpx
import numpy as np
from music import write_mp3
from server import Memory, Served, serve
from websockets.asyncio.client import connect

from genrelens import workers

RESULTS = Path(__file__).parent / "results" / "load.json"
SECONDS = 30  # length of each song
RATE = 48_000  # Hz, of live audio
CHUNK = 0.25  # s of live audio per message
TIMEOUT = 60.0  # s until the first live prediction


@dataclass(frozen=True)
class Case:
    """The query of each request, and the number of parallel live sessions."""

    name: str
    query: str
    live_sessions: int = 0


@dataclass(frozen=True)
class Load:
    """The measurements of a case; times in ms."""

    case: Case
    clients: int
    requests: int
    statuses: dict[int, int]
    p50: float
    p95: float
    per_second: float
    idle: Memory
    busy: Memory


CASES = (
    Case("genres", "windows=all"),
    Case("genres, explained", "windows=all&explain=cam"),
    Case("genres, alongside four live sessions", "windows=all", live_sessions=4),
)


def main() -> None:
    """Measure each case on its own server, and write the results."""
    own, options = split_options(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100, help="in each case")
    parser.add_argument(
        "--limit-mb", type=int, help="memory limit of the whole server in MB, by a control group (needs root)"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args(own)
    with tempfile.TemporaryDirectory() as folder:
        song = write_mp3(Path(folder) / "song.mp3", SECONDS).read_bytes()
    share = ("--max-share", str(arguments.clients), "--max-requests", str(arguments.clients))
    loads = []
    for case in CASES:
        with serve(*share, *options, limit_mb=arguments.limit_mb) as server:
            loads.append(asyncio.run(measure(server, song, arguments.clients, arguments.requests, case)))
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "options": options,
        "limit_mb": arguments.limit_mb,
        "loads": [asdict(load) for load in loads],
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


async def measure(server: Served, song: bytes, clients: int, requests: int, case: Case) -> Load:
    """Send `requests` requests from `clients` clients, after one that warms up the server."""
    left, times, statuses = iter(range(requests)), list[float](), Counter[int]()

    async def post(client: httpx.AsyncClient) -> None:
        began = time.perf_counter()
        response = await client.post(f"/v1/predictions?{case.query}", files={"file": ("song.mp3", song)})
        times.append(1000 * (time.perf_counter() - began))
        statuses[response.status_code] += 1

    async def run_client() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
            for _ in left:
                await post(client)

    idle = server.memory()
    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        await post(client)
    times.clear()
    statuses.clear()
    async with open_live_sessions(server, case.live_sessions):
        began = time.perf_counter()
        await asyncio.gather(*(run_client() for _ in range(clients)))
        seconds = time.perf_counter() - began
        busy = server.memory()
    cuts = quantiles(times, n=20)
    return Load(case, clients, requests, dict(statuses), cuts[9], cuts[18], requests / seconds, idle, busy)


@contextlib.asynccontextmanager
async def open_live_sessions(server: Served, count: int) -> AsyncIterator[None]:
    """Stream noise in real time over `count` live sessions while the block runs, once each has sent a prediction."""
    chunk = np.random.default_rng(0).normal(0, 0.1, round(CHUNK * RATE)).astype("<f4").tobytes()
    predicted = [asyncio.Event() for _ in range(count)]

    async def stream(first: asyncio.Event) -> None:
        async with connect(f"{server.url.replace('http', 'ws')}/v1/live") as client:
            await client.send(json.dumps({"rate": RATE}))

            async def send() -> None:
                while True:
                    await client.send(chunk)
                    await asyncio.sleep(CHUNK)

            async with asyncio.TaskGroup() as group:
                group.create_task(send())
                async for message in client:
                    if "genre" in json.loads(message):
                        first.set()

    tasks = [asyncio.create_task(stream(first)) for first in predicted]
    try:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(*(first.wait() for first in predicted))
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def split_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments before and after the first "--"."""
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]


if __name__ == "__main__":
    main()
