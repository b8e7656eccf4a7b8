"""`genrelens library scan`: what is in a folder, without opening a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import opened
from genrelens.cli.options import Quiet

if TYPE_CHECKING:
    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.scan.scan import ScanResult


def scan(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(help="Folders of music.", metavar="FOLDER")],
    digest: Annotated[
        bool,
        typer.Option(
            "--digest",
            help="Also read new files whole, once, to know them again when they are renamed or retagged.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Find what is new, changed, moved or gone; nothing is judged yet.

    Exits with 1 if a folder or file could not be read: each is named, and its tracks stay as they were.
    """
    from genrelens.library.scan.scan import scan_folder as look_into

    failed = False
    with opened(context) as catalog:
        for folder in folders:
            found = look_into(catalog, folder)
            for unread in found.unreadable:
                typer.secho(str(unread), fg="red", err=True)
            failed |= bool(found.unreadable)
            print(_line(folder, found))
            if digest:
                failed |= not _digest(catalog, folder, quiet)
    if failed:
        raise typer.Exit(1)


def _digest(catalog: "Catalog", folder: Path, quiet: bool) -> bool:
    """Read what is new, and tell what is known again; whether all files could be read."""
    from genrelens.cli.progress import progress_bar
    from genrelens.library.scan.digests import count_undigested, digest_tracks, relink_moved

    good = True
    with progress_bar("Reading", count_undigested(catalog, folder), visible=not quiet) as advance:
        for failure in digest_tracks(catalog, folder):
            if failure:
                typer.secho(failure.error.message, fg="red", err=True)
                good = False
            advance()
    if joined := relink_moved(catalog):
        print(f"{joined:,} of the new files are known by their audio, and keep what was told of them")
    return good


def _line(folder: Path, found: "ScanResult") -> str:
    from genrelens.errors import display_name

    kinds = ("new", "changed", "moved", "returned", "vanished")
    counts = ", ".join(f"{count:,} {kind}" for kind in kinds if (count := getattr(found, kind)))
    return f"{display_name(folder)}: {found.found:,} audio files; {counts or 'nothing has changed'}"
