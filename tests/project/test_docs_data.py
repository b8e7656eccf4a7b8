"""docs/data.md lists the same faults as the tables in benchmarks/."""

import re

import pytest

from genrelens.train.data.manifest import gtzan_tracks
from tests.support.paths import ROOT

NAME = re.compile(r"\b[a-z]+\.\d{5}\b")


def rows(name: str) -> list[list[str]]:
    lines = (ROOT / "benchmarks" / f"gtzan-{name}.tsv").read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def section(title: str) -> str:
    text = (ROOT / "docs" / "data.md").read_text()
    return re.split(r"\n#+ ", text.split(f"# {title}\n")[1])[0]


def table(title: str) -> list[list[str]]:
    lines = [line.strip("|") for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


def test_repetitions() -> None:
    pairs = {(row[0], row[1]): row[4] for row in rows("repetitions")}
    exact = set(re.findall(rf"({NAME.pattern}) = ({NAME.pattern})", section("Exact repetitions")))
    assert exact == {pair for pair, kind in pairs.items() if kind == "exact"}
    assert {(row[0], row[1]) for row in table("Other pairs")} == {
        pair for pair, kind in pairs.items() if kind != "exact"
    }


def test_shared_artists() -> None:
    listed = {(name, row[0], row[1]) for row in table("Artists in two splits") for name in NAME.findall(row[2])}
    assert listed == {(row[0], row[2], row[1]) for row in rows("leaks")}


def test_suspected_label_errors() -> None:
    listed = {(name, *row[:3]) for row in table("Probable label errors") for name in NAME.findall(row[3])}
    assert listed == {(row[0], row[2], row[3], row[1]) for row in rows("suspects")}


@pytest.mark.parametrize(("name", "column"), [("leaks", 1), ("suspects", 1), ("repetitions", 2)])
def test_splits_are_those_of_the_published_lists(name: str, column: int) -> None:
    tracks = gtzan_tracks()
    for row in rows(name):
        assert row[column] == (tracks[row[0]].split or "-"), row


def test_no_recording_is_in_two_splits() -> None:
    assert not [row for row in rows("repetitions") if "-" not in row[2:4] and row[2] != row[3]]
