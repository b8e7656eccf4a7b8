"""Several processes that train one net together, and Lightning's silence in each of them."""

import logging
import warnings

from lightning.pytorch.strategies import DDPStrategy


class Processes(DDPStrategy):
    """Data-parallel training in processes that are started afresh: gloo on processors, NCCL on GPUs.

    The data are prepared once, and sent to each. Batch normalisation sees a process's share of the batch only;
    the statistics that are kept are those of the first.
    """

    def __init__(self) -> None:
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Begin in a new process."""
        quieten()
        super().setup_environment()


def quieten() -> None:
    """Let Lightning neither greet, advertise, sum up nor warn, nor torch tell whom it stops after an error."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
