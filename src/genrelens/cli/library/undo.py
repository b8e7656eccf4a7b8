"""`genrelens library undo`: files as they were before their tags were written."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.tagging.undo import Undone


def undo(
    context: typer.Context,
    run: Annotated[
        int | None, typer.Argument(help="The number of a run; the last one that stands if not given.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Tell the runs that wrote tags, and change nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for each file.")] = False,
) -> None:
    """Put the files of a run back, byte for byte.

    A file that was changed since, by another program or a later run, is left as it is. Exits with 1 if there is one.
    """
    from genrelens.library.tagging.undo import undo as undone

    with opened(context) as catalog:
        if listed:
            _list(catalog)
            return
        failures = [_told(result, json=json) for result in undone(catalog, run)]
        if not json:
            _count(catalog, run, len(failures), sum(failures))
    if any(failures):
        raise typer.Exit(1)


def _told(result: "Undone", *, json: bool) -> bool:
    """Print what became of a file; gives whether it could not be put back."""
    from rich.console import Console
    from rich.text import Text

    from genrelens.errors import display_name

    if json:
        print(result.to_json(), flush=True)
    elif result.failure:
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text(result.failure, "red"))
    else:
        old, new = (" | ".join(map(display_name, genres)) or "(none)" for genres in (result.old, result.new))
        Console(highlight=False, soft_wrap=True).print(Text(f"{old} -> {new}  {display_name(result.path)}"))
    return result.failure is not None


def _count(catalog: "Catalog", run: int | None, files: int, failed: int) -> None:
    """Print how many files are put back; where some are not, how to go on without them."""
    from genrelens.errors import NoTracksError
    from genrelens.library.tagging.journal import last_run

    typer.echo(f"{files - failed} put back" + (f", {failed} not" if failed else ""), err=True)
    if failed:
        with contextlib.suppress(NoTracksError):
            before = last_run(catalog, before=run or last_run(catalog))
            typer.echo(f"undo the run before with `genrelens library undo {before}`", err=True)


def _list(catalog: "Catalog") -> None:
    from genrelens.library.tagging.journal import runs

    for run in runs(catalog):
        counts = f"{run.written} written, {run.undone} undone"
        print(f"{run.id:>5}  {run.began}  {counts}  {_asked(run.options)}")


def _asked(options: "Mapping[str, object]") -> str:
    """Options as they are typed; those that were not given have no value."""
    from genrelens.errors import display_name

    given = ((name, value) for name, value in options.items() if value is not None and value is not False)
    return " ".join(f"--{name}" if value is True else f"--{name} {display_name(str(value))}" for name, value in given)
