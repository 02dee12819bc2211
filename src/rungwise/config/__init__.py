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
from rungwise.config.watching import (
    AuditsConfig,
    DriftConfig,
    GoldenConfig,
    OutcomesConfig,
    TracesConfig,
)

__all__ = [
    "IDLE",
    "AccessConfig",
    "AdapterTierConfig",
    "AffinityConfig",
    "AgreementConfig",
    "AnswerCacheConfig",
    "AnthropicTierConfig",
    "AuditsConfig",
    "BoxConfig",
    "CapConfig",
    "ChecksConfig",
    "ChoiceConfig",
    "Config",
    "DriftConfig",
    "EngineConfig",
    "EscalationAlarmConfig",
    "GateConfig",
    "GoldenConfig",
    "GuardsConfig",
    "HostedTierConfig",
    "JudgeConfig",
    "LedgerConfig",
    "LimitsConfig",
    "LongContextConfig",
    "OpenAITierConfig",
    "OutcomesConfig",
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
    "TracesConfig",
    "VllmTierConfig",
    "WorthConfig",
    "api_keys",
    "has_variable",
    "load",
]
