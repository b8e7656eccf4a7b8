"""The base class of all immutable records."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A pydantic model that is immutable, hashable and rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
