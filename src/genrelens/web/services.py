"""The components that the routes of one server share."""

from dataclasses import dataclass
from typing import Self

from genrelens.web.core.concurrency import ConcurrencyLimiter
from genrelens.web.core.settings import Settings
from genrelens.web.core.telemetry import Metrics
from genrelens.web.core.uploads import Spool
from genrelens.web.workers.pool import WorkerPool


@dataclass(frozen=True)
class Services:
    """Components with the lifetime of a server."""

    settings: Settings
    metrics: Metrics
    pool: WorkerPool
    limiter: ConcurrencyLimiter
    spool: Spool

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Create all components without starting any."""
        metrics = Metrics()
        limiter = ConcurrencyLimiter(settings.max_requests, settings.max_share, "requests")
        return cls(settings, metrics, WorkerPool(settings, metrics), limiter, Spool())
