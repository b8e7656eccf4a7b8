"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ModelName = Annotated[str, typer.Option("--model", "-m", help="A model's name, an .onnx file or an address.")]
Cores = Annotated[
    int | None, typer.Option("--threads", "-t", min=1, help="Cores to use, as threads or processes; all if not given.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
DataSet = Annotated[
    str,
    typer.Option(
        "--data",
        help="A folder with a folder of audio for each genre, a .csv file (path, label, group, split), "
        "gtzan:FOLDER, or gtzan:ARRAY.npy.",
    ),
]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Folder to keep log-mels in; the user's cache if not given.")
]
