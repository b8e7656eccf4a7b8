from pathlib import Path

import numpy as np
import pytest
import torch

from genrelens.errors import ExportError
from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import LOGITS, WEIGHTS, Model
from genrelens.train import export as export_module
from genrelens.train.export import count_parameters, export_onnx
from genrelens.train.networks.lens import Lens
from genrelens.train.networks.reference import Cnn3
from tests.support.models import make_card


def test_the_file_reproduces_the_network_for_any_number_of_windows(tmp_path: Path) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    network = Lens(labels=2, shape=card.input.shape, branches=2, width=8)
    windows = torch.randn(5, *card.input.shape)
    for _ in range(3):
        network(windows)  # fills the batch statistics
    export_onnx(network, card, windows, tmp_path / "m.onnx")
    model = Model(tmp_path / "m.onnx")
    assert model.card == card
    assert b".py" not in (tmp_path / "m.onnx").read_bytes()  # no source paths of this machine
    for count in (1, 3, 5):
        expected = network(windows[:count]).detach().numpy()
        np.testing.assert_allclose(model.logits(windows[:count].numpy()), expected, atol=1e-4)
    assert count_parameters(network) == sum(
        weights.numel() for weights in network.state_dict().values() if weights.dtype.is_floating_point
    ) - sum(buffer.numel() for buffer in network.buffers() if buffer.dtype.is_floating_point)


def test_logits_are_linear_in_the_exported_embeddings(tmp_path: Path) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    network = Lens(labels=2, shape=card.input.shape, branches=3, width=8).eval()
    windows = torch.randn(4, *card.input.shape)
    export_onnx(network, card, windows, tmp_path / "m.onnx")
    model = Model(tmp_path / "m.onnx")
    embeddings = model.run(windows.numpy()).embeddings
    assert embeddings is not None
    assert embeddings.shape == (4, 24)
    logits, weights = outputs = model._run_session([LOGITS, WEIGHTS], windows.numpy())
    for actual, expected in zip(outputs, export_module._Traceable(network)(windows)[::2], strict=True):
        np.testing.assert_allclose(actual, expected.detach().numpy(), atol=1e-5)
    assert weights.shape == (2, 24)
    bias = network.linear_head()[1].detach().numpy()
    np.testing.assert_allclose(embeddings @ weights.T + bias, logits, atol=1e-5)


def test_a_network_without_a_linear_head_is_exported_with_logits_only(tmp_path: Path) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    windows = torch.randn(2, *card.input.shape)
    export_onnx(Cnn3(2, card.input.shape, channels=(2, 2, 2), dense=4), card, windows, tmp_path / "m.onnx")
    assert Model(tmp_path / "m.onnx").embedding_size is None


def test_a_file_that_differs_from_the_network_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = make_card(input=AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024)))
    windows = torch.randn(2, *card.input.shape)
    other = Lens(labels=2, shape=card.input.shape, width=8).eval()
    original = export_module._graph
    monkeypatch.setattr(export_module, "_graph", lambda _, example: original(other, example))
    with pytest.raises(ExportError, match="differ from those of the trained network by up to"):
        export_onnx(Lens(labels=2, shape=card.input.shape, width=8), card, windows, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
