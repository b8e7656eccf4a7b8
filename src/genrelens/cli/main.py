"""The entry point: all commands, and the one place where an exception becomes a message and an exit status."""

import errno
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from genrelens.cli import explain, library, listen, models, predict, serve
from genrelens.cli.studio import benchmark, data, evaluate, stress, train, tune
from genrelens.errors import GenrelensError, display_name

app = typer.Typer(
    name="genrelens",
    help="Recognise music genres; train and evaluate the models that do it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(predict.predict)
app.command()(explain.explain)
app.command()(listen.listen)
app.add_typer(models.app)
app.add_typer(library.app)
app.command()(train.train)
app.command()(tune.tune)
app.command()(train.report)
app.command()(evaluate.evaluate)
app.command()(stress.stress)
app.command()(serve.serve)
app.command()(benchmark.benchmark)
app.add_typer(data.app)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"genrelens {version('genrelens')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: exit 0 on success, 1 on failure, 2 on a usage error, 130 when interrupted."""
    # Paths may contain bytes that are not UTF-8; print those bytes unchanged.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except GenrelensError as error:
        sys.exit(f"genrelens: {error}")
    except OSError as error:  # stdout is on a full disk, or its reader exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter would fail to flush the rest
        where = f"{display_name(error.filename)}: " if error.filename else ""
        sys.exit(1 if error.errno == errno.EPIPE else f"genrelens: {where}{error.strerror or error}")


if __name__ == "__main__":
    main()
