"""Computations behind the charts."""

import pytest

from tests.support.browser import OpenTab

CURVES = """async () => {
  const {scaleAttributions} = await import("/static/charts/attribution.js");
  const explain = (genre, row) =>
    ({genre, method: "cam", times: [0, 1, 2, 3, 4], bands: [0, 100, 200], evidence: [row, row]});
  const attributions = scaleAttributions([explain("low", [1, 3, 4, 2]), explain("high", [-1, 0, -2, 0])]);
  return [...attributions.values()].map((attribution) => attribution.curve);
}"""


def test_attribution_curves_share_one_scale_and_are_not_clipped(open_tab: OpenTab) -> None:
    low, high = open_tab().page.evaluate(CURVES)
    assert low == pytest.approx([0.25, 0.75, 1, 0.5])
    assert high == pytest.approx([-0.25, 0, -0.5, 0])
