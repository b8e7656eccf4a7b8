"""The server as an ASGI app: routes, and what stands around each of them."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware

from genrelens.web.core.openapi import problem_schemas
from genrelens.web.core.problems import handle_problems
from genrelens.web.core.services import Services
from genrelens.web.core.settings import Settings
from genrelens.web.core.telemetry import REQUEST_ID, Telemetry
from genrelens.web.live.route import add_live
from genrelens.web.middleware.errors import Unforeseen
from genrelens.web.middleware.headers import SecurityHeaders
from genrelens.web.middleware.hosts import KnownHosts
from genrelens.web.middleware.origins import KnownOrigins
from genrelens.web.routes.library import add_library
from genrelens.web.routes.models import add_models
from genrelens.web.routes.operations import add_operations
from genrelens.web.routes.predictions import add_predictions

_STATIC = Path(__file__).parents[1] / "static"


def make_app(settings: Settings) -> FastAPI:
    """A server that is set up so; its parts are in `app.state.services`, started when the app is.

    Raises, when started:
        ModelError: a model cannot be found or used.
        WorkerError: no worker process can be started.
    """
    services = Services.of(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with services.spool:
            try:
                await services.pool.start()
                yield
            finally:
                await services.pool.stop()

    app = FastAPI(
        title="GenreLens",
        summary="Tells what genre a piece of music is, and why.",
        version=version("genrelens"),
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,  # which would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.services = services
    _add_routes(app, services)
    handle_problems(app)
    _surround(app, services)
    return app


def _add_routes(app: FastAPI, services: Services) -> None:
    add_predictions(app, services)
    add_models(app, services)
    add_operations(app, services)
    add_live(app, services)
    if services.settings.library:
        add_library(app, services, services.settings.library)

    index = (_STATIC / "index.html").read_text("utf-8")
    if services.settings.library:
        index = index.replace(' id="to-library" hidden', ' id="to-library"')

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(index)

    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.openapi()["components"]["schemas"] |= problem_schemas()  # it is made once, and before HEAD is in it
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


def _surround(app: FastAPI, services: Services) -> None:
    """From the inside to the outside."""
    app.add_middleware(Unforeseen)
    if services.settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=services.settings.cors,
            allow_methods=["*"],  # what is not possible is told as a problem by what is asked
            allow_headers=["*"],
            expose_headers=[REQUEST_ID, "Retry-After"],
        )
    app.add_middleware(KnownOrigins, origins=services.settings.cors)
    if services.settings.hosts:
        app.add_middleware(KnownHosts, hosts=services.settings.hosts)
    app.add_middleware(Telemetry, metrics=services.metrics)
    app.add_middleware(SecurityHeaders)
