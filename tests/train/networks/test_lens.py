import pytest
import torch

from genrelens.errors import RecipeError
from genrelens.train.networks.lens import Lens

SHAPE = (1, 128, 44)


@pytest.mark.parametrize("frames", [44, 115, 200])
def test_shapes(frames: int) -> None:
    net = Lens(labels=10, shape=(1, 128, frames), branches=3, width=16).eval()
    windows = torch.randn(2, 1, 128, frames)
    assert net(windows).shape == (2, 10)
    mean = sum(branch(windows) for branch in net.branches) / 3
    torch.testing.assert_close(net(windows), mean)


def test_the_answer_is_linear_in_the_mean_of_the_maps() -> None:
    net = Lens(labels=3, shape=SHAPE, branches=2, width=8).eval()
    windows = torch.randn(2, *SHAPE)
    maps = net.feature_maps(windows)
    assert maps.shape[:3] == (2, 16, 1)
    weights, bias = net.linear_head()
    places = torch.einsum("wcrt,lc->wlrt", maps, weights)  # how much each place adds to each label
    torch.testing.assert_close(places.mean(dim=(2, 3)) + bias, net(windows))


def test_features_are_dropped_in_training_alone() -> None:
    net = Lens(labels=3, shape=SHAPE, width=64, dropout=0.5)
    embeddings = torch.ones(4, 64)
    assert not torch.equal(*net.train().classify(embeddings)[:2])
    assert torch.equal(*net.eval().classify(embeddings)[:2])


def test_each_branch_learns_from_its_share_alone() -> None:
    net = Lens(labels=2, shape=SHAPE, branches=3, width=8).train()
    windows = torch.randn(9, 1, 128, 44)
    logits = net(windows)
    assert logits.shape == (9, 2)
    logits[3:6].sum().backward()
    learning = [bool(torch.as_tensor(next(branch.parameters()).grad).any()) for branch in net.branches]
    assert learning == [False, True, False]


def test_the_size_of_the_bundled_net() -> None:
    parameters = sum(p.numel() for p in Lens(labels=10, shape=SHAPE, branches=3).parameters())
    assert parameters < 2_000_000


def test_branches_begin_differently() -> None:
    first, second = Lens(labels=2, shape=SHAPE, branches=2).branches
    weights = [next(branch.parameters()) for branch in (first, second)]
    assert not torch.equal(*weights)


@pytest.mark.parametrize("shape", [(2, 128, 44), (1, 64, 44)])
def test_other_planes_and_bands_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(RecipeError, match=f"one plane of 128 bands, and the input has {shape[0]} of {shape[1]}"):
        Lens(labels=2, shape=shape)
