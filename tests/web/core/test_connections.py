"""Connections on which nothing comes, and too many of them."""

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
def address(model_file: Path) -> Iterator[str]:
    """Of a server that soon loses its patience."""
    with serve_in_thread(model_file, header_seconds=0.3, max_connections=8) as url:
        yield url


def connected(address: str) -> socket.socket:
    url = urlsplit(address)
    return socket.create_connection((url.hostname, url.port or 80), PATIENCE)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 30),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 30),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", *[b"GET "] * 30),
    ],
)
def test_a_connection_without_a_whole_request_is_closed(address: str, pieces: tuple[bytes, ...]) -> None:
    with connected(address) as connection, contextlib.suppress(ConnectionError):
        began = time.monotonic()
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
        while connection.recv(1 << 16):
            pass
        assert time.monotonic() - began < PATIENCE / 2


def test_who_has_half_of_all_connections_gets_no_more(address: str) -> None:
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=address, timeout=PATIENCE))
        assert client.get("/healthz").status_code == 200
        silent = [stack.enter_context(connected(address)) for _ in range(3)]
        with connected(address) as fifth:
            told = b"".join(iter(lambda: fifth.recv(1 << 16), b""))
        assert told.startswith(b"HTTP/1.1 429 ")
        assert b"application/problem+json" in told
        assert b"4 connections come from your address" in told
        assert all(not connection.recv(1) for connection in silent)
    assert httpx.get(f"{address}/healthz").status_code == 200
