from hypothesis import given
from hypothesis import strategies as st

from genrelens.audio.ring_buffer import RingBuffer


def test_what_is_taken_came_in_that_order_and_is_gone() -> None:
    backlog: RingBuffer[str] = RingBuffer(3.0)
    backlog.put("a", 1.0)
    backlog.put("b", 2.0)
    assert backlog.take_all() == (["a", "b"], 0.0)
    assert backlog.take_all() == ([], 0.0)


def test_the_oldest_gives_way_and_is_told_of_once() -> None:
    backlog: RingBuffer[str] = RingBuffer(3.0)
    for name in "abcd":
        backlog.put(name, 1.5)
    backlog.add_lost(0.25)
    assert backlog.take_all() == (["c", "d"], 3.25)
    backlog.put("e", 1.0)
    assert backlog.take_all() == (["e"], 0.0)


@given(st.lists(st.integers(1, 40)), st.integers(1, 100))
def test_nothing_is_lost_from_sight_and_no_more_is_held_than_that(lengths: list[int], longest: int) -> None:
    backlog: RingBuffer[int] = RingBuffer(longest)
    for length in lengths:
        backlog.put(length, length)
    held, missed = backlog.take_all()
    assert held == lengths[len(lengths) - len(held) :]
    assert sum(held) + missed == sum(lengths)
    assert sum(held) <= longest or len(held) == 1
