"""Logs as JSON lines, and metrics for Prometheus."""

import json
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest

LOG_FIELDS = "fields"  # attribute of a log record with further fields of its JSON object

_LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # s


@dataclass
class RequestStats:
    """Statistics of a request for the log; never the contents of files."""

    files: int = 0
    failed: int = 0
    audio_seconds: float = 0.0


class JsonFormatter(logging.Formatter):
    """Formats a log record as one line of ASCII JSON, whatever characters it contains."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, LOG_FIELDS, {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class RateLimitFilter(logging.Filter):
    """Passes a limited number of warnings and errors per logger and second, so that a fault cannot fill the disk."""

    def __init__(self, limit: int = 10) -> None:
        super().__init__()
        self._limit = limit
        self._counts: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record."""
        if record.levelno < logging.WARNING:
            return True
        second = int(record.created)
        if any(other != second for _, other in self._counts):
            self._counts.clear()
        self._counts[record.name, second] += 1
        return self._counts[record.name, second] <= self._limit


def configure_logging() -> None:
    """Write all logs of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RateLimitFilter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("python_multipart").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # the command reports start and end itself


class Metrics:
    """Metrics of a server; `process_*` describe the server process, not its workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = self._counter("genrelens_requests", "Completed requests.", "method", "route", "status")
        self.request_seconds = Histogram(
            "genrelens_request_seconds",
            "Time from a request to the end of its response.",
            ("route",),
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )
        self.uploads = self._gauge("genrelens_uploads_under_way", "Requests with files in progress.")
        self.files_waiting = self._gauge("genrelens_files_waiting", "Files waiting for a worker.")
        self.files = self._counter("genrelens_files", "Files that were classified or failed, by outcome.", "outcome")
        self.audio_seconds = self._counter("genrelens_audio_seconds", "Seconds of audio classified.")
        self.live_sessions = self._gauge("genrelens_live_sessions", "Open live sessions.")
        self.workers_lost = self._counter("genrelens_workers_lost", "Worker processes that died or were killed.")

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, documentation: str, *labels: str) -> prometheus_client.Counter:
        return prometheus_client.Counter(name, documentation, labels, registry=self._registry)

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(name, documentation, registry=self._registry)
