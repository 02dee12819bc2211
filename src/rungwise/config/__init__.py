"""What did the owner ask for? YAML and environment in, one frozen Config out."""

from rungwise.config.access import (
    AccessConfig,
    CapConfig,
    EscalationAlarmConfig,
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
    IDLE,
    AffinityConfig,
    ChoiceConfig,
    RouteConfig,
    RoutingConfig,
    RuleConfig,
    WorthConfig,
)
from rungwise.config.tiers import (
    AdapterTierConfig,
    AnthropicTierConfig,
    EngineConfig,
    HostedTierConfig,
    OpenAITierConfig,
    PluginTierConfig,
    ResponsesTierConfig,
    RestartConfig,
    SpeculativeConfig,
    TierConfig,
    Tiers,
    VllmTierConfig,
)

__all__ = [
    "IDLE",
    "AccessConfig",
    "AdapterTierConfig",
    "AffinityConfig",
    "AgreementConfig",
    "AnswerCacheConfig",
    "AnthropicTierConfig",
    "BoxConfig",
    "CapConfig",
    "ChecksConfig",
    "ChoiceConfig",
    "Config",
    "EngineConfig",
    "EscalationAlarmConfig",
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
    "RestartConfig",
    "RouteConfig",
    "RoutingConfig",
    "RuleConfig",
    "SelfCheckConfig",
    "ServerConfig",
    "SpeculativeConfig",
    "SpillConfig",
    "TierConfig",
    "Tiers",
    "VllmTierConfig",
    "WorthConfig",
    "api_keys",
    "has_variable",
    "load",
]
