import pytest

from genrelens.errors import OverloadedError, ShareExceededError
from genrelens.web.core.concurrency import ConcurrencyLimiter


def test_each_client_has_its_share_and_all_together_the_rest() -> None:
    gate = ConcurrencyLimiter(3, 2, "requests")
    with gate.entered("a"), gate.entered("a"):
        with pytest.raises(ShareExceededError), gate.entered("a"):
            pass
        with gate.entered("b"), pytest.raises(OverloadedError), gate.entered("c"):
            pass
        with gate.entered("c"):
            pass


def test_a_gate_of_no_places_is_told_as_such() -> None:
    with (
        pytest.raises(OverloadedError, match="takes no live sessions"),
        ConcurrencyLimiter(0, 4, "live sessions").entered("a"),
    ):
        pass


def test_places_are_free_again_whatever_happened_inside() -> None:
    gate = ConcurrencyLimiter(1, 1, "requests")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.entered("a"):
            raise ZeroDivisionError
    with gate.entered("a"):
        pass
