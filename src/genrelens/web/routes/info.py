"""Information about a running server: models and their cards, liveness, readiness and metrics."""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from genrelens.errors import ModelNotFoundError, NotReadyError
from genrelens.web.core.auth import keyed_route
from genrelens.web.core.openapi import Responses, json_example, problem_responses
from genrelens.web.routes.responses import EXAMPLE_CARD, EXAMPLE_MODELS, CardJson, Models, ModelSummary, Status
from genrelens.web.services import Services

_METRICS = {"content": {"text/plain": {"schema": {"type": "string"}}}}


def add_models(app: FastAPI, services: Services) -> None:
    """Add the routes of the models to an app."""

    @app.get("/v1/models", summary="List the models", **keyed_route(services.settings, json_example(EXAMPLE_MODELS)))
    async def list_models() -> Models:
        """Return the models of this server; the first one is the default."""
        return Models(
            models=tuple(
                ModelSummary(name=model.name, summary=model.summary, default=rank == 0)
                for rank, model in enumerate(services.pool.models.values())
            )
        )

    @app.get(
        "/v1/models/{name}",
        summary="Show a model card",
        response_model=CardJson,
        **keyed_route(services.settings, json_example(EXAMPLE_CARD), ModelNotFoundError),
    )
    async def show_model(name: str) -> Response:
        """Return the card of a model: labels, input, training, metrics, licence."""
        return JSONResponse(services.pool.require_model(name).card)


def add_operations(app: FastAPI, services: Services) -> None:
    """Add the routes for operators to an app; only the metrics require an API key."""
    alive: Responses = {200: json_example({"status": "alive"}), **problem_responses()}
    ready: Responses = {200: json_example({"status": "ready"}), **problem_responses(NotReadyError)}

    @app.get("/healthz", summary="Check liveness", responses=alive)
    async def healthz() -> Status:
        """Return 200 while the server is alive."""
        return Status(status="alive")

    @app.get("/readyz", summary="Check readiness", responses=ready)
    async def readyz() -> Status:
        """Return 200 while a worker has its models loaded."""
        if not services.pool.ready:
            raise NotReadyError("no worker has loaded its models yet; try again soon")
        return Status(status="ready")

    metrics = keyed_route(services.settings, _METRICS)

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response, **metrics)
    async def show_metrics() -> Response:
        """Return request counts and latencies, queue lengths, and the amount of audio classified."""
        return Response(services.metrics.render(), media_type=CONTENT_TYPE_LATEST)
