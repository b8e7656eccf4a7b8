"""A buffer for audio that arrives faster than it is processed: the oldest is dropped."""

import threading
from collections import deque
from typing import Generic, TypeVar

Chunk = TypeVar("Chunk")


class RingBuffer(Generic[Chunk]):
    """A thread-safe buffer of audio chunks, up to `max_seconds` in total."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._chunks: deque[tuple[Chunk, float]] = deque()
        self._buffered = 0.0  # s
        self._lost = 0.0  # s
        self._lock = threading.Lock()

    def put(self, chunk: Chunk, seconds: float) -> None:
        """Add a chunk of this duration, and drop older chunks to make room."""
        with self._lock:
            self._chunks.append((chunk, seconds))
            self._buffered += seconds
            while self._buffered > self._max_seconds and len(self._chunks) > 1:
                _, dropped = self._chunks.popleft()
                self._buffered -= dropped
                self._lost += dropped

    def add_lost(self, seconds: float) -> None:
        """Count audio that was lost before it reached the buffer."""
        with self._lock:
            self._lost += seconds

    def take_all(self) -> tuple[list[Chunk], float]:
        """Remove and return all chunks in order, and the seconds lost since the last call."""
        with self._lock:
            chunks, lost = [chunk for chunk, _ in self._chunks], self._lost
            self._chunks.clear()
            self._buffered = self._lost = 0.0
        return chunks, lost
