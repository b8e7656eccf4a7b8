"""How a server is set up: what it offers, to whom, and how much of it at once."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

_KEY = re.compile("[!-~]+")


def _sendable(key: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("an API key has letters, digits and signs of ASCII alone, and no spaces; make another")
    return key


Key = Annotated[SecretStr, AfterValidator(_sendable)]  # what fits into a header
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]

MB = 1 << 20


class LiveLimits(BaseModel):
    """How much a server listens to: what is too much, or takes too long.

    Attributes:
        greetings: that are awaited at once; a quarter of them for one address.
        sessions: at once; one of `lens` takes about 6 % of a core.
        share: of these, for one client.
        greeting_seconds: in which a client must say hello.
        idle_seconds: without audio, after which a session ends.
        paused_seconds: the same for one that pauses.
        longest_seconds: that a session may last.
        behind_seconds: of audio that may wait to be heard; what is older is dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    greetings: Count = 64
    sessions: Annotated[int, Field(ge=0)] = 8
    share: Count = 4
    greeting_seconds: Seconds = 10.0
    idle_seconds: Seconds = 30.0
    paused_seconds: Seconds = 900.0
    longest_seconds: Seconds = 12 * 3600.0
    behind_seconds: Seconds = 3.0


class Settings(BaseModel):
    """All that a server can be told.

    The most that uploads take on disk is `max_bytes` times `max_requests`. A worker with `lens` has 120 MB in
    memory when idle; the server itself has 60.

    Attributes:
        models: names, paths or addresses, as `genrelens.model.zoo.find` takes them; the first is asked by default.
        api_keys: one of which a request must have as a bearer token; with none, all may ask.
        cors: origins of pages that may ask from a browser, such as "https://example.org"; "*" for all.
        hosts: names under which the server may be asked, without a port; with none, any. A page from elsewhere whose
            name is made to point here (DNS rebinding) asks under that name.
        workers: processes that decode and judge, each with all models loaded.
        worker_mb: data (heap and stacks) of a worker, in MiB; it is ended at once if it wants more.
        max_bytes: of the body of a request.
        max_files: in a request.
        max_seconds: of audio in a file.
        file_seconds: wall-clock time that a worker may take over a file.
        upload_seconds: in which the body of a request must arrive.
        wait_seconds: that a file waits for a worker before it is turned down; more than one file may take.
        request_seconds: in which the files of a request must be begun; those left over are turned down.
        max_connections: that are open at once; half of them from one address.
        header_seconds: in which a connection must bring a request, but for its body.
        max_requests: with files, that are under way at once.
        max_share: of these, for one client: an address, with an API key where there are some.
        shutdown_seconds: that requests under way have to finish when the server ends.
        live: how much is listened to.
        library: the catalog of a music library that may be looked into and listened to; none if not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("lens",)
    api_keys: tuple[Key, ...] = ()
    cors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    workers: Count = 1
    worker_mb: Count = 320
    max_bytes: Count = 64 * MB
    max_files: Count = 16
    max_seconds: Seconds = 3600.0
    file_seconds: Seconds = 60.0
    upload_seconds: Seconds = 120.0
    wait_seconds: Seconds = 90.0
    request_seconds: Seconds = 300.0
    max_connections: Count = 256
    header_seconds: Seconds = 10.0
    max_requests: Count = 16
    max_share: Count = 4
    shutdown_seconds: Seconds = 30.0
    live: LiveLimits = LiveLimits()
    library: Path | None = None
