"""A server that knows its names answers to no other."""

import httpx
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from genrelens.cli.serve import _hosts
from genrelens.web.app import make_app
from genrelens.web.core.settings import Settings
from genrelens.web.middleware.hosts import name_of
from tests.support.processes import run_coroutine

APP = make_app(Settings(hosts=("localhost", "::1")))  # which is not started


def asked(host: str, path: str = "/openapi.json") -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://localhost") as client:
            return await client.get(path, headers={"Host": host})

    return run_coroutine(ask())


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "[::1]:8765", "[::1]"])
def test_own_names_are_answered(host: str) -> None:
    assert asked(host).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example:8765", "localhost@evil.example", "[::2]:1"]
)
def test_others_are_told_a_problem(host: str) -> None:
    answer = asked(host)
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("WrongHostError")
    assert answer.json()["detail"].startswith("this server answers to ::1, localhost;")


def test_whoever_looks_after_the_server_may_ask_how_it_is() -> None:
    assert asked("10.0.0.7:8765", "/healthz").status_code == 200


def test_nor_may_others_be_listened_to() -> None:
    client = TestClient(APP, base_url="http://evil.example")
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/v1/live"):
        pass
    assert refused.value.status_code == 421
    assert refused.value.json()["type"].endswith("WrongHostError")


def test_own_names_are_added_to_those_that_are_given() -> None:
    assert _hosts("0.0.0.0", []) == ()
    assert _hosts("127.0.0.1", []) == ("127.0.0.1", "::1", "localhost")
    assert _hosts("0.0.0.0", ["a.org"]) == ("127.0.0.1", "::1", "localhost", "a.org")


def test_names_have_no_port() -> None:
    assert [name_of(host) for host in ("A.org:80", "A.org", "[::1]:80", "[::1]", "")] == [
        "a.org",
        "a.org",
        "::1",
        "::1",
        "",
    ]
