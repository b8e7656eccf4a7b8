"""How many requests the server answers, how fast, and in how much memory.

    python benchmarks/load.py [--clients 4] [--requests 100] [--limit-mb 512] [-- --workers 2 ...]

Each client sends an mp3 of 30 s, waits for the answer, and sends the next; what stands after `--` goes to
`genrelens serve`. It is measured for genres alone, for genres explained, and while others are listened to. Clients run
on the same cores as the server. Writes benchmarks/results/load.json, from which docs/http.md has its table.
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
from server import Memory, Served, served
from websockets.asyncio.client import connect

from genrelens import workers

RESULTS = Path(__file__).parent / "results" / "load.json"
SECONDS = 30  # of each song
RATE = 48_000  # Hz, of what is listened to
PIECE = 0.25  # s of it in a message
PATIENCE = 60.0  # s until it is answered


@dataclass(frozen=True)
class Case:
    """What is asked of each file, and how many are listened to meanwhile."""

    name: str
    query: str
    live_sessions: int = 0


@dataclass(frozen=True)
class Load:
    """What was measured; times in ms."""

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
    """Measure each case on a server of its own, and write what came of it."""
    own, options = divided(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100, help="in each case")
    parser.add_argument("--limit-mb", type=int, help="memory of the whole server, by a control group (needs root)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args(own)
    with tempfile.TemporaryDirectory() as folder:
        song = write_mp3(Path(folder) / "song.mp3", SECONDS).read_bytes()
    share = ("--max-share", str(arguments.clients), "--max-requests", str(arguments.clients))
    loads = []
    for case in CASES:
        with served(*share, *options, limit_mb=arguments.limit_mb) as server:
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
    """Let clients ask until there were so many requests, after one that warms the server up."""
    left, times, statuses = iter(range(requests)), list[float](), Counter[int]()

    async def ask(client: httpx.AsyncClient) -> None:
        began = time.perf_counter()
        answer = await client.post(f"/v1/predictions?{case.query}", files={"file": ("song.mp3", song)})
        times.append(1000 * (time.perf_counter() - began))
        statuses[answer.status_code] += 1

    async def visit() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
            for _ in left:
                await ask(client)

    idle = server.memory()
    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        await ask(client)
    times.clear()
    statuses.clear()
    async with listened_to(server, case.live_sessions):
        began = time.perf_counter()
        await asyncio.gather(*(visit() for _ in range(clients)))
        seconds = time.perf_counter() - began
        busy = server.memory()
    cuts = quantiles(times, n=20)
    return Load(case, clients, requests, dict(statuses), cuts[9], cuts[18], requests / seconds, idle, busy)


@contextlib.asynccontextmanager
async def listened_to(server: Served, count: int) -> AsyncIterator[None]:
    """Have so many send noise, as fast as it would sound, while the block runs; each has been answered before."""
    piece = np.random.default_rng(0).normal(0, 0.1, round(PIECE * RATE)).astype("<f4").tobytes()
    answered = [asyncio.Event() for _ in range(count)]

    async def listen(heard: asyncio.Event) -> None:
        async with connect(f"{server.url.replace('http', 'ws')}/v1/live") as client:
            await client.send(json.dumps({"rate": RATE}))

            async def play() -> None:
                while True:
                    await client.send(piece)
                    await asyncio.sleep(PIECE)

            async with asyncio.TaskGroup() as group:
                group.create_task(play())
                async for message in client:
                    if "genre" in json.loads(message):
                        heard.set()

    tasks = [asyncio.create_task(listen(heard)) for heard in answered]
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(heard.wait() for heard in answered))
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def divided(words: list[str]) -> tuple[list[str], list[str]]:
    """The words before and after the first "--"."""
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]


if __name__ == "__main__":
    main()
