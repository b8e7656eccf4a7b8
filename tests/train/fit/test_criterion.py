import pytest
import torch
from torch.nn import functional

from genrelens.train.fit.criterion import MultiLabelCriterion, SingleLabelCriterion, criterion_for

TARGETS = torch.tensor([[1.0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 1]])


def test_a_head_for_each_way_to_label() -> None:
    assert [type(criterion_for(labelling)) for labelling in ("one", "tree", "several")] == [
        SingleLabelCriterion,
        SingleLabelCriterion,
        MultiLabelCriterion,
    ]


def test_several_labels_are_learnt_each_for_itself() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    own = MultiLabelCriterion().probabilities(logits)
    expected = -(TARGETS * own.log() + (1 - TARGETS) * (1 - own).log()).mean()
    torch.testing.assert_close(MultiLabelCriterion().loss(logits, TARGETS, None, 0.0), expected)
    loss, measures = MultiLabelCriterion().validation(own, TARGETS)
    torch.testing.assert_close(loss, expected)
    assert list(measures) == ["map"]
    assert MultiLabelCriterion().validation(TARGETS, TARGETS)[1]["map"] == 1
    assert MultiLabelCriterion().accuracy(logits, TARGETS) == {}


def test_smoothing_keeps_several_labels_from_certainty() -> None:
    logits = torch.zeros(1, 1, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.2)
    for _ in range(200):
        optimiser.zero_grad()
        MultiLabelCriterion().loss(logits, torch.ones(1, 1), None, 0.2).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert logits.sigmoid().item() == pytest.approx(0.9, abs=1e-3)


def test_balanced_several_labels_count_as_much_as_their_absence() -> None:
    weights = MultiLabelCriterion().balanced_weights(TARGETS)
    torch.testing.assert_close(weights * TARGETS.sum(dim=0), (1 - TARGETS).sum(dim=0))
    everywhere = MultiLabelCriterion().balanced_weights(torch.tensor([[1.0, 0], [1, 0]]))
    assert everywhere.tolist() == [0.5, 2]  # finite, whatever the tracks


def test_one_label_is_learnt_against_the_others() -> None:
    targets, logits = torch.eye(3), torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    expected = functional.cross_entropy(logits, torch.arange(3))
    torch.testing.assert_close(SingleLabelCriterion().loss(logits, targets, None, 0.0), expected)
    loss, measures = SingleLabelCriterion().validation(SingleLabelCriterion().probabilities(logits), targets)
    torch.testing.assert_close(loss, expected)
    assert measures == SingleLabelCriterion().accuracy(logits, targets)
