"""May an answer be given twice? The answer cache."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, model_validator

from rungwise.config.section import Secret, Section, VariableName


class AnswerCacheConfig(Section):
    store: Literal["off", "memory", "sql", "redis"] = "off"
    ttl_s: float = Field(default=3600.0, gt=0)
    max_mib: float = Field(
        default=64.0, gt=0, description="the oldest answers go first; redis: set its maxmemory"
    )
    any_temperature: bool = Field(
        default=False,
        description="also answers that were drawn at a temperature above 0; else only where the "
        "caller asks with x-rungwise-recall: true",
    )
    redis_url_env: VariableName | None = Field(
        default=None, description="the variable with the address of Redis"
    )
    redis_url: Secret = SecretStr("")

    @model_validator(mode="after")
    def _has_an_address(self) -> AnswerCacheConfig:
        if (self.store == "redis") != (self.redis_url_env is not None):
            raise ValueError("`store: redis` and `redis_url_env` go together")
        return self
