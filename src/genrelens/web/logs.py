"""Logs as JSON, one object a line."""

import json
import logging
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


def log_json() -> None:
    """Write all logs of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("python_multipart").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # that it starts and ends is told in our own words
