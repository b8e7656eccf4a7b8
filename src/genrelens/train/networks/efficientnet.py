"""EfficientNet-B0, trained from scratch: what the reference systems wished for."""

from typing import Any

from torch import Tensor, nn

from genrelens.train.networks.cam import CamNetwork


class Efficientnet(CamNetwork):
    """The convolutions of EfficientNet-B0 (Tan & Le, arXiv 1905.11946) from transformers, and one dense layer.

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window.
        dropout: share that is dropped before the last layer.
    """

    def __init__(self, labels: int, shape: tuple[int, int, int], dropout: float = 0.2) -> None:
        super().__init__()
        from transformers import EfficientNetConfig, EfficientNetModel  # seconds to import, for two nets of many

        config = EfficientNetConfig(
            num_channels=shape[0],
            width_coefficient=1.0,
            depth_coefficient=1.0,
            hidden_dim=1280,
            # Running means that follow in 10 steps, not 100: data sets of music are small.
            batch_norm_momentum=0.1,
        )
        model: Any = EfficientNetModel(config)
        self.embeddings, self.encoder = model.embeddings, model.encoder
        self.apply(_as_tan_and_le_begin)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(config.hidden_dim, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        logits: Tensor = self.head(self.embed(windows))
        return logits

    def feature_maps(self, windows: Tensor) -> Tensor:
        """The last maps: (windows, 1280, a 32nd of the rows, a 32nd of the frames)."""
        features: Tensor = self.encoder(self.embeddings(windows)).last_hidden_state
        return features

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """The dense layer."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        return last.weight, last.bias


def _as_tan_and_le_begin(part: nn.Module) -> None:
    """Begin as the paper's code does: from transformers' own first weights every window gives the same answer."""
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_out")
    elif isinstance(part, nn.BatchNorm2d):
        nn.init.ones_(part.weight)
