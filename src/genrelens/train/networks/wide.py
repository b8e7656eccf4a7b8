"""The widest network: the model that the reference system R2 could not serve in 512 MB."""

from collections.abc import Sequence

from genrelens.model.input_spec import Shape
from genrelens.train.networks.compact import Compact


class Wide(Compact):
    """`Compact` with more and wider layers.

    R2 states about 14 million parameters for ten labels and one channel; this network has 14.03 million, most of
    them in the first linear layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (32, 64, 128, 256),
        pools: Sequence[int] = (2, 2, 2, 2),
        dense: int = 832,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(labels, shape, channels, pools, dense, dropout)
