"""`POST /v1/predictions`: classify uploaded files."""

import time
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response
from pydantic import Field

from genrelens import errors
from genrelens.defaults import DEFAULT_WINDOWS
from genrelens.errors import DeadlineError, GenrelensError, display_name
from genrelens.explain.explanation import Method
from genrelens.prediction import Failure
from genrelens.web.core.auth import bearer_token, client_id, keyed_route
from genrelens.web.core.openapi import UPLOAD_BODY, json_example
from genrelens.web.core.problems import failure_response, failure_status
from genrelens.web.core.telemetry import RequestStats
from genrelens.web.routes.responses import EXAMPLE_RESULTS, FailedResult, Results
from genrelens.web.services import Services
from genrelens.web.workers.messages import Job, JobResult

_MAX_LABELS = 1000
_MAX_WINDOWS = 1000

Top = Annotated[
    int | None,
    Query(ge=1, le=_MAX_LABELS, description="Number of most probable genres to return; all by default."),
]
Windows = Annotated[
    Literal["all"] | Annotated[int, Field(ge=1, le=_MAX_WINDOWS)],
    Query(description="Number of windows to analyse, spread over each track; or `all`, overlapping."),
]
ModelName = Annotated[str | None, Query(description="A name from /v1/models; the default model if omitted.")]
Explain = Annotated[
    Method | None,
    Query(description="Add explanations: class activation maps (`cam`, fast) or `occlusion` (works with any model)."),
]

_ERRORS = (
    *(errors.MalformedUploadError, errors.ModelNotFoundError, errors.SlowUploadError, errors.TooLargeError),
    *(errors.TooLongError, errors.NotMultipartError, errors.MissingFileError, errors.UndecodableAudioError),
    *(errors.DeadlineError, errors.ShareExceededError, errors.OverloadedError),
)


def add_predictions(app: FastAPI, services: Services) -> None:
    """Add the route to an app."""

    @app.post(
        "/v1/predictions",
        summary="Classify audio files",
        response_model=Results,
        openapi_extra=UPLOAD_BODY,
        **keyed_route(services.settings, json_example(EXAMPLE_RESULTS), *_ERRORS),
    )
    async def predict(
        request: Request,
        top: Top = None,
        windows: Windows = DEFAULT_WINDOWS,
        model: ModelName = None,
        explain: Explain = None,
    ) -> Response:
        """Return one result per file, in the order of the request.

        A file that cannot be classified has an error with a status instead. If all files fail, the response is the
        first error, as a problem.
        """
        name = services.pool.require_model(model).name
        client = client_id(request, bearer_token(request), services.settings.api_keys)
        with services.limiter.slot(client), services.metrics.uploads.track_inprogress():
            async with services.spool.uploads(request, services.settings) as uploads:
                jobs = [
                    Job(path=str(upload.path), name=upload.name, model=name, windows=windows, top=top, explain=explain)
                    for upload in uploads
                ]
                results = await _run_jobs(services, request, jobs, client)
        _count(services, request.state.stats, results)
        failures = [result for result in results if isinstance(result, Failure)]
        if failures and len(failures) == len(results):
            return failure_response(request, failures[0])
        return _respond(results, explained=explain is not None)


async def _run_jobs(services: Services, request: Request, jobs: list[Job], client: str) -> list[JobResult]:
    """Run the jobs of a request one after another, so that it occupies one worker at most."""
    results: list[JobResult] = []
    deadline = time.monotonic() + services.settings.request_seconds
    for job in jobs:
        if await request.is_disconnected():
            break
        results.append(await _run_job(services, job, client, deadline))
    return results


async def _run_job(services: Services, job: Job, client: str, deadline: float) -> JobResult:
    try:
        if time.monotonic() > deadline:
            raise DeadlineError(
                f"{display_name(job.name)} was not started within {services.settings.request_seconds:g} s because of "
                "the files before it; send fewer files at a time"
            )
        return await services.pool.run(job, client)
    except GenrelensError as error:
        return Failure.from_error(job.name, error)


def _respond(results: list[JobResult], *, explained: bool) -> Response:
    entries = Results(
        results=tuple(
            FailedResult(**dict(result), status=failure_status(result)) if isinstance(result, Failure) else result
            for result in results
        )
    )
    omitted = None if explained else {"results": {"__all__": {"spectrogram", "explanations"}}}
    return Response(entries.model_dump_json(exclude=omitted), media_type="application/json")


def _count(services: Services, stats: RequestStats, results: list[JobResult]) -> None:
    for result in results:
        stats.files += 1
        if isinstance(result, Failure):
            stats.failed += 1
        else:
            stats.audio_seconds += result.duration
    services.metrics.files.labels("judged").inc(stats.files - stats.failed)
    services.metrics.files.labels("failed").inc(stats.failed)
    services.metrics.audio_seconds.inc(stats.audio_seconds)
