import json
import logging

from genrelens.web.core.telemetry import LOG_FIELDS, JsonFormatter, RateLimitFilter


def test_warnings_and_errors_are_limited_per_logger_and_second() -> None:
    rate_limit = RateLimitFilter(limit=3)

    def passes(name: str, level: int, second: float) -> bool:
        record = logging.LogRecord(name, level, "", 0, "too many open files", (), None)
        record.created = second
        return bool(rate_limit.filter(record))

    assert [passes("asyncio", logging.ERROR, 1.1) for _ in range(5)] == [True] * 3 + [False] * 2
    assert passes("genrelens", logging.ERROR, 1.2)
    assert all(passes("asyncio", logging.INFO, 1.3) for _ in range(5))
    assert passes("asyncio", logging.ERROR, 2.0)


def test_a_record_is_one_line_of_ascii_json() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "b\nc %s", ("ü\x1b",), None)
    setattr(record, LOG_FIELDS, {"path": "\r\n{}"})
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    content = json.loads(line)
    assert content["message"] == "b\nc ü\x1b"
    assert content["path"] == "\r\n{}"
