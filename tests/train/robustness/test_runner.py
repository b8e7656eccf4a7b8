from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.model.card import Card
from genrelens.model.session import Model
from genrelens.train.robustness.perturbations import Shuffle
from genrelens.train.robustness.runner import ShuffledFramesModel
from tests.support.models import make_card, make_mapped_model, make_model


class Noting(ShuffledFramesModel):
    """Keeps what its graph was run on."""

    def _run_session(self, outputs: list[str], planes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self.heard = planes
        return super()._run_session(outputs, planes)


@pytest.mark.parametrize("make", [make_model, make_mapped_model])
def test_a_model_hears_frames_in_another_order_with_maps_and_without(
    make: Callable[[Path, Card], Path], tmp_path: Path
) -> None:
    file = make(tmp_path / "model.onnx", make_card())
    planes = np.random.default_rng(0).standard_normal((2, *Model(file).card.input.shape)).astype(np.float32)
    model = Noting(file, Shuffle(0.0), np.random.default_rng(1))
    model.run(planes)
    assert not np.array_equal(model.heard, planes)
    np.testing.assert_array_equal(np.sort(model.heard, axis=3), np.sort(planes, axis=3))
