"""How many requests with files are under way at once, in all and for each client; the others are turned away."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from genrelens.errors import OverloadedError, ShareExceededError


class Gate:
    """Lets requests in up to `most`, and up to `share` for one client. Nothing waits here."""

    def __init__(self, most: int, share: int) -> None:
        self._most = most
        self._share = share
        self._inside: Counter[str] = Counter()

    @contextlib.contextmanager
    def entered(self, client: str) -> Iterator[None]:
        """Be inside while the block runs.

        Raises:
            ShareExceededError: this client has its share inside.
            OverloadedError: all places are taken.
        """
        if self._inside[client] >= self._share:
            raise ShareExceededError(f"{self._share} of your requests are under way; wait until one is answered")
        if self._inside.total() >= self._most:
            raise OverloadedError(f"{self._most} requests are under way, and no more can be taken; try again soon")
        self._inside[client] += 1
        try:
            yield
        finally:
            self._inside[client] -= 1
            self._inside += Counter()  # forget who has nothing inside
