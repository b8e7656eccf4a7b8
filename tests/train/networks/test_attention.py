import torch

from genrelens.train.networks.attention import Attention


def test_logits_are_a_mean_over_time_weighted_by_attention() -> None:
    network = Attention(2, (1, 32, 64), channels=(4, 4)).eval()
    windows = torch.randn(1, 1, 32, 64)
    with torch.no_grad():
        network.weights.weight.zero_()  # equal weights: the logits are the mean over time
        moments = network.moments(network.blocks(windows).mean(dim=2).transpose(1, 2))
        torch.testing.assert_close(network(windows), network.answers(moments).mean(dim=1))
