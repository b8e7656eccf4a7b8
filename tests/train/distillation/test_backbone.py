from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from genrelens.errors import InvalidModelError, RecipeError
from genrelens.train.distillation.backbone import Embedder, embedding_graph, read_backbone
from genrelens.train.distillation.graft import attach_linear_head, count_weights
from genrelens.train.distillation.probe import Linear
from tests.support.backbones import CARD, FRAMES, ROWS, make_backbone


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
def test_windows_are_turned_to_what_the_model_takes(tmp_path: Path, shape: list[int], axes: str, opset: int) -> None:
    heard = Embedder(embedding_graph(make_backbone(tmp_path, shape, axes=axes, opset=opset)))(windows(20))
    expected = 2 * windows(20)
    if axes.startswith('["frames"'):
        expected = expected.swapaxes(2, 3)
    np.testing.assert_allclose(heard, expected.reshape(20, -1))


def test_embeddings_over_time_or_places_are_averaged(tmp_path: Path) -> None:
    by_time = Embedder(embedding_graph(make_backbone(tmp_path, [FRAMES, ROWS], rank=3)))(windows())
    np.testing.assert_allclose(by_time, 2 * windows()[:, 0].mean(axis=2), atol=1e-6)
    by_place = Embedder(
        embedding_graph(make_backbone(tmp_path, [1, ROWS, FRAMES], rank=4, axes='["planes", "rows", "frames"]'))
    )(windows())
    np.testing.assert_allclose(by_place, 2 * windows().reshape(3, 2, -1).mean(axis=2), atol=1e-6)


def test_a_layer_on_top_is_one_graph_with_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    backbone = embedding_graph(make_backbone(tmp_path, [FRAMES, ROWS], rank=3))
    for unit_length in (False, True):
        layer = Linear(unit_length, rng.standard_normal((ROWS, 4)).astype(np.float32), np.ones(4, np.float32))
        whole = attach_linear_head(backbone, layer)
        onnx.checker.check_model(whole)
        answers = _run(whole)
        np.testing.assert_allclose(answers, layer.logits(Embedder(backbone)(windows())), atol=1e-5)
        assert count_weights(whole) == ROWS * 4 + 4


def _run(model: onnx.ModelProto) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"windows": windows()})[0]


def test_a_card_that_does_not_fit_is_told(tmp_path: Path) -> None:
    card = make_backbone(tmp_path, [FRAMES, ROWS])
    for change in ({"embedding": "ear"}, {"axes": ("planes", "rows", "frames")}):
        with pytest.raises(InvalidModelError, match=r"small\.onnx is no ONNX model .*correct the card of small"):
            embedding_graph(card.model_copy(update=change))
    (tmp_path / "small.onnx").write_bytes(b"\xff\xff no model")
    with pytest.raises(InvalidModelError, match="correct the card"):
        embedding_graph(card)


@pytest.mark.parametrize(
    ("axes", "words"),
    [('["rows"]', "the input has 10 frames"), ('["rows", "rows"]', "named twice"), ('["time"]', "axes")],
)
def test_an_impossible_card_is_refused(tmp_path: Path, axes: str, words: str) -> None:
    (tmp_path / "bad.toml").write_text(CARD.format(axes=axes))
    with pytest.raises(RecipeError, match=rf"bad\.toml: .*{words}"):
        read_backbone(tmp_path / "bad.toml")
