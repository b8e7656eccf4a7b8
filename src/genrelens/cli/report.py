"""`genrelens report`: a training on one page."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a training, also of one that is under way.")],
) -> None:
    """Write RUN/report/index.html, one file with all pictures in it, and the pictures beside it.

    Shows curves, measures, confusions, calibration, mistakes, layers, the recipe and the environment.
    """
    from genrelens.cli.extras import needs_train_extra

    with needs_train_extra():
        from genrelens.train.report.report import write_report

    print(write_report(run))
