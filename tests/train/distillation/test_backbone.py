from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrelens.errors import InvalidModelError
from genrelens.train.distillation.backbone import Embedder, embedding_graph
from tests.support.backbones import FRAMES, ROWS, make_backbone


def windows(count: int = 3) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).standard_normal((count, 1, ROWS, FRAMES)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ([1, ROWS, FRAMES], '["planes", "rows", "frames"]'),
        ([ROWS, FRAMES], '["rows", "frames"]'),
        ([FRAMES, ROWS], '["frames", "rows"]'),
        ([FRAMES, ROWS, 1], '["frames", "rows", "planes"]'),
    ],
)
@pytest.mark.parametrize("opset", [11, 18])
def test_transposes_windows_to_the_axes_of_the_model(tmp_path: Path, shape: list[int], axes: str, opset: int) -> None:
    embeddings = Embedder(embedding_graph(make_backbone(tmp_path, shape, axes=axes, opset=opset)))(windows(20))
    expected = 2 * windows(20)
    if axes.startswith('["frames"'):
        expected = expected.swapaxes(2, 3)
    np.testing.assert_allclose(embeddings, expected.reshape(20, -1))


def test_averages_embeddings_over_time_and_positions(tmp_path: Path) -> None:
    by_time = Embedder(embedding_graph(make_backbone(tmp_path, [FRAMES, ROWS], rank=3)))(windows())
    np.testing.assert_allclose(by_time, 2 * windows()[:, 0].mean(axis=2), atol=1e-6)
    by_position = Embedder(
        embedding_graph(make_backbone(tmp_path, [1, ROWS, FRAMES], rank=4, axes='["planes", "rows", "frames"]'))
    )(windows())
    np.testing.assert_allclose(by_position, 2 * windows().reshape(3, 2, -1).mean(axis=2), atol=1e-6)


def test_reports_a_card_that_does_not_match(tmp_path: Path) -> None:
    card = make_backbone(tmp_path, [FRAMES, ROWS])
    for change in ({"embedding": "missing"}, {"axes": ("planes", "rows", "frames")}):
        with pytest.raises(InvalidModelError, match=r"small\.onnx is not an ONNX model .*correct the card of small"):
            embedding_graph(card.model_copy(update=change))
    (tmp_path / "small.onnx").write_bytes(b"\xff\xff no model")
    with pytest.raises(InvalidModelError, match="correct the card"):
        embedding_graph(card)
