"""Errors as application/problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.prediction import Failure
from genrelens.records import FrozenModel

MEDIA_TYPE = "application/problem+json"

_RETRY_AFTER = {429: "1", 503: "5"}  # s

# An error has the status of its nearest listed base class; the default, 422, means understood but not usable.
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


class InvalidParameter(FrozenModel, extra="ignore"):
    """A parameter of the request, and why its value is invalid."""

    parameter: str
    detail: str


class Problem(FrozenModel, extra="ignore"):
    """An error: `title` names its kind, `detail` says what happened and what to do about it.

    `instance` contains the request ID, as in the server's log.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[InvalidParameter, ...] | None = None

    @classmethod
    def from_error(cls, error: GenrelensError, request_id: str) -> "Problem":
        """Describe an error of a request."""
        return _problem(type(error), error_status(type(error)), str(error), request_id)


def add_exception_handlers(app: FastAPI) -> None:
    """Make an app respond to every error with a problem."""
    app.exception_handler(GenrelensError)(_on_error)
    app.exception_handler(RequestValidationError)(_on_invalid)
    app.exception_handler(HTTPException)(_on_http)


def error_status(kind: type[GenrelensError]) -> int:
    """Return the HTTP status of a class of errors."""
    return next(_STATUSES[base] for base in kind.__mro__ if base in _STATUSES)


def failure_status(failure: Failure) -> int:
    """Return the HTTP status of a file that could not be classified; 500 if its error type is unknown."""
    kind = errors.by_name(failure.error.type)
    return error_status(kind) if kind else HTTPStatus.INTERNAL_SERVER_ERROR


def problem_title(kind: type[GenrelensError]) -> str:
    """Return the `title` of a problem: the first line of the error's docstring."""
    return (kind.__doc__ or kind.__name__).partition("\n")[0].rstrip(".")


def error_response(request: HTTPConnection, error: GenrelensError) -> Response:
    """Return the response to a request, or to a WebSocket handshake, that failed with an error."""
    return _respond(Problem.from_error(error, request.state.id))


def failure_response(request: Request, failure: Failure) -> Response:
    """Return the response to a request whose only result is a failure."""
    kind = errors.by_name(failure.error.type)
    if kind is None:
        return internal_error_response(request)
    return _respond(_problem(kind, error_status(kind), failure.error.message, request.state.id))


def internal_error_response(request: Request) -> Response:
    """Return the response to a request that failed with an unexpected error, without its details."""
    detail = "internal server error; please report it with the `instance` of this problem"
    return _respond(_problem(None, HTTPStatus.INTERNAL_SERVER_ERROR, detail, request.state.id))


async def _on_error(request: Request, error: GenrelensError) -> Response:
    return error_response(request, error)


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    invalid = tuple(
        InvalidParameter(parameter=str(details["loc"][:2][-1]), detail=details["msg"])
        for details in error.errors()  # whose `loc` is ("query", name, ...) or ("body",)
    )
    names = ", ".join(dict.fromkeys(parameter.parameter for parameter in invalid))
    problem = _problem(None, 422, f"invalid parameters: {names}; see `errors`", request.state.id)
    return _respond(problem.model_copy(update={"errors": invalid}))


async def _on_http(request: Request, error: HTTPException) -> Response:
    """Respond to errors of the framework, and to OPTIONS, which it reports as a method that is not allowed."""
    headers = dict(error.headers or {})
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"{request.url.path} does not exist; see /openapi.json for all paths"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = _allowed_methods(headers.get("Allow", ""))
        headers["Allow"] = ", ".join(methods)
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        detail = f"{request.method} is not allowed; use {' or '.join(headers['Allow'].rsplit(', ', 1))}"
    return _respond(_problem(None, error.status_code, detail, request.state.id), headers)


def _allowed_methods(allow: str) -> list[str]:
    methods = {method.strip() for method in allow.split(",") if method.strip()}
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))


def _problem(kind: type[GenrelensError] | None, status: int, detail: str, request_id: str) -> Problem:
    return Problem(
        type=f"tag:genrelens,2026:{kind.__name__}" if kind else "about:blank",  # a tag URI (RFC 4151)
        title=problem_title(kind) if kind else HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=f"urn:uuid:{request_id}",
    )


def _respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    all_headers: dict[str, Any] = dict(headers or {})
    if problem.status in _RETRY_AFTER:
        all_headers["Retry-After"] = _RETRY_AFTER[problem.status]
    if problem.status == HTTPStatus.UNAUTHORIZED:
        all_headers["WWW-Authenticate"] = "Bearer"
    return Response(problem.model_dump_json(exclude_none=True), problem.status, all_headers, MEDIA_TYPE)
