"""`genrelens predict`: the genres of files and folders."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.options import Cores, ModelName, Quiet, Windows, taken

if TYPE_CHECKING:
    from genrelens.model.input_spec import Input
    from genrelens.prediction import Failure

_KINDS = {"sound": "audio files", "picture": "pictures"}
_FEW = 3  # files that need neither worker processes nor a progress bar


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Audio files, or folders to search for them; pictures for a model of these.", metavar="PATH"
        ),
    ],
    model: ModelName = "lens",
    windows: Windows = "3",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Tell 'unknown' of a track that no genre is as probable for, 0 to 1.")
    ] = 0.0,
    top: Annotated[int, typer.Option(min=1, help="How many genres to tell for each track.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the segments.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, with a header.")] = False,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Tell the genre of audio files.

    Exits with 0 if every file could be judged, and with 1 if some could not: each is named with its reason.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.output import Rows
    from genrelens.cli.progress import progress_bar
    from genrelens.prediction import Failure

    if json and csv:
        raise typer.BadParameter("choose one of --json and --csv")
    take = taken(windows)
    cores = threads or workers.cores()
    classifier = Classifier(model, threads=cores, min_confidence=min_confidence)
    files, failures = _expand(paths, classifier.card.input)
    rows = Rows("json" if json else "csv" if csv else "table", classifier.card.labels, top)
    for failure in failures:
        rows.write(failure)
    failed = len(failures)
    many = len(files) > _FEW
    with progress_bar("Listening", len(files), visible=many and not quiet) as advance:
        for result in classifier.predict_many(files, windows=take, processes=cores if many else 1):
            rows.write(result)
            failed += isinstance(result, Failure)
            advance()
    if failed:
        raise typer.Exit(1)


def _expand(paths: list[Path], own: "Input") -> "tuple[list[Path], list[Failure]]":
    """The files that are meant, each once, in the order given; and the folders that give none."""
    from genrelens.errors import AudioNotFoundError, AudioUnreadableError, shown
    from genrelens.model.input_spec import finder
    from genrelens.prediction import Failure

    files: dict[str, Path] = {}
    failures: list[Failure] = []

    def refused(error: OSError) -> None:
        told = AudioUnreadableError(f"{shown(error.filename)} cannot be read ({error.strerror}); check its permissions")
        failures.append(Failure.of(os.fspath(error.filename), told))

    for path in paths:
        before = len(failures)
        # os.path, as pathlib raises where a folder is closed to us.
        found = finder(own)(path, refused) if os.path.isdir(path) else [path]  # noqa: PTH112
        for file in found:
            files.setdefault(os.path.abspath(file), file)  # noqa: PTH100
        if not found and len(failures) == before:
            empty = AudioNotFoundError(f"{shown(path)} holds no {_KINDS[own.kind]}; give a folder of them")
            failures.append(Failure.of(os.fspath(path), empty))
    return list(files.values()), failures
