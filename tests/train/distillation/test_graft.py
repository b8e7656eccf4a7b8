from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from genrelens.train.distillation.backbone import Embedder, embedding_graph
from genrelens.train.distillation.graft import attach_linear_head, count_weights
from genrelens.train.distillation.probe import LinearProbe
from tests.support.backbones import FRAMES, ROWS, make_backbone

WINDOWS = np.random.default_rng(0).standard_normal((3, 1, ROWS, FRAMES)).astype(np.float32)


def test_graph_computes_the_logits_of_the_probe(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    backbone = embedding_graph(make_backbone(tmp_path, [FRAMES, ROWS], rank=3))
    for unit_length in (False, True):
        probe = LinearProbe(unit_length, rng.standard_normal((ROWS, 4)).astype(np.float32), np.ones(4, np.float32))
        model = attach_linear_head(backbone, probe)
        onnx.checker.check_model(model)
        logits = _run(model)
        np.testing.assert_allclose(logits, probe.logits(Embedder(backbone)(WINDOWS)), atol=1e-5)
        assert count_weights(model) == ROWS * 4 + 4


def _run(model: onnx.ModelProto) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"windows": WINDOWS})[0]
