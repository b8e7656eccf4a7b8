"""The main trips, through a real server."""

import json
from pathlib import Path

import httpx
import pytest

from genrelens.classifier import Classifier
from genrelens.prediction import Failure, Prediction
from genrelens.web.routes.responses import Models, Results
from tests.support.server import Server

FORM = "multipart/form-data; boundary=x"
PART = b"--x\r\nContent-Disposition: form-data; %b\r\n\r\nabc"


def test_a_file_is_judged_as_by_the_classifier(server: Server, song: Path, model_file: Path) -> None:
    answer = server.post(song)
    assert answer.status_code == 200
    [result] = answer.json()["results"]
    expected = Classifier(model_file, threads=1).predict(song, windows="all").model_copy(update={"path": song.name})
    assert Prediction.model_validate(result) == expected
    assert server.spooled() == []


def test_top_and_windows_are_heeded(server: Server, song: Path) -> None:
    [result] = server.post(song, query="?top=1&windows=2&model=tilt").json()["results"]
    assert len(result["scores"]) == 1
    assert len(result["segments"]) == 2


def test_many_files_are_answered_in_their_order_with_failures_in_their_place(
    server: Server, song: Path, text_file: Path
) -> None:
    answer = server.post(song, text_file, song)
    assert answer.status_code == 200
    first, second, third = answer.json()["results"]
    assert first == third
    assert second["status"] == 422
    assert second["error"]["type"] == "UndecodableAudioError"
    assert second["error"]["message"].startswith("notes.txt is not audio")
    assert isinstance(Results.model_validate(answer.json()).results[1], Failure)


def test_if_no_file_can_be_used_that_is_the_answer(server: Server, text_file: Path) -> None:
    answer = server.post(text_file, text_file)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "tag:genrelens,2026:UndecodableAudioError"
    assert problem["detail"].startswith("notes.txt is not audio")
    assert problem["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\music\\a b.mp3", "/", "ä\u202e\x07.wav", "é" * 500])
def test_names_of_clients_are_told_back_and_nothing_else(server: Server, song: Path, name: str) -> None:
    with server.client as client:
        [result] = client.post("/v1/predictions", files={"file": (name, song.read_bytes())}).json()["results"]
    assert "/" not in result["path"]
    assert "\\" not in result["path"]
    assert server.spooled() == []


def test_a_page_from_elsewhere_cannot_make_a_visitors_server_work(server: Server, song: Path) -> None:
    answer = server.post(song, headers={"Origin": "https://example.com"})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("ForeignPageError")
    assert server.post(song, headers={"Origin": server.url}).status_code == 200


def test_models_and_their_cards(server: Server) -> None:
    models = Models.model_validate(server.get("/v1/models").json())
    assert [(model.name, model.default) for model in models.models] == [("tilt", True)]
    assert server.get("/v1/models/tilt").json()["labels"] == ["low", "high"]
    assert server.get("/v1/models/bach").status_code == 404


def test_the_page_is_there_and_nothing_beside_it(server: Server) -> None:
    page = server.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert server.get("/static/../app.py").status_code == 404
    assert server.get("/static/%2e%2e/app.py").status_code == 404
    assert server.get("/docs").status_code == 404


@pytest.mark.parametrize("path", ["/", "/v1/models", "/healthz", "/nothing"])
def test_all_answers_keep_browsers_in_bounds(server: Server, path: str) -> None:
    headers = server.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_head_and_options_are_answered(server: Server) -> None:
    with server.client as client:
        head = client.head("/v1/models")
        assert head.status_code == 200
        assert head.content == b""
        options = client.options("/v1/predictions")
        assert options.status_code == 204
        assert options.headers["allow"] == "OPTIONS, POST"
        assert client.options("/v1/models").headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("request_", "status", "word"),
    [
        (("GET", "/nothing", {}), 404, "openapi.json"),
        (("DELETE", "/v1/models", {}), 405, "DELETE"),
        (("POST", "/v1/predictions", {"json": {}}), 415, "curl -F"),
        (("POST", "/v1/predictions", {}), 415, "curl -F"),
        (("POST", "/v1/predictions", {"files": {"song": b"x"}}), 422, "'file'"),
        (("POST", "/v1/predictions?top=0&windows=none", {"files": {"file": b"x"}}), 422, "top, windows"),
        (("POST", "/v1/predictions?model=bach", {"files": {"file": b"x"}}), 404, "bach"),
    ],
)
def test_what_cannot_be_done_is_told_as_a_problem(
    server: Server, request_: tuple[str, str, dict[str, object]], status: int, word: str
) -> None:
    method, path, options = request_
    with server.client as client:
        answer = client.request(method, path, **options)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert word in problem["detail"]
    assert {"type", "title", "instance"} <= problem.keys()


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
def test_broken_forms_are_told(server: Server, kind: str, body: bytes, status: int) -> None:
    answer = httpx.post(f"{server.url}/v1/predictions", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert server.spooled() == []


def test_figures_and_logs_tell_of_requests_and_not_of_contents(server: Server, song: Path) -> None:
    heard = server.metric("genrelens_audio_seconds_total")
    asked = server.metric('genrelens_requests_total{method="POST",route="/v1/predictions",status="200"}')
    number = server.post(song).headers["x-request-id"]
    assert server.metric("genrelens_audio_seconds_total") == pytest.approx(heard + 2, abs=0.1)
    assert server.metric('genrelens_requests_total{method="POST",route="/v1/predictions",status="200"}') == asked + 1
    assert server.metric("genrelens_files_waiting") == 0
    [line] = [json.loads(line) for line in server.log if number in line]
    assert line["status"] == 200
    assert line["files"] == 1
    assert line["audio_seconds"] == 2.0
    assert line["path"] == "/v1/predictions"
    assert all(line.startswith("{") for line in server.log)


def test_it_is_alive_and_ready(server: Server) -> None:
    assert server.get("/healthz").json() == {"status": "alive"}
    assert server.get("/readyz").json() == {"status": "ready"}


def test_the_server_process_imports_nothing_heavy() -> None:
    script = "import sys, genrelens.web.app; print(sorted({'av', 'numpy', 'onnxruntime', 'soxr'} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
