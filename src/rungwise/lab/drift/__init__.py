"""How good are the detectors of drift? Simulated streams, whose truth is known."""
