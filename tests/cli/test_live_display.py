import io
from typing import Any

import pytest
from rich.console import Console

from genrelens.cli.live_display import Display, clock, live_output
from genrelens.live import LivePrediction
from genrelens.prediction import Score


def make_prediction(at: float, genre: str, **changes: Any) -> LivePrediction:
    """Return a live prediction at a time in seconds."""
    scores = (Score(label="low", score=0.75), Score(label="high", score=0.25))
    plain = {"at": at, "genre": genre, "genres": (genre,), "confidence": 0.75, "music": None, "scores": scores}
    return LivePrediction.model_validate({**plain, "level": -6.0, **changes})


def render(*predictions: LivePrediction, width: int = 60) -> list[str]:
    """Return the lines of the display after these predictions."""
    console = Console(width=width, record=True, file=io.StringIO())
    display = Display(("low", "high"), 3, width)
    for prediction in predictions:
        picture = display.render(prediction)
    console.print(picture)
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_display_shows_the_prediction_and_the_timeline() -> None:
    predictions = [
        make_prediction(0.5, "unknown", level=-120.0),
        make_prediction(1.0, "low"),
        make_prediction(1.5, "high"),
        make_prediction(2.0, "low"),
    ]
    assert render(*predictions) == [
        "Low 75 % ██████████████████",
        "High 25 %",
        "█████████████████████▋   -6 dB",
        "",
        "·███",
        "0:00 to 0:02  █ Low  █ High",
    ]


def test_the_display_notes_silence_incomplete_windows_and_dropped_audio() -> None:
    assert render(make_prediction(0.5, "unknown", music=0.1, level=-120.0, filling=True, missed=1.25))[:3] == [
        "Unknown",
        "not music",
        "silence  first window incomplete  1.2 s dropped",
    ]


def test_a_full_timeline_scrolls() -> None:
    predictions = [make_prediction(at / 2, "low" if at < 12 else "high") for at in range(1, 81)]
    *_, timeline, legend = render(*predictions, width=40)
    assert timeline == "█" * 40
    assert legend == "0:20 to 0:40  █ High"


def test_a_terminal_display_is_updated_in_place() -> None:
    console = Console(width=60, file=io.StringIO(), force_terminal=True)
    with live_output(("low", "high"), 3, json=False, out=console) as show:
        show(make_prediction(0.5, "low"))
        show(make_prediction(1.0, "high", confidence=0.5))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.index("50 % ") > text.index("75 % ")


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0:00"), (59.9, "0:59"), (61.0, "1:01"), (3_600.0, "1:00:00")])
def test_times_are_formatted_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
