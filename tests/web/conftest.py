"""Real servers for the tests, with the small model."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn

from genrelens.web.core.app import make_app
from genrelens.web.core.server import configured
from genrelens.web.core.settings import Settings
from tests.conftest import encode, tone

Result = TypeVar("Result")

PATIENCE = 60.0  # s for what should take no time


@dataclass
class Server:
    """A `genrelens serve` in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    temporary: Path
    log: list[str] = field(default_factory=list)

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE)

    def get(self, path: str, **options: Any) -> httpx.Response:
        with self.client as client:
            return client.get(path, **options)

    def post(self, *files: Path, query: str = "", **options: Any) -> httpx.Response:
        """Ask for predictions."""
        with self.client as client:
            content = [("file", (file.name, file.read_bytes())) for file in files]
            return client.post(f"/v1/predictions{query}", files=content, **options)

    def workers(self) -> list[int]:
        """Process ids."""
        return children(self.process.pid)

    def spooled(self) -> list[Path]:
        """What lies in the folder for uploads."""
        return [path for path in self.temporary.rglob("*") if path.parent != self.temporary]

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Serve until the block ends; it must end well."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stdout
    assert process.stderr
    log: list[str] = []
    reader = threading.Thread(target=log.extend, args=(process.stderr,))
    reader.start()
    try:
        line = process.stdout.readline()
        assert "http://" in line, log
        yield Server(process, line.split()[3], folder, log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            reader.join()
            process.stdout.close()
            process.stderr.close()


@contextmanager
def served(model_file: Path, **settings: Any) -> Iterator[str]:
    """A server in a thread, for limits that the command line does not have; its address."""
    given = Settings(models=(str(model_file),), **settings)
    server = uvicorn.Server(configured(make_app(given), given))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        eventually(lambda: server.started)
        yield "http://{}:{}".format(*listener.getsockname())
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def complete(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in a thread of its own: the browser of other tests keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, coroutine).result()


def children(parent: int) -> list[int]:
    """The process ids of a process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, own_parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it is gone meanwhile
            continue
        if int(own_parent) == parent and state != "Z":
            found.append(int(stat.parent.name))
    return found


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "this should have come true"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a low tone."""
    return encode(tmp_path_factory.mktemp("songs") / "low.wav", tone(110, 2.0, 22_050), codec="pcm_s16le", rate=22_050)


@pytest.fixture(scope="session")
def no_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text."""
    file = tmp_path_factory.mktemp("texts") / "notes.txt"
    file.write_text("These are words, and no music. " * 10)
    return file


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Server]:
    """A server with the usual settings."""
    with serving(tmp_path_factory.mktemp("spool"), "--model", str(model_file)) as running:
        yield running
