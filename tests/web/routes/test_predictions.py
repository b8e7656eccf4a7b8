"""What one client can do to a server, and to the others."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.audio import encode, tone
from tests.support.processes import wait_until
from tests.support.server import Server, serve_process


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Server]:
    """A server that takes little."""
    limits = {"--max-mb": 1, "--max-files": 2, "--max-seconds": 3, "--max-requests": 2, "--max-share": 1}
    options = [str(part) for pair in limits.items() for part in pair]
    with serve_process(tmp_path_factory.mktemp("tight"), "--model", str(model_file), *options) as running:
        yield running


@pytest.mark.parametrize("declared", [True, False])
def test_too_many_bytes_are_refused_as_they_come(tight: Server, declared: bool) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
    body = [head, *[b"0" * 65_536] * 40]
    answer = httpx.post(
        f"{tight.url}/v1/predictions",
        content=b"".join(body) if declared else iter(body),
        headers={"content-type": "multipart/form-data; boundary=x"},
        timeout=60,
    )
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["detail"]
    assert tight.spooled() == []


def test_too_many_files_are_refused(tight: Server, song: Path) -> None:
    answer = tight.post(song, song, song)
    assert answer.status_code == 413
    assert "2 files" in answer.json()["detail"]
    assert tight.spooled() == []


@pytest.mark.parametrize("name", ["long.flac", "long.mp3"])
def test_too_long_audio_is_refused_and_its_neighbour_is_not(
    tight: Server, song: Path, tmp_path: Path, name: str
) -> None:
    long = encode(tmp_path / name, tone(110, 4.0), codec=name.rpartition(".")[2])
    alone = tight.post(long)
    assert alone.status_code == 413
    assert (
        alone.json()["detail"] == f"{name} lasts more than the 3 s of audio that this server takes; send a part of it"
    )
    first, second = tight.post(long, song).json()["results"]
    assert first["status"] == 413
    assert second["genre"] == "low"


def test_who_has_its_share_waits_and_the_others_do_not(tight: Server, song: Path) -> None:
    [worker] = tight.workers()
    os.kill(worker, signal.SIGSTOP)  # so that nothing ends before all have asked
    try:
        with ThreadPoolExecutor() as threads:
            first = threads.submit(tight.post, song)
            wait_until(lambda: tight.metric("genrelens_uploads_under_way") == 1)
            second = tight.post(song)
            other = threads.submit(tight.post, song, headers={"X-Forwarded-For": "192.0.2.1"})
            wait_until(lambda: tight.metric("genrelens_uploads_under_way") == 2)
            third = tight.post(song, headers={"X-Forwarded-For": "192.0.2.2"})
            os.kill(worker, signal.SIGCONT)
            assert first.result().status_code == other.result().status_code == 200
    finally:
        os.kill(worker, signal.SIGCONT)
    assert second.status_code == 429
    assert int(second.headers["retry-after"]) >= 1
    assert third.status_code == 503
    assert int(third.headers["retry-after"]) >= 1
    assert tight.metric("genrelens_uploads_under_way") == 0
    assert tight.post(song).status_code == 200


def test_files_that_are_not_begun_in_time_are_told_of(tmp_path: Path, model_file: Path, song: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file), "--request-seconds", "1") as server:
        [worker] = server.workers()
        os.kill(worker, signal.SIGSTOP)
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(server.post, song, song)
            wait_until(lambda: server.metric("genrelens_uploads_under_way") == 1)
            time.sleep(1.1)
            os.kill(worker, signal.SIGCONT)
            first, second = answer.result().json()["results"]
    assert first["genre"] == "low"
    assert second["error"]["type"] == "DeadlineError"
    assert second["error"]["message"].startswith("low.wav was not begun within 1 s")


def test_a_client_that_leaves_leaves_nothing_behind(tight: Server) -> None:
    address = httpx.URL(tight.url)
    with socket.create_connection((address.host, address.port or 80)) as connection:
        connection.sendall(
            b"POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nabc'
        )
        wait_until(tight.spooled)
    wait_until(lambda: not tight.spooled())
    wait_until(lambda: any(json.loads(line).get("status") == 499 for line in tight.log))


def test_a_worker_that_is_killed_is_replaced(tight: Server, song: Path) -> None:
    [worker] = tight.workers()
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(tight.post, song)
        wait_until(lambda: tight.metric("genrelens_uploads_under_way") == 1)
        os.kill(worker, signal.SIGKILL)
        assert answer.result().status_code == 422
        assert answer.result().json()["type"].endswith(":WorkerError")
    assert tight.post(song).status_code == 200
    [other] = tight.workers()
    assert other != worker
    assert tight.metric("genrelens_workers_lost_total") == 1


def test_what_is_under_way_is_ended_before_the_server_ends(tmp_path: Path, model_file: Path, song: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file)) as server, ThreadPoolExecutor() as threads:
        [worker] = server.workers()
        os.kill(worker, signal.SIGSTOP)
        answer = threads.submit(server.post, song)
        wait_until(lambda: server.metric("genrelens_uploads_under_way") == 1)
        server.process.send_signal(signal.SIGINT)
        address = httpx.URL(server.url)
        wait_until(lambda: _refused(address.host, address.port or 80))
        os.kill(worker, signal.SIGCONT)
        assert answer.result().status_code == 200
    assert server.process.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert not Path(f"/proc/{worker}").exists()


def _refused(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False
