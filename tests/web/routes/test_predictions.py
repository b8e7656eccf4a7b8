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

from genrelens.classifier import Classifier
from genrelens.prediction import Failure, Prediction
from genrelens.web.routes.responses import Results
from tests.support.audio import encode, tone
from tests.support.processes import wait_until
from tests.support.server import Server, serve_process

FORM = "multipart/form-data; boundary=x"
PART = b"--x\r\nContent-Disposition: form-data; %b\r\n\r\nabc"


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Server]:
    """A server with tight limits."""
    limits = {"--max-mb": 1, "--max-files": 2, "--max-seconds": 3, "--max-requests": 2, "--max-share": 1}
    options = [str(part) for pair in limits.items() for part in pair]
    with serve_process(tmp_path_factory.mktemp("tight"), "--model", str(model_file), *options) as running:
        yield running


def test_the_prediction_is_that_of_the_classifier(server: Server, song: Path, model_file: Path) -> None:
    response = server.post(song)
    assert response.status_code == 200
    [result] = response.json()["results"]
    expected = Classifier(model_file, threads=1).predict(song).model_copy(update={"path": song.name})
    assert Prediction.model_validate(result) == expected
    assert server.spooled() == []


def test_explanations_are_present_on_request_only(server: Server, song: Path) -> None:
    [plain] = server.post(song).json()["results"]
    assert not {"spectrogram", "explanations"} & plain.keys()
    [explained] = server.post(song, query="?explain=occlusion&windows=1").json()["results"]
    assert [explanation["genre"] for explanation in explained["explanations"]] == ["low", "high"]
    assert explained["spectrogram"]["levels"]


def test_top_and_windows_limit_the_result(server: Server, song: Path) -> None:
    [result] = server.post(song, query="?top=1&windows=2&model=tilt").json()["results"]
    assert len(result["scores"]) == 1
    assert len(result["segments"]) == 2


def test_results_and_failures_are_in_the_order_of_the_files(server: Server, song: Path, text_file: Path) -> None:
    response = server.post(song, text_file, song)
    assert response.status_code == 200
    first, second, third = response.json()["results"]
    assert first == third
    assert second["status"] == 422
    assert second["error"]["type"] == "UndecodableAudioError"
    assert second["error"]["message"].startswith("notes.txt is not audio")
    assert isinstance(Results.model_validate(response.json()).results[1], Failure)


def test_the_response_is_a_problem_if_all_files_fail(server: Server, text_file: Path) -> None:
    response = server.post(text_file, text_file)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "tag:genrelens,2026:UndecodableAudioError"
    assert problem["detail"].startswith("notes.txt is not audio")
    assert problem["instance"] == f"urn:uuid:{response.headers['x-request-id']}"


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\music\\a b.mp3", "/", "ä\u202e\x07.wav", "é" * 500])
def test_file_names_of_clients_never_become_paths(server: Server, song: Path, name: str) -> None:
    with server.client as client:
        [result] = client.post("/v1/predictions", files={"file": (name, song.read_bytes())}).json()["results"]
    assert "/" not in result["path"]
    assert "\\" not in result["path"]
    assert server.spooled() == []


def test_uploads_from_pages_of_other_origins_are_refused(server: Server, song: Path) -> None:
    response = server.post(song, headers={"Origin": "https://example.com"})
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"].endswith("ForeignPageError")
    assert server.post(song, headers={"Origin": server.url}).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"", 400),
        (f"multipart/form-data; boundary={'x' * 300}", b"", 400),
        (FORM, b"no form", 400),
        (FORM, PART % b'name="file"; filename="a"', 400),
        (FORM, PART % b'name="file"' + b"\r\n--x--\r\n", 422),
        (FORM, b"--x--\r\n", 422),
        (FORM, b"--x\r\n" + b"a: b\r\n" * 9 + b"\r\nabc\r\n--x--\r\n", 400),
        (FORM, b"--x\r\na: " + b"b" * 5_000 + b"\r\n\r\nabc\r\n--x--\r\n", 400),
    ],
)
def test_malformed_forms_are_refused(server: Server, kind: str, body: bytes, status: int) -> None:
    response = httpx.post(f"{server.url}/v1/predictions", content=body, headers={"content-type": kind})
    assert response.status_code == status, response.text
    assert server.spooled() == []


