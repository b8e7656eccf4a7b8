"""How many requests the server answers, how fast, and in how much memory.

    python benchmarks/load.py [--clients 4] [--requests 100] [-- --workers 2 ...]

Each client sends an mp3 of 30 s, waits for the answer, and sends the next; what stands after `--` goes to
`genrelens serve`. Clients run on the same cores as the server.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

import httpx
from music import write_mp3
from server import Memory, Served, served

SECONDS = 30  # of each song


@dataclass(frozen=True)
class Load:
    """What was measured; times in ms."""

    clients: int
    requests: int
    statuses: dict[int, int]
    p50: float
    p95: float
    per_second: float
    idle: Memory
    busy: Memory


def main() -> None:
    """Measure and print."""
    own, options = divided(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--query", default="windows=all", help="what is asked of each file")
    parser.add_argument("--limit-mb", type=int, help="memory of the whole server, by a control group (needs root)")
    arguments = parser.parse_args(own)
    with tempfile.TemporaryDirectory() as folder:
        song = write_mp3(Path(folder) / "song.mp3", SECONDS).read_bytes()
    share = ("--max-share", str(arguments.clients), "--max-requests", str(arguments.clients))
    with served(*share, *options, limit_mb=arguments.limit_mb) as server:
        load = asyncio.run(measure(server, song, arguments.clients, arguments.requests, arguments.query))
    print(json.dumps(asdict(load), indent=2))


async def measure(server: Served, song: bytes, clients: int, requests: int, query: str) -> Load:
    """Let clients ask until there were so many requests, after one that warms the server up."""
    left, times, statuses = iter(range(requests)), list[float](), Counter[int]()

    async def ask(client: httpx.AsyncClient) -> None:
        began = time.perf_counter()
        answer = await client.post(f"/v1/predictions?{query}", files={"file": ("song.mp3", song)})
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
    began = time.perf_counter()
    await asyncio.gather(*(visit() for _ in range(clients)))
    seconds = time.perf_counter() - began
    cuts = quantiles(times, n=20)
    return Load(clients, requests, dict(statuses), cuts[9], cuts[18], requests / seconds, idle, server.memory())


def divided(words: list[str]) -> tuple[list[str], list[str]]:
    """The words before and after the first "--"."""
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]


if __name__ == "__main__":
    main()
