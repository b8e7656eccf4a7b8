from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from genrelens.errors import GenrelensError
from genrelens.model.input_spec import PictureInput
from genrelens.train.report.drawing import LIGHT
from genrelens.train.report.mistakes import Mistake, mistake_drawing, worst_mistakes
from tests.support.training import make_evaluation


def test_worst_mistakes_are_sorted_by_confidence() -> None:
    rows = {"a.wav": ("low", 0.9), "b.wav": ("low", 0.4), "c.wav": ("high", 0.2), "d.wav": ("high", 0.95)}
    result = make_evaluation(rows, ("low", "high"))
    first, second = worst_mistakes(result, 5)
    assert (first.name, first.truth, first.predicted) == ("d.wav", "high", "low")
    assert (first.confidence, first.probability) == pytest.approx((0.95, 0.05))
    assert second.name == "b.wav"
    assert worst_mistakes(result, 1) == [first]


def test_mistake_of_a_picture_model_shows_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "input.png"
    imsave(file, np.random.default_rng(0).random((40, 60, 3)))
    spec = PictureInput(kind="picture", width=60, height=40)
    mistake = Mistake(str(file), "low", "high", 0.9, 0.1)
    drawing = mistake_drawing(mistake, 1, spec)
    assert drawing.alt == "Picture of input.png, which is low and was predicted as high."
    assert drawing.png(LIGHT).startswith(b"\x89PNG")
    with pytest.raises(GenrelensError, match="missing"):
        mistake_drawing(replace(mistake, path=str(tmp_path / "missing.png")), 1, spec)
