"""Results printed one at a time, as table rows, JSON lines or CSV rows; and a progress bar."""

import contextlib
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from genrelens.errors import display_name
from genrelens.model.labels import LABEL_SEPARATOR
from genrelens.prediction import UNKNOWN, Failure, Prediction, Score, display_genre, is_not_music
from genrelens.progress import Progress, no_progress

if TYPE_CHECKING:
    from genrelens.live import LivePrediction

OutputFormat = Literal["table", "json", "csv"]

_BAR = 10  # characters for a confidence of 1
_EIGHTHS = " ▏▎▍▌▋▊▉"


class ResultPrinter:
    """Prints results to stdout; in table format, warnings and failures go to stderr."""

    def __init__(
        self, output_format: OutputFormat, labels: tuple[str, ...], top: int, out: Console | None = None
    ) -> None:
        self._format = output_format
        self._top = min(top, len(labels))
        self._width = max(len(display_genre(label)) for label in (*labels, UNKNOWN))
        self._out = out or Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        if output_format == "csv":
            self._print_csv(["path", *self._columns(), "duration", "model", "version", "warnings", "error"])

    def write(self, result: Prediction | Failure) -> None:
        """Print one result."""
        if self._format == "json":
            print((result.top(self._top) if isinstance(result, Prediction) else result).to_json(), flush=True)
        elif self._format == "csv":
            self._print_csv(self._cells(result))
        elif isinstance(result, Failure):
            self._err.print(Text(result.error.message, "red"))
        else:
            self._out.print(self._line(result))
            for warning in result.warnings:
                self._err.print(Text(f"{display_name(result.path)}: {warning}", "yellow"))

    def _line(self, prediction: Prediction) -> Text:
        known = prediction.genre != UNKNOWN
        line = Text()
        line.append(f"{display_genres(prediction.genres):<{self._width}} ", "bold cyan" if known else "bold yellow")
        line.append(f"{percent(prediction.confidence) if known else '':>5} ", "bold")
        if self._out.is_terminal:
            line.append(f"{bar(prediction.confidence if known else 0.0)} ", "cyan")
        line.append(f"{format_alternatives(prediction, self._top):<{(self._width + 7) * (self._top - 1)}} ", "dim")
        line.append(display_name(prediction.path))
        return line

    def _columns(self) -> list[str]:
        ranks = ["", *(f"_{rank}" for rank in range(2, self._top + 1))]
        return [f"{name}{rank}" for rank in ranks for name in ("genre", "confidence")]

    def _cells(self, result: Prediction | Failure) -> list[str]:
        if isinstance(result, Failure):
            return [result.path, *[""] * (2 * self._top + 4), result.error.message]
        scores = [(score.label, score.score) for score in _alternatives(result, self._top)]
        ranked = [(LABEL_SEPARATOR.join(result.genres), result.confidence), *scores]  # joined as in a manifest
        cells = [cell for label, score in ranked for cell in (label, f"{score:.4f}")]
        warnings = "; ".join(result.warnings)
        return [result.path, *cells, f"{result.duration:.3f}", result.model, result.version, warnings, ""]

    def _print_csv(self, cells: list[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        print(line.getvalue(), end="", flush=True)


def display_genres(genres: Sequence[str]) -> str:
    """Join genres for display, such as "Rock, Hip-hop"."""
    return ", ".join(display_genre(genre) for genre in genres)


def format_alternatives(prediction: "Prediction | LivePrediction", top: int) -> str:
    """Format the most probable labels after the predicted one; "not music" if labels mean nothing."""
    if is_not_music(prediction.music):
        return "not music"
    scores = _alternatives(prediction, top)
    return ", ".join(f"{display_genre(score.label)} {percent(score.score)}" for score in scores)


def percent(share: float) -> str:
    """Format a fraction as a percentage."""
    return f"{100 * share:.0f} %"


def bar(share: float, width: int = _BAR) -> str:
    """Draw a fraction as a bar `width` characters long, to an eighth of a character."""
    whole, eighths = divmod(round(share * width * 8), 8)
    return ("█" * whole + (_EIGHTHS[eighths] if eighths else "")).ljust(width)


def _alternatives(prediction: "Prediction | LivePrediction", top: int) -> list[Score]:
    return [score for score in prediction.scores if score.label != prediction.genre][: top - 1]


class _Rate(rich.progress.ProgressColumn):
    def render(self, task: rich.progress.Task) -> Text:
        """Return the items per second."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


@contextlib.contextmanager
def progress_bar(title: str, total: int, *, visible: bool) -> Iterator[Progress]:
    """Draw a bar with rate and remaining time on stderr, if it is a terminal; yield the callback that advances it."""
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
