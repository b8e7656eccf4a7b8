"""EfficientNet-B0 trained from scratch, which the reference systems name as future work."""

from typing import Any

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.cam import CamNetwork


class Efficientnet(CamNetwork):
    """The convolutions of EfficientNet-B0 (Tan & Le, arXiv 1905.11946) from transformers, and one linear layer.

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window.
        dropout: dropout rate before the last layer.
    """

    def __init__(self, labels: int, shape: Shape, dropout: float = 0.2) -> None:
        super().__init__()
        from transformers import EfficientNetConfig, EfficientNetModel  # takes seconds; two networks need it

        config = EfficientNetConfig(
            num_channels=shape[0],
            width_coefficient=1.0,
            depth_coefficient=1.0,
            hidden_dim=1280,
            # Running means that adapt in 10 steps rather than 100: music datasets are small.
            batch_norm_momentum=0.1,
        )
        model: Any = EfficientNetModel(config)
        self.embeddings, self.encoder = model.embeddings, model.encoder
        self.apply(_initialise)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(config.hidden_dim, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.head(self.embed(windows))
        return logits

    def feature_maps(self, windows: Tensor) -> Tensor:
        """Return the last feature maps, (windows, 1280, rows / 32, frames / 32)."""
        features: Tensor = self.encoder(self.embeddings(windows)).last_hidden_state
        return features

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """Return weights (labels, 1280) and bias (labels,) of the last layer."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        return last.weight, last.bias


def _initialise(module: nn.Module) -> None:
    """Initialise as the paper's code does; transformers' own initial weights give every window the same output."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
