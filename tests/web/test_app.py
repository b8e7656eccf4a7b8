import subprocess
import sys

import pytest

from genrelens.web.routes.responses import Models
from tests.support.server import Server


def test_models_are_listed_with_their_cards(server: Server) -> None:
    models = Models.model_validate(server.get("/v1/models").json())
    assert [(model.name, model.default) for model in models.models] == [("tilt", True)]
    assert server.get("/v1/models/tilt").json()["labels"] == ["low", "high"]
    assert server.get("/v1/models/bach").status_code == 404


def test_only_the_page_and_its_files_are_served(server: Server) -> None:
    page = server.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert server.get("/static/../app.py").status_code == 404
    assert server.get("/static/%2e%2e/app.py").status_code == 404
    assert server.get("/docs").status_code == 404


@pytest.mark.parametrize("path", ["/", "/v1/models", "/healthz", "/nothing"])
def test_all_responses_have_security_headers(server: Server, path: str) -> None:
    headers = server.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_head_and_options_are_supported(server: Server) -> None:
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
def test_invalid_requests_receive_a_problem(
    server: Server, request_: tuple[str, str, dict[str, object]], status: int, word: str
) -> None:
    method, path, options = request_
    with server.client as client:
        response = client.request(method, path, **options)  # type: ignore[arg-type]
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert word in problem["detail"]
    assert {"type", "title", "instance"} <= problem.keys()


def test_a_running_server_is_alive_and_ready(server: Server) -> None:
    assert server.get("/healthz").json() == {"status": "alive"}
    assert server.get("/readyz").json() == {"status": "ready"}


def test_the_server_process_imports_nothing_heavy() -> None:
    script = "import sys, genrelens.web.app; print(sorted({'av', 'numpy', 'onnxruntime', 'soxr'} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
