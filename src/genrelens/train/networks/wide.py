"""The widest net: what the reference system R2 could not serve in 512 MB."""

from collections.abc import Sequence

from genrelens.train.networks.compact import Compact


class Wide(Compact):
    """`Compact` with more of everything.

    R2 states about 14 million parameters for ten labels and one plane; these are 14.03 million, most of them
    in the first dense layer.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (32, 64, 128, 256),
        pools: Sequence[int] = (2, 2, 2, 2),
        dense: int = 832,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(labels, shape, channels, pools, dense, dropout)
