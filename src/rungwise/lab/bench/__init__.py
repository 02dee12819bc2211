"""What does it cost? Measured on this machine, against something that is running beside it."""
