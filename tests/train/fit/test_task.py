from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from genrelens.train.fit.task import MovingAverage, MultiLabelCriterion, SingleLabelCriterion, criterion_for

TARGETS = torch.tensor([[1.0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 1]])


def test_each_labelling_has_its_criterion() -> None:
    assert [type(criterion_for(labelling)) for labelling in ("one", "tree", "several")] == [
        SingleLabelCriterion,
        SingleLabelCriterion,
        MultiLabelCriterion,
    ]


def test_several_labels_have_independent_losses() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    probabilities = MultiLabelCriterion().probabilities(logits)
    expected = -(TARGETS * probabilities.log() + (1 - TARGETS) * (1 - probabilities).log()).mean()
    torch.testing.assert_close(MultiLabelCriterion().loss(logits, TARGETS, None, 0.0), expected)
    loss, metrics = MultiLabelCriterion().validation(probabilities, TARGETS)
    torch.testing.assert_close(loss, expected)
    assert list(metrics) == ["map"]
    assert MultiLabelCriterion().validation(TARGETS, TARGETS)[1]["map"] == 1
    assert MultiLabelCriterion().accuracy(logits, TARGETS) == {}


def test_label_smoothing_keeps_probabilities_of_several_labels_from_one() -> None:
    logits = torch.zeros(1, 1, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.2)
    for _ in range(200):
        optimiser.zero_grad()
        MultiLabelCriterion().loss(logits, torch.ones(1, 1), None, 0.2).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert logits.sigmoid().item() == pytest.approx(0.9, abs=1e-3)


def test_balanced_weights_of_several_labels_equal_presence_and_absence() -> None:
    weights = MultiLabelCriterion().balanced_weights(TARGETS)
    torch.testing.assert_close(weights * TARGETS.sum(dim=0), (1 - TARGETS).sum(dim=0))
    on_all_tracks = MultiLabelCriterion().balanced_weights(torch.tensor([[1.0, 0], [1, 0]]))
    assert on_all_tracks.tolist() == [0.5, 2]  # finite even without negatives


def test_one_label_uses_cross_entropy() -> None:
    targets, logits = torch.eye(3), torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    expected = functional.cross_entropy(logits, torch.arange(3))
    torch.testing.assert_close(SingleLabelCriterion().loss(logits, targets, None, 0.0), expected)
    loss, metrics = SingleLabelCriterion().validation(SingleLabelCriterion().probabilities(logits), targets)
    torch.testing.assert_close(loss, expected)
    assert metrics == SingleLabelCriterion().accuracy(logits, targets)


def test_balanced_weights_give_every_class_the_same_total() -> None:
    truth = [0] * 6 + [2] * 2
    weights = SingleLabelCriterion().balanced_weights(torch.eye(3)[truth])
    sums = Counter[int]()
    for label in truth:
        sums[label] += weights[label].item()  # type: ignore[assignment]
    assert sums[0] == pytest.approx(sums[2])
    assert sum(sums.values()) == pytest.approx(len(truth))


def moving_averages(decay: float, steps: int) -> list[float]:
    """Return the averages of a weight that is 0, 1, 2, ... after successive steps."""
    network = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(network, avg_fn=MovingAverage(decay)._kwargs["avg_fn"])
    averages = []
    for step in range(steps):
        nn.init.constant_(network.weight, step)
        averaged.update_parameters(network)
        averages.append(next(averaged.parameters()).item())
    return averages


def test_the_first_averages_are_arithmetic_means() -> None:
    assert moving_averages(0.9, 10) == [step / 2 for step in range(10)]


def test_later_averages_decay_exponentially() -> None:
    late = moving_averages(0.9, 300)
    torch.testing.assert_close(torch.tensor(late[-1]), torch.tensor(299 - 9.0), atol=0.01, rtol=0)  # its centre of mass
    expected = late[-2] + 0.1 * (299 - late[-2])
    torch.testing.assert_close(late[-1], expected, atol=1e-3, rtol=0)
