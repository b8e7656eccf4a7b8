"""mn04, a small MobileNetV3 that learnt sounds from AudioSet: for transfer, and to teach other nets."""

from typing import Self

from torch import Tensor, nn

from genrelens.errors import RecipeError
from genrelens.train.networks.pretrained import load_backbone

_HEAD = "classifier.5"  # the only layer that knows how many labels there are

# Kernel, expanded width, output width, whether channels are weighted, hardswish or ReLU, stride: the table of
# MobileNetV3-large (Howard et al., ICCV 2019) at 0.4 of its width, rounded to multiples of 8 as there.
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

    The names of the weights are those of the published release, so that its file fits. It hears windows of
    about 10 s at 32 kHz; see `recipes/mn04-finetune.toml` for its front end. With 527 labels, the whole file
    fits, and the logits are those of AudioSet's classes.

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window; the published net was taught with one plane of 128 bands.
        weights: a file or address of the published checkpoint; none ("") trains from scratch.
        frozen: of the 17 parts of the net, so many keep those weights, from the input on.
        dropout: share that is dropped before the last layer.

    Raises:
        ModelError: the weights cannot be had, or are of another net.
        RecipeError: there are no weights to freeze.
    """

    def __init__(
        self, labels: int, shape: tuple[int, int, int], weights: str = "", frozen: int = 0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        if frozen and not weights:
            raise RecipeError("net.frozen keeps weights that net.weights must name; name them, or set net.frozen=0")
        inputs = (_FIRST, *(block[2] for block in _BLOCKS[:-1]))
        self.features = nn.Sequential(
            _convolution(shape[0], _FIRST, 3, nn.Hardswish(), stride=2),
            *(_Block(width, *block) for width, block in zip(inputs, _BLOCKS, strict=True)),
            _convolution(_BLOCKS[-1][2], _EMBEDDING, 1, nn.Hardswish()),
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(_EMBEDDING, _HIDDEN),
            nn.Hardswish(),
            nn.Dropout(dropout),
            nn.Linear(_HIDDEN, labels),
        )
        self.apply(_as_published)
        load_backbone(self, weights, head=_HEAD)
        self.frozen = frozen
        self.features[:frozen].requires_grad_(False)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        logits: Tensor = self.classifier(self.features(windows))
        return logits

    def train(self, mode: bool = True) -> Self:
        """Frozen parts also keep the means and deviations that they normalise by."""
        super().train(mode)
        self.features[: self.frozen].eval()
        return self

    def embed(self, windows: Tensor) -> Tensor:
        """The mean over bands and time of what is heard, (windows, 384)."""
        return self.features(windows).mean(dim=(2, 3))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """To a larger width, one filter for each channel, and back; round it where input and output are alike."""

    def __init__(
        self, inputs: int, kernel: int, width: int, outputs: int, weighted: bool, swish: bool, stride: int
    ) -> None:
        super().__init__()
        activation = nn.Hardswish() if swish else nn.ReLU()
        layers: list[nn.Module] = [_convolution(inputs, width, 1, activation)] if width > inputs else []
        layers.append(_convolution(width, width, kernel, activation, stride, groups=width))
        if weighted:
            layers.append(_Weighting(width))
        layers.append(_convolution(width, outputs, 1, nn.Identity()))
        self.block = nn.Sequential(*layers)
        self.around = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        change: Tensor = self.block(features)
        return features + change if self.around else change


class _Weighting(nn.Module):
    """Weighs the channels by what they hold in all of the window (Hu et al., CVPR 2018).

    The release could weigh along several axes; it weighs channels alone, of which a list of one is left.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([_Excitation(channels, _multiple_of_8(channels // 4))])

    def forward(self, features: Tensor) -> Tensor:
        weights: Tensor = self.conc_se_layers[0](features.mean(dim=(2, 3)))
        return features * weights[:, :, None, None]


class _Excitation(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, means: Tensor) -> Tensor:
        return self.fc2(self.fc1(means).relu()).sigmoid()  # type: ignore[no-any-return]


def _convolution(
    inputs: int, outputs: int, kernel: int, activation: nn.Module, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        activation,
    )


def _multiple_of_8(channels: int) -> int:
    """The nearest, but not less than 0.9 of it, as in MobileNet."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _as_published(part: nn.Module) -> None:
    """Begin as the release's code does."""
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_out")
    elif isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, 0, 0.01)
        nn.init.zeros_(part.bias)
