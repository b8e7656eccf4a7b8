"""`GET /v1/models`: the models of the server and their cards."""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from genrelens.errors import ModelNotFoundError, UnauthorisedError
from genrelens.web.core.auth import key_dependencies
from genrelens.web.core.openapi import json_example, problem_responses
from genrelens.web.routes.responses import EXAMPLE_CARD, EXAMPLE_MODELS, CardJson, Models, ModelSummary
from genrelens.web.services import Services


def add_models(app: FastAPI, services: Services) -> None:
    """Add the routes to an app."""

    @app.get(
        "/v1/models",
        summary="List the models",
        dependencies=key_dependencies(services.settings),
        responses={200: json_example(EXAMPLE_MODELS), **problem_responses(UnauthorisedError)},
    )
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
        dependencies=key_dependencies(services.settings),
        response_model=CardJson,
        responses={200: json_example(EXAMPLE_CARD), **problem_responses(UnauthorisedError, ModelNotFoundError)},
    )
    async def show_model(name: str) -> Response:
        """Return the card of a model: labels, input, training, metrics, licence."""
        return JSONResponse(services.pool.require_model(name).card)
