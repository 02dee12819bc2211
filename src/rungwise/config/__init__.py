"""What did the owner ask for? YAML and environment in, one frozen Config out."""

from rungwise.config.document import Config, LedgerConfig, ServerConfig
from rungwise.config.gates import (
    AgreementConfig,
    ChecksConfig,
    GateConfig,
    JudgeConfig,
    ProbeConfig,
    SelfCheckConfig,
)
from rungwise.config.load import api_keys, has_variable, load
from rungwise.config.routing import RouteConfig, RoutingConfig
from rungwise.config.tiers import (
    AnthropicTierConfig,
    EngineConfig,
    HostedTierConfig,
    OpenAITierConfig,
    PluginTierConfig,
    PriceConfig,
    TierConfig,
    Tiers,
    VllmTierConfig,
)

__all__ = [
    "AgreementConfig",
    "AnthropicTierConfig",
    "ChecksConfig",
    "Config",
    "EngineConfig",
    "GateConfig",
    "HostedTierConfig",
    "JudgeConfig",
    "LedgerConfig",
    "OpenAITierConfig",
    "PluginTierConfig",
    "PriceConfig",
    "ProbeConfig",
    "RouteConfig",
    "RoutingConfig",
    "SelfCheckConfig",
    "ServerConfig",
    "TierConfig",
    "Tiers",
    "VllmTierConfig",
    "api_keys",
    "has_variable",
    "load",
]
