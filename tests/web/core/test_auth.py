from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from starlette.requests import HTTPConnection

from genrelens.errors import UnauthorisedError
from genrelens.web.core.auth import client_id
from genrelens.web.core.problems import problem_title
from genrelens.web.core.settings import Settings
from tests.support.server import Server, serve_process


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Server]:
    """A server with two API keys and an allowed origin."""
    options = ("--api-key", "first", "--api-key", "second", "--cors", "https://example.org")
    with serve_process(tmp_path_factory.mktemp("keyed"), "--model", str(model_file), *options) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tilt", "/v1/models/bach", "/metrics"])
@pytest.mark.parametrize("header", ["", "first", "Bearer third", "Basic first", "Bearer first second", "Bearer"])
def test_requests_without_a_valid_key_are_refused(keyed: Server, path: str, header: str) -> None:
    response = keyed.get(path, headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["title"] == problem_title(UnauthorisedError)


def test_the_key_is_checked_before_the_rest_of_the_request(keyed: Server, song: Path) -> None:
    assert keyed.post(song).status_code == 401
    assert keyed.post(song, query="?top=0").status_code == 401
    assert keyed.spooled() == []


@pytest.mark.parametrize("key", ["first", "second"])
def test_each_of_the_keys_is_accepted(keyed: Server, song: Path, key: str) -> None:
    headers = {"Authorization": f"bearer {key}"}
    assert keyed.get("/v1/models", headers=headers).status_code == 200
    assert keyed.post(song, headers=headers).status_code == 200


def test_clients_are_identified_by_ip_address_and_key() -> None:
    def identify(host: str, token: str, *keys: str) -> str:
        scope = {"type": "http", "headers": [], "client": (host, 1)}
        return client_id(HTTPConnection(scope), token, [SecretStr(key) for key in keys])

    assert identify("a", "x") == identify("a", "y") != identify("b", "x")  # tokens only count where keys are checked
    assert len({identify(host, token, "x", "y") for host in "ab" for token in "xy"}) == 4
    assert "secret" not in identify("a", "secret", "secret")


@pytest.mark.parametrize("key", ["", "schlüssel", "two words", " x", "line\n"])
def test_a_key_that_does_not_fit_into_a_header_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="an API key must consist of"):
        Settings(api_keys=(SecretStr(key),))


def test_health_checks_and_the_page_require_no_key(keyed: Server) -> None:
    assert [keyed.get(path).status_code for path in ("/", "/healthz", "/readyz", "/openapi.json")] == [200] * 4


def test_the_openapi_document_declares_the_keys_of_a_server(keyed: Server, server: Server) -> None:
    operation = keyed.get("/openapi.json").json()["paths"]["/v1/models"]["get"]
    assert operation["security"]
    assert "security" not in server.get("/openapi.json").json()["paths"]["/v1/models"]["get"]


def test_keys_are_not_logged(keyed: Server) -> None:
    keyed.get("/v1/models", headers={"Authorization": "Bearer second"})
    assert not any("second" in line.replace("audio_seconds", "") for line in keyed.log)


def test_only_allowed_origins_are_accepted(keyed: Server) -> None:
    allowed = keyed.get("/healthz", headers={"Origin": "https://example.org"})
    assert allowed.headers["access-control-allow-origin"] == "https://example.org"
    for origin in ("https://example.com", "null", "https://example.org.evil.com"):
        refused = keyed.get("/healthz", headers={"Origin": origin})
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
    with keyed.client as client:
        preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        assert client.options("/v1/predictions", headers=preflight).status_code == 200
        for origin in ("https://example.com", "null"):
            refused = client.options("/v1/predictions", headers=preflight | {"Origin": origin})
            assert refused.status_code == 403
            assert refused.headers["content-type"] == "application/problem+json"
        preflight |= {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Any"}
        assert client.options("/v1/predictions", headers=preflight).status_code == 200