def test_metrics_and_log_count_requests_and_audio(server: Server, song: Path) -> None:
    audio = server.metric("genrelens_audio_seconds_total")
    requests = server.metric('genrelens_requests_total{method="POST",route="/v1/predictions",status="200"}')
    request_id = server.post(song).headers["x-request-id"]
    assert server.metric("genrelens_audio_seconds_total") == pytest.approx(audio + 2, abs=0.1)
    assert server.metric('genrelens_requests_total{method="POST",route="/v1/predictions",status="200"}') == requests + 1
    assert server.metric("genrelens_files_waiting") == 0
    [line] = [json.loads(line) for line in server.log if request_id in line]
    assert line["status"] == 200
    assert line["files"] == 1
    assert line["audio_seconds"] == 2.0
    assert line["path"] == "/v1/predictions"
    assert all(line.startswith("{") for line in server.log)


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_while_it_arrives(tight: Server, declared: bool) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
    body = [head, *[b"0" * 65_536] * 40]
    response = httpx.post(
        f"{tight.url}/v1/predictions",
        content=b"".join(body) if declared else iter(body),
        headers={"content-type": "multipart/form-data; boundary=x"},
        timeout=60,
    )
    assert response.status_code == 413
    assert "1 MB" in response.json()["detail"]
    assert tight.spooled() == []


def test_too_many_files_are_refused(tight: Server, song: Path) -> None:
    response = tight.post(song, song, song)
    assert response.status_code == 413
    assert "2 files" in response.json()["detail"]
    assert tight.spooled() == []


@pytest.mark.parametrize("name", ["long.flac", "long.mp3"])
def test_audio_that_is_too_long_fails_without_the_other_files(
    tight: Server, song: Path, tmp_path: Path, name: str
) -> None:
    long = encode(tmp_path / name, tone(110, 4.0), codec=name.rpartition(".")[2])
    alone = tight.post(long)
    assert alone.status_code == 413
    detail = f"{name} is longer than the 3 s of audio that this server accepts; send a part of it"
    assert alone.json()["detail"] == detail
    first, second = tight.post(long, song).json()["results"]
    assert first["status"] == 413
    assert second["genre"] == "low"


def test_concurrent_requests_are_limited_per_client_and_in_total(tight: Server, song: Path) -> None:
    [worker] = tight.workers()
    os.kill(worker, signal.SIGSTOP)  # no request finishes before all are sent
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


def test_files_that_cannot_be_started_in_time_fail(tmp_path: Path, model_file: Path, song: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file), "--request-seconds", "1") as server:
        [worker] = server.workers()
        os.kill(worker, signal.SIGSTOP)
        with ThreadPoolExecutor() as threads:
            response = threads.submit(server.post, song, song)
            wait_until(lambda: server.metric("genrelens_uploads_under_way") == 1)
            time.sleep(1.1)
            os.kill(worker, signal.SIGCONT)
            first, second = response.result().json()["results"]
    assert first["genre"] == "low"
    assert second["error"]["type"] == "DeadlineError"
    assert second["error"]["message"].startswith("low.wav was not started within 1 s")


def test_the_upload_of_a_client_that_disconnects_is_deleted(tight: Server) -> None:
    url = httpx.URL(tight.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(
            b"POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nabc'
        )
        wait_until(tight.spooled)
    wait_until(lambda: not tight.spooled())
    wait_until(lambda: any(json.loads(line).get("status") == 499 for line in tight.log))


def test_a_killed_worker_is_replaced(tight: Server, song: Path) -> None:
    [worker] = tight.workers()
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor() as threads:
        response = threads.submit(tight.post, song)
        wait_until(lambda: tight.metric("genrelens_uploads_under_way") == 1)
        os.kill(worker, signal.SIGKILL)
        assert response.result().status_code == 422
        assert response.result().json()["type"].endswith(":WorkerError")
    assert tight.post(song).status_code == 200
    [other] = tight.workers()
    assert other != worker
    assert tight.metric("genrelens_workers_lost_total") == 1
