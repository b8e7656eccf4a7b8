import re
from pathlib import Path

import pytest

from genrelens.errors import UndecodableAudioError
from genrelens.prediction import Failure
from genrelens.train.evaluation.bootstrap import Estimate
from genrelens.train.robustness.measures import (
    FamilyExtremes,
    FilterCurve,
    FilterSearch,
    PerturbationRow,
    StressReport,
    TrackExtreme,
    TrackRow,
)
from genrelens.train.robustness.report import format_markdown_table, format_text_table, write_stress_report


def make_row(name: str, words: str, loss: float, allowed: float | None = None, strength: float = 1) -> PerturbationRow:
    return PerturbationRow(
        name=name,
        family=name.partition(":")[0],
        words=words,
        strength=strength,
        accuracy=0.8 - loss,
        difference=Estimate(value=-loss, low=-loss - 0.05, high=0.05 - loss),
        flips=0.2,
        confidence=-0.031,
        allowed=allowed,
        passed=None if allowed is None else loss <= allowed,
    )


@pytest.fixture
def report() -> StressReport:
    rows = (
        make_row("tempo:-4", "tempo -4 %", 0.01, 0.05, -4),
        make_row("tempo:+4", "tempo +4 %", 0.02, 0.05, 4),
        make_row("mp3:64", "mp3 at 64 kbit/s", 0.03, 0.02, 64),
        make_row("shuffle:0", "frames shuffled", 0.4),
        *(make_row(f"equaliser:{number}", f"filter {number}", 0.01 * number) for number in (1, 2, 3)),
    )
    filters = tuple(FilterCurve(name=f"equaliser:{n}", hz=(500, 1000, 2000), gains=(n, -n, 0)) for n in (1, 2, 3))
    return StressReport(
        model="tilt",
        version="1",
        data="tones",
        split="given",
        side="valid",
        seed=1,
        tested=10,
        accuracy=Estimate(value=0.8, low=0.7, high=0.9),
        rows=rows,
        search=FilterSearch(filters=filters, deflating="equaliser:3", inflating="equaliser:1"),
        extremes=(FamilyExtremes(family="all", changes=6, worst=0.3, best=0.95),),
        tracks=(
            TrackRow(
                name="<a & b>",
                truth="low",
                predicted="low",
                probability=0.9,
                wrong=2,
                worst=TrackExtreme(change="mp3:64", probability=0.1),
                best=TrackExtreme(change="tempo:+4", probability=0.95),
            ),
        ),
        failures=(Failure.from_error("c.wav", UndecodableAudioError("c.wav is not audio")),),
    )


def test_page_is_self_contained(report: StressReport, tmp_path: Path) -> None:
    page = write_stress_report(report, tmp_path / "stress")
    text = page.read_text()
    assert StressReport.model_validate_json((tmp_path / "stress" / "stress.json").read_bytes()) == report
    assert not re.search(r'(src|srcset|href)="(?!data:|#)', text)
    assert text.count("data:image/png") == 2 * 4
    plain = re.sub(r"<[^>]+>|\s+", " ", re.sub(r"data:[^\"]+", "", text))
    assert "2 of 3" in plain
    assert re.search(r"Missed: mp3 at 64 kbit/s \(.3\.0\)\s*\.", plain)
    assert "the deflating filter" in plain
    assert "filter 2" not in plain
    assert "&lt;a &amp; b&gt;" in plain
    assert "c.wav is not audio" in plain


def test_page_of_a_single_perturbation(report: StressReport, tmp_path: Path) -> None:
    small = report.model_copy(update={"rows": report.rows[3:4], "search": None, "tracks": (), "failures": ()})
    text = write_stress_report(small, tmp_path).read_text()
    assert text.count("data:image/png") == 2 * 2
    assert "Targets" not in text
    assert format_text_table(small).endswith("0.950")


def test_tables(report: StressReport) -> None:
    lines = [" ".join(line.split()) for line in format_text_table(report).splitlines()]
    assert "tempo +4 % 0.780 -2.0 -7.0 to +3.0 -5 met 20.0 % -3.1" in lines
    assert "mp3 at 64 kbit/s 0.770 -3.0 -8.0 to +2.0 -2 MISSED 20.0 % -3.1" in lines
    assert "all (6) 0.300 0.950" in lines
    assert lines[-1] == "2 of 3 targets are met; missed: mp3 at 64 kbit/s (-3.0 points)."
    names = [line.partition("  ")[0] for line in format_text_table(report).splitlines()[3:9]]
    assert names[-1] == "frames shuffled"
    markdown = format_markdown_table(report)
    assert "| mp3 at 64 kbit/s | 0.770 | -3.0 | -8.0 to +2.0 | -2 MISSED | 20.0 % | -3.1 |" in markdown
