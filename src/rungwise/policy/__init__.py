"""Which rung first, and how far up?"""
