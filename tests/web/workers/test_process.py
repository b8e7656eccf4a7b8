import pytest

from genrelens.errors import TooShortError, WorkerError
from genrelens.prediction import ErrorInfo, Failure
from genrelens.web.workers.process import error_from


def test_an_error_keeps_its_class_and_message_across_the_process() -> None:
    error = error_from(Failure.from_error("a", TooShortError("too short")))
    assert type(error) is TooShortError
    assert str(error) == "too short"


@pytest.mark.parametrize("name", ["os", "display_name", "ZeroDivisionError", "NoSuchError", ""])
def test_an_error_of_an_unknown_type_becomes_a_worker_error(name: str) -> None:
    error = error_from(Failure(path="a", error=ErrorInfo(type=name, message="out of order")))
    assert type(error) is WorkerError
    assert str(error) == "out of order"
