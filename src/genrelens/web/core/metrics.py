"""What Prometheus can ask of a server: requests, their time, who waits, and how much was heard."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one server; `process_*` are of the process that answers, not of its workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "genrelens_requests", "Requests that were answered.", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "genrelens_request_seconds",
            "From a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.under_way = Gauge(
            "genrelens_uploads_under_way", "Requests with files that are received or judged.", registry=self._registry
        )
        self.waiting = Gauge("genrelens_files_waiting", "Files that wait for a worker.", registry=self._registry)
        self.files = Counter(
            "genrelens_files", "Files that were judged, or could not be used.", ("outcome",), registry=self._registry
        )
        self.audio = Counter("genrelens_audio_seconds", "Seconds of audio that were judged.", registry=self._registry)
        self.sessions = Gauge("genrelens_live_sessions", "Clients that are listened to.", registry=self._registry)
        self.workers_lost = Counter(
            "genrelens_workers_lost", "Worker processes that died or were killed.", registry=self._registry
        )

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self._registry)
