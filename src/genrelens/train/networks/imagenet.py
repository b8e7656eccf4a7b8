"""The networks that the reference system R4 transfers from ImageNet, VGG16 and ResNet-18.

Parameters have torchvision's names, so its checkpoints can be loaded. These were trained on pictures normalised to
mean 0 and standard deviation 1 over ImageNet. Windows are already normalised, each on its own, and are passed on
unchanged; a single channel is repeated as all three colours.

Both networks take these arguments:
    weights: file or URL of torchvision's checkpoint; "" trains from scratch.
    frozen: whether to keep these weights and train only the head.
    size: rows and frames that windows are resized to.
    dropout: dropout rate before the last layer.

Their constructors raise:
    ModelError: the weights cannot be loaded, or belong to another network.
    RecipeError: windows have neither one channel nor three, or `frozen` is set without weights.
"""

from typing import Self

from torch import Tensor, nn
from torch.nn import functional

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import CamNetwork, Resize, linear_layers
from genrelens.train.networks.pretrained import load_backbone

# Output channels of the convolutions in configuration D of Simonyan and Zisserman; 0 is a max pooling by 2.
_VGG16_CHANNELS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


class Vgg16(nn.Module):
    """The convolutions of VGG16 (arXiv 1409.1556), and a small head for genres in place of ImageNet's.

    Args:
        dense: outputs of the hidden linear layer.
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
        self.resize = _Pictures(shape, size)
        self.features = _vgg16_features()
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), *linear_layers(512, dense, labels, dropout=dropout)
        )
        _transfer(self, weights, "classifier", frozen)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.classifier(self.features(self.resize(windows)))
        return logits


class Resnet18(CamNetwork):
    """ResNet-18 (He et al., CVPR 2016), and one linear layer for genres in place of ImageNet's."""

    def __init__(
        self, labels: int, shape: Shape, weights: str = "", frozen: bool = False, size: int = 128, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.resize = _Pictures(shape, size)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(_Block(64, 64, 1), _Block(64, 64, 1))
        self.layer2 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128, 1))
        self.layer3 = nn.Sequential(_Block(128, 256, 2), _Block(256, 256, 1))
        self.layer4 = nn.Sequential(_Block(256, 512, 2), _Block(512, 512, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(512, labels)
        self.apply(_initialise_resnet)
        _transfer(self, weights, "fc", frozen)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.fc(self.dropout(self.embed(windows)))
        return logits

    def feature_maps(self, windows: Tensor) -> Tensor:
        """Return the last feature maps, (windows, 512, size / 32, size / 32)."""
        features: Tensor = self.maxpool(functional.relu(self.bn1(self.conv1(self.resize(windows)))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
        return features

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """Return weights (labels, 512) and bias (labels,) of the last layer."""
        return self.fc.weight, self.fc.bias

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode; frozen layers stay in evaluation mode and keep their batch statistics."""
        super().train(mode)
        if self.frozen:
            for layer in (self.bn1, self.layer1, self.layer2, self.layer3, self.layer4):
                layer.eval()
        return self


class _Block(nn.Module):
    """A residual block of two convolutions that divides rows and frames by `stride`."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        change = functional.relu(self.bn1(self.conv1(features)))
        change = self.bn2(self.conv2(change))
        return functional.relu(change + self.downsample(features))


class _Pictures(Resize):
    """Conversion of windows to square colour pictures."""

    def __init__(self, shape: Shape, size: int) -> None:
        super().__init__(size, size)
        if shape[0] not in (1, 3):
            raise RecipeError(f"an ImageNet network takes one channel or three, not {shape[0]}; change input.features")

    def forward(self, windows: Tensor) -> Tensor:
        """Return pictures (windows, 3, size, size)."""
        return super().forward(windows).expand(-1, 3, -1, -1)


def _vgg16_features() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for outputs in _VGG16_CHANNELS:
        if outputs:
            convolution = nn.Conv2d(channels, outputs, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU(inplace=True)]
            channels = outputs
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _initialise_resnet(module: nn.Module) -> None:
    """Initialise as He et al. do."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _transfer(network: nn.Module, weights: str, head: str, frozen: bool) -> None:
    """Load all weights except the head's, and exclude them from training if they are frozen."""
    load_backbone(network, weights, head)
    if frozen and not weights:
        raise RecipeError(
            "net.frozen keeps pretrained weights, but net.weights names none; set it, or set net.frozen=false"
        )
    if frozen:
        for name, parameter in network.named_parameters():
            parameter.requires_grad = name.startswith(f"{head}.")
