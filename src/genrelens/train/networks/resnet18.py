"""ResNet-18 for transfer from ImageNet: the second pretrained network of the reference system R4."""

from typing import Self

from torch import Tensor, nn
from torch.nn import functional

from genrelens.model.input_spec import Shape
from genrelens.train.networks.cam import CamNetwork
from genrelens.train.networks.layers import Resize, require_image_channels
from genrelens.train.networks.pretrained import freeze_backbone, load_backbone


class Resnet18(CamNetwork):
    """ResNet-18 (He et al., CVPR 2016), and one linear layer for genres in place of ImageNet's.

    Parameters have torchvision's names, so its checkpoint can be loaded. That was trained on pictures normalised
    to mean 0 and standard deviation 1 over ImageNet. Windows are already normalised, each on its own, and are
    passed on unchanged; a single channel is repeated as all three colours.

    Args:
        labels: number of output labels.
        shape: channels (one or three), rows and frames of a window.
        weights: file or URL of torchvision's checkpoint; "" trains from scratch.
        frozen: whether to keep the weights of all but the last layer.
        size: rows and frames that windows are resized to.
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
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        require_image_channels(shape)
        self.frozen = frozen
        self.resize = Resize(size, size)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(_Block(64, 64, 1), _Block(64, 64, 1))
        self.layer2 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128, 1))
        self.layer3 = nn.Sequential(_Block(128, 256, 2), _Block(256, 256, 1))
        self.layer4 = nn.Sequential(_Block(256, 512, 2), _Block(512, 512, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(512, labels)
        self.apply(_initialise)
        load_backbone(self, weights, head="fc")
        if frozen:
            freeze_backbone(self, weights, head="fc")

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.fc(self.dropout(self.embed(windows)))
        return logits

    def feature_maps(self, windows: Tensor) -> Tensor:
        """Return the last feature maps, (windows, 512, size / 32, size / 32)."""
        pictures = self.resize(windows).expand(-1, 3, -1, -1)
        features: Tensor = self.maxpool(functional.relu(self.bn1(self.conv1(pictures))))
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


def _initialise(module: nn.Module) -> None:
    """Initialise as He et al. do."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
