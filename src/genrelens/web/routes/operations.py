"""What those ask who keep the server running: is it alive, is it ready, what does it do."""

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST

from genrelens.errors import NotReadyError, UnauthorisedError
from genrelens.web.core.auth import keyed
from genrelens.web.core.openapi import example, problems
from genrelens.web.core.responses import Status
from genrelens.web.core.services import Services


def add_operations(app: FastAPI, services: Services) -> None:
    """Have an app answer it; only the figures need a key."""

    @app.get("/healthz", summary="Is the server alive?", responses={200: example({"status": "alive"}), **problems()})
    async def healthz() -> Status:
        """It answers, so it is."""
        return Status(status="alive")

    @app.get(
        "/readyz",
        summary="Can files be judged?",
        responses={200: example({"status": "ready"}), **problems(NotReadyError)},
    )
    async def readyz() -> Status:
        """Whether a worker has the models loaded."""
        if not services.pool.ready:
            raise NotReadyError("no worker has its models loaded yet; try again soon")
        return Status(status="ready")

    @app.get(
        "/metrics",
        summary="Figures for Prometheus",
        dependencies=keyed(services.settings),
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(UnauthorisedError)},
    )
    async def show_metrics() -> Response:
        """Requests, their time, who waits, and how much was heard."""
        return Response(services.metrics.text(), media_type=CONTENT_TYPE_LATEST)
