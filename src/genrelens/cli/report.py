"""`genrelens report`: write the report of a training run."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="Run directory of a training, which may still be running.")],
) -> None:
    """Write RUN/report/index.html, a self-contained page, and its figures as separate files.

    Shows learning curves, metrics, confusions, calibration, mistakes, layers, the recipe and the environment.
    """
    from genrelens.cli.extras import needs_train_extra

    with needs_train_extra():
        from genrelens.train.report.report import write_report

    print(write_report(run))
