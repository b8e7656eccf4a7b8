"""Logs as JSON, one object a line."""

import json
import logging
from collections import Counter
from datetime import UTC, datetime

FIELDS = "fields"  # the attribute of a record with what is told beside the message


class JsonLines(logging.Formatter):
    """Writes a record as one line of ASCII, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class Sparing(logging.Filter):
    """Lets each logger tell of so much trouble in a second and no more: there may be no end to it."""

    def __init__(self, most: int = 10) -> None:
        super().__init__()
        self._most = most
        self._told: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if record.levelno < logging.WARNING:
            return True
        second = int(record.created)
        if any(other != second for _, other in self._told):
            self._told.clear()
        self._told[record.name, second] += 1
        return self._told[record.name, second] <= self._most


def log_json() -> None:
    """Write all logs of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    handler.addFilter(Sparing())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("python_multipart").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # that it starts and ends is told in our own words
