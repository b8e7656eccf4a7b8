import pytest

from genrelens.errors import OverloadedError, ShareExceededError
from genrelens.web.gate import Gate


def test_each_client_has_its_share_and_all_together_the_rest() -> None:
    gate = Gate(most=3, share=2)
    with gate.entered("a"), gate.entered("a"):
        with pytest.raises(ShareExceededError), gate.entered("a"):
            pass
        with gate.entered("b"), pytest.raises(OverloadedError), gate.entered("c"):
            pass
        with gate.entered("c"):
            pass


def test_places_are_free_again_whatever_happened_inside() -> None:
    gate = Gate(most=1, share=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.entered("a"):
            raise ZeroDivisionError
    with gate.entered("a"):
        pass
