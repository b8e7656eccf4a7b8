import torch

from genrelens.train.networks.crnn import Crnn


def test_the_output_depends_on_the_order_of_frames() -> None:
    network = Crnn(2, (1, 128, 64), channels=(4, 4, 4, 4), units=4).eval()
    windows = torch.randn(1, 1, 128, 64)
    with torch.no_grad():
        forwards, backwards = network.recurrent(torch.randn(1, 8, 4))[0].split(4, dim=2)
        assert forwards.shape == backwards.shape == (1, 8, 4)
        assert not torch.allclose(network(windows), network(windows.flip(3)), atol=1e-6)
