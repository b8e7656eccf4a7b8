import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketDenialResponse

from genrelens.web.app import make_app
from genrelens.web.core.settings import Settings
from genrelens.web.middleware import host_name
from tests.support.processes import run_coroutine

APP = make_app(Settings(hosts=("localhost", "::1")))  # never started


def get(path: str = "/openapi.json", app: FastAPI = APP, **headers: str) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return run_coroutine(send())


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "[::1]:8765", "[::1]"])
def test_allowed_hosts_are_accepted(host: str) -> None:
    assert get(Host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example:8765", "localhost@evil.example", "[::2]:1"]
)
def test_other_hosts_are_refused(host: str) -> None:
    response = get(Host=host)
    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"].endswith("WrongHostError")
    assert response.json()["detail"].startswith("this server accepts the host names ::1, localhost;")


def test_health_checks_accept_any_host() -> None:
    assert get("/healthz", Host="10.0.0.7:8765").status_code == 200


def test_websockets_of_other_hosts_are_refused() -> None:
    client = TestClient(APP, base_url="http://evil.example")
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect("/v1/live"):
        pass
    assert refusal.value.status_code == 421
    assert refusal.value.json()["type"].endswith("WrongHostError")


@pytest.mark.parametrize(
    ("host", "name"), [("A.org:80", "a.org"), ("A.org", "a.org"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("", "")]
)
def test_host_names_have_no_port(host: str, name: str) -> None:
    assert host_name(host) == name


def test_unexpected_errors_are_logged_and_their_details_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(Settings(cors=("https://example.org",)))

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    response = get("/broken", app, Origin="https://example.org")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["access-control-allow-origin"] == "https://example.org"
    assert "secret" not in response.text
    assert "ZeroDivisionError: secret" in caplog.text
