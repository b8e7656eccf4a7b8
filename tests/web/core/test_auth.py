"""Keys and origins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from starlette.requests import HTTPConnection
from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.web.core.auth import client_id
from genrelens.web.core.settings import Settings
from tests.support.server import Server, serve_process


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Server]:
    """A server with two keys and a page elsewhere that may ask it."""
    options = ("--api-key", "first", "--api-key", "second", "--cors", "https://example.org")
    with serve_process(tmp_path_factory.mktemp("keyed"), "--model", str(model_file), *options) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tilt", "/v1/models/bach", "/metrics"])
@pytest.mark.parametrize("header", ["", "first", "Bearer third", "Basic first", "Bearer first second", "Bearer"])
def test_without_a_key_nothing_is_told(keyed: Server, path: str, header: str) -> None:
    answer = keyed.get(path, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["title"] == "The request has no API key that the server knows"


def test_without_a_key_a_bad_request_learns_no_more(keyed: Server, song: Path) -> None:
    assert keyed.post(song).status_code == 401
    assert keyed.post(song, query="?top=0").status_code == 401
    assert keyed.spooled() == []


@pytest.mark.parametrize("key", ["first", "second"])
def test_any_of_the_keys_will_do(keyed: Server, song: Path, key: str) -> None:
    headers = {"Authorization": f"bearer {key}"}
    assert keyed.get("/v1/models", headers=headers).status_code == 200
    assert keyed.post(song, headers=headers).status_code == 200


def test_clients_are_an_address_and_a_key_and_cannot_make_themselves_many() -> None:
    def client(host: str, token: str, *keys: str) -> str:
        scope = {"type": "http", "headers": [], "client": (host, 1)}
        return client_id(HTTPConnection(scope), token, [SecretStr(key) for key in keys])

    assert client("a", "x") == client("a", "y") != client("b", "x")
    assert len({client(host, token, "x", "y") for host in "ab" for token in "xy"}) == 4
    assert "secret" not in client("a", "secret", "secret")


@pytest.mark.parametrize("key", ["", "schlüssel", "two words", " x", "line\n"])
def test_a_key_that_no_header_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="an API key has"):
        Settings(api_keys=(SecretStr(key),))


def test_the_command_line_tells_of_such_a_key_in_words() -> None:
    result = CliRunner().invoke(app, ["serve", "--api-key", "schlüssel"])
    assert result.exit_code == 2
    assert "an API key has" in result.stderr
    assert "schlüssel" not in result.stderr


def test_health_and_the_page_need_none(keyed: Server) -> None:
    assert [keyed.get(path).status_code for path in ("/", "/healthz", "/readyz", "/openapi.json")] == [200] * 4


def test_the_document_tells_of_keys_where_there_are_any(keyed: Server, server: Server) -> None:
    operation = keyed.get("/openapi.json").json()["paths"]["/v1/models"]["get"]
    assert operation["security"]
    assert "security" not in server.get("/openapi.json").json()["paths"]["/v1/models"]["get"]


def test_keys_are_not_logged(keyed: Server) -> None:
    keyed.get("/v1/models", headers={"Authorization": "Bearer second"})
    assert not any("second" in line.replace("audio_seconds", "") for line in keyed.log)


def test_pages_of_that_origin_may_ask_and_of_no_other(keyed: Server) -> None:
    own = keyed.get("/healthz", headers={"Origin": "https://example.org"})
    assert own.headers["access-control-allow-origin"] == "https://example.org"
    for origin in ("https://example.com", "null", "https://example.org.evil.com"):
        other = keyed.get("/healthz", headers={"Origin": origin})
        assert other.status_code == 403
        assert "access-control-allow-origin" not in other.headers
    with keyed.client as client:
        preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        assert client.options("/v1/predictions", headers=preflight).status_code == 200
        for refused in (preflight | {"Origin": "https://example.com"}, {**preflight, "Origin": "null"}):
            answer = client.options("/v1/predictions", headers=refused)
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/problem+json"
        preflight |= {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Any"}
        assert client.options("/v1/predictions", headers=preflight).status_code == 200
