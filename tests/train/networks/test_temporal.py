import torch

from genrelens.train.networks.temporal import Attention, Crnn


def test_logits_are_a_mean_over_time_weighted_by_attention() -> None:
    network = Attention(2, (1, 32, 64), channels=(4, 4)).eval()
    windows = torch.randn(1, 1, 32, 64)
    with torch.no_grad():
        network.weights.weight.zero_()  # equal weights: the logits are the mean over time
        moments = network.moments(network.blocks(windows).mean(dim=2).transpose(1, 2))
        torch.testing.assert_close(network(windows), network.answers(moments).mean(dim=1))


def test_the_output_depends_on_the_order_of_frames() -> None:
    network = Crnn(2, (1, 128, 64), channels=(4, 4, 4, 4), units=4).eval()
    windows = torch.randn(1, 1, 128, 64)
    with torch.no_grad():
        forwards, backwards = network.recurrent(torch.randn(1, 8, 4))[0].split(4, dim=2)
        assert forwards.shape == backwards.shape == (1, 8, 4)
        assert not torch.allclose(network(windows), network(windows.flip(3)), atol=1e-6)
