from pathlib import Path

import numpy as np
import pytest
import torch

from genrelens.errors import ExportError
from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import LOGITS, WEIGHTS, Model
from genrelens.train.export import export as export_module
from genrelens.train.export.export import count_parameters, export_onnx
from genrelens.train.networks.cnn3 import Cnn3
from genrelens.train.networks.lens import Lens
from tests.support.models import make_card


def test_the_file_answers_as_the_net_for_any_number_of_windows(tmp_path: Path) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    net = Lens(labels=2, shape=card.input.shape, branches=2, width=8)
    windows = torch.randn(5, *card.input.shape)
    for _ in range(3):
        net(windows)  # gives batch normalisation something to remember
    export_onnx(net, card, windows, tmp_path / "m.onnx")
    model = Model(tmp_path / "m.onnx")
    assert model.card == card
    assert b".py" not in (tmp_path / "m.onnx").read_bytes()  # nothing of the machine that made it
    for count in (1, 3, 5):
        expected = net(windows[:count]).detach().numpy()
        np.testing.assert_allclose(model.logits(windows[:count].numpy()), expected, atol=1e-4)
    assert count_parameters(net) == sum(
        weights.numel() for weights in net.state_dict().values() if weights.dtype.is_floating_point
    ) - sum(buffer.numel() for buffer in net.buffers() if buffer.dtype.is_floating_point)


def test_logits_are_linear_in_the_embeddings_that_come_along(tmp_path: Path) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    net = Lens(labels=2, shape=card.input.shape, branches=3, width=8).eval()
    windows = torch.randn(4, *card.input.shape)
    export_onnx(net, card, windows, tmp_path / "m.onnx")
    model = Model(tmp_path / "m.onnx")
    embeddings = model.run(windows.numpy()).embeddings
    assert embeddings is not None
    assert embeddings.shape == (4, 24)
    logits, weights = told = model._run([LOGITS, WEIGHTS], windows.numpy())
    for actual, expected in zip(told, export_module._Traced(net)(windows)[::2], strict=True):
        np.testing.assert_allclose(actual, expected.detach().numpy(), atol=1e-5)
    assert weights.shape == (2, 24)
    bias = net.linear_head()[1].detach().numpy()
    np.testing.assert_allclose(embeddings @ weights.T + bias, logits, atol=1e-5)


def test_a_net_that_ends_otherwise_gives_logits_alone(tmp_path: Path) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    windows = torch.randn(2, *card.input.shape)
    export_onnx(Cnn3(2, card.input.shape, channels=(2, 2, 2), dense=4), card, windows, tmp_path / "m.onnx")
    assert Model(tmp_path / "m.onnx").embedding_size is None


def test_a_file_that_differs_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    windows = torch.randn(2, *card.input.shape)
    other = Lens(labels=2, shape=card.input.shape, width=8).eval()
    graph_of = export_module._graph
    monkeypatch.setattr(export_module, "_graph", lambda _, example: graph_of(other, example))
    with pytest.raises(ExportError, match="differs from the trained net by up to"):
        export_onnx(Lens(labels=2, shape=card.input.shape, width=8), card, windows, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
