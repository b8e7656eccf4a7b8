"""`genrelens library export`: predictions as a table for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, make_query, open_catalog

if TYPE_CHECKING:
    from genrelens.library.catalog.export import ExportFormat

_SUFFIXES: "dict[str, ExportFormat]" = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}


def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write; an existing file is replaced.")],
    format: Annotated[  # noqa: A002 (the option's name)
        Literal["csv", "jsonl", "parquet"] | None, typer.Option(help="Default: by the extension of the file.")
    ] = None,
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
) -> None:
    """Write the predictions to a CSV, JSON lines or Parquet file; Parquet includes the embeddings."""
    from genrelens.cli.options import needs_extra
    from genrelens.errors import display_name
    from genrelens.library.catalog.export import export_tracks
    from genrelens.library.catalog.tracks import iter_tracks

    kind = format or _SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise typer.BadParameter(f"{file.name} does not end in {', '.join(_SUFFIXES)}; pass --format")
    with open_catalog(context) as catalog, needs_extra("library"):
        tracks = iter_tracks(catalog, make_query(genre, min_confidence, path), embeddings=kind == "parquet")
        print(f"{export_tracks(tracks, file, kind):,} tracks written to {display_name(file)}")
