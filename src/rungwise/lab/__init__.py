"""What does the data say? Offline only: suite, calibration, evaluation, plots."""
