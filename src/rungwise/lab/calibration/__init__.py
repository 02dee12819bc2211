"""From labelled readings to P(acceptable), and to thresholds that keep a promise."""
