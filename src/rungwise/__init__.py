"""rungwise: a cascade server that lets open models answer first and climbs when in doubt."""

__version__ = "0.1.0"

__all__ = ["__version__"]
