"""How much a server listens to."""

from pydantic import BaseModel, ConfigDict

from genrelens.web.settings import Count, Seconds


class LiveLimits(BaseModel):
    """What is too much, or takes too long.

    Attributes:
        sessions: at once; one of `lens` takes about 6 % of a core.
        share: of these, for one client.
        greeting_seconds: in which a client must say hello.
        idle_seconds: after which a session ends that nothing comes from.
        paused_seconds: the same for one that pauses.
        longest_seconds: of audio in a session.
        behind_seconds: of audio that may wait to be heard; what is older is dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Count = 8
    share: Count = 4
    greeting_seconds: Seconds = 10.0
    idle_seconds: Seconds = 30.0
    paused_seconds: Seconds = 900.0
    longest_seconds: Seconds = 12 * 3600.0
    behind_seconds: Seconds = 3.0
