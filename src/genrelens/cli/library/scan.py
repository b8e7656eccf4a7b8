"""`genrelens library scan`: find the audio files of folders, without opening them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import open_catalog
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
            help="Also hash the audio of new files, to recognise them when they are renamed or retagged.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Find new, changed, moved and missing files; nothing is classified yet.

    Exits with 1 if a folder or file could not be read: each is listed, and the catalog keeps its tracks.
    """
    from genrelens.library.scan.scan import scan_folder

    failed = False
    with open_catalog(context) as catalog:
        for folder in folders:
            found = scan_folder(catalog, folder)
            for unread in found.unreadable:
                typer.secho(str(unread), fg="red", err=True)
            failed |= bool(found.unreadable)
            print(_line(folder, found))
            if digest:
                failed |= not _digest(catalog, folder, quiet)
    if failed:
        raise typer.Exit(1)


def _digest(catalog: "Catalog", folder: Path, quiet: bool) -> bool:
    """Hash the new files and relink the moved ones; return whether all files could be read."""
    from genrelens.cli.output import progress_bar
    from genrelens.library.scan.digests import count_undigested, digest_tracks, relink_moved

    readable = True
    with progress_bar("Reading", count_undigested(catalog, folder), visible=not quiet) as progress:
        for failure in digest_tracks(catalog, folder):
            if failure:
                typer.secho(failure.error.message, fg="red", err=True)
                readable = False
            progress()
    if moved := relink_moved(catalog):
        print(f"{moved:,} of the new files were recognised by their audio and keep their predictions")
    return readable


def _line(folder: Path, found: "ScanResult") -> str:
    from genrelens.errors import display_name

    kinds = ("new", "changed", "moved", "returned", "vanished")
    counts = ", ".join(f"{count:,} {kind}" for kind in kinds if (count := getattr(found, kind)))
    return f"{display_name(folder)}: {found.found:,} audio files; {counts or 'no changes'}"
