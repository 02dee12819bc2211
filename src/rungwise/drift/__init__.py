"""Is something no longer as it was? Detectors with a stated rate of false alarms, and alarms."""
