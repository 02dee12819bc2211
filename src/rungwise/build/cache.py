"""Where are answers remembered? The one policy around the shelf that was asked for."""

from __future__ import annotations

from hashlib import sha256

from rungwise.cache.keeping import Keeping, Shelf
from rungwise.cache.memory import MemoryShelf
from rungwise.cache.off import NoCache
from rungwise.cache.redis import RedisShelf
from rungwise.cache.sql import SqlShelf
from rungwise.config import Config
from rungwise.contracts import Cache
from rungwise.store.sql import Store
from rungwise.tiers.revision import revision_of

__all__ = ["build_cache"]


def build_cache(config: Config, store: Store) -> Cache:
    own = config.answer_cache
    most = int(own.max_mib * 2**20)
    shelf: Shelf
    match own.store:
        case "off":
            return NoCache()
        case "memory":
            shelf = MemoryShelf(ttl_s=own.ttl_s, most_bytes=most)
        case "sql":
            shelf = SqlShelf(store, ttl_s=own.ttl_s, most_bytes=most)
        case "redis":
            shelf = RedisShelf(own.redis_url.get_secret_value(), ttl_s=own.ttl_s)
    return Keeping(
        shelf, ladder=_digest(config), any_temperature=own.any_temperature, most_bytes=most
    )


def _digest(config: Config) -> str:
    """Of who may answer, and of how that is judged: a changed ladder forgets what it said."""
    told = config.model_dump_json(include={"tiers", "gates", "checks", "routing"})
    revisions = [revision_of(tier, config.engine_of(tier)) for tier in config.tiers]
    files = [gate.calibration for gate in config.gates]
    files += [config.routing.classifier, config.routing.difficulty]
    fits = [file.read_text() for file in files if file is not None]
    return sha256("\n".join([told, *revisions, *fits]).encode()).hexdigest()
