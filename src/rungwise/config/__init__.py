"""What did the owner ask for? YAML and environment in, one frozen Config out."""

from rungwise.config.access import (
    AccessConfig,
    CapConfig,
    LimitsConfig,
)
from rungwise.config.cache import (
    AnswerCacheConfig,
)
from rungwise.config.document import (
    Config,
    LedgerConfig,
    ServerConfig,
)
from rungwise.config.gates import (
    AgreementConfig,
    ChecksConfig,
    GateConfig,
    JudgeConfig,
    ProbeConfig,
    SelfCheckConfig,
)
from rungwise.config.guards import (
    GuardsConfig,
    SpillConfig,
)
from rungwise.config.load import (
    api_keys,
    has_variable,
    load,
)
from rungwise.config.prices import (
    BoxConfig,
    LongContextConfig,
    PriceConfig,
    PricesConfig,
    RatesConfig,
)
from rungwise.config.routing import (
    RouteConfig,
    RoutingConfig,
)
from rungwise.config.tiers import (
    AnthropicTierConfig,
    EngineConfig,
    HostedTierConfig,
    OpenAITierConfig,
    PluginTierConfig,
    ResponsesTierConfig,
    TierConfig,
    Tiers,
    VllmTierConfig,
)

__all__ = [
    "AccessConfig",
    "AgreementConfig",
    "AnswerCacheConfig",
    "AnthropicTierConfig",
    "BoxConfig",
    "CapConfig",
    "ChecksConfig",
    "Config",
    "EngineConfig",
    "GateConfig",
    "GuardsConfig",
    "HostedTierConfig",
    "JudgeConfig",
    "LedgerConfig",
    "LimitsConfig",
    "LongContextConfig",
    "OpenAITierConfig",
    "PluginTierConfig",
    "PriceConfig",
    "PricesConfig",
    "ProbeConfig",
    "RatesConfig",
    "ResponsesTierConfig",
    "RouteConfig",
    "RoutingConfig",
    "SelfCheckConfig",
    "ServerConfig",
    "SpillConfig",
    "TierConfig",
    "Tiers",
    "VllmTierConfig",
    "api_keys",
    "has_variable",
    "load",
]
