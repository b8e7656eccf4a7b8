"""`POST /v1/predictions`: files in, genres out."""

import time
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from genrelens import errors
from genrelens.errors import DeadlineError, GenrelensError, ModelNotFoundError, display_name
from genrelens.explain.explanation import Method
from genrelens.prediction import Failure
from genrelens.web.core.auth import client_id, key_dependencies, bearer_token
from genrelens.web.core.openapi import EXAMPLE_RESULTS, UPLOAD_BODY, json_example, problem_responses
from genrelens.web.core.problems import failure_response, failure_status
from genrelens.web.routes.responses import FailedResult, Results
from genrelens.web.services import Services
from genrelens.web.core.telemetry import RequestStats
from genrelens.web.workers.messages import Job

_MOST_WINDOWS = 1000

Top = Annotated[
    int | None, Query(ge=1, le=1000, description="How many genres to tell, the most probable first; all if not given.")
]
Windows = Annotated[
    Literal["all"] | Annotated[int, Field(ge=1, le=_MOST_WINDOWS)],
    Query(description="How many windows of each track to hear, spread over it; or all, overlapping."),
]
ModelName = Annotated[str | None, Query(description="A name from /v1/models; the default model if not given.")]
Explain = Annotated[
    Method | None,
    Query(description="Tell also what speaks for each genre: class activation maps (fast) or occlusion (any model)."),
]

_ERRORS = (
    *(errors.MalformedUploadError, errors.UnauthorisedError, errors.ModelNotFoundError, errors.SlowUploadError),
    *(errors.TooLargeError, errors.TooLongError, errors.NotMultipartError, errors.MissingFileError),
    *(errors.UndecodableAudioError, errors.DeadlineError, errors.ShareExceededError, errors.OverloadedError),
)


def add_predictions(app: FastAPI, services: Services) -> None:
    """Have an app answer it."""

    @app.post(
        "/v1/predictions",
        summary="Tell the genre of files",
        response_model=Results,
        responses={200: json_example(EXAMPLE_RESULTS), **problem_responses(*_ERRORS)},
        openapi_extra=UPLOAD_BODY,
        dependencies=key_dependencies(services.settings),
    )
    async def predict(
        request: Request, top: Top = None, windows: Windows = "all", model: ModelName = None, explain: Explain = None
    ) -> Response:
        """One result for each file, in their order.

        A file that cannot be used gives a failure with a status in its place; if that is so of all files, the first
        failure is the answer.
        """
        name = model_name(services, model)
        client = client_id(request, bearer_token(request), services.settings.api_keys)
        with services.gate.entered(client), services.metrics.under_way.track_inprogress():
            async with services.spool.uploads(request, services.settings) as uploads:
                jobs = [
                    Job(path=str(one.path), name=one.name, model=name, windows=windows, top=top, explain=explain)
                    for one in uploads
                ]
                return await _answer(services, request, jobs, client)


def model_name(services: Services, asked: str | None) -> str:
    """The model that is meant.

    Raises:
        ModelNotFoundError: this server does not have it.
    """
    offers = services.pool.offers
    if asked is None:
        return next(iter(offers))
    if asked not in offers:
        raise ModelNotFoundError(f"there is no model {asked!r}; this server has {', '.join(offers)}")
    return asked


async def _answer(services: Services, request: Request, jobs: list[Job], client: str) -> Response:
    """Do the jobs one after another: a request of many files has no more than one worker at a time."""
    results: list[dict[str, Any] | Failure] = []
    end = time.monotonic() + services.settings.request_seconds
    for job in jobs:
        if await request.is_disconnected():
            break  # nobody waits for the rest
        results.append(await _result(services, job, client, end))
    _count(services, request.state.tally, results)
    failures = [result for result in results if isinstance(result, Failure)]
    if failures and len(failures) == len(results):
        return failure_response(request, failures[0])
    return JSONResponse({"results": [_failed(one) if isinstance(one, Failure) else one for one in results]})


async def _result(services: Services, job: Job, client: str, end: float) -> dict[str, Any] | Failure:
    try:
        if time.monotonic() > end:
            raise DeadlineError(
                f"{display_name(job.name)} was not begun within {services.settings.request_seconds:g} s, as those before it "
                "took longer; send fewer files at a time"
            )
        outcome = await services.pool.run(job, client)
    except GenrelensError as error:
        return Failure.from_error(job.name, error)
    return outcome.failure or outcome.result or {}


def _failed(failure: Failure) -> dict[str, Any]:
    return FailedResult(**failure.model_dump(), status=failure_status(failure)).model_dump()


def _count(services: Services, tally: RequestStats, results: list[dict[str, Any] | Failure]) -> None:
    for result in results:
        tally.files += 1
        if isinstance(result, Failure):
            tally.failed += 1
        else:
            tally.audio_seconds += result["duration"]
    services.metrics.files.labels("judged").inc(tally.files - tally.failed)
    services.metrics.files.labels("failed").inc(tally.failed)
    services.metrics.audio.inc(tally.audio_seconds)
