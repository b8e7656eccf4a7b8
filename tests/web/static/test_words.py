"""What the page makes of numbers, before any of it is drawn."""

import pytest

from tests.web.static.conftest import Open

CURVE = """async () => {
  const {evidenceOf} = await import("/static/evidence.js");
  const of = (genre, evidence) => ({genre, method: "cam", times: [0, 1, 2, 3, 4], bands: [0, 100, 200], evidence});
  const all = evidenceOf([of("low", [[1, 3, 4, 2], [1, 3, 4, 2]]), of("high", [[-1, 0, -2, 0], [-1, 0, -2, 0]])]);
  return [...all.values()].map((evidence) => evidence.overTime);
}"""
PERCENT = """async (share) => (await import("/static/words.js")).percent(share)"""


def test_the_curve_of_evidence_is_not_cut_off(open_page: Open) -> None:
    low, high = open_page().page.evaluate(CURVE)
    assert low == pytest.approx([0.25, 0.75, 1, 0.5])
    assert high == pytest.approx([-0.25, 0, -0.5, 0])


def test_nothing_is_rounded_to_none_or_all(open_page: Open) -> None:
    page = open_page().page
    told = [page.evaluate(PERCENT, share) for share in (0, 0.001, 0.5, 0.994, 0.998, 1)]
    assert told == ["0 %", "< 1 %", "50 %", "99 %", "> 99 %", "100 %"]
