"""API keys, and the identity of clients."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from genrelens.errors import GenrelensError, UnauthorisedError
from genrelens.web.core.openapi import Responses, problem_responses
from genrelens.web.core.settings import Settings


def require_key(token: str, keys: Sequence[SecretStr]) -> None:
    """Require that a token is one of the keys; without keys, any token is accepted.

    Raises:
        UnauthorisedError: the token is not one of the keys.
    """
    # Each key is compared, in constant time, so that timing reveals neither a prefix nor the position.
    matches = [hmac.compare_digest(token.encode(), key.get_secret_value().encode()) for key in keys]
    if keys and not any(matches):
        raise UnauthorisedError("an API key is required; send it as `Authorization: Bearer KEY`")


def keyed_route(settings: Settings, success: dict[str, Any], *kinds: type[GenrelensError]) -> dict[str, Any]:
    """Return FastAPI's options for a route that requires an API key if the server has any.

    Args:
        settings: settings of the server.
        success: documentation of the successful response.
        kinds: documented errors, besides the one for a missing key.
    """
    responses: Responses = {200: success, **problem_responses(UnauthorisedError, *kinds)}
    if not settings.api_keys:
        return {"responses": responses}

    def check(request: Request) -> None:
        require_key(bearer_token(request), settings.api_keys)

    # The bearer scheme is there for the OpenAPI document to declare it.
    return {"responses": responses, "dependencies": [Depends(HTTPBearer(auto_error=False)), Depends(check)]}


def client_id(connection: HTTPConnection, token: str, keys: Sequence[SecretStr]) -> str:
    """Return what identifies a client: its IP address and, if the server has keys, a digest of its token."""
    host = connection.client.host if connection.client else ""
    return f"{host} {hashlib.sha256(token.encode()).hexdigest()}" if keys else host


def bearer_token(connection: HTTPConnection) -> str:
    """Return the bearer token of a request or WebSocket handshake, or an empty string."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
