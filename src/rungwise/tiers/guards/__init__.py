"""What stands between the ladder and a hosted API? Equals and keys, limit, breaker, retries."""
