import pytest
import torch

from genrelens.train.nets.lens import Lens


@pytest.mark.parametrize("frames", [44, 115, 200])
def test_shapes(frames: int) -> None:
    net = Lens(labels=10, branches=3, width=16).eval()
    windows = torch.randn(2, 1, 128, frames)
    assert net(windows).shape == (2, 10)
    assert net.each(windows).shape == (3, 2, 10)
    torch.testing.assert_close(net(windows), net.each(windows).mean(dim=0))


def test_the_size_of_the_bundled_net() -> None:
    parameters = sum(p.numel() for p in Lens(labels=10, branches=3).parameters())
    assert parameters < 2_000_000


def test_branches_begin_differently() -> None:
    first, second = Lens(labels=2, branches=2).branches
    weights = [next(branch.parameters()) for branch in (first, second)]
    assert not torch.equal(*weights)
