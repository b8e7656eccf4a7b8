"""`genrelens serve`: the web page and the REST API."""

from pathlib import Path
from typing import Annotated, Any

import typer

from genrelens.web.core.settings import LiveLimits, Settings

_LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
_DEFAULTS = Settings()


def _limit(name: str, settings: type[Settings] | type[LiveLimits] = Settings) -> Any:
    """Return the option for a field of the settings, with its description and lower bound."""
    field = settings.model_fields[name]
    bounds = [bound.ge for bound in field.metadata if hasattr(bound, "ge")]
    return typer.Option(help=field.description, min=bounds[0] if bounds else None)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="IP address to bind; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0 picks a free one.")] = 8765,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Model to serve; repeat for more. The first one is the default."),
    ] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option(envvar="GENRELENS_API_KEY", help="API key that clients must send; repeat for more."),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Allowed CORS origin; repeat for more.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Accepted name in the Host header besides localhost; repeat for more."),
    ] = None,
    workers: Annotated[int, _limit("workers")] = _DEFAULTS.workers,
    worker_mb: Annotated[int, _limit("worker_mb")] = _DEFAULTS.worker_mb,
    max_mb: Annotated[int, _limit("max_mb")] = _DEFAULTS.max_mb,
    max_files: Annotated[int, _limit("max_files")] = _DEFAULTS.max_files,
    max_seconds: Annotated[float, _limit("max_seconds")] = _DEFAULTS.max_seconds,
    file_seconds: Annotated[float, _limit("file_seconds")] = _DEFAULTS.file_seconds,
    upload_seconds: Annotated[float, _limit("upload_seconds")] = _DEFAULTS.upload_seconds,
    wait_seconds: Annotated[float, _limit("wait_seconds")] = _DEFAULTS.wait_seconds,
    request_seconds: Annotated[float, _limit("request_seconds")] = _DEFAULTS.request_seconds,
    shutdown_seconds: Annotated[float, _limit("shutdown_seconds")] = _DEFAULTS.shutdown_seconds,
    max_connections: Annotated[int, _limit("max_connections")] = _DEFAULTS.max_connections,
    max_requests: Annotated[int, _limit("max_requests")] = _DEFAULTS.max_requests,
    max_share: Annotated[int, _limit("max_share")] = _DEFAULTS.max_share,
    library: Annotated[
        bool, typer.Option("--library", help="Also serve the music library: browsing, search and playback.")
    ] = False,
    catalog: Annotated[
        Path | None,
        typer.Option(
            envvar="GENRELENS_CATALOG",
            help="Catalog path (SQLite) for --library; defaults to the catalog of `genrelens library`.",
        ),
    ] = None,
    max_live: Annotated[int, _limit("max_sessions", LiveLimits)] = _DEFAULTS.live.max_sessions,
) -> None:
    """Serve the web page and the REST API until Ctrl-C; logs go to stderr, as JSON."""
    from pydantic import ValidationError

    from genrelens.web.server import run

    source = context.get_parameter_source("catalog")
    if source is not None and source.name == "COMMANDLINE" and not library:  # the variable serves other commands too
        raise typer.BadParameter("--catalog requires --library", param_hint="--catalog")
    try:
        settings = Settings(
            models=tuple(model) if model else _DEFAULTS.models,
            api_keys=tuple(filter(None, api_key or ())),  # the variable may be set and empty
            cors=tuple(cors or ()),
            hosts=_accepted_hosts(host, allowed_host or []),
            workers=workers,
            worker_mb=worker_mb,
            max_mb=max_mb,
            max_files=max_files,
            max_seconds=max_seconds,
            file_seconds=file_seconds,
            upload_seconds=upload_seconds,
            wait_seconds=wait_seconds,
            request_seconds=request_seconds,
            shutdown_seconds=shutdown_seconds,
            max_connections=max_connections,
            max_requests=max_requests,
            max_share=max_share,
            live={"max_sessions": max_live},
            library=_catalog_path(catalog) if library else None,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        option = {"api_keys": "--api-key", "live": "--max-live"}.get(field, f"--{field.replace('_', '-')}")
        raise typer.BadParameter(first["msg"], param_hint=option) from error
    if host not in _LOCAL_HOSTS and not settings.api_keys:
        typer.echo(
            f"genrelens: anyone who can reach {host} can use this server; require a key with --api-key", err=True
        )
    run(settings, host, port, lambda url: print(f"GenreLens running on {url} (press Ctrl-C to quit)", flush=True))


def _catalog_path(path: Path | None) -> Path:
    from genrelens.library.catalog.catalog import default_path

    return path or default_path()


def _accepted_hosts(host: str, allowed: list[str]) -> tuple[str, ...]:
    """Return the accepted host names of a server bound to `host`.

    A server that others can reach accepts any name unless names are given.
    """
    return (*_LOCAL_HOSTS, *allowed) if host in _LOCAL_HOSTS or allowed else ()
