"""`genrelens library undo`: restore files as they were before a run wrote their tags."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import open_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.tagging.undo import UndoResult


def undo(
    context: typer.Context,
    run: Annotated[
        int | None, typer.Argument(help="Number of the run; by default, the latest one with anything to undo.")
    ] = None,
    list_runs: Annotated[
        bool, typer.Option("--list", help="List the runs that wrote tags, and change nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Restore the files of a run, byte for byte.

    A file that another program or a later run has changed since is left unchanged. Exits with 1 if there is one.
    """
    from genrelens.library.tagging.undo import undo as undo_run

    with open_catalog(context) as catalog:
        if list_runs:
            _print_runs(catalog)
            return
        failed = [_print_result(result, json=json) for result in undo_run(catalog, run)]
        if not json:
            _print_summary(catalog, run, len(failed), sum(failed))
    if any(failed):
        raise typer.Exit(1)


def _print_result(result: "UndoResult", *, json: bool) -> bool:
    """Print the result for a file, and return whether it failed."""
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


def _print_summary(catalog: "Catalog", run: int | None, files: int, failures: int) -> None:
    """Print how many files were restored and, if some were not, how to undo the run before all the same."""
    from genrelens.errors import NoTracksError
    from genrelens.library.tagging.journal import Journal

    typer.echo(f"{files - failures} restored" + (f", {failures} not" if failures else ""), err=True)
    if failures:
        journal = Journal(catalog)
        with contextlib.suppress(NoTracksError):
            previous = journal.last_run(before=run or journal.last_run())
            typer.echo(f"undo the run before with `genrelens library undo {previous}`", err=True)


def _print_runs(catalog: "Catalog") -> None:
    from genrelens.library.tagging.journal import Journal

    for run in Journal(catalog).runs():
        counts = f"{run.written} written, {run.undone} undone"
        print(f"{run.id:>5}  {run.began}  {counts}  {_format_options(run.options)}")


def _format_options(options: "Mapping[str, object]") -> str:
    """Format options as on the command line, without those that were not given."""
    from genrelens.errors import display_name

    given = ((name, value) for name, value in options.items() if value is not None and value is not False)
    return " ".join(f"--{name}" if value is True else f"--{name} {display_name(str(value))}" for name, value in given)
