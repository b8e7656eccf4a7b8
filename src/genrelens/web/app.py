"""The server as an ASGI app: its routes and the middleware around them."""

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
from genrelens.web.core.problems import add_exception_handlers
from genrelens.web.core.settings import Settings
from genrelens.web.live.route import add_live
from genrelens.web.middleware import REQUEST_ID, InternalErrors, SecurityHeaders, Telemetry, TrustedSources
from genrelens.web.routes.info import add_models, add_operations
from genrelens.web.routes.library import add_library
from genrelens.web.routes.predictions import add_predictions
from genrelens.web.services import Services

_STATIC = Path(__file__).parent / "static"


def make_app(settings: Settings) -> FastAPI:
    """Create the app of a server; its components, in `app.state.services`, start with its lifespan.

    Raises:
        CatalogError: the catalog of the library does not exist or cannot be opened.
        ModelError: on startup, if a model cannot be found or used.
        WorkerError: on startup, if no worker process can be started.
    """
    services = Services.from_settings(settings)

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
        summary="Music genre recognition with explanations.",
        version=version("genrelens"),
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,  # it would load scripts from a CDN
        redoc_url=None,
    )
    app.state.services = services
    _add_routes(app, services)
    add_exception_handlers(app)
    _add_middleware(app, services)
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
    # The document is generated once and cached, here: before HEAD is added, which it would list as an operation.
    app.openapi()["components"]["schemas"] |= problem_schemas()
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


def _add_middleware(app: FastAPI, services: Services) -> None:
    """Add the middleware from the innermost to the outermost."""
    app.add_middleware(InternalErrors)
    if services.settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=services.settings.cors,
            allow_methods=["*"],  # the routes refuse other methods, with a problem
            allow_headers=["*"],
            expose_headers=[REQUEST_ID, "Retry-After"],
        )
    app.add_middleware(TrustedSources, hosts=services.settings.hosts, origins=services.settings.cors)
    app.add_middleware(Telemetry, metrics=services.metrics)
    app.add_middleware(SecurityHeaders)
