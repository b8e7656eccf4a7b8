"""Networks from transformers that the reference systems name as future work, trained from scratch.

The library takes seconds to import, so it is imported on use.
"""

from typing import Any

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import CamNetwork


class Efficientnet(CamNetwork):
    """The convolutions of EfficientNet-B0 (Tan & Le, arXiv 1905.11946), dropout, and one linear layer."""

    def __init__(self, labels: int, shape: Shape, dropout: float = 0.2) -> None:
        super().__init__()
        from transformers import EfficientNetConfig, EfficientNetModel

        b0 = EfficientNetConfig(num_channels=shape[0], width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280)
        b0.batch_norm_momentum = 0.1  # running means adapt in 10 steps rather than 100: music datasets are small
        model: Any = EfficientNetModel(b0)
        self.embeddings, self.encoder = model.embeddings, model.encoder
        self.apply(_initialise_efficientnet)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(b0.hidden_dim, labels))

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


class PatchTransformer(nn.Module):
    """The Audio Spectrogram Transformer (Gong et al., Interspeech 2021), and one linear layer.

    Patches of 16 bands by 16 frames, overlapping by six, are embedded with learned positions and passed through
    attention layers; several channels are stacked along the frequency axis. It is as wide as DeiT-Tiny and half as
    deep, so that it can be trained on a small dataset.

    Args:
        width: size of a patch embedding.
        layers: number of attention layers.
        heads: attention heads per layer.
        stride: bands and frames from one patch to the next.
        dropout: dropout rate within the layers and before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        width: int = 192,
        layers: int = 6,
        heads: int = 3,
        stride: int = 10,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        from transformers import ASTConfig, ASTModel

        channels, rows, frames = shape
        config = ASTConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            hidden_dropout_prob=dropout,
            num_mel_bins=channels * rows,
            max_length=frames,
            frequency_stride=stride,
            time_stride=stride,
        )
        self.transformer: Any = ASTModel(config)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        in_time = windows.flatten(1, 2).transpose(1, 2)  # (windows, frames, channels * rows)
        logits: Tensor = self.head(self.transformer(in_time).pooler_output)
        return logits


def _initialise_efficientnet(module: nn.Module) -> None:
    """Initialise as the paper's code does; transformers' own initial weights give every window the same output."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
