"""Is the draft what was asked for?"""
