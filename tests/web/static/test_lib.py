"""Formatting of numbers and genre names on the page."""

import pytest

from genrelens.prediction import display_genre
from tests.support.browser import OpenTab

PERCENT = """async (share) => (await import("/static/lib/format.js")).percent(share)"""
DISPLAY_GENRES = """async (labels) => labels.map((await import("/static/lib/genres.js")).displayGenre)"""


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "< 1 %"), (0.5, "50 %"), (0.994, "99 %"), (0.998, "> 99 %"), (1, "100 %")],
)
def test_only_0_and_1_are_shown_as_0_and_100_percent(open_tab: OpenTab, share: float, text: str) -> None:
    assert open_tab().page.evaluate(PERCENT, share) == text


def test_genre_names_match_those_of_the_command_line(open_tab: OpenTab) -> None:
    labels = ["hiphop", "Hip Hop", "rock", "R&B", "rnb", "unknown", "deep_house", "Rock---Heavy Metal", "Folk/Country"]
    shown = open_tab().page.evaluate(DISPLAY_GENRES, labels)
    assert shown == [display_genre(label) for label in labels]
    assert shown[:6] == ["Hip-hop", "Hip-hop", "Rock", "R&B", "R&B", "Unknown"]
