"""From labelled steps to a predictor of difficulty, and into force."""
