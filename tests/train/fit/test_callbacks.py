import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from genrelens.train.fit.callbacks import MovingAverage


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
