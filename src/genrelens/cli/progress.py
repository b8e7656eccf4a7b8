"""A progress bar on stderr with rate and remaining time; piped output stays clean."""

import contextlib
import sys
from collections.abc import Iterator

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from genrelens.progress import Progress, no_progress


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the items per second."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


@contextlib.contextmanager
def progress_bar(title: str, total: int, *, visible: bool) -> Iterator[Progress]:
    """Draw a bar while the block runs; yield the callback that advances it."""
    console = Console(stderr=True)
    if not visible or not console.is_terminal:
        yield no_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    # Print rows above the bar when they go to the same terminal; do not touch piped rows.
    with rich.progress.Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(title, total=total)

        def advance(advance: int = 1, total: int | None = None) -> None:
            bar.update(task, advance=advance, total=total)

        yield advance
