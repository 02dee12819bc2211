"""Recorded ladders: steps that every rung of a ladder answered."""
