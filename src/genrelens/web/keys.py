"""Who asks: a client with one of the server's keys, or, where there are none, an address."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import SecretStr

from genrelens.errors import UnauthorisedError
from genrelens.web.settings import Settings

_SCHEME = "bearer"


def require_key(request: Request, keys: Sequence[SecretStr]) -> None:
    """Let a request pass that has one of the keys as its bearer token, or any if there are no keys.

    Raises:
        UnauthorisedError: it has none of them.
    """
    if keys and not _is_one_of(_token(request), keys):
        raise UnauthorisedError("this server wants an API key; send it as `Authorization: Bearer KEY`")


def keyed(settings: Settings) -> list[Any]:
    """What a route depends on that only clients with a key may ask; it is documented where there are keys."""
    if not settings.api_keys:
        return []

    def check(request: Request) -> None:
        require_key(request, settings.api_keys)

    return [Depends(HTTPBearer(auto_error=False)), Depends(check)]


def client_of(request: Request, keys: Sequence[SecretStr]) -> str:
    """What tells clients apart: their key, of which a digest is kept, or their address."""
    if keys:
        return hashlib.sha256(_token(request).encode()).hexdigest()
    return request.client.host if request.client else ""


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else ""


def _is_one_of(token: str, keys: Sequence[SecretStr]) -> bool:
    """All keys are compared, each in a time that does not depend on where it differs."""
    found = False
    for key in keys:
        found |= hmac.compare_digest(token.encode(), key.get_secret_value().encode())
    return found
