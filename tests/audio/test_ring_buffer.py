from hypothesis import given
from hypothesis import strategies as st

from genrelens.audio.ring_buffer import RingBuffer


def test_chunks_are_taken_once_and_in_order() -> None:
    buffer: RingBuffer[str] = RingBuffer(3.0)
    buffer.put("a", 1.0)
    buffer.put("b", 2.0)
    assert buffer.take_all() == (["a", "b"], 0.0)
    assert buffer.take_all() == ([], 0.0)


def test_the_oldest_chunks_are_dropped_and_reported_once() -> None:
    buffer: RingBuffer[str] = RingBuffer(3.0)
    for name in "abcd":
        buffer.put(name, 1.5)
    buffer.add_lost(0.25)
    assert buffer.take_all() == (["c", "d"], 3.25)
    buffer.put("e", 1.0)
    assert buffer.take_all() == (["e"], 0.0)


@given(st.lists(st.integers(1, 40)), st.integers(1, 100))
def test_buffered_and_lost_audio_sum_to_the_input_within_the_limit(durations: list[int], max_seconds: int) -> None:
    buffer: RingBuffer[int] = RingBuffer(max_seconds)
    for seconds in durations:
        buffer.put(seconds, seconds)
    chunks, lost = buffer.take_all()
    assert chunks == durations[len(durations) - len(chunks) :]
    assert sum(chunks) + lost == sum(durations)
    assert sum(chunks) <= max_seconds or len(chunks) == 1
