"""Every error as application/problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.prediction import Failure

MEDIA_TYPE = "application/problem+json"

_RETRY_AFTER = {429: "1", 503: "5"}  # s

# Of the nearest class above an error that is named here; all others are 422: understood, but of no use.
_STATUSES: dict[type[GenrelensError], int] = {
    errors.MalformedUploadError: 400,
    errors.UnauthorisedError: 401,
    errors.ModelNotFoundError: 404,
    errors.TrackNotFoundError: 404,
    errors.SlowUploadError: 408,
    errors.TooLargeError: 413,
    errors.TooLongError: 413,
    errors.NotMultipartError: 415,
    errors.ForeignPageError: 403,
    errors.WrongHostError: 421,
    errors.ShareExceededError: 429,
    errors.OverloadedError: 503,
    errors.NotReadyError: 503,
    errors.ListenerLostError: 503,
    errors.CatalogError: 503,
    GenrelensError: 422,
}


class Complaint(BaseModel):
    """What is wrong with one parameter."""

    model_config = ConfigDict(frozen=True)

    parameter: str
    detail: str


class Problem(BaseModel):
    """An error: `title` says what kind it is, `detail` what happened this time and what to do about it.

    `instance` has the number under which the log tells of the request.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[Complaint, ...] | None = None


def handle_problems(app: FastAPI) -> None:
    """Have every error of an app told as a problem."""
    app.add_exception_handler(GenrelensError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def status_of(failure: Failure) -> int:
    """The status that fits a file that could not be used."""
    return status_for(getattr(errors, failure.error.type, GenrelensError))


def failure_problem(request: Request, failure: Failure) -> Response:
    """A failure as the answer to a request."""
    kind = getattr(errors, failure.error.type, GenrelensError)
    return _answer(request, status_for(kind), failure.error.message, kind=kind)


def error_problem(request: HTTPConnection, error: GenrelensError) -> Response:
    """An error as the answer to a request, or to the handshake of a websocket."""
    return _answer(request, status_for(type(error)), str(error), kind=type(error))


def unforeseen(request: Request) -> Response:
    """What is told of an error of ours."""
    return _answer(request, 500, "something went wrong that should not have; tell us the instance of this problem")


def status_for(kind: type[GenrelensError]) -> int:
    """The status of the answer to a request that ends in such an error."""
    return next(_STATUSES[own] for own in kind.__mro__ if own in _STATUSES)


def type_of(kind: type[GenrelensError]) -> str:
    """A name for a kind of problem that no one else uses (a tag URI, RFC 4151)."""
    return f"tag:genrelens,2026:{kind.__name__}"


def title_of(kind: type[GenrelensError]) -> str:
    """What a kind of problem is: its class says that in one line."""
    return (kind.__doc__ or kind.__name__).partition("\n")[0].rstrip(".")


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GenrelensError)
    return error_problem(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    complaints = tuple(
        Complaint(parameter=str(one["loc"][1] if len(one["loc"]) > 1 else one["loc"][0]), detail=one["msg"])
        for one in error.errors()
    )
    names = ", ".join(dict.fromkeys(complaint.parameter for complaint in complaints))
    return _answer(request, 422, f"cannot be used: {names}; see `errors`", complaints=complaints)


async def _on_http(request: Request, error: Exception) -> Response:
    """What the framework refuses; a question for what may be asked (OPTIONS) is answered."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(headers.get("Allow", ""))
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
    detail = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}; /openapi.json tells what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here; {headers.get('Allow')} are",
    }.get(HTTPStatus(error.status_code), str(error.detail))
    return _answer(request, error.status_code, detail, headers=headers)


def _allowed(methods: str) -> str:
    given = {method.strip() for method in methods.split(",") if method.strip()}
    return ", ".join(sorted(given | {"OPTIONS"} | ({"HEAD"} if "GET" in given else set())))


def _answer(
    request: HTTPConnection,
    status: int,
    detail: str,
    *,
    kind: type[GenrelensError] | None = None,
    complaints: tuple[Complaint, ...] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = Problem(
        type=type_of(kind) if kind else "about:blank",
        title=title_of(kind) if kind else HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=f"urn:uuid:{request.state.id}",
        errors=complaints,
    )
    more: dict[str, Any] = dict(headers or {})
    if status in _RETRY_AFTER:
        more["Retry-After"] = _RETRY_AFTER[status]
    if status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return Response(problem.model_dump_json(exclude_none=True), status, more, MEDIA_TYPE)
