import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from genrelens.train.fit.averaging import MovingAverage


def averages(decay: float, steps: int) -> list[float]:
    """Of a weight that is 0, 1, 2, ... after each step."""
    net = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(net, avg_fn=MovingAverage(decay)._kwargs["avg_fn"])
    found = []
    for step in range(steps):
        nn.init.constant_(net.weight, step)
        averaged.update_parameters(net)
        found.append(next(averaged.parameters()).item())
    return found


def test_at_first_it_is_the_mean_of_all() -> None:
    assert averages(0.9, 10) == [step / 2 for step in range(10)]


def test_then_it_forgets() -> None:
    late = averages(0.9, 300)
    torch.testing.assert_close(torch.tensor(late[-1]), torch.tensor(299 - 9.0), atol=0.01, rtol=0)  # its centre of mass
    expected = late[-2] + 0.1 * (299 - late[-2])
    torch.testing.assert_close(late[-1], expected, atol=1e-3, rtol=0)
