"""mn04 against its published release, where that is available; its parameter names and errors without it."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from genrelens.errors import InvalidModelError, RecipeError
from genrelens.train.networks.mn import Mn
from genrelens.train.networks.pretrained import load_checkpoint
from tests.support.paths import DATA

TEACHERS = DATA.parent / "teachers"


@pytest.mark.data
def test_outputs_match_the_published_network() -> None:
    network = Mn(527, (1, 128, 1000))
    network.load_state_dict(dict(load_checkpoint(str(TEACHERS / "mn04_as_mAP_432.pt"))), strict=True)
    windows = torch.randn(2, 1, 128, 998, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = network.eval()(windows).numpy(), network.embed(windows).numpy()
    published = onnxruntime.InferenceSession(str(TEACHERS / "mn04_as.onnx"), providers=["CPUExecutionProvider"])
    for actual, expected in zip(outputs, published.run(["logits", "emb"], {"mel": windows.numpy()}), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_all_but_the_last_layer_is_loaded_from_the_checkpoint(tmp_path: Path) -> None:
    pretrained = Mn(7, (1, 128, 100))
    torch.save(pretrained.state_dict(), tmp_path / "mn.pt")
    network = Mn(3, (1, 128, 100), weights=str(tmp_path / "mn.pt"))
    mels = torch.randn(1, 1, 128, 64)
    torch.testing.assert_close(network.eval().embed(mels), pretrained.eval().embed(mels))
    assert network(mels).shape == (1, 3)


def test_a_checkpoint_of_another_network_or_input_is_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InvalidModelError, match="another network than Mn"):
        Mn(3, (1, 128, 100), weights=str(tmp_path / "other.pt"))
    torch.save(Mn(3, (1, 128, 100)).state_dict(), tmp_path / "mn.pt")
    with pytest.raises(InvalidModelError, match="is \\(8, 1, 3, 3\\), not \\(8, 2, 3, 3\\)"):
        Mn(3, (2, 128, 100), weights=str(tmp_path / "mn.pt"))


def test_frozen_blocks_keep_their_weights_and_batch_statistics(tmp_path: Path) -> None:
    torch.save(Mn(7, (1, 128, 100)).state_dict(), tmp_path / "mn.pt")
    network = Mn(3, (1, 128, 100), weights=str(tmp_path / "mn.pt"), frozen=7).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), lr=0.1)
    network(torch.randn(4, 1, 128, 64)).square().sum().backward()
    optimiser.step()
    changed = {name for name, value in network.state_dict().items() if not value.equal(before[name])}
    assert {name.split(".")[1] for name in changed if name.startswith("features.")} == {str(n) for n in range(7, 17)}
    with pytest.raises(RecipeError, match=r"net\.frozen keeps pretrained weights"):
        Mn(3, (1, 128, 100), frozen=7)
