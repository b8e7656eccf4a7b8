import inspect
import json

import httpx
import pytest
from fastapi import FastAPI, Request

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.prediction import ErrorInfo, Failure
from genrelens.web.app import make_app
from genrelens.web.core.problems import error_status, failure_response, failure_status, problem_title
from genrelens.web.core.settings import Settings
from tests.support.processes import run_coroutine

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GenrelensError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status_and_a_title(kind: type[GenrelensError]) -> None:
    assert 400 <= error_status(kind) < 600
    assert problem_title(kind)
    assert "\n" not in problem_title(kind)
    assert failure_status(Failure.from_error("a", kind("b"))) == error_status(kind)


def test_statuses_of_requests_and_of_files() -> None:
    assert {kind.__name__: error_status(kind) for kind in errors.RequestError.__subclasses__()} == {
        "MalformedUploadError": 400,
        "UnauthorisedError": 401,
        "SlowUploadError": 408,
        "TooLargeError": 413,
        "NotMultipartError": 415,
        "MissingFileError": 422,
        "ForeignPageError": 403,
        "WrongHostError": 421,
        "ShareExceededError": 429,
        "OverloadedError": 503,
        "NotReadyError": 503,
        "ListenerLostError": 503,
    }
    assert {error_status(kind) for kind in errors.AudioError.__subclasses__()} == {413, 422}


@pytest.mark.parametrize("name", ["os", "display_name", "ZeroDivisionError", "NoSuchError", ""])
def test_a_failure_of_an_unknown_type_is_an_internal_error(name: str) -> None:
    failure = Failure(path="a", error=ErrorInfo(type=name, message="secret"))
    assert failure_status(failure) == 500
    response = failure_response(Request({"type": "http", "state": {"id": "1"}}), failure)
    assert response.status_code == 500
    problem = json.loads(bytes(response.body))
    assert (problem["type"], problem["status"]) == ("about:blank", 500)
    assert "secret" not in problem["detail"]


def test_a_server_without_workers_is_alive_but_not_ready() -> None:
    app = make_app(Settings())  # never started
    assert send(app, "GET", "/healthz").status_code == 200
    response = send(app, "GET", "/readyz")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["type"].endswith(":NotReadyError")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/models", "DELETE is not allowed; use GET, HEAD or OPTIONS"),
        ("/v1/predictions", "DELETE is not allowed; use OPTIONS or POST"),
    ],
)
def test_a_method_that_is_not_allowed_names_those_that_are(path: str, detail: str) -> None:
    response = send(make_app(Settings()), "DELETE", path)
    assert response.status_code == 405
    assert response.json()["detail"] == detail


def send(app: FastAPI, method: str, path: str) -> httpx.Response:
    async def send_request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.request(method, path)

    return run_coroutine(send_request())
