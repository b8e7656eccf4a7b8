"""VGG16, for transfer from ImageNet: the reference system R4's first pretrained net."""

from torch import Tensor, nn

from genrelens.train.networks.layers import Resize, require_image_channels
from genrelens.train.networks.pretrained import freeze_backbone, load_backbone

# Configuration D of Simonyan and Zisserman; 0 halves rows and frames.
_CHANNELS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


class Vgg16(nn.Module):
    """The convolutions of VGG16 (arXiv 1409.1556), and a small head for genres in place of ImageNet's.

    The names of the weights in `features` are torchvision's, so that its checkpoint fits. That was learnt on
    pictures scaled to mean 0 and deviation 1 over ImageNet. Windows have that already, each by itself, so
    they are taken as they are; a single plane is shown as all three colours.

    Args:
        labels: how many classes there are.
        shape: planes (one or three), rows and frames of a window.
        weights: a file or address of torchvision's checkpoint; none ("") trains from scratch.
        frozen: whether the convolutions keep those weights, and only the head learns.
        size: rows and frames that windows are stretched to.
        dense: outputs of the dense layer before the last.
        dropout: share that is dropped before the last layer.

    Raises:
        ModelError: the weights cannot be had, or are of another net.
        RecipeError: there are two planes or more than three, or no weights to freeze.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        weights: str = "",
        frozen: bool = False,
        size: int = 128,
        dense: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        require_image_channels(shape)
        self.resize = Resize(size, size)
        self.features = _features()
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(512, dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, labels),
        )
        load_backbone(self, weights, head="classifier")
        if frozen:
            freeze_backbone(self, weights, head="classifier")

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        pictures = self.resize(windows).expand(-1, 3, -1, -1)
        logits: Tensor = self.classifier(self.features(pictures))
        return logits


def _features() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for outputs in _CHANNELS:
        if outputs:
            convolution = nn.Conv2d(channels, outputs, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU(inplace=True)]
            channels = outputs
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)
