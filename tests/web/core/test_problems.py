"""Each error has a status and words, and one that nobody foresaw is told too."""

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
from genrelens.web.core.logs import LOG_FIELDS, JsonFormatter, RateLimitFilter
from genrelens.web.core.problems import error_status, failure_status, problem_title
from genrelens.web.core.settings import Settings
from tests.support.processes import run_coroutine

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GenrelensError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status_and_a_title(kind: type[GenrelensError]) -> None:
    assert 400 <= error_status(kind) < 600
    assert problem_title(kind)
    assert "\n" not in problem_title(kind)
    assert failure_status(Failure.from_error("a", kind("b"))) == error_status(kind)


def test_requests_that_are_refused_and_files_that_are_bad_differ() -> None:
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


def test_what_nobody_foresaw_is_told_without_its_details_and_logged_with_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app(Settings(cors=("https://example.org",)))

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    answer = asked(app, "/broken", {"Origin": "https://example.org"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    assert "secret" not in answer.text
    assert "ZeroDivisionError: secret" in caplog.text


def test_a_server_without_workers_is_alive_and_not_ready() -> None:
    app = make_app(Settings())  # which is not started
    assert asked(app, "/healthz").status_code == 200
    answer = asked(app, "/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"].endswith(":NotReadyError")


def asked(app: FastAPI, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get(path, headers=headers)

    return run_coroutine(ask())


def test_endless_trouble_is_told_of_sparingly() -> None:
    sparing = RateLimitFilter(most=3)

    def passed(name: str, level: int, second: float) -> bool:
        record = logging.LogRecord(name, level, "", 0, "no more files", (), None)
        record.created = second
        return bool(sparing.filter(record))

    assert [passed("asyncio", logging.ERROR, 1.1) for _ in range(5)] == [True] * 3 + [False] * 2
    assert passed("genrelens", logging.ERROR, 1.2)
    assert all(passed("asyncio", logging.INFO, 1.3) for _ in range(5))
    assert passed("asyncio", logging.ERROR, 2.0)


def test_a_line_of_the_log_is_one_line_of_json() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "b\nc %s", ("ü\x1b",), None)
    setattr(record, LOG_FIELDS, {"path": "\r\n{}"})
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    told = json.loads(line)
    assert told["message"] == "b\nc ü\x1b"
    assert told["path"] == "\r\n{}"
