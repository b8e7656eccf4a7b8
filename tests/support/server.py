"""Real `genrelens serve` processes, and servers in a thread."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from genrelens.web.app import make_app
from genrelens.web.core.settings import Settings
from genrelens.web.server import uvicorn_config
from tests.support.processes import PATIENCE, children, wait_until


@dataclass
class Server:
    """A running `genrelens serve` process."""

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
        """Request predictions for files."""
        with self.client as client:
            content = [("file", (file.name, file.read_bytes())) for file in files]
            return client.post(f"/v1/predictions{query}", files=content, **options)

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return children(self.process.pid)

    def spooled(self) -> list[Path]:
        """Return the files in the folder for uploads."""
        return [path for path in self.temporary.rglob("*") if path.parent != self.temporary]

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@contextmanager
def serve_process(folder: Path, *options: str) -> Iterator[Server]:
    """Run `genrelens serve` until the block ends, then stop it with SIGINT."""
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
def serve_in_thread(model_file: Path, **settings: Any) -> Iterator[str]:
    """Run a server in a thread, for settings that the command line lacks; yield its URL."""
    merged = Settings(models=(str(model_file),), **settings)
    server = uvicorn.Server(uvicorn_config(make_app(merged), merged))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield "http://{}:{}".format(*listener.getsockname())
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
