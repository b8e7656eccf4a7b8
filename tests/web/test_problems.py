"""Each error has a status and words, and one that nobody foresaw is told too."""

import asyncio
import inspect
import json
import logging

import httpx
import pytest
from fastapi import FastAPI

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.prediction import Failure
from genrelens.web.app import make_app
from genrelens.web.headers import SecurityHeaders
from genrelens.web.logs import FIELDS, JsonLines
from genrelens.web.metrics import Metrics
from genrelens.web.problems import handle_problems, status_for, status_of, title_of
from genrelens.web.settings import Settings
from genrelens.web.telemetry import Telemetry

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GenrelensError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status_and_a_title(kind: type[GenrelensError]) -> None:
    assert 400 <= status_for(kind) < 600
    assert title_of(kind)
    assert "\n" not in title_of(kind)
    assert status_of(Failure.of("a", kind("b"))) == status_for(kind)


def test_requests_that_are_refused_and_files_that_are_bad_differ() -> None:
    assert {kind.__name__: status_for(kind) for kind in errors.RequestError.__subclasses__()} == {
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
    assert {status_for(kind) for kind in errors.AudioError.__subclasses__()} == {413, 422}


def test_what_nobody_foresaw_is_told_without_its_details_and_logged_with_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = FastAPI()
    handle_problems(app)
    app.add_middleware(Telemetry, metrics=Metrics())
    app.add_middleware(SecurityHeaders)

    @app.get("/")
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    answer = asked(app, "/")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert "ZeroDivisionError: secret" in caplog.text


def test_a_server_without_workers_is_alive_and_not_ready() -> None:
    app = make_app(Settings())  # which is not started
    assert asked(app, "/healthz").status_code == 200
    answer = asked(app, "/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"].endswith(":NotReadyError")


def asked(app: FastAPI, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_a_line_of_the_log_is_one_line_of_json() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "b\nc %s", ("ü\x1b",), None)
    setattr(record, FIELDS, {"path": "\r\n{}"})
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    told = json.loads(line)
    assert told["message"] == "b\nc ü\x1b"
    assert told["path"] == "\r\n{}"
