"""How much is under way at once, in all and for each client; the rest is turned away."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from genrelens.errors import OverloadedError, ShareExceededError


class Gate:
    """Lets requests in, or what else there is, up to `most`, and up to `share` for one client. Nothing waits here."""

    def __init__(self, most: int, share: int, what: str) -> None:
        self._what = what
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
        if not self._most:
            raise OverloadedError(f"this server takes no {self._what}; ask whoever runs it")
        if self._inside[client] >= self._share:
            raise ShareExceededError(f"{self._share} of your {self._what} are under way; wait until one has ended")
        if self._inside.total() >= self._most:
            raise OverloadedError(f"{self._most} {self._what} are under way, and no more can be taken; try again soon")
        self._inside[client] += 1
        try:
            yield
        finally:
            self._inside[client] -= 1
            self._inside += Counter()  # forget who has nothing inside
