"""mn04 against its published release, where that is at hand; and its names and refusals without it."""

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
def test_it_is_the_published_net() -> None:
    net = Mn(527, (1, 128, 1000))
    net.load_state_dict(dict(load_checkpoint(str(TEACHERS / "mn04_as_mAP_432.pt"))), strict=True)
    windows = torch.randn(2, 1, 128, 998, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers = net.eval()(windows).numpy(), net.embed(windows).numpy()
    published = onnxruntime.InferenceSession(str(TEACHERS / "mn04_as.onnx"), providers=["CPUExecutionProvider"])
    for own, theirs in zip(answers, published.run(["logits", "emb"], {"mel": windows.numpy()}), strict=True):
        np.testing.assert_allclose(own, theirs, atol=1e-4)


def test_all_but_the_last_layer_is_taken_over(tmp_path: Path) -> None:
    taught = Mn(7, (1, 128, 100))
    torch.save(taught.state_dict(), tmp_path / "mn.pt")
    net = Mn(3, (1, 128, 100), weights=str(tmp_path / "mn.pt"))
    mels = torch.randn(1, 1, 128, 64)
    torch.testing.assert_close(net.eval().embed(mels), taught.eval().embed(mels))
    assert net(mels).shape == (1, 3)


def test_other_weights_and_other_inputs_are_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InvalidModelError, match="another net than Mn"):
        Mn(3, (1, 128, 100), weights=str(tmp_path / "other.pt"))
    torch.save(Mn(3, (1, 128, 100)).state_dict(), tmp_path / "mn.pt")
    with pytest.raises(InvalidModelError, match="is \\(8, 1, 3, 3\\), not \\(8, 2, 3, 3\\)"):
        Mn(3, (2, 128, 100), weights=str(tmp_path / "mn.pt"))


def test_frozen_parts_keep_their_weights_and_statistics(tmp_path: Path) -> None:
    torch.save(Mn(7, (1, 128, 100)).state_dict(), tmp_path / "mn.pt")
    net = Mn(3, (1, 128, 100), weights=str(tmp_path / "mn.pt"), frozen=7).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.SGD((p for p in net.parameters() if p.requires_grad), lr=0.1)
    net(torch.randn(4, 1, 128, 64)).square().sum().backward()
    optimiser.step()
    changed = {name for name, value in net.state_dict().items() if not value.equal(before[name])}
    assert {name.split(".")[1] for name in changed if name.startswith("features.")} == {str(n) for n in range(7, 17)}
    with pytest.raises(RecipeError, match=r"net\.frozen keeps weights"):
        Mn(3, (1, 128, 100), frozen=7)
