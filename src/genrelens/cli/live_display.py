"""What is heard now: a display that changes at a terminal, JSON lines, or a line for each change."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from genrelens.cli.output import bar, percent
from genrelens.live import MIN_DBFS, UPDATE_SECONDS, LivePrediction
from genrelens.model.labels import LABEL_SEPARATOR
from genrelens.prediction import UNKNOWN, is_not_music

Show = Callable[[LivePrediction], None]

_BAR = 24  # characters for a confidence of 1
_METER = 60.0  # dB that the meter spans, up to full scale
_MARGIN = 2  # characters beside the timeline
_COLOURS = (
    *("cyan", "magenta", "yellow", "green", "red", "blue"),
    *("bright_cyan", "bright_magenta", "bright_yellow", "bright_green", "bright_red", "bright_blue"),
)


@contextlib.contextmanager
def shown(labels: tuple[str, ...], top: int, *, json: bool, out: Console | None = None) -> Iterator[Show]:
    """Show answers on stdout while the block runs; yields what is to be called with each."""
    console = out or Console(highlight=False)
    if json:
        yield lambda answer: print(answer.top(top).to_json(), flush=True)
    elif not console.is_terminal:
        yield Changes(console)
    else:
        display = Display(labels, top, max(1, console.width - _MARGIN))
        with Live(console=console, auto_refresh=False) as live:
            yield lambda answer: live.update(display.drawn(answer), refresh=True)


class Changes:
    """Prints a line when another genre is told than before."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._before: tuple[str, ...] = ()

    def __call__(self, answer: LivePrediction) -> None:
        """Take in the next answer."""
        if answer.genres != self._before:
            self._before = answer.genres
            self._console.print(Text(f"{clock(answer.at)} {_told(answer)}"), soft_wrap=True)


class Display:
    """Genre, confidence, what else it might be, level, and a timeline that grows to `width` and then moves on."""

    def __init__(self, labels: tuple[str, ...], top: int, width: int) -> None:
        self._labels = labels
        self._top = top
        self._past: deque[str] = deque(maxlen=width)

    def drawn(self, answer: LivePrediction) -> RenderableType:
        """All of it, with the next answer."""
        self._past.append(answer.genre)
        return Group(self._now(answer), self._beside(answer), _meter(answer), Text(), *self._timeline(answer))

    def _now(self, answer: LivePrediction) -> Text:
        known = answer.genre != UNKNOWN
        line = Text(no_wrap=True)
        line.append(f"{f'{LABEL_SEPARATOR} '.join(answer.genres)} ", "bold cyan" if known else "bold yellow")
        if known:
            line.append(f"{percent(answer.confidence)} ", "bold")
            line.append(bar(answer.confidence, _BAR), "cyan")
        return line

    def _beside(self, answer: LivePrediction) -> Text:
        if is_not_music(answer.music):
            return Text("no music", "dim")
        others = [score for score in answer.scores if score.label != answer.genre][: self._top - 1]
        return Text(", ".join(f"{score.label} {percent(score.score)}" for score in others), "dim", no_wrap=True)

    def _timeline(self, answer: LivePrediction) -> tuple[Text, Text]:
        """A character for each answer, and what their colours mean."""
        start = max(0.0, answer.at - UPDATE_SECONDS * len(self._past))
        line = Text(no_wrap=True)
        meaning = Text().append(f"{clock(start)} to {clock(answer.at)}  ", "dim")
        for genre in self._past:
            line.append(*(("·", "dim") if genre == UNKNOWN else ("█", self._colour(genre))))
        for genre in dict.fromkeys(genre for genre in self._past if genre != UNKNOWN):
            meaning.append("█ ", self._colour(genre)).append(f"{genre}  ", "dim")
        return line, meaning

    def _colour(self, genre: str) -> str:
        place = self._labels.index(genre) if genre in self._labels else len(genre)  # a node of a tree is no label
        return _COLOURS[place % len(_COLOURS)]


def clock(seconds: float) -> str:
    """Such as 0:07 or 1:00:00."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _told(answer: LivePrediction) -> str:
    if answer.genre == UNKNOWN:
        return UNKNOWN
    return f"{f'{LABEL_SEPARATOR} '.join(answer.genres)} {percent(answer.confidence)}"


def _meter(answer: LivePrediction) -> Text:
    """The level, and what is out of the ordinary."""
    if answer.level <= MIN_DBFS:
        line = Text("silence", "dim")
    else:
        loud = min(1.0, max(0.0, 1 + answer.level / _METER))
        line = Text(bar(loud, _BAR), "green").append(f" {answer.level:.0f} dB", "dim")
    if answer.filling:
        line.append("  not yet a whole window", "dim")
    if answer.missed:
        line.append(f"  {answer.missed:.1f} s were missed", "red")
    return line
