"""Output of live predictions: an updating display on a terminal, JSON lines, or one line per change."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from genrelens.cli.output import bar, display_genres, format_alternatives, percent
from genrelens.live import MIN_DBFS, UPDATE_SECONDS, LivePrediction
from genrelens.prediction import UNKNOWN, display_genre

Show = Callable[[LivePrediction], None]

_BAR = 24  # characters for a confidence of 1
_METER = 60.0  # dB that the meter spans, up to full scale
_MARGIN = 2  # characters left free next to the timeline
_COLOURS = (
    *("cyan", "magenta", "yellow", "green", "red", "blue"),
    *("bright_cyan", "bright_magenta", "bright_yellow", "bright_green", "bright_red", "bright_blue"),
)


@contextlib.contextmanager
def live_output(labels: tuple[str, ...], top: int, *, json: bool, out: Console | None = None) -> Iterator[Show]:
    """Print predictions on stdout while the block runs; yield the callback that takes each one."""
    console = out or Console(highlight=False)
    if json:
        yield lambda prediction: print(prediction.top(top).to_json(), flush=True)
    elif not console.is_terminal:
        yield ChangeLog(console)
    else:
        display = Display(labels, top, max(1, console.width - _MARGIN))
        with Live(console=console, auto_refresh=False) as live:
            yield lambda prediction: live.update(display.render(prediction), refresh=True)


class ChangeLog:
    """A callback that prints a line when the genre changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._previous: tuple[str, ...] = ()

    def __call__(self, prediction: LivePrediction) -> None:
        """Print a line if `prediction` names other genres than the one before."""
        if prediction.genres != self._previous:
            self._previous = prediction.genres
            self._console.print(Text(f"{clock(prediction.at)} {_summary(prediction)}"), soft_wrap=True)


class Display:
    """A terminal display: genre, confidence, alternatives, level and a scrolling timeline of `width` characters."""

    def __init__(self, labels: tuple[str, ...], top: int, width: int) -> None:
        self._labels = labels
        self._top = top
        self._past: deque[str] = deque(maxlen=width)

    def render(self, prediction: LivePrediction) -> RenderableType:
        """Return the display after the next prediction."""
        self._past.append(prediction.genre)
        alternatives = Text(format_alternatives(prediction, self._top), "dim", no_wrap=True)
        timeline = self._timeline(prediction)
        return Group(self._headline(prediction), alternatives, _meter(prediction), Text(), *timeline)

    def _headline(self, prediction: LivePrediction) -> Text:
        known = prediction.genre != UNKNOWN
        line = Text(no_wrap=True)
        line.append(f"{display_genres(prediction.genres)} ", "bold cyan" if known else "bold yellow")
        if known:
            line.append(f"{percent(prediction.confidence)} ", "bold")
            line.append(bar(prediction.confidence, _BAR), "cyan")
        return line

    def _timeline(self, prediction: LivePrediction) -> tuple[Text, Text]:
        """Return one character per prediction, and the legend of their colours."""
        start = max(0.0, prediction.at - UPDATE_SECONDS * len(self._past))
        line = Text(no_wrap=True)
        legend = Text().append(f"{clock(start)} to {clock(prediction.at)}  ", "dim")
        for genre in self._past:
            line.append(*(("·", "dim") if genre == UNKNOWN else ("█", self._colour(genre))))
        for genre in dict.fromkeys(genre for genre in self._past if genre != UNKNOWN):
            legend.append("█ ", self._colour(genre)).append(f"{display_genre(genre)}  ", "dim")
        return line, legend

    def _colour(self, genre: str) -> str:
        # Inner nodes of a tree are not labels.
        index = self._labels.index(genre) if genre in self._labels else len(genre)
        return _COLOURS[index % len(_COLOURS)]


def clock(seconds: float) -> str:
    """Format seconds as 0:07 or 1:00:00."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _summary(prediction: LivePrediction) -> str:
    genres = display_genres(prediction.genres)
    return genres if prediction.genre == UNKNOWN else f"{genres} {percent(prediction.confidence)}"


def _meter(prediction: LivePrediction) -> Text:
    """Return the level meter, with notes on incomplete windows and lost audio."""
    if prediction.level <= MIN_DBFS:
        line = Text("silence", "dim")
    else:
        loud = min(1.0, max(0.0, 1 + prediction.level / _METER))
        line = Text(bar(loud, _BAR), "green").append(f" {prediction.level:.0f} dB", "dim")
    if prediction.filling:
        line.append("  first window incomplete", "dim")
    if prediction.missed:
        line.append(f"  {prediction.missed:.1f} s dropped", "red")
    return line
