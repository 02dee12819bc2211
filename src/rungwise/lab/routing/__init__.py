"""How good is a policy on recorded steps? Accuracy against cost, policy by policy."""
