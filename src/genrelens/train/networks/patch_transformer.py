"""A small Audio Spectrogram Transformer, trained from scratch: what the reference systems wished for."""

from typing import Any

from torch import Tensor, nn


class PatchTransformer(nn.Module):
    """The Audio Spectrogram Transformer (Gong et al., Interspeech 2021) from transformers, and one dense layer.

    Patches of 16 bands by 16 frames, overlapping by six, and their learnt positions pass through layers of
    attention. As wide as DeiT-Tiny and half as deep, so that a small data set can train it.

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window; planes are laid one above the other.
        width: numbers that describe a patch.
        layers: of attention.
        heads: of each layer.
        stride: bands and frames from one patch to the next.
        dropout: share that is dropped within the layers and before the last.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        width: int = 192,
        layers: int = 6,
        heads: int = 3,
        stride: int = 10,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        from transformers import ASTConfig, ASTModel  # seconds to import, for two nets of many

        planes, rows, frames = shape
        config = ASTConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            hidden_dropout_prob=dropout,
            num_mel_bins=planes * rows,
            max_length=frames,
            frequency_stride=stride,
            time_stride=stride,
        )
        self.transformer: Any = ASTModel(config)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        in_time = windows.flatten(1, 2).transpose(1, 2)  # (windows, frames, planes * rows)
        logits: Tensor = self.head(self.transformer(in_time).pooler_output)
        return logits
