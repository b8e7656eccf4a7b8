"""Routes for operators: liveness, readiness and metrics."""

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST

from genrelens.errors import NotReadyError, UnauthorisedError
from genrelens.web.core.auth import key_dependencies
from genrelens.web.core.openapi import json_example, problem_responses
from genrelens.web.routes.responses import Status
from genrelens.web.services import Services


def add_operations(app: FastAPI, services: Services) -> None:
    """Add the routes to an app; only the metrics require an API key."""

    @app.get(
        "/healthz",
        summary="Check liveness",
        responses={200: json_example({"status": "alive"}), **problem_responses()},
    )
    async def healthz() -> Status:
        """Return 200 while the server is alive."""
        return Status(status="alive")

    @app.get(
        "/readyz",
        summary="Check readiness",
        responses={200: json_example({"status": "ready"}), **problem_responses(NotReadyError)},
    )
    async def readyz() -> Status:
        """Return 200 while a worker has its models loaded."""
        if not services.pool.ready:
            raise NotReadyError("no worker has loaded its models yet; try again soon")
        return Status(status="ready")

    @app.get(
        "/metrics",
        summary="Prometheus metrics",
        dependencies=key_dependencies(services.settings),
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **problem_responses(UnauthorisedError),
        },
    )
    async def show_metrics() -> Response:
        """Return request counts and latencies, queue lengths, and the amount of audio classified."""
        return Response(services.metrics.render(), media_type=CONTENT_TYPE_LATEST)
