"""mn04, a small MobileNetV3 trained on AudioSet, for transfer and as a teacher in distillation."""

from collections import OrderedDict
from typing import Self

from torch import Tensor, nn

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.networks.pretrained import load_backbone

_HEAD = "classifier.5"  # the only layer whose size depends on the number of labels

# Kernel size, expanded width, output width, squeeze-and-excitation, hardswish rather than ReLU, stride: the table of
# MobileNetV3-large (Howard et al., ICCV 2019) at 0.4 times the width, rounded to multiples of 8 in the same way.
_BLOCKS = (
    (3, 8, 8, False, False, 1),
    (3, 24, 16, False, False, 2),
    (3, 32, 16, False, False, 1),
    (5, 32, 16, True, False, 2),
    (5, 48, 16, True, False, 1),
    (5, 48, 16, True, False, 1),
    (3, 96, 32, False, True, 2),
    (3, 80, 32, False, True, 1),
    (3, 72, 32, False, True, 1),
    (3, 72, 32, False, True, 1),
    (3, 192, 48, True, True, 1),
    (3, 272, 48, True, True, 1),
    (5, 272, 64, True, True, 2),
    (5, 384, 64, True, True, 1),
    (5, 384, 64, True, True, 1),
)
_FIRST, _EMBEDDING, _HIDDEN = 8, 384, 512


class Mn(nn.Module):
    """EfficientAT's mn04 (Schmid, Koutini & Widmer, ICASSP 2023, arXiv 2211.04772; MIT).

    Parameters have the names of the published release, so its checkpoint can be loaded. It takes windows of about
    10 s at 32 kHz, with one channel of 128 bands; see `recipes/mn04-finetune.toml` for its front end. With 527 labels
    the whole checkpoint fits, and the logits belong to AudioSet's classes.

    Args:
        weights: file or URL of the published checkpoint; "" trains from scratch.
        frozen: number of blocks, of 17 and counted from the input, that keep those weights.
        dropout: dropout rate before the last layer.

    Raises:
        ModelError: the weights cannot be loaded, or belong to another network.
        RecipeError: `frozen` is set without weights.
    """

    def __init__(self, labels: int, shape: Shape, weights: str = "", frozen: int = 0, dropout: float = 0.2) -> None:
        super().__init__()
        if frozen and not weights:
            raise RecipeError(
                "net.frozen keeps pretrained weights, but net.weights names none; set it, or set net.frozen=0"
            )
        widths = (_FIRST, *(block[2] for block in _BLOCKS))
        self.features = nn.Sequential(
            _convolution(shape[0], _FIRST, 3, nn.Hardswish(), stride=2),
            *(_Block(width, *block) for width, block in zip(widths[:-1], _BLOCKS, strict=True)),
            _convolution(widths[-1], _EMBEDDING, 1, nn.Hardswish()),
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(_EMBEDDING, _HIDDEN),
            nn.Hardswish(),
            nn.Dropout(dropout),
            nn.Linear(_HIDDEN, labels),
        )
        self.apply(_initialise)
        load_backbone(self, weights, head=_HEAD)
        self.frozen = frozen
        self.features[:frozen].requires_grad_(False)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.classifier(self.features(windows))
        return logits

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode; frozen blocks stay in evaluation mode and keep their batch statistics."""
        super().train(mode)
        self.features[: self.frozen].eval()
        return self

    def embed(self, windows: Tensor) -> Tensor:
        """Return embeddings (windows, 384): the last feature maps, averaged over bands and time."""
        return self.features(windows).mean(dim=(2, 3))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """An inverted residual: expansion, depthwise convolution, projection; a skip connection where shapes match."""

    def __init__(
        self, inputs: int, kernel: int, width: int, outputs: int, excitation: bool, swish: bool, stride: int
    ) -> None:
        super().__init__()
        activation = nn.Hardswish() if swish else nn.ReLU()
        layers: list[nn.Module] = [_convolution(inputs, width, 1, activation)] if width > inputs else []
        layers.append(_convolution(width, width, kernel, activation, stride, groups=width))
        if excitation:
            layers.append(_SqueezeExcitation(width))
        layers.append(_convolution(width, outputs, 1, nn.Identity()))
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        change: Tensor = self.block(features)
        return features + change if self.residual else change


class _SqueezeExcitation(nn.Module):
    """Channel weights computed from the mean of each channel over the window (Hu et al., CVPR 2018).

    The release supports several axes but only uses channels, hence the list with one element.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _multiple_of_8(channels // 4)
        first, second = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)
        layers = OrderedDict(fc1=first, relu=nn.ReLU(), fc2=second, sigmoid=nn.Sigmoid())
        self.conc_se_layers = nn.ModuleList([nn.Sequential(layers)])

    def forward(self, features: Tensor) -> Tensor:
        weights: Tensor = self.conc_se_layers[0](features.mean(dim=(2, 3)))
        return features * weights[:, :, None, None]


def _convolution(
    inputs: int, outputs: int, kernel: int, activation: nn.Module, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        activation,
    )


def _multiple_of_8(channels: int) -> int:
    """Round to the nearest multiple of 8 that is at least 0.9 times `channels`, as in MobileNet."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _initialise(module: nn.Module) -> None:
    """Initialise as the code of the release does."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)
