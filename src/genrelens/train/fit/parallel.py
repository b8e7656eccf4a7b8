"""Data-parallel training in several processes."""

import logging
import warnings

from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessRaisedException

from genrelens.errors import TrainingError


class SpawnedProcesses(DDPStrategy):
    """Data-parallel training in freshly started processes, with gloo on CPUs and NCCL on GPUs.

    The data are prepared once and sent to each process. Batch normalisation sees only a process's share of the
    batch; the batch statistics that are saved are those of the first process.
    """

    def __init__(self) -> None:
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Set up a new process."""
        silence_lightning()
        super().setup_environment()


def silence_lightning() -> None:
    """Suppress Lightning's greetings, tips, summaries and warnings, and torch's reports on terminated processes."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def check_devices(devices: int, batch: int, tracks: int) -> None:
    """Check that every process gets its share of each batch and of each split.

    Args:
        devices: number of processes.
        batch: windows per batch.
        tracks: number of tracks in the smaller of *train* and *valid*.

    Raises:
        TrainingError: the batch cannot be divided equally, or a split has too few tracks.
    """
    if batch % devices:
        raise TrainingError(
            f"a batch of {batch} windows cannot be shared equally among {devices} devices; "
            "change train.batch in the recipe, or --devices"
        )
    if tracks < devices:  # a process without tracks would keep the others waiting
        raise TrainingError(
            f"{devices} devices need at least {devices} tracks in train and valid, but one of them has {tracks}; "
            "lower --devices"
        )


def raised_in_process(error: ProcessRaisedException) -> tuple[str, str]:
    """Return the qualified name and the message of the exception that ended a process.

    torch passes on the traceback as text; its last line names the exception.
    """
    name, _, message = str(error).strip().rpartition("\n")[2].partition(": ")
    return name, message
