"""`genrelens serve`: the page and the REST API."""

from pathlib import Path
from typing import Annotated

import typer

_LOCAL = ("127.0.0.1", "::1", "localhost")


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")] = 8765,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A model to offer; repeat for more. The first is asked by default."),
    ] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option(envvar="GENRELENS_API_KEY", help="A key that clients must send; repeat for more."),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Let pages from there ask too; repeat for more.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name under which to be asked, beside localhost; repeat for more."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode and judge.")] = 1,
    worker_mb: Annotated[int, typer.Option(min=1, help="Data that each may have in memory, in MB.")] = 320,
    max_mb: Annotated[int, typer.Option(min=1, help="The largest request, in MB.")] = 64,
    max_files: Annotated[int, typer.Option(min=1, help="The most files in a request.")] = 16,
    max_seconds: Annotated[float, typer.Option(min=1, help="The longest audio, in seconds.")] = 3600,
    file_seconds: Annotated[float, typer.Option(min=1, help="The longest time to judge a file, in seconds.")] = 60,
    upload_seconds: Annotated[float, typer.Option(min=1, help="The longest time for a request to arrive.")] = 120,
    wait_seconds: Annotated[float, typer.Option(min=1, help="The longest time that a file waits for a worker.")] = 90,
    request_seconds: Annotated[
        float, typer.Option(min=1, help="The time in which the files of a request must be begun.")
    ] = 300,
    shutdown_seconds: Annotated[
        float, typer.Option(min=1, help="The time that requests have to finish when the server ends.")
    ] = 30,
    max_connections: Annotated[int, typer.Option(min=1, help="The most connections at once.")] = 256,
    max_requests: Annotated[int, typer.Option(min=1, help="The most requests with files at once.")] = 16,
    max_share: Annotated[int, typer.Option(min=1, help="The most of these for one client.")] = 4,
    library: Annotated[
        bool, typer.Option("--library", help="Show the music library, too, and let it be heard.")
    ] = False,
    catalog: Annotated[
        Path | None,
        typer.Option(
            envvar="GENRELENS_CATALOG", help="With --library: its catalog; that of `genrelens library` if not given."
        ),
    ] = None,
    max_live: Annotated[int, typer.Option(min=0, help="The most that are listened to at once.")] = 8,
) -> None:
    """Serve the page and the REST API until Ctrl-C; logs go to stderr, as JSON."""
    from pydantic import ValidationError

    from genrelens.web.core.server import run
    from genrelens.web.core.settings import MB, LiveLimits, Settings

    named = context.get_parameter_source("catalog")
    if named is not None and named.name == "COMMANDLINE" and not library:  # a variable may be set for other commands
        raise typer.BadParameter("a catalog is shown with --library alone", param_hint="--catalog")
    try:
        settings = Settings(
            models=tuple(model or ["lens"]),
            api_keys=tuple(filter(None, api_key or ())),  # a variable may be set and empty
            cors=tuple(cors or ()),
            hosts=_hosts(host, allowed_host or []),
            workers=workers,
            worker_mb=worker_mb,
            max_bytes=max_mb * MB,
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
            live=LiveLimits(sessions=max_live),
            library=_catalog(catalog) if library else None,
        )
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"], param_hint="--api-key") from error
    if host not in _LOCAL and not settings.api_keys:
        typer.echo(f"genrelens: whoever reaches {host} may ask this server; give an --api-key to change that", err=True)
    run(settings, host, port, lambda address: print(f"GenreLens is at {address} (Ctrl-C ends it)", flush=True))


def _catalog(given: Path | None) -> Path:
    from genrelens.library.catalog.catalog import default_path

    return given or default_path()


def _hosts(host: str, allowed: list[str]) -> tuple[str, ...]:
    """The names that a server knows which listens to `host`: if others can reach it, all, unless some are given."""
    return (*_LOCAL, *allowed) if host in _LOCAL or allowed else ()
