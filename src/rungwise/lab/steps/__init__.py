"""The step suite: small agent steps with exact checkers, a difficulty knob and disjoint splits."""

from rungwise.lab.steps.pools import Split
from rungwise.lab.steps.step import Step
from rungwise.lab.steps.suite import EVEN, MIX, STEP_TYPES, SYSTEM, generate

__all__ = ["EVEN", "MIX", "STEP_TYPES", "SYSTEM", "Split", "Step", "generate"]
