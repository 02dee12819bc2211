"""What does it bring to remember a conversation? A simulation."""
