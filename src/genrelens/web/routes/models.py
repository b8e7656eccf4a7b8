"""`GET /v1/models`: what can be asked, and what each model is."""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from genrelens import errors
from genrelens.web.core.auth import keyed
from genrelens.web.core.openapi import EXAMPLE_CARD, EXAMPLE_MODELS, example, problems
from genrelens.web.core.responses import CardJson, Models, ModelSummary
from genrelens.web.core.services import Services
from genrelens.web.routes.predictions import model_name


def add_models(app: FastAPI, services: Services) -> None:
    """Have an app answer it."""

    @app.get(
        "/v1/models",
        summary="List the models",
        dependencies=keyed(services.settings),
        responses={200: example(EXAMPLE_MODELS), **problems(errors.UnauthorisedError)},
    )
    async def list_models() -> Models:
        """The models that can be asked; the first one is, where none is named."""
        offers = services.pool.offers
        return Models(
            models=tuple(
                ModelSummary(name=offer.name, summary=offer.summary, default=rank == 0)
                for rank, offer in enumerate(offers.values())
            )
        )

    @app.get(
        "/v1/models/{name}",
        summary="Show a model's card",
        dependencies=keyed(services.settings),
        response_model=CardJson,
        responses={
            200: example(EXAMPLE_CARD),
            **problems(errors.UnauthorisedError, errors.ModelNotFoundError),
        },
    )
    async def show_model(name: str) -> Response:
        """All that is known of a model: labels, input, training, figures, licence."""
        return JSONResponse(services.pool.offers[model_name(services, name)].card)
