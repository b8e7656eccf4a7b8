import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.processes import PATIENCE
from tests.support.server import serve_in_thread


@pytest.fixture(scope="module")
def url(model_file: Path) -> Iterator[str]:
    """The URL of a server with short timeouts and few connections."""
    with serve_in_thread(model_file, header_seconds=0.3, max_connections=8) as address:
        yield address


def open_connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port or 80), PATIENCE)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 30),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 30),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", *[b"GET "] * 30),
    ],
)
def test_a_connection_without_a_complete_request_is_closed(url: str, pieces: tuple[bytes, ...]) -> None:
    with open_connection(url) as connection, contextlib.suppress(ConnectionError):
        start = time.monotonic()
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
        while connection.recv(1 << 16):
            pass
        assert time.monotonic() - start < PATIENCE / 2


def test_one_ip_address_may_open_half_of_all_connections(url: str) -> None:
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=url, timeout=PATIENCE))
        assert client.get("/healthz").status_code == 200
        silent = [stack.enter_context(open_connection(url)) for _ in range(3)]
        with open_connection(url) as fifth:
            response = b"".join(iter(lambda: fifth.recv(1 << 16), b""))
        assert response.startswith(b"HTTP/1.1 429 ")
        assert b"application/problem+json" in response
        assert b"your IP address already has 4 connections" in response
        assert all(not connection.recv(1) for connection in silent)
    assert httpx.get(f"{url}/healthz").status_code == 200
