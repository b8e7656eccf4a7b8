"""`genrelens predict`: genres of files and folders."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.options import Cores, ModelName, Quiet, Windows, parse_windows
from genrelens.defaults import DEFAULT_WINDOWS

if TYPE_CHECKING:
    from genrelens.model.input_spec import InputSpec
    from genrelens.prediction import Failure

_KINDS = {"sound": "audio files", "picture": "pictures"}
_SERIAL_LIMIT = 3  # up to this many files: no worker processes, no progress bar


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Audio files, or folders to search for them; images for a picture model.", metavar="PATH"),
    ],
    model: ModelName = "lens",
    windows: Windows = str(DEFAULT_WINDOWS),
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Report 'unknown' below this confidence, 0 to 1.")
    ] = 0.0,
    top: Annotated[int, typer.Option(min=1, help="Number of genres to report per track.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line, with segments.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a header.")] = False,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Recognise the genre of audio files.

    Exits with 0 if every file was classified, and with 1 otherwise: failures are listed with the reason.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.output import ResultPrinter, progress_bar
    from genrelens.prediction import Failure

    if json and csv:
        raise typer.BadParameter("choose one of --json and --csv")
    window_count = parse_windows(windows)
    cores = threads or workers.available_cores()
    classifier = Classifier(model, threads=cores, min_confidence=min_confidence)
    files, failures = _expand(paths, classifier.card.input)
    printer = ResultPrinter("json" if json else "csv" if csv else "table", classifier.card.labels, top)
    for failure in failures:
        printer.write(failure)
    failed = len(failures)
    many = len(files) > _SERIAL_LIMIT
    with progress_bar("Analysing", len(files), visible=many and not quiet) as progress:
        for result in classifier.predict_many(files, windows=window_count, processes=cores if many else 1):
            printer.write(result)
            failed += isinstance(result, Failure)
            progress()
    if failed:
        raise typer.Exit(1)


def _expand(paths: list[Path], spec: "InputSpec") -> "tuple[list[Path], list[Failure]]":
    """Return the distinct files to analyse, in order, and a failure for each folder that contains none."""
    from genrelens.errors import AudioNotFoundError, AudioUnreadableError, display_name
    from genrelens.model.input_spec import file_finder
    from genrelens.prediction import Failure

    files: dict[str, Path] = {}
    failures: list[Failure] = []

    def on_error(error: OSError) -> None:
        unreadable = AudioUnreadableError(
            f"{display_name(error.filename)} cannot be read ({error.strerror}); check its permissions"
        )
        failures.append(Failure.from_error(os.fspath(error.filename), unreadable))

    for path in paths:
        before = len(failures)
        # os.path, because pathlib raises for folders without permission.
        found = file_finder(spec)(path, on_error) if os.path.isdir(path) else [path]  # noqa: PTH112
        for file in found:
            files.setdefault(os.path.abspath(file), file)  # noqa: PTH100
        if not found and len(failures) == before:
            empty = AudioNotFoundError(f"{display_name(path)} contains no {_KINDS[spec.kind]}; pass a folder that does")
            failures.append(Failure.from_error(os.fspath(path), empty))
    return list(files.values()), failures
