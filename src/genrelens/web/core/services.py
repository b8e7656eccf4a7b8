"""What the routes of one server share."""

from dataclasses import dataclass
from typing import Self

from genrelens.web.core.concurrency import Gate
from genrelens.web.core.metrics import Metrics
from genrelens.web.core.settings import Settings
from genrelens.web.core.uploads import Spool
from genrelens.web.workers.pool import Pool


@dataclass(frozen=True)
class Services:
    """The parts of a server that live as long as it does."""

    settings: Settings
    metrics: Metrics
    pool: Pool
    gate: Gate
    spool: Spool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """All parts for these settings; nothing is started yet."""
        metrics = Metrics()
        gate = Gate(settings.max_requests, settings.max_share, "requests")
        return cls(settings, metrics, Pool(settings, metrics), gate, Spool())
