"""A small Audio Spectrogram Transformer trained from scratch, which the reference systems name as future work."""

from typing import Any

from torch import Tensor, nn

from genrelens.model.input_spec import Shape


class PatchTransformer(nn.Module):
    """The Audio Spectrogram Transformer (Gong et al., Interspeech 2021) from transformers, and one linear layer.

    Patches of 16 bands by 16 frames, overlapping by six, are embedded with learned positions and passed through
    attention layers. It is as wide as DeiT-Tiny and half as deep, so that it can be trained on a small dataset.

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window; channels are stacked along the frequency axis.
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
        from transformers import ASTConfig, ASTModel  # takes seconds; two networks need it

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
