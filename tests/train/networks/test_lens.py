import pytest
import torch

from genrelens.errors import RecipeError
from genrelens.train.networks.lens import Lens

SHAPE = (1, 128, 44)


@pytest.mark.parametrize("frames", [44, 115, 200])
def test_logits_are_the_mean_of_the_branches_for_any_window_length(frames: int) -> None:
    network = Lens(labels=10, shape=(1, 128, frames), branches=3, width=16).eval()
    windows = torch.randn(2, 1, 128, frames)
    assert network(windows).shape == (2, 10)
    mean = sum(branch(windows) for branch in network.branches) / 3
    torch.testing.assert_close(network(windows), mean)


def test_logits_are_linear_in_the_pooled_feature_maps() -> None:
    network = Lens(labels=3, shape=SHAPE, branches=2, width=8).eval()
    windows = torch.randn(2, *SHAPE)
    maps = network.feature_maps(windows)
    assert maps.shape[:3] == (2, 16, 1)
    weights, bias = network.linear_head()
    contributions = torch.einsum("wcrt,lc->wlrt", maps, weights)  # of each position to each label
    torch.testing.assert_close(contributions.mean(dim=(2, 3)) + bias, network(windows))


def test_embeddings_are_dropped_out_in_training_only() -> None:
    network = Lens(labels=3, shape=SHAPE, width=64, dropout=0.5)
    embeddings = torch.ones(4, 64)
    assert not torch.equal(*network.train().classify(embeddings)[:2])
    assert torch.equal(*network.eval().classify(embeddings)[:2])


def test_each_branch_learns_from_its_share_only() -> None:
    network = Lens(labels=2, shape=SHAPE, branches=3, width=8).train()
    windows = torch.randn(9, 1, 128, 44)
    logits = network(windows)
    assert logits.shape == (9, 2)
    logits[3:6].sum().backward()
    has_gradient = [bool(torch.as_tensor(next(branch.parameters()).grad).any()) for branch in network.branches]
    assert has_gradient == [False, True, False]


def test_the_bundled_architecture_has_fewer_than_two_million_parameters() -> None:
    parameters = sum(p.numel() for p in Lens(labels=10, shape=SHAPE, branches=3).parameters())
    assert parameters < 2_000_000


def test_branches_are_initialised_differently() -> None:
    first, second = Lens(labels=2, shape=SHAPE, branches=2).branches
    weights = [next(branch.parameters()) for branch in (first, second)]
    assert not torch.equal(*weights)


@pytest.mark.parametrize("shape", [(2, 128, 44), (1, 64, 44)])
def test_other_numbers_of_channels_and_bands_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(
        RecipeError, match=f"one channel of 128 bands, but the input has shape {shape[0]} x {shape[1]} x 44"
    ):
        Lens(labels=2, shape=shape)
