"""`python -m rungwise`: light, because vLLM's engine processes import the main module again."""

import sys

from rungwise.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
