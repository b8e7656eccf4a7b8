"""VGG16 for transfer from ImageNet: the first pretrained network of the reference system R4."""

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import Resize, require_image_channels
from genrelens.train.networks.pretrained import freeze_backbone, load_backbone

# Output channels of the convolutions in configuration D of Simonyan and Zisserman; 0 is a max pooling by 2.
_CHANNELS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


class Vgg16(nn.Module):
    """The convolutions of VGG16 (arXiv 1409.1556), and a small head for genres in place of ImageNet's.

    The parameters in `features` have torchvision's names, so its checkpoint can be loaded. That was trained on
    pictures normalised to mean 0 and standard deviation 1 over ImageNet. Windows are already normalised, each on
    its own, and are passed on unchanged; a single channel is repeated as all three colours.

    Args:
        labels: number of output labels.
        shape: channels (one or three), rows and frames of a window.
        weights: file or URL of torchvision's checkpoint; "" trains from scratch.
        frozen: whether to keep the convolutions' weights and train the head only.
        size: rows and frames that windows are resized to.
        dense: outputs of the hidden linear layer.
        dropout: dropout rate before the last layer.

    Raises:
        ModelError: the weights cannot be loaded, or belong to another network.
        RecipeError: windows have neither one channel nor three, or `frozen` is set without weights.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
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
        """Return logits (windows, labels)."""
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
