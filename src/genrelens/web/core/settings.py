"""Server settings: the one place that states limits, their defaults and their bounds."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from genrelens.records import FrozenModel

MB = 1 << 20

_HEADER_TOKEN = re.compile("[!-~]+")


def _require_header_token(key: SecretStr) -> SecretStr:
    if not _HEADER_TOKEN.fullmatch(key.get_secret_value()):
        raise ValueError("an API key must consist of printable ASCII characters without spaces; choose another key")
    return key


ApiKey = Annotated[SecretStr, AfterValidator(_require_header_token)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class LiveLimits(FrozenModel):
    """Limits of live classification."""

    max_handshakes: Count = Field(
        64, description="Connections that have not sent their hello yet; a quarter of them from one IP address."
    )
    max_sessions: Annotated[int, Field(ge=0)] = Field(
        8, description="Concurrent live sessions; one with `lens` takes about 6 % of a core."
    )
    max_share: Count = Field(4, description="Concurrent live sessions of one client.")
    hello_seconds: Seconds = Field(10.0, description="Time for a client to send its hello.")
    idle_seconds: Seconds = Field(30.0, description="Time without audio after which a session ends.")
    paused_seconds: Seconds = Field(900.0, description="Time after which a paused session ends.")
    session_seconds: Seconds = Field(12 * 3600.0, description="Maximum duration of a session.")
    backlog_seconds: Seconds = Field(3.0, description="Unprocessed audio to buffer; the oldest is dropped first.")


class Settings(FrozenModel):
    """Settings of a server.

    Uploads occupy at most `max_mb` times `max_requests` of disk space. An idle worker with `lens` uses 120 MB of
    memory, the server process 60 MB.
    """

    models: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        ("lens",), description="Names, paths or URLs of the models to serve; the first one is the default."
    )
    api_keys: tuple[ApiKey, ...] = Field(
        (), description="API keys, one of which must be sent as a bearer token; none disables authentication."
    )
    cors: tuple[str, ...] = Field(
        (), description='Allowed CORS origins, such as "https://example.org"; "*" allows all.'
    )
    hosts: tuple[str, ...] = Field(
        (),
        description="Accepted names in the Host header, without port; none accepts all. "
        "Protects against DNS rebinding: a page whose own host name resolves to this server.",
    )
    workers: Count = Field(1, description="Worker processes that decode and classify; each loads all models.")
    worker_mb: Count = Field(
        320, description="Memory (heap and stacks) of each worker process, in MB; a worker that exceeds it is killed."
    )
    max_mb: Count = Field(64, description="Maximum size of a request, in MB.")
    max_files: Count = Field(16, description="Maximum number of files in a request.")
    max_seconds: Seconds = Field(3600.0, description="Maximum duration of an audio file, in seconds.")
    file_seconds: Seconds = Field(60.0, description="Maximum time to process a file, in seconds.")
    upload_seconds: Seconds = Field(120.0, description="Maximum time to receive a request, in seconds.")
    wait_seconds: Seconds = Field(
        90.0, description="Maximum time that a file waits for a worker, in seconds; should exceed --file-seconds."
    )
    request_seconds: Seconds = Field(
        300.0, description="Time within which processing of every file of a request must have started, in seconds."
    )
    shutdown_seconds: Seconds = Field(30.0, description="Time for requests to finish at shutdown, in seconds.")
    max_connections: Count = Field(
        256, description="Maximum number of open connections; half of them from one IP address."
    )
    header_seconds: Seconds = Field(10.0, description="Time for a connection to send the headers of a request.")
    max_requests: Count = Field(16, description="Maximum number of concurrent requests with files.")
    max_share: Count = Field(
        4,
        description="Maximum number of concurrent requests with files from one client "
        "(an IP address, combined with the API key where keys are in use).",
    )
    live: LiveLimits = LiveLimits()
    library: Path | None = Field(None, description="Catalog of the music library to serve.")

    @property
    def max_bytes(self) -> int:
        """Maximum size of a request, in bytes."""
        return self.max_mb * MB
