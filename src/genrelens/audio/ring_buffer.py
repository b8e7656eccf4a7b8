"""Audio that waits to be heard: where it comes faster than it is heard, the oldest gives way."""

import threading
from collections import deque
from typing import Generic, TypeVar

Piece = TypeVar("Piece")


class RingBuffer(Generic[Piece]):
    """Pieces of audio with their lengths, no more than `longest` seconds of them; safe to use from several threads."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._pieces: deque[tuple[Piece, float]] = deque()
        self._held = 0.0  # s
        self._missed = 0.0
        self._lock = threading.Lock()

    def put(self, piece: Piece, seconds: float) -> None:
        """Add what has just come; older pieces are dropped to make room."""
        with self._lock:
            self._pieces.append((piece, seconds))
            self._held += seconds
            while self._held > self._longest and len(self._pieces) > 1:
                self._miss(self._pieces.popleft()[1])

    def add_lost(self, seconds: float) -> None:
        """Tell of audio that never came."""
        with self._lock:
            self._missed += seconds

    def take_all(self) -> tuple[list[Piece], float]:
        """All that waits, in its order, and how many seconds were dropped before it since the last time."""
        with self._lock:
            pieces, missed = [piece for piece, _ in self._pieces], self._missed
            self._pieces.clear()
            self._held = self._missed = 0.0
        return pieces, missed

    def _miss(self, seconds: float) -> None:
        self._held -= seconds
        self._missed += seconds
