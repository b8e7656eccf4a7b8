"""Who asks: an address, with one of the server's keys where it has some."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from genrelens.errors import UnauthorisedError
from genrelens.web.core.settings import Settings

_SCHEME = "bearer"


def require_key(token: str, keys: Sequence[SecretStr]) -> None:
    """Let pass who has one of the keys as its token, or anybody if there are no keys.

    Raises:
        UnauthorisedError: it is none of them.
    """
    if keys and not _is_one_of(token, keys):
        raise UnauthorisedError("this server wants an API key; send it as `Authorization: Bearer KEY`")


def keyed(settings: Settings) -> list[Any]:
    """What a route depends on that only clients with a key may ask; it is documented where there are keys."""
    if not settings.api_keys:
        return []

    def check(request: Request) -> None:
        require_key(token_of(request), settings.api_keys)

    return [Depends(HTTPBearer(auto_error=False)), Depends(check)]


def client_of(connection: HTTPConnection, token: str, keys: Sequence[SecretStr]) -> str:
    """What tells clients apart: their address and, where there are keys, theirs, of which a digest is kept."""
    address = connection.client.host if connection.client else ""
    return f"{address} {hashlib.sha256(token.encode()).hexdigest()}" if keys else address


def token_of(connection: HTTPConnection) -> str:
    """The bearer token of a request, or of the handshake of a websocket; empty if there is none."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else ""


def _is_one_of(token: str, keys: Sequence[SecretStr]) -> bool:
    """All keys are compared, each in a time that does not depend on where it differs."""
    found = False
    for key in keys:
        found |= hmac.compare_digest(token.encode(), key.get_secret_value().encode())
    return found
